//! Works on the queue: claims jobs, keeps their leases, ends them.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use etiqa_model::class::Class;
use etiqa_model::device::Device;
use etiqa_model::event::Topic;
use etiqa_model::{DeviceId, ErrorKind, JobId, UserError};
use futures::FutureExt;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::queue::{AT_ONCE, PART, SEND, Work};
use crate::backup::destinations::{queue_missed, send_due};
use crate::backup::execute_run;
use crate::backup::restore::drill::drill_run;
use crate::backup::spread::{collect_part, fetch_part};
use crate::backup::verify::verify_run;
use crate::changes::collect_changed;
use crate::collect::CLEAN_UP;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::fleet::{Purpose, Share, collect_fleet, fetch_artifacts, test_now, without_session};
use crate::inventory_sources;
use crate::lease::{self, LEASE};
use crate::machines::{self, Sites};
use crate::notify;
use crate::panics;
use crate::reachability;
use crate::rules;
use crate::store::device::device_list_of;
use crate::store::job::{Job, Taker, job_claim, job_claim_one, job_finish, job_release, job_renew};
use crate::time::now;

/// Jobs that another process queued are looked for this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Devices in one query.
const READ_AT_ONCE: usize = 500;
/// A job that failed so often is given up.
const MOST_ATTEMPTS: u32 = 5;
/// The wait before a second attempt; each one after it is four times as long.
const FIRST_WAIT: Duration = Duration::from_secs(10);
/// How long running jobs may take to end when the program stops; all of them stop at once.
const STOP_WITHIN: Duration = Duration::from_secs(10);
/// How long, where a device is being rid of a backup that was made on it.
const CLEAN_UP_WITHIN: Duration = CLEAN_UP.saturating_add(STOP_WITHIN);
/// What takes longer than this to end is worth a word to who waits for it.
const SOON: Duration = Duration::from_secs(2);

/// All kinds that there are.
static KINDS: LazyLock<Vec<&str>> = LazyLock::new(|| AT_ONCE.iter().map(|(kind, _)| *kind).collect());

/// Works on the queue until the program stops, then waits for what runs to end: on what there is to do at a site, where one
/// is named, else on everything that no site's own workers do.
pub async fn worker(engine: Arc<Engine>, site: Option<String>) {
    let mut jobs = JoinSet::new();
    let in_hand = Arc::new(InHand::default());
    let places: Vec<(&str, Arc<Semaphore>)> =
        AT_ONCE.iter().map(|&(kind, most)| (kind, Arc::new(Semaphore::new(most)))).collect();
    while !engine.stopping.is_cancelled() {
        engine.health.worker.again_within(LOOK_EVERY);
        while jobs.try_join_next().is_some() {}
        let free: Vec<&str> = places
            .iter()
            .filter(|(kind, places)| !is_full(&engine, kind, places))
            .map(|(kind, _)| *kind)
            .collect();
        let claimed = if free.is_empty() { None } else { claim(&engine, site.as_deref(), &free).await };
        if let Some(job) = claimed {
            // Its lease was over because this process stood still, and is renewed by the claim: who works on it goes on.
            let Some(held) = in_hand.take(job.id) else { continue };
            // Only this task takes places, so there is one.
            let place = places.iter().find(|(kind, _)| *kind == job.kind);
            let place = place.and_then(|(_, places)| Arc::clone(places).try_acquire_owned().ok());
            let (engine, share) = (Arc::clone(&engine), take_on(&engine, &job));
            jobs.spawn(async move {
                work_on(&engine, job, share).await;
                drop((place, held));
            });
            continue;
        }
        tokio::select! {
            () = engine.stopping.cancelled() => {}
            () = engine.work.notified() => {}
            _ = jobs.join_next(), if !jobs.is_empty() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
    // What ends now takes its own time, and is bounded by itself.
    engine.health.worker.rest();
    if end_of(&engine, async { while jobs.join_next().await.is_some() {} }).await.is_none() {
        tracing::warn!("some jobs did not end in time; they go on at the next start");
    }
}

/// The jobs that this process works on.
#[derive(Default)]
struct InHand(Mutex<HashSet<JobId>>);

impl InHand {
    /// Takes a job in hand until what comes back is dropped; none where it is already.
    fn take(self: &Arc<Self>, id: JobId) -> Option<Held> {
        let is_new = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        is_new.then(|| Held { by: Arc::clone(self), id })
    }
}

/// A job in hand.
struct Held {
    by: Arc<InHand>,
    id: JobId,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.by.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

/// Whether a process has enough of one kind of work. Of parts of runs it takes as many as keep its sessions
/// busy, and no more: other machines may have some to spare.
fn is_full(engine: &Engine, kind: &str, places: &Semaphore) -> bool {
    let most = AT_ONCE.iter().find(|(known, _)| *known == kind).map_or(0, |(_, most)| *most);
    let taken = most - places.available_permits();
    let is_enough = kind == PART && engine.load.is_enough_for(engine.sessions.limit());
    is_enough || taken == most
}

/// Takes on the devices that a job asks for its run.
fn take_on(engine: &Engine, job: &Job) -> Share {
    let devices = match Work::from_payload(&job.payload) {
        Ok(Work::Part { devices, .. }) => devices.len(),
        _ => 0,
    };
    engine.load.take_on(devices)
}

/// Waits for `work` to end, which was told to stop: not for long, but where a device is being rid of a backup that was
/// made on it. None: it did not end in time.
pub async fn end_of<T>(engine: &Engine, work: impl Future<Output = T>) -> Option<T> {
    let since = Instant::now();
    let mut said = false;
    tokio::pin!(work);
    loop {
        if let Ok(ended) = tokio::time::timeout(SOON, &mut work).await {
            return Some(ended);
        }
        let is_clearing_up = engine.artifact_errands.are_on();
        if is_clearing_up && !said {
            tracing::info!(
                "waiting for a device to be rid of a backup that was made on it; a minute at most"
            );
            said = true;
        }
        if since.elapsed() >= if is_clearing_up { CLEAN_UP_WITHIN } else { STOP_WITHIN } {
            return None;
        }
    }
}

/// Works on one job here and now, unless somebody else has it.
pub async fn work_on_one(engine: &Arc<Engine>, id: JobId) -> Result<()> {
    let at = now();
    if let Some(job) = job_claim_one(&engine.db, id, taker(engine, None, &KINDS), at, at.plus(LEASE)).await? {
        let share = take_on(engine, &job);
        work_on(engine, job, share).await;
    }
    Ok(())
}

/// What this process takes of the queue.
fn taker<'a>(engine: &'a Engine, site: Option<&'a str>, takes: &'a [&'a str]) -> Taker<'a> {
    // What was queued for the data directory alone is done by whoever has that, also once it shares a folder.
    Taker { owner: &engine.owner, folders: [engine.dir.id(), engine.dir.files_id()], site, takes }
}

async fn claim(engine: &Engine, site: Option<&str>, takes: &[&str]) -> Option<Job> {
    let (at, by) = (now(), taker(engine, site, takes));
    job_claim(&engine.db, by, at, at.plus(LEASE)).await.unwrap_or_else(|error| {
        tracing::error!(%error, "the queue could not be read");
        None
    })
}

async fn work_on(engine: &Arc<Engine>, job: Job, share: Share) {
    let (id, attempts) = (job.id, job.attempts);
    let renewing = Arc::clone(engine);
    let renew = move |until| {
        let engine = Arc::clone(&renewing);
        async move { job_renew(&engine.db, id, &engine.owner, until).await }
    };
    let lost = CancellationToken::new();
    let keep = lease::keep(format!("job {id}"), lost.clone(), renew);
    let result = tokio::select! {
        result = execute_or_say_why(engine, &job, &share) => result,
        () = lost.cancelled(), if !has_own_lease(&job) => {
            tracing::warn!(job = %id, "job {id} is somebody else's by now, and goes on there");
            return;
        }
    };
    drop(keep);
    let at = now();
    let written = match result {
        Ok(Then::Later(wait)) => job_release(&engine.db, id, &engine.owner, at.plus(wait), None).await,
        Ok(Then::Over) if engine.stopping.is_cancelled() => {
            job_release(&engine.db, id, &engine.owner, at, None).await
        }
        Ok(Then::Over) => job_finish(&engine.db, id, &engine.owner, None, at).await,
        Err(error) if attempts < MOST_ATTEMPTS => {
            let wait = FIRST_WAIT * 4_u32.saturating_pow(attempts.saturating_sub(1));
            tracing::warn!(job = %id, attempts, wait_s = wait.as_secs(), %error, "job {id} failed; it is tried again");
            let sentence = error.into_user_error().message;
            job_release(&engine.db, id, &engine.owner, at.plus(wait), Some(&sentence)).await
        }
        Err(error) => {
            let sentence = error.into_user_error().message;
            job_finish(&engine.db, id, &engine.owner, Some(&sentence), at).await
        }
    };
    if let Err(error) = written {
        tracing::error!(job = %id, %error, "the end of job {id} could not be written");
    } else if job.kind == SEND {
        queue_missed(engine).await;
    }
    engine.events.send(Topic::Jobs, id.0);
}

/// Who works on what has a lease of its own is told by that where it is somebody else's.
fn has_own_lease(job: &Job) -> bool {
    Work::from_payload(&job.payload).is_ok_and(|work| work.has_own_lease())
}

/// Does what a job asks for. Code that panics has failed like any other. What ends the whole program, again and again, is left
/// alone: nobody would be there to give it up.
async fn execute_or_say_why(engine: &Arc<Engine>, job: &Job, share: &Share) -> Result<Then> {
    let id = job.id;
    let work = Work::from_payload(&job.payload)?;
    if job.attempts > MOST_ATTEMPTS && !work.is_of_run() {
        let sentence = format!(
            "The program ended {} times while it worked on this. Its log says why; try it again when that is mended.",
            job.attempts - 1
        );
        return Err(UserError::conflict(sentence).into());
    }
    match AssertUnwindSafe(execute(engine, id, work, share)).catch_unwind().await {
        Ok(done) => done,
        Err(panic) => {
            tracing::error!(job = %id, panic = panics::words(&*panic), "job {id} broke");
            Err(UserError::internal().into())
        }
    }
}

/// What comes after a job that did not fail.
enum Then {
    /// It is done.
    Over,
    /// It was not begun: it is to be taken again after so long.
    Later(Duration),
}

async fn execute(engine: &Arc<Engine>, id: JobId, work: Work, share: &Share) -> Result<Then> {
    let done = match work {
        Work::Change { device } => {
            let wait = collect_changed(engine, id, device).await?;
            return Ok(wait.map_or(Then::Over, Then::Later));
        }
        Work::ArtifactPart { run, device } => {
            let wait = fetch_part(engine, run, device).await?;
            return Ok(wait.map_or(Then::Over, Then::Later));
        }
        Work::Inventory { source, by_person, all_the_same } => {
            let asked = inventory_sources::Asked { by_person, all_the_same };
            let wait = inventory_sources::sync_queued(engine, source, asked).await?;
            return Ok(wait.map_or(Then::Over, Then::Later));
        }
        Work::Run { run } => execute_run(engine, run).await,
        Work::Collect { devices } => {
            let purpose = Purpose { run: None, job: Some(id), may_reuse: false };
            let sites = machines::sites(engine).await?;
            let (deserted, found): (Vec<_>, Vec<_>) =
                found(engine, devices).await?.into_iter().partition(|device| sites.is_deserted(&device.site));
            for device in &deserted {
                let sentence = Sites::nobody_at(&device.site);
                without_session(engine, device, purpose, Class::Unreachable, sentence).await?;
            }
            collect_fleet(engine, found, purpose, &engine.stopping, |_| {}).await?;
            engine.events.send(Topic::Devices, None);
            Ok(())
        }
        Work::Artifact { devices } => {
            let found = found(engine, devices).await?;
            let purpose = Purpose { run: None, job: Some(id), may_reuse: false };
            fetch_artifacts(engine, found, purpose, &engine.stopping, |_| {}).await?;
            Ok(())
        }
        Work::Verify { run } => unless_gone(verify_run(engine, run).await),
        Work::Drill { run } => unless_gone(drill_run(engine, run, None).await),
        // For another data directory it is never taken.
        Work::Send { destination, .. } => send_due(engine, destination).await,
        Work::Notify { channel } => notify::send_due(engine, channel).await,
        Work::Reach { site } => reachability::look(engine, site.as_deref()).await,
        Work::Test { device } => test_now(engine, device).await,
        Work::Rules { all } => rules::run(engine, id, all).await,
        Work::Part { run, devices, .. } => collect_part(engine, run, devices, share).await,
    };
    done.map(|()| Then::Over)
}

/// What was to be looked at may have been removed meanwhile; that is no failure.
fn unless_gone<T>(looked: Result<T>) -> Result<()> {
    match looked {
        Err(Error::User(error)) if error.kind == ErrorKind::NotFound => Ok(()),
        looked => looked.map(|_| ()),
    }
}

/// The devices that are still there.
async fn found(engine: &Engine, devices: Vec<DeviceId>) -> Result<Vec<Device>> {
    let mut found = Vec::with_capacity(devices.len());
    for some in devices.chunks(READ_AT_ONCE) {
        found.extend(device_list_of(&engine.db, some).await?);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_in_hand_once_until_it_is_let_go() {
        let in_hand = Arc::new(InHand::default());
        let held = in_hand.take(JobId(7));
        assert!(held.is_some() && in_hand.take(JobId(7)).is_none() && in_hand.take(JobId(8)).is_some());
        drop(held);
        assert!(in_hand.take(JobId(7)).is_some());
    }
}
