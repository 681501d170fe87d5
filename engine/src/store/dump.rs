//! The tables as an archive keeps them: in one order that restores, cell by cell, the same for both databases.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt;
use futures::stream::BoxStream;
use serde_json::{Value, json};
use sqlx::any::{AnyRow, AnyTypeInfoKind};
use sqlx::{Column, Row, TypeInfo, ValueRef};

use super::restore::Cell;
use crate::db::{Db, DbError, Result, RowExt, Tx, built};

/// What is archived, parents before children. Sessions, jobs, leases, uploads, connection tests, machines, messages, results
/// of rules, the index of searches and the answers of the API are not: they mean nothing later, or are made anew.
pub const TABLES: &[&str] = &[
    "setting",
    "app_user",
    "identity",
    "second_factor",
    "recovery_code",
    "saved_view",
    "api_token",
    "credential",
    "jump_host",
    "device",
    "device_tag",
    "device_fact",
    "inventory_source",
    "inventory_source_device",
    "inventory_sync",
    "media",
    "host_key",
    "tls_certificate",
    "driver",
    "config_rule",
    "archive_passphrase",
    "destination",
    "backup_config",
    "backup_config_destination",
    "notify_channel",
    "notify_rule",
    "notify_rule_channel",
    "backup_run",
    "archive_copy",
    "run_note",
    "restore_drill",
    "config_text",
    "config_version",
    "config_activation",
    "device_result",
    "artifact_blob",
    "artifact",
    "artifact_result",
    "audit_log",
    "audit_head",
    "audit_checkpoint",
];

/// What archives leave out and a handover to another database takes along, parents before children: who is signed in,
/// the newest connection tests, the queue, files that wait to be imported, what the REST API answered lately, and what is told
/// and was told.
pub const BESIDES: &[&str] = &[
    "session",
    "device_test",
    "job",
    "upload",
    "api_answer",
    "notify_notice",
    "notify_open",
    "notify_held",
    "notify_delivery",
    "notify_attempt",
];

/// What a handover takes along, parents before children. Leases and machines are of processes, the index of searches is
/// made anew.
pub fn tables_handed_over() -> impl Iterator<Item = &'static str> {
    TABLES.iter().chain(BESIDES).copied()
}

/// A table as JSON text, a piece a row: put together and closed by [`table_dump_end`] they are
/// `{"columns":["…"],"rows":[[…],…]}`. Bytes become `{"base64":"…"}`. Rows come in the order of their first columns,
/// so that equal tables give equal text.
pub fn table_dump_in_txn<'a>(tx: &'a mut Tx, table: &'static str) -> BoxStream<'a, Result<Vec<u8>>> {
    sqlx::query(built(format!("SELECT * FROM {table} ORDER BY 1, 2")))
        .fetch(&mut **tx)
        .enumerate()
        .map(|(index, row)| {
            let row = row?;
            let lead = if index == 0 { head(&row) } else { ",\n".to_owned() };
            Ok(format!("{lead}{}", json_of(cells(&row)?)).into_bytes())
        })
        .boxed()
}

/// A table's rows, with a cell for each of these columns. The first columns are the key, by which both databases sort
/// alike.
pub fn table_rows_in_txn<'a>(
    tx: &'a mut Tx,
    table: &'static str,
    columns: &[String],
) -> BoxStream<'a, Result<Vec<Cell>>> {
    let names = columns.join(", ");
    sqlx::query(built(format!("SELECT {names} FROM {table} ORDER BY 1, 2")))
        .fetch(&mut **tx)
        .map(|row| cells(&row?))
        .boxed()
}

/// The columns of a table of SQLite's.
pub async fn table_columns_in_txn(tx: &mut Tx, table: &'static str) -> Result<Vec<String>> {
    let sql = format!("SELECT name FROM pragma_table_info('{table}') ORDER BY cid");
    let rows = sqlx::query(built(sql)).fetch_all(&mut **tx).await?;
    rows.iter().map(|row| row.text("name")).collect()
}

/// The largest id that each table of SQLite's ever had, where it had any, even if that row is gone.
pub async fn last_ids_in_txn(tx: &mut Tx) -> Result<Vec<(&'static str, i64)>> {
    let rows =
        sqlx::query("SELECT name, seq FROM sqlite_sequence WHERE seq > 0").fetch_all(&mut **tx).await?;
    let mut last = Vec::new();
    for row in &rows {
        let name = row.text("name")?;
        if let Some(table) = tables_handed_over().find(|table| *table == name) {
            last.push((table, row.int("seq")?));
        }
    }
    Ok(last)
}

/// Rows of an archived table; none where there is no such table.
pub async fn table_count(db: &Db, table: &str) -> Result<u64> {
    let Some(known) = TABLES.iter().find(|known| **known == table) else { return Ok(0) };
    let row = sqlx::query(built(format!("SELECT COUNT(*) AS n FROM {known}"))).fetch_one(db.reader()).await?;
    row.count("n")
}

/// What comes after so many rows.
pub fn table_dump_end(rows: u64) -> &'static str {
    if rows == 0 { "{\"columns\":[],\"rows\":[]}" } else { "\n]}" }
}

fn head(row: &AnyRow) -> String {
    let columns: Vec<&str> = row.columns().iter().map(Column::name).collect();
    format!("{{\"columns\":{},\"rows\":[\n", json!(columns))
}

fn cells(row: &AnyRow) -> Result<Vec<Cell>> {
    (0..row.columns().len()).map(|index| cell(row, index)).collect()
}

fn cell(row: &AnyRow, index: usize) -> Result<Cell> {
    let raw = row.try_get_raw(index)?;
    if raw.is_null() {
        return Ok(Cell::Null);
    }
    Ok(match raw.type_info().kind() {
        AnyTypeInfoKind::SmallInt | AnyTypeInfoKind::Integer | AnyTypeInfoKind::BigInt => {
            Cell::Int(row.try_get(index)?)
        }
        AnyTypeInfoKind::Text => Cell::Text(row.try_get(index)?),
        AnyTypeInfoKind::Blob => Cell::Bytes(row.try_get(index)?),
        AnyTypeInfoKind::Real | AnyTypeInfoKind::Double => Cell::Double(row.try_get(index)?),
        _ => {
            let message = format!("a value of type {} cannot be archived", raw.type_info().name());
            return Err(DbError::Value { column: "any", message });
        }
    })
}

fn json_of(cells: Vec<Cell>) -> Value {
    let values = cells.into_iter().map(|cell| match cell {
        Cell::Null => Value::Null,
        Cell::Int(value) => json!(value),
        Cell::Double(value) => json!(value),
        Cell::Text(text) => Value::String(text),
        Cell::Bytes(bytes) => json!({ "base64": STANDARD.encode(bytes) }),
    });
    Value::Array(values.collect())
}
