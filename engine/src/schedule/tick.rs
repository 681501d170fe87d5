//! The scheduler: queues what is due, and gives up what nobody works on any more.

use std::sync::Arc;
use std::time::{Duration, Instant};

use etiqa_model::backup::BackupConfig;
use etiqa_model::event::Topic;
use etiqa_model::run::{Run, RunStatus, Trigger};
use etiqa_model::{RunId, Timestamp};

use super::{due, set_back};
use crate::backup::start::{announce, start_in_txn};
use crate::backup::{destinations, sweep};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::inventory_sources;
use crate::machines;
use crate::pause::schedule_pause;
use crate::store::backup_config::{
    backup_config_advance_in_txn, backup_config_fetch, backup_config_list_due, backup_config_next_due,
};
use crate::store::run::{run_fetch_live_in_txn, run_list_abandoned};
use crate::store::run_note::run_note_insert_in_txn;
use crate::store::run_write::run_interrupt_in_txn;
use crate::store::setting::last_tick_save_in_txn;
use crate::time::now;

/// What other processes left or changed is looked for this often.
const REAP_EVERY: Duration = Duration::from_secs(5);

/// Sleeps until something is due, and at least every few minutes looks anyway; until the program stops. What was missed
/// while no scheduler ran waits for `start_delay`, so that the network is up after a start of the machine.
pub async fn scheduler(engine: Arc<Engine>, start_delay: Duration) {
    if matches!(backup_config_next_due(&engine.db).await, Ok(Some(next)) if next <= now()) {
        tokio::select! {
            () = engine.stopping.cancelled() => return,
            () = tokio::time::sleep(start_delay) => {}
        }
    }
    loop {
        engine.health.scheduler.rest();
        tokio::select! {
            () = engine.stopping.cancelled() => return,
            () = engine.lead.taken() => {}
        }
        engine.health.scheduler.again_within(Duration::ZERO);
        let sleep = match tick(&engine, now()).await {
            Ok(next) => until(next, &engine).await,
            Err(error) => {
                tracing::error!(%error, "the scheduler could not look; it tries again in 5 s");
                Duration::from_secs(5)
            }
        };
        engine.health.scheduler.again_within(sleep);
        tokio::select! {
            () = engine.stopping.cancelled() => return,
            () = engine.schedule_changed.notified() => {}
            () = tokio::time::sleep(sleep) => {}
        }
    }
}

/// Gives up runs that nobody works on any more, and notices schedules that another process changed, until the
/// program stops.
pub async fn reaper(engine: Arc<Engine>) {
    loop {
        if let Err(error) = look_around(&engine).await {
            tracing::error!(%error, "what other processes left or changed could not be looked for");
        }
        tokio::select! {
            () = engine.stopping.cancelled() => return,
            () = tokio::time::sleep(REAP_EVERY) => {}
        }
    }
}

async fn look_around(engine: &Engine) -> Result<()> {
    let at = now();
    unless_lost("abandoned runs could not be given up", reap(engine, at).await)?;
    unless_lost("what deserted sites left could not be released", machines::release_deserted(engine).await)?;
    unless_lost("schedules could not be looked at", wake_scheduler(engine, at).await)?;
    unless_lost(
        "what is due at destinations could not be queued",
        destinations::queue_due(engine, at).await,
    )?;
    unless_lost("due inventory sources could not be queued", inventory_sources::queue_due(engine, at).await)
}

/// What is wrong with one thing is said and holds up nothing else; without a database nothing else can be done either.
fn unless_lost(what: &str, done: Result<()>) -> Result<()> {
    match done {
        Err(error) if !error.is_lost_database() => {
            tracing::error!(%error, "{what}; it is tried again in a few seconds");
            Ok(())
        }
        done => done,
    }
}

/// Tells the scheduler of a time that came due because another process changed a schedule, of which nobody tells.
async fn wake_scheduler(engine: &Engine, at: Timestamp) -> Result<()> {
    if backup_config_next_due(&engine.db).await?.is_some_and(|next| next <= at)
        && schedule_pause(engine).await?.is_none()
    {
        engine.schedule_changed.notify_one();
    }
    Ok(())
}

/// Looks once: queues every run whose time has come, each once however late it is. Gives the next due time.
pub async fn tick(engine: &Engine, at: Timestamp) -> Result<Option<Timestamp>> {
    let began = Instant::now();
    set_back::catch_up(engine, at).await?;
    let pause = schedule_pause(engine).await?;
    let due = if pause.is_some() { Vec::new() } else { backup_config_list_due(&engine.db, at).await? };
    let (looked_at, mut queued_runs) = (due.len(), 0_u32);
    for config in due {
        let next = due::next_after(&config.schedule, &config.slug, at);
        let mut tx = engine.db.write().await?;
        if !backup_config_advance_in_txn(&mut tx, config.id, config.next_run_at, next).await? {
            continue;
        }
        if let Some(run) = run_fetch_live_in_txn(&mut tx, config.id).await? {
            tracing::warn!(
                backup_config = %config.name, run = %run.id,
                "{} is due, but its run {} still goes on: this time is skipped", config.name, run.id
            );
            let due = config.next_run_at.map_or_else(String::new, |due| words_of(due, &config));
            let note = format!("It was due again{due} while this run went on; that time was skipped.");
            run_note_insert_in_txn(&mut tx, run.id, &note, at).await?;
            tx.commit().await?;
            engine.events.send(Topic::Runs, run.id.0);
            continue;
        }
        let queued = match start_in_txn(&mut tx, &config, Trigger::Schedule, None, at).await {
            Ok(queued) => queued,
            // PostgreSQL: somebody started it between our look and our write. That is this time's run.
            Err(Error::Db(error)) if error.is_unique_violation() => {
                tx.rollback().await?;
                continue;
            }
            Err(error) => return Err(error),
        };
        tx.commit().await?;
        tracing::info!(backup_config = %config.name, run = %queued.run, "queued run {} of {}", queued.run, config.name);
        announce(engine, queued);
        engine.events.send(Topic::BackupConfigs, config.id.0);
        queued_runs += 1;
    }
    let mut tx = engine.db.write().await?;
    last_tick_save_in_txn(&mut tx, at).await?;
    tx.commit().await?;
    // Who is paused waits for the word to go on, not for a time.
    let next = if pause.is_some() { None } else { backup_config_next_due(&engine.db).await? };
    tracing::debug!(
        duration_us = began.elapsed().as_micros(),
        due = looked_at,
        queued = queued_runs,
        "the scheduler looked"
    );
    Ok(next)
}

/// " at 2026-11-23 02:00, Europe/Vienna": as the schedule's own clock shows it.
fn words_of(due: Timestamp, config: &BackupConfig) -> String {
    let zone = due::zone_or_utc(&config.schedule.time_zone);
    format!(" at {}, {}", due.to_utc().with_timezone(&zone).format("%Y-%m-%d %H:%M"), zone.name())
}

/// Ends runs whose lease is over, queues each again, once, and removes the files that ended runs left.
pub async fn reap(engine: &Engine, at: Timestamp) -> Result<()> {
    for (run, retry_of) in run_list_abandoned(&engine.db, at).await? {
        let what = format!("run {} of {} could not be given up", run.id, run.name);
        unless_lost(&what, give_up(engine, &run, retry_of, at).await)?;
    }
    sweep(engine).await
}

async fn give_up(engine: &Engine, run: &Run, retry_of: Option<RunId>, at: Timestamp) -> Result<()> {
    let config = match run.backup_config_id {
        // A retry that was interrupted as well is not tried a third time.
        Some(id) if retry_of.is_none() => backup_config_fetch(&engine.db, id).await?,
        _ => None,
    };
    let mut tx = engine.db.write().await?;
    let Some(status) = run_interrupt_in_txn(&mut tx, run.id, at).await? else { return Ok(()) };
    let queued = match &config {
        // Who asked it to stop does not want it again.
        Some(config) if status == RunStatus::Failed => {
            Some(start_in_txn(&mut tx, config, Trigger::Retry, Some(run.id), at).await?)
        }
        _ => None,
    };
    tx.commit().await?;
    engine.meters.run_ended(run.backup_config_id, status, None, 0);
    let _ = tokio::fs::remove_file(crate::backup::part_file(engine, run.id)).await;
    tracing::warn!(
        run = %run.id, status = status.as_str(), queued_again = queued.is_some(),
        "run {} of {} was interrupted", run.id, run.name
    );
    engine.events.send(Topic::Runs, run.id.0);
    if let Some(queued) = queued {
        announce(engine, queued);
    }
    Ok(())
}

async fn until(next: Option<Timestamp>, engine: &Engine) -> Duration {
    let minutes = engine.settings().await.map_or(5, |settings| settings.tick_minutes);
    let longest = Duration::from_mins(u64::from(minutes));
    // A few milliseconds more, so that the due time has come for certain.
    next.map_or(longest, |next| (next.since(now()) + Duration::from_millis(5)).min(longest))
}
