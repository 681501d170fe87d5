//! Rows that nobody else changes until a transaction ends.

use crate::db::{Result, Tx, built, one_of};

/// Lets nobody else change or remove these rows of a table until the transaction ends: whoever changes them as well waits
/// here. Read them afterwards, for a statement sees what was there when it began.
pub(super) async fn rows_lock_in_txn(tx: &mut Tx, table: &'static str, ids: &[i64]) -> Result<()> {
    // SQLite has one writer at a time and needs no row locks.
    if ids.is_empty() || tx.backend_name() == "SQLite" {
        return Ok(());
    }
    // In order: no two transactions wait for each other.
    let rows = one_of("id", ids.iter().copied());
    let sql = format!("SELECT id FROM {table} WHERE {rows} ORDER BY id FOR UPDATE");
    sqlx::query(built(sql)).persistent(false).fetch_all(&mut **tx).await?;
    Ok(())
}
