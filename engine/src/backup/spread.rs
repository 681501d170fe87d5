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
use etiqa_model::event::Topic;
use etiqa_model::machine::{MachineRole, MachineState};
use etiqa_model::run::{Phase, Progress, Run, RunStatus, Trigger};
use etiqa_model::{DeviceId, RunId};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::watch::Watch;
use crate::engine::{Engine, Role};
use crate::error::Result;
use crate::fleet::{FleetReport, Purpose, collect_fleet};
use crate::machines;
use crate::schedule::{Work, enqueue_in_txn};
use crate::store::device::device_list_of;
use crate::store::job::{job_drop_waiting_parts, job_list_open_parts, job_place_in_txn};
use crate::store::result::{NewResult, result_insert_in_txn, result_list_classes_of_run};
use crate::store::run::{run_fetch, run_is_cancelling};
use crate::time::now;

/// Devices in one part: few, so that all machines have something to do until the end.
pub(crate) const PART: usize = 8;
/// How often is looked what came of the parts.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often whether a run goes on is looked by who works on a part of it.
const LOOK_IF_WANTED: Duration = Duration::from_millis(250);
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

/// Collects a run's devices by whoever works at their sites, and waits for the end of it.
pub(super) async fn collect(
    engine: &Arc<Engine>,
    run: &Run,
    devices: &[Device],
    watch: &Watch,
) -> Result<FleetReport> {
    queue(engine, run.id, devices).await?;
    let total = u32::try_from(devices.len()).unwrap_or(u32::MAX);
    let mut lonely: BTreeMap<String, Instant> = BTreeMap::new();
    loop {
        let report = count(engine, run.id).await?;
        watch.step(Phase::Collecting, Progress { done: report.done(), total });
        if watch.cancel.is_cancelled() {
            // What nobody has begun is not begun; who is at it sees for themselves that the run is over.
            job_drop_waiting_parts(&engine.db, run.id, None).await?;
        }
        let open = job_list_open_parts(&engine.db, run.id).await?;
        if open.is_empty() || (watch.cancel.is_cancelled() && engine.stopping.is_cancelled()) {
            let mut report = count(engine, run.id).await?;
            report.gone = total.saturating_sub(report.ok + report.failed);
            return Ok(report);
        }
        give_up_lonely(engine, run.id, devices, &open, &mut lonely).await?;
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn queue(engine: &Engine, run: RunId, devices: &[Device]) -> Result<()> {
    let mut by_site: BTreeMap<&str, Vec<DeviceId>> = BTreeMap::new();
    for device in devices {
        by_site.entry(&device.site).or_default().push(device.id);
    }
    let at = now();
    let mut tx = engine.db.write().await?;
    let mut number = 0_u32;
    for (site, devices) in by_site {
        for part in devices.chunks(PART) {
            number += 1;
            let work = Work::Part { run, number, devices: part.to_vec() };
            let job = enqueue_in_txn(&mut tx, &work, at).await?;
            job_place_in_txn(&mut tx, job, if site == DEFAULT_SITE { "" } else { site }).await?;
        }
    }
    tx.commit().await?;
    engine.work.notify_one();
    engine.events.send(Topic::Jobs, None);
    Ok(())
}

async fn count(engine: &Engine, run: RunId) -> Result<FleetReport> {
    let mut report = FleetReport::default();
    for (_, class) in result_list_classes_of_run(&engine.db, run).await? {
        report.count(Some(class));
    }
    Ok(report)
}

/// A site whose workers are all gone holds up the others for a while, and then fails alone.
async fn give_up_lonely(
    engine: &Engine,
    run: RunId,
    devices: &[Device],
    open: &[String],
    lonely: &mut BTreeMap<String, Instant>,
) -> Result<()> {
    if open.iter().all(String::is_empty) {
        return Ok(());
    }
    let machines = machines::known(engine).await?;
    let workers = |site: &str| {
        let of_site = machines.iter().filter(|(machine, _)| machine.site.as_deref() == Some(site));
        let states: Vec<MachineState> = of_site.map(|(_, state)| *state).collect();
        (states.len(), states.iter().filter(|state| **state == MachineState::Alive).count())
    };
    lonely.retain(|site, _| open.contains(site) && workers(site).1 == 0);
    for site in open.iter().filter(|site| !site.is_empty()) {
        let (known, alive) = workers(site);
        if known == 0 || alive > 0 {
            continue;
        }
        if lonely.entry(site.clone()).or_insert_with(Instant::now).elapsed() < WAIT_FOR_SITE {
            continue;
        }
        job_drop_waiting_parts(&engine.db, run, Some(site)).await?;
        let done: HashSet<DeviceId> =
            result_list_classes_of_run(&engine.db, run).await?.into_iter().map(|(id, _)| id).collect();
        for device in devices.iter().filter(|device| device.site == *site && !done.contains(&device.id)) {
            note_lonely(engine, run, device).await?;
        }
    }
    Ok(())
}

async fn note_lonely(engine: &Engine, run: RunId, device: &Device) -> Result<()> {
    let at = now();
    let message = format!(
        "No worker of the site {} is heard of: start `etiqa worker --site {}` there, or forget it on the page Machines.",
        device.site, device.site
    );
    let new = NewResult {
        device_id: device.id,
        run_id: Some(run),
        job_id: None,
        class: Class::Unreachable,
        message,
        size_bytes: 0,
        driver: None,
        driver_sha256: None,
        started_at: at,
        finished_at: at,
        reused: false,
        transcript: None,
    };
    let mut tx = engine.db.write().await?;
    result_insert_in_txn(&mut tx, &new).await?;
    tx.commit().await?;
    engine.events.send(Topic::Devices, device.id.0);
    Ok(())
}

/// Collects one part of a run, as far as that was not done before; what a stop cut off is begun anew.
pub(crate) async fn collect_part(engine: &Arc<Engine>, run: RunId, devices: Vec<DeviceId>) -> Result<()> {
    let Some(run) = run_fetch(&engine.db, run).await?.filter(|run| run.status == RunStatus::Running) else {
        return Ok(());
    };
    let done: HashSet<DeviceId> =
        result_list_classes_of_run(&engine.db, run.id).await?.into_iter().map(|(id, _)| id).collect();
    let left: Vec<DeviceId> = devices.into_iter().filter(|id| !done.contains(id)).collect();
    let found = device_list_of(&engine.db, &left).await?;
    let cancel = engine.stopping.child_token();
    let may_reuse = matches!(run.trigger, Trigger::Schedule | Trigger::Retry);
    let purpose = Purpose { run: Some(run.id), job: None, may_reuse };
    tokio::select! {
        collected = collect_fleet(engine, found, purpose, &cancel, |_| {}) => collected.map(drop),
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
