//! What happened to a run's archive after the run.

use etiqa_model::run::RunNote;
use etiqa_model::{RunId, Timestamp};

use crate::db::{Db, Result, RowExt, Tx};

/// Adds a note; one sentence.
pub async fn run_note_insert_in_txn(tx: &mut Tx, run: RunId, note: &str, now: Timestamp) -> Result<()> {
    sqlx::query("INSERT INTO run_note (run_id, at, note) VALUES ($1, $2, $3)")
        .bind(run.0)
        .bind(now.millis())
        .bind(note.to_owned())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The newest notes of a run, newest first.
pub async fn run_note_list(db: &Db, run: RunId, limit: u32) -> Result<Vec<RunNote>> {
    let rows = sqlx::query("SELECT at, note FROM run_note WHERE run_id = $1 ORDER BY id DESC LIMIT $2")
        .bind(run.0)
        .bind(i64::from(limit))
        .fetch_all(db.reader())
        .await?;
    rows.iter().map(|row| Ok(RunNote { at: row.time("at")?, note: row.text("note")? })).collect()
}
