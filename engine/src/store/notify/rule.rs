//! Rules, and whom they tell.

use std::collections::HashMap;

use etiqa_model::notify::{NewRule, Rule};
use etiqa_model::{ChannelId, NotifyRuleId, Timestamp};
use sqlx::any::AnyRow;

use crate::db::{Db, Filter, Result, RowExt, Tx, json_text};

const SELECT: &str = "SELECT r.id, r.name, r.enabled, r.settings, \
     (SELECT COUNT(*) FROM notify_open o WHERE o.rule_id = r.id) AS open, \
     (SELECT COUNT(*) FROM notify_held h WHERE h.rule_id = r.id) AS held \
     FROM notify_rule r";

/// Every rule, by name.
pub async fn rule_list(db: &Db) -> Result<Vec<Rule>> {
    rules(db, &Filter::new()).await
}

/// Those that tell anything, by name.
pub async fn rule_list_enabled(db: &Db) -> Result<Vec<Rule>> {
    let mut filter = Filter::new();
    filter.and("r.enabled = 1");
    rules(db, &filter).await
}

/// One, by name.
pub async fn rule_fetch_by_name(db: &Db, name: &str) -> Result<Option<Rule>> {
    let mut filter = Filter::new();
    filter.and_text("r.name = ?", name);
    Ok(rules(db, &filter).await?.pop())
}

/// One, by id.
pub async fn rule_fetch(db: &Db, id: NotifyRuleId) -> Result<Option<Rule>> {
    let mut filter = Filter::new();
    filter.and_int("r.id = ?", id.0);
    Ok(rules(db, &filter).await?.pop())
}

async fn rules(db: &Db, filter: &Filter) -> Result<Vec<Rule>> {
    let rows = filter.query(SELECT, " ORDER BY r.name").fetch_all(db.reader()).await?;
    let mut rules = rows.iter().map(rule).collect::<Result<Vec<_>>>()?;
    let rows =
        sqlx::query("SELECT rule_id, channel_id FROM notify_rule_channel ORDER BY rule_id, channel_id")
            .fetch_all(db.reader())
            .await?;
    let mut channels: HashMap<i64, Vec<ChannelId>> = HashMap::new();
    for row in &rows {
        channels.entry(row.int("rule_id")?).or_default().push(ChannelId(row.int("channel_id")?));
    }
    for rule in &mut rules {
        rule.channels = channels.remove(&rule.id.0).unwrap_or_default();
    }
    Ok(rules)
}

fn rule(row: &AnyRow) -> Result<Rule> {
    Ok(Rule {
        id: NotifyRuleId(row.int("id")?),
        name: row.text("name")?,
        enabled: row.flag("enabled")?,
        settings: row.json("settings")?,
        channels: Vec::new(),
        open: row.count("open")?,
        held: row.count("held")?,
    })
}

/// Adds one; a unique violation when its name is taken.
pub async fn rule_insert_in_txn(tx: &mut Tx, new: &NewRule, now: Timestamp) -> Result<NotifyRuleId> {
    let row = sqlx::query(
        "INSERT INTO notify_rule (name, enabled, settings, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $4) RETURNING id",
    )
    .bind(new.name.clone())
    .bind(i64::from(new.enabled))
    .bind(json_text(&new.settings)?)
    .bind(now.millis())
    .fetch_one(&mut **tx)
    .await?;
    let id = NotifyRuleId(row.int("id")?);
    channels_save_in_txn(tx, id, &new.channels).await?;
    Ok(id)
}

/// Replaces one; false when there is none with this id.
pub async fn rule_update_in_txn(
    tx: &mut Tx,
    id: NotifyRuleId,
    new: &NewRule,
    now: Timestamp,
) -> Result<bool> {
    let done = sqlx::query(
        "UPDATE notify_rule SET name = $2, enabled = $3, settings = $4, updated_at = $5 WHERE id = $1",
    )
    .bind(id.0)
    .bind(new.name.clone())
    .bind(i64::from(new.enabled))
    .bind(json_text(&new.settings)?)
    .bind(now.millis())
    .execute(&mut **tx)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query("DELETE FROM notify_rule_channel WHERE rule_id = $1").bind(id.0).execute(&mut **tx).await?;
    channels_save_in_txn(tx, id, &new.channels).await?;
    Ok(true)
}

/// Removes one, with what it holds; false when there is none with this id.
pub async fn rule_delete_in_txn(tx: &mut Tx, id: NotifyRuleId) -> Result<bool> {
    let done = sqlx::query("DELETE FROM notify_rule WHERE id = $1").bind(id.0).execute(&mut **tx).await?;
    Ok(done.rows_affected() > 0)
}

async fn channels_save_in_txn(tx: &mut Tx, id: NotifyRuleId, channels: &[ChannelId]) -> Result<()> {
    for channel in channels {
        sqlx::query(
            "INSERT INTO notify_rule_channel (rule_id, channel_id) VALUES ($1, $2)
             ON CONFLICT (rule_id, channel_id) DO NOTHING",
        )
        .bind(id.0)
        .bind(channel.0)
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}
