//! Beside a live server, and after one that died.

use etiqa_simulator::SimulatedDevice;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

use crate::harness::devices::router;
use crate::harness::world::ended;
use crate::harness::{Client, Gate, Server, World, until};

/// A server in the middle of a run, whose only device waits until its gate is opened.
struct Midway {
    server: Server,
    token: String,
    gate: Gate,
    _device: SimulatedDevice,
}

impl Midway {
    /// `kind` is the backup's.
    async fn start(world: &World, kind: &str) -> Self {
        world.add_credential().await;
        let (device, mut gate) = world.add_gated_device(router("slow-1")).await;
        world.add_backup("Nightly", kind).await;
        let token = world.token("operator").await;
        let server = world.serve().await;
        server.with_token(&token).post("/backup/config/1/run/").await.with_status(202);
        gate.somebody_waits().await;
        Self { server, token, gate, _device: device }
    }
}

async fn runs(world: &World) -> i64 {
    world.database.number("SELECT COUNT(*) FROM backup_run").await
}

/// The newest run of the only backup config, once it is over.
async fn run_over(client: &Client) -> Value {
    until("the end of the run", async || {
        let status = client.get("/backup/status/").await.with_status(200).json();
        let last = &status["configs"][0]["last_run"];
        let is_over = status["configs"][0]["state"] != "running" && !last.is_null();
        is_over.then(|| last.clone())
    })
    .await
}

#[tokio::test]
async fn a_command_beside_a_server_leaves_the_work_to_the_server() {
    a_command_leaves_the_work_to_the_server(World::new()).await;
}

#[tokio::test]
async fn a_command_beside_a_server_on_postgres_leaves_the_work_to_the_server() {
    a_command_leaves_the_work_to_the_server(World::on_postgres().await).await;
}

async fn a_command_leaves_the_work_to_the_server(world: World) {
    world.add_credential().await;
    let device = world.add_device(router("core-rtr-1")).await;
    world.add_backup("Nightly", "config").await;
    let server = world.serve().await;
    // On PostgreSQL a command knows a live server by its scheduler's look.
    until("the scheduler's first look", async || {
        (world.status().await["scheduler"]["running"] == true).then_some(())
    })
    .await;

    let output = world.etiqa(["run-backups", "--force"]).await.good();
    let collected = world.etiqa(["collect", "core-rtr-1"]).await.good();

    assert!(output.stdout.contains("Nightly: completed, 1 device, verified: "), "{output:?}");
    assert!(collected.stdout.contains("1 good, 0 failed"), "{collected:?}");
    assert_eq!(device.sessions_total(), 2);
    let owners = world.database.texts("SELECT owner FROM backup_run").await;
    assert_eq!(owners.len(), 1);
    assert!(owners[0].starts_with("server-"), "{owners:?}");
    let jobs = world.database.number("SELECT COUNT(*) FROM job WHERE lease_owner LIKE 'command-%'").await;
    assert_eq!(jobs, 0);
    server.stop().await;
}

#[tokio::test]
async fn a_live_run_is_followed_and_never_doubled() {
    let world = World::new();
    world.add_credential().await;
    let _quick = world.add_device(router("quick-1")).await;
    let (_slow, mut gate) = world.add_gated_device(router("slow-1")).await;
    world.add_backup("Nightly", "config").await;
    let server = world.serve().await;
    let operator = server.with_token(&world.token("operator").await);
    let started = operator.post("/backup/config/1/run/").await.with_status(202).json();
    assert_eq!(started, serde_json::json!({"run_id": 1}));
    gate.somebody_waits().await;

    // Seen from outside while it goes on.
    let progress = until("the first device", async || {
        let status = world.status().await;
        let config = &status["configs"][0];
        assert_eq!((&config["state"], &status["summary"]["running"]), (&"running".into(), &1.into()));
        (config["progress"]["done"] == 1).then(|| config["progress"].clone())
    })
    .await;
    assert_eq!(progress, serde_json::json!({"done": 1, "total": 2}));
    let refused = operator.post("/backup/config/1/run").await.with_status(409);
    insta::assert_snapshot!(refused.message(), @r#""Nightly" is running already (run 1)."#);
    let second = world.etiqa(["serve", "--listen", "127.0.0.1:0"]).await.failed();
    insta::assert_snapshot!(second.sentence(&world), @"etiqa: Another etiqa serves [place]/data already. Stop it first, or choose another directory with --data-dir.");

    let mut follower = world.command(["run-backups", "--force"]).spawn().unwrap();
    let mut lines = BufReader::new(follower.stderr.take().unwrap()).lines();
    let said = lines.next_line().await.unwrap().unwrap();
    insta::assert_snapshot!(said, @r#""Nightly" is running already (run 1)."#);
    gate.open();
    let output = ended(follower).await.good();
    assert!(output.stdout.contains("Nightly: completed, 2 devices, verified: "), "{output:?}");
    assert_eq!(runs(&world).await, 1);
    assert_eq!(world.backups().len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn a_run_that_a_crash_interrupted_is_failed_and_done_again_once() {
    a_crash_in_the_middle_of_a_run(World::new()).await;
}

#[tokio::test]
async fn a_run_that_a_crash_interrupted_on_postgres_is_failed_and_done_again_once() {
    let world = World::on_postgres().await;
    a_crash_in_the_middle_of_a_run(world).await;
}

async fn a_crash_in_the_middle_of_a_run(world: World) {
    let Midway { server, token, gate, _device } = Midway::start(&world, "full").await;
    server.kill().await;
    gate.open();
    // On PostgreSQL nobody can know that the process is gone before its leases end: let them.
    for sql in [
        "backup_run SET lease_expires_at = 1 WHERE lease_expires_at > 1",
        "job SET lease_expires_at = 1 WHERE lease_expires_at > 1",
        "device_lease SET expires_at = 1",
    ] {
        world.database.execute(&format!("UPDATE {sql}")).await;
    }

    let server = world.serve().await;
    let client = server.with_token(&token);
    let retried = until("the second run", async || {
        let status = client.get("/backup/status/").await.json();
        let last = &status["configs"][0]["last_run"];
        (last["id"] == 2 && last["status"] != "running" && last["status"] != "pending").then(|| last.clone())
    })
    .await;

    assert_eq!(
        (&retried["status"], &retried["trigger"]),
        (&"completed".into(), &"retry".into()),
        "{retried}"
    );
    let first = world.database.texts("SELECT status || ': ' || error FROM backup_run WHERE id = 1").await;
    assert_eq!(first, ["failed: Interrupted: the program stopped while this run went on."]);
    assert_eq!(runs(&world).await, 2);
    assert_eq!(world.backups(), [retried["file"].as_str().unwrap()], "no half archive, none without a run");
    server.stop().await;
}

#[tokio::test]
async fn a_retry_that_is_interrupted_too_is_not_tried_a_third_time() {
    let world = World::new();
    let Midway { server, token, gate, _device } = Midway::start(&world, "full").await;
    server.kill().await;
    let server = world.serve().await;
    until("the retry to run", async || {
        let sql = "SELECT COUNT(*) FROM backup_run WHERE id = 2 AND status = 'running'";
        (world.database.number(sql).await == 1).then_some(())
    })
    .await;
    server.kill().await;
    gate.open();

    let server = world.serve().await;
    let last = run_over(&server.with_token(&token)).await;

    assert_eq!((&last["id"], &last["status"]), (&2.into(), &"failed".into()), "{last}");
    assert_eq!(runs(&world).await, 2);
    assert_eq!(world.backups(), [""; 0]);
    server.stop().await;
}

#[tokio::test]
async fn sigterm_ends_streams_and_hands_the_run_to_the_next_start() {
    let world = World::new();
    let Midway { server, token, gate, _device } = Midway::start(&world, "config").await;
    let mut stream = server.with_token(&token).open("/events").await;
    assert!(stream.chunk().await.unwrap().is_some(), "the stream is open");

    let (code, said) = server.stop().await;

    assert_eq!(code, Some(0), "{said}");
    while let Some(_event) = stream.chunk().await.unwrap() {}
    assert!(world.backups().iter().all(|name| !name.contains(".part")), "{:?}", world.backups());
    gate.open();
    let server = world.serve().await;
    let last = run_over(&server.with_token(&token)).await;
    assert_eq!(last["status"], "completed", "{last}");
    assert_eq!(world.backups().len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn an_interrupted_command_hands_its_run_back() {
    let world = World::new();
    world.add_credential().await;
    let (_device, mut gate) = world.add_gated_device(router("slow-1")).await;
    world.add_backup("Nightly", "config").await;
    let mut command = world.command(["run-backups", "--force"]).spawn().unwrap();
    let mut stderr = command.stderr.take().unwrap();
    gate.somebody_waits().await;

    let pid = rustix::process::Pid::from_raw(i32::try_from(command.id().unwrap()).unwrap());
    rustix::process::kill_process(pid.unwrap(), rustix::process::Signal::INT).unwrap();

    assert_eq!(command.wait().await.unwrap().code(), Some(1));
    let mut said = String::new();
    stderr.read_to_string(&mut said).await.unwrap();
    assert!(said.contains("Interrupted; what was under way is taken up again later."), "{said}");
    gate.open();
    let token = world.token("viewer").await;
    let server = world.serve().await;
    assert_eq!(run_over(&server.with_token(&token)).await["status"], "completed");
    server.stop().await;
}

#[tokio::test]
async fn an_interrupted_command_leaves_its_run_to_the_server_that_does_it() {
    let world = World::new();
    world.add_credential().await;
    let (_device, mut gate) = world.add_gated_device(router("slow-1")).await;
    world.add_backup("Nightly", "config").await;
    let token = world.token("viewer").await;
    let server = world.serve().await;
    let mut command = world.command(["run-backups", "--force"]).spawn().unwrap();
    let mut stderr = command.stderr.take().unwrap();
    gate.somebody_waits().await;

    let pid = rustix::process::Pid::from_raw(i32::try_from(command.id().unwrap()).unwrap());
    rustix::process::kill_process(pid.unwrap(), rustix::process::Signal::INT).unwrap();

    assert_eq!(command.wait().await.unwrap().code(), Some(1));
    let mut said = String::new();
    stderr.read_to_string(&mut said).await.unwrap();
    assert!(said.contains("Interrupted; the server goes on with it."), "{said}");
    gate.open();
    assert_eq!(run_over(&server.with_token(&token)).await["status"], "completed");
    server.stop().await;
}

#[tokio::test]
async fn a_run_that_was_missed_fires_once_after_the_start() {
    let world = World::new();
    world.add_backup_every_minute("Minutely", "data").await;
    world.add_backup("Daily", "data").await;
    let token = world.token("viewer").await;
    // Ten days ago: thousands of minutes and ten nights were missed.
    let long_ago = "UPDATE backup_config SET next_run_at = next_run_at - 864000000";
    world.database.execute(long_ago).await;

    let server = world.serve().await;
    let client = server.with_token(&token);
    until("both runs", async || {
        let done = "SELECT COUNT(*) FROM backup_run WHERE status = 'completed'";
        (world.database.number(done).await >= 2).then_some(())
    })
    .await;

    let status = client.get("/backup/status/").await.json();
    let now = status["generated_at"].as_str().unwrap();
    for config in status["configs"].as_array().unwrap() {
        assert_eq!(config["last_run"]["trigger"], "schedule", "{config}");
        assert!(config["next_run_at"].as_str().unwrap() > now, "{config}");
    }
    let daily = "SELECT COUNT(*) FROM backup_run WHERE name = 'Daily'";
    assert_eq!(world.database.number(daily).await, 1);
    // A whole minute may have begun meanwhile, but not thousands.
    let minutely = "SELECT COUNT(*) FROM backup_run WHERE name = 'Minutely'";
    assert!(world.database.number(minutely).await <= 2);
    server.stop().await;
}

#[tokio::test]
async fn the_clock_starts_a_run_while_the_server_goes_on() {
    let world = World::new();
    let token = world.token("operator").await;
    world.add_backup("Soon", "data").await;
    let soon = std::time::SystemTime::now() + std::time::Duration::from_secs(3);
    let soon = soon.duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    world.database.execute(&format!("UPDATE backup_config SET next_run_at = {soon}")).await;

    let server = world.serve().await;
    let last = run_over(&server.with_token(&token)).await;

    assert_eq!((&last["status"], &last["trigger"]), (&"completed".into(), &"schedule".into()));
    server.stop().await;
}

#[tokio::test]
async fn a_disabled_backup_never_starts_by_itself() {
    let world = World::new();
    world.add_backup("Off", "data").await;
    world.add_backup("On", "data").await;
    world.etiqa(["backup-config", "edit", "Off", "--disable"]).await.good();
    world.database.execute("UPDATE backup_config SET next_run_at = 1000").await;
    let server = world.serve().await;
    until("the run of the enabled one", async || {
        let done = "SELECT COUNT(*) FROM backup_run WHERE name = 'On' AND status = 'completed'";
        (world.database.number(done).await == 1).then_some(())
    })
    .await;
    assert_eq!(runs(&world).await, 1);
    server.stop().await;
}
