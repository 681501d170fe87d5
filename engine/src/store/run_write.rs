//! The life of a run: queued, claimed, kept alive, ended. Only its owner moves a running run.

use etiqa_model::archive::Encryption;
use etiqa_model::backup::BackupConfig;
use etiqa_model::run::{Phase, Progress, RunStatus, Trigger};
use etiqa_model::{PassphraseId, RunId, Timestamp};

use super::archive_copy::{
    SentCopy, copy_insert_of_run_in_txn, copy_insert_sent_in_txn, copy_leave_of_run_in_txn,
};
use super::notify::notice::{Happened, notice_insert_in_txn};
use crate::db::{Db, Result, RowExt, Tx};

/// Queues a run; a unique violation while the config has a live one.
pub async fn run_insert_in_txn(
    tx: &mut Tx,
    config: &BackupConfig,
    trigger: Trigger,
    retry_of: Option<RunId>,
    now: Timestamp,
) -> Result<RunId> {
    let row = sqlx::query(
        "INSERT INTO backup_run (backup_config_id, name, kind, status, phase, started_by, retry_of, queued_at)
         VALUES ($1, $2, $3, 'pending', 'waiting', $4, $5, $6) RETURNING id",
    )
    .bind(config.id.0)
    .bind(config.name.clone())
    .bind(config.kind.as_str())
    .bind(trigger.as_str())
    .bind(retry_of.map(|id| id.0))
    .bind(now.millis())
    .fetch_one(&mut **tx)
    .await?;
    Ok(RunId(row.int("id")?))
}

/// Takes a pending run; false when it is not pending (any more).
pub async fn run_claim(db: &Db, id: RunId, owner: &str, now: Timestamp, until: Timestamp) -> Result<bool> {
    let mut tx = db.write().await?;
    let done = sqlx::query(
        "UPDATE backup_run SET status = 'running', phase = 'collecting', owner = $2, started_at = $3,
                lease_expires_at = $4 WHERE id = $1 AND status = 'pending'",
    )
    .bind(id.0)
    .bind(owner.to_owned())
    .bind(now.millis())
    .bind(until.millis())
    .execute(&mut *tx)
    .await?;
    let is_claimed = done.rows_affected() > 0;
    if is_claimed {
        notice_insert_in_txn(&mut tx, Happened::Started(id), None, now).await?;
    }
    tx.commit().await?;
    Ok(is_claimed)
}

/// Says that the owner still works on it; false when it is not the owner's (any more).
pub async fn run_renew(db: &Db, id: RunId, owner: &str, until: Timestamp) -> Result<bool> {
    let mut tx = db.write().await?;
    let done = sqlx::query(
        "UPDATE backup_run SET lease_expires_at = $3 WHERE id = $1 AND owner = $2 AND status = 'running'",
    )
    .bind(id.0)
    .bind(owner.to_owned())
    .bind(until.millis())
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(done.rows_affected() > 0)
}

/// Notes how far a run is that `owner` holds.
pub async fn run_progress(db: &Db, id: RunId, owner: &str, phase: Phase, progress: Progress) -> Result<()> {
    let mut tx = db.write().await?;
    sqlx::query(
        "UPDATE backup_run SET phase = $3, done = $4, total = $5 WHERE id = $1 AND owner = $2 AND status = 'running'",
    )
    .bind(id.0)
    .bind(owner.to_owned())
    .bind(phase.as_str())
    .bind(i64::from(progress.done))
    .bind(i64::from(progress.total))
    .execute(&mut *tx)
    .await?;
    Ok(tx.commit().await?)
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Completed, failed or cancelled.
    pub status: RunStatus,
    /// Devices with a good text.
    pub devices_ok: u32,
    /// Devices without one.
    pub devices_failed: u32,
    /// Vendors' own backups that came whole.
    pub artifacts_ok: u32,
    /// Those that did not.
    pub artifacts_failed: u32,
    /// Its archive, once it is on disk, fsynced and verified.
    pub archive: Option<EndingArchive>,
    /// One sentence: why it failed.
    pub error: Option<String>,
}

/// The archive of a completed run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndingArchive {
    /// File name in the folder of backups.
    pub file: String,
    /// Bytes.
    pub size_bytes: u64,
    /// Lower-case hex.
    pub sha256: String,
    /// How it is sealed.
    pub encryption: Encryption,
    /// With which passphrase.
    pub passphrase: Option<PassphraseId>,
    /// What is of it where all machines keep their files.
    pub shared: Option<SentCopy>,
}

/// Ends a run that `owner` holds, and queues its archive for the destinations of its config; false when it is not the
/// owner's (any more).
pub async fn run_finish(db: &Db, id: RunId, owner: &str, ending: &Ending, now: Timestamp) -> Result<bool> {
    let mut tx = db.write().await?;
    let done = run_finish_in_txn(&mut tx, id, owner, ending, now).await?;
    tx.commit().await?;
    Ok(done)
}

/// [`run_finish`] within a transaction.
pub async fn run_finish_in_txn(
    tx: &mut Tx,
    id: RunId,
    owner: &str,
    ending: &Ending,
    now: Timestamp,
) -> Result<bool> {
    let archive = ending.archive.as_ref();
    let done = sqlx::query(
        "UPDATE backup_run SET status = $3, finished_at = $4, devices_ok = $5, devices_failed = $6, file = $7,
                size_bytes = $8, sha256 = $9, verified_at = $10, error = $11, lease_expires_at = NULL,
                artifacts_ok = $12, artifacts_failed = $13, encryption = $14, passphrase_id = $15,
                checked_at = $10,
                leftover_file = CASE WHEN $3 = 'completed' THEN NULL ELSE leftover_file END
         WHERE id = $1 AND owner = $2 AND status = 'running'",
    )
    .bind(id.0)
    .bind(owner.to_owned())
    .bind(ending.status.as_str())
    .bind(now.millis())
    .bind(i64::from(ending.devices_ok))
    .bind(i64::from(ending.devices_failed))
    .bind(archive.map(|archive| archive.file.clone()))
    .bind(archive.map(|archive| i64::try_from(archive.size_bytes).unwrap_or(i64::MAX)))
    .bind(archive.map(|archive| archive.sha256.clone()))
    .bind(archive.map(|_| now.millis()))
    .bind(ending.error.clone())
    .bind(i64::from(ending.artifacts_ok))
    .bind(i64::from(ending.artifacts_failed))
    .bind(archive.map_or(Encryption::None, |archive| archive.encryption).as_str())
    .bind(archive.and_then(|archive| archive.passphrase).map(|id| id.0))
    .execute(&mut **tx)
    .await?;
    let is_ended = done.rows_affected() > 0;
    if is_ended {
        notice_insert_in_txn(tx, Happened::Ended(id), None, now).await?;
    }
    if is_ended && let Some(archive) = archive {
        // First: a config may send there as well.
        if let Some(sent) = &archive.shared {
            copy_insert_sent_in_txn(tx, id, sent, now).await?;
        }
        copy_insert_of_run_in_txn(tx, id, now).await?;
    }
    Ok(is_ended)
}

/// Names the file that a run's archive is about to become, as one that is to go unless the run completes; false
/// when it is not the owner's (any more).
pub async fn run_reserve_file(db: &Db, id: RunId, owner: &str, file: &str, data_dir: &str) -> Result<bool> {
    let mut tx = db.write().await?;
    let done = sqlx::query(
        "UPDATE backup_run SET leftover_file = $3, leftover_dir = $4
         WHERE id = $1 AND owner = $2 AND status = 'running'",
    )
    .bind(id.0)
    .bind(owner.to_owned())
    .bind(file.to_owned())
    .bind(data_dir.to_owned())
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(done.rows_affected() > 0)
}

/// Notes that the file which a run left is gone.
pub async fn run_forget_leftover(db: &Db, id: RunId) -> Result<()> {
    let mut tx = db.write().await?;
    sqlx::query("UPDATE backup_run SET leftover_file = NULL WHERE id = $1")
        .bind(id.0)
        .execute(&mut *tx)
        .await?;
    Ok(tx.commit().await?)
}

/// Ends a run whose lease is over: cancelled where somebody had asked for that, else failed. None when its owner came
/// back or somebody else was first.
pub async fn run_interrupt_in_txn(tx: &mut Tx, id: RunId, now: Timestamp) -> Result<Option<RunStatus>> {
    let row = sqlx::query(
        "UPDATE backup_run SET finished_at = $2, lease_expires_at = NULL,
                status = CASE WHEN cancel_requested = 1 THEN 'cancelled' ELSE 'failed' END,
                error = CASE WHEN cancel_requested = 1 THEN 'Cancelled.'
                             ELSE 'Interrupted: the program stopped while this run went on.' END
         WHERE id = $1 AND status = 'running' AND lease_expires_at <= $2 RETURNING status",
    )
    .bind(id.0)
    .bind(now.millis())
    .fetch_optional(&mut **tx)
    .await?;
    let status = row.map(|row| row.named("status", RunStatus::parse)).transpose()?;
    if status.is_some() {
        notice_insert_in_txn(tx, Happened::Ended(id), None, now).await?;
    }
    Ok(status)
}

/// Asks a run to stop: a pending one ends at once, a running one is told. False when it is over.
pub async fn run_cancel(db: &Db, id: RunId, now: Timestamp) -> Result<bool> {
    let mut tx = db.write().await?;
    let done = run_cancel_in_txn(&mut tx, id, now).await?;
    tx.commit().await?;
    Ok(done)
}

/// [`run_cancel`] within a transaction.
pub async fn run_cancel_in_txn(tx: &mut Tx, id: RunId, now: Timestamp) -> Result<bool> {
    let pending = sqlx::query(
        "UPDATE backup_run SET status = 'cancelled', finished_at = $2, cancel_requested = 1,
                error = 'Cancelled before it began.' WHERE id = $1 AND status = 'pending'",
    )
    .bind(id.0)
    .bind(now.millis())
    .execute(&mut **tx)
    .await?;
    let running =
        sqlx::query("UPDATE backup_run SET cancel_requested = 1 WHERE id = $1 AND status = 'running'")
            .bind(id.0)
            .execute(&mut **tx)
            .await?;
    Ok(pending.rows_affected() + running.rows_affected() > 0)
}

/// Notes what a check of its archive found; `damage` says what is wrong with it.
pub async fn run_set_verified_in_txn(
    tx: &mut Tx,
    id: RunId,
    damage: Option<&str>,
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "UPDATE backup_run SET damaged = $2, damage = $4, checked_at = $3,
                verified_at = CASE WHEN $2 = 0 THEN $3 ELSE verified_at END
         WHERE id = $1 AND removed_at IS NULL",
    )
    .bind(id.0)
    .bind(i64::from(damage.is_some()))
    .bind(now.millis())
    .bind(damage.map(str::to_owned))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Notes that its archive is here again.
pub async fn run_set_found(db: &Db, id: RunId, data_dir: &str) -> Result<()> {
    let mut tx = db.write().await?;
    run_set_found_in_txn(&mut tx, id, data_dir).await?;
    Ok(tx.commit().await?)
}

/// The same, within a transaction that notes more of it.
pub async fn run_set_found_in_txn(tx: &mut Tx, id: RunId, data_dir: &str) -> Result<()> {
    sqlx::query("UPDATE backup_run SET missing_at = NULL, leftover_dir = $2 WHERE id = $1")
        .bind(id.0)
        .bind(data_dir.to_owned())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Notes that its archive was looked at, and nothing could be said of it.
pub async fn run_set_checked(db: &Db, id: RunId, now: Timestamp) -> Result<()> {
    let mut tx = db.write().await?;
    sqlx::query("UPDATE backup_run SET checked_at = $2 WHERE id = $1")
        .bind(id.0)
        .bind(now.millis())
        .execute(&mut *tx)
        .await?;
    Ok(tx.commit().await?)
}

/// Keeps its archive for good, or no longer; false when it is so already.
pub async fn run_protect_in_txn(tx: &mut Tx, id: RunId, protected: bool) -> Result<bool> {
    let done = sqlx::query("UPDATE backup_run SET protected = $2 WHERE id = $1 AND protected <> $2")
        .bind(id.0)
        .bind(i64::from(protected))
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Notes that its archive counts no more, and that its file is to go: from the data directory that it was made in, or
/// from this one where that was not noted yet; and its copies from their destinations. False when it was noted already, or
/// is protected by now.
pub async fn run_set_removed_in_txn(tx: &mut Tx, id: RunId, data_dir: &str, now: Timestamp) -> Result<bool> {
    let done = sqlx::query(
        "UPDATE backup_run SET removed_at = $2, leftover_file = file, leftover_dir = COALESCE(leftover_dir, $3)
         WHERE id = $1 AND removed_at IS NULL AND protected = 0",
    )
    .bind(id.0)
    .bind(now.millis())
    .bind(data_dir.to_owned())
    .execute(&mut **tx)
    .await?;
    let is_new = done.rows_affected() > 0;
    if is_new {
        copy_leave_of_run_in_txn(tx, id, now).await?;
    }
    Ok(is_new)
}
