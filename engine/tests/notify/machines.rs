//! Several machines on one PostgreSQL: one of them makes each message, and one sends it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use etiqa_engine::backup::{config, execute_run, start};
use etiqa_engine::store::machine::machine_save;
use etiqa_engine::time::now;
use etiqa_engine::{Engine, Options, Role, notify};
use etiqa_model::backup::BackupConfigInput;
use etiqa_model::machine::{Machine, MachineRole};
use etiqa_model::notify::RuleInput;
use etiqa_model::run::Trigger;

use crate::common::{here, postgres_url};
use crate::servers::Hook;
use crate::support::web;

async fn machine(folder: &Path, url: &str) -> Arc<Engine> {
    machine_as(folder, url, Role::Command).await
}

async fn machine_as(folder: &Path, url: &str, role: Role) -> Arc<Engine> {
    let options = Options {
        data_dir: folder.to_owned(),
        database_url: Some(url.to_owned()),
        // One key for all of them.
        secret_key_file: Some(folder.parent().unwrap().join("secret.key")),
        reach: here(),
        ..Options::default()
    };
    Engine::open(options, role).await.unwrap()
}

/// A worker that was heard of so long ago.
async fn worker_heard_before(engine: &Engine, ago: Duration) {
    let worker = Machine {
        owner: "worker-1".into(),
        host: "graz-1".into(),
        role: MachineRole::Worker,
        site: Some("graz".into()),
        data_dir: "d".into(),
        files_id: "f".into(),
        version: "1".into(),
        sessions: 0,
        max_sessions: 1,
        clock_ahead_ms: 0,
        syslog: None,
        started_at: now().minus(Duration::from_hours(1)),
        seen_at: now().minus(ago),
        stopped_at: None,
    };
    machine_save(&engine.db, &worker).await.unwrap();
}

#[tokio::test]
async fn a_machine_is_lost_after_a_minute_and_not_while_nobody_can_tell() {
    let folder = tempfile::tempdir().unwrap();
    let url = postgres_url().await;
    let vienna = machine(&folder.path().join("vienna"), &url).await;
    let hook = Hook::start().await;
    let channel = notify::save(&vienna, None, &web("webhook", &hook)).await.unwrap();
    let rule = RuleInput {
        name: "all".into(),
        events: vec!["worker_lost".into()],
        channels: vec![channel],
        ..RuleInput::default()
    };
    notify::save_rule(&vienna, None, &rule).await.unwrap();
    worker_heard_before(&vienna, Duration::from_secs(30)).await;
    notify::send_now(&vienna).await.unwrap();
    assert_eq!(hook.posted().len(), 0, "it may be a short outage");
    worker_heard_before(&vienna, Duration::from_secs(90)).await;
    // A server that was away from the database itself knows nothing of the others.
    let server = machine_as(&folder.path().join("linz"), &url, Role::Server).await;
    notify::send_now(&server).await.unwrap();
    assert_eq!(hook.posted().len(), 0);
    notify::send_now(&vienna).await.unwrap();
    assert_eq!(hook.titles(), ["graz-1: Machine lost"]);
    worker_heard_before(&vienna, Duration::ZERO).await;
    notify::send_now(&vienna).await.unwrap();
    assert_eq!(hook.titles()[1], "graz-1: Machine back");
}

#[tokio::test]
async fn two_machines_at_once_send_each_message_once() {
    let folder = tempfile::tempdir().unwrap();
    let url = postgres_url().await;
    let vienna = machine(&folder.path().join("vienna"), &url).await;
    let graz = machine(&folder.path().join("graz"), &url).await;
    let hook = Hook::start().await;
    let channel = notify::save(&vienna, None, &web("webhook", &hook)).await.unwrap();
    let rule = RuleInput {
        name: "all".into(),
        events: vec!["run_failed".into()],
        channels: vec![channel],
        repeat: "every".into(),
        ..RuleInput::default()
    };
    notify::save_rule(&graz, None, &rule).await.unwrap();
    let input =
        BackupConfigInput { name: "Daily".into(), kind: "config".into(), ..BackupConfigInput::default() };
    let config = config::save(&vienna, None, &input).await.unwrap();
    for _ in 0..8 {
        let queued = start::start(&vienna, config, Trigger::Manual).await.unwrap();
        execute_run(&vienna, queued.run).await.unwrap();
        let (one, other) = tokio::join!(notify::send_now(&vienna), notify::send_now(&graz));
        one.unwrap();
        other.unwrap();
    }
    // Whoever looked while the other one was at it finds the rest.
    notify::send_now(&graz).await.unwrap();
    let mut ids: Vec<String> =
        hook.posted().iter().map(|posted| posted.header("webhook-id").to_owned()).collect();
    assert_eq!(ids.len(), 8);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 8, "none of them twice");
}
