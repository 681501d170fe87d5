//! What Prometheus reads, what is made of it in docs/, and whether the program works.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

use crate::harness::devices::router;
use crate::harness::world::ended;
use crate::harness::{Client, Server, World, until};

const DASHBOARD: &str = include_str!("../../../docs/grafana-dashboard.json");
const ALERTS: &str = include_str!("../../../docs/prometheus-alerts.yml");
const PAGE: &str = include_str!("../../../docs/monitoring.md");

fn promtool() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let unpacked = root.join("target/tools/prometheus/usr/bin/promtool");
    if unpacked.exists() { unpacked } else { "promtool".into() }
}

/// Runs Prometheus's checker in docs/, with something on its standard input; gives what it said.
async fn checked<const N: usize>(arguments: [&str; N], input: &str) -> String {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("docs");
    let mut command = Command::new(promtool());
    command.args(arguments).current_dir(docs);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("promtool is missing: run `make test`, which fetches it.");
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).await.unwrap();
    drop(stdin);
    let output = ended(child).await;
    assert_eq!(output.code, 0, "{output:#?}");
    output.stdout + &output.stderr
}

/// The value of a line, by its name and labels as they are written.
#[track_caller]
fn value<'a>(page: &'a str, line: &str) -> &'a str {
    let found = page.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("no line {line} in {page}"))
}

#[track_caller]
fn number(page: &str, line: &str) -> f64 {
    value(page, line).parse().unwrap()
}

async fn metrics(client: &Client) -> String {
    client.get("/metrics").await.with_status(200).text()
}

/// Names of our own metrics, and of processes, wherever they are in a text.
fn names_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let ours = words.filter(|word| word.starts_with("etiqa_") || word.starts_with("process_"));
    ours.map(str::to_owned).collect()
}

/// The metrics of a page.
fn told(page: &str) -> BTreeSet<String> {
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types.filter_map(|line| Some(line.split(' ').next()?.to_owned())).collect()
}

/// What a histogram's lines are called.
fn without_suffix(name: &str) -> &str {
    ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name)
}

/// A server with a backup that ran in it: one device is good, one refuses the login.
async fn backed_up(world: &World) -> (Server, Vec<etiqa_simulator::SimulatedDevice>) {
    world.add_credential().await;
    let good = world.add_device(router("core-rtr-1")).await;
    let strange = router("core-rtr-2").login("somebody", "else");
    let refusing = world.add_device(strange).await;
    world.add_backup("Nightly \"core\"", "config").await;
    world.add_backup("Never", "data").await;
    let server = world.serve().await;
    world.etiqa(["run-backups", "--force", "--config", "Nightly \"core\""]).await.failed();
    (server, vec![good, refusing])
}

#[tokio::test]
async fn metrics_tell_how_backups_and_devices_stand_as_prometheus_reads_it() {
    let world = World::new();
    let (server, _devices) = backed_up(&world).await;
    let token = world.token("viewer").await;
    let viewer = server.with_token(&token);
    // What was read before the run's end is told for a few seconds.
    let nightly = "backup_config=\"Nightly \\\"core\\\"\"";
    let page = until("the run in the metrics", async || {
        let page = metrics(&viewer).await;
        let success = format!("etiqa_backup_last_success_timestamp_seconds{{{nightly}}}");
        (number(&page, &success) > 0.0).then_some(page)
    })
    .await;

    assert_eq!(checked(["check", "metrics"], &page).await, "");
    assert_eq!(value(&page, &format!("etiqa_runs_total{{{nightly},status=\"completed\"}}")), "1");
    assert_eq!(value(&page, "etiqa_runs_total{backup_config=\"Never\",status=\"completed\"}"), "0");
    assert_eq!(value(&page, &format!("etiqa_run_duration_seconds_count{{{nightly}}}")), "1");
    assert_eq!(value(&page, &format!("etiqa_backup_state{{{nightly},state=\"ok\"}}")), "1");
    assert_eq!(value(&page, "etiqa_backup_state{backup_config=\"Never\",state=\"never_run\"}"), "1");
    assert_eq!(value(&page, "etiqa_backup_last_success_timestamp_seconds{backup_config=\"Never\"}"), "0");
    let failed = format!("etiqa_backup_last_run_devices{{{nightly},outcome=\"failed\"}}");
    assert_eq!(value(&page, &failed), "1");
    for (class, count) in [("ok", "1"), ("auth_failed", "1"), ("timeout", "0")] {
        assert_eq!(
            value(&page, &format!("etiqa_device_results_total{{class=\"{class}\"}}")),
            count,
            "{class}"
        );
    }
    let group = "device_type=\"router\",site=\"default\"";
    assert_eq!(value(&page, &format!("etiqa_devices{{{group},state=\"good\"}}")), "1");
    assert_eq!(value(&page, &format!("etiqa_devices{{{group},state=\"failing\"}}")), "1");
    assert!(number(&page, &format!("etiqa_devices_newest_good_timestamp_seconds{{{group}}}")) > 1.7e9);
    assert_eq!(value(&page, "etiqa_devices_needing_attention{reason=\"failing\"}"), "1");
    assert_eq!(value(&page, "etiqa_archives{condition=\"good\"}"), "1");
    assert_eq!(value(&page, "etiqa_machines{role=\"server\",site=\"\",state=\"alive\"}"), "1");
    assert_eq!(value(&page, "etiqa_database_up"), "1");
    assert_eq!(value(&page, "etiqa_scheduler_interval_seconds"), "300");
    for name in ["etiqa_database_size_bytes", "process_resident_memory_bytes", "process_start_time_seconds"] {
        assert!(number(&page, name) > 0.0, "{name}");
    }
    assert!(number(&page, "etiqa_disk_free_bytes{folder=\"data\"}") > 0.0);
    until("the answer that this one follows is counted", async || {
        let counted = number(&metrics(&viewer).await, "etiqa_http_requests_total{status=\"2xx\"}");
        (counted >= 1.0).then_some(())
    })
    .await;
    // No device has a series of its own.
    assert!(!page.contains("core-rtr"), "{page}");
    assert_eq!(server.stop().await.0, Some(0));
}

#[tokio::test]
async fn what_the_instance_is_outlives_a_restart_and_what_a_process_did_begins_anew() {
    let world = World::new();
    let (server, _devices) = backed_up(&world).await;
    server.stop().await;
    let server = world.serve().await;
    let token = world.token("viewer").await;
    let page = metrics(&server.with_token(&token)).await;
    let nightly = "backup_config=\"Nightly \\\"core\\\"\"";
    assert!(number(&page, &format!("etiqa_backup_last_success_timestamp_seconds{{{nightly}}}")) > 0.0);
    assert_eq!(value(&page, &format!("etiqa_runs_total{{{nightly},status=\"completed\"}}")), "0");
    server.stop().await;
}

#[tokio::test]
async fn what_the_dashboard_the_alerts_and_the_page_speak_of_is_in_the_metrics_and_the_other_way_round() {
    let world = World::new();
    let server = world.serve().await;
    let token = world.token("viewer").await;
    let told = told(&metrics(&server.with_token(&token)).await);
    server.stop().await;

    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let mut expressions = String::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{panel}");
            expressions.push_str(target["expr"].as_str().unwrap());
            expressions.push('\n');
        }
    }
    for (what, text) in [("the dashboard", expressions.as_str()), ("the alerts", ALERTS)] {
        let names = names_in(text);
        assert!(names.len() > 10, "{what}: {names:?}");
        for name in names {
            assert!(told.contains(&name) || told.contains(without_suffix(&name)), "{what}: {name}");
        }
    }
    let described = names_in(PAGE);
    for name in told.iter().filter(|name| name.starts_with("etiqa_")) {
        assert!(described.contains(name), "docs/monitoring.md says nothing of {name}");
    }
    for name in
        described.iter().filter(|name| name.starts_with("etiqa_") && !name.starts_with("etiqa_engine"))
    {
        assert!(told.contains(name), "docs/monitoring.md speaks of {name}");
    }
}

#[tokio::test]
async fn the_alerts_are_rules_and_alert_of_what_they_must_and_no_more() {
    let checked_rules = checked(["check", "rules", "prometheus-alerts.yml"], "").await;
    assert!(checked_rules.contains("SUCCESS"), "{checked_rules}");
    let tests = ["test", "rules", "prometheus-alerts.test.yml", "prometheus-alerts-days.test.yml"];
    let tested = checked(tests, "").await;
    assert_eq!(tested.matches("SUCCESS").count(), 2, "{tested}");
}

#[tokio::test]
async fn metrics_are_for_who_signed_in_and_sees_every_device() {
    let world = World::new();
    world.add_user("vera", "viewer").await;
    let server = world.serve().await;
    server.stranger().get("/metrics").await.with_status(401);
    let page = server.signed_in("vera").await.get("/metrics").await.with_status(200);
    assert_eq!(page.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    server.stop().await;
}

/// Where a process says that it tells metrics.
async fn metrics_address(child: &mut Child) -> String {
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = loop {
        let line = lines.next_line().await.unwrap().expect("the program ended");
        if let Some(address) = line.strip_prefix("Telling metrics on http://") {
            break address.strip_suffix("/metrics").unwrap().to_owned();
        }
    };
    // Nobody reads it, and nobody waits for that.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    address
}

#[tokio::test]
async fn an_address_of_its_own_tells_metrics_to_anybody_and_nothing_else() {
    let world = World::new();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"];
    let mut server = world.command(serve).spawn().unwrap();
    let anybody = Client::new(&metrics_address(&mut server).await);
    assert_eq!(value(&metrics(&anybody).await, "etiqa_database_up"), "1");
    assert_eq!(anybody.get("/healthz").await.with_status(200).text(), "ok\n");
    assert_eq!(anybody.get("/readyz").await.with_status(200).text(), "ready\n");
    for path in ["/", "/login", "/backup/status/", "/pkg/1/etiqa.css"] {
        anybody.get(path).await.with_status(404);
    }
    anybody.post("/metrics").await.with_status(405);
    // A page that led a browser here under a name of its own.
    anybody.clone().and_header("host", "evil.example.com").get("/metrics").await.with_status(403);
    server.kill().await.unwrap();

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken_at = taken.local_addr().unwrap().to_string();
    let refused =
        world.etiqa(["serve", "--listen", "127.0.0.1:0", "--metrics-listen", &taken_at]).await.failed();
    assert!(refused.stderr.contains("choose another one with --metrics-listen"), "{refused:?}");
}

#[tokio::test]
async fn servers_and_workers_tell_the_same_of_the_instance_and_each_what_it_did_itself() {
    let world = World::on_postgres().await;
    world.add_credential().await;
    let _graz = world.add_device(router("graz-1")).await;
    world.etiqa(["device", "edit", "graz-1", "--site", "graz"]).await.good();
    let _vienna = world.add_device(router("vie-1")).await;
    world.add_backup("Nightly", "config").await;
    let mut worker = world.command(["worker", "--site", "graz", "--metrics-listen", "127.0.0.1:0"]);
    worker.env("ETIQA_DATA_DIR", world.place().join("graz"));
    worker.env("ETIQA_SECRET_KEY_FILE", world.data().join("secret.key"));
    let server = world.serve().await;
    let mut worker = worker.kill_on_drop(true).spawn().unwrap();
    let at_graz = Client::new(&metrics_address(&mut worker).await);
    assert_eq!(at_graz.get("/readyz").await.with_status(200).text(), "ready\n");
    let alive = "SELECT owner FROM machine WHERE site = 'graz' AND stopped_at IS NULL";
    until("the worker says that it is alive", async || world.database.texts(alive).await.pop()).await;
    world.etiqa(["run-backups", "--force"]).await.good();

    let token = world.token("viewer").await;
    let viewer = server.with_token(&token);
    let success = "etiqa_backup_last_success_timestamp_seconds{backup_config=\"Nightly\"}";
    let pages = until("the run in both", async || {
        let pages = [metrics(&viewer).await, metrics(&at_graz).await];
        pages.iter().all(|page| number(page, success) > 0.0).then_some(pages)
    })
    .await;
    let [server_page, worker_page] = &pages;
    assert_eq!(value(server_page, success), value(worker_page, success));
    let alive = "etiqa_machines{role=\"worker\",site=\"graz\",state=\"alive\"}";
    assert_eq!((value(server_page, alive), value(worker_page, alive)), ("1", "1"));
    let collected = "etiqa_device_results_total{class=\"ok\"}";
    assert_eq!((value(server_page, collected), value(worker_page, collected)), ("1", "1"), "each its own");
    let ended = "etiqa_runs_total{backup_config=\"Nightly\",status=\"completed\"}";
    assert_eq!((number(server_page, ended) + number(worker_page, ended)).to_string(), "1");
    server.stop().await;
}

#[tokio::test]
async fn readiness_names_what_is_missing_and_health_does_not_ask_for_it() {
    let world = World::new();
    let server = world.serve().await;
    let stranger = server.stranger();
    assert_eq!(stranger.get("/readyz").await.with_status(200).text(), "ready\n");
    let as_json = stranger.clone().and_header("accept", "application/json");
    let found = as_json.get("/readyz").await.with_status(200).json();
    let names: Vec<&str> =
        found["needs"].as_array().unwrap().iter().map(|need| need["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["database", "schema", "key", "scheduler", "disk", "worker"]);
    assert_eq!(found["ready"], true);

    world.database.execute("UPDATE setting SET value = 'another' WHERE name = 'key_fingerprint'").await;
    let words = "the key was replaced; the program must be started again";
    until("what is missing", async || {
        let answer = stranger.get("/readyz").await;
        (answer.status == 503 && answer.text() == format!("{words}\n")).then_some(())
    })
    .await;
    let found = as_json.get("/readyz").await.with_status(503).json();
    assert_eq!(found["ready"], false);
    assert_eq!(found["needs"][2]["problem"], words);
    assert_eq!(stranger.get("/healthz").await.with_status(200).text(), "ok\n", "it lives");
    assert_eq!(as_json.get("/healthz").await.with_status(200).json()["alive"], true);
    server.stop().await;
}
