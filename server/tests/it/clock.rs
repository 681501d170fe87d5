//! Clocks that are put back, by law or by accident: every run keeps an archive of its own, and nothing is lost.
//!
//! The program gets its clock from libfaketime, which stands between it and the system.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::harness::devices::router;
use crate::harness::world::ended;
use crate::harness::{Server, World, until};

/// Where Debian and others put it.
fn libfaketime() -> PathBuf {
    let folders = [
        "/usr/lib".to_owned(),
        format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH),
        "/usr/lib64".into(),
    ];
    let files = folders.map(|folder| Path::new(&folder).join("faketime/libfaketime.so.1"));
    files.into_iter().find(|file| file.is_file()).expect("libfaketime: run scripts/install-test-tools.sh")
}

/// Lets a command see the clock stand at a time of UTC, such as `2026-10-25 00:30:05`. What it measures goes on.
fn with_clock<'a>(command: &'a mut Command, time: &str) -> &'a mut Command {
    command.env("LD_PRELOAD", libfaketime()).env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    command.env("TZ", "UTC").env("FAKETIME", time)
}

async fn at<const N: usize>(world: &World, time: &str, arguments: [&str; N]) -> crate::harness::Output {
    ended(with_clock(&mut world.command(arguments), time).spawn().unwrap()).await
}

async fn all_are_whole(world: &World, archives: usize) {
    let verified = world.etiqa(["verify", "--all"]).await.good();
    assert_eq!(verified.stdout.matches(": whole, ").count(), archives, "{verified:?}");
}

#[tokio::test]
async fn both_runs_of_a_repeated_hour_keep_an_archive() {
    let world = World::new();
    let add = ["backup-config", "add", "Hourly", "--type", "data", "--frequency", "hourly", "--minute", "30"];
    let mut add = world.command(add);
    add.args(["--zone", "Europe/Vienna"]);
    ended(with_clock(&mut add, "2026-10-25 00:10:00").spawn().unwrap()).await.good();
    // 02:30 in Vienna, twice: the clocks are put back from 03:00 to 02:00.
    for time in ["2026-10-25 00:30:05", "2026-10-25 01:30:05"] {
        at(&world, time, ["run-backups"]).await.good();
    }
    assert_eq!(world.backups(), ["hourly_20261025_023005.zip", "hourly_20261025_023005_2.zip"]);
    at(&world, "2026-10-25 02:30:05", ["run-backups"]).await.good();
    assert_eq!(world.backups()[2], "hourly_20261025_033005.zip", "and then the clock goes on");
    all_are_whole(&world, 3).await;
}

#[tokio::test]
async fn backups_of_like_names_keep_their_own_archives() {
    let world = World::new();
    let names = ["Nightly", "nightly!", "NIGHTLY 2", "nightly_2"];
    for name in names {
        world.add_backup_with(name, "data", &["--max-backups", "1"]).await;
    }
    let time = "2026-11-23 02:00:00";
    for _ in 0..2 {
        at(&world, time, ["run-backups", "--force"]).await.good();
    }
    let backups = world.backups();
    assert_eq!(backups.len(), names.len(), "each has its newest: {backups:?}");
    let files = "SELECT file FROM backup_run WHERE file IS NOT NULL ORDER BY file";
    let mut files = world.database.texts(files).await;
    files.dedup();
    assert_eq!(files.len(), 2 * names.len(), "no name was used twice: {files:?}");
    all_are_whole(&world, names.len()).await;
}

#[tokio::test]
async fn a_clock_that_was_years_ahead_costs_no_later_archive_and_no_later_run() {
    let world = World::new();
    world.add_backup_with("Nightly", "data", &["--max-backups", "2"]).await;
    let mut ahead = world.command(["serve", "--listen", "127.0.0.1:0"]);
    with_clock(&mut ahead, "2099-03-04 05:06:07");
    let server = Server::start(ahead).await;
    let due_ahead = "SELECT COUNT(*) FROM backup_config WHERE next_run_at > 4000000000000";
    until("the scheduler", async || (world.database.number(due_ahead).await == 1).then_some(())).await;
    let done = "SELECT COUNT(*) FROM backup_run WHERE status = 'completed'";
    until("the run that it missed", async || (world.database.number(done).await == 1).then_some(())).await;
    server.stop().await;
    assert_eq!(world.backups(), ["nightly_20990304_050607.zip"]);

    // The clock is right again: the next run is tonight, and the newest archives are those that are made now.
    let server = world.serve().await;
    until("the next time", async || (world.database.number(due_ahead).await == 0).then_some(())).await;
    server.stop().await;
    for time in ["2026-11-23 02:00:00", "2026-11-24 02:00:00"] {
        at(&world, time, ["run-backups", "--force"]).await.good();
    }
    assert_eq!(world.backups(), ["nightly_20261123_020000.zip", "nightly_20261124_020000.zip"]);
    all_are_whole(&world, 2).await;
}

#[tokio::test]
async fn a_clock_that_jumps_back_during_a_run_changes_nothing_of_it() {
    let world = World::new();
    world.add_credential().await;
    let (_device, mut gate) = world.add_gated_device(router("core-rtr-1")).await;
    world.add_backup("Nightly", "full").await;
    let clock = world.file("clock", "2026-11-24 02:00:00");
    let mut run = world.command(["run-backups", "--force"]);
    with_clock(&mut run, "")
        .env_remove("FAKETIME")
        .env("FAKETIME_TIMESTAMP_FILE", &clock)
        .env("FAKETIME_NO_CACHE", "1");
    let going = run.spawn().unwrap();
    gate.somebody_waits().await;
    std::fs::write(&clock, "2026-11-22 23:00:00").unwrap();
    gate.open();
    ended(going).await.good();
    assert_eq!(world.backups(), ["nightly_20261124_020000.zip"], "it is named after its beginning");
    all_are_whole(&world, 1).await;
    at(&world, "2026-11-22 23:30:00", ["run-backups", "--force"]).await.good();
    assert_eq!(world.backups().len(), 2);
    all_are_whole(&world, 2).await;
}

#[tokio::test]
async fn a_machine_whose_clock_is_wrong_goes_by_the_clock_of_the_database() {
    let world = World::on_postgres().await;
    world.add_backup("Nightly", "data").await;
    let mut serve = world.command(["serve", "--listen", "127.0.0.1:0"]);
    serve.env("LD_PRELOAD", libfaketime()).env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("FAKETIME", "+30s");
    let server = Server::start(serve).await;
    let sql = "SELECT CAST(clock_ahead_ms AS TEXT) FROM machine";
    let ahead: i64 = until("the server says that it is alive", || async {
        world.database.texts(sql).await.pop().and_then(|ahead| ahead.parse().ok())
    })
    .await;
    assert!((25_000..35_000).contains(&ahead), "{ahead}");
    assert!(server.said().contains("clock differs from the database's"), "{}", server.said());
    // A beat that is written by its own clock would be half a minute ahead of the database's.
    let early = "SELECT owner FROM machine
        WHERE seen_at > EXTRACT(EPOCH FROM clock_timestamp()) * 1000 + 5000";
    assert_eq!(world.database.texts(early).await, [] as [&str; 0]);
    server.stop().await;
}
