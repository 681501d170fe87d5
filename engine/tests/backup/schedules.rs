use std::time::Duration;

use etiqa_engine::backup::{config, execute_run, find_run, run_history, start};
use etiqa_engine::pause;
use etiqa_engine::schedule::tick::{reap, tick};
use etiqa_engine::schedule::worker::work_on_one;
use etiqa_engine::schedule::{Work, enqueue, jobs};
use etiqa_engine::store::job::{Taker, job_claim, job_finish, job_state};
use etiqa_engine::store::run_note::run_note_list;
use etiqa_engine::store::run_write::run_claim;
use etiqa_engine::time::now;
use etiqa_model::backup::ConfigState;
use etiqa_model::history::RunFilter;
use etiqa_model::job::JobState;
use etiqa_model::run::{Run, RunStatus, Trigger};
use etiqa_model::user::Role;
use etiqa_model::{BackupConfigId, JobId};

use crate::common::world::World;

const DAY: Duration = Duration::from_hours(24);

/// The runs of a backup config, newest first.
async fn runs_of(world: &World, id: BackupConfigId) -> Vec<Run> {
    let filter = RunFilter { config: Some(id), ..RunFilter::default() };
    run_history(&world.engine, &Role::Admin.into(), &filter, None, "UTC").await.unwrap().rows
}

#[tokio::test]
async fn a_missed_time_fires_once_however_long_the_program_was_down() {
    let world = World::new().await;
    let id = world.add_config(|input| input.kind = "data".into()).await;
    assert!(tick(&world.engine, now()).await.unwrap() > Some(now()));
    assert!(runs_of(&world, id).await.is_empty(), "not due yet");

    let later = now().plus(DAY * 10);
    let next = tick(&world.engine, later).await.unwrap().unwrap();
    assert!(next > later && next <= later.plus(DAY), "the next time is counted from now");
    tick(&world.engine, later).await.unwrap();
    let runs = runs_of(&world, id).await;
    assert_eq!(runs.len(), 1);
    assert_eq!((runs[0].trigger, runs[0].status), (Trigger::Schedule, RunStatus::Pending));
    execute_run(&world.engine, runs[0].id).await.unwrap();
    assert_eq!(find_run(&world.engine, runs[0].id).await.unwrap().status, RunStatus::Completed);
}

#[tokio::test]
async fn a_clock_that_is_set_back_leaves_nothing_waiting_for_the_time_that_it_showed() {
    let world = World::new().await;
    let id = world.add_config(|input| input.kind = "data".into()).await;
    tick(&world.engine, now().plus(DAY * 3_650)).await.unwrap();
    let run = runs_of(&world, id).await[0].id;
    let claim = async || {
        let until = now().plus(Duration::from_mins(1));
        let by =
            Taker { owner: "a worker", folders: [world.engine.dir.id(); 2], site: None, takes: &["run"] };
        job_claim(&world.engine.db, by, now(), until).await.unwrap()
    };
    assert_eq!(claim().await, None, "it was queued for a day ten years ahead");

    let next = tick(&world.engine, now()).await.unwrap().unwrap();
    assert!(next <= now().plus(DAY), "the next time is counted by the clock as it is now");
    assert!(claim().await.is_some(), "what was queued is due");
    execute_run(&world.engine, run).await.unwrap();
    assert_eq!(find_run(&world.engine, run).await.unwrap().status, RunStatus::Completed);
}

#[tokio::test]
async fn a_machine_whose_clock_is_a_little_behind_fires_nothing_again() {
    let world = World::new().await;
    let id = world.add_config(|input| input.kind = "data".into()).await;
    let due = tick(&world.engine, now()).await.unwrap().unwrap();
    let next = tick(&world.engine, due.plus(Duration::from_secs(5))).await.unwrap();
    let behind = due.minus(Duration::from_mins(3));
    assert_eq!(tick(&world.engine, behind).await.unwrap(), next);
    assert_eq!(tick(&world.engine, due.plus(Duration::from_secs(30))).await.unwrap(), next);
    assert_eq!(runs_of(&world, id).await.len(), 1);
}

#[tokio::test]
async fn a_config_that_still_runs_is_not_started_again() {
    let world = World::new().await;
    let id = world.add_config(|input| input.kind = "data".into()).await;
    let live = start::start(&world.engine, id, Trigger::Manual).await.unwrap();
    tick(&world.engine, now().plus(DAY * 2)).await.unwrap();
    let runs = runs_of(&world, id).await;
    assert_eq!(runs.iter().map(|run| run.id).collect::<Vec<_>>(), [live.run]);
    assert!(start::start(&world.engine, id, Trigger::Manual).await.is_err());
}

#[tokio::test]
async fn a_disabled_config_never_fires_and_an_enabled_one_starts_from_now() {
    let world = World::new().await;
    let id = world.add_config(|input| input.kind = "data".into()).await;
    config::set_enabled(&world.engine, id, false).await.unwrap();
    assert_eq!(tick(&world.engine, now().plus(DAY * 10)).await.unwrap(), None);
    assert_eq!(
        config::detail(&world.engine, &Role::Admin.into(), id).await.unwrap().row.state,
        ConfigState::Disabled
    );
    config::set_enabled(&world.engine, id, true).await.unwrap();
    tick(&world.engine, now()).await.unwrap();
    assert!(runs_of(&world, id).await.is_empty());
}

#[tokio::test]
async fn an_interrupted_run_is_failed_and_queued_again_once() {
    let world = World::new().await;
    let id = world.add_config(|input| input.kind = "data".into()).await;
    let first = start::start(&world.engine, id, Trigger::Schedule).await.unwrap().run;
    let claim = async |run| {
        let at = now();
        assert!(
            run_claim(&world.engine.db, run, "server-gone", at, at.plus(Duration::from_secs(30)))
                .await
                .unwrap()
        );
    };
    claim(first).await;
    reap(&world.engine, now()).await.unwrap();
    assert_eq!(
        find_run(&world.engine, first).await.unwrap().status,
        RunStatus::Running,
        "its lease is not over"
    );

    let later = now().plus(Duration::from_mins(1));
    reap(&world.engine, later).await.unwrap();
    reap(&world.engine, later).await.unwrap();
    let runs = runs_of(&world, id).await;
    assert_eq!(runs.len(), 2);
    assert_eq!((runs[0].trigger, runs[0].status), (Trigger::Retry, RunStatus::Pending));
    assert_eq!(runs[1].status, RunStatus::Failed);
    assert!(runs[1].error.as_ref().unwrap().starts_with("Interrupted"));

    claim(runs[0].id).await;
    reap(&world.engine, later.plus(Duration::from_mins(1))).await.unwrap();
    assert_eq!(runs_of(&world, id).await.len(), 2, "a retry is not tried again");
}

#[tokio::test]
async fn a_config_is_due_when_late_and_failing_when_its_last_run_failed() {
    let world = World::new().await;
    let id = world.add_config(|_| {}).await;
    let state = async || config::detail(&world.engine, &Role::Admin.into(), id).await.unwrap().row.state;
    assert_eq!(state().await, ConfigState::NeverRun);
    world.run(id).await;
    assert_eq!(state().await, ConfigState::Failing);
    let mut tx = world.engine.db.write().await.unwrap();
    let late = now().minus(Duration::from_secs(301)).millis();
    sqlx::query("UPDATE backup_config SET next_run_at = $1").bind(late).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(state().await, ConfigState::Due);
    start::start(&world.engine, id, Trigger::Manual).await.unwrap();
    assert_eq!(state().await, ConfigState::Running);
}

#[tokio::test]
async fn an_impossible_schedule_is_refused_with_the_field_that_is_wrong() {
    let world = World::new().await;
    let refused = async |change: &dyn Fn(&mut etiqa_model::backup::BackupConfigInput)| {
        let mut input = etiqa_model::backup::BackupConfigInput { name: "x".into(), ..Default::default() };
        change(&mut input);
        config::save(&world.engine, None, &input).await.unwrap_err().into_user_error().fields[0].field.clone()
    };
    assert_eq!(refused(&|input| input.at = "25:00".into()).await, "at");
    assert_eq!(refused(&|input| input.time_zone = "Europe/Wien".into()).await, "time_zone");
    let cron = |input: &mut etiqa_model::backup::BackupConfigInput, expression: &str| {
        input.frequency = "cron".into();
        input.cron = expression.into();
    };
    assert_eq!(refused(&|input| cron(input, "61 * * * *")).await, "cron");
    assert_eq!(refused(&|input| cron(input, "0 0 31 2 *")).await, "cron", "31 February never comes");
    assert_eq!(refused(&|input| input.max_backups = "0".into()).await, "max_backups");
}

#[tokio::test]
async fn a_run_that_was_cancelled_when_its_process_died_is_not_queued_again() {
    let world = World::new().await;
    let id = world.add_config(|input| input.kind = "data".into()).await;
    let run = start::start(&world.engine, id, Trigger::Schedule).await.unwrap().run;
    assert!(run_claim(&world.engine.db, run, "server-gone", now(), now()).await.unwrap());
    start::cancel(&world.engine, run).await.unwrap();
    reap(&world.engine, now().plus(Duration::from_mins(1))).await.unwrap();
    let runs = runs_of(&world, id).await;
    assert_eq!(runs.iter().map(|run| run.status).collect::<Vec<_>>(), [RunStatus::Cancelled]);
}

#[tokio::test]
async fn a_time_that_comes_while_a_run_goes_on_is_skipped_and_noted_with_that_run() {
    let world = World::new().await;
    let id = world.add_config(|input| input.kind = "data".into()).await;
    let live = start::start(&world.engine, id, Trigger::Manual).await.unwrap().run;
    tick(&world.engine, now().plus(DAY * 2)).await.unwrap();
    assert_eq!(runs_of(&world, id).await.len(), 1);
    let notes = run_note_list(&world.engine.db, live, 10).await.unwrap();
    assert_eq!(notes.len(), 1);
    assert!(notes[0].note.starts_with("It was due again at 2"), "{notes:?}");
    assert!(notes[0].note.ends_with("while this run went on; that time was skipped."), "{notes:?}");
}

#[tokio::test]
async fn while_all_schedules_are_paused_nothing_is_due_and_what_was_missed_runs_once_afterwards() {
    let world = World::new().await;
    let id = world.add_config(|input| input.kind = "data".into()).await;
    pause::pause(&world.engine, "ada").await.unwrap();
    pause::pause(&world.engine, "bob").await.unwrap();
    let paused = pause::schedule_pause(&world.engine).await.unwrap().unwrap();
    assert_eq!(paused.by.as_deref(), Some("ada"), "the first who paused them");
    assert_eq!(tick(&world.engine, now().plus(DAY * 3)).await.unwrap(), None);
    assert!(runs_of(&world, id).await.is_empty());
    assert!(world.run(id).await.is_good(), "by hand it runs all the same");

    pause::unpause(&world.engine, "bob").await.unwrap();
    tick(&world.engine, now().plus(DAY * 3)).await.unwrap();
    let runs = runs_of(&world, id).await;
    assert_eq!(runs.iter().filter(|run| run.trigger == Trigger::Schedule).count(), 1);
}

#[tokio::test]
async fn backups_with_jitter_begin_at_minutes_of_their_own() {
    let world = World::new().await;
    let mut times = Vec::new();
    for name in ["One", "Two", "Three", "Four"] {
        let id = world
            .add_config(|input| {
                input.name = name.into();
                input.kind = "data".into();
                input.jitter_minutes = "120".into();
            })
            .await;
        times.push(config::detail(&world.engine, &Role::Admin.into(), id).await.unwrap().next_times[0]);
    }
    times.sort();
    times.dedup();
    assert_eq!(times.len(), 4, "{times:?}");
}

#[tokio::test]
async fn a_job_that_was_given_up_is_shown_with_its_reason_and_can_be_tried_again_or_forgotten() {
    let world = World::new().await;
    let engine = &world.engine;
    let job = enqueue(engine, &Work::Collect { devices: Vec::new() }).await.unwrap();
    let by = Taker { owner: "a worker", folders: [engine.dir.id(); 2], site: None, takes: &["collect"] };
    job_claim(&engine.db, by, now(), now().plus(Duration::from_mins(1))).await.unwrap().unwrap();
    let state = async || jobs::list(engine).await.unwrap().into_iter().map(|job| job.state).next();
    assert_eq!(state().await, Some(JobState::Running));
    assert!(jobs::retry(engine, job).await.is_err(), "somebody has it");
    job_finish(&engine.db, job, "a worker", Some("It broke."), now()).await.unwrap();
    let listed = jobs::list(engine).await.unwrap().remove(0);
    assert_eq!((listed.state, listed.error.as_deref()), (JobState::Dead, Some("It broke.")));
    assert_eq!(listed.title, "Collect 0 devices");

    jobs::retry(engine, job).await.unwrap();
    assert_eq!(state().await, Some(JobState::Waiting));
    assert!(jobs::forget(engine, job).await.is_err(), "it is to be done");
    work_on_one(engine, job).await.unwrap();
    assert_eq!(state().await, None, "what is done is not shown");
}

/// Takes the one job of a kind for a worker that is gone at once.
async fn claim_and_vanish(world: &World, kind: &str) -> JobId {
    let by = Taker { owner: "gone", folders: [world.engine.dir.id(); 2], site: None, takes: &[kind] };
    job_claim(&world.engine.db, by, now(), now()).await.unwrap().unwrap().id
}

#[tokio::test]
async fn an_archive_whose_check_was_given_up_is_checked_when_it_is_due_again() {
    let world = World::new().await;
    let config = world.add_config(|input| input.kind = "data".into()).await;
    let check = Work::Verify { run: world.run(config).await.id };
    let given_up = enqueue(&world.engine, &check).await.unwrap();
    assert_eq!(claim_and_vanish(&world, "verify").await, given_up);
    job_finish(&world.engine.db, given_up, "gone", Some("The share did not answer."), now()).await.unwrap();

    let again = enqueue(&world.engine, &check).await.unwrap();
    work_on_one(&world.engine, again).await.unwrap();
    let state = job_state(&world.engine.db, again).await.unwrap().unwrap();
    assert!(state.finished_at.is_some() && !state.dead, "{state:?}");
}

#[tokio::test]
async fn what_ended_the_program_again_and_again_is_given_up_and_says_so() {
    let world = World::new().await;
    let config = world.add_config(|input| input.kind = "data".into()).await;
    let check = Work::Verify { run: world.run(config).await.id };
    let job = enqueue(&world.engine, &check).await.unwrap();
    for _ in 0..5 {
        claim_and_vanish(&world, "verify").await;
    }
    work_on_one(&world.engine, job).await.unwrap();
    let state = job_state(&world.engine.db, job).await.unwrap().unwrap();
    let said = state.error.unwrap();
    assert!(state.dead && said.starts_with("The program ended 5 times while it worked on this."), "{said}");
}
