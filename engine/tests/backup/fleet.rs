//! Many devices at once: what goes wrong with one stays with that one.

use std::time::Duration;

use etiqa_engine::fleet::credential_save;
use etiqa_engine::inventory;
use etiqa_engine::store::lease::device_lease_is_taken;
use etiqa_engine::time::now;
use etiqa_model::class::Class;
use etiqa_model::credential::CredentialInput;
use etiqa_model::run::RunStatus;
use etiqa_model::{DeviceId, Secret};
use etiqa_simulator::{DeviceSpec, Faults, Personality};
use sqlx::Row;

use crate::common::world::World;

/// A switch that stops answering in mid-session.
fn hung() -> DeviceSpec {
    DeviceSpec::new(Personality::Ios).faults(Faults::hang_after(100))
}

async fn set_limits(world: &World, deadline_seconds: u32, max_sessions: u32) {
    let mut settings = world.engine.settings().await.unwrap();
    settings.device_deadline_seconds = deadline_seconds;
    settings.max_sessions = max_sessions;
    world.engine.save_settings(&settings).await.unwrap();
}

async fn execute(world: &World, sql: &'static str) {
    let mut tx = world.engine.db.write().await.unwrap();
    sqlx::query(sql).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
}

async fn lease_of(world: &World, id: DeviceId) -> Option<(String, i64)> {
    let row = sqlx::query("SELECT owner, expires_at FROM device_lease WHERE device_id = $1")
        .bind(id.0)
        .fetch_optional(world.engine.db.reader())
        .await
        .unwrap();
    row.map(|row| (row.get("owner"), row.get("expires_at")))
}

async fn until(mut look: impl AsyncFnMut() -> bool) {
    while !look().await {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_device_that_is_deleted_while_it_is_collected_costs_the_run_nothing() {
    let world = World::new().await;
    set_limits(&world, 2, 8).await;
    let (simulated, doomed) = world.add(hung()).await;
    let (_healthy, _) = world.add_ios().await;
    let config = world.add_config(|_| {}).await;
    let delete = async {
        until(async || simulated.sessions_open() > 0).await;
        inventory::delete(&world.engine, doomed).await.unwrap();
    };
    let (run, ()) = tokio::join!(world.run(config), delete);
    assert_eq!((run.status, run.devices_ok, run.devices_failed), (RunStatus::Completed, 1, 0), "{run:?}");
}

#[tokio::test]
async fn a_credential_that_cannot_be_opened_fails_its_own_device_and_says_what_to_do() {
    let world = World::new().await;
    let (_broken, broken) = world.add_ios().await;
    let (_healthy, _) = world.add_ios().await;
    let credential = CredentialInput {
        name: "broken".into(),
        username: "admin".into(),
        password: Secret::new("admin"),
        ..CredentialInput::default()
    };
    credential_save(&world.engine, None, credential).await.unwrap();
    let mut input = world.device(broken).await.to_input();
    input.credential = "broken".into();
    inventory::save(&world.engine, Some(broken), &input).await.unwrap();
    execute(&world, "UPDATE credential SET sealed = x'00' WHERE name = 'broken'").await;
    let config = world.add_config(|_| {}).await;
    let run = world.run(config).await;
    assert_eq!((run.status, run.devices_ok, run.devices_failed), (RunStatus::Completed, 1, 1), "{run:?}");
    let result = world.device(broken).await.last_result.unwrap();
    assert_eq!(result.class, Class::AuthFailed);
    assert!(result.message.contains("type its secrets in again"), "{}", result.message);
}

#[tokio::test]
async fn a_stored_text_that_cannot_be_read_is_told_of_and_replaced_by_what_the_device_has_now() {
    let world = World::new().await;
    let (simulated, id) = world.add_ios().await;
    world.collect(id).await;
    execute(&world, "UPDATE config_text SET zstd = x'00'").await;
    simulated.change_config();
    let result = world.collect(id).await;
    assert_eq!(result.class, Class::Ok);
    assert_eq!(result.message, "running: the stored text of version 1 is damaged; it is stored anew.");
    let versions = world.versions(id).await;
    assert_eq!((versions.len(), versions[0].added, versions[0].removed), (2, versions[0].lines, 0));
    assert!(!device_lease_is_taken(&world.engine.db, id, now()).await.unwrap());
}

#[tokio::test]
async fn who_waits_in_vain_for_a_device_leaves_it_to_the_session_that_has_it() {
    let world = World::new().await;
    set_limits(&world, 4, 8).await;
    let (simulated, id) = world.add(hung()).await;
    let waiter = async {
        until(async || simulated.sessions_open() > 0).await;
        set_limits(&world, 1, 8).await;
        let result = world.collect(id).await;
        assert!(result.message.starts_with("Another session"), "{}", result.message);
        assert!(device_lease_is_taken(&world.engine.db, id, now()).await.unwrap(), "the first has it still");
    };
    tokio::join!(world.collect(id), waiter);
    assert_eq!(simulated.sessions_total(), 1);
    assert!(!device_lease_is_taken(&world.engine.db, id, now()).await.unwrap());
}

#[tokio::test]
async fn a_session_that_lost_its_device_stores_nothing_and_takes_nothing_away() {
    let world = World::new().await;
    let slow = DeviceSpec::new(Personality::Ios).latency(Duration::from_millis(100));
    let (simulated, id) = world.add(slow).await;
    let thief = async {
        until(async || simulated.sessions_open() > 0).await;
        execute(&world, "UPDATE device_lease SET owner = 'somebody else'").await;
    };
    let (result, ()) = tokio::join!(world.collect(id), thief);
    assert_eq!(result.class, Class::Timeout, "{}", result.message);
    assert!(world.versions(id).await.is_empty());
    assert_eq!(lease_of(&world, id).await.unwrap().0, "somebody else");
}

#[tokio::test]
async fn a_device_that_waited_long_for_its_slot_is_held_for_a_whole_session() {
    let world = World::new().await;
    set_limits(&world, 2, 1).await;
    let (first, first_id) = world.add(hung()).await;
    let (second, second_id) = world.add(hung()).await;
    let look = async {
        until(async || first.sessions_open() > 0 && lease_of(&world, second_id).await.is_some()).await;
        execute(&world, "UPDATE device_lease SET expires_at = 1").await;
        until(async || second.sessions_open() > 0).await;
        assert!(lease_of(&world, second_id).await.unwrap().1 > now().millis());
    };
    let second = async {
        until(async || first.sessions_open() > 0).await;
        world.collect(second_id).await
    };
    tokio::join!(world.collect(first_id), second, look);
}

#[tokio::test]
async fn a_raised_limit_of_sessions_counts_at_once() {
    let world = World::new().await;
    set_limits(&world, 4, 1).await;
    let (first, first_id) = world.add(hung()).await;
    let (second, second_id) = world.add(hung()).await;
    let raise = async {
        until(async || first.sessions_open() > 0 && lease_of(&world, second_id).await.is_some()).await;
        assert_eq!(second.sessions_open(), 0, "there is one slot");
        set_limits(&world, 4, 2).await;
        until(async || first.sessions_open() > 0 && second.sessions_open() > 0).await;
    };
    let waiting = async {
        until(async || first.sessions_open() > 0).await;
        world.collect(second_id).await
    };
    let all = async { tokio::join!(world.collect(first_id), waiting, raise) };
    tokio::time::timeout(Duration::from_secs(30), all).await.unwrap();
}
