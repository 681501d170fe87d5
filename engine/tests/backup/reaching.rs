//! Getting to devices: what they are, whether they answer, in whose turn, and once more where that helps.

use std::time::Duration;

use etiqa_engine::fleet::{newest_test, test_connection};
use etiqa_engine::inventory;
use etiqa_engine::reachability::look;
use etiqa_engine::store::device_fact::device_fact_fetch;
use etiqa_model::DeviceId;
use etiqa_model::class::Class;
use etiqa_model::device::{DeviceInput, DeviceStatus};
use etiqa_model::run::RunStatus;
use etiqa_simulator::{DeviceSpec, Faults, Personality, SimulatedDevice};

use crate::common::world::World;

async fn change(world: &World, id: DeviceId, change: impl FnOnce(&mut DeviceInput)) {
    let mut input = world.device(id).await.to_input();
    change(&mut input);
    inventory::save(&world.engine, Some(id), &input).await.unwrap();
}

async fn add_unknown(world: &World, personality: Personality) -> (SimulatedDevice, DeviceId) {
    let (device, id) = world.add(DeviceSpec::new(personality)).await;
    change(world, id, |input| input.platform.clear()).await;
    (device, id)
}

#[tokio::test]
async fn a_device_without_a_platform_is_recognised_once_and_remembered() {
    let world = World::new().await;
    let (simulated, id) = add_unknown(&world, Personality::Gaia).await;
    assert_eq!(world.collect(id).await.class, Class::Ok);
    let facts = device_fact_fetch(&world.engine.db, id).await.unwrap();
    assert_eq!(facts.platform.as_deref(), Some("gaia"), "its type is other, whose default is linux");
    assert!(
        facts.model.is_some() && facts.os_version.is_some() && facts.credential_id.is_some(),
        "{facts:?}"
    );
    let sessions = simulated.sessions_total();
    assert_eq!(world.collect(id).await.class, Class::Unchanged);
    assert_eq!(simulated.sessions_total(), sessions + 1, "it was not asked again what it is");
}

#[tokio::test]
async fn a_platform_that_was_guessed_wrong_is_looked_for_again() {
    let world = World::new().await;
    let (_simulated, id) = add_unknown(&world, Personality::Ios).await;
    let mut tx = world.engine.db.write().await.unwrap();
    let guess = etiqa_model::device::DeviceFacts { platform: Some("frr".into()), ..Default::default() };
    etiqa_engine::store::device_fact::device_fact_save_in_txn(&mut tx, id, &guess, etiqa_engine::time::now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert!(!world.collect(id).await.class.is_good());
    assert_eq!(world.collect(id).await.class, Class::Ok);
    let facts = device_fact_fetch(&world.engine.db, id).await.unwrap();
    assert_eq!(facts.platform.as_deref(), Some("ios"));
}

#[tokio::test]
async fn a_device_that_breaks_off_is_tried_again_within_its_run() {
    let world = World::new().await;
    world.set(|settings| settings.retries = 1).await;
    let (simulated, id) = world.add(DeviceSpec::new(Personality::Ios).faults(Faults::drop_after(200))).await;
    let config = world.add_config(|_| {}).await;
    let mend = async {
        while simulated.sessions_total() == 0 || simulated.sessions_open() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        simulated.set_faults(Faults::default());
    };
    let (run, ()) = tokio::join!(world.run(config), mend);
    assert_eq!((run.status, run.devices_ok, run.devices_failed), (RunStatus::Completed, 1, 0), "{run:?}");
    assert_eq!(world.device(id).await.last_result.unwrap().class, Class::Ok);
}

#[tokio::test]
async fn a_wrong_password_is_not_tried_again() {
    let world = World::new().await;
    world.set(|settings| settings.retries = 3).await;
    let (simulated, id) = world.add(DeviceSpec::new(Personality::Ios).faults(Faults::wrong_password())).await;
    let config = world.add_config(|_| {}).await;
    world.run(config).await;
    assert_eq!(world.device(id).await.last_result.unwrap().class, Class::AuthFailed);
    assert_eq!(simulated.sessions_total(), 1);
}

#[tokio::test]
async fn a_full_site_holds_up_no_other_site() {
    let world = World::new().await;
    world
        .set(|settings| {
            settings.max_sessions_per_site = 1;
            settings.device_deadline_seconds = 3;
            settings.retries = 0;
        })
        .await;
    let mut narrow = Vec::new();
    for _ in 0..2 {
        let (simulated, id) =
            world.add(DeviceSpec::new(Personality::Ios).faults(Faults::hang_after(100))).await;
        change(&world, id, |input| input.site = "narrow".into()).await;
        narrow.push(simulated);
    }
    let (_simulated, elsewhere) = world.add_ios().await;
    let config = world.add_config(|_| {}).await;
    let watch = async {
        while world.device(elsewhere).await.last_result.is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        narrow.iter().map(SimulatedDevice::sessions_total).sum::<usize>()
    };
    let (run, begun) = tokio::join!(world.run(config), watch);
    assert!(begun <= 1, "the site's second device waited for its first one");
    assert_eq!((run.devices_ok, run.devices_failed), (1, 2), "{run:?}");
}

#[tokio::test]
async fn devices_that_answer_are_online_and_the_others_offline_since_they_were_last_seen() {
    let world = World::new().await;
    let (_up, up_id) = world.add_ios().await;
    let (down, down_id) = world.add_ios().await;
    look(&world.engine, None).await.unwrap();
    assert_eq!(world.device(up_id).await.status, DeviceStatus::Online);
    drop(down);
    look(&world.engine, None).await.unwrap();
    let gone = world.device(down_id).await;
    assert_eq!(gone.status, DeviceStatus::Offline);
    assert!(gone.last_seen_at.is_some() && gone.status_at >= gone.last_seen_at);
    let unchanged = world.device(up_id).await;
    look(&world.engine, None).await.unwrap();
    assert_eq!(world.device(up_id).await, unchanged);
}

#[tokio::test]
async fn a_connection_test_shows_each_step_and_no_secret() {
    let world = World::new().await;
    let (simulated, id) = world.add_ios().await;
    let watched = std::cell::RefCell::new(Vec::new());
    let device = world.device(id).await;
    let test = test_connection(&world.engine, &device, |step| watched.borrow_mut().push(step.clone()))
        .await
        .unwrap();
    assert_eq!(test.class, Some(Class::Ok), "{test:?}");
    assert_eq!(test.steps, watched.into_inner());
    let told: Vec<&str> = test.steps.iter().map(|step| step.what.as_str()).collect();
    for part in
        ["connecting to 127.0.0.1 port", "host key SHA256:", "the credential sim is taken", "the prompt is "]
    {
        assert!(told.iter().any(|what| what.contains(part)), "{part}: {told:?}");
    }
    assert_eq!(newest_test(&world.engine, id).await.unwrap(), Some(test));
    // It is no collection: nothing was asked for, and nothing counts as backed up.
    assert!(world.device(id).await.last_result.is_none() && world.versions(id).await.is_empty());

    simulated.set_faults(Faults::wrong_password());
    let test = test_connection(&world.engine, &device, |_| {}).await.unwrap();
    assert_eq!(test.class, Some(Class::AuthFailed));
    assert!(test.message.unwrap().contains("refused the credential sim"));
}
