//! Brings the schema up to date. The files are compiled in; both databases have the same numbers.

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{Row, SqlSafeStr};

use super::{Db, DbError, DbKind, Result};

/// Number, name, SQLite's text, PostgreSQL's text.
type Step = (i64, &'static str, &'static str, &'static str);

macro_rules! step {
    ($number:literal, $name:literal, $file:literal) => {
        (
            $number,
            $name,
            include_str!(concat!("../../../migrations/sqlite/", $file)),
            include_str!(concat!("../../../migrations/postgres/", $file)),
        )
    };
}

/// In order; never edited once landed.
const STEPS: &[Step] = &[
    step!(1, "initial", "0001_initial.sql"),
    step!(2, "places", "0002_places.sql"),
    step!(3, "collection", "0003_collection.sql"),
    step!(4, "artifacts", "0004_artifacts.sql"),
    step!(5, "rotation", "0005_rotation.sql"),
    step!(6, "archives", "0006_archives.sql"),
    step!(7, "destinations", "0007_destinations.sql"),
    step!(8, "search", "0008_search.sql"),
    step!(9, "history and media", "0009_history_media.sql"),
];

/// The newest schema number that this program knows.
pub fn newest() -> i64 {
    STEPS.last().map_or(0, |step| step.0)
}

/// Runs what has not run yet, up to schema number `schema`; refuses a database that a newer program wrote.
pub(super) async fn run(db: &Db, schema: i64) -> Result<()> {
    refuse_newer(db).await?;
    let steps = STEPS.iter().filter(|step| step.0 <= schema).map(|&(number, name, sqlite, postgres)| {
        let sql = match db.kind {
            DbKind::Sqlite => sqlite,
            DbKind::Postgres => postgres,
        };
        Migration::new(number, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(steps.collect()).run(&db.writer).await.map_err(|error| match error {
        MigrateError::Execute(error) => DbError::Sqlx(error),
        other => DbError::Open(format!("The database's schema cannot be brought up to date: {other}.")),
    })
}

/// Whether any migration has run.
pub(super) async fn has_schema(db: &Db) -> Result<bool> {
    let tables = match db.kind {
        DbKind::Sqlite => "SELECT COUNT(*) FROM sqlite_master WHERE name = '_sqlx_migrations'",
        DbKind::Postgres => {
            "SELECT COUNT(*) FROM pg_tables WHERE tablename = '_sqlx_migrations' AND schemaname = current_schema()"
        }
    };
    let exists: i64 = sqlx::query(tables).fetch_one(&db.writer).await?.try_get(0)?;
    Ok(exists > 0)
}

async fn refuse_newer(db: &Db) -> Result<()> {
    if !has_schema(db).await? {
        return Ok(());
    }
    let row = sqlx::query("SELECT CAST(COALESCE(MAX(version), 0) AS BIGINT) FROM _sqlx_migrations")
        .fetch_one(&db.writer)
        .await?;
    let found: i64 = row.try_get(0)?;
    if found > newest() { Err(DbError::Newer { found, known: newest() }) } else { Ok(()) }
}
