//! Inventory sources, which devices they have, and what their newest syncs came to.

use std::collections::BTreeMap;

use etiqa_model::inventory_source::{
    GoneDevice, InventorySource, SourceField, SourceKind, SourceSettings, SyncReport, SyncResult,
};
use etiqa_model::{DeviceId, InventorySourceId, Timestamp};
use sqlx::any::AnyRow;

use crate::db::{Db, Filter, Result, RowExt, Tx, json_text};

const SELECT: &str = "SELECT s.id, s.name, s.kind, s.settings, s.enabled, s.sealed, s.confirmed_at, s.next_at, s.etag, \
     s.last_modified, s.last_ok_at, s.problem, s.failures, s.lease_expires_at, \
     (SELECT COUNT(*) FROM inventory_source_device d WHERE d.source_id = s.id AND d.gone_at IS NULL) AS devices, \
     (SELECT COUNT(*) FROM inventory_source_device d WHERE d.source_id = s.id AND d.gone_at IS NOT NULL) AS gone \
     FROM inventory_source s";
/// Syncs that are kept of each source.
const KEPT: i64 = 20;

/// A source with what only the engine needs.
#[derive(Debug, Clone)]
pub struct KeyedSource {
    /// The source.
    pub source: InventorySource,
    /// Its token, sealed for its row.
    pub sealed: Option<Vec<u8>>,
    /// What its server called the list that was taken last.
    pub etag: Option<String>,
    /// When that list changed last, as its server writes times.
    pub last_modified: Option<String>,
    /// How often it failed in a row.
    pub failures: u32,
}

/// A device that a source has.
#[derive(Debug, Clone)]
pub struct SourceLink {
    /// Which.
    pub device_id: DeviceId,
    /// What the source calls it.
    pub key: String,
    /// What it said last of each field.
    pub given: BTreeMap<SourceField, String>,
    /// Since when it does not list it any more.
    pub gone_at: Option<Timestamp>,
    /// It was disabled for that.
    pub disabled_here: bool,
}

/// How a sync ended.
#[derive(Debug, Clone)]
pub struct SyncEnd {
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// `schedule` or `manual`.
    pub started_by: &'static str,
    /// What it did, or why it did nothing.
    pub came_to: Result<SyncReport, String>,
    /// When the source is looked at next.
    pub next_at: Option<Timestamp>,
    /// What its server calls the list that was taken, and when that changed; none where it was not taken whole.
    pub version: Option<(Option<String>, Option<String>)>,
}

/// Every source, by name.
pub async fn source_list(db: &Db, now: Timestamp) -> Result<Vec<InventorySource>> {
    let rows = Filter::new().query(SELECT, " ORDER BY s.name").fetch_all(db.reader()).await?;
    rows.iter().map(|row| source(row, now).map(|found| found.source)).collect()
}

/// One, by id.
pub async fn source_fetch(db: &Db, id: InventorySourceId, now: Timestamp) -> Result<Option<KeyedSource>> {
    let row = Filter::new().and_int("s.id = ?", id.0).query(SELECT, "").fetch_optional(db.reader()).await?;
    row.map(|row| source(&row, now)).transpose()
}

/// One, by name.
pub async fn source_fetch_by_name(db: &Db, name: &str, now: Timestamp) -> Result<Option<KeyedSource>> {
    let row =
        Filter::new().and_text("s.name = ?", name).query(SELECT, "").fetch_optional(db.reader()).await?;
    row.map(|row| source(&row, now)).transpose()
}

/// One, by id, within a transaction that may change it.
pub async fn source_fetch_in_txn(
    tx: &mut Tx,
    id: InventorySourceId,
    now: Timestamp,
) -> Result<Option<KeyedSource>> {
    let row = Filter::new().and_int("s.id = ?", id.0).query(SELECT, "").fetch_optional(&mut **tx).await?;
    row.map(|row| source(&row, now)).transpose()
}

fn source(row: &AnyRow, now: Timestamp) -> Result<KeyedSource> {
    let settings: SourceSettings = row.json("settings")?;
    let sealed = row.opt_bytes("sealed")?;
    let source = InventorySource {
        id: InventorySourceId(row.int("id")?),
        name: row.text("name")?,
        settings: SourceSettings { kind: row.named("kind", SourceKind::parse)?, ..settings },
        enabled: row.flag("enabled")?,
        has_token: sealed.is_some(),
        confirmed_at: row.opt_time("confirmed_at")?,
        next_at: row.opt_time("next_at")?,
        last_ok_at: row.opt_time("last_ok_at")?,
        problem: row.opt_text("problem")?,
        is_going_on: row.opt_time("lease_expires_at")?.is_some_and(|until| until > now),
        devices: row.count("devices")?,
        gone: row.count("gone")?,
    };
    Ok(KeyedSource {
        source,
        sealed,
        etag: row.opt_text("etag")?,
        last_modified: row.opt_text("last_modified")?,
        failures: row.count("failures")?,
    })
}

/// Adds one; a unique violation when its name is taken.
pub async fn source_insert_in_txn(
    tx: &mut Tx,
    name: &str,
    settings: &SourceSettings,
    enabled: bool,
    now: Timestamp,
) -> Result<InventorySourceId> {
    let row = sqlx::query(
        "INSERT INTO inventory_source (name, kind, settings, enabled, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $5) RETURNING id",
    )
    .bind(name.to_owned())
    .bind(settings.kind.as_str())
    .bind(json_text(settings)?)
    .bind(i64::from(enabled))
    .bind(now.millis())
    .fetch_one(&mut **tx)
    .await?;
    Ok(InventorySourceId(row.int("id")?))
}

/// Replaces what a person said of one; its list is looked through anew, whatever its server says of it.
pub async fn source_update_in_txn(
    tx: &mut Tx,
    id: InventorySourceId,
    name: &str,
    settings: &SourceSettings,
    (enabled, next_at): (bool, Option<Timestamp>),
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "UPDATE inventory_source SET name = $2, kind = $3, settings = $4, enabled = $5, next_at = $6, updated_at = $7,
                etag = NULL, last_modified = NULL, problem = NULL, failures = 0 WHERE id = $1",
    )
    .bind(id.0)
    .bind(name.to_owned())
    .bind(settings.kind.as_str())
    .bind(json_text(settings)?)
    .bind(i64::from(enabled))
    .bind(next_at.map(Timestamp::millis))
    .bind(now.millis())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Forgets what a source calls its devices, and follows it no more before a person has seen again what it does.
pub async fn source_start_over_in_txn(tx: &mut Tx, id: InventorySourceId) -> Result<()> {
    for sql in [
        "UPDATE inventory_source_device SET external_key = 'was:' || CAST(device_id AS TEXT) WHERE source_id = $1",
        "UPDATE inventory_source SET confirmed_at = NULL, next_at = NULL WHERE id = $1",
    ] {
        sqlx::query(sql).bind(id.0).execute(&mut **tx).await?;
    }
    Ok(())
}

/// Puts the sealed token into the row; none: it has none.
pub async fn source_seal_in_txn(tx: &mut Tx, id: InventorySourceId, sealed: Option<Vec<u8>>) -> Result<()> {
    sqlx::query("UPDATE inventory_source SET sealed = $2 WHERE id = $1")
        .bind(id.0)
        .bind(sealed)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Removes one with its syncs; its devices stay. False: there is none.
pub async fn source_delete_in_txn(tx: &mut Tx, id: InventorySourceId) -> Result<bool> {
    let done =
        sqlx::query("DELETE FROM inventory_source WHERE id = $1").bind(id.0).execute(&mut **tx).await?;
    Ok(done.rows_affected() > 0)
}

/// The sources that are due.
pub async fn source_list_due(db: &Db, now: Timestamp) -> Result<Vec<InventorySourceId>> {
    let rows =
        sqlx::query("SELECT id FROM inventory_source WHERE next_at <= $1 AND enabled = 1 ORDER BY next_at")
            .bind(now.millis())
            .fetch_all(db.reader())
            .await?;
    rows.iter().map(|row| Ok(InventorySourceId(row.int("id")?))).collect()
}

/// Brings forward what waits for a time after a clock that was set back.
pub async fn sources_bring_forward_in_txn(tx: &mut Tx, now: Timestamp) -> Result<()> {
    sqlx::query("UPDATE inventory_source SET next_at = $1 WHERE next_at > $1")
        .bind(now.millis())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Takes one for a sync; false when somebody else has it.
pub async fn source_claim(
    db: &Db,
    id: InventorySourceId,
    owner: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<bool> {
    let mut tx = db.write().await?;
    let done = sqlx::query(
        "UPDATE inventory_source SET lease_owner = $2, lease_expires_at = $4
         WHERE id = $1 AND (lease_expires_at IS NULL OR lease_expires_at <= $3)",
    )
    .bind(id.0)
    .bind(owner.to_owned())
    .bind(now.millis())
    .bind(until.millis())
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(done.rows_affected() > 0)
}

/// Says that the sync still goes on; false when the source is somebody else's.
pub async fn source_renew(db: &Db, id: InventorySourceId, owner: &str, until: Timestamp) -> Result<bool> {
    let mut tx = db.write().await?;
    let done =
        sqlx::query("UPDATE inventory_source SET lease_expires_at = $3 WHERE id = $1 AND lease_owner = $2")
            .bind(id.0)
            .bind(owner.to_owned())
            .bind(until.millis())
            .execute(&mut *tx)
            .await?;
    tx.commit().await?;
    Ok(done.rows_affected() > 0)
}

/// Whether the source is still the owner's; nobody takes it until the transaction ends.
pub async fn source_hold_in_txn(tx: &mut Tx, id: InventorySourceId, owner: &str) -> Result<bool> {
    let done = sqlx::query("UPDATE inventory_source SET lease_owner = $2 WHERE id = $1 AND lease_owner = $2")
        .bind(id.0)
        .bind(owner.to_owned())
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Lets go of one, however its sync ended.
pub async fn source_release(db: &Db, id: InventorySourceId, owner: &str) -> Result<()> {
    let mut tx = db.write().await?;
    sqlx::query(
        "UPDATE inventory_source SET lease_owner = NULL, lease_expires_at = NULL WHERE id = $1 AND lease_owner = $2",
    )
    .bind(id.0)
    .bind(owner.to_owned())
    .execute(&mut *tx)
    .await?;
    Ok(tx.commit().await?)
}

/// Follows a source from now on: a person has seen what it does.
pub async fn source_confirm_in_txn(tx: &mut Tx, id: InventorySourceId, now: Timestamp) -> Result<()> {
    sqlx::query("UPDATE inventory_source SET confirmed_at = COALESCE(confirmed_at, $2) WHERE id = $1")
        .bind(id.0)
        .bind(now.millis())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Notes how a sync ended, and forgets all but the newest ones. That a list was the same as before is no news, and would only
/// push the others out.
pub async fn sync_end_in_txn(tx: &mut Tx, id: InventorySourceId, end: &SyncEnd) -> Result<()> {
    let (report, problem) = match &end.came_to {
        Ok(report) => (Some(report), None),
        Err(problem) => (None, Some(problem.clone())),
    };
    if report.is_none_or(|report| !report.is_same) {
        let report = report.map(json_text).transpose()?;
        sync_insert_in_txn(tx, id, end, report, problem.clone()).await?;
    }
    let is_ok = problem.is_none();
    sqlx::query(
        "UPDATE inventory_source SET next_at = $2, problem = $3,
                failures = CASE WHEN $4 = 1 THEN 0 ELSE failures + 1 END,
                last_ok_at = CASE WHEN $4 = 1 THEN $5 ELSE last_ok_at END WHERE id = $1",
    )
    .bind(id.0)
    .bind(end.next_at.map(Timestamp::millis))
    .bind(problem)
    .bind(i64::from(is_ok))
    .bind(end.finished_at.millis())
    .execute(&mut **tx)
    .await?;
    if let Some((etag, last_modified)) = &end.version {
        sqlx::query("UPDATE inventory_source SET etag = $2, last_modified = $3 WHERE id = $1")
            .bind(id.0)
            .bind(etag.clone())
            .bind(last_modified.clone())
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

async fn sync_insert_in_txn(
    tx: &mut Tx,
    id: InventorySourceId,
    end: &SyncEnd,
    report: Option<String>,
    problem: Option<String>,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO inventory_sync (source_id, started_by, started_at, finished_at, report, problem)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(id.0)
    .bind(end.started_by)
    .bind(end.started_at.millis())
    .bind(end.finished_at.millis())
    .bind(report)
    .bind(problem)
    .execute(&mut **tx)
    .await?;
    sqlx::query(
        "DELETE FROM inventory_sync WHERE source_id = $1 AND id <= (SELECT id FROM inventory_sync WHERE source_id = $1
         ORDER BY id DESC LIMIT 1 OFFSET $2)",
    )
    .bind(id.0)
    .bind(KEPT)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The newest syncs of a source, newest first.
pub async fn sync_list(db: &Db, id: InventorySourceId) -> Result<Vec<SyncResult>> {
    let rows = sqlx::query(
        "SELECT started_by, started_at, finished_at, report, problem FROM inventory_sync WHERE source_id = $1
         ORDER BY id DESC LIMIT $2",
    )
    .bind(id.0)
    .bind(KEPT)
    .fetch_all(db.reader())
    .await?;
    rows.iter()
        .map(|row| {
            let report = row.opt_text("report")?;
            Ok(SyncResult {
                started_by: row.text("started_by")?,
                started_at: row.time("started_at")?,
                finished_at: row.time("finished_at")?,
                // One that another version wrote is not read any more.
                report: report.and_then(|report| serde_json::from_str(&report).ok()),
                problem: row.opt_text("problem")?,
            })
        })
        .collect()
}

/// The devices of a source.
pub async fn link_list(db: &Db, id: InventorySourceId) -> Result<Vec<SourceLink>> {
    let rows = sqlx::query(
        "SELECT device_id, external_key, given, gone_at, disabled_here FROM inventory_source_device
         WHERE source_id = $1 ORDER BY device_id",
    )
    .bind(id.0)
    .fetch_all(db.reader())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(SourceLink {
                device_id: DeviceId(row.int("device_id")?),
                key: row.text("external_key")?,
                given: row.json("given")?,
                gone_at: row.opt_time("gone_at")?,
                disabled_here: row.flag("disabled_here")?,
            })
        })
        .collect()
}

/// The devices of all other sources, with the names of these.
pub async fn link_list_others(db: &Db, id: InventorySourceId) -> Result<Vec<(DeviceId, String)>> {
    let rows = sqlx::query(
        "SELECT d.device_id, s.name FROM inventory_source_device d JOIN inventory_source s ON s.id = d.source_id
         WHERE d.source_id <> $1",
    )
    .bind(id.0)
    .fetch_all(db.reader())
    .await?;
    rows.iter().map(|row| Ok((DeviceId(row.int("device_id")?), row.text("name")?))).collect()
}

/// Devices that a source does not list any more, by name; so many at most.
pub async fn link_list_gone(db: &Db, id: InventorySourceId, limit: u32) -> Result<Vec<GoneDevice>> {
    let rows = sqlx::query(
        "SELECT v.id, v.hostname, v.address, v.enabled, d.gone_at FROM inventory_source_device d
         JOIN device v ON v.id = d.device_id WHERE d.source_id = $1 AND d.gone_at IS NOT NULL
         ORDER BY v.hostname, v.id LIMIT $2",
    )
    .bind(id.0)
    .bind(i64::from(limit))
    .fetch_all(db.reader())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(GoneDevice {
                id: DeviceId(row.int("id")?),
                hostname: row.text("hostname")?,
                address: row.text("address")?,
                gone_at: row.time("gone_at")?,
                is_disabled: !row.flag("enabled")?,
            })
        })
        .collect()
}

/// Notes that a source has a device, and what it said of it; whatever was noted of that device before.
pub async fn link_save_in_txn(tx: &mut Tx, id: InventorySourceId, link: &SourceLink) -> Result<()> {
    sqlx::query(
        "INSERT INTO inventory_source_device (source_id, device_id, external_key, given, gone_at, disabled_here)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (source_id, device_id) DO UPDATE SET external_key = excluded.external_key,
            given = excluded.given, gone_at = excluded.gone_at, disabled_here = excluded.disabled_here",
    )
    .bind(id.0)
    .bind(link.device_id.0)
    .bind(link.key.clone())
    .bind(json_text(&link.given)?)
    .bind(link.gone_at.map(Timestamp::millis))
    .bind(i64::from(link.disabled_here))
    .execute(&mut **tx)
    .await?;
    Ok(())
}
