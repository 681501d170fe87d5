//! `db.sqlite3`, read and never written.
//!
//! Columns are read by name, each cast to a text: SQLite keeps what it was given, whatever a column's type says.

use std::collections::BTreeMap;
use std::path::Path;

use etiqa_model::UserError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{ConnectOptions, Connection, Row, Sqlite, SqliteConnection};
use tempfile::NamedTempFile;

use super::record::Record;
use super::source::Kind;
use super::versions::DEVICE;
use crate::db::built;
use crate::error::Result;

/// A table that was found.
#[derive(Debug, Clone)]
struct Table {
    name: String,
    columns: Vec<String>,
}

/// An opened database.
pub(super) struct Database {
    connection: SqliteConnection,
    tables: BTreeMap<Kind, Table>,
    /// The column of a configuration that names its device.
    device_column: Option<String>,
    /// Where it was unpacked to; goes with this.
    _unpacked: Option<NamedTempFile>,
}

impl Database {
    pub(super) async fn open(file: &Path, unpacked: Option<NamedTempFile>) -> Result<Self> {
        let connection = SqliteConnectOptions::new()
            .filename(file)
            .read_only(true)
            .disable_statement_logging()
            .connect()
            .await
            .map_err(unreadable)?;
        let mut database =
            Self { connection, tables: BTreeMap::new(), device_column: None, _unpacked: unpacked };
        database.find_tables().await?;
        Ok(database)
    }

    async fn find_tables(&mut self) -> Result<()> {
        let names =
            self.names("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name".into()).await?;
        let found = |kind: Kind| names.iter().find(|name| Kind::named(name) == Some(kind)).cloned();
        let configs = found(Kind::Config);
        let mut devices = found(Kind::Device);
        if let Some(configs) = &configs {
            // Whatever the devices' table is called: this one refers to it.
            let sql = format!(
                "SELECT \"table\" || '|' || \"from\" AS name FROM pragma_foreign_key_list({}) ORDER BY id",
                text(configs)
            );
            let keys = self.names(sql).await?;
            let keys = keys.iter().filter_map(|key| key.split_once('|'));
            let to_device = keys.into_iter().find(|(table, column)| {
                DEVICE.contains(&column.to_lowercase().as_str()) || Kind::named(table) == Some(Kind::Device)
            });
            if let Some((table, column)) = to_device {
                (devices, self.device_column) = (Some(table.to_owned()), Some(column.to_owned()));
            }
        }
        let tables = [
            (Kind::Device, devices),
            (Kind::Config, configs),
            (Kind::Backup, found(Kind::Backup)),
            (Kind::History, found(Kind::History)),
        ];
        for (kind, name) in tables {
            let Some(name) = name else { continue };
            let sql = format!("SELECT name FROM pragma_table_info({}) ORDER BY cid", text(&name));
            let columns = self.names(sql).await?;
            if !columns.is_empty() {
                self.tables.insert(kind, Table { name, columns });
            }
        }
        if self.tables.is_empty() {
            let message = "This is a database, and none of the Django edition: it has no table of devices, \
                           configurations, backup configs or history.";
            return Err(UserError::invalid(message).into());
        }
        Ok(())
    }

    pub(super) fn has(&self, kind: Kind) -> bool {
        self.tables.contains_key(&kind)
    }

    pub(super) async fn all(&mut self, kind: Kind) -> Result<Vec<Record>> {
        let Some(table) = self.tables.get(&kind).cloned() else { return Ok(Vec::new()) };
        self.rows(&table, None).await
    }

    /// One device's at a time: all texts of all devices may be more than a memory holds.
    pub(super) async fn configs_of(&mut self, device: &str) -> Result<Vec<Record>> {
        let Some(table) = self.tables.get(&Kind::Config).cloned() else { return Ok(Vec::new()) };
        let known = self.device_column.clone();
        let column = known.or_else(|| {
            let is_it = |column: &&String| DEVICE.contains(&column.to_lowercase().as_str());
            table.columns.iter().find(is_it).cloned()
        });
        let Some(column) = column else {
            let message = format!(
                "The table {} has no column that names the device; its columns are {}.",
                table.name,
                table.columns.join(", ")
            );
            return Err(UserError::invalid(message).into());
        };
        self.rows(&table, Some((&column, device))).await
    }

    pub(super) async fn count(&mut self, kind: Kind) -> Result<u64> {
        let Some(table) = self.tables.get(&kind) else { return Ok(0) };
        let sql = format!("SELECT COUNT(*) AS n FROM {}", name(&table.name));
        let row =
            sqlx::query::<Sqlite>(built(sql)).fetch_one(&mut self.connection).await.map_err(unreadable)?;
        let count: i64 = row.try_get("n").map_err(unreadable)?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    async fn rows(&mut self, table: &Table, only: Option<(&str, &str)>) -> Result<Vec<Record>> {
        let columns: Vec<String> =
            table.columns.iter().map(|column| format!("CAST({0} AS TEXT) AS {0}", name(column))).collect();
        let only_them = only
            .map_or_else(String::new, |(column, _)| format!(" WHERE CAST({} AS TEXT) = $1", name(column)));
        let sql =
            format!("SELECT {} FROM {}{only_them} ORDER BY rowid", columns.join(", "), name(&table.name));
        let mut query = sqlx::query::<Sqlite>(built(sql));
        if let Some((_, value)) = only {
            query = query.bind(value.to_owned());
        }
        let rows = query.fetch_all(&mut self.connection).await.map_err(unreadable)?;
        rows.iter().map(|row| record(row, &table.columns)).collect()
    }

    /// The column `name` of each row.
    async fn names(&mut self, sql: String) -> Result<Vec<String>> {
        let rows =
            sqlx::query::<Sqlite>(built(sql)).fetch_all(&mut self.connection).await.map_err(unreadable)?;
        rows.iter().map(|row| Ok(row.try_get::<String, _>("name").map_err(unreadable)?)).collect()
    }

    pub(super) async fn close(self) {
        // Nothing was written: how it closes changes nothing.
        let _ = self.connection.close().await;
    }
}

fn record(row: &SqliteRow, columns: &[String]) -> Result<Record> {
    let cell = |(index, column): (usize, &String)| -> Result<Option<(String, String)>> {
        let value: Option<String> = row.try_get(index).map_err(unreadable)?;
        Ok(value.map(|value| (column.clone(), value)))
    };
    let cells = columns.iter().enumerate().map(cell).collect::<Result<Vec<_>>>()?;
    Ok(cells.into_iter().flatten().collect())
}

/// A name of somebody else's within a statement.
fn name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text of somebody else's within a statement.
fn text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn unreadable(error: sqlx::Error) -> UserError {
    let why = match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        other => other.to_string(),
    };
    UserError::invalid(format!(
        "The database of the Django edition cannot be read: {why}. Stop the Django edition, copy its db.sqlite3, and name \
         the copy."
    ))
}
