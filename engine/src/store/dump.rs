//! The tables as an archive keeps them: in one order that restores, cell by cell, the same for both databases.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt;
use futures::stream::BoxStream;
use serde_json::{Value, json};
use sqlx::any::{AnyRow, AnyTypeInfoKind};
use sqlx::{Column, Row, TypeInfo, ValueRef};

use crate::db::{Db, DbError, Result, RowExt, Tx, built};

/// What is archived, parents before children. Sessions, jobs, leases and uploads are not: they mean nothing later.
pub const TABLES: &[&str] = &[
    "setting",
    "app_user",
    "api_token",
    "credential",
    "jump_host",
    "device",
    "device_tag",
    "device_fact",
    "media",
    "host_key",
    "tls_certificate",
    "driver",
    "archive_passphrase",
    "destination",
    "backup_config",
    "backup_config_destination",
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
];

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
            Ok(format!("{lead}{}", cells(&row)?).into_bytes())
        })
        .boxed()
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

fn cells(row: &AnyRow) -> Result<Value> {
    (0..row.columns().len()).map(|index| cell(row, index)).collect::<Result<Vec<_>>>().map(Value::Array)
}

fn cell(row: &AnyRow, index: usize) -> Result<Value> {
    let raw = row.try_get_raw(index)?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    Ok(match raw.type_info().kind() {
        AnyTypeInfoKind::SmallInt | AnyTypeInfoKind::Integer | AnyTypeInfoKind::BigInt => {
            json!(row.try_get::<i64, _>(index)?)
        }
        AnyTypeInfoKind::Text => json!(row.try_get::<String, _>(index)?),
        AnyTypeInfoKind::Blob => json!({ "base64": STANDARD.encode(row.try_get::<Vec<u8>, _>(index)?) }),
        AnyTypeInfoKind::Real | AnyTypeInfoKind::Double => json!(row.try_get::<f64, _>(index)?),
        _ => {
            let message = format!("a value of type {} cannot be archived", raw.type_info().name());
            return Err(DbError::Value { column: "any", message });
        }
    })
}
