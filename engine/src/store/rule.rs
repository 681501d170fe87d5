//! Rules that configurations are held against.

use etiqa_model::device::DeviceType;
use etiqa_model::rule::{NewRule, Rule, Severity, Target, Wants};
use etiqa_model::{RuleId, Timestamp};
use sqlx::any::{Any, AnyArguments, AnyRow};
use sqlx::query::Query;

use super::lock::rows_lock_in_txn;
use crate::db::{Db, Filter, Result, RowExt, Tx, built};

const SELECT: &str = "SELECT id, name, wants, patterns, match_case, block, platform, device_type, site, tag, part, severity, \
     advice, enabled, revision, checked, created_at, updated_at FROM config_rule";

/// A rule, and how often what it asks was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRule {
    /// The rule.
    pub rule: Rule,
    /// Grows with each change of what it asks, and of whom.
    pub revision: i64,
}

/// Every rule, by name.
pub async fn rule_list(db: &Db) -> Result<Vec<StoredRule>> {
    let rows =
        sqlx::query(built(format!("{SELECT} ORDER BY lower(name), name"))).fetch_all(db.reader()).await?;
    rows.iter().map(rule).collect()
}

/// One rule.
pub async fn rule_fetch(db: &Db, id: RuleId) -> Result<Option<StoredRule>> {
    by_id(id).fetch_optional(db.reader()).await?.as_ref().map(rule).transpose()
}

/// One rule, within a transaction that may change it: nobody else changes it until that ends.
pub async fn rule_fetch_in_txn(tx: &mut Tx, id: RuleId) -> Result<Option<StoredRule>> {
    rows_lock_in_txn(tx, "config_rule", &[id.0]).await?;
    by_id(id).fetch_optional(&mut **tx).await?.as_ref().map(rule).transpose()
}

fn by_id(id: RuleId) -> Query<'static, Any, AnyArguments> {
    Filter::new().and_int("id = ?", id.0).query(SELECT, "")
}

/// The rule of this name.
pub async fn rule_fetch_by_name(db: &Db, name: &str) -> Result<Option<StoredRule>> {
    let row = sqlx::query(built(format!("{SELECT} WHERE name = $1")))
        .bind(name.to_owned())
        .fetch_optional(db.reader())
        .await?;
    row.as_ref().map(rule).transpose()
}

/// How many rules there are.
pub async fn rule_count_in_txn(tx: &mut Tx) -> Result<usize> {
    sqlx::query("SELECT COUNT(*) AS n FROM config_rule").fetch_one(&mut **tx).await?.count("n")
}

/// Whether any rule is enabled.
pub async fn rule_is_any_enabled_in_txn(tx: &mut Tx) -> Result<bool> {
    let any =
        sqlx::query("SELECT id FROM config_rule WHERE enabled = 1 LIMIT 1").fetch_optional(&mut **tx).await?;
    Ok(any.is_some())
}

/// Whether texts were ever held against rules, or any rule is enabled.
pub async fn rule_is_in_use(db: &Db) -> Result<bool> {
    let sql = "SELECT 1 AS one FROM config_rule WHERE enabled = 1 UNION ALL SELECT 1 AS one FROM rule_check LIMIT 1";
    Ok(sqlx::query(sql).fetch_optional(db.reader()).await?.is_some())
}

/// Adds a rule.
pub async fn rule_insert_in_txn(tx: &mut Tx, new: &NewRule, at: Timestamp) -> Result<RuleId> {
    let sql = "INSERT INTO config_rule (name, wants, patterns, match_case, block, platform, device_type, site, tag, part,
            severity, advice, enabled, revision, checked, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 1, 0, $14, $14) RETURNING id";
    let row = bound(sql, new).bind(at.millis()).fetch_one(&mut **tx).await?;
    Ok(RuleId(row.int("id")?))
}

/// Changes a rule; with `is_new_question` everything is to be held against it again. False where there is none.
pub async fn rule_update_in_txn(
    tx: &mut Tx,
    id: RuleId,
    new: &NewRule,
    is_new_question: bool,
    at: Timestamp,
) -> Result<bool> {
    let sql = "UPDATE config_rule SET name = $1, wants = $2, patterns = $3, match_case = $4, block = $5, platform = $6,
            device_type = $7, site = $8, tag = $9, part = $10, severity = $11, advice = $12, enabled = $13,
            updated_at = $14, revision = revision + $15 WHERE id = $16";
    let done = bound(sql, new)
        .bind(at.millis())
        .bind(i64::from(is_new_question))
        .bind(id.0)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Removes a rule with all that it came to; false where there is none.
pub async fn rule_delete_in_txn(tx: &mut Tx, id: RuleId) -> Result<bool> {
    let done = sqlx::query("DELETE FROM config_rule WHERE id = $1").bind(id.0).execute(&mut **tx).await?;
    Ok(done.rows_affected() > 0)
}

/// Notes that everything was held against a rule as it was at this revision.
pub async fn rule_note_checked_in_txn(tx: &mut Tx, id: RuleId, revision: i64) -> Result<()> {
    sqlx::query("UPDATE config_rule SET checked = $2 WHERE id = $1 AND checked <> $2")
        .bind(id.0)
        .bind(revision)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

fn bound(sql: &'static str, new: &NewRule) -> Query<'static, Any, AnyArguments> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let Target { platform, device_type, site, tag, part } = &new.target;
    sqlx::query(sql)
        .bind(new.name.clone())
        .bind(new.wants.as_str())
        .bind(new.patterns.join("\n"))
        .bind(i64::from(new.match_case))
        .bind(text(&new.block))
        .bind(text(platform))
        .bind(device_type.map(DeviceType::as_str).unwrap_or_default())
        .bind(text(site))
        .bind(text(tag))
        .bind(text(part))
        .bind(new.severity.as_str())
        .bind(new.advice.clone())
        .bind(i64::from(new.enabled))
}

fn rule(row: &AnyRow) -> Result<StoredRule> {
    let some = |column| row.text(column).map(|text| Some(text).filter(|text| !text.is_empty()));
    let device_type = match row.text("device_type")?.as_str() {
        "" => None,
        _ => Some(row.named("device_type", DeviceType::parse)?),
    };
    let revision = row.int("revision")?;
    let rule = Rule {
        id: RuleId(row.int("id")?),
        name: row.text("name")?,
        wants: row.named("wants", Wants::parse)?,
        patterns: row.text("patterns")?.lines().map(str::to_owned).collect(),
        match_case: row.flag("match_case")?,
        block: some("block")?,
        target: Target {
            platform: some("platform")?,
            device_type,
            site: some("site")?,
            tag: some("tag")?,
            part: some("part")?,
        },
        severity: row.named("severity", Severity::parse)?,
        advice: row.text("advice")?,
        enabled: row.flag("enabled")?,
        is_checked: row.int("checked")? == revision,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    };
    Ok(StoredRule { rule, revision })
}
