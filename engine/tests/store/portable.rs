use std::collections::BTreeSet;
use std::time::Duration;

use etiqa_engine::db::{Db, DbError, DbKind};
use etiqa_engine::store::driver::driver_list;
use etiqa_engine::store::dump::{TABLES, table_dump_end, table_dump_in_txn, tables_handed_over};
use etiqa_engine::store::run::{run_archive_exists, run_list_leftover};
use etiqa_engine::store::setting::{settings_fetch, settings_save};
use etiqa_model::admin::Settings;
use futures::TryStreamExt;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{Row, SqlSafeStr};

use crate::common::{on_both, postgres_url};

async fn columns(db: &Db) -> BTreeSet<(String, String)> {
    let sql = match db.kind() {
        DbKind::Sqlite => {
            "SELECT m.name AS t, p.name AS c FROM sqlite_master m JOIN pragma_table_info(m.name) p
             WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' AND m.name NOT LIKE '\\_sqlx%' ESCAPE '\\'"
        }
        DbKind::Postgres => {
            "SELECT CAST(table_name AS TEXT) AS t, CAST(column_name AS TEXT) AS c FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name NOT LIKE '\\_sqlx%'"
        }
    };
    let rows = sqlx::query(sql).fetch_all(db.reader()).await.unwrap();
    let columns = rows.iter().map(|row| (row.get("t"), row.get("c")));
    // The index of searches is of each database's own kind, and has tables of its own on SQLite.
    columns.filter(|(table, _): &(String, String)| !table.starts_with("search_gram")).collect()
}

#[tokio::test]
async fn both_databases_have_the_same_tables_and_columns() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = Db::open_sqlite(&folder.path().join("etiqa.db")).await.unwrap();
    let postgres = Db::open_postgres(&postgres_url().await).await.unwrap();
    assert_eq!(columns(&sqlite).await, columns(&postgres).await);
    assert!(columns(&sqlite).await.len() > 100);
}

#[tokio::test]
async fn every_table_is_handed_over_or_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open_sqlite(&folder.path().join("etiqa.db")).await.unwrap();
    let mut tables: BTreeSet<String> = columns(&db).await.into_iter().map(|(table, _)| table).collect();
    for table in tables_handed_over() {
        assert!(tables.remove(table), "{table}");
    }
    let left: Vec<&str> = tables.iter().map(String::as_str).collect();
    assert_eq!(
        left,
        ["artifact_lease", "device_lease", "lead", "machine", "rule_check", "rule_result", "search_text"]
    );
}

#[tokio::test]
async fn every_archived_table_is_dumped_as_valid_json() {
    on_both(async |db| {
        settings_save(&db, &Settings { max_sessions: 7, ..Settings::default() }).await.unwrap();
        for table in TABLES {
            let mut snapshot = db.snapshot().await.unwrap();
            let pieces: Vec<Vec<u8>> = table_dump_in_txn(snapshot.tx(), table).try_collect().await.unwrap();
            let text = format!(
                "{}{}",
                String::from_utf8(pieces.concat()).unwrap(),
                table_dump_end(pieces.len() as u64)
            );
            let json: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(json["rows"].as_array().unwrap().len(), pieces.len(), "{table}");
        }
    })
    .await;
}

#[tokio::test]
async fn settings_are_the_defaults_until_somebody_sets_them() {
    on_both(async |db| {
        assert_eq!(settings_fetch(&db).await.unwrap(), Settings::default());
        let changed = Settings { max_sessions: 7, ..Settings::default() };
        settings_save(&db, &changed).await.unwrap();
        assert_eq!(settings_fetch(&db).await.unwrap(), changed);
    })
    .await;
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("etiqa.db");
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (9999, 'later', TRUE, $1, 0)";
    let url = postgres_url().await;
    let sqlite = Db::open_sqlite(&file).await.unwrap();
    let postgres = Db::open_postgres(&url).await.unwrap();
    for db in [&sqlite, &postgres] {
        let mut tx = db.write().await.unwrap();
        sqlx::query(newer).bind(vec![0_u8]).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
        db.close().await;
    }
    for reopened in [Db::open_sqlite(&file).await, Db::open_postgres(&url).await] {
        let error = reopened.err().unwrap();
        assert!(matches!(error, DbError::Newer { found: 9999, .. }), "{error}");
        assert!(error.to_string().contains("Start the newer version"), "{error}");
    }
}

#[tokio::test]
async fn dumps_take_turns_and_none_of_the_connections_that_pages_read_by() {
    on_both(async |db| {
        let first = db.snapshot().await.unwrap();
        let others: Vec<_> = (0..8)
            .map(|_| {
                let db = db.clone();
                tokio::spawn(async move { db.snapshot().await.unwrap().end().await.unwrap() })
            })
            .collect();
        let read = async {
            // As many at once as there are readers.
            let (a, b, c, d) = tokio::join!(db.read(), db.read(), db.read(), db.read());
            assert!(a.is_ok() && b.is_ok() && c.is_ok() && d.is_ok());
        };
        tokio::time::timeout(Duration::from_secs(5), read).await.expect("pages wait for a dump");
        assert!(others.iter().all(|other| !other.is_finished()), "one dump at a time");
        first.end().await.unwrap();
        for other in others {
            other.await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn what_an_older_version_left_is_found_after_the_schema_moved_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("etiqa.db");
    let postgres = postgres_url().await;
    let sqlite = format!("sqlite://{}?mode=rwc", file.display());
    for (url, first) in [
        (&sqlite, include_str!("../../../migrations/sqlite/0001_initial.sql")),
        (&postgres, include_str!("../../../migrations/postgres/0001_initial.sql")),
    ] {
        sqlx::any::install_default_drivers();
        let old = sqlx::AnyPool::connect(url).await.unwrap();
        let step = Migration::new(1, "initial".into(), MigrationType::Simple, first.into_sql_str(), false);
        Migrator::with_migrations(vec![step]).run(&old).await.unwrap();
        for sql in [
            "INSERT INTO backup_run (name, kind, status, phase, started_by, queued_at, file, removed_at)
             VALUES ('Old', 'data', 'completed', 'waiting', 'manual', 1, 'removed.zip', 2)",
            "INSERT INTO backup_run (name, kind, status, phase, started_by, queued_at, file)
             VALUES ('Old', 'data', 'completed', 'waiting', 'manual', 1, 'kept.zip')",
            "INSERT INTO driver (name, text, sha256, updated_at) VALUES ('our-switch', '', '0', 1)",
        ] {
            sqlx::query(sql).execute(&old).await.unwrap();
        }
        old.close().await;
    }
    for db in [Db::open_sqlite(&file).await.unwrap(), Db::open_postgres(&postgres).await.unwrap()] {
        let left = run_list_leftover(&db, "here").await.unwrap();
        assert_eq!(left.iter().map(|(_, file)| file.as_str()).collect::<Vec<_>>(), ["removed.zip"]);
        assert!(run_archive_exists(&db, "kept.zip").await.unwrap());
        let drivers = driver_list(&db).await.unwrap();
        assert_eq!(drivers[0].data_dir, None, "nobody takes it for a file of theirs that is gone");
        db.close().await;
    }
}
