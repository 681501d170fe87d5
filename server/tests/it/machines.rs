//! Several processes on one PostgreSQL: who collects what, and what becomes of the work of those that are gone.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;

use crate::harness::devices::router;
use crate::harness::{World, until};

/// A worker of a site, on a machine with a data directory of its own.
fn worker(world: &World, site: &str) -> Child {
    let mut command = world.command(["worker", "--site", site]);
    command.env("ETIQA_DATA_DIR", world.place().join(site));
    command.env("ETIQA_SECRET_KEY_FILE", world.data().join("secret.key"));
    command.stderr(Stdio::null()).kill_on_drop(true).spawn().unwrap()
}

async fn is_alive(world: &World, site: &str) {
    let sql = format!("SELECT owner FROM machine WHERE site = '{site}' AND stopped_at IS NULL");
    until("the worker says that it is alive", || async { world.database.texts(&sql).await.pop() }).await;
}

/// Who did the parts of runs at a site: `server` or `worker`, once each.
async fn who_collected(world: &World, site: &str) -> Vec<String> {
    let sql = format!(
        "SELECT DISTINCT split_part(lease_owner, '-', 1) FROM job WHERE kind = 'part' AND site = '{site}' ORDER BY 1"
    );
    world.database.texts(&sql).await
}

#[tokio::test]
async fn devices_of_a_site_are_collected_by_its_own_workers_and_by_nobody_else() {
    let world = World::on_postgres().await;
    world.add_credential().await;
    let mut devices = Vec::new();
    for (name, site) in [("vie-1", "default"), ("graz-1", "graz"), ("graz-2", "graz"), ("linz-1", "linz")] {
        devices.push(world.add_device(router(name)).await);
        world.etiqa(["device", "edit", name, "--site", site]).await.good();
    }
    world.add_backup("Nightly", "config").await;
    let server = world.serve().await;
    let mut graz = worker(&world, "graz");
    is_alive(&world, "graz").await;
    world.etiqa(["run-backups", "--force"]).await.good();

    assert_eq!(who_collected(&world, "graz").await, ["worker"]);
    assert_eq!(who_collected(&world, "linz").await, ["server"], "a site without workers is anybody's");
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
async fn a_worker_needs_a_database_that_machines_can_share() {
    let refused = World::new().etiqa(["worker", "--site", "graz"]).await.failed();
    assert!(refused.stderr.contains("name it with --database-url postgres://"), "{refused:?}");
}
