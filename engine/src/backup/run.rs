//! One run, from its claim to its end: collect, pack, verify, rename, and only then `completed`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use etiqa_model::artifact::ArtifactCadence;
use etiqa_model::backup::{BackupConfig, BackupKind};
use etiqa_model::device::Device;
use etiqa_model::event::Topic;
use etiqa_model::run::{Phase, Progress, Run, RunStatus, Trigger};
use etiqa_model::{DeviceId, RunId, Timestamp};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::archive::manifest::Counts;
use super::contents::distrust_damaged;
use super::destinations::{self, shared};
use super::leftover::remove_leftover;
use super::packing::{Packed, pack};
use super::prune::prune_by_id;
use super::publish::{part_file, publish};
use super::space::lack_of_space;
use super::spread;
use super::verify::{Verified, verify_path};
use super::watch::Watch;
use crate::artifacts::{is_due, kind_of};
use crate::audit::{Act, action, record_in_txn};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::fleet::{ArtifactReport, FleetReport, Purpose, Standing, collect_fleet, fetch_artifacts};
use crate::lease::LEASE;
use crate::machines::{self, Sites};
use crate::schedule::due::zone_or_utc;
use crate::store::archive_copy::SentCopy;
use crate::store::artifact::artifact_last_asked;
use crate::store::backup_config::backup_config_fetch;
use crate::store::device::{device_list_of, device_list_selected};
use crate::store::result::run_credentials_in_txn;
use crate::store::run::{run_fetch, run_is_cancelling};
use crate::store::run_note::run_note_insert_in_txn;
use crate::store::run_write::{Ending, EndingArchive, run_claim, run_finish_in_txn};
use crate::time::now;

/// Devices in one query.
const READ_AT_ONCE: usize = 500;

/// Why a run did not come to an archive.
pub(super) enum Stop {
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

/// What was counted, whatever became of the run.
#[derive(Default)]
struct Report {
    devices: FleetReport,
    artifacts: ArtifactReport,
}

/// Executes a pending run; does nothing when it is not pending (any more). Only a lost database is an error: all
/// else is the run's own ending.
pub async fn execute_run(engine: &Arc<Engine>, id: RunId) -> Result<()> {
    execute(engine, id).instrument(tracing::debug_span!("run", run = %id)).await
}

async fn execute(engine: &Arc<Engine>, id: RunId) -> Result<()> {
    let started_at = now();
    if !run_claim(&engine.db, id, &engine.owner, started_at, started_at.plus(LEASE)).await? {
        return Ok(());
    }
    engine.events.send(Topic::Runs, id.0);
    let Some(run) = run_fetch(&engine.db, id).await? else { return Ok(()) };
    let mut report = Report::default();
    let watch = Watch::begin(engine, id);
    let archived = archive(engine, &run, started_at, &watch, &mut report).await;
    drop(watch);
    let ending = |status, archive, error| Ending {
        status,
        devices_ok: report.devices.ok,
        devices_failed: report.devices.failed,
        artifacts_ok: report.artifacts.ok,
        artifacts_failed: report.artifacts.failed,
        archive,
        error,
    };
    let part = part_file(engine, id);
    let ending = match archived {
        Ok(archive) => ending(RunStatus::Completed, Some(archive), None),
        Err(stop) => {
            let _ = tokio::fs::remove_file(&part).await;
            match stop {
                Stop::Abandoned => return Ok(()),
                // Nothing can be said of it: its lease runs out, and it is queued again.
                Stop::Error(error) if error.is_lost_database() => return Err(error),
                Stop::Cancelled => ending(RunStatus::Cancelled, None, Some("Cancelled.".into())),
                Stop::Failed(sentence) => ending(RunStatus::Failed, None, Some(sentence)),
                Stop::Error(error) => ending(RunStatus::Failed, None, Some(error.into_user_error().message)),
            }
        }
    };
    end(engine, &run, &ending).await
}

/// What the audit log says of a run: how it ended, of how many devices, and which credentials they took.
fn ended(run: &Run, ending: &Ending, credentials: &[String]) -> Act {
    let devices = format!("{} devices good, {} failed", ending.devices_ok, ending.devices_failed);
    let took = if credentials.is_empty() { "none".to_owned() } else { credentials.join(", ") };
    let act = Act::new(action::RUN_END).on(run.id.0, &run.name);
    let status = ending.status.as_str();
    match &ending.error {
        Some(error) => act.refused(format!("{status}: {error} {devices}. Credentials: {took}.")),
        None => act.saying(format!("{status}: {devices}. Credentials: {took}.")),
    }
}

/// Writes a run's ending; when the run was lost meanwhile, takes its archive away again.
async fn end(engine: &Engine, run: &Run, ending: &Ending) -> Result<()> {
    let mut tx = engine.db.write().await?;
    let finished = run_finish_in_txn(&mut tx, run.id, &engine.owner, ending, now()).await?;
    if finished {
        let credentials = run_credentials_in_txn(&mut tx, run.id).await?;
        record_in_txn(&mut tx, ended(run, ending, &credentials)).await?;
    }
    tx.commit().await?;
    let file = ending.archive.as_ref().map(|archive| archive.file.as_str());
    match (finished, file) {
        (true, _) => {
            let (id, status) = (run.id, ending.status.as_str());
            tracing::info!(run = %id, status, devices_failed = ending.devices_failed, "run {id} of {} {status}", run.name);
            let took = run.started_at.map(|started_at| now().since(started_at));
            let bytes = ending.archive.as_ref().map_or(0, |archive| archive.size_bytes);
            engine.meters.run_ended(run.backup_config_id, ending.status, took, bytes);
        }
        // Its row names the file as one that is to go.
        (false, Some(file)) => {
            if let Some(sent) = ending.archive.as_ref().and_then(|archive| archive.shared.as_ref()) {
                take_back(engine, run.id, sent).await?;
            }
            remove_leftover(engine, run.id, file).await?;
        }
        (false, None) => {}
    }
    failpoint("run.finished");
    engine.events.send(Topic::Runs, run.id.0);
    if finished
        && ending.status == RunStatus::Completed
        && let Some(config) = run.backup_config_id
    {
        prune_by_id(engine, config).await?;
        destinations::queue_due(engine, now()).await?;
    }
    Ok(())
}

/// Collects and packs; gives the archive's final name. What was counted stays in `report` whatever happens.
async fn archive(
    engine: &Arc<Engine>,
    run: &Run,
    started_at: Timestamp,
    watch: &Watch,
    report: &mut Report,
) -> Result<EndingArchive, Stop> {
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
    report.devices = collect_all(engine, run, &devices, watch).await?;
    check_still_wanted(engine, run.id, &watch.cancel).await?;
    if !devices.is_empty() && report.devices.answered == 0 {
        return Err(Stop::Failed("No device answered; no archive was made. The results say why.".into()));
    }
    // Read again: what was collected changed what is stale.
    let collected = read_again(engine, &devices).await?;
    failpoint("run.collected");
    report.artifacts = fetch_due(engine, run, &config, &collected, started_at, watch).await?;
    check_still_wanted(engine, run.id, &watch.cancel).await?;
    if let Some(sentence) = lack_of_space(engine, &config).await? {
        return Err(Stop::Failed(sentence));
    }
    let done = Progress { done: report.devices.done(), total: report.devices.done() };
    watch.step(Phase::Packing, done);
    let part = part_file(engine, run.id);
    let began = Instant::now();
    let packed = pack(engine, run, &config, &collected, started_at, part.clone(), &watch.cancel).await;
    if let Err(Error::DamagedText(_)) = &packed {
        distrust_damaged(engine, &collected).await?;
    }
    let packed = packed?;
    check_still_wanted(engine, run.id, &watch.cancel).await?;
    failpoint("run.packed");
    let Packed { counts, key, passphrase } = packed.ok_or(Stop::Abandoned)?;
    report.artifacts.failed += u32::try_from(counts.artifacts_missing).unwrap_or(u32::MAX);
    note_missing_media(engine, run.id, counts.media_missing).await?;
    if let Some(sentence) = nothing_archived(&config, &collected, counts) {
        return Err(Stop::Failed(sentence));
    }
    watch.step(Phase::Verifying, done);
    let packing = began.elapsed();
    let verified = tokio::select! {
        verified = verify_path(part.clone(), key) => Some(verified?),
        () = watch.cancel.cancelled() => None,
    };
    check_still_wanted(engine, run.id, &watch.cancel).await?;
    let verified = verified.ok_or(Stop::Abandoned)?.map_err(|damage| {
        Stop::Failed(format!("The archive did not survive being read back, so it was thrown away: {damage}"))
    })?;
    tracing::info!(
        run = %run.id, bytes = verified.size_bytes, packing_ms = packing.as_millis(),
        verifying_ms = began.elapsed().saturating_sub(packing).as_millis(),
        "packed and read back the archive of run {}", run.id
    );
    failpoint("run.verified");
    let file = publish(engine, run.id, &config, started_at, &part).await?.ok_or(Stop::Abandoned)?;
    let shared = put_where_all_keep_theirs(engine, run.id, &file, &verified, watch).await?;
    Ok(EndingArchive {
        file,
        size_bytes: verified.size_bytes,
        sha256: verified.sha256,
        encryption: config.encryption,
        passphrase,
        shared,
    })
}

/// Those of these devices that are still there, as they are now.
async fn read_again(engine: &Engine, devices: &[Device]) -> Result<Vec<Device>> {
    let ids: Vec<DeviceId> = devices.iter().map(|device| device.id).collect();
    let mut found = Vec::with_capacity(ids.len());
    for some in ids.chunks(READ_AT_ONCE) {
        found.extend(device_list_of(&engine.db, some).await?);
    }
    Ok(found)
}

/// Puts the archive where all machines keep their files, where such a destination is named. One that is not there counts
/// as none: its machine may be gone tomorrow.
async fn put_where_all_keep_theirs(
    engine: &Engine,
    id: RunId,
    name: &str,
    verified: &Verified,
    watch: &Watch,
) -> Result<Option<SentCopy>, Stop> {
    let path = engine.dir.backups().join(name);
    let (size, sha256) = (verified.size_bytes, verified.sha256.as_str());
    let file = shared::SharedFile { what: "The archive", name, size, sha256 };
    let put = shared::put(engine, &file, &path, &watch.cancel).await;
    if put.is_err() {
        check_still_wanted(engine, id, &watch.cancel).await?;
    }
    Ok(put?)
}

/// Deletes the archive of a run that was lost from where all machines keep theirs. What cannot be deleted is said in the
/// log.
async fn take_back(engine: &Engine, id: RunId, sent: &SentCopy) -> Result<()> {
    match shared::take_back(engine, sent).await {
        Err(Error::User(error)) => {
            tracing::warn!(run = %id, file = %sent.name, %error, "the archive of run {id}, which was lost, is left: {error}");
            Ok(())
        }
        done => done,
    }
}

async fn collect_all(
    engine: &Arc<Engine>,
    run: &Run,
    devices: &[Device],
    watch: &Watch,
) -> Result<FleetReport, Stop> {
    let total = u32::try_from(devices.len()).unwrap_or(u32::MAX);
    watch.step(Phase::Collecting, Progress { done: 0, total });
    // Who asks for a run by hand wants what the devices say now.
    let may_reuse = matches!(run.trigger, Trigger::Schedule | Trigger::Retry);
    let purpose = Purpose { run: Some(run.id), job: None, may_reuse };
    let heard = |standing: Standing| watch.step(Phase::Collecting, standing.progress);
    if spread::is_shared(engine).await? {
        return Ok(spread::collect(engine, run, devices, watch).await?);
    }
    Ok(collect_fleet(engine, devices.to_vec(), purpose, &watch.cancel, heard).await?)
}

/// Fetches the own backups of those devices whose turn it is. They have slots and a deadline of their own; one that fails
/// fails no text.
async fn fetch_due(
    engine: &Arc<Engine>,
    run: &Run,
    config: &BackupConfig,
    devices: &[Device],
    started_at: Timestamp,
    watch: &Watch,
) -> Result<ArtifactReport, Stop> {
    if config.artifacts == ArtifactCadence::Never {
        return Ok(ArtifactReport::default());
    }
    let zone = zone_or_utc(&config.schedule.time_zone);
    let mut due = Vec::new();
    for device in devices {
        if kind_of(engine, device).await?.is_none() {
            continue;
        }
        let last = artifact_last_asked(&engine.db, device.id).await?;
        if is_due(config.artifacts, last, started_at, zone) {
            due.push(device.clone());
        }
    }
    if due.is_empty() {
        return Ok(ArtifactReport::default());
    }
    let total = u32::try_from(due.len()).unwrap_or(u32::MAX);
    watch.step(Phase::Artifacts, Progress { done: 0, total });
    let purpose = Purpose { run: Some(run.id), job: None, may_reuse: false };
    let sites =
        if spread::is_shared(engine).await? { machines::sites(engine).await? } else { Sites::default() };
    let (there, here): (Vec<_>, Vec<_>) =
        due.into_iter().partition(|device| sites.sharing.contains(&device.site));
    let (elsewhere, nearby) = (AtomicU32::new(0), AtomicU32::new(0));
    let step = || {
        let done = elsewhere.load(Ordering::Relaxed) + nearby.load(Ordering::Relaxed);
        watch.step(Phase::Artifacts, Progress { done, total });
    };
    let told = |done| {
        elsewhere.store(done, Ordering::Relaxed);
        step();
    };
    let heard = |progress: Progress| {
        nearby.store(progress.done, Ordering::Relaxed);
        step();
    };
    // Neither is dropped half-way: devices are being rid of what was made on them.
    let (here, there) = tokio::join!(
        fetch_artifacts(engine, here, purpose, &watch.cancel, heard),
        spread::fetch(engine, run, &there, &sites, watch, told),
    );
    let (here, there) = (here?, there?);
    Ok(ArtifactReport { ok: here.ok + there.ok, failed: here.failed + there.failed })
}

async fn note_missing_media(engine: &Engine, run: RunId, missing: u64) -> Result<()> {
    if missing == 0 {
        return Ok(());
    }
    let note = match missing {
        1 => "1 attached file is missing or damaged, so this archive does not hold it as it was attached; the log names it. \
              Attach it again on its device's page."
            .to_owned(),
        _ => format!(
            "{missing} attached files are missing or damaged, so this archive does not hold them as they were attached; the \
             log names them. Attach them again on their devices' pages."
        ),
    };
    let mut tx = engine.db.write().await?;
    run_note_insert_in_txn(&mut tx, run, &note, now()).await?;
    Ok(tx.commit().await?)
}

/// Why an archive is none: it covers devices and holds no configuration of any, or it holds nothing at all.
fn nothing_archived(config: &BackupConfig, devices: &[Device], counts: Counts) -> Option<String> {
    if !devices.is_empty() && counts.configs == 0 {
        return Some(
            "No device gave its configuration, and none is stored from before; no archive was made. The results say \
             why."
                .to_owned(),
        );
    }
    let is_empty = counts.configs + counts.database_rows + counts.files == 0;
    is_empty.then(|| {
        format!("There was nothing to archive: \"{}\" leaves everything out that there is.", config.name)
    })
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
