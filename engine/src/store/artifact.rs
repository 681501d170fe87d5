//! Vendors' backups: which are kept, what attempts to fetch them came to, and the files that hold them.

use std::collections::HashSet;

use etiqa_model::artifact::{Artifact, ArtifactKind, ArtifactResult};
use etiqa_model::class::Class;
use etiqa_model::scope::Scope;
use etiqa_model::{ArtifactId, ArtifactResultId, DeviceId, JobId, RunId, Timestamp};
use sqlx::any::AnyRow;

use super::scope::narrow;
use crate::db::{Db, Filter, Result, RowExt, Tx};

const SELECT: &str = "SELECT id, device_id, kind, file_name, sha256, size_bytes, encrypted, collected_at, run_id, \
     (SELECT b.missing_at FROM artifact_blob b WHERE b.sha256 = artifact.sha256) AS missing_at FROM artifact";

const SELECT_RESULT: &str = "SELECT r.id, r.device_id, d.hostname, r.run_id, r.kind, r.class, r.message, \
     r.started_at, r.finished_at, CASE WHEN r.transcript IS NULL THEN 0 ELSE 1 END AS has_transcript \
     FROM artifact_result r JOIN device d ON d.id = r.device_id";

/// A vendor's backup that is about to be kept.
#[derive(Debug, Clone)]
pub struct NewArtifact {
    /// Whose.
    pub device_id: DeviceId,
    /// How it was made.
    pub kind: ArtifactKind,
    /// The name under which it is handed out.
    pub file_name: String,
    /// Lower-case hexadecimal.
    pub sha256: String,
    /// Bytes.
    pub size_bytes: u64,
    /// Whether the device encrypted it.
    pub is_encrypted: bool,
    /// When it was whole here.
    pub collected_at: Timestamp,
    /// The run it was fetched for.
    pub run_id: Option<RunId>,
}

/// What an attempt came to.
#[derive(Debug, Clone)]
pub struct NewArtifactResult {
    /// Whose.
    pub device_id: DeviceId,
    /// For which run.
    pub run_id: Option<RunId>,
    /// For which job, where it was asked for by hand.
    pub job_id: Option<JobId>,
    /// How it was to be made.
    pub kind: ArtifactKind,
    /// How it ended.
    pub class: Class,
    /// One sentence.
    pub message: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// What was said, compressed, where it went wrong.
    pub transcript: Option<Vec<u8>>,
}

/// Notes that the file of a vendor's backup is in the data directory named `data_dir`.
pub async fn artifact_blob_insert_in_txn(
    tx: &mut Tx,
    sha256: &str,
    size_bytes: u64,
    data_dir: &str,
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO artifact_blob (sha256, size_bytes, data_dir, stored_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (sha256) DO UPDATE SET unused_since = NULL, missing_at = NULL",
    )
    .bind(sha256.to_owned())
    .bind(i64::try_from(size_bytes).unwrap_or(i64::MAX))
    .bind(data_dir.to_owned())
    .bind(now.millis())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Keeps a vendor's backup whose file is noted already.
pub async fn artifact_insert_in_txn(tx: &mut Tx, new: &NewArtifact) -> Result<ArtifactId> {
    let row = sqlx::query(
        "INSERT INTO artifact (device_id, kind, file_name, sha256, size_bytes, encrypted, collected_at, run_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id",
    )
    .bind(new.device_id.0)
    .bind(new.kind.as_str())
    .bind(new.file_name.clone())
    .bind(new.sha256.clone())
    .bind(i64::try_from(new.size_bytes).unwrap_or(i64::MAX))
    .bind(i64::from(new.is_encrypted))
    .bind(new.collected_at.millis())
    .bind(new.run_id.map(|id| id.0))
    .fetch_one(&mut **tx)
    .await?;
    Ok(ArtifactId(row.int("id")?))
}

/// Keeps the newest `keep` of a device and gives up the others; their files go later.
pub async fn artifact_prune_in_txn(tx: &mut Tx, device: DeviceId, keep: u32) -> Result<()> {
    sqlx::query(
        "DELETE FROM artifact WHERE device_id = $1 AND id NOT IN
           (SELECT id FROM artifact WHERE device_id = $1 ORDER BY id DESC LIMIT $2)",
    )
    .bind(device.0)
    .bind(i64::from(keep))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Those that are kept of a device, newest first.
pub async fn artifact_list_of_device(db: &Db, device: DeviceId) -> Result<Vec<Artifact>> {
    let rows = Filter::new()
        .and_int("device_id = ?", device.0)
        .query(SELECT, " ORDER BY id DESC")
        .fetch_all(db.reader())
        .await?;
    rows.iter().map(artifact).collect()
}

/// The newest one of a device.
pub async fn artifact_fetch_newest(db: &Db, device: DeviceId) -> Result<Option<Artifact>> {
    let row = Filter::new()
        .and_int("device_id = ?", device.0)
        .query(SELECT, " ORDER BY id DESC LIMIT 1")
        .fetch_optional(db.reader())
        .await?;
    row.as_ref().map(artifact).transpose()
}

/// When the newest one of a device was asked for: when its run began, or when it came where it was asked for by hand.
pub async fn artifact_last_asked(db: &Db, device: DeviceId) -> Result<Option<Timestamp>> {
    let row = sqlx::query(
        "SELECT COALESCE(r.started_at, a.collected_at) AS asked_at FROM artifact a
         LEFT JOIN backup_run r ON r.id = a.run_id WHERE a.device_id = $1 ORDER BY a.id DESC LIMIT 1",
    )
    .bind(device.0)
    .fetch_optional(db.reader())
    .await?;
    row.map(|row| row.time("asked_at")).transpose()
}

/// One, by id.
pub async fn artifact_fetch(db: &Db, id: ArtifactId) -> Result<Option<Artifact>> {
    let row = Filter::new().and_int("id = ?", id.0).query(SELECT, "").fetch_optional(db.reader()).await?;
    row.as_ref().map(artifact).transpose()
}

/// Stores what an attempt came to.
pub async fn artifact_result_insert_in_txn(tx: &mut Tx, new: &NewArtifactResult) -> Result<()> {
    sqlx::query(
        "INSERT INTO artifact_result
           (device_id, run_id, job_id, kind, class, message, started_at, finished_at, transcript)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(new.device_id.0)
    .bind(new.run_id.map(|id| id.0))
    .bind(new.job_id.map(|id| id.0))
    .bind(new.kind.as_str())
    .bind(new.class.as_str())
    .bind(new.message.clone())
    .bind(new.started_at.millis())
    .bind(new.finished_at.millis())
    .bind(new.transcript.clone())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Keeps the newest `keep` attempts of a device.
pub async fn artifact_result_prune_in_txn(tx: &mut Tx, device: DeviceId, keep: u32) -> Result<()> {
    sqlx::query(
        "DELETE FROM artifact_result WHERE device_id = $1 AND id NOT IN
           (SELECT id FROM artifact_result WHERE device_id = $1 ORDER BY id DESC LIMIT $2)",
    )
    .bind(device.0)
    .bind(i64::from(keep))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Attempts of a device, newest first.
pub async fn artifact_result_list_of_device(
    db: &Db,
    device: DeviceId,
    limit: u32,
) -> Result<Vec<ArtifactResult>> {
    let mut filter = Filter::new();
    filter.and_int("r.device_id = ?", device.0);
    results(db, &filter, &format!(" ORDER BY r.id DESC LIMIT {limit}")).await
}

/// Attempts of a run of devices in the scope: those that failed first, then by host name.
pub async fn artifact_result_list_of_run(
    db: &Db,
    scope: &Scope,
    run: RunId,
    limit: u32,
) -> Result<Vec<ArtifactResult>> {
    let mut filter = Filter::new();
    filter.and_int("r.run_id = ?", run.0);
    narrow(&mut filter, scope, "r.device_id");
    let order =
        format!(" ORDER BY CASE WHEN r.class = 'ok' THEN 1 ELSE 0 END, d.hostname, r.id LIMIT {limit}");
    results(db, &filter, &order).await
}

/// The devices of whose own backups a run has a result, each with its class; those that were cancelled are left out.
pub async fn artifact_result_list_classes_of_run(db: &Db, run: RunId) -> Result<Vec<(DeviceId, Class)>> {
    let rows = sqlx::query(
        "SELECT device_id, class FROM artifact_result WHERE run_id = $1 AND class <> 'cancelled'",
    )
    .bind(run.0)
    .fetch_all(db.reader())
    .await?;
    rows.iter().map(|row| Ok((DeviceId(row.int("device_id")?), row.named("class", Class::parse)?))).collect()
}

/// Attempts of a job, in the order they ended.
pub async fn artifact_result_list_of_job(db: &Db, job: JobId) -> Result<Vec<ArtifactResult>> {
    let mut filter = Filter::new();
    filter.and_int("r.job_id = ?", job.0);
    results(db, &filter, " ORDER BY r.id").await
}

/// Whose an attempt was.
pub async fn artifact_result_fetch_device(db: &Db, id: ArtifactResultId) -> Result<Option<DeviceId>> {
    let row = sqlx::query("SELECT device_id FROM artifact_result WHERE id = $1")
        .bind(id.0)
        .fetch_optional(db.reader())
        .await?;
    row.map(|row| Ok(DeviceId(row.int("device_id")?))).transpose()
}

/// What was said in an attempt, compressed.
pub async fn artifact_transcript_fetch(db: &Db, id: ArtifactResultId) -> Result<Option<Vec<u8>>> {
    let row = sqlx::query("SELECT transcript FROM artifact_result WHERE id = $1 AND transcript IS NOT NULL")
        .bind(id.0)
        .fetch_optional(db.reader())
        .await?;
    row.map(|row| row.bytes("transcript")).transpose()
}

/// Notes which files nothing refers to any more, and gives those of `data_dir` that nothing has referred to since
/// `before`; with `also_orphaned` those besides whose machine is gone.
pub async fn artifact_blob_list_unused(
    db: &Db,
    data_dir: &str,
    also_orphaned: bool,
    before: Timestamp,
    now: Timestamp,
) -> Result<Vec<String>> {
    let mut tx = db.write().await?;
    sqlx::query(
        "UPDATE artifact_blob SET unused_since = $1 WHERE unused_since IS NULL
         AND NOT EXISTS (SELECT 1 FROM artifact a WHERE a.sha256 = artifact_blob.sha256)",
    )
    .bind(now.millis())
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    let rows = sqlx::query(
        "SELECT sha256 FROM artifact_blob WHERE unused_since <= $1 AND (data_dir = $2
           OR ($3 = 1 AND NOT EXISTS (SELECT 1 FROM machine m WHERE m.files_id = artifact_blob.data_dir)))",
    )
    .bind(before.millis())
    .bind(data_dir.to_owned())
    .bind(i64::from(also_orphaned))
    .fetch_all(db.reader())
    .await?;
    rows.iter().map(|row| row.text("sha256")).collect()
}

/// Forgets a file that nothing has referred to since `before`; false when something does again.
pub async fn artifact_blob_forget_in_txn(tx: &mut Tx, sha256: &str, before: Timestamp) -> Result<bool> {
    let done = sqlx::query(
        "DELETE FROM artifact_blob WHERE sha256 = $1 AND unused_since <= $2
         AND NOT EXISTS (SELECT 1 FROM artifact WHERE sha256 = $1)",
    )
    .bind(sha256.to_owned())
    .bind(before.millis())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Notes a file that nobody noted, as one that nothing has referred to since then.
pub async fn artifact_blob_note_unused(
    db: &Db,
    sha256: &str,
    size_bytes: u64,
    data_dir: &str,
    since: Timestamp,
) -> Result<()> {
    let mut tx = db.write().await?;
    sqlx::query(
        "INSERT INTO artifact_blob (sha256, size_bytes, data_dir, stored_at, unused_since) VALUES ($1, $2, $3, $4, $4)
         ON CONFLICT (sha256) DO NOTHING",
    )
    .bind(sha256.to_owned())
    .bind(i64::try_from(size_bytes).unwrap_or(i64::MAX))
    .bind(data_dir.to_owned())
    .bind(since.millis())
    .execute(&mut *tx)
    .await?;
    Ok(tx.commit().await?)
}

/// Files that are noted as being in this folder, by hash.
pub async fn artifact_blob_list_in(db: &Db, data_dir: &str) -> Result<Vec<String>> {
    let rows = sqlx::query("SELECT sha256 FROM artifact_blob WHERE data_dir = $1")
        .bind(data_dir.to_owned())
        .fetch_all(db.reader())
        .await?;
    rows.iter().map(|row| row.text("sha256")).collect()
}

/// Notes that a file is in another folder now.
pub async fn artifact_blob_move(db: &Db, sha256: &str, to: &str) -> Result<()> {
    let mut tx = db.write().await?;
    sqlx::query("UPDATE artifact_blob SET data_dir = $2 WHERE sha256 = $1")
        .bind(sha256.to_owned())
        .bind(to.to_owned())
        .execute(&mut *tx)
        .await?;
    Ok(tx.commit().await?)
}

/// Files in the data directory named `data_dir` that something refers to: hash and size in bytes.
pub async fn artifact_blob_list_used(db: &Db, data_dir: &str) -> Result<Vec<(String, u64)>> {
    let rows = sqlx::query(
        "SELECT sha256, size_bytes FROM artifact_blob WHERE data_dir = $1 AND unused_since IS NULL ORDER BY sha256",
    )
    .bind(data_dir.to_owned())
    .fetch_all(db.reader())
    .await?;
    rows.iter().map(|row| Ok((row.text("sha256")?, row.count("size_bytes")?))).collect()
}

/// Every file that is noted, by hash: three for each device, and those of the last week.
pub async fn artifact_blob_list(db: &Db) -> Result<HashSet<String>> {
    let rows = sqlx::query("SELECT sha256 FROM artifact_blob").fetch_all(db.reader()).await?;
    rows.iter().map(|row| row.text("sha256")).collect()
}

async fn results(db: &Db, filter: &Filter, after: &str) -> Result<Vec<ArtifactResult>> {
    let rows = filter.query(SELECT_RESULT, after).fetch_all(db.reader()).await?;
    rows.iter().map(result).collect()
}

fn artifact(row: &AnyRow) -> Result<Artifact> {
    Ok(Artifact {
        id: ArtifactId(row.int("id")?),
        device_id: DeviceId(row.int("device_id")?),
        kind: row.named("kind", ArtifactKind::parse)?,
        file_name: row.text("file_name")?,
        sha256: row.text("sha256")?,
        size_bytes: row.count("size_bytes")?,
        is_encrypted: row.flag("encrypted")?,
        is_missing: row.opt_time("missing_at")?.is_some(),
        collected_at: row.time("collected_at")?,
        run_id: row.opt_int("run_id")?.map(RunId),
    })
}

fn result(row: &AnyRow) -> Result<ArtifactResult> {
    Ok(ArtifactResult {
        id: ArtifactResultId(row.int("id")?),
        device_id: DeviceId(row.int("device_id")?),
        hostname: row.text("hostname")?,
        run_id: row.opt_int("run_id")?.map(RunId),
        kind: row.named("kind", ArtifactKind::parse)?,
        class: row.named("class", Class::parse)?,
        message: row.text("message")?,
        started_at: row.time("started_at")?,
        finished_at: row.time("finished_at")?,
        has_transcript: row.flag("has_transcript")?,
    })
}
