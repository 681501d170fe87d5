//! What cannot work ends with one sentence that says what to do, and leaves nothing behind.

use std::fs;
use std::net::TcpListener;

use crate::harness::postgres::Postgres;
use crate::harness::{Output, World, until};

/// The refusal, with what differs from test to test masked.
fn refusal(world: &World, output: Output) -> String {
    output.failed().sentence(world)
}

#[tokio::test]
async fn a_port_that_is_taken() {
    let world = World::new();
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = taken.local_addr().unwrap().to_string();

    let output = world.etiqa(["serve", "--listen", &address]).await;

    let sentence = refusal(&world, output).replace(&taken.local_addr().unwrap().port().to_string(), "[port]");
    insta::assert_snapshot!(sentence, @"etiqa: Port [port] is taken by another program. Stop that, or choose another one with --listen.");
}

#[tokio::test]
async fn an_address_of_another_machine() {
    let world = World::new();
    let output = world.etiqa(["serve", "--listen", "192.0.2.1:8000"]).await;
    insta::assert_snapshot!(refusal(&world, output), @"etiqa: 192.0.2.1 is not an address of this machine. Choose another one with --listen.");
}

#[tokio::test]
async fn a_data_directory_below_a_file() {
    let world = World::new();
    world.file("data", "this is no directory");
    let output = world.etiqa(["backup-status"]).await;
    insta::assert_snapshot!(refusal(&world, output), @"etiqa: The data directory [place]/data cannot be used: File exists (os error 17). Make it writable for this user, or choose another one with --data-dir.");
    let output = world.etiqa(["--data-dir", "data/below", "serve", "--listen", "127.0.0.1:0"]).await;
    insta::assert_snapshot!(refusal(&world, output), @"etiqa: The data directory data/below cannot be used: Not a directory (os error 20). Make it writable for this user, or choose another one with --data-dir.");
    assert_eq!(fs::read_to_string(world.data()).unwrap(), "this is no directory");
}

#[tokio::test]
async fn a_data_directory_where_nobody_may_write() {
    let world = World::new();
    let output = world.etiqa(["--data-dir", "/proc/etiqa", "backup-status"]).await;
    insta::assert_snapshot!(refusal(&world, output), @"etiqa: The data directory /proc/etiqa cannot be used: No such file or directory (os error 2). Make it writable for this user, or choose another one with --data-dir.");
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone() {
    let world = World::new();
    a_database_of_a_newer_version(&world, &[]).await;
}

#[tokio::test]
async fn a_postgres_database_of_a_newer_version_is_left_alone() {
    let world = World::on_postgres().await;
    a_database_of_a_newer_version(&world, &["worker", "--site", "graz"]).await;
}

/// `worker` is the command that only one of the two databases knows.
async fn a_database_of_a_newer_version(world: &World, worker: &[&str]) {
    world.add_backup("Nightly", "data").await;
    world
        .database
        .execute(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             SELECT 9999, 'of the future', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1",
        )
        .await;
    let commands =
        [&["backup-status"][..], &["serve", "--listen", "127.0.0.1:0"], &["run-backups", "--force"], worker];
    for command in commands.into_iter().filter(|command| !command.is_empty()) {
        let output = world.etiqa(command).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(refusal(world, output), @"etiqa: The database is of a newer version of this program (schema 9999, this one knows 26). Start the newer version, or restore an older backup into a new directory.");
        }
    }
    assert_eq!(world.database.number("SELECT COUNT(*) FROM backup_run").await, 0);
}

#[tokio::test]
async fn a_key_that_belongs_to_another_database() {
    let world = World::new();
    world.add_credential().await;
    let other = World::new();
    other.add_credential().await;
    fs::copy(other.data().join("secret.key"), world.data().join("secret.key")).unwrap();
    let output = world.etiqa(["backup-status"]).await;
    insta::assert_snapshot!(refusal(&world, output), @"etiqa: The key file does not belong to this database: its secrets were sealed with another key. Put the right secret.key back, or name it with ETIQA_SECRET_KEY_FILE.");
}

#[tokio::test]
async fn a_key_that_is_gone_is_not_made_anew() {
    let world = World::new();
    world.add_credential().await;
    fs::remove_file(world.data().join("secret.key")).unwrap();
    let output = world.etiqa(["backup-status"]).await;
    insta::assert_snapshot!(refusal(&world, output), @"etiqa: The key file [place]/data/secret.key cannot be used: No such file or directory (os error 2). Put the right secret.key back, or name it with ETIQA_SECRET_KEY_FILE.");
    assert!(!world.data().join("secret.key").exists());
}

#[tokio::test]
async fn a_key_file_with_something_else_in_it() {
    let world = World::new();
    let file = world.file("my.key", "hunter2-hunter2-hunter2");
    let output = world.etiqa(["--secret-key-file", file.to_str().unwrap(), "backup-status"]).await;
    let sentence = refusal(&world, output);
    assert!(!sentence.contains("hunter2"), "{sentence}");
    insta::assert_snapshot!(sentence, @"etiqa: The key file [place]/my.key cannot be used: it does not hold a key of 64 hexadecimal digits. Put the right secret.key back, or name it with ETIQA_SECRET_KEY_FILE.");
}

#[tokio::test]
async fn a_database_file_with_something_else_in_it() {
    let world = World::new();
    fs::create_dir(world.data()).unwrap();
    let garbage = "this is no database, whatever its name says. ".repeat(100);
    fs::write(world.data().join("etiqa.db"), &garbage).unwrap();
    let output = world.etiqa(["backup-status"]).await;
    insta::assert_snapshot!(refusal(&world, output), @"etiqa: The file [place]/data/etiqa.db is not a database of this program. Put the right one back, or choose another directory with --data-dir.");
    assert_eq!(fs::read_to_string(world.data().join("etiqa.db")).unwrap(), garbage);
}

#[tokio::test]
async fn a_database_url_of_another_kind() {
    let world = World::new();
    let output =
        world.etiqa(["--database-url", "mysql://root:hunter2@127.0.0.1/etiqa", "backup-status"]).await;
    let sentence = refusal(&world, output);
    assert!(!sentence.contains("hunter2"), "{sentence}");
    insta::assert_snapshot!(sentence, @"etiqa: The database URL must begin with postgres://; leave it out to use the SQLite file inside the data directory.");
    assert!(!world.data().join("etiqa.db").exists());
}

#[tokio::test]
async fn a_postgres_that_nobody_listens_at() {
    let world = World::new();
    let free = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let url = format!("postgres://etiqa:hunter2@{free}/etiqa");
    let output = world.etiqa(["--database-url", &url, "backup-status"]).await;
    let sentence = refusal(&world, output);
    assert!(!sentence.contains("hunter2"), "{sentence}");
    insta::assert_snapshot!(sentence, @"etiqa: The PostgreSQL database does not let us in: nothing answers at its address. Check its URL.");
}

#[tokio::test]
async fn a_file_that_is_not_there() {
    let world = World::new();
    let mut said = Vec::new();
    for command in [
        &["import-devices", "missing.csv"][..],
        &["import-devices", "."],
        &["credential", "add", "lab", "--username", "u", "--key-file", "missing.pem"],
        &["drivers", "check", "missing.toml"],
    ] {
        let output = world.etiqa(command).await;
        said.push(refusal(&world, output));
    }
    insta::assert_snapshot!(said.join("\n"), @"
    etiqa: The file missing.csv cannot be read: No such file or directory (os error 2).
    etiqa: The file . cannot be read: Is a directory (os error 21).
    etiqa: The key file missing.pem cannot be read: No such file or directory (os error 2).
    etiqa: The file missing.toml cannot be read: No such file or directory (os error 2).
    ");
}

#[tokio::test]
async fn names_that_nothing_has() {
    let world = World::new();
    world.add_backup("Nightly", "data").await;
    let mut said = Vec::new();
    for command in [
        &["device", "show", "nobody"][..],
        &["collect", "nobody"],
        &["collect", "--all"],
        &["credential", "remove", "nobody"],
        &["backup-config", "remove", "nobody"],
        &["user", "remove", "nobody"],
        &["token", "revoke", "nobody"],
        &["verify", "nobody.zip"],
        &["drivers", "show", "nobody"],
        &["device", "add", "192.0.2.1", "--platform", "nobody"],
        &["device", "add", "192.0.2.1", "--credential", "nobody"],
        &["device", "add", "192.0.2.1", "--jump-host", "nobody"],
        &["jump-host", "remove", "nobody"],
        &["jump_host", "add", "x", "--address", "192.0.2.1", "--credential", "nobody"],
        &["backup-config", "add", "Nightly", "--type", "data", "--frequency", "daily", "--at", "02:00"],
        &["backup-config", "add", "X", "--type", "data", "--frequency", "daily", "--at", "25:00"],
        &["backup-config", "add", "X", "--type", "data", "--frequency", "cron", "--cron", "every day"],
        &[
            "backup-config",
            "add",
            "X",
            "--type",
            "data",
            "--frequency",
            "daily",
            "--at",
            "02:00",
            "--zone",
            "Mars/Base",
        ],
    ] {
        let output = world.etiqa(command).await;
        assert_eq!(output.code, 1, "{command:?}: {output:?}");
        said.push(format!("{}{}", output.stdout, output.stderr));
    }
    insta::assert_snapshot!(said.concat(), @r#"
    etiqa: There is no device named "nobody". It may have been deleted.
    etiqa: There is no device named "nobody". It may have been deleted.
    etiqa: There is no enabled device; import some first.
    etiqa: There is no credential named nobody. It may have been deleted.
    etiqa: There is no backup config named "nobody". It may have been deleted.
    etiqa: There is no user named nobody. It may have been deleted.
    etiqa: There is no token named nobody. It may have been deleted.
    etiqa: There is no archive named nobody.zip: give a file, or the name of one in the folder of backups.
    etiqa: There is no driver named nobody. It may have been deleted.
    etiqa: There is no driver named "nobody"; `etiqa drivers list` shows the known ones.
    etiqa: There is no credential named "nobody"; add it first.
    etiqa: There is no jump host named "nobody"; add it first.
    etiqa: There is no jump host named "nobody". It may have been deleted.
    etiqa: There is no credential named "nobody"; add it first.
    etiqa: There is a backup config named "Nightly" already; choose another name.
    etiqa: "25:00" is not a time; write it as HH:MM, such as 02:30.
    etiqa: A cron expression has five fields: minute, hour, day of month, month and day of week, such as 30 2 * * 1-5.
    etiqa: "Mars/Base" is not a known time zone; use an IANA name such as Europe/Vienna, or UTC.
    "#);
}

#[tokio::test]
async fn a_schedule_that_can_never_be_due() {
    let world = World::new();
    let add =
        ["backup-config", "add", "X", "--type", "data", "--at", "02:00", "--zone", "UTC", "--frequency"];
    let mut said = Vec::new();
    for wrong in [
        &["cron", "--cron", "61 * * * *"][..],
        &["cron", "--cron", "0 0 31 2 *"],
        &["cron", "--cron", "0 0 30 FEB *"],
        &["monthly", "--day", "32"],
        &["monthly", "--day", "0"],
    ] {
        let output = world.etiqa(add.iter().chain(wrong)).await;
        said.push(refusal(&world, output));
    }
    insta::assert_snapshot!(said.join("\n"), @r#"
    etiqa: "61" is not valid as the minute of a cron expression; it takes 0 to 59, lists, ranges and steps such as */2.
    etiqa: The cron expression "0 0 31 2 *" never comes true; check its day and month.
    etiqa: The cron expression "0 0 30 FEB *" never comes true; check its day and month.
    etiqa: "32" is not a day of the month; use 1 to 31, or last.
    etiqa: "0" is not a day of the month; use 1 to 31, or last.
    "#);
    assert_eq!(world.database.number("SELECT COUNT(*) FROM backup_config").await, 0);
    // The 31st of a month that has none is its last day.
    world.etiqa(add.iter().chain(&["monthly", "--day", "31"])).await.good();
    let last_days = "SELECT COUNT(*) FROM backup_config WHERE strftime('%d', next_run_at / 1000 + 86400, 'unixepoch') = '01'";
    assert_eq!(world.database.number(last_days).await, 1);
}

#[tokio::test]
async fn a_database_that_is_gone_for_a_while_is_waited_for_and_what_came_due_meanwhile_runs_once() {
    let (postgres, database) = Postgres::start_new().await;
    let world = World::on(database);
    world.add_backup("Nightly", "data").await;
    world.add_user("vera", "viewer").await;
    let server = world.serve().await;
    let viewer = server.signed_in("vera").await.and_header("accept", "text/html");
    let in_a_moment = "UPDATE backup_config
        SET next_run_at = CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) + 4000";
    world.database.execute(in_a_moment).await;

    postgres.stop_at_once();
    // Each is answered when it was tried for ten seconds to find the database.
    let not_ready = server.stranger().get("/readyz").await.with_status(503);
    assert_eq!(not_ready.text(), "the database does not answer\n");
    let page = viewer.get("/backup/").await.with_status(503);
    assert!(page.text().contains("The database does not answer. Try again in a moment"), "{page:?}");
    assert_eq!(server.stranger().get("/healthz").await.with_status(200).text(), "ok\n", "it lives");

    postgres.start();
    until("the server's database", async || {
        (server.stranger().get("/readyz").await.status == 200).then_some(())
    })
    .await;
    viewer.get("/backup/").await.with_status(200);
    let done = "SELECT COUNT(*) FROM backup_run WHERE status = 'completed' AND started_by = 'schedule'";
    until("the run that came due", async || (world.database.number(done).await == 1).then_some(())).await;
    assert_eq!(server.stop().await.0, Some(0));
    assert_eq!(world.database.number("SELECT COUNT(*) FROM backup_run").await, 1, "once");
    world.etiqa(["verify", "--all"]).await.good();
}
