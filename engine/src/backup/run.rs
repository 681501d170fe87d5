//! One run, from its claim to its end: collect, pack, verify, rename, and only then `completed`.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use etiqa_model::backup::{BackupConfig, BackupKind};
use etiqa_model::device::Device;
use etiqa_model::event::Topic;
use etiqa_model::run::{Phase, Progress, Run, RunDetail, RunStatus, Trigger};
use etiqa_model::{BackupConfigId, RunId, Timestamp, UserError};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::archive::{ArchiveWriter, zip_time};
use super::contents::write_contents;
use super::manifest::{Counts, FORMAT, Manifest};
use super::prune::prune_by_id;
use super::verify::{Verified, verify_path};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::files::{rename_without_replacing, sync_folder};
use crate::fleet::{FleetReport, Purpose, collect_fleet};
use crate::schedule::due::zone_or_utc;
use crate::store::backup_config::backup_config_fetch;
use crate::store::device::{device_fetch, device_list_selected};
use crate::store::result::{result_count_of_run, result_list_of_run};
use crate::store::run::{run_fetch, run_is_cancelling, run_list};
use crate::store::run_write::{Ending, EndingArchive, run_claim, run_finish, run_progress, run_renew};
use crate::time::now;

/// A run that nobody renewed for so long is given up by everybody else.
pub(crate) const LEASE: Duration = Duration::from_secs(30);
/// How often it is renewed.
const RENEW_EVERY: Duration = Duration::from_secs(10);
/// How often progress is written, and looked whether somebody asked the run to stop.
const WATCH_EVERY: Duration = Duration::from_millis(250);

/// Why a run did not come to an archive.
enum Stop {
    /// A person asked for it.
    Cancelled,
    /// The program is stopping, or somebody else took the run over: nothing is to be said of it here.
    Abandoned,
    /// One sentence.
    Failed(String),
    /// Something broke.
    Error(Error),
}

impl<E: Into<Error>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

/// Executes a pending run; does nothing when it is not pending (any more). Only a lost database is an error: all
/// else is the run's own ending.
pub async fn execute_run(engine: &Arc<Engine>, id: RunId) -> Result<()> {
    let started_at = now();
    if !run_claim(&engine.db, id, &engine.owner, started_at, started_at.plus(LEASE)).await? {
        return Ok(());
    }
    engine.events.send(Topic::Runs, id.0);
    let Some(run) = run_fetch(&engine.db, id).await? else { return Ok(()) };
    let mut report = FleetReport::default();
    let watch = watch(engine, id);
    let archived = archive(engine, &run, started_at, &watch, &mut report).await;
    drop(watch);
    let ending = |status, archive, error| Ending {
        status,
        devices_ok: report.ok,
        devices_failed: report.failed,
        archive,
        error,
    };
    let part = part_file(engine, id);
    let ending = match archived {
        Ok((file, verified)) => {
            let archive = EndingArchive { file, size_bytes: verified.size_bytes, sha256: verified.sha256 };
            ending(RunStatus::Completed, Some(archive), None)
        }
        Err(stop) => {
            let _ = tokio::fs::remove_file(&part).await;
            match stop {
                Stop::Abandoned => return Ok(()),
                Stop::Cancelled => ending(RunStatus::Cancelled, None, Some("Cancelled.".into())),
                Stop::Failed(sentence) => ending(RunStatus::Failed, None, Some(sentence)),
                Stop::Error(error) => ending(RunStatus::Failed, None, Some(error.into_user_error().message)),
            }
        }
    };
    end(engine, &run, &ending).await
}

/// Writes a run's ending; when the run was lost meanwhile, takes its archive away again.
async fn end(engine: &Engine, run: &Run, ending: &Ending) -> Result<()> {
    let finished = run_finish(&engine.db, run.id, &engine.owner, ending, now()).await?;
    let file = ending.archive.as_ref().map(|archive| archive.file.as_str());
    match (finished, file) {
        (true, _) => {
            let (id, status) = (run.id, ending.status.as_str());
            tracing::info!(run = %id, status, devices_failed = ending.devices_failed, "run {id} of {} {status}", run.name);
        }
        (false, Some(file)) => {
            let path = engine.dir.backups().join(file);
            tokio::fs::remove_file(path).await.map_err(Error::io("removing the archive of a lost run"))?;
        }
        (false, None) => {}
    }
    engine.events.send(Topic::Runs, run.id.0);
    if finished
        && ending.status == RunStatus::Completed
        && let Some(config) = run.backup_config_id
    {
        prune_by_id(engine, config).await?;
    }
    Ok(())
}

/// Collects and packs; gives the archive's final name. What was counted stays in `report` whatever happens.
async fn archive(
    engine: &Arc<Engine>,
    run: &Run,
    started_at: Timestamp,
    watch: &Watch,
    report: &mut FleetReport,
) -> Result<(String, Verified), Stop> {
    let config = match run.backup_config_id {
        Some(id) => backup_config_fetch(&engine.db, id).await?,
        None => None,
    };
    let config =
        config.ok_or_else(|| Stop::Failed("The backup config was deleted before the run began.".into()))?;
    let devices = match config.kind {
        BackupKind::Data => Vec::new(),
        BackupKind::Full | BackupKind::Config => device_list_selected(&engine.db, &config.devices).await?,
    };
    if devices.is_empty() && config.kind == BackupKind::Config {
        let sentence =
            format!("There is no enabled device among {}: add or enable one.", config.devices.words());
        return Err(Stop::Failed(sentence));
    }
    *report = collect_all(engine, run, &devices, watch).await?;
    check_still_wanted(engine, run.id, &watch.cancel).await?;
    if !devices.is_empty() && report.answered == 0 {
        return Err(Stop::Failed("No device answered; no archive was made. The results say why.".into()));
    }
    // Read again: what was collected changed what is stale.
    let mut collected = Vec::with_capacity(devices.len());
    for device in devices {
        collected.extend(device_fetch(&engine.db, device.id).await?);
    }
    set_phase(engine, run.id, Phase::Packing, *report).await?;
    let part = part_file(engine, run.id);
    pack(engine, run, &config, &collected, started_at, part.clone()).await?;
    check_still_wanted(engine, run.id, &watch.cancel).await?;
    set_phase(engine, run.id, Phase::Verifying, *report).await?;
    let verified = verify_path(part.clone()).await?.map_err(|damage| {
        Stop::Failed(format!("The archive did not survive being read back, so it was thrown away: {damage}"))
    })?;
    check_still_wanted(engine, run.id, &watch.cancel).await?;
    let file = publish(engine, &config, started_at, part).await?;
    Ok((file, verified))
}

async fn collect_all(
    engine: &Arc<Engine>,
    run: &Run,
    devices: &[Device],
    watch: &Watch,
) -> Result<FleetReport, Stop> {
    let total = u32::try_from(devices.len()).unwrap_or(u32::MAX);
    watch.progress.send_replace(Progress { done: 0, total });
    // Who asks for a run by hand wants what the devices say now.
    let may_reuse = matches!(run.trigger, Trigger::Schedule | Trigger::Retry);
    let purpose = Purpose { run: Some(run.id), job: None, may_reuse };
    let heard = |progress| {
        watch.progress.send_replace(progress);
    };
    Ok(collect_fleet(engine, devices.to_vec(), purpose, &watch.cancel, heard).await?)
}

async fn pack(
    engine: &Engine,
    run: &Run,
    config: &BackupConfig,
    devices: &[Device],
    started_at: Timestamp,
    part: PathBuf,
) -> Result<(), Stop> {
    let zone = zone_or_utc(&config.schedule.time_zone);
    let writer = ArchiveWriter::create(part, zip_time(started_at, zone));
    let counts: Counts = match write_contents(engine, &writer, config, devices, started_at).await {
        Ok(counts) => counts,
        // The thread knows why the pipe broke.
        Err(error) => return Err(writer.abandon().await.unwrap_or(error).into()),
    };
    let manifest = Manifest {
        format: FORMAT,
        made_by: format!("etiqa {}", env!("CARGO_PKG_VERSION")),
        created_at: started_at,
        backup_config: config.name.clone(),
        kind: config.kind,
        run_id: run.id,
        counts,
        entries: Vec::new(),
    };
    Ok(writer.finish(manifest).await?)
}

/// Gives the verified archive its final name, which is never one that is taken, and makes that last.
async fn publish(
    engine: &Engine,
    config: &BackupConfig,
    started_at: Timestamp,
    part: PathBuf,
) -> Result<String, Stop> {
    let local = started_at.to_utc().with_timezone(&zone_or_utc(&config.schedule.time_zone));
    let stem = format!("{}_{}", config.slug, local.format("%Y%m%d_%H%M%S"));
    let folder = engine.dir.backups();
    let renamed = tokio::task::spawn_blocking(move || {
        for number in 1_u32.. {
            let file = if number == 1 { format!("{stem}.zip") } else { format!("{stem}_{number}.zip") };
            match rename_without_replacing(&part, &folder.join(&file)) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
                Ok(()) => return sync_folder(&folder).map(|()| file),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    });
    let renamed = renamed.await.map_err(io::Error::other).and_then(|renamed| renamed);
    Ok(renamed.map_err(Error::io("naming an archive"))?)
}

async fn set_phase(engine: &Engine, id: RunId, phase: Phase, report: FleetReport) -> Result<(), Stop> {
    let done = report.ok + report.failed;
    run_progress(&engine.db, id, phase, Progress { done, total: done }).await?;
    engine.events.send(Topic::Runs, id.0);
    Ok(())
}

/// Ends the run's work here when it was cancelled, lost, or the program stops.
async fn check_still_wanted(engine: &Engine, id: RunId, cancel: &CancellationToken) -> Result<(), Stop> {
    if !cancel.is_cancelled() {
        return Ok(());
    }
    if !engine.stopping.is_cancelled() && run_is_cancelling(&engine.db, id).await? {
        return Err(Stop::Cancelled);
    }
    Err(Stop::Abandoned)
}

/// Where a run's archive grows; hidden, and never taken for an archive.
pub(crate) fn part_file(engine: &Engine, id: RunId) -> PathBuf {
    engine.dir.backups().join(format!(".run-{id}.part"))
}

/// What goes on beside a run; ends when it is dropped.
struct Watch {
    /// Cancelled when a person asked for it, when the run is not ours any more, or when the program stops.
    cancel: CancellationToken,
    /// How far the collecting is; written to the database now and then.
    progress: watch::Sender<Progress>,
    _ended: DropGuard,
}

/// Renews the run's lease, writes its progress, and looks whether it is to stop.
fn watch(engine: &Arc<Engine>, id: RunId) -> Watch {
    let (progress, heard) = watch::channel(Progress { done: 0, total: 0 });
    let ended = CancellationToken::new();
    let cancel = engine.stopping.child_token();
    let (engine, seen, watched) = (Arc::clone(engine), ended.clone(), cancel.clone());
    tokio::spawn(async move {
        tokio::select! {
            () = seen.cancelled() => {}
            () = keep_watch(&engine, id, heard, &watched) => {}
        }
    });
    Watch { cancel, progress, _ended: ended.drop_guard() }
}

async fn keep_watch(
    engine: &Engine,
    id: RunId,
    mut heard: watch::Receiver<Progress>,
    cancel: &CancellationToken,
) {
    let mut renewed = tokio::time::Instant::now();
    loop {
        tokio::time::sleep(WATCH_EVERY).await;
        let looked = async {
            if heard.has_changed().unwrap_or(false) {
                let progress = *heard.borrow_and_update();
                run_progress(&engine.db, id, Phase::Collecting, progress).await?;
                engine.events.send(Topic::Runs, id.0);
            }
            if run_is_cancelling(&engine.db, id).await? {
                cancel.cancel();
            }
            if renewed.elapsed() >= RENEW_EVERY {
                renewed = tokio::time::Instant::now();
                if !run_renew(&engine.db, id, &engine.owner, now().plus(LEASE)).await? {
                    cancel.cancel();
                }
            }
            Ok::<(), Error>(())
        };
        if let Err(error) = looked.await {
            tracing::warn!(run = %id, %error, "run {id} could not be watched");
        }
    }
}

/// Runs before `before`, newest first, of one config where named; 50 at most.
pub async fn list_runs(
    engine: &Engine,
    config: Option<BackupConfigId>,
    before: Option<RunId>,
) -> Result<Vec<Run>> {
    Ok(run_list(&engine.db, config, before, 50).await?)
}

/// One run with what each device came to; the first 500, failed ones first.
pub async fn run_detail(engine: &Engine, id: RunId) -> Result<RunDetail> {
    Ok(RunDetail {
        run: find_run(engine, id).await?,
        results: result_list_of_run(&engine.db, id, 500).await?,
        results_total: result_count_of_run(&engine.db, id).await?,
    })
}

/// A run by its id.
pub async fn find_run(engine: &Engine, id: RunId) -> Result<Run> {
    Ok(run_fetch(&engine.db, id).await?.ok_or_else(|| UserError::not_found(format!("run {id}")))?)
}
