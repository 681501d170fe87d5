//! What lasts, for each rule that told of it; and what rules hold until a digest, or until quiet hours end.

use etiqa_model::notify::{Item, NotifyEvent};
use etiqa_model::{NotifyRuleId, Timestamp};
use sqlx::any::AnyRow;

use crate::db::{Db, Filter, Result, RowExt, Tx, json_text};

/// Something that lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// Which rule told of it.
    pub rule: NotifyRuleId,
    /// Names it: `device:7`.
    pub about: String,
    /// What it is.
    pub event: NotifyEvent,
    /// How it was told.
    pub item: Item,
    /// When it was told last.
    pub told_at: Timestamp,
}

/// All that lasts.
pub async fn open_list(db: &Db) -> Result<Vec<Open>> {
    let select = "SELECT rule_id, about, event, item, told_at FROM notify_open";
    let rows = Filter::new().query(select, " ORDER BY rule_id, about").fetch_all(db.reader()).await?;
    rows.iter().map(open).collect()
}

fn open(row: &AnyRow) -> Result<Open> {
    Ok(Open {
        rule: NotifyRuleId(row.int("rule_id")?),
        about: row.text("about")?,
        event: row.named("event", NotifyEvent::parse)?,
        item: row.json("item")?,
        told_at: row.time("told_at")?,
    })
}

/// Notes that a rule tells that something lasts from now on; false when it did already.
pub async fn open_insert_in_txn(
    tx: &mut Tx,
    rule: NotifyRuleId,
    about: &str,
    item: &Item,
    now: Timestamp,
) -> Result<bool> {
    let done = sqlx::query(
        "INSERT INTO notify_open (rule_id, about, event, item, since, told_at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (rule_id, about) DO NOTHING",
    )
    .bind(rule.0)
    .bind(about.to_owned())
    .bind(item.event.as_str())
    .bind(json_text(item)?)
    .bind(item.at.millis())
    .bind(now.millis())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Notes that it is told again, and how; false when somebody else told it since `told_at`, or when it is over.
pub async fn open_touch_in_txn(
    tx: &mut Tx,
    rule: NotifyRuleId,
    about: &str,
    item: &Item,
    told_at: Timestamp,
    now: Timestamp,
) -> Result<bool> {
    let done = sqlx::query(
        "UPDATE notify_open SET told_at = $4, item = $5 WHERE rule_id = $1 AND about = $2 AND told_at = $3",
    )
    .bind(rule.0)
    .bind(about.to_owned())
    .bind(told_at.millis())
    .bind(now.millis())
    .bind(json_text(item)?)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Notes that it is over; false when that was noted already.
pub async fn open_delete_in_txn(tx: &mut Tx, rule: NotifyRuleId, about: &str) -> Result<bool> {
    let done = sqlx::query("DELETE FROM notify_open WHERE rule_id = $1 AND about = $2")
        .bind(rule.0)
        .bind(about.to_owned())
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Forgets what a rule told of events that are not among these: it tells of them no more.
pub async fn open_delete_others_in_txn(
    tx: &mut Tx,
    rule: NotifyRuleId,
    events: &[NotifyEvent],
) -> Result<()> {
    for event in NotifyEvent::ALL.iter().filter(|event| !events.contains(event)) {
        sqlx::query("DELETE FROM notify_open WHERE rule_id = $1 AND event = $2")
            .bind(rule.0)
            .bind(event.as_str())
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

/// Holds something until a time.
pub async fn held_insert_in_txn(
    tx: &mut Tx,
    rule: NotifyRuleId,
    item: &Item,
    release_at: Timestamp,
) -> Result<()> {
    sqlx::query("INSERT INTO notify_held (rule_id, about, item, release_at) VALUES ($1, $2, $3, $4)")
        .bind(rule.0)
        .bind(item.subject.clone())
        .bind(json_text(item)?)
        .bind(release_at.millis())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// How much a rule holds.
pub async fn held_count_in_txn(tx: &mut Tx, rule: NotifyRuleId) -> Result<u64> {
    let row = sqlx::query("SELECT COUNT(*) AS n FROM notify_held WHERE rule_id = $1")
        .bind(rule.0)
        .fetch_one(&mut **tx)
        .await?;
    row.count("n")
}

/// Enabled rules whose time has come to tell what they hold, and that somebody hears.
pub async fn held_list_due(db: &Db, now: Timestamp) -> Result<Vec<NotifyRuleId>> {
    let rows = sqlx::query(
        "SELECT DISTINCT h.rule_id AS rule_id FROM notify_held h JOIN notify_rule r ON r.id = h.rule_id
             WHERE r.enabled = 1 AND h.release_at <= $1 AND EXISTS (
                 SELECT 1 FROM notify_rule_channel o JOIN notify_channel c ON c.id = o.channel_id
                 WHERE o.rule_id = h.rule_id AND c.enabled = 1)
             ORDER BY rule_id",
    )
    .bind(now.millis())
    .fetch_all(db.reader())
    .await?;
    rows.iter().map(|row| Ok(NotifyRuleId(row.int("rule_id")?))).collect()
}

/// Takes out what a rule holds until now, in the order in which it came.
pub async fn held_take_in_txn(tx: &mut Tx, rule: NotifyRuleId, now: Timestamp) -> Result<Vec<Item>> {
    let rows =
        sqlx::query("DELETE FROM notify_held WHERE rule_id = $1 AND release_at <= $2 RETURNING id, item")
            .bind(rule.0)
            .bind(now.millis())
            .fetch_all(&mut **tx)
            .await?;
    let mut held = rows
        .iter()
        .map(|row| Ok((row.int("id")?, row.json("item")?)))
        .collect::<Result<Vec<(i64, Item)>>>()?;
    held.sort_by_key(|(id, _)| *id);
    Ok(held.into_iter().map(|(_, item)| item).collect())
}
