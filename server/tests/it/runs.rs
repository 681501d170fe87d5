//! `run-backups`: what runs, what is said, and with which exit code.

use etiqa_simulator::Faults;

use crate::archive::Archive;
use crate::harness::World;
use crate::harness::devices::router;

#[tokio::test]
async fn run_backups_runs_what_is_due_and_only_that() {
    let world = World::new();
    world.add_credential().await;
    let _device = world.add_device(router("core-rtr-1")).await;
    world.add_backup("Nightly", "config").await;
    world.add_backup("Weekly", "config").await;
    world.database.execute("UPDATE backup_config SET next_run_at = 1000 WHERE name = 'Nightly'").await;

    let output = world.etiqa(["run-backups"]).await.good();

    assert!(output.stdout.starts_with("Nightly: completed, 1 device, verified: nightly_"), "{output:?}");
    assert_eq!(output.stdout.lines().count(), 1, "{output:?}");
    assert!(output.stderr.contains("Weekly is not due; it runs next at "), "{output:?}");
    assert_eq!(world.backups().len(), 1);

    let again = world.etiqa(["run-backups"]).await.good();
    assert_eq!(again.stdout, "", "what has run is not due any more");
    assert_eq!(world.backups().len(), 1);
}

#[tokio::test]
async fn a_named_backup_that_is_not_due_says_when_it_is() {
    let world = World::new();
    world.add_backup("Nightly", "data").await;
    // 2099-03-04 02:00 UTC.
    world.database.execute("UPDATE backup_config SET next_run_at = 4076272800000").await;

    let output = world.etiqa(["run-backups", "--config", "Nightly"]).await.good();

    insta::assert_snapshot!(output.stdout, @"Nightly is not due; it runs next at 2099-03-04 02:00 UTC (daily at 02:00, UTC). Use --force to run it now.");
    assert_eq!(world.backups(), [""; 0]);
}

#[tokio::test]
async fn force_runs_every_enabled_backup_and_no_disabled_one() {
    let world = World::new();
    for name in ["One", "Two", "Off"] {
        world.add_backup(name, "data").await;
    }
    world.etiqa(["backup-config", "edit", "Off", "--disable"]).await.good();

    let output = world.etiqa(["run-backups", "--force"]).await.good();

    assert_eq!(output.stdout.lines().count(), 2, "{output:?}");
    assert!(output.stdout.contains("One: completed") && output.stdout.contains("Two: completed"));

    let named = world.etiqa(["run-backups", "--config", "Off", "--force"]).await.good();
    assert!(named.stdout.contains("Off: completed"), "who names it wants it: {named:?}");
}

#[tokio::test]
async fn underscore_names_of_the_old_edition_work() {
    let world = World::new();
    world.add_backup("Nightly", "data").await;

    assert!(world.etiqa(["run_backups", "--force"]).await.good().stdout.contains("completed"));
    assert_eq!(world.etiqa(["backup_status", "--json"]).await.good().json()["summary"]["configs"], 1);
    let file = world.file("devices.csv", "ip\n192.0.2.1\n");
    world.etiqa(["import_devices", file.to_str().unwrap()]).await.good();
    world.etiqa(["backup_config", "list"]).await.good();
    assert_eq!(world.etiqa(["host_key", "accept", "nobody"]).await.failed().stderr.lines().count(), 1);
}

#[tokio::test]
async fn a_wrong_command_line_exits_2_and_touches_nothing() {
    let world = World::new();
    for wrong in [
        &["run-backups", "--no-such-flag"][..],
        &["run-backups", "extra"],
        &["no-such-command"],
        &[],
        &["serve", "--listen", "nowhere"],
        &["collect"],
        &["collect", "a", "--all"],
        &["user", "add", "anna", "--role", "emperor"],
    ] {
        let output = world.etiqa(wrong).await.with_code(2);
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{wrong:?}: {output:?}");
    }
    assert!(!world.data().exists(), "not even the data directory was made");
}

#[tokio::test]
async fn a_backup_that_does_not_exist_is_refused_with_its_name() {
    let world = World::new();
    let output = world.etiqa(["run-backups", "--config", "Nightli"]).await.failed();
    insta::assert_snapshot!(output.sentence(&world), @r#"etiqa: There is no backup config named "Nightli". It may have been deleted."#);
}

#[tokio::test]
async fn without_any_backup_there_is_nothing_to_run_and_nothing_wrong() {
    let world = World::new();
    let output = world.etiqa(["run-backups", "--force"]).await.good();
    insta::assert_snapshot!(output.stderr, @"There is no enabled backup config; add one with `etiqa backup-config add`.");
}

#[tokio::test]
async fn a_device_that_fails_makes_exit_1_and_its_last_good_text_is_kept_marked_stale() {
    let world = World::new();
    world.add_credential().await;
    let _good = world.add_device(router("good-1")).await;
    let bad = world.add_device(router("bad-1")).await;
    world.add_backup_with("Nightly", "config", &["--max-backups", "1"]).await;
    world.etiqa(["run-backups", "--force"]).await.good();
    let text_before = world.etiqa(["device", "show", "bad-1", "--part", "running"]).await.good().stdout;
    bad.set_faults(Faults::wrong_password());

    let output = world.etiqa(["run-backups", "--force"]).await.failed();

    assert!(output.stdout.contains("completed, 1 device, 1 failed"), "{output:?}");
    let last_run = &world.status().await["configs"][0]["last_run"];
    assert_eq!(last_run["status"], "completed");
    assert_eq!((&last_run["devices_ok"], &last_run["devices_failed"]), (&1.into(), &1.into()));
    let newest = world.data().join("backups").join(last_run["file"].as_str().unwrap());
    let archive = Archive::open(&newest);
    assert_eq!(archive.device("good-1")["stale"], false);
    assert_eq!(archive.device("bad-1")["stale"], true);
    assert!(archive.device("bad-1")["stale_seconds"].is_u64());
    assert_eq!(archive.device("bad-1")["last_result"]["class"], "auth_failed");
    assert_eq!(archive.text("configs/bad-1/running.cfg"), text_before);
    assert_eq!(archive.manifest()["counts"]["stale_devices"], 1);
}

#[tokio::test]
async fn a_run_in_which_no_device_answers_fails_without_an_archive() {
    let world = World::new();
    world.add_credential().await;
    let device = world.add_device(router("gone-1")).await;
    drop(device);
    world.add_backup("Nightly", "full").await;

    let output = world.etiqa(["run-backups", "--force"]).await.failed();

    insta::assert_snapshot!(output.stdout, @"Nightly: failed, 0 devices, 1 failed: No device answered; no archive was made. The results say why.");
    assert_eq!(world.backups(), [""; 0]);
    assert_eq!(world.status().await["configs"][0]["state"], "failing");
}

#[tokio::test]
async fn a_config_run_that_covers_no_device_fails() {
    let world = World::new();
    world.add_backup_with("Branch", "config", &["--devices", "tag:branch"]).await;

    let output = world.etiqa(["run-backups", "--force"]).await.failed();

    insta::assert_snapshot!(output.stdout, @"Branch: failed: There is no enabled device among devices tagged branch: add or enable one.");
    assert_eq!(world.backups(), [""; 0]);
}

#[tokio::test]
async fn a_data_run_contacts_no_device() {
    let world = World::new();
    world.add_credential().await;
    let device = world.add_device(router("core-rtr-1")).await;
    world.add_backup("Tables", "data").await;

    world.etiqa(["run-backups", "--force"]).await.good();

    assert_eq!(device.sessions_total(), 0);
    let last_run = &world.status().await["configs"][0]["last_run"];
    assert_eq!((&last_run["devices_ok"], &last_run["devices_failed"]), (&0.into(), &0.into()));
    assert!(Archive::open(&world.archive()).names().contains(&"database.json".to_owned()));
}

#[tokio::test]
async fn max_backups_keeps_the_newest_archives_only() {
    let world = World::new();
    world.add_backup_with("Tables", "data", &["--max-backups", "2"]).await;
    let mut made = Vec::new();
    for _ in 0..4 {
        world.etiqa(["run-backups", "--force"]).await.good();
        made.push(world.status().await["configs"][0]["last_run"]["file"].as_str().unwrap().to_owned());
    }

    let mut newest = made.split_off(2);
    newest.sort();
    assert_eq!(world.backups(), newest);
    let removed = "SELECT COUNT(*) FROM backup_run WHERE removed_at IS NOT NULL";
    assert_eq!(world.database.number(removed).await, 2, "the history of the others stays");
}

#[tokio::test]
async fn an_archive_is_never_overwritten() {
    let world = World::new();
    world.add_backup("Tables", "data").await;
    world.etiqa(["run-backups", "--force"]).await.good();
    let first = world.backups()[0].clone();
    // Whatever second the next runs begin in, somebody has taken their names already.
    let day_and_slug = first.split_at("tables_".len());
    let taken: Vec<String> = seconds_from(day_and_slug.1.trim_end_matches(".zip"), 600);
    for stem in &taken {
        let path = world.data().join("backups").join(format!("tables_{stem}.zip"));
        if !path.exists() {
            std::fs::write(path, "somebody else's").unwrap();
        }
    }

    world.etiqa(["run-backups", "--force"]).await.good();

    let file = world.status().await["configs"][0]["last_run"]["file"].as_str().unwrap().to_owned();
    assert!(file.ends_with("_2.zip"), "{file}");
    let stem = file.trim_end_matches("_2.zip");
    let theirs = std::fs::read(world.data().join("backups").join(format!("{stem}.zip"))).unwrap();
    assert!(theirs == b"somebody else's" || first == format!("{stem}.zip"));
}

/// `YYYYMMDD_HHMMSS` of so many seconds, from one on.
fn seconds_from(stamp: &str, count: i64) -> Vec<String> {
    let format = "%Y%m%d_%H%M%S";
    let first = chrono::NaiveDateTime::parse_from_str(stamp, format).unwrap();
    (0..count).map(|n| (first + chrono::TimeDelta::seconds(n)).format(format).to_string()).collect()
}

#[tokio::test]
async fn two_runs_of_one_second_get_names_of_their_own() {
    let world = World::new();
    // Both names make the same slug; the second one has its own.
    world.add_backup("Same name", "data").await;
    world.add_backup("same-name", "data").await;

    world.etiqa(["run-backups", "--force"]).await.good();

    let names = world.backups();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names.iter().any(|name| name.starts_with("same_name_2_")), "{names:?}");
}

#[tokio::test]
async fn a_killed_command_does_not_keep_later_ones_from_running() {
    let world = World::new();
    world.add_credential().await;
    let (_device, mut gate) = world.add_gated_device(router("slow-1")).await;
    world.add_backup("Nightly", "config").await;
    let mut killed = world.command(["run-backups", "--force"]).spawn().unwrap();
    gate.somebody_waits().await;
    killed.kill().await.unwrap();
    gate.open();
    // Time passes: the leases of the dead process end.
    world.database.execute("UPDATE backup_run SET lease_expires_at = 1").await;
    world.database.execute("UPDATE job SET lease_expires_at = 1").await;
    world.database.execute("UPDATE device_lease SET expires_at = 1").await;

    world.etiqa(["run-backups", "--force"]).await.good();

    assert_eq!(world.status().await["configs"][0]["last_run"]["status"], "completed");
    let interrupted = world.database.texts("SELECT error FROM backup_run WHERE status = 'failed'").await;
    assert_eq!(interrupted.len(), 1);
    assert!(interrupted[0].contains("Interrupted"), "{interrupted:?}");
    assert_eq!(world.backups().len(), 1, "and nothing half-written is left");
}

#[tokio::test]
async fn a_command_that_runs_a_backup_itself_brings_its_job_to_the_end() {
    let world = World::new();
    world.add_backup_with("Tables", "data", &["--max-backups", "1"]).await;
    for _ in 0..5 {
        world.etiqa(["run-backups", "--force"]).await.good();
        assert_eq!(world.database.number("SELECT COUNT(*) FROM job WHERE finished_at IS NULL").await, 0);
        assert_eq!(world.backups().len(), 1, "retention had its turn");
    }
}

#[tokio::test]
async fn every_option_can_come_from_the_environment() {
    let world = World::new();
    world.add_backup("Tables", "data").await;
    let world = world.with_env("ETIQA_RUN_BACKUPS_FORCE", "true");
    let output = world.etiqa(["run-backups", "--config", "Tables"]).await.good();
    assert!(output.stdout.starts_with("Tables: completed"), "{output:?}");
}

#[tokio::test]
async fn a_backup_whose_type_changes_takes_in_what_the_new_type_does() {
    let world = World::new();
    let include =
        async |world: &World| world.database.texts("SELECT include FROM backup_config").await.remove(0);
    world.add_backup("Nightly", "config").await;
    world.etiqa(["backup-config", "edit", "Nightly", "--type", "full", "--exclude", "logs"]).await.good();
    assert_eq!(include(&world).await, r#"{"database":true,"media":true,"logs":false}"#);
    world.etiqa(["backup-config", "edit", "Nightly", "--type", "full", "--at", "03:00"]).await.good();
    assert_eq!(include(&world).await, r#"{"database":true,"media":true,"logs":false}"#, "the type stayed");
}
