//! Counts for the first page, and for the admin's.

use etiqa_model::Timestamp;
use etiqa_model::admin::AdminCounts;
use etiqa_model::device::{Device, DeviceFilter, DeviceOrder, DeviceState, DeviceType};
use etiqa_model::overview::{DayCounts, DeviceCounts};
use etiqa_model::page::Page;

use super::device::device_list;
use crate::db::{Db, Result, RowExt};

const DAY_MS: i64 = 86_400_000;

/// Devices by how they stand and by type.
pub async fn device_counts(db: &Db) -> Result<DeviceCounts> {
    let rows = sqlx::query(
        "SELECT device_type, enabled, COUNT(*) AS total,
                CAST(SUM(CASE WHEN last_class IN ('ok', 'unchanged') THEN 1 ELSE 0 END) AS BIGINT) AS good,
                CAST(SUM(CASE WHEN last_class IS NULL THEN 1 ELSE 0 END) AS BIGINT) AS never
         FROM device GROUP BY device_type, enabled",
    )
    .fetch_all(db.reader())
    .await?;
    let mut counts = DeviceCounts::default();
    for row in &rows {
        let total: u64 = row.count("total")?;
        if !row.flag("enabled")? {
            counts.disabled += total;
            continue;
        }
        let (good, never): (u64, u64) = (row.count("good")?, row.count("never")?);
        counts.total += total;
        counts.good += good;
        counts.never += never;
        counts.failing += total.saturating_sub(good + never);
        counts.by_type.push((row.named("device_type", DeviceType::parse)?, total));
    }
    counts.by_type.sort_unstable();
    Ok(counts)
}

/// Enabled devices whose last result was not good, at most so many.
pub async fn device_list_needing_a_hand(db: &Db, limit: u32) -> Result<Vec<Device>> {
    let filter =
        DeviceFilter { state: Some(DeviceState::Failing), enabled: Some(true), ..DeviceFilter::default() };
    Ok(device_list(db, &filter, DeviceOrder::default(), Page::first(limit)).await?.rows)
}

/// Ended runs per UTC day, from the day of `first_day` on, `days` of them, empty days included.
pub async fn run_counts_by_day(db: &Db, first_day: Timestamp, days: u32) -> Result<Vec<DayCounts>> {
    let first = first_day.millis() / DAY_MS;
    let rows = sqlx::query(
        "SELECT finished_at / 86400000 AS day,
                CAST(SUM(CASE WHEN status = 'completed' AND devices_failed = 0 THEN 1 ELSE 0 END) AS BIGINT) AS good,
                CAST(SUM(CASE WHEN status = 'completed' AND devices_failed > 0 THEN 1 ELSE 0 END) AS BIGINT) AS partial,
                CAST(SUM(CASE WHEN status = 'failed' THEN 1 ELSE 0 END) AS BIGINT) AS failed
         FROM backup_run WHERE finished_at / 86400000 >= $1 GROUP BY finished_at / 86400000",
    )
    .bind(first)
    .fetch_all(db.reader())
    .await?;
    let mut counts: Vec<DayCounts> = (first..first + i64::from(days))
        .map(|day| DayCounts { day: Timestamp(day * DAY_MS), good: 0, partial: 0, failed: 0 })
        .collect();
    for row in &rows {
        let index = usize::try_from(row.int("day")? - first).unwrap_or(usize::MAX);
        if let Some(day) = counts.get_mut(index) {
            day.good = row.count("good")?;
            day.partial = row.count("partial")?;
            day.failed = row.count("failed")?;
        }
    }
    Ok(counts)
}

/// How many archives are kept, and their bytes.
pub async fn archive_totals(db: &Db) -> Result<(u64, u64)> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS n, CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) AS bytes FROM backup_run
         WHERE status = 'completed' AND file IS NOT NULL AND removed_at IS NULL AND missing_at IS NULL",
    )
    .fetch_one(db.reader())
    .await?;
    Ok((row.count("n")?, row.count("bytes")?))
}

/// How much an admin looks after; drivers are not counted.
pub async fn admin_counts(db: &Db) -> Result<AdminCounts> {
    let row = sqlx::query(
        "SELECT (SELECT COUNT(*) FROM app_user) AS users, (SELECT COUNT(*) FROM api_token) AS tokens,
                (SELECT COUNT(*) FROM credential) AS credentials, (SELECT COUNT(*) FROM jump_host) AS jump_hosts,
                (SELECT COUNT(*) FROM destination) AS destinations,
                (SELECT COUNT(*) FROM destination WHERE problem IS NOT NULL) AS destination_problems",
    )
    .fetch_one(db.reader())
    .await?;
    Ok(AdminCounts {
        users: row.count("users")?,
        tokens: row.count("tokens")?,
        credentials: row.count("credentials")?,
        jump_hosts: row.count("jump_hosts")?,
        destinations: row.count("destinations")?,
        destination_problems: row.count("destination_problems")?,
        ..AdminCounts::default()
    })
}
