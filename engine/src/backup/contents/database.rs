//! `database.json`: the tables as they stood at one moment, while the program goes on.

use std::collections::BTreeMap;

use futures::TryStreamExt;

use super::super::archive::pack::PIECE;
use super::super::archive::writer::{ArchiveWriter, EntryStream};
use crate::db::{Tx, newest_schema};
use crate::engine::Engine;
use crate::error::Result;
use crate::store::dump::{TABLES, table_dump_end, table_dump_in_txn};

/// The entry's name.
pub(in crate::backup) const DATABASE: &str = "database.json";

/// Writes `{"format":1,"schema":N,"tables":{…}}`; gives the rows of each table.
pub(super) async fn write_database(
    engine: &Engine,
    archive: &ArchiveWriter,
) -> Result<BTreeMap<String, u64>> {
    let entry = archive.stream(DATABASE).await?;
    entry.bytes(format!("{{\"format\":1,\"schema\":{},\"tables\":{{", newest_schema()).into_bytes()).await?;
    let mut rows = BTreeMap::new();
    let mut snapshot = engine.db.snapshot().await?;
    for (index, table) in TABLES.iter().enumerate() {
        let comma = if index == 0 { "\n" } else { ",\n" };
        entry.bytes(format!("{comma}\"{table}\":").into_bytes()).await?;
        rows.insert((*table).to_owned(), write_table(snapshot.tx(), &entry, table).await?);
    }
    snapshot.end().await?;
    entry.bytes(b"\n}}\n".to_vec()).await?;
    Ok(rows)
}

/// One table; gives its rows.
async fn write_table(snapshot: &mut Tx, entry: &EntryStream, table: &'static str) -> Result<u64> {
    let mut rows = table_dump_in_txn(snapshot, table);
    let mut count = 0;
    let mut piece = Vec::with_capacity(PIECE * 2);
    while let Some(row) = rows.try_next().await? {
        piece.extend_from_slice(&row);
        count += 1;
        if piece.len() >= PIECE {
            entry.bytes(std::mem::replace(&mut piece, Vec::with_capacity(PIECE * 2))).await?;
        }
    }
    piece.extend_from_slice(table_dump_end(count).as_bytes());
    entry.bytes(piece).await?;
    Ok(count)
}
