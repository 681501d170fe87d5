//! A restored instance sends and deletes nothing until somebody confirms.

use std::sync::Arc;

use etiqa_engine::backup::destinations::{list, send_now};
use etiqa_engine::backup::restore::{Request, Secrets, restore};
use etiqa_engine::backup::verify::Key;
use etiqa_engine::pause::resume;
use etiqa_engine::schedule::tick::tick;
use etiqa_engine::time::now;
use etiqa_engine::{Engine, Options, Role};
use etiqa_model::Secret;
use etiqa_model::destination::DestinationKind;

use crate::common::here;
use crate::support::{Place, execute, run_and_send, world_with};

#[tokio::test]
async fn a_restored_instance_sends_and_deletes_nothing_until_somebody_confirms() {
    let place = Place::of(DestinationKind::Folder).await;
    let (world, _, config) = world_with(&place.input).await;
    let mut input = etiqa_engine::backup::config::find(&world.engine, "Daily").await.unwrap().to_input();
    "full".clone_into(&mut input.kind);
    etiqa_engine::backup::config::save(&world.engine, Some(config), &input).await.unwrap();
    let sent = run_and_send(&world, config).await;
    // In the archive stands that this one is to be deleted there.
    execute(&world, "UPDATE archive_copy SET state = 'leaving', due_at = 0").await;
    let run = world.run(config).await;

    let folder = tempfile::tempdir().unwrap();
    let new = folder.path().join("new");
    let key = std::fs::read_to_string(world.engine.dir.secret_key()).unwrap();
    let request = Request {
        archive: world.engine.dir.backups().join(run.file.unwrap()),
        key: Key::None,
        data_dir: new.clone(),
        database_url: None,
        secrets: Secrets::With(Secret::new(key)),
    };
    restore(request).await.unwrap();
    let options = Options { data_dir: new, reach: here(), ..Options::default() };
    let restored: Arc<Engine> = Engine::open(options, Role::Command).await.unwrap();
    let known = list(&restored).await.unwrap();
    assert_eq!((known.len(), known[0].leaving), (1, 1), "it knows all of it");
    tick(&restored, now()).await.unwrap();
    send_now(&restored).await.unwrap();
    assert_eq!(place.files(), [sent.file.clone().unwrap()], "the other instance may still need it");

    resume(&restored).await.unwrap();
    send_now(&restored).await.unwrap();
    assert_eq!(place.files(), [] as [&str; 0]);
}
