use std::time::Duration;

use etiqa_engine::backup::{config, promise, start};
use etiqa_engine::inventory;
use etiqa_engine::overview::overview_at;
use etiqa_engine::schedule::{Work, due, enqueue};
use etiqa_engine::time::now;
use etiqa_model::Timestamp;
use etiqa_model::backup::BackupConfigInput;
use etiqa_model::device::{DeviceFilter, DeviceOrder, DeviceState};
use etiqa_model::overview::{HandGroup, Overview, Reason};
use etiqa_model::page::Page;
use etiqa_model::run::Trigger;
use etiqa_model::user::Role;

use crate::common::world::World;

async fn overview(world: &World, at: Timestamp) -> Overview {
    overview_at(&world.engine, Role::Viewer, at).await.unwrap()
}

fn reasons(overview: &Overview) -> Vec<(Reason, u64)> {
    overview.needs_hand.iter().map(|HandGroup { reason, count, .. }| (*reason, *count)).collect()
}

#[tokio::test]
async fn a_device_is_overdue_an_hour_after_a_backup_that_did_not_come() {
    let world = World::new().await;
    let (_device, id) = world.add_ios().await;
    // Half a day away, whenever this is.
    let hour = (now().millis() / 3_600_000 + 12) % 24;
    let change = |input: &mut BackupConfigInput| {
        input.time_zone = "UTC".into();
        input.at = format!("{hour:02}:00");
    };
    let config = world.add_config(change).await;
    let found = overview(&world, now()).await;
    assert_eq!(
        (found.devices.covered, found.devices.never, reasons(&found)),
        (0, 1, vec![(Reason::NeverBackedUp, 1)])
    );

    world.collect(id).await;
    let due = config::detail(&world.engine, config).await.unwrap().next_times[0];
    let (early, late) = (due.plus(Duration::from_mins(59)), due.plus(Duration::from_hours(1)));
    let found = overview(&world, early).await;
    assert_eq!((found.devices.covered, reasons(&found)), (1, vec![]));
    let found = overview(&world, late).await;
    assert_eq!((found.devices.covered, reasons(&found)), (0, vec![(Reason::Overdue, 1)]));
    assert_eq!(found.needs_hand[0].devices[0].id, id);

    inventory::set_enabled(&world.engine, id, false).await.unwrap();
    let found = overview(&world, late).await;
    assert_eq!((found.devices.total, found.devices.disabled, reasons(&found)), (0, 1, vec![]));
}

#[tokio::test]
async fn a_device_whose_backup_was_disabled_is_in_none() {
    let world = World::new().await;
    let (_device, id) = world.add_ios().await;
    world.collect(id).await;
    let config = world.add_config(|_| {}).await;
    assert_eq!(reasons(&overview(&world, now()).await), []);
    config::set_enabled(&world.engine, config, false).await.unwrap();
    let found = overview(&world, now()).await;
    assert_eq!((found.devices.covered, reasons(&found)), (0, vec![(Reason::NoBackup, 1)]));
    let filter = DeviceFilter { state: Some(DeviceState::NoBackup), ..DeviceFilter::default() };
    let listed =
        inventory::list(&world.engine, &filter, DeviceOrder::default(), Page::default()).await.unwrap();
    let shown: Vec<_> = listed.rows.into_iter().map(|device| (device.id, device.lapse)).collect();
    assert_eq!(shown, [(id, Some(Reason::NoBackup))]);
    let detail = inventory::detail(&world.engine, id).await.unwrap();
    assert_eq!(detail.device.lapse, Some(Reason::NoBackup));
}

#[tokio::test]
async fn a_run_that_still_goes_on_is_waited_for() {
    let world = World::new().await;
    let config = world.add_config(|input| input.time_zone = "UTC".into()).await;
    let since = async |at| promise::now_promised(&world.engine, at).await.unwrap()[0].since;
    let at = now();
    let before = since(at).await;
    start::start(&world.engine, config, Trigger::Schedule).await.unwrap();
    let schedule = config::detail(&world.engine, config).await.unwrap().row.config.schedule;
    let fulfilled = due::last_at(&schedule, "daily", at).unwrap();
    assert!(since(at).await < fulfilled && before <= fulfilled);
}

#[tokio::test]
async fn what_somebody_asked_for_is_shown_as_on_its_way() {
    let world = World::new().await;
    let (_device, id) = world.add_ios().await;
    let is_collecting = async || overview(&world, now()).await.needs_hand[0].devices[0].collecting;
    assert!(!is_collecting().await);
    enqueue(&world.engine, &Work::Collect { devices: vec![id] }).await.unwrap();
    assert!(is_collecting().await);
}
