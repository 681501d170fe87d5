//! The queue: claimed by one statement, held by a lease, at least once.

use std::collections::HashSet;
use std::time::Duration;

use etiqa_model::job::JobState as Standing;
use etiqa_model::page::Page;
use etiqa_model::{DeviceId, JobId, RunId, Timestamp};
use sqlx::any::AnyRow;

use crate::db::{Db, DbKind, Filter, Result, RowExt, Tx};

/// Jobs that a process may take: $2 now, $5 the kinds, $6 and $7 its folders, $8 its site.
const FOR_TAKER: &str = "finished_at IS NULL AND due_at <= $2 AND $5 LIKE '%,' || kind || ',%'
     AND (data_dir IS NULL OR data_dir = $6 OR data_dir = $7)
     AND (site = '' OR site = $8
          OR ($8 = '' AND (site IS NULL OR NOT EXISTS (
              SELECT 1 FROM machine m WHERE m.role = 'worker' AND m.site = job.site))))
     AND (lease_expires_at IS NULL OR lease_expires_at <= $2)";

/// That an open job of a kind has `device d` among those that its payload lists, as in [`job_is_open_for_device`].
const LISTS_DEVICE: &str = "EXISTS (SELECT 1 FROM job WHERE finished_at IS NULL AND kind = ?
     AND REPLACE(REPLACE(payload, '[', ','), ']', ',') LIKE '%,' || CAST(d.id AS TEXT) || ',%')";

/// A job as a worker takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Row id.
    pub id: JobId,
    /// Which work.
    pub kind: String,
    /// Its JSON.
    pub payload: String,
    /// How often it was taken, this time included.
    pub attempts: u32,
}

/// Who takes jobs, and which of them.
#[derive(Debug, Clone, Copy)]
pub struct Taker<'a> {
    /// The name under which they are held.
    pub owner: &'a str,
    /// Its data directory, and the folder of its files: jobs that need others are not for it.
    pub folders: [&'a str; 2],
    /// The site that it works for: it takes what is to be done there, and at no site. None: it takes what is of no site
    /// besides, and what is of sites that have no worker of their own.
    pub site: Option<&'a str>,
    /// Kinds of which it takes some now: what it does not know is for newer versions.
    pub takes: &'a [&'a str],
}

/// A job as a person looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedJob {
    /// Row id.
    pub id: JobId,
    /// Which work: its JSON.
    pub payload: String,
    /// How often it was begun.
    pub attempts: u32,
    /// When it is begun, or begun again, at the earliest.
    pub due_at: Timestamp,
    /// When it was queued.
    pub created_at: Timestamp,
    /// Who works on it.
    pub lease_owner: Option<String>,
    /// Until when, unless renewed.
    pub lease_expires_at: Option<Timestamp>,
    /// When it was given up.
    pub finished_at: Option<Timestamp>,
    /// It was given up.
    pub dead: bool,
    /// What went wrong last.
    pub error: Option<String>,
}

/// Where a job stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobState {
    /// When it ended; none: it waits or is worked on.
    pub finished_at: Option<Timestamp>,
    /// It was given up.
    pub dead: bool,
    /// Why.
    pub error: Option<String>,
}

/// When a job is done, and since when it has been there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// When it is begun at the earliest.
    pub due_at: Timestamp,
    /// When it was queued.
    pub created_at: Timestamp,
}

/// Adds a job. With a key that an open or ended job has, nothing is added and that job's id comes back.
pub async fn job_insert_in_txn(
    tx: &mut Tx,
    kind: &str,
    payload: &str,
    idempotency_key: Option<&str>,
    priority: i64,
    now: Timestamp,
) -> Result<JobId> {
    let row = sqlx::query(
        "INSERT INTO job (kind, payload, idempotency_key, priority, due_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $5)
         ON CONFLICT (idempotency_key) DO UPDATE SET kind = job.kind RETURNING id",
    )
    .bind(kind.to_owned())
    .bind(payload.to_owned())
    .bind(idempotency_key.map(str::to_owned))
    .bind(priority)
    .bind(now.millis())
    .fetch_one(&mut **tx)
    .await?;
    Ok(JobId(row.int("id")?))
}

/// Makes a job one that only a machine with this data directory can do.
pub async fn job_bind_in_txn(tx: &mut Tx, id: JobId, data_dir: &str) -> Result<()> {
    sqlx::query("UPDATE job SET data_dir = $2 WHERE id = $1")
        .bind(id.0)
        .bind(data_dir.to_owned())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Makes a job one that only a machine can do that has the archive of this run in its folder.
pub async fn job_bind_to_archive_in_txn(tx: &mut Tx, id: JobId, run: RunId) -> Result<()> {
    sqlx::query(
        "UPDATE job SET data_dir = (SELECT leftover_dir FROM backup_run WHERE id = $2) WHERE id = $1",
    )
    .bind(id.0)
    .bind(run.0)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Makes a job one that is to be done at a site; an empty one: by any worker.
pub async fn job_place_in_txn(tx: &mut Tx, id: JobId, site: &str) -> Result<()> {
    sqlx::query("UPDATE job SET site = $2 WHERE id = $1")
        .bind(id.0)
        .bind(site.to_owned())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Lets a job that nobody has begun wait until `due_at`, but no longer than `longest` from when it was queued. Gives when it
/// is due now.
pub async fn job_postpone_in_txn(
    tx: &mut Tx,
    id: JobId,
    due_at: Timestamp,
    longest: Duration,
) -> Result<Due> {
    sqlx::query(
        "UPDATE job SET due_at = $2
         WHERE id = $1 AND lease_owner IS NULL AND attempts = 0 AND due_at < $2 AND created_at >= $3",
    )
    .bind(id.0)
    .bind(due_at.millis())
    .bind(due_at.minus(longest).millis())
    .execute(&mut **tx)
    .await?;
    let row = sqlx::query("SELECT due_at, created_at FROM job WHERE id = $1")
        .bind(id.0)
        .fetch_one(&mut **tx)
        .await?;
    Ok(Due { due_at: row.time("due_at")?, created_at: row.time("created_at")? })
}

/// Lets no job of a kind wait any longer.
pub async fn job_hurry_in_txn(tx: &mut Tx, kind: &str, now: Timestamp) -> Result<()> {
    sqlx::query(
        "UPDATE job SET due_at = $2
         WHERE kind = $1 AND finished_at IS NULL AND due_at > $2 AND lease_expires_at IS NULL",
    )
    .bind(kind.to_owned())
    .bind(now.millis())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Lets servers do what waits for the workers of a site, who are gone; gives how many jobs.
pub async fn job_unplace(db: &Db, site: &str, kinds: &[&str], now: Timestamp) -> Result<u64> {
    let waits = "site = $1 AND $2 LIKE '%,' || kind || ',%' AND finished_at IS NULL
                 AND (lease_expires_at IS NULL OR lease_expires_at <= $3)";
    let kinds = format!(",{},", kinds.join(","));
    let (any, unplace) = (
        format!("SELECT id FROM job WHERE {waits} LIMIT 1"),
        format!("UPDATE job SET site = NULL, data_dir = NULL WHERE {waits}"),
    );
    let bound =
        |sql| sqlx::query(crate::db::built(sql)).bind(site.to_owned()).bind(kinds.clone()).bind(now.millis());
    if bound(any).fetch_optional(db.reader()).await?.is_none() {
        return Ok(0);
    }
    let mut tx = db.write().await?;
    let done = bound(unplace).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(done.rows_affected())
}

/// Takes a job's key away from it: from now on the same work can be queued again while this job goes on.
pub async fn job_drop_key(db: &Db, id: JobId) -> Result<()> {
    let mut tx = db.write().await?;
    sqlx::query("UPDATE job SET idempotency_key = NULL WHERE id = $1").bind(id.0).execute(&mut *tx).await?;
    Ok(tx.commit().await?)
}

/// The sites of those parts of a run, of one kind, that wait or are worked on, each as often as it has some.
pub async fn job_list_open_parts(db: &Db, kind: &str, run: RunId) -> Result<Vec<String>> {
    // The keys of parts of one run stand together in their index.
    let rows = sqlx::query(
        "SELECT COALESCE(site, '') AS site FROM job
         WHERE idempotency_key >= $1 AND idempotency_key < $2 AND finished_at IS NULL",
    )
    .bind(format!("{kind}:{run}:"))
    .bind(format!("{kind}:{run};"))
    .fetch_all(db.reader())
    .await?;
    rows.iter().map(|row| row.text("site")).collect()
}

/// Forgets those parts of a run, of one kind, that nobody works on (any more); of one site where named.
pub async fn job_drop_waiting_parts(
    db: &Db,
    kind: &str,
    run: RunId,
    site: Option<&str>,
    now: Timestamp,
) -> Result<()> {
    let mut tx = db.write().await?;
    sqlx::query(
        "DELETE FROM job WHERE idempotency_key >= $1 AND idempotency_key < $2 AND finished_at IS NULL
           AND (lease_expires_at IS NULL OR lease_expires_at <= $4) AND ($3 = '' OR site = $3)",
    )
    .bind(format!("{kind}:{run}:"))
    .bind(format!("{kind}:{run};"))
    .bind(site.unwrap_or_default().to_owned())
    .bind(now.millis())
    .execute(&mut *tx)
    .await?;
    Ok(tx.commit().await?)
}

/// Forgets the ended job of a key, so that the same work can be queued again.
pub async fn job_forget_ended_in_txn(tx: &mut Tx, idempotency_key: &str) -> Result<()> {
    sqlx::query("DELETE FROM job WHERE idempotency_key = $1 AND finished_at IS NOT NULL")
        .bind(idempotency_key.to_owned())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Takes the most urgent open job whose time has come and that nobody holds.
pub async fn job_claim(db: &Db, by: Taker<'_>, now: Timestamp, until: Timestamp) -> Result<Option<Job>> {
    // On SQLite looking takes no write lock. On PostgreSQL a claim that finds nothing takes none either.
    if db.kind() == DbKind::Sqlite && !is_there(db, by, now).await? {
        return Ok(None);
    }
    claim(db, by, now, until, None).await
}

/// Takes this job, if nobody holds it.
pub async fn job_claim_one(
    db: &Db,
    id: JobId,
    by: Taker<'_>,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Job>> {
    claim(db, by, now, until, Some(id)).await
}

/// Whether there is a job to take.
async fn is_there(db: &Db, by: Taker<'_>, now: Timestamp) -> Result<bool> {
    // $1, $3 and $4 are those of the claim.
    let sql = format!("SELECT id FROM job WHERE $1 <> '' AND $3 = 0 AND $4 = 0 AND {FOR_TAKER} LIMIT 1");
    let row = sqlx::query(crate::db::built(sql))
        .bind(by.owner.to_owned())
        .bind(now.millis())
        .bind(0_i64)
        .bind(0_i64)
        .bind(format!(",{},", by.takes.join(",")))
        .bind(by.folders[0].to_owned())
        .bind(by.folders[1].to_owned())
        .bind(by.site.unwrap_or_default().to_owned())
        .fetch_optional(db.reader())
        .await?;
    Ok(row.is_some())
}

async fn claim(
    db: &Db,
    by: Taker<'_>,
    now: Timestamp,
    until: Timestamp,
    only: Option<JobId>,
) -> Result<Option<Job>> {
    // SQLite has one writer at a time and needs no row locks; PostgreSQL passes over rows that others hold.
    let lock = match db.kind() {
        DbKind::Sqlite => "",
        DbKind::Postgres => "FOR UPDATE SKIP LOCKED",
    };
    let narrowed = if only.is_some() { "id = $4 AND" } else { "$4 = 0 AND" };
    let sql = format!(
        "UPDATE job SET lease_owner = $1, lease_expires_at = $3, attempts = attempts + 1
         WHERE id = (SELECT id FROM job WHERE {narrowed} {FOR_TAKER} ORDER BY priority DESC, due_at, id LIMIT 1 {lock})
         RETURNING id, kind, payload, attempts"
    );
    let claim = sqlx::query(crate::db::built(sql))
        .bind(by.owner.to_owned())
        .bind(now.millis())
        .bind(until.millis())
        .bind(only.map_or(0, |id| id.0))
        .bind(format!(",{},", by.takes.join(",")))
        .bind(by.folders[0].to_owned())
        .bind(by.folders[1].to_owned())
        .bind(by.site.unwrap_or_default().to_owned());
    let row = db.write_one(claim).await?;
    row.map(|row| {
        Ok(Job {
            id: JobId(row.int("id")?),
            kind: row.text("kind")?,
            payload: row.text("payload")?,
            attempts: row.count("attempts")?,
        })
    })
    .transpose()
}

/// Says that the owner still works on it; false when it is not the owner's (any more).
pub async fn job_renew(db: &Db, id: JobId, owner: &str, until: Timestamp) -> Result<bool> {
    let renew = sqlx::query(
        "UPDATE job SET lease_expires_at = $3 WHERE id = $1 AND lease_owner = $2 AND finished_at IS NULL RETURNING id",
    )
    .bind(id.0)
    .bind(owner.to_owned())
    .bind(until.millis());
    Ok(db.write_one(renew).await?.is_some())
}

/// Ends a job that `owner` holds; `error` says why it was given up.
pub async fn job_finish(db: &Db, id: JobId, owner: &str, error: Option<&str>, now: Timestamp) -> Result<()> {
    let finish = sqlx::query(
        "UPDATE job SET finished_at = $3, dead = $4, error = $5, lease_expires_at = NULL
         WHERE id = $1 AND lease_owner = $2",
    )
    .bind(id.0)
    .bind(owner.to_owned())
    .bind(now.millis())
    .bind(i64::from(error.is_some()))
    .bind(error.map(str::to_owned));
    db.write_one(finish).await.map(drop)
}

/// Makes every open job due at `now` that is due later.
pub async fn job_bring_forward_in_txn(tx: &mut Tx, now: Timestamp) -> Result<()> {
    sqlx::query("UPDATE job SET due_at = $1 WHERE finished_at IS NULL AND due_at > $1")
        .bind(now.millis())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Gives a job back, to be taken again at `due_at`; `error` says why, where something went wrong. What was only handed
/// back does not count as an attempt.
pub async fn job_release(
    db: &Db,
    id: JobId,
    owner: &str,
    due_at: Timestamp,
    error: Option<&str>,
) -> Result<()> {
    let release = sqlx::query(
        "UPDATE job SET due_at = $3, lease_owner = NULL, lease_expires_at = NULL, error = COALESCE($4, error),
                attempts = CASE WHEN $4 IS NULL THEN attempts - 1 ELSE attempts END
         WHERE id = $1 AND lease_owner = $2 AND finished_at IS NULL",
    )
    .bind(id.0)
    .bind(owner.to_owned())
    .bind(due_at.millis())
    .bind(error.map(str::to_owned));
    db.write_one(release).await.map(drop)
}

/// Which of the jobs that wait, are worked on or were given up.
pub(super) fn wanted(state: Option<Standing>, kind: &str, now: Timestamp) -> Filter {
    let mut filter = Filter::new();
    filter.and("(finished_at IS NULL OR dead = 1)");
    if !kind.is_empty() {
        filter.and_text("kind = ?", kind);
    }
    let (held, free) =
        ("COALESCE(lease_expires_at, 0) > ? AND dead = 0", "COALESCE(lease_expires_at, 0) <= ? AND dead = 0");
    match state {
        None => {}
        Some(Standing::Dead) => {
            filter.and("dead = 1");
        }
        Some(Standing::Running) => {
            filter.and_int(held, now.millis());
        }
        Some(Standing::Waiting) => {
            filter.and_int(free, now.millis()).and("attempts = 0");
        }
        Some(Standing::Retrying) => {
            filter.and_int(free, now.millis()).and("attempts > 0");
        }
    }
    filter
}

/// Jobs that wait, are worked on or were given up, the first of them, as a person looks at them: what goes on, then
/// what was given up, then what waits.
pub async fn job_list(db: &Db, limit: u32) -> Result<Vec<ListedJob>> {
    listed(db, &wanted(None, "", Timestamp(0)), Page::first(limit)).await
}

/// A page of the same, of one state and one kind where named, and how many there are in all.
pub async fn job_find(
    db: &Db,
    state: Option<Standing>,
    kind: &str,
    now: Timestamp,
    page: Page,
) -> Result<(Vec<ListedJob>, u64)> {
    let filter = wanted(state, kind, now);
    let count = filter.query("SELECT COUNT(*) AS n FROM job", "").fetch_one(db.reader()).await?;
    Ok((listed(db, &filter, page).await?, count.count("n")?))
}

async fn listed(db: &Db, filter: &Filter, page: Page) -> Result<Vec<ListedJob>> {
    let order = format!(
        " ORDER BY CASE WHEN lease_owner IS NOT NULL AND finished_at IS NULL THEN 0 WHEN dead = 1 THEN 1 ELSE 2 END,
                  priority DESC, due_at, id LIMIT {} OFFSET {}",
        page.limit(),
        page.offset()
    );
    let columns = "SELECT id, payload, attempts, due_at, created_at, lease_owner, lease_expires_at, finished_at, dead, error
         FROM job";
    let rows = filter.query(columns, &order).fetch_all(db.reader()).await?;
    rows.iter().map(listed_job).collect()
}

pub(super) fn listed_job(row: &AnyRow) -> Result<ListedJob> {
    Ok(ListedJob {
        id: JobId(row.int("id")?),
        payload: row.text("payload")?,
        attempts: row.count("attempts")?,
        due_at: row.time("due_at")?,
        created_at: row.time("created_at")?,
        lease_owner: row.opt_text("lease_owner")?,
        lease_expires_at: row.opt_time("lease_expires_at")?,
        finished_at: row.opt_time("finished_at")?,
        dead: row.flag("dead")?,
        error: row.opt_text("error")?,
    })
}

/// Has a job that was given up, or waits for its next attempt, done now; false when it is neither.
pub async fn job_retry_in_txn(tx: &mut Tx, id: JobId, now: Timestamp) -> Result<bool> {
    let done = sqlx::query(
        "UPDATE job SET due_at = $2, attempts = 0, dead = 0, finished_at = NULL, lease_owner = NULL,
                lease_expires_at = NULL
         WHERE id = $1 AND (dead = 1 OR (finished_at IS NULL AND lease_owner IS NULL))",
    )
    .bind(id.0)
    .bind(now.millis())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Forgets a job that was given up; false when it was not.
pub async fn job_forget_in_txn(tx: &mut Tx, id: JobId) -> Result<bool> {
    let done =
        sqlx::query("DELETE FROM job WHERE id = $1 AND dead = 1").bind(id.0).execute(&mut **tx).await?;
    Ok(done.rows_affected() > 0)
}

/// The open job of this key.
pub async fn job_fetch_open_by_key(db: &Db, key: &str) -> Result<Option<JobId>> {
    let row = sqlx::query("SELECT id FROM job WHERE idempotency_key = $1 AND finished_at IS NULL")
        .bind(key.to_owned())
        .fetch_optional(db.reader())
        .await?;
    row.map(|row| Ok(JobId(row.int("id")?))).transpose()
}

/// Where a job stands; none when it was forgotten.
pub async fn job_state(db: &Db, id: JobId) -> Result<Option<JobState>> {
    let row = sqlx::query("SELECT finished_at, dead, error FROM job WHERE id = $1")
        .bind(id.0)
        .fetch_optional(db.reader())
        .await?;
    row.map(|row| {
        Ok(JobState {
            finished_at: row.opt_time("finished_at")?,
            dead: row.flag("dead")?,
            error: row.opt_text("error")?,
        })
    })
    .transpose()
}

/// Whether an open job of a kind has this device among those that its payload lists.
pub async fn job_is_open_for_device(db: &Db, kind: &str, device: DeviceId) -> Result<bool> {
    // The numbers of a list have a comma at each end once its brackets are commas: so 7 is not found in 17.
    let row = sqlx::query(
        "SELECT id FROM job WHERE finished_at IS NULL AND kind = $1
           AND REPLACE(REPLACE(payload, '[', ','), ']', ',') LIKE $2 LIMIT 1",
    )
    .bind(kind.to_owned())
    .bind(format!("%,{device},%"))
    .fetch_optional(db.reader())
    .await?;
    Ok(row.is_some())
}

/// Those of these devices that an open job of a kind lists in its payload.
pub async fn job_list_open_devices(db: &Db, kind: &str, devices: &[DeviceId]) -> Result<HashSet<DeviceId>> {
    let mut filter = Filter::new();
    filter.and_one_of("d.id", devices.iter().map(|device| device.0)).and_text(LISTS_DEVICE, kind);
    let rows = filter.query("SELECT d.id FROM device d", "").fetch_all(db.reader()).await?;
    rows.iter().map(|row| Ok(DeviceId(row.int("id")?))).collect()
}

/// Forgets jobs that ended before `before`, but for the dead ones.
pub async fn job_delete_ended_in_txn(tx: &mut Tx, before: Timestamp) -> Result<()> {
    sqlx::query("DELETE FROM job WHERE finished_at < $1 AND dead = 0")
        .bind(before.millis())
        .execute(&mut **tx)
        .await?;
    Ok(())
}
