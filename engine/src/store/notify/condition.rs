//! What is asked of devices and backups to tell which of them lasts in trouble.

use std::collections::HashSet;

use etiqa_model::DeviceId;

use crate::db::{Db, Filter, Result, RowExt};
use crate::store::hand::GOOD;
use crate::store::promise::{Promise, promised_since};

/// Enabled devices that were not backed up so many times in a row or more often, with how often; at most `limit`.
pub async fn device_list_failing(db: &Db, after: u32, limit: u32) -> Result<Vec<(DeviceId, u32)>> {
    let mut filter = Filter::new();
    // The first condition is that of the index.
    filter.and("failures > 0").and_int("failures >= ?", i64::from(after)).and("enabled = 1");
    let order = format!(" ORDER BY id LIMIT {limit}");
    let rows = filter.query("SELECT id, failures FROM device", &order).fetch_all(db.reader()).await?;
    rows.iter().map(|row| Ok((DeviceId(row.int("id")?), row.count("failures")?))).collect()
}

/// Enabled devices whose last good text is older than these promises, though their last collection was good; at most `limit`.
pub async fn device_list_overdue(db: &Db, promises: &[Promise], limit: u32) -> Result<Vec<DeviceId>> {
    let mut filter = Filter::new();
    let since = promised_since(promises, &mut filter);
    filter.and("d.enabled = 1").and(GOOD).and_built(format!("COALESCE(d.last_good_at, -1) < {since}"));
    let order = format!(" ORDER BY d.id LIMIT {limit}");
    let query = filter.query("SELECT d.id FROM device d", &order).persistent(false);
    let rows = query.fetch_all(db.reader()).await?;
    rows.iter().map(|row| Ok(DeviceId(row.int("id")?))).collect()
}

/// Devices that have a result of a run which still goes on: what is told of them waits for its end.
pub async fn device_list_in_live_runs(db: &Db) -> Result<HashSet<DeviceId>> {
    let rows = sqlx::query(
        "SELECT device_id FROM device_result WHERE run_id IN (SELECT id FROM backup_run WHERE status = 'running')",
    )
    .fetch_all(db.reader())
    .await?;
    rows.iter().map(|row| Ok(DeviceId(row.int("device_id")?))).collect()
}
