//! A newer version of the program starts on what an older one left: the schema is brought up to date, and everything that was
//! there is there. What goes back to an older version is refused: `bad_input.rs`. Archives of older versions: the engine's
//! golden ones.

use std::borrow::Cow;
use std::path::Path;

use etiqa_engine::db::newest_schema;
use etiqa_engine::time::now;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AnyPool, AssertSqlSafe, SqlSafeStr};

use crate::harness::World;
use crate::harness::world::ended;

/// What the first version could write.
const FIRST: &[&str] = &[
    "INSERT INTO device (site, address, port, hostname, device_type, platform, transport, description, enabled, status,
                         created_at, updated_at)
     VALUES ('default', '192.0.2.1', 22, 'core-rtr-1', 'router', 'ios', 'ssh', 'of old', 1, 'unknown', 1, 1)",
    "INSERT INTO device_tag (device_id, tag) VALUES (1, 'core')",
    r#"INSERT INTO backup_config (name, slug, kind, schedule, retention, include, devices, enabled, created_at, updated_at)
       VALUES ('Nightly', 'nightly', 'data', '{"frequency":"daily","at":"02:00","time_zone":"UTC"}',
               '{"max_backups":10,"keep_hourly":0,"keep_daily":0,"keep_weekly":0,"keep_monthly":0,"keep_yearly":0}',
               '{"database":true,"media":true,"logs":false}', 'all', 1, 1, 1)"#,
    "INSERT INTO backup_run (name, kind, status, phase, started_by, queued_at, finished_at)
     VALUES ('Nightly', 'data', 'failed', 'waiting', 'manual', 1, 2)",
];

/// The steps up to number `schema`, as that version carried them.
fn steps(kind: &str, schema: i64) -> Vec<Migration> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations").join(kind);
    let mut steps: Vec<Migration> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter_map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            let number: i64 = name.split('_').next().unwrap().parse().unwrap();
            let sql = AssertSqlSafe(std::fs::read_to_string(&path).unwrap()).into_sql_str();
            let step = Migration::new(number, Cow::Owned(name.to_owned()), MigrationType::Simple, sql, false);
            (number <= schema).then_some(step)
        })
        .collect();
    steps.sort_by_key(|step| step.version);
    steps
}

/// Makes the database that the version with this schema left.
async fn leave(url: &str, kind: &str, schema: i64) {
    let old = AnyPool::connect(url).await.unwrap();
    Migrator::with_migrations(steps(kind, 1)).run(&old).await.unwrap();
    for sql in FIRST {
        sqlx::query(AssertSqlSafe((*sql).to_owned())).execute(&old).await.unwrap();
    }
    Migrator::with_migrations(steps(kind, schema)).run(&old).await.unwrap();
    old.close().await;
}

async fn is_brought_up_to_date(world: &World, schema: i64) {
    let devices = world.etiqa(["device", "list", "--json"]).await.good().json();
    assert_eq!(devices[0]["hostname"], "core-rtr-1", "schema {schema}");
    assert_eq!(devices[0]["tags"][0], "core", "schema {schema}");
    let status = world.status().await;
    assert_eq!(status["configs"][0]["name"], "Nightly", "schema {schema}");
    let done = world.database.number("SELECT MAX(version) FROM _sqlx_migrations").await;
    assert_eq!(done, newest_schema(), "schema {schema}");
    assert_eq!(world.database.number("SELECT COUNT(*) FROM backup_run").await, 1, "schema {schema}");
}

#[tokio::test]
async fn a_data_directory_of_every_earlier_schema_is_brought_up_to_date() {
    for schema in 1..newest_schema() {
        let world = World::new();
        std::fs::create_dir(world.data()).unwrap();
        let url = format!("sqlite://{}?mode=rwc", world.data().join("etiqa.db").display());
        leave(&url, "sqlite", schema).await;
        is_brought_up_to_date(&world, schema).await;
    }
}

#[tokio::test]
async fn a_postgres_of_every_earlier_schema_is_brought_up_to_date() {
    for schema in 1..newest_schema() {
        let world = World::on_postgres().await;
        leave(world.database.url(), "postgres", schema).await;
        is_brought_up_to_date(&world, schema).await;
    }
}

#[tokio::test]
async fn a_command_leaves_the_file_as_it_is_beneath_a_server_of_an_older_version() {
    let world = World::new();
    std::fs::create_dir(world.data()).unwrap();
    let url = format!("sqlite://{}?mode=rwc", world.data().join("etiqa.db").display());
    let older = newest_schema() - 1;
    leave(&url, "sqlite", older).await;
    // A server holds this for as long as it lives.
    let server = std::fs::File::create(world.data().join("serve.lock")).unwrap();
    server.lock().unwrap();
    let refused = world.etiqa(["device", "list"]).await.failed().sentence(&world);
    assert!(refused.starts_with("etiqa: A server of an older version works on this data"), "{refused}");
    assert_eq!(world.database.number("SELECT MAX(version) FROM _sqlx_migrations").await, older);
    drop(server);
    is_brought_up_to_date(&world, older).await;
}

#[tokio::test]
async fn workers_leave_a_postgres_as_it_is_and_commands_do_while_somebody_works_on_it() {
    let world = World::on_postgres().await;
    let older = newest_schema() - 1;
    let schema = async || world.database.number("SELECT MAX(version) FROM _sqlx_migrations").await;
    let worker = || world.command(["worker", "--site", "graz"]).spawn().unwrap();
    let refused = ended(worker()).await.failed().sentence(&world);
    assert!(refused.starts_with("etiqa: The database is empty or of an older version: start"), "{refused}");

    leave(world.database.url(), "postgres", older).await;
    ended(worker()).await.failed();
    let seen = |at: i64| {
        format!(
            "INSERT INTO machine (owner, host, role, data_dir, files_id, version, sessions, max_sessions, clock_ahead_ms,
                started_at, seen_at) VALUES ('server-{at}', 'old', 'server', 'x', 'x', '0', 0, 1, 0, {at}, {at})"
        )
    };
    let at = now().millis();
    world.database.execute(&seen(at)).await;
    let refused = world.etiqa(["device", "list"]).await.failed().sentence(&world);
    assert!(refused.starts_with("etiqa: Servers or workers of an older version work on this"), "{refused}");
    assert_eq!(schema().await, older);

    // Once that one was not heard of for a while, a command is alone.
    world.database.execute(&format!("UPDATE machine SET seen_at = {}", at - 60_000)).await;
    world.etiqa(["device", "list"]).await.good();
    assert_eq!(schema().await, newest_schema());
}

#[tokio::test]
async fn a_server_of_the_newer_version_serves_what_the_older_one_left() {
    let world = World::new();
    std::fs::create_dir(world.data()).unwrap();
    let url = format!("sqlite://{}?mode=rwc", world.data().join("etiqa.db").display());
    leave(&url, "sqlite", newest_schema() - 1).await;
    let server = world.serve().await;
    world.add_user("ada", "admin").await;
    let page = server.signed_in("ada").await.and_header("accept", "text/html").get("/devices/").await;
    assert!(page.with_status(200).text().contains("core-rtr-1"));
    assert_eq!(server.stop().await.0, Some(0));
    world.etiqa(["run-backups", "--config", "Nightly", "--force"]).await.good();
    world.etiqa(["verify", "--all"]).await.good();
}
