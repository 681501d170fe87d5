//! Rows of an archive, put into a database that is empty, and what must be said of them there.

use etiqa_model::Timestamp;
use etiqa_model::admin::Settings;
use sqlx::Row;

use super::dump::TABLES;
use super::setting::{settings_fetch, shared_destination_forget_in_txn, shared_dir_forget_in_txn};
use crate::db::{Db, DbError, DbKind, Result, Tx, built};

/// Values in one statement; both databases take more.
const VALUES_AT_ONCE: usize = 10_000;
/// What a start puts there by itself: the fingerprint of the key, when the scheduler looked, the drivers of the folder; and
/// that somebody tried in vain to sign in.
const OF_A_START: [&str; 4] = ["setting", "driver", "audit_log", "audit_head"];

/// One value of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// NULL.
    Null,
    /// A whole number.
    Int(i64),
    /// Any other number.
    Double(f64),
    /// A text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl Cell {
    /// About how many bytes it takes.
    pub fn size(&self) -> usize {
        match self {
            Self::Null | Self::Int(_) | Self::Double(_) => 8,
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
        }
    }
}

/// The first of these tables that is not empty.
pub async fn first_filled_table_in_txn(tx: &mut Tx, tables: &[&'static str]) -> Result<Option<&'static str>> {
    for table in tables {
        let row = sqlx::query(built(format!("SELECT COUNT(*) FROM (SELECT 1 FROM {table} LIMIT 1) AS one")))
            .fetch_one(&mut **tx)
            .await?;
        if row.try_get::<i64, _>(0)? > 0 {
            return Ok(Some(table));
        }
    }
    Ok(None)
}

/// Whether nobody has worked with this database yet: of all that an archive keeps there is only what a start puts there,
/// and no setting was changed. The schema must be the newest.
pub async fn is_untouched(db: &Db) -> Result<bool> {
    let tables: Vec<&'static str> =
        TABLES.iter().copied().filter(|table| !OF_A_START.contains(table)).collect();
    let mut tx = db.read().await?;
    let filled = first_filled_table_in_txn(&mut tx, &tables).await?;
    tx.rollback().await?;
    Ok(filled.is_none() && settings_fetch(db).await? == Settings::default())
}

/// Inserts rows; each has one cell a column. Names come from an archive, which anybody may have made: a table that is
/// not ours and a column that is no name are refused.
pub async fn rows_insert_in_txn(
    tx: &mut Tx,
    table: &str,
    columns: &[String],
    rows: &[Vec<Cell>],
) -> Result<()> {
    let is_ours = TABLES.contains(&table);
    let are_names = columns.iter().all(|column| {
        !column.is_empty()
            && column.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    });
    if !is_ours || !are_names || columns.is_empty() {
        let message = "the archive names a table or a column that there is none of".to_owned();
        return Err(DbError::Value { column: "any", message });
    }
    insert_all(tx, table, columns, rows).await
}

/// Inserts rows that were read from this table of another database of ours; each has one cell a column.
pub async fn table_fill_in_txn(
    tx: &mut Tx,
    table: &'static str,
    columns: &[String],
    rows: &[Vec<Cell>],
) -> Result<()> {
    insert_all(tx, table, columns, rows).await
}

async fn insert_all(tx: &mut Tx, table: &str, columns: &[String], rows: &[Vec<Cell>]) -> Result<()> {
    let names = columns.join(", ");
    for rows in rows.chunks((VALUES_AT_ONCE / columns.len().max(1)).max(1)) {
        insert(tx, table, &names, rows).await?;
    }
    Ok(())
}

async fn insert(tx: &mut Tx, table: &str, names: &str, rows: &[Vec<Cell>]) -> Result<()> {
    // NULL is written out: a placeholder would need a type, and only the column has one.
    let mut number = 0;
    let tuples: Vec<String> = rows
        .iter()
        .map(|row| {
            let cells: Vec<String> = row
                .iter()
                .map(|cell| match cell {
                    Cell::Null => "NULL".to_owned(),
                    _ => {
                        number += 1;
                        format!("${number}")
                    }
                })
                .collect();
            format!("({})", cells.join(", "))
        })
        .collect();
    let sql = format!("INSERT INTO {table} ({names}) VALUES {}", tuples.join(", "));
    let mut query = sqlx::query(built(sql)).persistent(false);
    for cell in rows.iter().flatten() {
        query = match cell {
            Cell::Null => query,
            Cell::Int(value) => query.bind(*value),
            Cell::Double(value) => query.bind(*value),
            Cell::Text(text) => query.bind(text.clone()),
            Cell::Bytes(bytes) => query.bind(bytes.clone()),
        };
    }
    query.execute(&mut **tx).await?;
    Ok(())
}

/// Lets new rows have ids after those that were restored. SQLite does so by itself.
pub async fn ids_go_on_in_txn(tx: &mut Tx, kind: DbKind) -> Result<()> {
    if kind == DbKind::Sqlite {
        return Ok(());
    }
    for table in TABLES {
        let sql = format!(
            "SELECT setval(pg_get_serial_sequence(column_of.table_name, 'id'), column_of.last)
             FROM (SELECT '{table}' AS table_name, MAX(id) AS last FROM {table}) AS column_of
             WHERE column_of.last IS NOT NULL"
        );
        let has_id = sqlx::query(
            "SELECT COUNT(*) FROM information_schema.columns
             WHERE table_schema = current_schema() AND table_name = $1 AND column_name = 'id'
               AND is_identity = 'YES'",
        )
        .bind(*table)
        .fetch_one(&mut **tx)
        .await?;
        if has_id.try_get::<i64, _>(0)? > 0 {
            sqlx::query(built(sql)).execute(&mut **tx).await?;
        }
    }
    Ok(())
}

/// Lets new rows of a PostgreSQL have ids after these.
pub async fn ids_go_on_after_in_txn(tx: &mut Tx, last: &[(&'static str, i64)]) -> Result<()> {
    for (table, id) in last {
        sqlx::query("SELECT setval(pg_get_serial_sequence($1, 'id'), $2)")
            .bind(*table)
            .bind(*id)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

/// What was true where the archive was made and is not true here: runs that went on are over, their archives are not
/// here (yet), and no file of a vendor's backup is until it is noted.
pub async fn restored_settle_in_txn(tx: &mut Tx, data_dir: &str, now: Timestamp) -> Result<()> {
    sqlx::query(
        "UPDATE backup_run SET status = 'failed', finished_at = $1, owner = NULL, lease_expires_at = NULL,
                error = 'It was going on when the archive was made that this was restored from.'
         WHERE status IN ('pending', 'running')",
    )
    .bind(now.millis())
    .execute(&mut **tx)
    .await?;
    sqlx::query("UPDATE backup_run SET leftover_file = NULL, leftover_dir = NULL").execute(&mut **tx).await?;
    sqlx::query("UPDATE backup_run SET missing_at = $1 WHERE file IS NOT NULL AND removed_at IS NULL")
        .bind(now.millis())
        .execute(&mut **tx)
        .await?;
    shared_dir_forget_in_txn(tx).await?;
    shared_destination_forget_in_txn(tx).await?;
    sqlx::query("UPDATE artifact_blob SET missing_at = $1, data_dir = $2")
        .bind(now.millis())
        .bind(data_dir.to_owned())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Notes that the file of a vendor's backup is here.
pub async fn artifact_blob_found_in_txn(tx: &mut Tx, sha256: &str) -> Result<()> {
    sqlx::query("UPDATE artifact_blob SET missing_at = NULL WHERE sha256 = $1")
        .bind(sha256.to_owned())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Forgets every sealed secret: the key that opens them is lost. The schema must be the newest.
pub async fn secrets_forget_in_txn(tx: &mut Tx) -> Result<()> {
    for sql in [
        "DELETE FROM setting WHERE name IN ('key_fingerprint', 'key_made_at', 'kit_taken_at')",
        "UPDATE backup_config SET passphrase_id = NULL",
        "UPDATE backup_run SET passphrase_id = NULL",
        "DELETE FROM archive_passphrase",
        "DELETE FROM credential",
        "UPDATE destination SET sealed = NULL",
        "UPDATE inventory_source SET sealed = NULL",
        "UPDATE notify_channel SET sealed = NULL",
        // Who had a second factor comes in by the password alone, and sets it up anew.
        "DELETE FROM recovery_code",
        "DELETE FROM second_factor",
    ] {
        sqlx::query(sql).execute(&mut **tx).await?;
    }
    Ok(())
}
