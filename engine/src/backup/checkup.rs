//! Looking after archives that are kept: each is read back again within a period, and the newest is tried out by a restore
//! drill now and then. Only queues; the worker does the work.

use std::time::Duration;

use etiqa_model::Timestamp;

use super::orphans::take_up_again;
use crate::engine::Engine;
use crate::error::Result;
use crate::schedule::{Work, enqueue_in_txn};
use crate::store::drill::drill_last;
use crate::store::job::job_fetch_open_by_key;
use crate::store::run::{run_list_to_check, run_newest_to_drill};

const DAY: Duration = Duration::from_hours(24);
/// Archives that are queued at one look, so that a long pause is not made up for at once.
const AT_ONCE: u32 = 4;

/// Queues the archives that were not looked at for long, and a drill where one is due.
pub(crate) async fn queue_due(engine: &Engine, at: Timestamp) -> Result<()> {
    take_up_again(engine).await?;
    let settings = engine.settings().await?;
    let mut work = Vec::new();
    if settings.verify_days > 0 {
        let before = at.minus(DAY * settings.verify_days);
        let runs = run_list_to_check(&engine.db, engine.dir.files_id(), before, AT_ONCE).await?;
        work.extend(runs.into_iter().map(|run| Work::Verify { run }));
    }
    if settings.drill_days > 0 {
        let last = drill_last(&engine.db).await?;
        let is_due = last.is_none_or(|last| last <= at.minus(DAY * settings.drill_days));
        if is_due && let Some(run) = run_newest_to_drill(&engine.db, engine.dir.files_id()).await? {
            work.push(Work::Drill { run });
        }
    }
    for work in work {
        let Some(key) = work.idempotency_key() else { continue };
        if job_fetch_open_by_key(&engine.db, &key).await?.is_some() {
            continue;
        }
        let mut tx = engine.db.write().await?;
        enqueue_in_txn(&mut tx, &work, at).await?;
        tx.commit().await?;
        engine.tell_of_work();
    }
    Ok(())
}
