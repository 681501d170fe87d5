//! Queueing and cancelling runs.

use etiqa_model::backup::BackupConfig;
use etiqa_model::event::Topic;
use etiqa_model::run::Trigger;
use etiqa_model::{BackupConfigId, JobId, RunId, Timestamp, UserError};

use super::config::missing;
use crate::audit::{Act, action, record_in_txn};
use crate::db::Tx;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::schedule::due::next_after;
use crate::schedule::queue::{Work, enqueue_in_txn};
use crate::store::backup_config::{backup_config_advance_in_txn, backup_config_fetch_in_txn};
use crate::store::run::{run_fetch, run_fetch_live_in_txn};
use crate::store::run_write::{run_cancel_in_txn, run_insert_in_txn};
use crate::time::now;

/// A run that was just queued, with the job that will do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queued {
    /// The run.
    pub run: RunId,
    /// Its job.
    pub job: JobId,
}

/// Queues a run now; a conflict while one is queued or going on. Where the config is due, this is that run: the
/// schedule moves on, so that whoever runs backups from a clock of their own makes one archive each time.
pub async fn start(engine: &Engine, id: BackupConfigId, trigger: Trigger) -> Result<Queued> {
    let mut tx = engine.db.write().await?;
    let config = backup_config_fetch_in_txn(&mut tx, id).await?.ok_or_else(|| missing(id))?;
    if let Some(run) = run_fetch_live_in_txn(&mut tx, id).await? {
        return Err(running_already(&config, &format!(" (run {})", run.id)).into());
    }
    let at = now();
    if config.enabled && config.next_run_at.is_some_and(|due| due <= at) {
        let next = next_after(&config.schedule, &config.slug, at);
        backup_config_advance_in_txn(&mut tx, config.id, config.next_run_at, next).await?;
    }
    let queued = match start_in_txn(&mut tx, &config, trigger, None, at).await {
        // PostgreSQL: somebody else started it between our look and our write.
        Err(Error::Db(error)) if error.is_unique_violation() => Err(running_already(&config, ""))?,
        queued => queued?,
    };
    record_in_txn(&mut tx, Act::new(action::RUN_START).on(queued.run.0, &config.name)).await?;
    tx.commit().await?;
    announce(engine, queued);
    Ok(queued)
}

fn running_already(config: &BackupConfig, which: &str) -> UserError {
    UserError::conflict(format!("\"{}\" is running already{which}.", config.name))
}

/// Queues a run in the transaction of what makes it necessary. Call [`announce`] after the commit.
pub(crate) async fn start_in_txn(
    tx: &mut Tx,
    config: &BackupConfig,
    trigger: Trigger,
    retry_of: Option<RunId>,
    at: Timestamp,
) -> Result<Queued> {
    let run = run_insert_in_txn(tx, config, trigger, retry_of, at).await?;
    let job = enqueue_in_txn(tx, &Work::Run { run }, at).await?;
    Ok(Queued { run, job })
}

/// Tells workers and pages of a queued run.
pub(crate) fn announce(engine: &Engine, queued: Queued) {
    engine.tell_of_work();
    engine.events.send(Topic::Runs, queued.run.0);
}

/// Asks a run to stop; a conflict when it is over.
pub async fn cancel(engine: &Engine, id: RunId) -> Result<()> {
    let Some(run) = run_fetch(&engine.db, id).await? else {
        return Err(UserError::not_found(format!("run {id}")).into());
    };
    let mut tx = engine.db.write().await?;
    if !run_cancel_in_txn(&mut tx, id, now()).await? {
        return Err(UserError::conflict(format!("Run {id} is over.")).into());
    }
    record_in_txn(&mut tx, Act::new(action::RUN_CANCEL).on(id.0, &run.name)).await?;
    tx.commit().await?;
    engine.events.send(Topic::Runs, id.0);
    Ok(())
}
