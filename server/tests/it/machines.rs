//! Several processes on one PostgreSQL: who collects what, and what becomes of the work of those that are gone.

use std::process::Stdio;

use etiqa_simulator::{Personality, SimulatedDevice};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;

use crate::harness::devices::{device, router};
use crate::harness::world::ended;
use crate::harness::{World, until};

/// A worker of a site, on a machine with a data directory of its own.
fn worker(world: &World, site: &str) -> Child {
    let mut command = world.command(["worker", "--site", site]);
    command.env("ETIQA_DATA_DIR", world.place().join(site));
    command.env("ETIQA_SECRET_KEY_FILE", world.data().join("secret.key"));
    command.stderr(Stdio::null()).kill_on_drop(true).spawn().unwrap()
}

/// Routers, each at its site.
async fn devices_at(world: &World, places: &[(&str, &str)]) -> Vec<SimulatedDevice> {
    world.add_credential().await;
    let mut devices = Vec::new();
    for (name, site) in places {
        devices.push(world.add_device(router(name)).await);
        world.etiqa(["device", "edit", name, "--site", site]).await.good();
    }
    devices
}

async fn is_alive(world: &World, site: &str) {
    let sql = format!("SELECT owner FROM machine WHERE site = '{site}' AND stopped_at IS NULL");
    until("the worker says that it is alive", || async { world.database.texts(&sql).await.pop() }).await;
}

/// Who did the jobs of a kind at a site: `server` or `worker`, once each.
async fn who_did(world: &World, kind: &str, site: &str) -> Vec<String> {
    let sql = format!(
        "SELECT DISTINCT split_part(lease_owner, '-', 1) FROM job WHERE kind = '{kind}' AND site = '{site}' ORDER BY 1"
    );
    world.database.texts(&sql).await
}

#[tokio::test]
async fn devices_of_a_site_are_collected_by_its_own_workers_and_by_nobody_else() {
    let world = World::on_postgres().await;
    let _devices = devices_at(
        &world,
        &[("vie-1", "default"), ("graz-1", "graz"), ("graz-2", "graz"), ("linz-1", "linz")],
    )
    .await;
    world.add_backup("Nightly", "config").await;
    let server = world.serve().await;
    let mut graz = worker(&world, "graz");
    is_alive(&world, "graz").await;
    world.etiqa(["run-backups", "--force"]).await.good();

    assert_eq!(who_did(&world, "part", "graz").await, ["worker"]);
    assert_eq!(who_did(&world, "part", "linz").await, ["server"], "a site without workers is anybody's");
    let results = "SELECT class FROM device_result WHERE run_id IS NOT NULL ORDER BY id";
    assert_eq!(world.database.texts(results).await, ["ok"; 4]);

    let pid = Pid::from_raw(i32::try_from(graz.id().unwrap()).unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    assert!(graz.wait().await.unwrap().success(), "it ends in order");
    let stopped = world.database.texts("SELECT site FROM machine WHERE stopped_at IS NOT NULL").await;
    assert_eq!(stopped, ["graz"]);
    server.stop().await;
}

#[tokio::test]
async fn processes_of_an_older_version_end_as_failed_once_a_newer_one_has_brought_the_database_up_to_date() {
    let world = World::on_postgres().await;
    world.add_backup("Nightly", "data").await;
    let server = world.serve().await;
    let mut graz = worker(&world, "graz");
    is_alive(&world, "graz").await;
    world
        .database
        .execute(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             SELECT 9999, 'of the future', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1",
        )
        .await;
    // A service manager starts again what has failed, until the newer version is there.
    assert_eq!(graz.wait().await.unwrap().code(), Some(1));
    assert_eq!(server.died().await, Some(1));
}

#[tokio::test]
async fn a_worker_of_a_site_that_no_device_has_says_so() {
    let world = World::on_postgres().await;
    world.etiqa(["device", "add", "192.0.2.1", "--site", "new-york"]).await.good();
    let mut worker = world.command(["worker", "--site", "new/york"]).spawn().unwrap();
    let mut lines = BufReader::new(worker.stderr.take().unwrap()).lines();
    let mut said = Vec::new();
    while !said.iter().any(|line: &String| line.starts_with("Working for the site ")) {
        said.push(lines.next_line().await.unwrap().expect("the worker goes on"));
    }
    let warning = "No device is of the site new/york: known sites are new-york.";
    assert!(said.iter().any(|line| line == warning), "{said:?}");
}

#[tokio::test]
async fn a_worker_needs_a_database_that_machines_can_share() {
    let refused = World::new().etiqa(["worker", "--site", "graz"]).await.failed();
    assert!(refused.stderr.contains("name it with --database-url postgres://"), "{refused:?}");
}

#[tokio::test]
async fn a_command_makes_no_second_instance_beside_that_of_a_postgres() {
    let world = World::on_postgres().await;
    world.add_backup("Nightly", "data").await;
    let mut command = world.command(["backup-status"]);
    command.env_remove("ETIQA_DATABASE_URL");
    let refused = ended(command.spawn().unwrap()).await.failed().sentence(&world);
    assert!(
        refused.starts_with("etiqa: This directory belongs to an instance on postgres://")
            && refused.ends_with(": name it with --database-url (ETIQA_DATABASE_URL)."),
        "{refused}"
    );
    assert!(!refused.contains('@'), "no user and no password: {refused}");
    assert!(!world.data().join("etiqa.db").exists());
    world.etiqa(["backup-status"]).await.good();
}

#[tokio::test]
async fn a_result_that_comes_behind_one_of_a_higher_number_is_told_as_well() {
    let world = World::on_postgres().await;
    let _devices = devices_at(&world, &[("vie-1", "default")]).await;
    let (_device, gate) = world.add_gated_device(router("vie-2")).await;
    // PostgreSQL gives numbers out before rows are there, in whatever order they then come.
    for sql in [
        "CREATE FUNCTION from_behind() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.id = 1000 - NEW.id; RETURN NEW; END $$",
        "CREATE TRIGGER from_behind BEFORE INSERT ON device_result FOR EACH ROW EXECUTE FUNCTION from_behind()",
    ] {
        world.database.execute(sql).await;
    }
    let mut collecting = world.command(["collect", "--all"]).spawn().unwrap();
    let mut lines = BufReader::new(collecting.stderr.take().unwrap()).lines();
    let mut said = Vec::new();
    while !said.iter().any(|line: &String| line.starts_with("vie-1: ")) {
        said.push(lines.next_line().await.unwrap().expect("the command goes on"));
    }
    gate.open();
    while let Some(line) = lines.next_line().await.unwrap() {
        said.push(line);
    }
    let collected = ended(collecting).await.good();
    assert_eq!(collected.stdout, "2 devices: 2 good, 0 failed\n");
    assert_eq!(said.iter().filter(|line| line.starts_with("vie-1: ")).count(), 1, "{said:?}");
    assert_eq!(said.iter().filter(|line| line.starts_with("vie-2: ")).count(), 1, "{said:?}");
}

#[tokio::test]
async fn what_a_person_asks_of_devices_is_done_at_their_sites() {
    let world = World::on_postgres().await;
    let _devices = devices_at(&world, &[("vie-1", "default"), ("graz-1", "graz")]).await;
    let server = world.serve().await;
    let _graz = worker(&world, "graz");
    is_alive(&world, "graz").await;
    let collected = world.etiqa(["collect", "--all"]).await.good();
    assert_eq!(collected.stdout, "2 devices: 2 good, 0 failed\n");
    assert_eq!(who_did(&world, "collect", "graz").await, ["worker"]);

    world.add_user("olga", "operator").await;
    let olga = server.signed_in("olga").await;
    olga.call("start_connection_test", &[("id", "2")]).await;
    until("the worker has tested it", || async { who_did(&world, "test", "graz").await.pop() }).await;
    server.stop().await;
}

#[tokio::test]
async fn what_a_person_asks_of_a_site_whose_workers_are_gone_fails_at_once_and_says_what_to_do() {
    let world = World::on_postgres().await;
    let _devices = devices_at(&world, &[("vie-1", "default"), ("graz-1", "graz")]).await;
    for site in ["graz", "default"] {
        let gone = format!(
            "INSERT INTO machine (owner, host, role, site, data_dir, version, started_at, seen_at)
             VALUES ('worker-{site}', 'box', 'worker', '{site}', 'd', '0', 1, 1)"
        );
        world.database.execute(&gone).await;
    }
    let server = world.serve().await;
    let collected = world.etiqa(["collect", "--all"]).await.failed();
    assert_eq!(collected.stdout, "2 devices: 1 good, 1 failed\n", "the default site is anybody's");
    assert!(collected.stderr.contains("No worker of the site graz is heard of: start"), "{collected:?}");

    world.add_user("olga", "operator").await;
    server.signed_in("olga").await.call("start_connection_test", &[("id", "2")]).await;
    let tested = "SELECT message FROM device_test WHERE device_id = 2";
    until("the test is over", || async {
        world
            .database
            .texts(tested)
            .await
            .into_iter()
            .find(|text| text.contains("No worker of the site graz"))
    })
    .await;
    server.stop().await;
}

#[tokio::test]
async fn a_vendor_backup_whose_job_was_given_up_counts_as_failed_in_its_run() {
    let world = World::on_postgres().await;
    world.add_credential().await;
    let _firewall = world.add_device(device(Personality::Gaia, "fw-1")).await;
    world.etiqa(["device", "edit", "fw-1", "--site", "graz", "--platform", "gaia"]).await.good();
    world.add_backup("Nightly", "config").await;
    // As after five attempts that all failed.
    for sql in [
        "CREATE FUNCTION give_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.finished_at = 1; NEW.dead = 1; RETURN NEW; END $$",
        "CREATE TRIGGER give_up BEFORE INSERT ON job FOR EACH ROW WHEN (NEW.kind = 'artifact_part') EXECUTE FUNCTION give_up()",
    ] {
        world.database.execute(sql).await;
    }
    let share = world.place().join("share");
    std::fs::create_dir(&share).unwrap();
    let world = world.with_env("ETIQA_SHARED_DIR", share.to_str().unwrap());
    let server = world.serve().await;
    let _graz = worker(&world, "graz");
    is_alive(&world, "graz").await;
    world.etiqa(["run-backups", "--force"]).await.good();
    let counted = world.database.texts("SELECT CAST(artifacts_failed AS TEXT) FROM backup_run").await;
    assert_eq!(counted, ["1"], "the texts are good, and the run says what it could not have");
    let told = world.database.texts("SELECT class || ': ' || message FROM artifact_result").await;
    let why = "Its own backup was not fetched: the job that was to do it was given up. Admin, Jobs says why.";
    assert_eq!(told, [format!("incomplete: {why}")]);
    server.stop().await;
}

#[tokio::test]
async fn vendor_backups_of_a_site_are_fetched_there_where_its_worker_keeps_them_in_the_folder_of_all() {
    let world = World::on_postgres().await;
    world.add_credential().await;
    let _firewall = world.add_device(device(Personality::Gaia, "fw-1")).await;
    world.etiqa(["device", "edit", "fw-1", "--site", "graz", "--platform", "gaia"]).await.good();
    world.add_backup("Nightly", "config").await;
    let share = world.place().join("share");
    std::fs::create_dir(&share).unwrap();
    let world = world.with_env("ETIQA_SHARED_DIR", share.to_str().unwrap());
    let refused = world.etiqa(["backup-status"]).await.failed();
    assert!(refused.stderr.contains("No server has taken the folder"), "{refused:?}");
    let server = world.serve().await;
    let _graz = worker(&world, "graz");
    is_alive(&world, "graz").await;
    world.etiqa(["run-backups", "--force"]).await.good();
    assert_eq!(who_did(&world, "artifact_part", "graz").await, ["worker"]);
    let of_run = "SELECT class FROM artifact_result WHERE run_id IS NOT NULL";
    assert_eq!(world.database.texts(of_run).await, ["ok"]);
    let archives = std::fs::read_dir(share.join("backups")).unwrap().count();
    assert_eq!(archives, 1);
    world.etiqa(["verify", "--all"]).await.good();
    server.stop().await;
}
