//! What people see of the queue, and do with it.

use etiqa_model::event::Topic;
use etiqa_model::job::{JobRow, JobState};
use etiqa_model::page::{Page, Paged};
use etiqa_model::{JobId, Timestamp, UserError};

use super::queue::Work;
use crate::audit::{Act, action, record_in_txn};
use crate::engine::Engine;
use crate::error::Result;
use crate::store::after::{job_fetch_listed, job_list_before};
use crate::store::destination::destination_list_names;
use crate::store::job::{ListedJob, job_find, job_forget_in_txn, job_list, job_retry_in_txn};
use crate::time::now;

/// Jobs that are shown at once.
const MOST_SHOWN: u32 = 200;

/// What goes on, was given up or waits, in this order; the first two hundred.
pub async fn list(engine: &Engine) -> Result<Vec<JobRow>> {
    let jobs = job_list(&engine.db, MOST_SHOWN).await?;
    rows(engine, jobs, now()).await
}

/// A page of the same, of one state and one kind where named; an empty `kind` names none.
pub async fn find(engine: &Engine, state: Option<JobState>, kind: &str, page: Page) -> Result<Paged<JobRow>> {
    let at = now();
    let (jobs, total) = job_find(&engine.db, state, kind, at, page).await?;
    Ok(Paged { rows: rows(engine, jobs, at).await?, total, page })
}

/// At most `limit` of them with smaller numbers than `before`, newest first; of one state and one kind where named.
pub async fn list_before(
    engine: &Engine,
    state: Option<JobState>,
    kind: &str,
    before: Option<JobId>,
    limit: u32,
) -> Result<Vec<JobRow>> {
    let at = now();
    let jobs = job_list_before(&engine.db, state, kind, at, before, limit).await?;
    rows(engine, jobs, at).await
}

/// The job of this number, where it waits, goes on or was given up.
pub async fn fetch(engine: &Engine, id: JobId) -> Result<JobRow> {
    let found = job_fetch_listed(&engine.db, id).await?;
    let shown = rows(engine, found.into_iter().collect(), now()).await?.pop();
    Ok(shown.ok_or_else(|| UserError::not_found(format!("job {id}")))?)
}

async fn rows(engine: &Engine, jobs: Vec<ListedJob>, at: Timestamp) -> Result<Vec<JobRow>> {
    let names = destination_list_names(&engine.db).await?;
    let destination = |id| {
        let found = names.iter().find(|destination| destination.id == id);
        found.map_or_else(|| format!("destination {id}"), |destination| destination.name.clone())
    };
    Ok(jobs
        .into_iter()
        .map(|job| {
            let work = Work::from_payload(&job.payload).ok();
            let (title, href) = match &work {
                Some(work) => told(work, destination),
                // Of a newer version of this program.
                None => ("Work that this version does not know".to_owned(), None),
            };
            let is_held = job.lease_expires_at.is_some_and(|until| until > at);
            JobRow {
                id: job.id,
                title,
                href,
                state: state(&job, is_held),
                attempts: job.attempts,
                due_at: job.due_at,
                created_at: job.created_at,
                worker: job.lease_owner.filter(|_| is_held),
                error: job.error,
            }
        })
        .collect())
}

fn state(job: &ListedJob, is_held: bool) -> JobState {
    match job.attempts {
        _ if job.dead => JobState::Dead,
        _ if is_held => JobState::Running,
        0 => JobState::Waiting,
        _ => JobState::Retrying,
    }
}

fn told(work: &Work, destination: impl Fn(etiqa_model::DestinationId) -> String) -> (String, Option<String>) {
    let of_run =
        |what: &str, run: &etiqa_model::RunId| (format!("{what} {run}"), Some(format!("/backup/run/{run}")));
    let devices = |what: &str, count: usize| {
        let noun = if count == 1 { "device" } else { "devices" };
        (format!("{what} {count} {noun}"), Some("/devices/".to_owned()))
    };
    match work {
        Work::Run { run } => of_run("Run", run),
        Work::Verify { run } => of_run("Verify the archive of run", run),
        Work::Drill { run } => of_run("Restore drill of run", run),
        Work::Collect { devices: of } => devices("Collect", of.len()),
        Work::Artifact { devices: of } => devices("Fetch vendor backups of", of.len()),
        Work::Send { destination: id, .. } => {
            (format!("Send to {}", destination(*id)), Some("/admin/destinations".to_owned()))
        }
        Work::Part { run, number, devices } => {
            let (title, href) = of_run("Collect for run", run);
            (format!("{title}, part {number} ({} devices)", devices.len()), href)
        }
        Work::ArtifactPart { run, device } => {
            let (title, _) = of_run("Fetch a vendor backup for run", run);
            (title, Some(format!("/devices/{device}")))
        }
        Work::Test { device } => ("Test a connection".to_owned(), Some(format!("/devices/{device}"))),
        Work::Reach { site } => {
            let of = site.as_ref().map(|site| format!(" of {site}")).unwrap_or_default();
            (format!("Look which devices{of} answer"), Some("/devices/".to_owned()))
        }
        Work::Rules { all } => {
            let what = if *all { "all configurations" } else { "what changed" };
            (format!("Hold {what} against the rules"), Some("/configs/rules".to_owned()))
        }
        Work::Inventory { source, .. } => (
            format!("Synchronise the inventory with source {source}"),
            Some(format!("/admin/inventory-sources?source={source}")),
        ),
        Work::Notify { channel } => {
            (format!("Send messages to channel {channel}"), Some("/admin/notifications".to_owned()))
        }
        Work::Change { device } => {
            (format!("Collect device {device}, which told of a change"), Some(format!("/devices/{device}")))
        }
    }
}

/// Has a job done now that was given up or waits for another attempt.
pub async fn retry(engine: &Engine, id: JobId) -> Result<()> {
    let mut tx = engine.db.write().await?;
    if !job_retry_in_txn(&mut tx, id, now()).await? {
        return Err(UserError::conflict("This job goes on or is over: there is nothing to try again.").into());
    }
    record_in_txn(&mut tx, Act::new(action::JOB_RETRY).on(id.0, "")).await?;
    tx.commit().await?;
    engine.tell_of_work();
    Ok(())
}

/// Forgets a job that was given up.
pub async fn forget(engine: &Engine, id: JobId) -> Result<()> {
    let mut tx = engine.db.write().await?;
    if !job_forget_in_txn(&mut tx, id).await? {
        return Err(UserError::conflict("Only a job that was given up can be forgotten.").into());
    }
    record_in_txn(&mut tx, Act::new(action::JOB_FORGET).on(id.0, "")).await?;
    tx.commit().await?;
    engine.events.send(Topic::Jobs, id.0);
    Ok(())
}
