//! What metrics count: each of it in one statement, by an index or of what there is now, never of history.

use std::path::Path;

use etiqa_model::device::{DeviceStatus, DeviceType};
use etiqa_model::overview::Reason;
use etiqa_model::{BackupConfigId, Timestamp};

use super::hand::{add, hands_of};
use super::promise::{Promise, promised_since};
use crate::db::{Db, DbKind, Filter, Result, RowExt};

/// Devices of a type, a site and a standing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceGroup {
    /// What they are.
    pub device_type: DeviceType,
    /// Where.
    pub site: String,
    /// Whether they are enabled.
    pub enabled: bool,
    /// How their last collection ended, by the class's name; none: they have had none.
    pub last_class: Option<String>,
    /// How many.
    pub count: u64,
    /// The oldest of their last good texts.
    pub oldest_good: Option<Timestamp>,
    /// The newest of them.
    pub newest_good: Option<Timestamp>,
}

/// All devices, as an index of its own holds them.
pub async fn device_groups(db: &Db) -> Result<Vec<DeviceGroup>> {
    let rows = sqlx::query(
        "SELECT device_type, site, enabled, last_class, COUNT(*) AS n, MIN(last_good_at) AS oldest_good,
                MAX(last_good_at) AS newest_good
         FROM device GROUP BY device_type, site, enabled, last_class",
    )
    .fetch_all(db.reader())
    .await?;
    let group = |row: &sqlx::any::AnyRow| {
        Ok(DeviceGroup {
            device_type: row.named("device_type", DeviceType::parse)?,
            site: row.text("site")?,
            enabled: row.flag("enabled")?,
            last_class: row.opt_text("last_class")?,
            count: row.count("n")?,
            oldest_good: row.opt_time("oldest_good")?,
            newest_good: row.opt_time("newest_good")?,
        })
    };
    rows.iter().map(group).collect()
}

/// Enabled devices by what is promised to them and whether they answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DevicesNow {
    /// They have a good text within their schedule.
    pub within_schedule: u64,
    /// They need a hand, by the first reason that holds, as the first page tells it.
    pub needing_hand: Vec<(Reason, u64)>,
    /// All of them, by whether they answer.
    pub by_status: Vec<(DeviceStatus, u64)>,
}

/// How enabled devices stand now. The first page asks by more; this is grouped in the order of the index and sorts nothing.
pub async fn devices_now(db: &Db, promises: &[Promise]) -> Result<DevicesNow> {
    let mut filter = Filter::new();
    let since = promised_since(promises, &mut filter);
    let sql = format!(
        "SELECT device_type, status, enabled, last_class, COUNT(*) AS total, COUNT(since) AS planned,
                COUNT(CASE WHEN last_good_at >= since THEN 1 END) AS covered
         FROM (SELECT d.device_type, d.status, d.enabled, d.last_class, d.last_good_at, {since} AS since
               FROM device d) AS s
         GROUP BY device_type, status, enabled, last_class"
    );
    let rows = filter.query(&sql, "").persistent(false).fetch_all(db.reader()).await?;
    let mut now = DevicesNow::default();
    for row in &rows {
        if !row.flag("enabled")? {
            continue;
        }
        let (total, planned, covered): (u64, u64, u64) =
            (row.count("total")?, row.count("planned")?, row.count("covered")?);
        now.within_schedule += covered;
        add(&mut now.by_status, row.named("status", DeviceStatus::parse)?, total);
        for (reason, number) in hands_of(row.opt_text("last_class")?.as_deref(), total, planned, covered) {
            add(&mut now.needing_hand, reason, number);
        }
    }
    Ok(now)
}

/// The last run of a backup config that completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastGood {
    /// Whose.
    pub config: BackupConfigId,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Its archive's size.
    pub size_bytes: u64,
}

/// The last run of each backup config that completed and whose archive retention keeps, which it does with the newest.
pub async fn run_list_last_good(db: &Db) -> Result<Vec<LastGood>> {
    // One index look-up a config, however long its history is.
    let rows = sqlx::query(
        "SELECT backup_config_id, finished_at, COALESCE(size_bytes, 0) AS size_bytes FROM backup_run
         WHERE backup_config_id IS NOT NULL AND id IN (
             SELECT (SELECT MAX(r.id) FROM backup_run r WHERE r.status = 'completed' AND r.backup_config_id = c.id
                     AND r.file IS NOT NULL AND r.removed_at IS NULL)
             FROM backup_config c)",
    )
    .fetch_all(db.reader())
    .await?;
    let good = |row: &sqlx::any::AnyRow| {
        Ok(LastGood {
            config: BackupConfigId(row.int("backup_config_id")?),
            finished_at: row.opt_time("finished_at")?,
            size_bytes: row.count("size_bytes")?,
        })
    };
    rows.iter().map(good).collect()
}

/// Archives that are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Archives {
    /// Read back whole when they were last looked at.
    pub good: u64,
    /// Found damaged.
    pub damaged: u64,
    /// Noted, and not there.
    pub missing: u64,
    /// Bytes of those that are there.
    pub bytes: u64,
}

/// How archives stand: as many rows are read as there are archives.
pub async fn archive_standing(db: &Db) -> Result<Archives> {
    let row = sqlx::query(
        "SELECT COUNT(CASE WHEN missing_at IS NULL AND damaged = 0 THEN 1 END) AS good,
                COUNT(CASE WHEN missing_at IS NULL AND damaged = 1 THEN 1 END) AS damaged,
                COUNT(CASE WHEN missing_at IS NOT NULL THEN 1 END) AS missing,
                CAST(COALESCE(SUM(CASE WHEN missing_at IS NULL THEN size_bytes END), 0) AS BIGINT) AS bytes
         FROM backup_run WHERE status = 'completed' AND file IS NOT NULL AND removed_at IS NULL",
    )
    .fetch_one(db.reader())
    .await?;
    Ok(Archives {
        good: row.count("good")?,
        damaged: row.count("damaged")?,
        missing: row.count("missing")?,
        bytes: row.count("bytes")?,
    })
}

/// The queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Queue {
    /// Somebody works on them.
    pub running: u64,
    /// They wait for their first attempt.
    pub waiting: u64,
    /// They wait for another one.
    pub retrying: u64,
    /// They were given up, and nobody has forgotten them yet.
    pub dead: u64,
    /// Since when the one that has waited longest is due.
    pub oldest_due_at: Option<Timestamp>,
}

/// Notifications.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Notifying {
    /// Messages that wait for their channels.
    pub waiting: u64,
    /// Messages that were given up, or dropped for newer ones, since a time.
    pub given_up: u64,
    /// Enabled channels that did not take what they were sent last.
    pub troubled: u64,
}

/// How notifications stand; messages that were given up count from `since` on.
pub async fn notify_standing(db: &Db, since: Timestamp) -> Result<Notifying> {
    // Each by an index that holds no more than what waits, or ended lately; channels are few.
    let row = sqlx::query(
        "SELECT (SELECT COUNT(*) FROM notify_delivery WHERE state = 'waiting') AS waiting,
                (SELECT COUNT(*) FROM notify_delivery
                 WHERE ended_at >= $1 AND state IN ('failed', 'dropped')) AS given_up,
                (SELECT COUNT(*) FROM notify_channel WHERE enabled = 1 AND problem IS NOT NULL) AS troubled",
    )
    .bind(since.millis())
    .fetch_one(db.reader())
    .await?;
    Ok(Notifying {
        waiting: row.count("waiting")?,
        given_up: row.count("given_up")?,
        troubled: row.count("troubled")?,
    })
}

/// How the queue stands.
pub async fn queue_standing(db: &Db, now: Timestamp) -> Result<Queue> {
    let row = sqlx::query(
        "SELECT COUNT(CASE WHEN held > 0 THEN 1 END) AS running,
                COUNT(CASE WHEN held = 0 AND attempts = 0 THEN 1 END) AS waiting,
                COUNT(CASE WHEN held = 0 AND attempts > 0 THEN 1 END) AS retrying,
                MIN(CASE WHEN held = 0 THEN due_at END) AS oldest_due_at,
                (SELECT COUNT(*) FROM job WHERE dead = 1) AS dead
         FROM (SELECT attempts, due_at, CASE WHEN COALESCE(lease_expires_at, 0) > $1 THEN 1 ELSE 0 END AS held
               FROM job WHERE finished_at IS NULL) AS unfinished",
    )
    .bind(now.millis())
    .fetch_one(db.reader())
    .await?;
    Ok(Queue {
        running: row.count("running")?,
        waiting: row.count("waiting")?,
        retrying: row.count("retrying")?,
        dead: row.count("dead")?,
        oldest_due_at: row.opt_time("oldest_due_at")?,
    })
}

/// Copies of archives that something is to be done about at destinations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Copies {
    /// They are to be sent.
    pub waiting: u64,
    /// They are to be deleted there.
    pub leaving: u64,
    /// Those of both whose last attempt failed.
    pub failing: u64,
}

/// How copies stand.
pub async fn copy_standing(db: &Db) -> Result<Copies> {
    let row = sqlx::query(
        "SELECT COUNT(CASE WHEN state = 'waiting' THEN 1 END) AS waiting,
                COUNT(CASE WHEN state = 'leaving' THEN 1 END) AS leaving,
                COUNT(CASE WHEN problem IS NOT NULL THEN 1 END) AS failing
         FROM archive_copy WHERE state IN ('waiting', 'leaving')",
    )
    .fetch_one(db.reader())
    .await?;
    Ok(Copies {
        waiting: row.count("waiting")?,
        leaving: row.count("leaving")?,
        failing: row.count("failing")?,
    })
}

/// Bytes of the database, as its server tells; none where it is a file.
pub async fn database_size(db: &Db) -> Result<Option<u64>> {
    match db.kind() {
        DbKind::Sqlite => Ok(None),
        DbKind::Postgres => {
            let sql = "SELECT pg_database_size(current_database()) AS bytes";
            sqlx::query(sql).fetch_one(db.reader()).await?.count("bytes").map(Some)
        }
    }
}

/// Bytes of a database that is this file: of it and its log. Waits for the disk.
pub fn database_file_size(file: &Path) -> u64 {
    let size = |file: &Path| std::fs::metadata(file).map_or(0, |found| found.len());
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    size(file) + size(log.as_ref())
}
