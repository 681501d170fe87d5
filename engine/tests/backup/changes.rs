use std::time::Duration;

use etiqa_engine::schedule::jobs;
use etiqa_engine::schedule::worker::work_on_one;
use etiqa_engine::store::job::{Taker, job_claim, job_drop_key};
use etiqa_engine::time::now;
use etiqa_engine::{changes, pause};
use etiqa_model::job::{JobRow, JobState};
use etiqa_model::user::Role;

use crate::common::world::World;

/// A world whose webhook is on, and the name of its only device.
async fn world() -> (World, etiqa_simulator::SimulatedDevice, etiqa_model::DeviceId, Vec<String>) {
    let world = World::new().await;
    world.set(|settings| settings.change_webhook = true).await;
    let (simulated, id) = world.add_ios().await;
    let name = world.device(id).await.hostname;
    (world, simulated, id, vec![name])
}

async fn queued(world: &World) -> Vec<JobRow> {
    jobs::list(&world.engine).await.unwrap()
}

#[tokio::test]
async fn a_device_that_goes_on_telling_waits_until_it_is_quiet_but_not_for_ever() {
    let (world, _simulated, id, names) = world().await;
    changes::report(&world.engine, &Role::Operator.into(), &names).await.unwrap();
    let first = queued(&world).await;
    assert_eq!(first[0].title, format!("Collect device {id}, which told of a change"));
    assert_eq!(first[0].due_at.since(first[0].created_at), Duration::from_secs(30));

    tokio::time::sleep(Duration::from_millis(20)).await;
    changes::report(&world.engine, &Role::Operator.into(), &names).await.unwrap();
    let second = queued(&world).await;
    assert_eq!(second.len(), 1, "one job for however many messages");
    assert!(second[0].due_at > first[0].due_at && second[0].created_at == first[0].created_at);

    let mut tx = world.engine.db.write().await.unwrap();
    sqlx::query("UPDATE job SET created_at = created_at - 290000").execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    changes::report(&world.engine, &Role::Operator.into(), &names).await.unwrap();
    assert_eq!(queued(&world).await[0].due_at, second[0].due_at, "it has waited for long enough");
}

#[tokio::test]
async fn what_is_told_once_a_collection_has_begun_is_for_the_next_one() {
    let (world, _simulated, _, names) = world().await;
    let engine = &world.engine;
    engine.changes.set_quiet(Duration::ZERO);
    changes::report(engine, &Role::Operator.into(), &names).await.unwrap();
    let by = Taker { owner: "a worker", folders: [engine.dir.id(); 2], site: None, takes: &["change"] };
    let until = now().plus(Duration::from_mins(1));
    let job = job_claim(&engine.db, by, now(), until).await.unwrap().unwrap();
    changes::report(engine, &Role::Operator.into(), &names).await.unwrap();
    assert_eq!(queued(&world).await.len(), 1, "claimed, and yet to begin: it will see this one too");

    job_drop_key(&engine.db, job.id).await.unwrap();
    for _ in 0..3 {
        changes::report(engine, &Role::Operator.into(), &names).await.unwrap();
    }
    let states: Vec<_> = queued(&world).await.into_iter().map(|job| job.state).collect();
    assert_eq!(states, [JobState::Running, JobState::Waiting]);
}

#[tokio::test]
async fn a_changed_device_is_collected_outside_of_any_run_and_waits_while_schedules_are_paused() {
    let (world, simulated, id, names) = world().await;
    let engine = &world.engine;
    engine.changes.set_quiet(Duration::ZERO);
    changes::report(engine, &Role::Operator.into(), &names).await.unwrap();
    let job = queued(&world).await[0].id;

    pause::pause(engine, "ada").await.unwrap();
    work_on_one(engine, job).await.unwrap();
    let waiting = queued(&world).await;
    assert_eq!((waiting[0].state, waiting[0].attempts), (JobState::Waiting, 0));
    assert_eq!(simulated.sessions_total(), 0);

    pause::unpause(engine, "ada").await.unwrap();
    work_on_one(engine, job).await.unwrap();
    assert!(queued(&world).await.is_empty());
    assert!(world.device(id).await.last_result.unwrap().class.is_good());
}

#[tokio::test]
async fn a_device_that_tells_of_changes_that_are_none_is_collected_less_often() {
    let (world, _simulated, _, names) = world().await;
    let engine = &world.engine;
    engine.changes.set_quiet(Duration::ZERO);
    // The first one brings its text.
    for _ in 0..4 {
        changes::report(engine, &Role::Operator.into(), &names).await.unwrap();
        let job = queued(&world).await.remove(0);
        assert!(job.due_at.since(now()) < Duration::from_mins(1));
        work_on_one(engine, job.id).await.unwrap();
        assert!(queued(&world).await.is_empty());
    }
    changes::report(engine, &Role::Operator.into(), &names).await.unwrap();
    let due_at = queued(&world).await[0].due_at;
    assert!(due_at.since(now()) > Duration::from_mins(4), "it may tell of the program's own sessions");
}
