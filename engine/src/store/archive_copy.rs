//! Copies of archives at destinations: one row for each pair, through waiting, sent, leaving and gone.

use etiqa_model::destination::{ArchiveCopy, CopyState, DestinationKind};
use etiqa_model::{CopyId, DestinationId, RunId, Timestamp};
use sqlx::any::AnyRow;

use crate::db::{Db, Filter, Result, RowExt, Tx};

const SELECT: &str = "SELECT c.id, c.run_id, c.destination_id, d.name AS destination, d.kind, c.state, c.attempts, \
     c.problem, c.due_at, c.sent_at, c.remote_name \
     FROM archive_copy c JOIN destination d ON d.id = c.destination_id";

/// What can be done at time `$1` in the data directory `$2`: the archive was made there, and is not
/// known to be missing or damaged. What whoever made it has not deleted for ten minutes where all machines keep their files,
/// any of them deletes: it may be gone for good.
const DUE: &str = "archive_copy c JOIN backup_run r ON r.id = c.run_id \
     WHERE c.state IN ('waiting', 'leaving') AND c.due_at <= $1 \
       AND (COALESCE(r.leftover_dir, $2) = $2 OR (c.state = 'leaving' AND c.due_at <= $1 - 600000 \
            AND CAST(c.destination_id AS TEXT) = \
                (SELECT s.value FROM setting s WHERE s.name = 'shared_destination'))) \
       AND (c.state = 'leaving' OR (r.missing_at IS NULL AND r.damaged = 0))";

/// A copy with what is to be done about it.
#[derive(Debug, Clone)]
pub struct DueCopy {
    /// Row id.
    pub id: CopyId,
    /// Whose archive.
    pub run: RunId,
    /// Waiting or leaving.
    pub state: CopyState,
    /// How often it was tried.
    pub attempts: u32,
    /// Its name there, once it is known.
    pub remote_name: Option<String>,
    /// The archive's name here.
    pub file: String,
    /// The archive's size.
    pub size_bytes: u64,
    /// The archive's SHA-256, lower-case hex.
    pub sha256: String,
}

/// A copy that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentCopy {
    /// Where.
    pub destination: DestinationId,
    /// Its name there.
    pub name: String,
}

/// Notes that the archive of a run is at a destination already, unless that was removed meanwhile.
pub(super) async fn copy_insert_sent_in_txn(
    tx: &mut Tx,
    run: RunId,
    sent: &SentCopy,
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO archive_copy (run_id, destination_id, state, attempts, due_at, sent_at, remote_name)
         SELECT r.id, d.id, 'sent', 1, $3, $3, $4 FROM backup_run r JOIN destination d ON d.id = $2 WHERE r.id = $1
         ON CONFLICT (run_id, destination_id) DO NOTHING",
    )
    .bind(run.0)
    .bind(sent.destination.0)
    .bind(now.millis())
    .bind(sent.name.clone())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Queues the archive of a run for every enabled destination of its config.
pub(super) async fn copy_insert_of_run_in_txn(tx: &mut Tx, run: RunId, now: Timestamp) -> Result<()> {
    sqlx::query(
        "INSERT INTO archive_copy (run_id, destination_id, state, due_at)
         SELECT r.id, d.id, 'waiting', $2 FROM backup_run r
         JOIN backup_config_destination b ON b.backup_config_id = r.backup_config_id
         JOIN destination d ON d.id = b.destination_id
         WHERE r.id = $1 AND d.enabled = 1
         ON CONFLICT (run_id, destination_id) DO NOTHING",
    )
    .bind(run.0)
    .bind(now.millis())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The archive of a run is given up here: what was sent of it is to be deleted there too, unless the destination keeps
/// its copies or is a Git mirror; what was not is forgotten. Something of what was tried may be there all the same.
pub(super) async fn copy_leave_of_run_in_txn(tx: &mut Tx, run: RunId, now: Timestamp) -> Result<()> {
    sqlx::query(
        "UPDATE archive_copy SET state = 'leaving', due_at = $2, problem = NULL
         WHERE run_id = $1 AND (state = 'sent' OR (state = 'waiting' AND attempts > 0))
           AND destination_id IN (SELECT id FROM destination WHERE keep = 'retention' AND kind <> 'git')",
    )
    .bind(run.0)
    .bind(now.millis())
    .execute(&mut **tx)
    .await?;
    sqlx::query("DELETE FROM archive_copy WHERE run_id = $1 AND state = 'waiting'")
        .bind(run.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Copies of a run, by the destination's name.
pub async fn copy_list_of_run(db: &Db, run: RunId) -> Result<Vec<ArchiveCopy>> {
    let rows = Filter::new()
        .and_int("c.run_id = ?", run.0)
        .query(SELECT, " ORDER BY d.name")
        .fetch_all(db.reader())
        .await?;
    rows.iter().map(copy).collect()
}

/// What a destination has of a run's archive.
pub async fn copy_fetch(db: &Db, run: RunId, destination: DestinationId) -> Result<Option<ArchiveCopy>> {
    let row = Filter::new()
        .and_int("c.run_id = ?", run.0)
        .and_int("c.destination_id = ?", destination.0)
        .query(SELECT, "")
        .fetch_optional(db.reader())
        .await?;
    row.as_ref().map(copy).transpose()
}

/// Enabled destinations that may be tried now and for which something is due in this data directory.
pub async fn copy_list_due_destinations(
    db: &Db,
    data_dir: &str,
    now: Timestamp,
) -> Result<Vec<DestinationId>> {
    let sql = format!(
        "SELECT d.id FROM destination d
         WHERE d.enabled = 1 AND (d.paused_until IS NULL OR d.paused_until <= $1)
           AND EXISTS (SELECT 1 FROM {DUE} AND c.destination_id = d.id) ORDER BY d.id"
    );
    let rows = sqlx::query(crate::db::built(sql))
        .bind(now.millis())
        .bind(data_dir.to_owned())
        .fetch_all(db.reader())
        .await?;
    rows.iter().map(|row| Ok(DestinationId(row.int("id")?))).collect()
}

/// What is due next at a destination: what is to be sent before what is to be deleted, the oldest first.
pub async fn copy_next_due(
    db: &Db,
    destination: DestinationId,
    data_dir: &str,
    now: Timestamp,
) -> Result<Option<DueCopy>> {
    // `waiting` comes after `leaving` in the alphabet.
    let sql = format!(
        "SELECT c.id, c.run_id, c.state, c.attempts, c.remote_name, r.file, r.size_bytes, r.sha256 FROM {DUE}
           AND c.destination_id = $3
         ORDER BY c.state DESC, c.id LIMIT 1"
    );
    let row = sqlx::query(crate::db::built(sql))
        .bind(now.millis())
        .bind(data_dir.to_owned())
        .bind(destination.0)
        .fetch_optional(db.reader())
        .await?;
    row.map(|row| {
        Ok(DueCopy {
            id: CopyId(row.int("id")?),
            run: RunId(row.int("run_id")?),
            state: row.named("state", CopyState::parse)?,
            attempts: row.count("attempts")?,
            remote_name: row.opt_text("remote_name")?,
            file: row.opt_text("file")?.unwrap_or_default(),
            size_bytes: row.opt_int("size_bytes")?.and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
            sha256: row.opt_text("sha256")?.unwrap_or_default(),
        })
    })
    .transpose()
}

/// Notes that it is being tried; false when it is not what it was any more.
pub async fn copy_begin(db: &Db, id: CopyId, state: CopyState) -> Result<bool> {
    let mut tx = db.write().await?;
    let done = sqlx::query("UPDATE archive_copy SET attempts = attempts + 1 WHERE id = $1 AND state = $2")
        .bind(id.0)
        .bind(state.as_str())
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(done.rows_affected() > 0)
}

/// Notes that it is there, read back and equal. One that is to be deleted by now stays so, and its name is known.
pub async fn copy_set_sent_in_txn(tx: &mut Tx, id: CopyId, remote_name: &str, now: Timestamp) -> Result<()> {
    sqlx::query(
        "UPDATE archive_copy SET state = CASE WHEN state = 'waiting' THEN 'sent' ELSE state END, remote_name = $2,
                sent_at = $3, problem = NULL WHERE id = $1",
    )
    .bind(id.0)
    .bind(remote_name.to_owned())
    .bind(now.millis())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Notes that one which was to be deleted is not there any more; false when it was noted already. It is gone even if
/// somebody decided meanwhile that copies are kept.
pub async fn copy_set_gone_in_txn(tx: &mut Tx, id: CopyId) -> Result<bool> {
    let done = sqlx::query(
        "UPDATE archive_copy SET state = 'gone', problem = NULL WHERE id = $1 AND state IN ('leaving', 'sent')",
    )
    .bind(id.0)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Notes that what has its name there is another file, which was left; false when it was noted already.
pub async fn copy_set_left_in_txn(tx: &mut Tx, id: CopyId, why: &str) -> Result<bool> {
    let done = sqlx::query(
        "UPDATE archive_copy SET state = 'gone', problem = $2 WHERE id = $1 AND state IN ('leaving', 'sent')",
    )
    .bind(id.0)
    .bind(why.to_owned())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Notes that one which was to be deleted is there, and is kept.
pub async fn copy_set_kept_in_txn(tx: &mut Tx, id: CopyId, remote_name: &str, now: Timestamp) -> Result<()> {
    sqlx::query(
        "UPDATE archive_copy SET state = 'sent', remote_name = $2, sent_at = COALESCE(sent_at, $3), problem = NULL
         WHERE id = $1 AND state = 'leaving'",
    )
    .bind(id.0)
    .bind(remote_name.to_owned())
    .bind(now.millis())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A destination that keeps its copies from now on keeps those as well that were to be deleted and are known to be there.
pub async fn copy_keep_in_txn(tx: &mut Tx, destination: DestinationId) -> Result<()> {
    sqlx::query(
        "UPDATE archive_copy SET state = 'sent', problem = NULL
         WHERE destination_id = $1 AND state = 'leaving' AND remote_name IS NOT NULL",
    )
    .bind(destination.0)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A destination is another place from now on: archives that are kept here are sent anew, and what else the place before
/// has is forgotten. A try that goes on counts no more: see [`copy_hold_in_txn`].
pub async fn copy_move_in_txn(tx: &mut Tx, destination: DestinationId, now: Timestamp) -> Result<()> {
    sqlx::query(
        "UPDATE archive_copy SET state = 'waiting', attempts = 0, due_at = $2, problem = NULL, sent_at = NULL,
                remote_name = NULL
         WHERE destination_id = $1 AND state IN ('waiting', 'sent')
           AND EXISTS (SELECT 1 FROM backup_run r WHERE r.id = archive_copy.run_id AND r.removed_at IS NULL)",
    )
    .bind(destination.0)
    .bind(now.millis())
    .execute(&mut **tx)
    .await?;
    sqlx::query("DELETE FROM archive_copy WHERE destination_id = $1 AND state IN ('sent', 'leaving')")
        .bind(destination.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Holds a copy until the transaction ends, if its last try was the one of this number; false: that try counts no more.
pub async fn copy_hold_in_txn(tx: &mut Tx, id: CopyId, attempts: u32) -> Result<bool> {
    let done = sqlx::query("UPDATE archive_copy SET attempts = attempts WHERE id = $1 AND attempts = $2")
        .bind(id.0)
        .bind(i64::from(attempts))
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Notes why it did not work, and when it is tried again at the earliest.
pub async fn copy_put_off_in_txn(tx: &mut Tx, id: CopyId, problem: &str, due_at: Timestamp) -> Result<()> {
    sqlx::query("UPDATE archive_copy SET problem = $2, due_at = $3 WHERE id = $1")
        .bind(id.0)
        .bind(problem.to_owned())
        .bind(due_at.millis())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Lets everything that waits at a destination be tried at once; of one run where named. Gives how many these are.
pub async fn copy_hurry_in_txn(
    tx: &mut Tx,
    destination: DestinationId,
    run: Option<RunId>,
    now: Timestamp,
) -> Result<u64> {
    let done = sqlx::query(
        "UPDATE archive_copy SET due_at = $3
         WHERE destination_id = $1 AND ($2 = 0 OR run_id = $2) AND state IN ('waiting', 'leaving')",
    )
    .bind(destination.0)
    .bind(run.map_or(0, |run| run.0))
    .bind(now.millis())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

/// Copies of these runs that are still to be sent.
pub async fn copy_list_waiting(db: &Db, runs: &[RunId]) -> Result<Vec<ArchiveCopy>> {
    let mut filter = Filter::new();
    filter.and_one_of("c.run_id", runs.iter().map(|run| run.0)).and("c.state = 'waiting'");
    let rows = filter.query(SELECT, " ORDER BY d.name, c.id").fetch_all(db.reader()).await?;
    rows.iter().map(copy).collect()
}

fn copy(row: &AnyRow) -> Result<ArchiveCopy> {
    Ok(ArchiveCopy {
        id: CopyId(row.int("id")?),
        run_id: RunId(row.int("run_id")?),
        destination_id: DestinationId(row.int("destination_id")?),
        destination: row.text("destination")?,
        kind: row.named("kind", DestinationKind::parse)?,
        state: row.named("state", CopyState::parse)?,
        attempts: row.count("attempts")?,
        problem: row.opt_text("problem")?,
        due_at: row.time("due_at")?,
        sent_at: row.opt_time("sent_at")?,
        remote_name: row.opt_text("remote_name")?,
    })
}
