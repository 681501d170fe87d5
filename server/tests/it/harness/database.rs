//! The database behind a world, looked at and edited past the program.

use std::sync::atomic::{AtomicU32, Ordering};

use etiqa_engine::hex::from_hex;
use sqlx::any::install_default_drivers;
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor, Row};

/// Where a world keeps its tables.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    url: String,
}

impl Database {
    /// The embedded one of a data directory.
    pub(crate) fn embedded(data: &std::path::Path) -> Self {
        install_default_drivers();
        Self { url: format!("sqlite://{}?mode=rw", data.join("etiqa.db").display()) }
    }

    /// The one at this address.
    pub(crate) fn at(url: &str) -> Self {
        install_default_drivers();
        Self { url: url.to_owned() }
    }

    /// A fresh one on the PostgreSQL of this test run; it goes with the server that `make test` starts.
    pub(crate) async fn on_postgres() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        install_default_drivers();
        let Ok(url) = std::env::var("ETIQA_TEST_POSTGRES") else {
            panic!("This test needs a PostgreSQL: run `make test`, or scripts/with-postgres.sh cargo test.");
        };
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("etiqa_it_{}_{number}", std::process::id());
        let mut server = AnyConnection::connect(&url).await.unwrap();
        server.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
        server.close().await.unwrap();
        let (server, _) = url.rsplit_once('/').unwrap();
        Self { url: format!("{server}/{name}") }
    }

    /// As the program takes it.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Changes something, as a disaster or another program would.
    pub(crate) async fn execute(&self, sql: &str) {
        let mut connection = AnyConnection::connect(&self.url).await.unwrap();
        connection.execute(AssertSqlSafe(sql.to_owned())).await.unwrap();
        connection.close().await.unwrap();
    }

    /// The one number that a query gives.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let mut connection = AnyConnection::connect(&self.url).await.unwrap();
        let row = connection.fetch_one(AssertSqlSafe(sql.to_owned())).await.unwrap();
        connection.close().await.unwrap();
        row.try_get(0).unwrap()
    }

    /// Every cell of every table, each with its table and column. What an index for searches holds of itself is left out.
    pub(crate) async fn cells(&self) -> Vec<(String, Vec<u8>)> {
        let mut cells = Vec::new();
        for (column, hex) in self.columns().await {
            for cell in self.texts(&hex).await {
                cells.push((column.clone(), from_hex(&cell).unwrap()));
            }
        }
        cells
    }

    /// Every column by its name, and the query that gives its cells in hexadecimal.
    async fn columns(&self) -> Vec<(String, String)> {
        if self.url.starts_with("sqlite:") {
            let tables =
                "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'";
            let mut columns = Vec::new();
            for table in self.texts(tables).await {
                for column in self.texts(&format!("SELECT name FROM pragma_table_info('{table}')")).await {
                    let hex = format!("SELECT hex(\"{column}\") FROM \"{table}\"");
                    columns.push((format!("{table}.{column}"), hex));
                }
            }
            return columns;
        }
        let columns = "SELECT CAST(table_name AS TEXT) || ' ' || CAST(column_name AS TEXT) || ' ' || CAST(data_type AS TEXT)
                       FROM information_schema.columns WHERE table_schema = 'public'";
        let columns = self.texts(columns).await;
        let columns = columns.iter().map(|column| {
            let mut words = column.splitn(3, ' ');
            let (table, name) = (words.next().unwrap(), words.next().unwrap());
            let bytes = match words.next().unwrap() {
                "bytea" => format!("\"{name}\""),
                _ => format!("convert_to(CAST(\"{name}\" AS TEXT), 'UTF8')"),
            };
            (format!("{table}.{name}"), format!("SELECT encode({bytes}, 'hex') FROM \"{table}\""))
        });
        columns.collect()
    }

    /// The first column of a query's rows.
    pub(crate) async fn texts(&self, sql: &str) -> Vec<String> {
        let mut connection = AnyConnection::connect(&self.url).await.unwrap();
        let rows = connection.fetch_all(AssertSqlSafe(sql.to_owned())).await.unwrap();
        connection.close().await.unwrap();
        rows.iter().map(|row| row.try_get::<Option<String>, _>(0).unwrap().unwrap_or_default()).collect()
    }
}
