//! Removes archives that retention no longer keeps.

use std::time::Duration;

use etiqa_model::backup::BackupConfig;
use etiqa_model::event::Topic;
use etiqa_model::run::Run;
use etiqa_model::{BackupConfigId, Timestamp};

use super::leftover::sweep;
use super::retention::{Archive, Verdict, plan};
use crate::engine::Engine;
use crate::error::Result;
use crate::failpoint::failpoint;
use crate::schedule::due::zone_or_utc;
use crate::store::backup_config::{backup_config_fetch, backup_config_list};
use crate::store::run::run_list_archived;
use crate::store::run_note::run_note_insert_in_txn;
use crate::store::run_write::run_set_removed_in_txn;
use crate::time::now;

/// A damaged archive stays for so long after it was last seen whole.
const SPARE_DAMAGED: Duration = Duration::from_hours(60 * 24);

/// What retention says of every archive of a config, newest first.
pub async fn preview(engine: &Engine, config: &BackupConfig) -> Result<Vec<Verdict>> {
    let archived = run_list_archived(&engine.db, config.id).await?;
    let candidates: Vec<Archive> = archived
        .iter()
        .map(|kept| Archive {
            run: kept.run.id,
            finished_at: kept.run.finished_at.unwrap_or(kept.run.queued_at),
            good: kept.run.is_good(),
            devices_failed: kept.run.devices_failed,
            protected: kept.protected,
        })
        .collect();
    Ok(plan(&candidates, &config.retention, zone_or_utc(&config.schedule.time_zone)))
}

/// Removes what the preview says goes; gives how many archives went. The row says so before the file goes, and names
/// the file as left over until it is gone: a crash in between leaves a file that is swept up later, never a row that
/// promises a file that is gone.
pub async fn prune(engine: &Engine, config: &BackupConfig) -> Result<u32> {
    let archived = run_list_archived(&engine.db, config.id).await?;
    let mut removed = 0;
    for verdict in preview(engine, config).await?.into_iter().filter(|verdict| !verdict.keep) {
        let Some(archived) = archived.iter().find(|archived| archived.run.id == verdict.run) else {
            continue;
        };
        let Some(file) = &archived.run.file else { continue };
        if is_spared(engine, &archived.run, file, now()) {
            continue;
        }
        let (run, at) = (archived.run.id, now());
        let mut tx = engine.db.write().await?;
        if run_set_removed_in_txn(&mut tx, run, engine.dir.id(), at).await? {
            run_note_insert_in_txn(&mut tx, run, &format!("Removed by retention: {}.", verdict.reason), at)
                .await?;
        }
        tx.commit().await?;
        failpoint("retention.noted");
        tracing::info!(run = %run, file = %file, reason = %verdict.reason, "retention gives up the archive {file}");
        removed += 1;
    }
    if removed > 0 {
        sweep(engine).await?;
        engine.events.send(Topic::Runs, None);
    }
    Ok(removed)
}

/// Whether an archive stays though no rule keeps it: a damaged one for a while, for somebody may still take out of it
/// what is whole; and one whose file is not here, for its disk may come back.
fn is_spared(engine: &Engine, run: &Run, file: &str, at: Timestamp) -> bool {
    let was_whole = run.verified_at.unwrap_or(run.queued_at);
    (run.damaged && at.since(was_whole) < SPARE_DAMAGED) || !engine.dir.backups().join(file).exists()
}

/// Like [`prune`], for every config: what protection held may go, and a count may have been lowered.
pub(crate) async fn prune_all(engine: &Engine) -> Result<()> {
    for config in backup_config_list(&engine.db).await? {
        prune(engine, &config).await?;
    }
    Ok(())
}

/// Like [`prune`], for a config that may be gone by now.
pub(super) async fn prune_by_id(engine: &Engine, id: BackupConfigId) -> Result<u32> {
    match backup_config_fetch(&engine.db, id).await? {
        Some(config) => prune(engine, &config).await,
        None => Ok(0),
    }
}
