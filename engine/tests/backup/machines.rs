//! Several machines on one PostgreSQL, each with a data directory of its own.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use etiqa_engine::drivers::driver_rows;
use etiqa_engine::store::lease::{device_lease_is_taken, device_lease_take};
use etiqa_engine::time::now;
use etiqa_engine::{Engine, Options, Role, inventory, machines, relay};
use etiqa_model::device::DeviceInput;
use etiqa_model::event::{Event, Topic};
use etiqa_model::machine::{MachineRole, MachineState};
use futures::FutureExt;

use crate::common::postgres_url;
use crate::common::world::World;

async fn machine(folder: &Path, url: &str) -> Arc<Engine> {
    let options = Options {
        data_dir: folder.to_owned(),
        database_url: Some(url.to_owned()),
        // One key for all of them.
        secret_key_file: Some(folder.parent().unwrap().join("secret.key")),
        ..Options::default()
    };
    Engine::open(options, Role::Command).await.unwrap()
}

/// Two machines on one database.
async fn two_machines(folder: &Path) -> (Arc<Engine>, Arc<Engine>) {
    let url = postgres_url().await;
    (machine(&folder.join("vienna"), &url).await, machine(&folder.join("graz"), &url).await)
}

async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    for _ in 0..600 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("in a minute it was not so that {what}");
}

async fn state_of(asked: &Engine, of: &Engine) -> Option<MachineState> {
    let rows = machines::list(asked).await.unwrap();
    rows.into_iter().find(|row| row.machine.owner == of.owner).map(|row| row.state)
}

async fn has_own_driver(engine: &Engine) -> bool {
    driver_rows(engine, &etiqa_model::user::Role::Viewer.into())
        .await
        .unwrap()
        .iter()
        .any(|row| row.name == "our-switch")
}

#[tokio::test]
async fn a_driver_goes_when_its_own_folder_lacks_it_and_not_when_another_does() {
    let folder = tempfile::tempdir().unwrap();
    let url = postgres_url().await;
    let vienna = machine(&folder.path().join("vienna"), &url).await;
    let file = vienna.dir.drivers().join("our-switch.toml");
    std::fs::write(&file, include_str!("../../../drivers/frr.toml")).unwrap();
    assert!(has_own_driver(&vienna).await);

    let graz = machine(&folder.path().join("graz"), &url).await;
    assert!(has_own_driver(&graz).await, "every machine uses it");
    assert!(has_own_driver(&vienna).await, "and none of them takes it away");

    std::fs::remove_file(&file).unwrap();
    assert!(has_own_driver(&graz).await);
    assert!(!has_own_driver(&vienna).await);
}

#[tokio::test]
async fn who_replaces_the_key_is_alone_with_it() {
    let world = World::new().await;
    let other = world.another_engine().await;
    assert!(!world.engine.is_alone().unwrap(), "another command holds the old key");
    drop(other);
    assert!(world.engine.is_alone().unwrap());
    let options = Options { data_dir: world.engine.dir.root().to_owned(), ..Options::default() };
    let refused = Engine::open(options, Role::Command).await.unwrap_err().into_user_error();
    assert!(refused.message.starts_with("The key is being replaced"), "{refused:?}");
}

#[tokio::test]
async fn one_scheduler_acts_at_a_time_and_another_takes_over_when_it_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let (vienna, graz) = two_machines(folder.path()).await;
    let beat =
        |engine: &Arc<Engine>| tokio::spawn(machines::beat(Arc::clone(engine), MachineRole::Server, None));
    let beating = beat(&vienna);
    until("Vienna leads", async || vienna.lead.is_held()).await;
    beat(&graz);
    until("both are seen", async || machines::list(&vienna).await.unwrap().len() == 2).await;
    assert!(vienna.lead.is_held() && !graz.lead.is_held());
    let leaders = machines::list(&graz).await.unwrap().into_iter().filter(|row| row.leads);
    assert_eq!(leaders.map(|row| row.machine.owner).collect::<Vec<_>>(), std::slice::from_ref(&vienna.owner));

    // As a crash does it: no word of it.
    beating.abort();
    until("Graz leads", async || graz.lead.is_held()).await;
    assert!(!vienna.lead.is_held(), "it knows by its own clock that it does not lead any more");
    until("Vienna has vanished", async || state_of(&graz, &vienna).await == Some(MachineState::Vanished))
        .await;
    machines::forget(&graz, &vienna.owner).await.unwrap();
    assert_eq!(state_of(&graz, &vienna).await, None);
    assert!(machines::forget(&graz, &graz.owner).await.is_err(), "it works");

    machines::say_goodbye(&graz).await.unwrap();
    assert_eq!(state_of(&graz, &graz).await, Some(MachineState::Stopped));
    assert!(!graz.lead.is_held());
}

#[tokio::test]
async fn a_process_that_is_started_again_frees_the_devices_that_it_had() {
    let folder = tempfile::tempdir().unwrap();
    let url = postgres_url().await;
    let vienna = machine(&folder.path().join("vienna"), &url).await;
    let graz = machine(&folder.path().join("graz"), &url).await;
    let beat =
        |engine: &Arc<Engine>| tokio::spawn(machines::beat(Arc::clone(engine), MachineRole::Server, None));
    let beating = beat(&vienna);
    until("Vienna is seen", async || state_of(&graz, &vienna).await.is_some()).await;
    let input =
        DeviceInput { address: "127.0.0.1".into(), hostname: "core".into(), ..DeviceInput::default() };
    let device = inventory::save(&graz, None, &input).await.unwrap();
    let until_long = now().plus(Duration::from_mins(6));
    let session = format!("{}/1", vienna.owner);
    assert!(device_lease_take(&vienna.db, device, &session, now(), until_long).await.unwrap());
    beating.abort();
    let long_ago = "UPDATE machine SET seen_at = seen_at - 60000";
    let mut tx = graz.db.write().await.unwrap();
    sqlx::query(long_ago).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();

    let again = machine(&folder.path().join("vienna"), &url).await;
    beat(&again);
    until("the device is free", async || !device_lease_is_taken(&graz.db, device, now()).await.unwrap())
        .await;
    assert_eq!(state_of(&graz, &vienna).await, None, "it has another name now");
}

#[tokio::test]
async fn what_is_queued_at_one_machine_is_heard_at_the_others_and_wakes_their_workers() {
    let folder = tempfile::tempdir().unwrap();
    let (vienna, graz) = two_machines(folder.path()).await;
    for engine in [&vienna, &graz] {
        tokio::spawn(relay::relay(Arc::clone(engine)));
    }
    let mut heard = graz.events.listen();
    let mut own = vienna.events.listen();
    let event = Event { topic: Topic::Jobs, id: None };
    // Until both listen, what is said is lost.
    until("Graz hears of it", async || {
        vienna.events.send(event.topic, event.id);
        tokio::time::sleep(Duration::from_millis(200)).await;
        !graz.events.listen().is_closed() && graz.work.notified().now_or_never().is_some()
    })
    .await;
    assert_eq!(heard.recv().await.unwrap(), event);
    while let Ok(again) = own.try_recv() {
        assert_eq!(again, event);
    }
    while graz.work.notified().now_or_never().is_some() || heard.try_recv().is_ok() {}
    let progress = Event { topic: Topic::Runs, id: Some(7) };
    vienna.events.send(progress.topic, progress.id);
    // The last of the first ones may still be on its way.
    while heard.recv().await.unwrap() != progress {}
    let _ = graz.work.notified().now_or_never();
    vienna.events.send(progress.topic, progress.id);
    assert_eq!(heard.recv().await.unwrap(), progress);
    assert!(graz.work.notified().now_or_never().is_none(), "how far a run is wakes no worker");
    while own.try_recv().is_ok() {}
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(own.try_recv().is_err(), "nobody hears an echo of what they said");
}
