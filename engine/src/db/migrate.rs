//! Brings the schema up to date. The files are compiled in; both databases have the same numbers.

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{Row, SqlSafeStr};

use super::{Db, DbError, DbKind, Result, Tx, built};

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

/// Where sqlx keeps which of them have run.
const HISTORY: &str = "_sqlx_migrations";

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
    step!(10, "search by numbers", "0010_search_by_numbers.sql"),
    step!(11, "activations", "0011_activations.sql"),
    step!(12, "machines", "0012_machines.sql"),
    step!(13, "one result", "0013_one_result.sql"),
    step!(14, "what machines hear and keep", "0014_heard_and_kept.sql"),
    step!(15, "archives that are gone", "0015_archives_gone.sql"),
    step!(16, "lists", "0016_lists.sql"),
    step!(17, "views", "0017_views.sql"),
    step!(18, "since when due times are promised", "0018_promises.sql"),
    step!(19, "the audit log", "0019_audit.sql"),
    step!(20, "sign-in", "0020_sign_in.sql"),
    step!(21, "scopes", "0021_scopes.sql"),
    step!(22, "notifications", "0022_notifications.sql"),
    step!(23, "rules", "0023_rules.sql"),
    step!(24, "answers of the REST API", "0024_api_answers.sql"),
    step!(25, "inventory sources", "0025_inventory_sources.sql"),
    step!(26, "covering indexes", "0026_covering_indexes.sql"),
];

/// The schema from which on there is an audit log.
pub(super) const AUDIT_LOG: i64 = 19;

/// The schema from which on processes say that they are alive.
pub(crate) const MACHINES: i64 = 12;

/// The newest schema number that this program knows.
pub fn newest() -> i64 {
    STEPS.last().map_or(0, |step| step.0)
}

/// Runs what has not run yet, up to schema number `schema`; refuses a database that a newer program wrote. Gives the number
/// that it had before.
pub(super) async fn run(db: &Db, schema: i64) -> Result<i64> {
    let before = found(db).await?;
    let steps = migrations(db.kind).filter(|step| step.version <= schema).collect();
    Migrator::with_migrations(steps).run(&db.writer).await.map_err(|error| match error {
        MigrateError::Execute(error) => DbError::Sqlx(error),
        other => DbError::Open(format!("The database's schema cannot be brought up to date: {other}.")),
    })?;
    Ok(before)
}

fn migrations(kind: DbKind) -> impl Iterator<Item = Migration> {
    STEPS.iter().map(move |&(number, name, sqlite, postgres)| {
        let sql = match kind {
            DbKind::Sqlite => sqlite,
            DbKind::Postgres => postgres,
        };
        Migration::new(number, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    })
}

/// Every table that the migrations make.
fn table_names() -> impl Iterator<Item = &'static str> {
    let lines = STEPS.iter().flat_map(|step| step.3.lines());
    let rests = lines.filter_map(|line| line.strip_prefix("CREATE TABLE "));
    rests.filter_map(|rest| rest.split([' ', '(']).next())
}

/// Those of our tables that are in a PostgreSQL database, of whatever version, but the one in which the migrations are
/// noted. Refuses a database in which another
/// program keeps its migrations: a table with one of our names may be its.
pub(crate) async fn tables_there_in_txn(tx: &mut Tx) -> Result<Vec<&'static str>> {
    let there = names_there(tx).await?;
    let is_there = |name: &str| there.iter().any(|table| table == name);
    if !is_there(HISTORY) {
        return Ok(Vec::new());
    }
    let ran = "SELECT version, checksum FROM _sqlx_migrations ORDER BY version";
    let ran = sqlx::query(ran).fetch_all(&mut **tx).await?;
    let known: Vec<Migration> = migrations(DbKind::Postgres).collect();
    for row in &ran {
        let (version, checksum): (i64, Vec<u8>) = (row.try_get("version")?, row.try_get("checksum")?);
        if !known.iter().any(|step| step.version == version && *step.checksum == *checksum) {
            let message =
                "The database is of a newer version of this program, or of another one: name an empty one.";
            return Err(DbError::Open(message.into()));
        }
    }
    Ok(table_names().filter(|name| !ran.is_empty() && is_there(name)).collect())
}

/// A table of a PostgreSQL database that is none of `ours`, nor the one in which the migrations are noted.
pub(crate) async fn other_table_in_txn(tx: &mut Tx, ours: &[&str]) -> Result<Option<String>> {
    let there = names_there(tx).await?;
    Ok(there.into_iter().find(|name| name != HISTORY && !ours.contains(&name.as_str())))
}

async fn names_there(tx: &mut Tx) -> Result<Vec<String>> {
    let sql = "SELECT CAST(tablename AS TEXT) AS name FROM pg_tables WHERE schemaname = current_schema()";
    let rows = sqlx::query(sql).fetch_all(&mut **tx).await?;
    Ok(rows.iter().map(|row| row.try_get("name")).collect::<Result<Vec<String>, _>>()?)
}

/// Lets nobody else read or write these tables until the transaction ends.
pub(crate) async fn tables_lock_in_txn(tx: &mut Tx, tables: &[&str]) -> Result<()> {
    let sql = format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", tables.join(", "));
    sqlx::query(built(sql)).execute(&mut **tx).await?;
    Ok(())
}

/// Takes these tables away, and the note of the migrations that made them: the next migration begins anew.
pub(crate) async fn tables_drop_in_txn(tx: &mut Tx, tables: &[&str]) -> Result<()> {
    let sql = format!("DROP TABLE {}, {HISTORY}", tables.join(", "));
    sqlx::query(built(sql)).execute(&mut **tx).await?;
    Ok(())
}

/// Whether any migration has run.
async fn has_schema(db: &Db) -> Result<bool> {
    let tables = match db.kind {
        DbKind::Sqlite => "SELECT COUNT(*) FROM sqlite_master WHERE name = '_sqlx_migrations'",
        DbKind::Postgres => {
            "SELECT COUNT(*) FROM pg_tables WHERE tablename = '_sqlx_migrations' AND schemaname = current_schema()"
        }
    };
    let exists: i64 = sqlx::query(tables).fetch_one(&db.writer).await?.try_get(0)?;
    Ok(exists > 0)
}

/// Whether the last step that ran is the last one that this program knows.
pub(super) async fn is_current(db: &Db) -> Result<bool> {
    let row = sqlx::query("SELECT CAST(COALESCE(MAX(version), 0) AS BIGINT) FROM _sqlx_migrations")
        .fetch_one(&db.reader)
        .await?;
    Ok(row.try_get::<i64, _>(0)? == newest())
}

/// The schema number of a database, 0 where there is none yet; refuses one that a newer version has brought up to date.
pub(super) async fn found(db: &Db) -> Result<i64> {
    if !has_schema(db).await? {
        return Ok(0);
    }
    let row = sqlx::query("SELECT CAST(COALESCE(MAX(version), 0) AS BIGINT) FROM _sqlx_migrations")
        .fetch_one(&db.writer)
        .await?;
    let found: i64 = row.try_get(0)?;
    if found > newest() { Err(DbError::Newer { found, known: newest() }) } else { Ok(found) }
}
