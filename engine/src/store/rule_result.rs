//! Which texts were held against rules, and what that came to.
//!
//! A row is as old as the answer: a new version with the same answer changes none.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use etiqa_model::device::DeviceType;
use etiqa_model::page::{Page, Paged};
use etiqa_model::rule::{ReportFilter, RuleResult, Severity};
use etiqa_model::scope::Scope;
use etiqa_model::{ConfigVersionId, DeviceId, RuleId, Timestamp};
use sqlx::any::AnyRow;

use super::scope::narrow;
use crate::db::{Db, Filter, Result, RowExt, Tx};

/// Rows of one statement that writes them.
const ROWS: usize = 100;

/// Disabled devices count nowhere: few there are, and it is quicker to leave them out than to look every device up.
const OF_ENABLED: &str = "r.device_id NOT IN (SELECT x.id FROM device x WHERE x.enabled = 0)";

const RESULTS: &str = "SELECT r.rule_id, c.name AS rule, c.severity, c.advice, r.device_id, d.hostname, d.address, d.site, \
     v.driver, r.part, k.version_id, v.version, r.broken, r.newly, r.since, r.lines, r.hits \
     FROM rule_result r JOIN config_rule c ON c.id = r.rule_id JOIN device d ON d.id = r.device_id \
     JOIN rule_check k ON k.device_id = r.device_id AND k.part = r.part \
     JOIN config_version v ON v.id = k.version_id";

/// An active text, and what it was held against last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedText {
    /// Whose.
    pub device_id: DeviceId,
    /// What that is.
    pub device_type: DeviceType,
    /// Where it is.
    pub site: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// `running`, `startup`, …
    pub part: String,
    /// The active version.
    pub version_id: ConfigVersionId,
    /// The driver that took it.
    pub driver: String,
    /// Where its text is.
    pub text_sha256: String,
    /// Bytes of that.
    pub size_bytes: u64,
    /// The version that was held against rules last; none: no version was.
    pub checked_version: Option<ConfigVersionId>,
    /// Against which rules.
    pub checked_rules: Option<String>,
}

/// What one rule came to with one text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredResult {
    /// Which rule.
    pub rule_id: RuleId,
    /// As it was at this revision.
    pub revision: i64,
    /// Whether it is broken.
    pub broken: bool,
    /// Whether it was kept before.
    pub newly: bool,
    /// How many lines tell.
    pub hits: u32,
    /// Numbers of the first of them.
    pub lines: Vec<u32>,
    /// With which version it came to that.
    pub version_id: ConfigVersionId,
    /// When it did.
    pub since: Timestamp,
}

/// What became of a text that was held against its rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Whose.
    pub device_id: DeviceId,
    /// Which part.
    pub part: String,
    /// Which version.
    pub version_id: ConfigVersionId,
    /// Against which rules.
    pub rules: String,
    /// Results that are new, or other than before.
    pub changed: Vec<StoredResult>,
    /// Rules that are not about it any more.
    pub gone: Vec<RuleId>,
}

/// Devices behind `after`, in order, `limit` at most.
pub async fn rule_device_list(db: &Db, after: DeviceId, limit: u32) -> Result<Vec<DeviceId>> {
    let mut filter = Filter::new();
    filter.and_int("d.id > ?", after.0);
    let query = filter.query("SELECT d.id AS id FROM device d", &format!(" ORDER BY d.id LIMIT {limit}"));
    let rows = query.fetch_all(db.reader()).await?;
    rows.iter().map(|row| Ok(DeviceId(row.int("id")?))).collect()
}

/// The same of those alone that have an active version which was held against no rules yet.
pub async fn rule_device_list_changed(db: &Db, after: DeviceId, limit: u32) -> Result<Vec<DeviceId>> {
    let mut filter = Filter::new();
    filter
        .and_int("v.device_id > ?", after.0)
        .and("v.state = 'active'")
        .and("(k.version_id IS NULL OR k.version_id <> v.id)");
    let before = "SELECT DISTINCT v.device_id AS id FROM config_version v
                  LEFT JOIN rule_check k ON k.device_id = v.device_id AND k.part = v.part";
    let query = filter.query(before, &format!(" ORDER BY v.device_id LIMIT {limit}"));
    let rows = query.fetch_all(db.reader()).await?;
    rows.iter().map(|row| Ok(DeviceId(row.int("id")?))).collect()
}

/// The active texts of these devices.
pub async fn rule_text_list(db: &Db, devices: &[DeviceId]) -> Result<Vec<CheckedText>> {
    let ids = || devices.iter().map(|device| device.0);
    let mut filter = Filter::new();
    filter.and_one_of("v.device_id", ids()).and("v.state = 'active'");
    let before =
        "SELECT v.device_id, d.device_type, d.site, v.part, v.id AS version_id, v.driver, v.text_sha256,
                         v.size_bytes, k.version_id AS checked_version, k.rules AS checked_rules
                  FROM config_version v JOIN device d ON d.id = v.device_id
                  LEFT JOIN rule_check k ON k.device_id = v.device_id AND k.part = v.part";
    let query = filter.query(before, " ORDER BY v.device_id, v.part");
    let rows = query.fetch_all(db.reader()).await?;
    let mut tagged = Filter::new();
    tagged.and_one_of("device_id", ids());
    let query = tagged.query("SELECT device_id, tag FROM device_tag", "");
    let mut tags: HashMap<i64, Vec<String>> = HashMap::new();
    for row in &query.fetch_all(db.reader()).await? {
        tags.entry(row.int("device_id")?).or_default().push(row.text("tag")?);
    }
    rows.iter()
        .map(|row| {
            let device = row.int("device_id")?;
            Ok(CheckedText {
                device_id: DeviceId(device),
                device_type: row.named("device_type", DeviceType::parse)?,
                site: row.text("site")?,
                tags: tags.get(&device).cloned().unwrap_or_default(),
                part: row.text("part")?,
                version_id: ConfigVersionId(row.int("version_id")?),
                driver: row.text("driver")?,
                text_sha256: row.text("text_sha256")?,
                size_bytes: row.count("size_bytes")?,
                checked_version: row.opt_int("checked_version")?.map(ConfigVersionId),
                checked_rules: row.opt_text("checked_rules")?,
            })
        })
        .collect()
}

/// What rules came to with the texts of these devices, by device and part.
pub async fn rule_result_list_stored(
    db: &Db,
    devices: &[DeviceId],
) -> Result<HashMap<(DeviceId, String), Vec<StoredResult>>> {
    let mut filter = Filter::new();
    filter.and_one_of("device_id", devices.iter().map(|device| device.0));
    let columns = "SELECT device_id, part, rule_id, revision, broken, newly, hits, lines, version_id, since FROM rule_result";
    let rows = filter.query(columns, "").fetch_all(db.reader()).await?;
    let mut results: HashMap<(DeviceId, String), Vec<StoredResult>> = HashMap::new();
    for row in &rows {
        let of = (DeviceId(row.int("device_id")?), row.text("part")?);
        results.entry(of).or_default().push(StoredResult {
            rule_id: RuleId(row.int("rule_id")?),
            revision: row.int("revision")?,
            broken: row.flag("broken")?,
            newly: row.flag("newly")?,
            hits: row.count("hits")?,
            lines: numbers(&row.text("lines")?),
            version_id: ConfigVersionId(row.int("version_id")?),
            since: row.time("since")?,
        });
    }
    Ok(results)
}

/// Notes what became of texts. In the order of their devices, parts and rules, so that two processes that hold the same ones
/// against rules wait for each other, never both.
pub async fn rule_result_save_in_txn(tx: &mut Tx, checked: &[Checked]) -> Result<()> {
    let mut rows = Vec::new();
    for text in checked {
        if !text.gone.is_empty() {
            let mut filter = Filter::new();
            filter
                .and_int("device_id = ?", text.device_id.0)
                .and_text("part = ?", text.part.as_str())
                .and_one_of("rule_id", text.gone.iter().map(|rule| rule.0));
            filter.query("DELETE FROM rule_result", "").execute(&mut **tx).await?;
        }
        rows.extend(text.changed.iter().map(|result| (text, result)));
    }
    for some in rows.chunks(ROWS) {
        upsert(tx, some).await?;
    }
    for text in checked {
        sqlx::query(
            "INSERT INTO rule_check (device_id, part, version_id, rules) VALUES ($1, $2, $3, $4)
             ON CONFLICT (device_id, part) DO UPDATE SET version_id = excluded.version_id, rules = excluded.rules",
        )
        .bind(text.device_id.0)
        .bind(text.part.clone())
        .bind(text.version_id.0)
        .bind(text.rules.clone())
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

/// Whole numbers need no placeholder, and line numbers are made of them; a part's name has one.
async fn upsert(tx: &mut Tx, rows: &[(&Checked, &StoredResult)]) -> Result<()> {
    let mut filter = Filter::new();
    let mut values = String::new();
    for (text, result) in rows {
        let part = filter.numbered("?", Some(text.part.clone()));
        let StoredResult { rule_id, revision, broken, newly, hits, lines, version_id, since } = result;
        let (broken, newly) = (i64::from(*broken), i64::from(*newly));
        let comma = if values.is_empty() { "" } else { ", " };
        // To a string it never fails.
        let _ = write!(
            values,
            "{comma}({}, {part}, {rule_id}, {revision}, {broken}, {newly}, {hits}, '{}', {version_id}, {})",
            text.device_id,
            joined(lines),
            since.millis()
        );
    }
    let sql = format!(
        "INSERT INTO rule_result (device_id, part, rule_id, revision, broken, newly, hits, lines, version_id, since)
         VALUES {values}
         ON CONFLICT (device_id, part, rule_id) DO UPDATE SET revision = excluded.revision, broken = excluded.broken,
            newly = excluded.newly, hits = excluded.hits, lines = excluded.lines, version_id = excluded.version_id,
            since = excluded.since"
    );
    filter.query(&sql, "").persistent(false).execute(&mut **tx).await?;
    Ok(())
}

/// Forgets all that a rule came to.
pub async fn rule_result_forget_in_txn(tx: &mut Tx, rule: RuleId) -> Result<()> {
    sqlx::query("DELETE FROM rule_result WHERE rule_id = $1").bind(rule.0).execute(&mut **tx).await?;
    Ok(())
}

/// How many enabled devices of the scope break each rule.
pub async fn rule_result_count_broken(db: &Db, scope: &Scope) -> Result<HashMap<RuleId, u64>> {
    let mut filter = broken(scope);
    filter.and(OF_ENABLED);
    let query = filter.query(
        "SELECT r.rule_id, COUNT(DISTINCT r.device_id) AS n FROM rule_result r",
        " GROUP BY r.rule_id",
    );
    let rows = query.fetch_all(db.reader()).await?;
    rows.iter().map(|row| Ok((RuleId(row.int("rule_id")?), row.count("n")?))).collect()
}

/// Rules that a text of some enabled device of the scope was held against.
pub async fn rule_result_list_held(db: &Db, scope: &Scope) -> Result<HashSet<RuleId>> {
    let mut filter = Filter::new();
    filter.and("r.rule_id = c.id").and(OF_ENABLED);
    narrow(&mut filter, scope, "r.device_id");
    let query = filter
        .query("SELECT c.id AS rule_id FROM config_rule c WHERE EXISTS (SELECT 1 FROM rule_result r", ")");
    let rows = query.fetch_all(db.reader()).await?;
    rows.iter().map(|row| Ok(RuleId(row.int("rule_id")?))).collect()
}

/// How many enabled devices of the scope break rules, how many rules those are, and how many of them are critical.
pub async fn rule_result_tally(db: &Db, scope: &Scope) -> Result<(u64, u64, u64)> {
    let mut filter = broken(scope);
    filter.and(OF_ENABLED);
    tally(db, &filter).await
}

/// The same of one device.
pub async fn rule_result_tally_of(db: &Db, device: DeviceId) -> Result<(u64, u64, u64)> {
    let mut filter = Filter::new();
    filter.and_int("r.device_id = ?", device.0).and("r.broken = 1");
    tally(db, &filter).await
}

async fn tally(db: &Db, filter: &Filter) -> Result<(u64, u64, u64)> {
    let before = "SELECT COUNT(DISTINCT r.device_id) AS devices, COUNT(DISTINCT r.rule_id) AS rules,
            COUNT(DISTINCT CASE WHEN r.rule_id IN (SELECT c.id FROM config_rule c WHERE c.severity = 'critical')
                                THEN r.rule_id END) AS critical
         FROM rule_result r";
    let row = filter.query(before, "").fetch_one(db.reader()).await?;
    Ok((row.count("devices")?, row.count("rules")?, row.count("critical")?))
}

fn broken(scope: &Scope) -> Filter {
    let mut filter = Filter::new();
    filter.and("r.broken = 1");
    narrow(&mut filter, scope, "r.device_id");
    filter
}

/// How many texts of enabled devices of the scope keep a rule, and how many break it.
pub async fn rule_result_count_of(db: &Db, scope: &Scope, rule: RuleId) -> Result<(u64, u64)> {
    let mut filter = Filter::new();
    filter.and_int("r.rule_id = ?", rule.0).and(OF_ENABLED);
    narrow(&mut filter, scope, "r.device_id");
    let query = filter.query("SELECT r.broken, COUNT(*) AS n FROM rule_result r", " GROUP BY r.broken");
    let (mut kept, mut broken) = (0, 0);
    for row in &query.fetch_all(db.reader()).await? {
        let count = if row.flag("broken")? { &mut broken } else { &mut kept };
        *count = row.count("n")?;
    }
    Ok((kept, broken))
}

/// A page of the texts of enabled devices of the scope that break a rule, or keep it, by host name and part; `total` is how
/// many there are.
pub async fn rule_result_page(
    db: &Db,
    scope: &Scope,
    rule: RuleId,
    is_broken: bool,
    (page, total): (Page, u64),
) -> Result<Paged<RuleResult>> {
    let mut filter = Filter::new();
    filter.and_int("r.rule_id = ?", rule.0).and_int("r.broken = ?", i64::from(is_broken)).and(OF_ENABLED);
    narrow(&mut filter, scope, "r.device_id");
    let after = format!(" ORDER BY d.hostname, d.id, r.part LIMIT {} OFFSET {}", page.limit(), page.offset());
    let rows = filter.query(RESULTS, &after).fetch_all(db.reader()).await?;
    Ok(Paged { rows: rows.iter().map(result).collect::<Result<_>>()?, total, page })
}

/// What rules came to with one device: broken ones first, the gravest first.
pub async fn rule_result_list_of(db: &Db, device: DeviceId) -> Result<Vec<RuleResult>> {
    let mut filter = Filter::new();
    filter.and_int("r.device_id = ?", device.0);
    let mut results: Vec<RuleResult> = filter
        .query(RESULTS, " ORDER BY c.name, r.part")
        .fetch_all(db.reader())
        .await?
        .iter()
        .map(result)
        .collect::<Result<_>>()?;
    results.sort_by_key(|result| (!result.broken, std::cmp::Reverse(result.severity)));
    Ok(results)
}

/// Where a report goes on: behind this device, part and rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReportedUpTo {
    device: i64,
    part: String,
    rule: i64,
}

/// Results of enabled devices of the scope in `filter`, behind `after`, by device, part and rule, `limit` at most; with where
/// the next ones begin.
pub async fn rule_result_list_report(
    db: &Db,
    scope: &Scope,
    filter: &ReportFilter,
    after: &ReportedUpTo,
    limit: u32,
) -> Result<(Vec<RuleResult>, ReportedUpTo)> {
    let mut wanted = Filter::new();
    // By themselves, so that both databases find the place in the index of the key.
    wanted.and_int("r.device_id >= ?", after.device);
    let part = wanted.numbered("r.part > ?", Some(after.part.clone()));
    let same = wanted.numbered("r.part = ?", Some(after.part.clone()));
    let ReportedUpTo { device, rule, .. } = after;
    wanted.and_built(format!("(r.device_id > {device} OR {part} OR ({same} AND r.rule_id > {rule}))"));
    wanted.and("d.enabled = 1");
    narrow(&mut wanted, scope, "r.device_id");
    if !filter.all {
        wanted.and("r.broken = 1");
    }
    if let Some(rule) = filter.rule {
        wanted.and_int("r.rule_id = ?", rule.0);
    }
    if let Some(severity) = filter.severity {
        wanted.and_text("c.severity = ?", severity.as_str());
    }
    let order = format!(" ORDER BY r.device_id, r.part, r.rule_id LIMIT {limit}");
    let rows = wanted.query(RESULTS, &order).persistent(false).fetch_all(db.reader()).await?;
    let results = rows.iter().map(result).collect::<Result<Vec<_>>>()?;
    let last = results.last().map_or_else(
        || after.clone(),
        |last| ReportedUpTo { device: last.device_id.0, part: last.part.clone(), rule: last.rule_id.0 },
    );
    Ok((results, last))
}

/// How many rules of this severity enabled devices break; of these devices alone where some are named.
pub async fn rule_result_count_severe(db: &Db, severity: Severity, device: Option<DeviceId>) -> Result<u64> {
    let mut filter = Filter::new();
    filter.and("r.broken = 1").and(OF_ENABLED);
    filter.and_text("r.rule_id IN (SELECT c.id FROM config_rule c WHERE c.severity = ?)", severity.as_str());
    if let Some(device) = device {
        filter.and_int("r.device_id = ?", device.0);
    }
    let query = filter.query("SELECT COUNT(DISTINCT r.rule_id) AS n FROM rule_result r", "");
    query.fetch_one(db.reader()).await?.count("n")
}

/// What was kept and is broken since a time or later, the oldest first, `limit` at most: what somebody wants to hear of.
pub async fn rule_result_list_newly_broken(db: &Db, from: Timestamp, limit: u32) -> Result<Vec<RuleResult>> {
    let mut filter = Filter::new();
    filter.and_int("r.since >= ?", from.millis()).and("r.broken = 1 AND r.newly = 1");
    let order = format!(" ORDER BY r.since, r.device_id, r.part, r.rule_id LIMIT {limit}");
    let rows = filter.query(RESULTS, &order).fetch_all(db.reader()).await?;
    rows.iter().map(result).collect()
}

/// Forgets all that texts came to, and that they were looked at: no rule is enabled any more.
pub async fn rule_check_forget_all(db: &Db) -> Result<()> {
    let mut tx = db.write().await?;
    for sql in ["DELETE FROM rule_result", "DELETE FROM rule_check"] {
        sqlx::query(sql).execute(&mut *tx).await?;
    }
    Ok(tx.commit().await?)
}

fn joined(lines: &[u32]) -> String {
    lines.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}

fn numbers(lines: &str) -> Vec<u32> {
    lines.split(',').filter_map(|number| number.parse().ok()).collect()
}

fn result(row: &AnyRow) -> Result<RuleResult> {
    Ok(RuleResult {
        rule_id: RuleId(row.int("rule_id")?),
        rule: row.text("rule")?,
        severity: row.named("severity", Severity::parse)?,
        device_id: DeviceId(row.int("device_id")?),
        hostname: row.text("hostname")?,
        address: row.text("address")?,
        site: row.text("site")?,
        platform: row.text("driver")?,
        part: row.text("part")?,
        version_id: ConfigVersionId(row.int("version_id")?),
        version: row.count("version")?,
        broken: row.flag("broken")?,
        newly: row.flag("newly")?,
        since: row.time("since")?,
        lines: numbers(&row.text("lines")?),
        hits: row.count("hits")?,
        advice: row.text("advice")?,
    })
}
