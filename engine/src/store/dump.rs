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

/// Hands every row of a table to `take`: first its columns' names, then each row as a JSON array. Bytes become
/// `{"base64": "…"}`. Rows come in the order of their key, so that equal tables give equal text.
pub async fn table_dump_in_txn(
    tx: &mut Tx,
    table: &'static str,
    mut take: impl FnMut(&[String], Option<Value>) -> Result<(), std::io::Error>,
) -> Result<u64> {
    debug_assert!(TABLES.contains(&table), "{table} is not archived");
    let mut rows = sqlx::query(built(format!("SELECT * FROM {table} ORDER BY 1, 2"))).fetch(&mut **tx);
    let mut count = 0;
    let mut columns = Vec::new();
    while let Some(row) = rows.try_next().await? {
        if columns.is_empty() {
            columns = row.columns().iter().map(|column| column.name().to_owned()).collect();
            take(&columns, None).map_err(sqlx::Error::Io)?;
        }
        take(&columns, Some(cells(&row)?)).map_err(sqlx::Error::Io)?;
        count += 1;
    }
    Ok(count)
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
