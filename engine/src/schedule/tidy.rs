//! What nobody waits for, every few minutes: what is over is forgotten, files that nothing refers to go, archives are given
//! up, and those that were not looked at for long are queued. Apart from the scheduler, which must not be late for it.

use std::sync::Arc;
use std::time::Duration;

use etiqa_model::Timestamp;
use tokio::task::spawn_blocking;

use crate::artifacts;
use crate::audit;
use crate::backup::destinations::{put_missing, shared};
use crate::backup::{prune_all, queue_due, sweep_parts};
use crate::engine::Engine;
use crate::error::Result;
use crate::media;
use crate::pause::paused_since;
use crate::rules;
use crate::store::api_answer::api_answer_delete_before_in_txn;
use crate::store::job::job_delete_ended_in_txn;
use crate::store::session::session_delete_expired_in_txn;
use crate::store::upload::upload_delete_before_in_txn;
use crate::time::now;

/// Ended jobs and uploads are kept this long.
const KEEP_ENDED: Duration = Duration::from_hours(24);
/// Where the settings cannot be read.
const USUALLY_MINUTES: u32 = 5;

/// Tidies up now and then, until the program stops.
pub async fn tidier(engine: Arc<Engine>) {
    now_and_then(&engine, tidy).await;
}

/// The same for a worker of a site, which has files and nothing else to look after.
pub async fn file_tidier(engine: Arc<Engine>) {
    now_and_then(&engine, tidy_files).await;
}

async fn now_and_then(engine: &Engine, tidy: impl AsyncFn(&Engine, Timestamp) -> Result<()>) {
    loop {
        if let Err(error) = tidy(engine, now()).await {
            tracing::error!(%error, "what is over could not be tidied up; it is tried again in a few minutes");
        }
        let minutes = engine.settings().await.map_or(USUALLY_MINUTES, |settings| settings.tick_minutes);
        tokio::select! {
            () = engine.stopping.cancelled() => return,
            () = tokio::time::sleep(Duration::from_mins(u64::from(minutes))) => {}
        }
    }
}

/// Tidies up once.
pub async fn tidy(engine: &Engine, at: Timestamp) -> Result<()> {
    let mut tx = engine.db.write().await?;
    session_delete_expired_in_txn(&mut tx, at, at.minus(engine.seen.rules().idle)).await?;
    job_delete_ended_in_txn(&mut tx, at.minus(KEEP_ENDED)).await?;
    upload_delete_before_in_txn(&mut tx, at.minus(KEEP_ENDED)).await?;
    api_answer_delete_before_in_txn(&mut tx, at.minus(KEEP_ENDED)).await?;
    tx.commit().await?;
    tidy_files(engine, at).await?;
    if let Err(error) = sweep_parts(engine).await {
        tracing::error!(%error, "halves of archives that runs left could not be removed");
    }
    let media = engine.dir.media();
    if let Ok(Err(error)) = spawn_blocking(move || media::sweep(&media)).await {
        tracing::error!(%error, "uploads that were cut off could not be removed");
    }
    if paused_since(engine).await?.is_none()
        && let Err(error) = prune_all(engine).await
    {
        tracing::error!(%error, "retention could not look at the archives");
    }
    if let Err(error) = look_after_audit(engine, at).await {
        tracing::error!(%error, "the audit log could not be signed or pruned");
    }
    if let Err(error) = rules::queue_look(engine, at).await {
        tracing::error!(%error, "a look at what is held against rules could not be queued");
    }
    if let Err(error) = queue_due(engine, at).await {
        tracing::error!(%error, "archives that are to be looked at could not be queued");
    }
    Ok(())
}

async fn look_after_audit(engine: &Engine, at: Timestamp) -> Result<()> {
    audit::tell_refusals(engine, at).await?;
    audit::sign_checkpoint(engine, at).await?;
    audit::prune(engine, at).await?;
    Ok(())
}

/// Tidies up among the files that this process fetched: what cannot be done is no reason to leave the rest undone.
async fn tidy_files(engine: &Engine, at: Timestamp) -> Result<()> {
    if let Err(error) = artifacts::sweep(engine, at).await {
        tracing::error!(%error, "files of vendor backups that nothing refers to could not be removed");
    }
    let fetched = engine.dir.fetched();
    if let Ok(Err(error)) = spawn_blocking(move || shared::sweep(&fetched)).await {
        tracing::error!(%error, "files of other machines that nobody uses any more could not be removed");
    }
    if let Err(error) = put_missing(engine, at).await {
        tracing::warn!(%error, "files could not be put where all machines keep theirs; it is tried again in a few minutes");
    }
    Ok(())
}
