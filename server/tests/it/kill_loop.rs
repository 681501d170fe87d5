//! Killed at every named place, and started again: nothing that looks good is not, nothing that was good is lost.

use std::path::Path;

use etiqa_engine::failpoint;
use serde_json::Value;

use crate::harness::devices::router;
use crate::harness::world::ended;
use crate::harness::{World, until};

/// Every run, newest first: its status, and its archive where that is kept.
async fn runs(world: &World) -> Vec<(String, String)> {
    let kept = "CASE WHEN removed_at IS NULL AND file IS NOT NULL THEN file ELSE '' END";
    let sql = format!("SELECT status || '|' || {kept} FROM backup_run ORDER BY id DESC");
    let rows = world.database.texts(&sql).await;
    rows.iter().map(|row| row.split_once('|').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap()).collect()
}

/// What is in the folder of backups is what the history says is there, and all of it is whole.
async fn is_sound(world: &World, failpoint: &str) {
    let mut promised: Vec<String> = runs(world).await.into_iter().map(|(_, file)| file).collect();
    promised.retain(|file| !file.is_empty());
    promised.sort();
    assert_eq!(world.backups(), promised, "after {failpoint}");
    world.etiqa(["verify", "--all"]).await.good();
    let leases = world.database.number("SELECT COUNT(*) FROM device_lease").await;
    assert_eq!(leases, 0, "after {failpoint}: locks are free");
}

async fn run_and_die(failpoint: &str, options: &[&str]) -> World {
    let world = World::new();
    world.add_credential().await;
    let _device = world.add_device(router("core-rtr-1")).await;
    world.add_backup_with("Nightly", "full", options).await;
    let first = world.etiqa(["run-backups", "--force"]).await.good();
    let first = first.stdout.trim().rsplit(' ').next().unwrap().to_owned();
    let count = "SELECT COUNT(*) FROM config_version";
    let versions = world.database.number(count).await;
    let token = world.token("operator").await;

    let mut command = world.command(["serve", "--listen", "127.0.0.1:0"]);
    command.env("ETIQA_FAILPOINT", failpoint);
    let server = crate::harness::Server::start(command).await;
    let asked = server.with_token(&token).post("/backup/config/1/run/").await;
    assert_eq!(asked.status, 202, "{failpoint}");
    server.died().await;

    let server = world.serve().await;
    until("the end of every run", async || {
        let live = runs(&world).await.iter().any(|(status, _)| status == "pending" || status == "running");
        (!live).then_some(())
    })
    .await;
    let again = server.with_token(&token).post("/backup/config/1/run/").await;
    assert_eq!(again.status, 202, "{failpoint}: the next run starts");
    until("the next run", async || (runs(&world).await[0].0 == "completed").then_some(())).await;
    until("the end of retention", async || {
        let left = "SELECT COUNT(*) FROM backup_run WHERE leftover_file IS NOT NULL";
        (world.database.number(left).await == 0).then_some(())
    })
    .await;
    assert_eq!(server.stop().await.0, Some(0));
    is_sound(&world, failpoint).await;
    assert_eq!(world.database.number(count).await, versions, "{failpoint}");
    if options.is_empty() {
        assert!(world.backups().contains(&first), "{failpoint}: the archive of before is there");
    }
    world
}

#[tokio::test]
async fn a_run_that_is_killed_anywhere_is_marked_and_the_next_one_is_good() {
    for failpoint in failpoint::RUN {
        let world = run_and_die(failpoint, &[]).await;
        let runs = runs(&world).await;
        let killed = &runs[runs.len() - 2];
        let expected = if *failpoint == "run.finished" { "completed" } else { "failed" };
        assert_eq!(killed.0, expected, "{failpoint}: {runs:?}");
        if expected == "failed" {
            let said =
                world.database.texts("SELECT error FROM backup_run ORDER BY id LIMIT 1 OFFSET 1").await;
            assert!(said[0].starts_with("Interrupted"), "{said:?}");
            assert_eq!(runs.len(), 4, "{failpoint}: it was queued again, once");
        }
    }
}

#[tokio::test]
async fn retention_that_is_killed_anywhere_leaves_no_file_and_promises_none() {
    for failpoint in failpoint::RETENTION {
        let world = run_and_die(failpoint, &["--max-backups", "1"]).await;
        assert_eq!(world.backups().len(), 1, "{failpoint}");
    }
}

#[tokio::test]
async fn a_restore_that_is_killed_anywhere_is_no_instance_until_it_is_done_again() {
    let world = World::new();
    world.add_credential().await;
    let _device = world.add_device(router("core-rtr-1")).await;
    world.add_backup("Nightly", "full").await;
    world.etiqa(["run-backups", "--force"]).await.good();
    let archive = world.archive();
    let key = world.data().join("secret.key");
    for failpoint in failpoint::RESTORE {
        let new = world.place().join(failpoint);
        let command = || {
            let mut command = world.command(["restore"]);
            command.arg(&archive).arg("--data-dir").arg(&new).arg("--key-file").arg(&key);
            command
        };
        let killed = ended(command().env("ETIQA_FAILPOINT", failpoint).spawn().unwrap()).await;
        assert_eq!(killed.code, -1, "{failpoint}: {killed:?}");
        let status = |new: &std::path::Path| {
            let mut command = world.command(["backup-status", "--json"]);
            command.arg("--data-dir").arg(new);
            command
        };
        if *failpoint != "restore.opened" {
            let refused = ended(status(&new).spawn().unwrap()).await.failed();
            assert!(refused.stderr.contains("did not come to its end"), "{failpoint}: {refused:?}");
            ended(command().spawn().unwrap()).await.good();
        }
        let restored: Value = ended(status(&new).spawn().unwrap()).await.good().json();
        assert_eq!(restored["summary"]["configs"], 1, "{failpoint}");
    }
}

#[tokio::test]
async fn a_restore_into_postgres_that_is_killed_anywhere_can_be_done_again() {
    let world = World::new();
    world.add_credential().await;
    let _device = world.add_device(router("core-rtr-1")).await;
    world.add_backup("Nightly", "full").await;
    world.etiqa(["run-backups", "--force"]).await.good();
    let archive = world.archive();
    let key = world.data().join("secret.key");
    for failpoint in failpoint::RESTORE {
        let target = World::on_postgres().await;
        let command = |place: &str| {
            let mut command = target.command(["restore"]);
            command.env("ETIQA_DATA_DIR", target.place().join(place));
            command.arg(&archive).arg("--key-file").arg(&key);
            command
        };
        let status = |place: &str| {
            let mut command = target.command(["backup-status", "--json"]);
            command.env("ETIQA_DATA_DIR", target.place().join(place));
            command
        };
        let killed = ended(command("first").env("ETIQA_FAILPOINT", failpoint).spawn().unwrap()).await;
        assert_eq!(killed.code, -1, "{failpoint}: {killed:?}");
        if *failpoint == "restore.opened" {
            // Another machine is kept out until the first one has had its last word.
            let refused = ended(status("elsewhere").spawn().unwrap()).await.failed();
            assert!(refused.stderr.contains("has not come to its end"), "{failpoint}: {refused:?}");
        } else {
            let refused = ended(status("first").spawn().unwrap()).await.failed();
            assert!(refused.stderr.contains("did not come to its end"), "{failpoint}: {refused:?}");
            ended(command("first").spawn().unwrap()).await.good();
        }
        let restored: Value = ended(status("first").spawn().unwrap()).await.good().json();
        assert_eq!(restored["summary"]["configs"], 1, "{failpoint}");
        let again = ended(command("second").spawn().unwrap()).await.failed();
        assert!(again.stderr.contains("The database is not empty"), "{failpoint}: {again:?}");
    }
}

#[tokio::test]
async fn a_key_rotation_that_is_killed_anywhere_loses_no_secret() {
    for failpoint in failpoint::ROTATION {
        let world = World::new();
        world.add_credential().await;
        let _device = world.add_device(router("core-rtr-1")).await;
        world.add_backup_with("Nightly", "full", &["--generate-passphrase"]).await;
        world.etiqa(["run-backups", "--force"]).await.good();
        let before = std::fs::read_to_string(world.data().join("secret.key")).unwrap();

        let mut rotate = world.command(["key", "rotate"]);
        let killed = ended(rotate.env("ETIQA_FAILPOINT", failpoint).spawn().unwrap()).await;
        assert_eq!(killed.code, -1, "{failpoint}: {killed:?}");

        world.etiqa(["run-backups", "--force"]).await.good();
        world.etiqa(["verify", "--all"]).await.good();
        let files: Vec<String> = std::fs::read_dir(world.data())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with("secret.key"))
            .collect();
        assert!(!files.contains(&"secret.key.new".to_owned()), "{failpoint}: {files:?}");
        let now = std::fs::read_to_string(world.data().join("secret.key")).unwrap();
        let is_committed = matches!(*failpoint, "rotation.committed" | "rotation.kept");
        assert_eq!(now != before, is_committed, "{failpoint}");
        if is_committed {
            let old = files.iter().find(|name| name.starts_with("secret.key.old-")).unwrap();
            assert_eq!(std::fs::read_to_string(world.data().join(old)).unwrap(), before, "{failpoint}");
        }
    }
}

#[tokio::test]
async fn a_rotated_key_opens_everything_and_old_archives_want_the_old_one() {
    let world = World::new();
    world.add_credential().await;
    let _device = world.add_device(router("core-rtr-1")).await;
    world.add_backup("Nightly", "full").await;
    world.etiqa(["run-backups", "--force"]).await.good();
    let archive = world.archive();
    let server = world.serve().await;
    let refused = world.etiqa(["key", "rotate"]).await.failed();
    assert!(refused.stderr.contains("stop it first"), "{refused:?}");
    server.stop().await;
    let rotated = world.etiqa(["key", "rotate"]).await.good();
    world.etiqa(["collect", "--all"]).await.good();

    let old = rotated.stdout.split_whitespace().find(|word| word.contains("secret.key.old-")).unwrap();
    let old = old.trim_end_matches(':').to_owned();
    let restore = |key: &str, to: &str| {
        let mut command = world.command(["restore"]);
        command.arg(&archive).arg("--data-dir").arg(world.place().join(to)).arg("--key-file").arg(key);
        command
    };
    let new = world.data().join("secret.key");
    let refused = ended(restore(new.to_str().unwrap(), "a").spawn().unwrap()).await.failed();
    assert!(refused.stderr.contains("does not belong to this database"), "{refused:?}");
    ended(restore(&old, "b").spawn().unwrap()).await.good();

    let kit = world.etiqa(["recovery-kit"]).await.good().stdout;
    for file in [Path::new(&old), &new] {
        let key = std::fs::read_to_string(file).unwrap();
        assert!(kit.contains(key.trim()), "the kit has the key of {}", file.display());
    }
}

#[tokio::test]
async fn the_doctor_asks_for_a_recovery_kit_until_a_current_one_was_taken() {
    let world = World::new().with_env("ETIQA_LISTEN", "127.0.0.1:0");
    let said = world.etiqa(["doctor"]).await.failed();
    assert!(said.stdout.contains("No recovery kit was taken"), "{said:?}");
    world.add_backup_with("Sealed", "data", &["--generate-passphrase"]).await;
    let kit = world.etiqa(["recovery-kit"]).await.good();
    let key = std::fs::read_to_string(world.data().join("secret.key")).unwrap();
    assert!(kit.stdout.contains(key.trim()) && kit.stdout.contains("of \"Sealed\""), "{kit:?}");
    assert!(world.etiqa(["doctor"]).await.good().stdout.ends_with("✅ Nothing to do.\n"));

    world.etiqa(["backup-config", "edit", "Sealed", "--generate-passphrase"]).await.good();
    assert!(world.etiqa(["doctor"]).await.failed().stdout.contains("is too old"));
    world.etiqa(["recovery-kit"]).await.good();
    world.etiqa(["key", "rotate"]).await.good();
    assert!(world.etiqa(["doctor"]).await.failed().stdout.contains("is too old"));
    world.etiqa(["recovery-kit"]).await.good();
    world.etiqa(["run-backups", "--force"]).await.good();
    std::fs::rename(world.archive(), world.data().join("backups/mine.zip")).unwrap();
    let said = world.etiqa(["doctor"]).await.failed().stdout;
    assert!(said.contains("mine.zip in the folder of backups is of no run"), "{said}");
    assert!(said.contains("is gone from the folder of backups"), "{said}");
    assert_eq!(world.backups(), ["mine.zip"], "nothing is removed by itself");
}
