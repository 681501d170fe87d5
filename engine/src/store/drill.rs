//! Restore drills, and what a scratch database says of itself.

use etiqa_model::archive::Drill;
use etiqa_model::{RunId, Timestamp};
use sqlx::Row;
use sqlx::any::AnyRow;

use crate::db::{Db, Filter, Result, RowExt};

const SELECT: &str =
    "SELECT run_id, finished_at, rows_restored, files_restored, duration_ms, problem FROM restore_drill";

/// Notes what a drill came to.
pub async fn drill_insert(db: &Db, drill: &Drill) -> Result<()> {
    let mut tx = db.write().await?;
    sqlx::query(
        "INSERT INTO restore_drill (run_id, finished_at, rows_restored, files_restored, duration_ms, problem)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(drill.run_id.0)
    .bind(drill.finished_at.millis())
    .bind(i64::try_from(drill.rows).unwrap_or(i64::MAX))
    .bind(i64::try_from(drill.files).unwrap_or(i64::MAX))
    .bind(i64::try_from(drill.duration_ms).unwrap_or(i64::MAX))
    .bind(drill.problem.clone())
    .execute(&mut *tx)
    .await?;
    Ok(tx.commit().await?)
}

/// The newest drill of a run.
pub async fn drill_fetch_newest(db: &Db, run: RunId) -> Result<Option<Drill>> {
    let row = Filter::new()
        .and_int("run_id = ?", run.0)
        .query(SELECT, " ORDER BY id DESC LIMIT 1")
        .fetch_optional(db.reader())
        .await?;
    row.as_ref().map(drill).transpose()
}

/// Archives that are kept and whose newest drill failed: the file and the problem.
pub async fn drill_list_failed(db: &Db) -> Result<Vec<(String, String)>> {
    let rows = sqlx::query(
        "SELECT r.file, d.problem FROM backup_run r JOIN restore_drill d ON d.id =
           (SELECT MAX(newest.id) FROM restore_drill newest WHERE newest.run_id = r.id)
         WHERE r.status = 'completed' AND r.file IS NOT NULL AND r.removed_at IS NULL AND r.missing_at IS NULL
           AND d.problem IS NOT NULL ORDER BY r.id",
    )
    .fetch_all(db.reader())
    .await?;
    rows.iter().map(|row| Ok((row.text("file")?, row.text("problem")?))).collect()
}

/// When any archive was last tried out.
pub async fn drill_last(db: &Db) -> Result<Option<Timestamp>> {
    let row = sqlx::query("SELECT finished_at FROM restore_drill ORDER BY id DESC LIMIT 1")
        .fetch_optional(db.reader())
        .await?;
    row.map(|row| row.time("finished_at")).transpose()
}

/// What SQLite finds wrong with a database: pages, indexes, references. Empty: nothing.
pub async fn sqlite_problems(db: &Db) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for row in sqlx::query("PRAGMA integrity_check(5)").fetch_all(db.reader()).await? {
        let said: String = row.try_get(0)?;
        if said != "ok" {
            problems.push(said);
        }
    }
    for row in sqlx::query("PRAGMA foreign_key_check").fetch_all(db.reader()).await?.iter().take(5) {
        let table: String = row.try_get(0)?;
        problems.push(format!("a row of {table} refers to one that is not there"));
    }
    Ok(problems)
}

fn drill(row: &AnyRow) -> Result<Drill> {
    Ok(Drill {
        run_id: RunId(row.int("run_id")?),
        finished_at: row.time("finished_at")?,
        rows: row.count("rows_restored")?,
        files: row.count("files_restored")?,
        duration_ms: row.count("duration_ms")?,
        problem: row.opt_text("problem")?,
    })
}
