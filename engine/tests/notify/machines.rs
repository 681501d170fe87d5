//! Several machines on one PostgreSQL: one of them makes each message, and one sends it.

use std::path::Path;
use std::sync::Arc;

use etiqa_engine::backup::{config, execute_run, start};
use etiqa_engine::{Engine, Options, Role, notify};
use etiqa_model::backup::BackupConfigInput;
use etiqa_model::notify::RuleInput;
use etiqa_model::run::Trigger;

use crate::common::{here, postgres_url};
use crate::servers::Hook;
use crate::support::web;

async fn machine(folder: &Path, url: &str) -> Arc<Engine> {
    let options = Options {
        data_dir: folder.to_owned(),
        database_url: Some(url.to_owned()),
        // One key for all of them.
        secret_key_file: Some(folder.parent().unwrap().join("secret.key")),
        reach: here(),
        ..Options::default()
    };
    Engine::open(options, Role::Command).await.unwrap()
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
