//! When nothing runs by schedule: a person paused all of it, or the instance was restored.
//!
//! A restored instance does nothing by itself until a person says so: the one that it was restored from may still be there,
//! and two of them must not back up the same devices or write to the same places. A person's pause stops schedules alone:
//! what was begun or is started by hand goes on, is sent and verified.

use etiqa_model::Timestamp;
use etiqa_model::event::Topic;
use etiqa_model::schedule::Pause;

use crate::audit::{Act, action, record_in_txn};
use crate::engine::Engine;
use crate::error::Result;
use crate::schedule::CHANGE;
use crate::store::job::job_hurry_in_txn;
use crate::store::setting::{
    pause_fetch, pause_forget_in_txn, pause_save_in_txn, restored_at_fetch, restored_at_forget_in_txn,
};
use crate::time::now;

/// When this instance was restored, while nobody has confirmed that it may work by itself.
pub async fn paused_since(engine: &Engine) -> Result<Option<Timestamp>> {
    Ok(restored_at_fetch(&engine.db).await?)
}

/// Whether no schedule runs, and why.
pub async fn schedule_pause(engine: &Engine) -> Result<Option<Pause>> {
    match restored_at_fetch(&engine.db).await? {
        Some(at) => Ok(Some(Pause { at, by: None })),
        None => Ok(pause_fetch(&engine.db).await?),
    }
}

/// Lets no schedule run until somebody resumes them. What is paused stays as it was paused first.
pub async fn pause(engine: &Engine, by: &str) -> Result<()> {
    if pause_fetch(&engine.db).await?.is_some() {
        return Ok(());
    }
    let mut tx = engine.db.write().await?;
    pause_save_in_txn(&mut tx, &Pause { at: now(), by: Some(by.to_owned()) }).await?;
    record_in_txn(&mut tx, Act::new(action::PAUSE)).await?;
    tx.commit().await?;
    tracing::info!(%by, "all schedules were paused by {by}");
    changed(engine);
    Ok(())
}

/// Lets schedules run that a person paused; what came due meanwhile runs once.
pub async fn unpause(engine: &Engine, by: &str) -> Result<()> {
    let mut tx = engine.db.write().await?;
    pause_forget_in_txn(&mut tx).await?;
    job_hurry_in_txn(&mut tx, CHANGE, now()).await?;
    record_in_txn(&mut tx, Act::new(action::RESUME)).await?;
    tx.commit().await?;
    tracing::info!(%by, "schedules run again, says {by}");
    changed(engine);
    Ok(())
}

/// Lets the instance work by itself, whatever kept it from that; false when it did already.
pub async fn resume(engine: &Engine) -> Result<bool> {
    let was_paused = schedule_pause(engine).await?.is_some();
    let mut tx = engine.db.write().await?;
    restored_at_forget_in_txn(&mut tx).await?;
    pause_forget_in_txn(&mut tx).await?;
    job_hurry_in_txn(&mut tx, CHANGE, now()).await?;
    record_in_txn(&mut tx, Act::new(action::RESUME)).await?;
    tx.commit().await?;
    changed(engine);
    Ok(was_paused)
}

fn changed(engine: &Engine) {
    engine.tell_of_work();
    engine.schedule_changed.notify_one();
    engine.events.send(Topic::BackupConfigs, None);
}
