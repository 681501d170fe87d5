//! Several machines on one database: the one that has the file sends it.

use std::path::Path;
use std::sync::Arc;

use etiqa_engine::backup::destinations::{list, save, send_now};
use etiqa_engine::backup::{config, execute_run, start};
use etiqa_engine::{Engine, Options, Role};
use etiqa_model::backup::BackupConfigInput;
use etiqa_model::destination::DestinationKind;
use etiqa_model::run::Trigger;

use crate::common::{here, postgres_url};
use crate::support::{Place, quick};

async fn machine(folder: &Path, url: &str) -> Arc<Engine> {
    let options = Options {
        data_dir: folder.to_owned(),
        database_url: Some(url.to_owned()),
        secret_key_file: Some(folder.parent().unwrap().join("secret.key")),
        reach: here(),
        ..Options::default()
    };
    Engine::open(options, Role::Command).await.unwrap()
}

#[tokio::test]
async fn only_the_machine_that_has_an_archive_sends_it() {
    let folder = tempfile::tempdir().unwrap();
    let url = postgres_url().await;
    let vienna = machine(&folder.path().join("vienna"), &url).await;
    let graz = machine(&folder.path().join("graz"), &url).await;
    let place = Place::of(DestinationKind::S3).await;
    let id = save(&vienna, None, &place.input).await.unwrap();
    let mut input = BackupConfigInput { name: "Daily".into(), ..BackupConfigInput::default() };
    quick(&mut input);
    input.destinations = Some(vec![id]);
    let backup = config::save(&vienna, None, &input).await.unwrap();
    let queued = start::start(&vienna, backup, Trigger::Manual).await.unwrap();
    execute_run(&vienna, queued.run).await.unwrap();

    send_now(&graz).await.unwrap();
    assert_eq!(place.files(), [] as [&str; 0]);
    assert_eq!(list(&graz).await.unwrap()[0].waiting, 1, "it still waits for vienna");
    send_now(&vienna).await.unwrap();
    assert_eq!(place.files().len(), 1);
    assert_eq!(list(&graz).await.unwrap()[0].sent, 1);
}
