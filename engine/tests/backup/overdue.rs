use std::time::Duration;

use etiqa_engine::backup::{config, promise, start};
use etiqa_engine::inventory;
use etiqa_engine::overview::overview_at;
use etiqa_engine::schedule::{Work, due, enqueue};
use etiqa_engine::store::promise::promise_begin_in_txn;
use etiqa_engine::time::now;
use etiqa_model::backup::BackupConfigInput;
use etiqa_model::device::{DeviceFilter, DeviceOrder, DeviceState};
use etiqa_model::overview::{HandGroup, Overview, Reason};
use etiqa_model::page::Page;
use etiqa_model::run::Trigger;
use etiqa_model::schedule::Schedule;
use etiqa_model::user::Role;
use etiqa_model::{BackupConfigId, DeviceId, Timestamp};

use crate::common::world::World;

const AN_HOUR: Duration = Duration::from_hours(1);
const A_YEAR: Duration = Duration::from_hours(365 * 24);

async fn overview(world: &World, at: Timestamp) -> Overview {
    overview_at(&world.engine, &Role::Viewer.into(), at).await.unwrap()
}

fn reasons(overview: &Overview) -> Vec<(Reason, u64)> {
    overview.needs_hand.iter().map(|HandGroup { reason, count, .. }| (*reason, *count)).collect()
}

/// The device was added long ago, and its last good text is of then.
async fn was_good_at(world: &World, id: DeviceId, at: Timestamp) {
    let mut tx = world.engine.db.write().await.unwrap();
    sqlx::query("UPDATE device SET last_good_at = $2, promised_from = 0 WHERE id = $1")
        .bind(id.0)
        .bind(at.millis())
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

/// The backup config was made long ago.
async fn was_always_there(world: &World, config: BackupConfigId) {
    let mut tx = world.engine.db.write().await.unwrap();
    promise_begin_in_txn(&mut tx, config, None, Timestamp(0)).await.unwrap();
    tx.commit().await.unwrap();
}

async fn schedule(world: &World, config: BackupConfigId) -> Schedule {
    config::detail(&world.engine, &Role::Admin.into(), config).await.unwrap().row.config.schedule
}

/// When what the backup is due for next is promised.
async fn next_promised(world: &World, config: BackupConfigId) -> Timestamp {
    config::detail(&world.engine, &Role::Admin.into(), config).await.unwrap().next_times[0].plus(AN_HOUR)
}

async fn edit(world: &World, config: BackupConfigId, change: impl FnOnce(&mut BackupConfigInput)) {
    let mut input =
        config::detail(&world.engine, &Role::Admin.into(), config).await.unwrap().row.config.to_input();
    change(&mut input);
    config::save(&world.engine, Some(config), &input).await.unwrap();
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
    let due = config::detail(&world.engine, &Role::Admin.into(), config).await.unwrap().next_times[0];
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
    let listed = inventory::list(
        &world.engine,
        &Role::Viewer.into(),
        &filter,
        DeviceOrder::default(),
        Page::default(),
    )
    .await
    .unwrap();
    let shown: Vec<_> = listed.rows.into_iter().map(|device| (device.id, device.lapse)).collect();
    assert_eq!(shown, [(id, Some(Reason::NoBackup))]);
    let detail = inventory::detail(&world.engine, id).await.unwrap();
    assert_eq!(detail.device.lapse, Some(Reason::NoBackup));
}

#[tokio::test]
async fn a_backup_that_is_made_or_enabled_today_makes_nothing_overdue_before_it_is_due() {
    let world = World::new().await;
    let (_device, id) = world.add_ios().await;
    world.collect(id).await;
    was_good_at(&world, id, now().minus(A_YEAR)).await;
    let config = world.add_config(|input| input.frequency = "hourly".into()).await;
    for _ in 0..2 {
        let found = overview(&world, now()).await;
        assert_eq!((found.devices.covered, reasons(&found)), (1, vec![]));
        let late = next_promised(&world, config).await;
        assert_eq!(reasons(&overview(&world, late).await), [(Reason::Overdue, 1)]);
        was_always_there(&world, config).await;
        assert_eq!(reasons(&overview(&world, now()).await), [(Reason::Overdue, 1)]);
        config::set_enabled(&world.engine, config, true).await.unwrap();
        edit(&world, config, |input| input.name = "Other".into()).await;
        assert_eq!(reasons(&overview(&world, now()).await), [(Reason::Overdue, 1)], "it was enabled before");
        config::set_enabled(&world.engine, config, false).await.unwrap();
        config::set_enabled(&world.engine, config, true).await.unwrap();
    }
    was_always_there(&world, config).await;
    edit(&world, config, |input| input.enabled = false).await;
    edit(&world, config, |input| input.enabled = true).await;
    assert_eq!(reasons(&overview(&world, now()).await), []);
}

#[tokio::test]
async fn what_a_schedule_promised_is_promised_until_the_one_that_took_its_place_is_due() {
    let world = World::new().await;
    let (_one, in_time) = world.add_ios().await;
    let (_other, overdue) = world.add_ios().await;
    let config = world.add_config(|input| input.frequency = "monthly".into()).await;
    was_always_there(&world, config).await;
    let due = due::last_at(&schedule(&world, config).await, "daily", now().minus(AN_HOUR)).unwrap();
    for (id, good) in [(in_time, due), (overdue, due.minus(A_YEAR))] {
        world.collect(id).await;
        was_good_at(&world, id, good).await;
    }
    assert_eq!(reasons(&overview(&world, now()).await), [(Reason::Overdue, 1)]);
    edit(&world, config, |input| input.frequency = "hourly".into()).await;
    let found = overview(&world, now()).await;
    assert_eq!((found.devices.covered, reasons(&found)), (1, vec![(Reason::Overdue, 1)]));
    assert_eq!(found.needs_hand[0].devices[0].id, overdue);
    let late = next_promised(&world, config).await;
    assert_eq!(reasons(&overview(&world, late).await), [(Reason::Overdue, 2)]);
}

#[tokio::test]
async fn a_device_that_a_backup_comes_to_cover_is_overdue_once_that_was_due() {
    let world = World::new().await;
    let (_device, id) = world.add_ios().await;
    world.collect(id).await;
    was_good_at(&world, id, now().minus(A_YEAR)).await;
    let hourly = |input: &mut BackupConfigInput| {
        input.frequency = "hourly".into();
        input.devices = "tag:core".into();
    };
    let config = world.add_config(hourly).await;
    was_always_there(&world, config).await;
    assert_eq!(reasons(&overview(&world, now()).await), [(Reason::NoBackup, 1)]);
    edit(&world, config, |input| input.devices = "all".into()).await;
    assert_eq!(reasons(&overview(&world, now()).await), []);
    let late = next_promised(&world, config).await;
    assert_eq!(reasons(&overview(&world, late).await), [(Reason::Overdue, 1)]);
}

#[tokio::test]
async fn a_device_that_was_never_collected_stays_one_whatever_is_promised() {
    let world = World::new().await;
    world.add_ios().await;
    let config = world.add_config(|_| {}).await;
    for at in [now(), next_promised(&world, config).await] {
        let found = overview(&world, at).await;
        assert_eq!((found.devices.covered, reasons(&found)), (0, vec![(Reason::NeverBackedUp, 1)]));
    }
}

#[tokio::test]
async fn a_run_that_still_goes_on_is_waited_for() {
    let world = World::new().await;
    let config = world.add_config(|input| input.time_zone = "UTC".into()).await;
    was_always_there(&world, config).await;
    let since = async |at| promise::now_promised(&world.engine, at).await.unwrap()[0].since;
    let schedule =
        config::detail(&world.engine, &Role::Admin.into(), config).await.unwrap().row.config.schedule;
    // An hour after it what was due before now counts, if no more is due until then.
    let began = now();
    let fulfilled = due::last_at(&schedule, "daily", began).unwrap();
    let before = due::last_at(&schedule, "daily", fulfilled.minus(Duration::from_millis(1))).unwrap();
    let later = fulfilled.plus(Duration::from_hours(1));
    let taken_over = Duration::from_mins(1);
    assert_eq!(since(later).await, fulfilled.minus(taken_over));
    start::start(&world.engine, config, Trigger::Schedule).await.unwrap();
    assert_eq!(since(later).await, before.minus(taken_over));
    let too_long = began.plus(Duration::from_hours(48));
    let next = due::last_at(&schedule, "daily", too_long.minus(Duration::from_hours(1))).unwrap();
    assert_eq!(since(too_long).await, next.minus(taken_over), "it holds up nothing for ever");
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
