//! Removes archives that retention no longer keeps.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use etiqa_model::archive::{ArchiveFate, RetentionPreview};
use etiqa_model::backup::{BackupConfig, Retention};
use etiqa_model::event::Topic;
use etiqa_model::run::Run;
use etiqa_model::{BackupConfigId, Timestamp, UserError};
use tokio::task::spawn_blocking;

use super::leftover::sweep;
use super::retention::{Archive, plan};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::schedule::due::zone_or_utc;
use crate::store::backup_config::{backup_config_fetch, backup_config_list};
use crate::store::run::{ArchivedRun, run_list_archived};
use crate::store::run_note::run_note_insert_in_txn;
use crate::store::run_write::run_set_removed_in_txn;
use crate::time::now;

/// A damaged archive stays for so long after it was last seen whole.
const SPARE_DAMAGED: Duration = Duration::from_hours(60 * 24);

/// What retention would do with the archives of a backup config, newest first, if it kept as many as `counts` says;
/// as many as it keeps now when none. What it says is what [`prune`] does.
pub async fn preview(
    engine: &Engine,
    config: BackupConfigId,
    counts: Option<Retention>,
) -> Result<RetentionPreview> {
    let config = backup_config_fetch(&engine.db, config).await?;
    let mut config = config.ok_or_else(|| UserError::not_found("backup config of this number"))?;
    config.retention = counts.unwrap_or(config.retention);
    let fates = fates(engine, &config).await?;
    Ok(RetentionPreview { name: config.name, retention: config.retention, fates })
}

/// What becomes of every archive of a config, newest first.
async fn fates(engine: &Engine, config: &BackupConfig) -> Result<Vec<ArchiveFate>> {
    let archived = run_list_archived(&engine.db, config.id).await?;
    let lost = which_are_lost(engine, &archived).await?;
    let candidates: Vec<Archive> = archived
        .iter()
        .zip(&lost)
        .map(|(kept, is_lost)| Archive {
            run: kept.run.id,
            finished_at: kept.run.finished_at.unwrap_or(kept.run.queued_at),
            // What is not there keeps no other one from staying.
            good: kept.run.is_good() && !is_lost,
            devices_failed: kept.run.devices_failed,
            protected: kept.protected,
        })
        .collect();
    let verdicts = plan(&candidates, &config.retention, zone_or_utc(&config.schedule.time_zone));
    let at = now();
    Ok(archived
        .into_iter()
        .zip(lost)
        .zip(verdicts)
        .map(|((ArchivedRun { run, protected, .. }, is_lost), verdict)| {
            let spared = if verdict.keep && !is_lost { None } else { why_spared(&run, is_lost, at) };
            let reason = spared.map_or_else(|| verdict.reason.to_string(), str::to_owned);
            ArchiveFate { run, protected, keep: verdict.keep || spared.is_some(), reason }
        })
        .collect())
}

/// Removes what the preview says goes; gives how many archives went. The row says so before the file goes, and names
/// the file as left over until it is gone: a crash in between leaves a file that is swept up later, never a row that
/// promises a file that is gone.
pub async fn prune(engine: &Engine, config: &BackupConfig) -> Result<u32> {
    let mut removed = 0;
    for ArchiveFate { run, reason, .. } in fates(engine, config).await?.into_iter().filter(|fate| !fate.keep)
    {
        let (id, at) = (run.id, now());
        let mut tx = engine.db.write().await?;
        if !run_set_removed_in_txn(&mut tx, id, engine.dir.files_id(), at).await? {
            // Protected since it was looked at, or given up by another machine.
            tx.rollback().await?;
            continue;
        }
        run_note_insert_in_txn(&mut tx, id, &format!("Removed by retention: {reason}."), at).await?;
        tx.commit().await?;
        failpoint("retention.noted");
        let file = run.file.unwrap_or_default();
        tracing::info!(run = %id, file = %file, reason = %reason, "retention gives up the archive {file}");
        removed += 1;
    }
    if removed > 0 {
        sweep(engine).await?;
        engine.events.send(Topic::Runs, None);
    }
    Ok(removed)
}

/// Of each, whether its file should be here and is not. What another machine has, that one looks after.
async fn which_are_lost(engine: &Engine, archived: &[ArchivedRun]) -> Result<Vec<bool>> {
    let is_ours =
        |kept: &ArchivedRun| kept.made_in.as_deref().is_none_or(|made_in| made_in == engine.dir.files_id());
    let backups = engine.dir.backups();
    let path_if_ours =
        |kept: &ArchivedRun| is_ours(kept).then(|| kept.run.file.as_ref().map(|file| backups.join(file)));
    let paths: Vec<Option<Option<PathBuf>>> = archived.iter().map(path_if_ours).collect();
    let is_lost =
        |path: Option<Option<PathBuf>>| path.is_some_and(|path| path.is_none_or(|path| !path.exists()));
    // Off the runtime's threads: a share may hang.
    let lost =
        spawn_blocking(move || paths.into_iter().map(is_lost).collect()).await.map_err(io::Error::other);
    lost.map_err(Error::io("looking for archives"))
}

/// Why an archive stays though no rule keeps it: a damaged one for a while, for somebody may still take out of it what is
/// whole; and one whose file is not here, for its disk may come back.
fn why_spared(run: &Run, is_lost: bool, at: Timestamp) -> Option<&'static str> {
    let was_whole = run.verified_at.unwrap_or(run.queued_at);
    if is_lost {
        Some("its file is not here; the disk may come back")
    } else if run.damaged && at.since(was_whole) < SPARE_DAMAGED {
        Some("damaged; kept for 60 days after it was last whole, for what may be taken out of it")
    } else {
        None
    }
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
