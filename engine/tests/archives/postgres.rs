//! A restore into PostgreSQL: the database is there before and after, whatever becomes of the restore.

use std::path::Path;

use etiqa_engine::backup::restore::{Request, Secrets, restore};
use etiqa_engine::backup::verify::Key;
use etiqa_engine::db::Db;
use etiqa_engine::store::dump::table_count;
use etiqa_engine::{Engine, Options, Role};
use etiqa_model::Secret;
use etiqa_model::archive::Encryption;
use sqlx::{AssertSqlSafe, Connection, Executor, Row};

use crate::common::postgres_url;
use crate::common::world::World;
use crate::support::{full_backup, path};

fn request(world: &World, archive: &Path, data_dir: &Path, url: &str) -> Request {
    Request {
        archive: archive.to_owned(),
        key: Key::None,
        data_dir: data_dir.to_owned(),
        database_url: Some(url.to_owned()),
        secrets: Secrets::With(Secret::new(std::fs::read_to_string(world.engine.dir.secret_key()).unwrap())),
    }
}

/// How an engine opens there, or why it does not.
async fn opened(data_dir: &Path, url: &str) -> Result<u64, String> {
    let options =
        Options { data_dir: data_dir.to_owned(), database_url: Some(url.to_owned()), ..Options::default() };
    let engine =
        Engine::open(options, Role::Command).await.map_err(|error| error.into_user_error().message)?;
    let devices = table_count(&engine.db, "device").await.unwrap();
    engine.db.close().await;
    Ok(devices)
}

async fn execute(url: &str, sql: &str) {
    let mut connection = sqlx::AnyConnection::connect(url).await.unwrap();
    connection.execute(AssertSqlSafe(sql.to_owned())).await.unwrap();
    connection.close().await.unwrap();
}

async fn refusal(request: Request) -> String {
    restore(request).await.unwrap_err().into_user_error().message
}

#[tokio::test]
async fn a_database_that_an_interrupted_restore_filled_is_no_instance_and_is_filled_again() {
    let (world, _device, run) = full_backup(Encryption::None).await;
    let archive = path(&world, &run);
    let folder = tempfile::tempdir().unwrap();
    let (first, second, url) =
        (folder.path().join("first"), folder.path().join("second"), postgres_url().await);
    restore(request(&world, &archive, &first, &url)).await.unwrap();
    // What a kill after the commit leaves: the database full and marked, the directory with its note.
    let id = std::fs::read_to_string(first.join("instance")).unwrap();
    execute(&url, &format!("INSERT INTO setting (name, value) VALUES ('restoring', '{}')", id.trim())).await;
    std::fs::write(first.join(".restoring"), "an archive\n").unwrap();

    let said = opened(&folder.path().join("worker"), &url).await.unwrap_err();
    assert!(said.contains("A restore into this database has not come to its end"), "{said}");
    assert!(opened(&first, &url).await.unwrap_err().contains("did not come to its end"));
    // The next try may come to another directory, with another archive.
    let again = restore(request(&world, &archive, &second, &url)).await.unwrap();
    assert!(again.rows > 5);
    assert_eq!(opened(&second, &url).await, Ok(1));
    let full = refusal(request(&world, &archive, &folder.path().join("third"), &url)).await;
    assert!(full.contains("The database is not empty"), "{full}");
}

#[tokio::test]
async fn a_restore_that_was_cut_off_at_its_last_word_is_an_instance() {
    let (world, _device, run) = full_backup(Encryption::None).await;
    let folder = tempfile::tempdir().unwrap();
    let (new, url) = (folder.path().join("new"), postgres_url().await);
    restore(request(&world, &path(&world, &run), &new, &url)).await.unwrap();
    let id = std::fs::read_to_string(new.join("instance")).unwrap();
    execute(&url, &format!("INSERT INTO setting (name, value) VALUES ('restoring', '{}')", id.trim())).await;
    assert_eq!(opened(&new, &url).await, Ok(1));
    // From then on it is whole for others as well.
    let full = refusal(request(&world, &path(&world, &run), &folder.path().join("other"), &url)).await;
    assert!(full.contains("The database is not empty"), "{full}");
}

#[tokio::test]
async fn what_a_refused_restore_left_in_the_database_hinders_no_later_one() {
    let (world, _device, run) = full_backup(Encryption::None).await;
    let folder = tempfile::tempdir().unwrap();
    let (new, url) = (folder.path().join("new"), postgres_url().await);
    let foreign = Secrets::With(Secret::new("00".repeat(32)));
    let archive = path(&world, &run);
    let said = refusal(Request { secrets: foreign, ..request(&world, &archive, &new, &url) }).await;
    assert!(said.contains("does not belong to this database"), "{said}");
    restore(request(&world, &archive, &new, &url)).await.unwrap();
    assert_eq!(opened(&new, &url).await, Ok(1));
}

#[tokio::test]
async fn a_database_in_use_or_of_another_program_is_refused_and_left_alone() {
    let (world, _device, run) = full_backup(Encryption::None).await;
    let archive = path(&world, &run);
    let folder = tempfile::tempdir().unwrap();
    let new = folder.path().join("new");

    // No table that an archive restores has a row, but somebody is signed in.
    let url = postgres_url().await;
    Db::open_postgres(&url).await.unwrap().close().await;
    execute(
        &url,
        "INSERT INTO upload (file_name, content, created_by, created_at) VALUES ('devices.csv', 'x', 'ada', 1)",
    )
    .await;
    let said = refusal(request(&world, &archive, &new, &url)).await;
    assert!(said.contains("there is something in upload"), "{said}");

    // The same words mean something else in another program.
    let url = postgres_url().await;
    for sql in [
        "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, checksum BYTEA NOT NULL)",
        "INSERT INTO _sqlx_migrations VALUES (1, 'theirs')",
        "CREATE TABLE session (theirs TEXT)",
    ] {
        execute(&url, sql).await;
    }
    let said = refusal(request(&world, &archive, &new, &url)).await;
    assert!(said.contains("or of another one: name an empty one"), "{said}");
    let mut connection = sqlx::AnyConnection::connect(&url).await.unwrap();
    let left = connection.fetch_one("SELECT COUNT(*) FROM session").await.unwrap();
    assert_eq!(left.get::<i64, _>(0), 0, "it is still there");
    assert!(!new.exists() || std::fs::read_dir(&new).unwrap().next().is_none());
}
