//! The tables as an archive keeps them: in one order that restores, cell by cell, the same for both databases.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::TryStreamExt;
use serde_json::{Value, json};
use sqlx::any::{AnyRow, AnyTypeInfoKind};
use sqlx::{Column, Row, TypeInfo, ValueRef};

use crate::db::{DbError, Result, Tx, built};

/// What is archived, parents before children. Sessions, jobs, leases and uploads are not: they mean nothing later.
pub const TABLES: &[&str] = &[
    "setting",
    "app_user",
    "api_token",
    "credential",
    "device",
    "device_tag",
    "host_key",
    "driver",
    "backup_config",
    "backup_run",
    "config_text",
    "config_version",
    "device_result",
];

/// Bytes of JSON that are handed on at a time.
const PIECE: usize = 64 * 1024;

/// Writes a table as `{"columns":["…"],"rows":[[…],…]}`, a row a line, and gives the number of rows. Bytes become
/// `{"base64":"…"}`. Rows come in the order of their first columns, so that equal tables give equal text.
pub async fn table_dump_in_txn<E: From<DbError>>(
    tx: &mut Tx,
    table: &'static str,
    mut write: impl AsyncFnMut(Vec<u8>) -> Result<(), E>,
) -> Result<u64, E> {
    let mut rows = sqlx::query(built(format!("SELECT * FROM {table} ORDER BY 1, 2"))).fetch(&mut **tx);
    let mut json = Vec::with_capacity(PIECE * 2);
    let mut count = 0;
    while let Some(row) = rows.try_next().await.map_err(DbError::from)? {
        let lead = if count == 0 { head(&row) } else { ",\n".to_owned() };
        json.extend_from_slice(lead.as_bytes());
        json.extend_from_slice(cells(&row)?.to_string().as_bytes());
        count += 1;
        if json.len() >= PIECE {
            write(std::mem::replace(&mut json, Vec::with_capacity(PIECE * 2))).await?;
        }
    }
    json.extend_from_slice(if count == 0 { b"{\"columns\":[],\"rows\":[]}" } else { b"\n]}" });
    write(json).await?;
    Ok(count)
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
