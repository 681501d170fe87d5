//! Counts for the first page, each in one statement however many devices and backup configs there are.

use etiqa_model::class::Class;
use etiqa_model::device::{DeviceStatus, DeviceType};
use etiqa_model::overview::{DayCounts, DeviceCounts, FirstSteps, Hand, Reason, StoredDay};
use etiqa_model::scope::Scope;
use etiqa_model::{BackupConfigId, DeviceId, Timestamp};
use sqlx::any::AnyRow;

use super::hand::{add, hands_of, needs_hand};
use super::promise::{Promise, promised_since};
use super::scope::within;
use crate::db::{Db, DbError, Filter, Result, RowExt};

const DAY_MS: i64 = 86_400_000;

/// Enabled devices of the scope by how they stand, by type and by status; and how many need a hand, by why, the gravest first.
pub async fn device_counts(
    db: &Db,
    scope: &Scope,
    promises: &[Promise],
) -> Result<(DeviceCounts, Vec<(Reason, u64)>)> {
    let mut filter = Filter::new();
    let since = promised_since(promises, &mut filter);
    let of_scope = within(&mut filter, scope, "d.id").map_or_else(String::new, |it| format!(" WHERE {it}"));
    // Materialized: what is promised to a device is found out once, not wherever it is read.
    let sql = format!(
        "WITH s AS MATERIALIZED
           (SELECT d.device_type, d.status, d.enabled, d.last_class, d.last_good_at, {since} AS since FROM device d{of_scope})
         SELECT device_type, status, enabled, last_class, since, COUNT(*) AS total,
                CAST(SUM(CASE WHEN last_good_at >= since THEN 1 ELSE 0 END) AS BIGINT) AS covered,
                CAST(SUM(CASE WHEN last_good_at IS NULL THEN 1 ELSE 0 END) AS BIGINT) AS never
         FROM s GROUP BY device_type, status, enabled, last_class, since"
    );
    let rows = filter.query(&sql, "").persistent(false).fetch_all(db.reader()).await?;
    let mut counts = DeviceCounts::default();
    let mut reasons = Vec::new();
    for status in [DeviceStatus::Online, DeviceStatus::Offline, DeviceStatus::Unknown] {
        counts.by_status.push((status, 0));
    }
    for row in &rows {
        let total: u64 = row.count("total")?;
        if !row.flag("enabled")? {
            counts.disabled += total;
            continue;
        }
        let covered: u64 = row.count("covered")?;
        counts.total += total;
        counts.covered += covered;
        counts.never += row.count::<u64>("never")?;
        add(&mut counts.by_type, row.named("device_type", DeviceType::parse)?, total);
        add(&mut counts.by_status, row.named("status", DeviceStatus::parse)?, total);
        let planned = row.opt_int("since")?.map_or(0, |_| total);
        let hands = hands_of(row.opt_text("last_class")?.as_deref(), total, planned, covered);
        for (reason, number) in hands.into_iter().filter(|(_, number)| *number > 0) {
            add(&mut reasons, reason, number);
        }
    }
    counts.by_type.sort_unstable();
    reasons.sort_unstable();
    Ok((counts, reasons))
}

/// The devices behind the counts of [`device_counts`], of one reason those first that have waited longest; at most `limit`,
/// of which every reason has one before another has its second.
pub async fn device_list_needing_a_hand(
    db: &Db,
    scope: &Scope,
    promises: &[Promise],
    reasons: &[(Reason, u64)],
    limit: u64,
) -> Result<Vec<Hand>> {
    let mut filter = Filter::new();
    let since = promised_since(promises, &mut filter);
    let of_scope = within(&mut filter, scope, "d.id").map_or_else(String::new, |it| format!(" AND {it}"));
    let lists: Vec<String> = places(reasons, limit)
        .into_iter()
        .filter(|(_, place)| *place > 0)
        .map(|(reason, place)| {
            let (number, condition) = (number(reason), needs_hand(reason, &since));
            // Only of those that are shown it is asked what is promised to them.
            format!(
                "SELECT d.id, d.hostname, d.last_class, d.last_message, d.last_finished_at, d.last_good_at,
                        d.created_at, {since} AS since, CAST({number} AS BIGINT) AS reason
                 FROM (SELECT d.* FROM device d WHERE d.enabled = 1 AND {condition}{of_scope}
                       ORDER BY d.last_good_at NULLS FIRST, d.hostname, d.id LIMIT {place}) d"
            )
        })
        .collect();
    if lists.is_empty() {
        return Ok(Vec::new());
    }
    let rows = filter.query(&lists.join(" UNION ALL "), "").persistent(false).fetch_all(db.reader()).await?;
    let mut hands = rows.iter().filter_map(|row| hand(row).transpose()).collect::<Result<Vec<_>>>()?;
    hands.sort_by(|a, b| {
        (a.reason, a.last_good_at, &a.hostname, a.id).cmp(&(b.reason, b.last_good_at, &b.hostname, b.id))
    });
    Ok(hands)
}

/// What is left to do until there is a first backup; none once there is one. Those that another program made are none of them.
pub async fn first_steps_fetch(db: &Db) -> Result<Option<FirstSteps>> {
    let row = sqlx::query(
        "SELECT (SELECT MIN(id) FROM device) AS device, (SELECT COUNT(*) FROM credential) AS credentials,
                (SELECT MIN(id) FROM backup_config WHERE enabled = 1) AS backup,
                CAST(CASE WHEN EXISTS (SELECT 1 FROM (SELECT started_by FROM backup_run WHERE status = 'completed'
                        ORDER BY id DESC LIMIT 1000) AS newest WHERE started_by <> 'import')
                     THEN 1 ELSE 0 END AS BIGINT) AS has_run,
                CAST(CASE WHEN EXISTS (SELECT 1 FROM device WHERE last_good_at IS NOT NULL)
                            OR EXISTS (SELECT 1 FROM device_test WHERE class IN ('ok', 'unchanged'))
                     THEN 1 ELSE 0 END AS BIGINT) AS tested",
    )
    .fetch_one(db.reader())
    .await?;
    if row.flag("has_run")? {
        return Ok(None);
    }
    Ok(Some(FirstSteps {
        device: row.opt_int("device")?.map(DeviceId),
        has_credential: row.int("credentials")? > 0,
        is_tested: row.flag("tested")?,
        backup: row.opt_int("backup")?.map(BackupConfigId),
    }))
}

/// Ended runs per UTC day, from the day of `first_day` on, `days` of them, empty days included.
pub async fn run_counts_by_day(db: &Db, first_day: Timestamp, days: u32) -> Result<Vec<DayCounts>> {
    let first = first_day.millis() / DAY_MS;
    let mut filter = Filter::new();
    filter.and_int("finished_at / 86400000 >= ?", first);
    let query = filter.query(
        "SELECT finished_at / 86400000 AS day,
                CAST(SUM(CASE WHEN status = 'completed' AND devices_failed = 0 THEN 1 ELSE 0 END) AS BIGINT) AS good,
                CAST(SUM(CASE WHEN status = 'completed' AND devices_failed > 0 THEN 1 ELSE 0 END) AS BIGINT) AS partial,
                CAST(SUM(CASE WHEN status = 'failed' THEN 1 ELSE 0 END) AS BIGINT) AS failed
         FROM backup_run",
        " GROUP BY finished_at / 86400000",
    );
    let rows = query.fetch_all(db.reader()).await?;
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

/// Bytes of the archives that were kept at the end of each UTC day, from `first_day` on (its start), `days` of them.
pub async fn archive_bytes_by_day(db: &Db, first_day: Timestamp, days: u32) -> Result<Vec<StoredDay>> {
    // Those that are there, and those that went since: an index of its own holds each of the three.
    let rows = sqlx::query(
        "SELECT made, gone, CAST(SUM(size_bytes) AS BIGINT) AS bytes FROM (
             SELECT CASE WHEN finished_at < $1 THEN $1 ELSE finished_at END / 86400000 AS made, 0 AS gone, size_bytes
             FROM backup_run
             WHERE status = 'completed' AND file IS NOT NULL AND removed_at IS NULL AND missing_at IS NULL
             UNION ALL
             SELECT CASE WHEN finished_at < $1 THEN $1 ELSE finished_at END / 86400000, removed_at / 86400000, size_bytes
             FROM backup_run WHERE removed_at >= $1
             UNION ALL
             SELECT CASE WHEN finished_at < $1 THEN $1 ELSE finished_at END / 86400000, missing_at / 86400000, size_bytes
             FROM backup_run WHERE missing_at IS NOT NULL AND removed_at IS NULL AND missing_at >= $1
         ) kept WHERE made IS NOT NULL AND size_bytes IS NOT NULL GROUP BY made, gone",
    )
    .bind(first_day.millis())
    .fetch_all(db.reader())
    .await?;
    let first = first_day.millis() / DAY_MS;
    let mut stored: Vec<StoredDay> = (first..first + i64::from(days))
        .map(|day| StoredDay { day: Timestamp(day * DAY_MS), bytes: 0 })
        .collect();
    for row in &rows {
        let (made, gone, bytes): (i64, i64, u64) = (row.int("made")?, row.int("gone")?, row.count("bytes")?);
        let is_kept = |day: Timestamp| {
            let day = day.millis() / DAY_MS;
            made <= day && (gone == 0 || day < gone)
        };
        stored.iter_mut().filter(|day| is_kept(day.day)).for_each(|day| day.bytes += bytes);
    }
    Ok(stored)
}

/// How many of each reason are shown.
fn places(reasons: &[(Reason, u64)], limit: u64) -> Vec<(Reason, u64)> {
    let mut room = limit;
    let mut take = |most: u64| {
        let taken = most.min(room);
        room -= taken;
        taken
    };
    let mut places: Vec<_> = reasons.iter().map(|(reason, count)| (*reason, take((*count).min(1)))).collect();
    for ((_, place), (_, count)) in places.iter_mut().zip(reasons) {
        *place += take(count.saturating_sub(*place));
    }
    places
}

/// A reason's place in [`Reason::ALL`].
fn number(reason: Reason) -> usize {
    Reason::ALL.iter().position(|other| *other == reason).unwrap_or_default()
}

fn reason_of(row: &AnyRow) -> Result<Option<Reason>> {
    let place = usize::try_from(row.int("reason")?).ok();
    Ok(place.and_then(|place| Reason::ALL.get(place)).copied())
}

fn hand(row: &AnyRow) -> Result<Option<Hand>> {
    let Some(reason) = reason_of(row)? else { return Ok(None) };
    let class = row.opt_text("last_class")?.map(|name| Class::parse(&name)).transpose();
    Ok(Some(Hand {
        id: DeviceId(row.int("id")?),
        hostname: row.text("hostname")?,
        reason,
        class: class.map_err(|message| DbError::Value { column: "last_class", message })?,
        message: row.opt_text("last_message")?.unwrap_or_default(),
        at: row.opt_time("last_finished_at")?.map_or_else(|| row.time("created_at"), Ok)?,
        last_good_at: row.opt_time("last_good_at")?,
        is_covered: row.opt_int("since")?.is_some(),
        collecting: false,
    }))
}
