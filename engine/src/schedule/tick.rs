//! The scheduler: queues what is due, gives up what nobody works on any more, tidies up.

use std::sync::Arc;
use std::time::Duration;

use etiqa_model::event::Topic;
use etiqa_model::run::{Run, RunStatus, Trigger};
use etiqa_model::{RunId, Timestamp};

use tokio::task::spawn_blocking;

use super::{due, set_back};
use crate::artifacts;
use crate::backup::start::{announce, start_in_txn};
use crate::backup::{destinations, prune_all, queue_due, sweep};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::media;
use crate::pause::paused_since;
use crate::store::backup_config::{
    backup_config_advance_in_txn, backup_config_fetch, backup_config_list_due, backup_config_next_due,
};
use crate::store::job::job_delete_ended_in_txn;
use crate::store::run::{run_fetch_live_in_txn, run_list_abandoned};
use crate::store::run_write::run_interrupt_in_txn;
use crate::store::session::session_delete_expired_in_txn;
use crate::store::setting::last_tick_save_in_txn;
use crate::store::upload::upload_delete_before_in_txn;
use crate::time::now;

/// What other processes left or changed is looked for this often.
const REAP_EVERY: Duration = Duration::from_secs(5);
/// Ended jobs and uploads are kept this long.
const KEEP_ENDED: Duration = Duration::from_hours(24);

/// Sleeps until something is due, and at least every few minutes looks anyway; until the program stops.
pub async fn scheduler(engine: Arc<Engine>) {
    loop {
        let sleep = match tick(&engine, now()).await {
            Ok(next) => until(next, &engine).await,
            Err(error) => {
                tracing::error!(%error, "the scheduler could not look; it tries again in 5 s");
                Duration::from_secs(5)
            }
        };
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

/// Besides abandoned runs: a time that came due because another process changed a schedule, of which nobody tells.
async fn look_around(engine: &Engine) -> Result<()> {
    let at = now();
    reap(engine, at).await?;
    if backup_config_next_due(&engine.db).await?.is_some_and(|next| next <= at)
        && paused_since(engine).await?.is_none()
    {
        engine.schedule_changed.notify_one();
    }
    destinations::queue_due(engine, at).await?;
    Ok(())
}

/// Looks once: queues every run whose time has come, each once however late it is. Gives the next due time.
pub async fn tick(engine: &Engine, at: Timestamp) -> Result<Option<Timestamp>> {
    set_back::catch_up(engine, at).await?;
    let is_paused = paused_since(engine).await?.is_some();
    let due = if is_paused { Vec::new() } else { backup_config_list_due(&engine.db, at).await? };
    for config in due {
        let next = due::next_after(&config.schedule, at);
        let mut tx = engine.db.write().await?;
        if !backup_config_advance_in_txn(&mut tx, config.id, config.next_run_at, next).await? {
            continue;
        }
        if let Some(run) = run_fetch_live_in_txn(&mut tx, config.id).await? {
            tracing::warn!(
                backup_config = %config.name, run = %run.id,
                "{} is due, but its run {} still goes on: this time is skipped", config.name, run.id
            );
            tx.commit().await?;
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
    }
    let mut tx = engine.db.write().await?;
    last_tick_save_in_txn(&mut tx, at).await?;
    session_delete_expired_in_txn(&mut tx, at).await?;
    job_delete_ended_in_txn(&mut tx, at.minus(KEEP_ENDED)).await?;
    upload_delete_before_in_txn(&mut tx, at.minus(KEEP_ENDED)).await?;
    tx.commit().await?;
    // A file that cannot be removed is no reason to run nothing.
    if let Err(error) = artifacts::sweep(engine, at).await {
        tracing::error!(%error, "files of vendor backups that nothing refers to could not be removed");
    }
    let media = engine.dir.media();
    if let Ok(Err(error)) = spawn_blocking(move || media::sweep(&media)).await {
        tracing::error!(%error, "uploads that were cut off could not be removed");
    }
    if !is_paused && let Err(error) = prune_all(engine).await {
        tracing::error!(%error, "retention could not look at the archives");
    }
    if let Err(error) = queue_due(engine, at).await {
        tracing::error!(%error, "archives that are to be looked at could not be queued");
    }
    // Who is paused waits for the word to go on, not for a time.
    if is_paused { Ok(None) } else { Ok(backup_config_next_due(&engine.db).await?) }
}

/// Ends runs whose lease is over, queues each again, once, and removes the files that ended runs left.
pub async fn reap(engine: &Engine, at: Timestamp) -> Result<()> {
    for (run, retry_of) in run_list_abandoned(&engine.db, at).await? {
        give_up(engine, &run, retry_of, at).await?;
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
