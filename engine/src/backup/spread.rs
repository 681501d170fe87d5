//! A run's devices, collected by several machines: parts of a few devices are queued, each for its site, and whoever works
//! there takes one after the other.
//!
//! The run itself stays with the process that has claimed it: that waits for the parts, counts what came of them, and packs.
//! A part is done again when its worker vanishes; devices that have their result by then are passed over.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use etiqa_model::class::Class;
use etiqa_model::device::{DEFAULT_SITE, Device};
use etiqa_model::machine::{MachineRole, MachineState};
use etiqa_model::run::{Phase, Progress, Run, RunStatus, Trigger};
use etiqa_model::{DeviceId, RunId};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::watch::Watch;
use crate::artifacts::kind_of;
use crate::engine::{Engine, Role};
use crate::error::Result;
use crate::fleet::{
    ArtifactReport, FleetReport, Purpose, Share, Standing, collect_fleet, fetch_artifacts, without_artifact,
    without_session,
};
use crate::machines::{self, Sites};
use crate::schedule::{ARTIFACT_PART, PART as PART_KIND, Work, enqueue_in_txn};
use crate::store::artifact::artifact_result_list_classes_of_run;
use crate::store::device::device_list_of;
use crate::store::job::{job_bind_in_txn, job_drop_waiting_parts, job_list_open_parts, job_place_in_txn};
use crate::store::result::{result_list_classes_in_run, result_list_classes_of_run};
use crate::store::run::{run_fetch, run_is_cancelling};
use crate::time::now;

/// Devices in one part: few, so that all machines have something to do until the end.
const PART: usize = 16;
/// How often is looked what came of the parts.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often whether a run goes on is looked by who works on a part of it.
const LOOK_IF_WANTED: Duration = Duration::from_millis(700);
/// When a device is asked again whose own backup somebody else fetches.
const WHILE_BUSY: Duration = Duration::from_secs(10);
/// How long the parts of a site wait while none of its workers is heard of.
const WAIT_FOR_SITE: Duration = Duration::from_mins(2);

/// Whether a run that this process has is to be shared with others.
pub(super) async fn is_shared(engine: &Engine) -> Result<bool> {
    if engine.db.url().is_none() || !engine.owner.starts_with(Role::Server.owner_prefix()) {
        return Ok(false);
    }
    Ok(machines::known(engine).await?.into_iter().any(|(machine, state)| {
        let may_work = machine.role == MachineRole::Worker || state == MachineState::Alive;
        may_work && machine.owner != engine.owner
    }))
}

/// What a run asks its devices for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Texts,
    OwnBackups,
}

impl Asked {
    /// Begins the keys of its parts.
    fn key(self) -> &'static str {
        match self {
            Self::Texts => PART_KIND,
            Self::OwnBackups => ARTIFACT_PART,
        }
    }

    /// Who has a result of it, and which.
    async fn classes(self, engine: &Engine, run: RunId) -> Result<Vec<(DeviceId, Class)>> {
        Ok(match self {
            Self::Texts => result_list_classes_of_run(&engine.db, run).await?,
            Self::OwnBackups => artifact_result_list_classes_of_run(&engine.db, run).await?,
        })
    }
}

/// Collects a run's devices by whoever works at their sites, and waits for the end of it.
pub(super) async fn collect(
    engine: &Arc<Engine>,
    run: &Run,
    devices: &[Device],
    watch: &Watch,
) -> Result<FleetReport> {
    let mut by_site: BTreeMap<&str, Vec<DeviceId>> = BTreeMap::new();
    for device in devices {
        by_site.entry(&device.site).or_default().push(device.id);
    }
    let mut work = Vec::new();
    for (site, devices) in by_site {
        for part in devices.chunks(PART) {
            let number = u32::try_from(work.len() + 1).unwrap_or(u32::MAX);
            let place = if site == DEFAULT_SITE { "" } else { site };
            work.push((place, Work::Part { run: run.id, number, devices: part.to_vec() }));
        }
    }
    queue(engine, &work, None).await?;
    let total = u32::try_from(devices.len()).unwrap_or(u32::MAX);
    let heard = |done| watch.step(Phase::Collecting, Progress { done, total });
    wait(engine, run.id, devices, Asked::Texts, watch, heard).await?;
    if !watch.cancel.is_cancelled() {
        note_never_asked(engine, run.id, devices, Asked::Texts).await?;
    }
    let mut report = FleetReport::default();
    for (_, class) in Asked::Texts.classes(engine, run.id).await? {
        report.count(Some(class));
    }
    report.gone = total.saturating_sub(report.ok + report.failed);
    Ok(report)
}

/// A part that was given up leaves devices without a result: they are not good.
async fn note_never_asked(engine: &Engine, run: RunId, devices: &[Device], asked: Asked) -> Result<()> {
    // Who works on the parts may have seen before us that the run was cancelled.
    if run_is_cancelling(&engine.db, run).await? {
        return Ok(());
    }
    let done: HashSet<DeviceId> = asked.classes(engine, run).await?.into_iter().map(|(id, _)| id).collect();
    let left: Vec<DeviceId> =
        devices.iter().map(|device| device.id).filter(|id| !done.contains(id)).collect();
    // Those that were deleted meanwhile are none of the run's any more.
    for device in device_list_of(&engine.db, &left).await? {
        let message = match asked {
            Asked::Texts => {
                "It was not collected: the job that was to do it was given up. Admin, Jobs says why."
            }
            Asked::OwnBackups => {
                "Its own backup was not fetched: the job that was to do it was given up. Admin, Jobs says why."
            }
        };
        note(engine, run, &device, asked, Class::Incomplete, message.to_owned()).await?;
    }
    Ok(())
}

/// Has workers of their sites fetch the own backups of a run's devices, and waits for the end of it; `heard` is told how
/// many are there.
pub(super) async fn fetch(
    engine: &Arc<Engine>,
    run: &Run,
    devices: &[Device],
    sites: &Sites,
    watch: &Watch,
    heard: impl Fn(u32),
) -> Result<ArtifactReport> {
    let work: Vec<(&str, Work)> = devices
        .iter()
        .map(|device| (device.site.as_str(), Work::ArtifactPart { run: run.id, device: device.id }))
        .collect();
    queue(engine, &work, (!sites.all_share).then(|| engine.dir.files_id())).await?;
    wait(engine, run.id, devices, Asked::OwnBackups, watch, heard).await?;
    if !watch.cancel.is_cancelled() {
        note_never_asked(engine, run.id, devices, Asked::OwnBackups).await?;
    }
    let asked: HashSet<DeviceId> = devices.iter().map(|device| device.id).collect();
    let mut report = ArtifactReport::default();
    let classes = Asked::OwnBackups.classes(engine, run.id).await?;
    for (_, class) in classes.iter().filter(|(device, _)| asked.contains(device)) {
        *if class.is_good() { &mut report.ok } else { &mut report.failed } += 1;
    }
    Ok(report)
}

/// Queues parts of a run, each for its site; with `folder` for machines that keep their files there.
async fn queue(engine: &Engine, work: &[(&str, Work)], folder: Option<&str>) -> Result<()> {
    let at = now();
    let mut tx = engine.db.write().await?;
    for (site, work) in work {
        let job = enqueue_in_txn(&mut tx, work, at).await?;
        job_place_in_txn(&mut tx, job, site).await?;
        if let Some(folder) = folder {
            job_bind_in_txn(&mut tx, job, folder).await?;
        }
    }
    tx.commit().await?;
    engine.tell_of_work();
    Ok(())
}

/// Waits until no part of a run waits or is worked on.
async fn wait(
    engine: &Arc<Engine>,
    run: RunId,
    devices: &[Device],
    asked: Asked,
    watch: &Watch,
    heard: impl Fn(u32),
) -> Result<()> {
    let mut lonely: BTreeMap<String, Instant> = BTreeMap::new();
    let waited_for: HashSet<DeviceId> = devices.iter().map(|device| device.id).collect();
    loop {
        let done = asked.classes(engine, run).await?.into_iter().filter(|(id, _)| waited_for.contains(id));
        heard(u32::try_from(done.count()).unwrap_or(u32::MAX));
        if watch.cancel.is_cancelled() {
            // What nobody has begun is not begun; who is at it sees for themselves that the run is over.
            job_drop_waiting_parts(&engine.db, asked.key(), run, None, now()).await?;
        }
        let open = job_list_open_parts(&engine.db, asked.key(), run).await?;
        if open.is_empty() || (watch.cancel.is_cancelled() && engine.stopping.is_cancelled()) {
            return Ok(());
        }
        give_up_lonely(engine, run, devices, asked, &open, &mut lonely).await?;
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// A site whose workers are all gone holds up the others for a while, and then fails alone.
async fn give_up_lonely(
    engine: &Engine,
    run: RunId,
    devices: &[Device],
    asked: Asked,
    open: &[String],
    lonely: &mut BTreeMap<String, Instant>,
) -> Result<()> {
    if open.iter().all(String::is_empty) {
        return Ok(());
    }
    let sites = machines::sites(engine).await?;
    let present = match asked {
        Asked::Texts => &sites.alive,
        Asked::OwnBackups => &sites.sharing,
    };
    lonely.retain(|site, _| open.contains(site) && !present.contains(site));
    for site in open.iter().filter(|site| !site.is_empty() && !present.contains(*site)) {
        // Where no worker ever was, or the last one was forgotten, texts are the servers'.
        if asked == Asked::Texts && !sites.manned.contains(site) {
            continue;
        }
        if lonely.entry(site.clone()).or_insert_with(Instant::now).elapsed() < WAIT_FOR_SITE {
            continue;
        }
        job_drop_waiting_parts(&engine.db, asked.key(), run, Some(site), now()).await?;
        let done: HashSet<DeviceId> =
            asked.classes(engine, run).await?.into_iter().map(|(id, _)| id).collect();
        for device in devices.iter().filter(|device| device.site == *site && !done.contains(&device.id)) {
            let message = Sites::nobody_at(&device.site);
            note(engine, run, device, asked, Class::Unreachable, message).await?;
        }
    }
    Ok(())
}

/// Stores a result that no session brought.
async fn note(
    engine: &Engine,
    run: RunId,
    device: &Device,
    asked: Asked,
    class: Class,
    message: String,
) -> Result<()> {
    let purpose = Purpose { run: Some(run), job: None, may_reuse: false };
    match asked {
        Asked::Texts => without_session(engine, device, purpose, class, message).await?,
        Asked::OwnBackups => without_artifact(engine, device, purpose, class, message).await?,
    };
    Ok(())
}

/// Collects one part of a run, as far as that was not done before; what a stop cut off is begun anew.
pub(crate) async fn collect_part(
    engine: &Arc<Engine>,
    run: RunId,
    devices: Vec<DeviceId>,
    share: &Share,
) -> Result<()> {
    let Some(run) = run_fetch(&engine.db, run).await?.filter(|run| run.status == RunStatus::Running) else {
        return Ok(());
    };
    let done: HashSet<DeviceId> = result_list_classes_in_run(&engine.db, run.id, &devices)
        .await?
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    let left: Vec<DeviceId> = devices.into_iter().filter(|id| !done.contains(id)).collect();
    let found = device_list_of(&engine.db, &left).await?;
    let heard = |standing: Standing| {
        share.follow(standing.begun);
        if !engine.load.is_enough_for(engine.sessions.limit()) {
            engine.work.notify_one();
        }
    };
    let cancel = engine.stopping.child_token();
    let may_reuse = matches!(run.trigger, Trigger::Schedule | Trigger::Retry);
    let purpose = Purpose { run: Some(run.id), job: None, may_reuse };
    tokio::select! {
        collected = collect_fleet(engine, found, purpose, &cancel, heard) => collected.map(drop),
        error = until_unwanted(engine, run.id, &cancel) => error,
    }
}

/// Cancels the sessions when their run is; ends only with an error.
async fn until_unwanted(engine: &Engine, run: RunId, cancel: &CancellationToken) -> Result<()> {
    loop {
        tokio::time::sleep(LOOK_IF_WANTED).await;
        // A database that does not answer just now cancels nothing.
        if let Ok(true) = run_is_cancelling(&engine.db, run).await {
            cancel.cancel();
            return std::future::pending().await;
        }
    }
}

/// Fetches the own backup of one device of a run, unless that was done before. Some: somebody else is at it, so it is to be
/// tried again after so long.
pub(crate) async fn fetch_part(
    engine: &Arc<Engine>,
    run: RunId,
    device: DeviceId,
) -> Result<Option<Duration>> {
    let Some(run) = run_fetch(&engine.db, run).await?.filter(|run| run.status == RunStatus::Running) else {
        return Ok(None);
    };
    let done = Asked::OwnBackups.classes(engine, run.id).await?;
    if done.iter().any(|(id, _)| *id == device) {
        return Ok(None);
    }
    let Some(found) = device_list_of(&engine.db, &[device]).await?.pop() else { return Ok(None) };
    // Whether its platform has a backup of its own is for the drivers of now to say.
    engine.drivers.refresh(&engine.db, &engine.dir).await?;
    let kind_is_known = kind_of(engine, &found).await?.is_some();
    let cancel = engine.stopping.child_token();
    let purpose = Purpose { run: Some(run.id), job: None, may_reuse: false };
    tokio::select! {
        fetched = fetch_artifacts(engine, vec![found.clone()], purpose, &cancel, |_| {}) => {
            let fetched = fetched?;
            if fetched.failed > 0 {
                note_not_stored(engine, run.id, &[found]).await?;
            }
            // Somebody else is at it, or was a moment ago; or its platform has none any more.
            let is_busy = fetched == ArtifactReport::default() && kind_is_known;
            Ok(is_busy.then_some(WHILE_BUSY))
        }
        error = until_unwanted(engine, run.id, &cancel) => error.map(|()| None),
    }
}

/// What failed is counted by its result: where that could not be stored with the file, it is stored alone.
async fn note_not_stored(engine: &Engine, run: RunId, devices: &[Device]) -> Result<()> {
    let noted = Asked::OwnBackups.classes(engine, run).await?;
    let purpose = Purpose { run: Some(run), job: None, may_reuse: false };
    for device in devices.iter().filter(|device| !noted.iter().any(|(id, _)| *id == device.id)) {
        let message = "What it sent could not be stored; the program's log says why.".to_owned();
        without_artifact(engine, device, purpose, Class::Incomplete, message).await?;
    }
    Ok(())
}
