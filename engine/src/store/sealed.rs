//! Every cell that holds a sealed secret. A secret is sealed for its row: `table:id`.

use crate::db::{Result, RowExt, Tx, built};

/// A column of sealed secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedCell {
    /// Its table; begins the name that its secrets are bound to.
    pub table: &'static str,
    /// The column; NULL where there is none.
    pub column: &'static str,
}

/// Every one.
pub const SEALED: &[SealedCell] = &[
    SealedCell { table: "credential", column: "sealed" },
    SealedCell { table: "credential", column: "previous_sealed" },
    SealedCell { table: "archive_passphrase", column: "sealed" },
    SealedCell { table: "destination", column: "sealed" },
    SealedCell { table: "inventory_source", column: "sealed" },
    SealedCell { table: "notify_channel", column: "sealed" },
    SealedCell { table: "second_factor", column: "sealed" },
    SealedCell { table: "second_factor", column: "pending_sealed" },
    SealedCell { table: "api_answer", column: "sealed" },
];

/// Ids and sealed secrets of a column.
pub async fn sealed_list_in_txn(tx: &mut Tx, cell: &SealedCell) -> Result<Vec<(i64, Vec<u8>)>> {
    let SealedCell { table, column } = cell;
    let sql = format!("SELECT id, {column} AS sealed FROM {table} WHERE {column} IS NOT NULL ORDER BY id");
    let rows = sqlx::query(built(sql)).fetch_all(&mut **tx).await?;
    rows.iter().map(|row| Ok((row.int("id")?, row.bytes("sealed")?))).collect()
}

/// Puts another sealed secret in place of one.
pub async fn sealed_replace_in_txn(tx: &mut Tx, cell: &SealedCell, id: i64, sealed: Vec<u8>) -> Result<()> {
    let SealedCell { table, column } = cell;
    sqlx::query(built(format!("UPDATE {table} SET {column} = $2 WHERE id = $1")))
        .bind(id)
        .bind(sealed)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
