//! What collections of devices came to.

use std::collections::{HashMap, HashSet};

use etiqa_model::class::Class;
use etiqa_model::device::DeviceResult;
use etiqa_model::history::{ResultFilter, ResultPage};
use etiqa_model::page::Page;
use etiqa_model::scope::Scope;
use etiqa_model::{DeviceId, DeviceResultId, JobId, RunId, Timestamp};
use sqlx::any::AnyRow;

use super::newest::History;
use super::run::Span;
use super::scope::narrow;
use crate::db::{Db, Filter, Result, RowExt, Tx};

const SELECT: &str = "SELECT r.id, r.device_id, d.hostname, d.address, r.run_id, r.class, r.message, r.size_bytes, \
     r.driver, r.driver_sha256, r.started_at, r.finished_at, r.reused, \
     CASE WHEN r.transcript IS NULL THEN 0 ELSE 1 END AS has_transcript \
     FROM device_result r JOIN device d ON d.id = r.device_id";

/// A result that is about to be stored.
#[derive(Debug, Clone)]
pub struct NewResult {
    /// Whose.
    pub device_id: DeviceId,
    /// For which run.
    pub run_id: Option<RunId>,
    /// For which job, where it was collected by hand.
    pub job_id: Option<JobId>,
    /// How it ended.
    pub class: Class,
    /// One sentence.
    pub message: String,
    /// Bytes of all parts.
    pub size_bytes: u64,
    /// The driver's name.
    pub driver: Option<String>,
    /// Its text's SHA-256.
    pub driver_sha256: Option<String>,
    /// When the session began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// It repeats the result of another run of the last minute.
    pub reused: bool,
    /// What the device sent, compressed, where it went wrong.
    pub transcript: Option<Vec<u8>>,
}

/// Stores a result, and repeats it on the device for quick lists. A run has one result of each device: a later one takes the
/// place of one that was not good, and a good one stays.
pub async fn result_insert_in_txn(tx: &mut Tx, new: &NewResult) -> Result<()> {
    let row = sqlx::query(
        "INSERT INTO device_result (device_id, run_id, job_id, class, message, size_bytes, driver, driver_sha256,
            started_at, finished_at, reused, transcript)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         ON CONFLICT (run_id, device_id) DO UPDATE SET job_id = excluded.job_id, class = excluded.class,
            message = excluded.message, size_bytes = excluded.size_bytes, driver = excluded.driver,
            driver_sha256 = excluded.driver_sha256, started_at = excluded.started_at,
            finished_at = excluded.finished_at, reused = excluded.reused, transcript = excluded.transcript
           WHERE device_result.class NOT IN ('ok', 'unchanged')
         RETURNING id",
    )
    .bind(new.device_id.0)
    .bind(new.run_id.map(|id| id.0))
    .bind(new.job_id.map(|id| id.0))
    .bind(new.class.as_str())
    .bind(new.message.clone())
    .bind(i64::try_from(new.size_bytes).unwrap_or(i64::MAX))
    .bind(new.driver.clone())
    .bind(new.driver_sha256.clone())
    .bind(new.started_at.millis())
    .bind(new.finished_at.millis())
    .bind(i64::from(new.reused))
    .bind(new.transcript.clone())
    .fetch_optional(&mut **tx)
    .await?;
    if row.is_some() && !new.reused && new.class != Class::Cancelled {
        repeat_on_device_in_txn(tx, new).await?;
    }
    Ok(())
}

async fn repeat_on_device_in_txn(tx: &mut Tx, new: &NewResult) -> Result<()> {
    let status = match new.class {
        Class::Unsupported => None,
        class => Some(if class.is_answer() { "online" } else { "offline" }),
    };
    sqlx::query(
        "UPDATE device SET last_class = $2, last_message = $3, last_finished_at = $4,
                last_good_at = CASE WHEN $5 = 1 THEN $4 ELSE last_good_at END,
                last_seen_at = CASE WHEN $6 = 'online' THEN $4 ELSE last_seen_at END,
                status = COALESCE($6, status),
                status_at = CASE WHEN $6 IS NULL OR $6 = status THEN status_at ELSE $4 END,
                failures = CASE WHEN $5 = 1 THEN 0 WHEN $2 = 'suspect' THEN failures ELSE failures + 1 END
         WHERE id = $1",
    )
    .bind(new.device_id.0)
    .bind(new.class.as_str())
    .bind(new.message.clone())
    .bind(new.finished_at.millis())
    .bind(i64::from(new.class.is_good()))
    .bind(status)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Results of a device, newest first.
pub async fn result_list_of_device(db: &Db, device: DeviceId, limit: u32) -> Result<Vec<DeviceResult>> {
    let mut filter = Filter::new();
    filter.and_int("r.device_id = ?", device.0);
    results(db, &filter, &format!(" ORDER BY r.id DESC LIMIT {limit}")).await
}

const HISTORY: History<DeviceResult> = History {
    table: "device_result",
    columns: "id, class, finished_at",
    time: "finished_at",
    until: "finished_at <= ?",
    select: SELECT,
    id: "r.id",
    row: result,
};

/// Results of a device in `filter` that ended within `span`, those before `before`, newest first.
pub async fn result_page_of_device(
    db: &Db,
    device: DeviceId,
    filter: &ResultFilter,
    span: Span,
    before: Option<i64>,
) -> Result<ResultPage> {
    let mut rows = Filter::new();
    rows.and_int("device_id = ?", device.0);
    HISTORY.narrow_until(db, &mut rows, span.to).await?;
    let ask = |asked: &mut Filter| {
        match filter.good {
            Some(true) => asked.and("class IN ('ok', 'unchanged')"),
            Some(false) => asked.and("class NOT IN ('ok', 'unchanged')"),
            None => &mut *asked,
        };
        if let Some(class) = filter.class {
            asked.and_text("class = ?", class.as_str());
        }
        if let Some(from) = span.from {
            asked.and_int("finished_at >= ?", from.millis());
        }
        if let Some(to) = span.to {
            asked.and_int("finished_at <= ?", to.millis());
        }
    };
    HISTORY.page(db, &rows, ask, span, before).await
}

/// A page of the results of a run of devices in the scope, of those alone that are not good where
/// `only_failed`: those that failed first, then by host name.
pub async fn result_page_of_run(
    db: &Db,
    scope: &Scope,
    run: RunId,
    only_failed: bool,
    page: Page,
) -> Result<Vec<DeviceResult>> {
    let mut filter = Filter::new();
    filter.and_int("r.run_id = ?", run.0);
    narrow(&mut filter, scope, "r.device_id");
    if only_failed {
        filter.and("r.class NOT IN ('ok', 'unchanged')");
    }
    let order = format!(
        " ORDER BY CASE WHEN r.class IN ('ok', 'unchanged') THEN 1 ELSE 0 END, d.hostname, r.id \
         LIMIT {} OFFSET {}",
        page.limit(),
        page.offset()
    );
    results(db, &filter, &order).await
}

/// How many results of devices in the scope a run has, and how many of them are not good.
pub async fn result_count_of_run(db: &Db, scope: &Scope, run: RunId) -> Result<(u64, u64)> {
    let mut filter = Filter::new();
    filter.and_int("run_id = ?", run.0);
    narrow(&mut filter, scope, "device_id");
    let counted = filter.query(
        "SELECT COUNT(*) AS n, COUNT(CASE WHEN class NOT IN ('ok', 'unchanged') THEN 1 END) AS failed
         FROM device_result",
        "",
    );
    let row = counted.fetch_one(db.reader()).await?;
    Ok((row.count("n")?, row.count("failed")?))
}

/// How many results of devices in the scope each of these runs has, and how many of them are not good; runs without any are
/// left out.
pub async fn result_count_of_runs(
    db: &Db,
    scope: &Scope,
    runs: &[RunId],
) -> Result<HashMap<RunId, (u32, u32)>> {
    let mut filter = Filter::new();
    filter.and_one_of("run_id", runs.iter().map(|run| run.0));
    narrow(&mut filter, scope, "device_id");
    let counted = filter.query(
        "SELECT run_id, COUNT(*) AS n, COUNT(CASE WHEN class NOT IN ('ok', 'unchanged') THEN 1 END) AS failed
         FROM device_result",
        " GROUP BY run_id",
    );
    let rows = counted.fetch_all(db.reader()).await?;
    rows.iter().map(|row| Ok((RunId(row.int("run_id")?), (row.count("n")?, row.count("failed")?)))).collect()
}

/// Whose a result is.
pub async fn result_fetch_device(db: &Db, id: DeviceResultId) -> Result<Option<DeviceId>> {
    let row = sqlx::query("SELECT device_id FROM device_result WHERE id = $1")
        .bind(id.0)
        .fetch_optional(db.reader())
        .await?;
    row.map(|row| Ok(DeviceId(row.int("device_id")?))).transpose()
}

/// The devices of which a run has a result, each with its class; those that were cancelled are left out.
pub async fn result_list_classes_of_run(db: &Db, run: RunId) -> Result<Vec<(DeviceId, Class)>> {
    classes(db, Filter::new().and_int("run_id = ?", run.0)).await
}

/// The same of some devices alone.
pub async fn result_list_classes_in_run(
    db: &Db,
    run: RunId,
    devices: &[DeviceId],
) -> Result<Vec<(DeviceId, Class)>> {
    let ids = devices.iter().map(|id| id.0);
    classes(db, Filter::new().and_int("run_id = ?", run.0).and_one_of("device_id", ids)).await
}

async fn classes(db: &Db, filter: &mut Filter) -> Result<Vec<(DeviceId, Class)>> {
    let query = filter.and("class <> 'cancelled'").query("SELECT device_id, class FROM device_result", "");
    let rows = query.fetch_all(db.reader()).await?;
    rows.iter().map(|row| Ok((DeviceId(row.int("device_id")?), row.named("class", Class::parse)?))).collect()
}

/// The devices of which a run has a good text, taken in it or taken over from a moment before.
pub async fn result_list_good_of_run(db: &Db, run: RunId) -> Result<HashSet<DeviceId>> {
    let rows =
        sqlx::query("SELECT device_id FROM device_result WHERE run_id = $1 AND class IN ('ok', 'unchanged')")
            .bind(run.0)
            .fetch_all(db.reader())
            .await?;
    rows.iter().map(|row| Ok(DeviceId(row.int("device_id")?))).collect()
}

/// Results of a job after result `after`, in the order they came.
pub async fn result_list_of_job(db: &Db, job: JobId, after: DeviceResultId) -> Result<Vec<DeviceResult>> {
    let mut filter = Filter::new();
    filter.and_int("r.job_id = ?", job.0).and_int("r.id > ?", after.0);
    results(db, &filter, " ORDER BY r.id").await
}

/// A result of this device that finished after `since` and need not be repeated.
pub async fn result_fetch_recent(
    db: &Db,
    device: DeviceId,
    since: Timestamp,
) -> Result<Option<DeviceResult>> {
    let mut filter = Filter::new();
    filter.and_int("r.device_id = ?", device.0);
    let newest = results(db, &filter, " ORDER BY r.id DESC LIMIT 1").await?;
    Ok(newest.into_iter().find(|result| result.finished_at >= since && result.class.is_good()))
}

/// Whether the last so many collections of a device that told of a change found none, as far back as jobs are kept.
pub async fn change_in_vain_in_txn(tx: &mut Tx, device: DeviceId, times: u32) -> Result<bool> {
    let rows = sqlx::query(
        "SELECT r.class FROM device_result r JOIN job j ON j.id = r.job_id
         WHERE r.device_id = $1 AND j.kind = 'change' ORDER BY r.id DESC LIMIT $2",
    )
    .bind(device.0)
    .bind(i64::from(times))
    .fetch_all(&mut **tx)
    .await?;
    let mut in_vain = 0;
    for row in &rows {
        in_vain += u32::from(row.named("class", Class::parse)? == Class::Unchanged);
    }
    Ok(in_vain == times)
}

/// The kept session of a result, compressed.
pub async fn transcript_fetch(db: &Db, id: DeviceResultId) -> Result<Option<Vec<u8>>> {
    let row = sqlx::query("SELECT transcript FROM device_result WHERE id = $1 AND transcript IS NOT NULL")
        .bind(id.0)
        .fetch_optional(db.reader())
        .await?;
    row.map(|row| row.bytes("transcript")).transpose()
}

pub(super) async fn results(db: &Db, filter: &Filter, after: &str) -> Result<Vec<DeviceResult>> {
    let rows = filter.query(SELECT, after).fetch_all(db.reader()).await?;
    rows.iter().map(result).collect()
}

fn result(row: &AnyRow) -> Result<DeviceResult> {
    let driver = match (row.opt_text("driver")?, row.opt_text("driver_sha256")?) {
        (Some(name), Some(sha256)) => Some(format!("{name} {}", sha256.get(..8).unwrap_or_default())),
        (name, _) => name,
    };
    Ok(DeviceResult {
        id: DeviceResultId(row.int("id")?),
        device_id: DeviceId(row.int("device_id")?),
        hostname: row.text("hostname")?,
        address: row.text("address")?,
        run_id: row.opt_int("run_id")?.map(RunId),
        class: row.named("class", Class::parse)?,
        message: row.text("message")?,
        size_bytes: row.count("size_bytes")?,
        driver,
        started_at: row.time("started_at")?,
        finished_at: row.time("finished_at")?,
        reused: row.flag("reused")?,
        has_transcript: row.flag("has_transcript")?,
    })
}

/// The names of the credentials that the devices of a run took last, sorted.
pub async fn run_credentials_in_txn(tx: &mut Tx, run: RunId) -> Result<Vec<String>> {
    let rows = sqlx::query(
        "SELECT DISTINCT c.name FROM device_result r JOIN device_fact f ON f.device_id = r.device_id
         JOIN credential c ON c.id = f.credential_id WHERE r.run_id = $1 ORDER BY c.name",
    )
    .bind(run.0)
    .fetch_all(&mut **tx)
    .await?;
    rows.iter().map(|row| row.text("name")).collect()
}
