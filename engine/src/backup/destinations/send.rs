//! The sending itself: everything that is due at one destination, one archive after another, until one does not go.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use etiqa_model::destination::{ArchiveCopy, CopyState, DestinationSettings};
use etiqa_model::event::Topic;
use etiqa_model::{DestinationId, JobId, RunId, Timestamp};

use super::deliver::{Parcel, deliver};
use super::done::{Done, note_done, note_failed};
use super::place::{Headway, Place, PlaceError};
use super::withdraw::withdraw;
use super::{git, open, part};
use crate::engine::Engine;
use crate::error::Result;
use crate::failpoint::failpoint;
use crate::pause::paused_since;
use crate::schedule::queue::{Work, enqueue};
use crate::schedule::worker::work_on_one;
use crate::store::archive_copy::{
    DueCopy, copy_begin, copy_list_due_destinations, copy_list_waiting, copy_next_due,
};
use crate::store::destination::{KeyedDestination, destination_fetch};
use crate::store::job::job_fetch_open_by_key;
use crate::time::now;

/// Archives on their way back that a killed process left are looked for at the start of this one.
static HAS_SWEPT: AtomicBool = AtomicBool::new(false);

/// Queues the sending to every destination for which something is due here. A restored instance sends nothing until
/// somebody confirms.
pub(crate) async fn queue_due(engine: &Engine, at: Timestamp) -> Result<()> {
    if !HAS_SWEPT.swap(true, Ordering::Relaxed) {
        part::sweep(engine).await;
    }
    let due = copy_list_due_destinations(&engine.db, engine.dir.files_id(), at).await?;
    if due.is_empty() || paused_since(engine).await?.is_some() {
        return Ok(());
    }
    for destination in due {
        queue(engine, destination).await?;
    }
    Ok(())
}

/// The same once a sending has ended: what became due after its last look found that one still open, and queued nothing.
pub(crate) async fn queue_missed(engine: &Engine) {
    if let Err(error) = queue_due(engine, now()).await {
        tracing::warn!(%error, "what is to be sent could not be looked for; that is done again in a minute at most");
    }
}

async fn queue(engine: &Engine, destination: DestinationId) -> Result<JobId> {
    let work = Work::Send { destination, data_dir: engine.dir.files_id().to_owned() };
    // Looking takes no write lock, and this is asked every few seconds.
    let open = match work.idempotency_key() {
        Some(key) => job_fetch_open_by_key(&engine.db, &key).await?,
        None => None,
    };
    match open {
        Some(job) => Ok(job),
        None => enqueue(engine, &work).await,
    }
}

/// Sends here and now what is due: for a command beside which no server lives.
pub async fn send_now(engine: &Arc<Engine>) -> Result<()> {
    if paused_since(engine).await?.is_some() {
        return Ok(());
    }
    for destination in copy_list_due_destinations(&engine.db, engine.dir.files_id(), now()).await? {
        let job = queue(engine, destination).await?;
        work_on_one(engine, job).await?;
    }
    Ok(())
}

/// Copies of these runs that are not where they should be.
pub async fn still_waiting(engine: &Engine, runs: &[RunId]) -> Result<Vec<ArchiveCopy>> {
    Ok(copy_list_waiting(&engine.db, runs).await?)
}

/// A place that is open, and what was said of it then.
struct Opened {
    place: Box<dyn Place>,
    settings: DestinationSettings,
}

/// Sends and deletes whatever is due at a destination, until something does not work or the program stops. Only a lost
/// database is an error: all else is noted at the destination and its copies.
pub(crate) async fn send_due(engine: &Engine, id: DestinationId) -> Result<()> {
    let mut opened: Option<Opened> = None;
    while !engine.stopping.is_cancelled() && paused_since(engine).await?.is_none() {
        let at = now();
        let Some(keyed) = destination_fetch(&engine.db, id).await? else { return Ok(()) };
        let is_paused = keyed.destination.paused_until.is_some_and(|until| until > at);
        if !keyed.destination.enabled || is_paused {
            return Ok(());
        }
        let Some(copy) = copy_next_due(&engine.db, id, engine.dir.files_id(), at).await? else {
            return Ok(());
        };
        if !copy_begin(&engine.db, copy.id, copy.state).await? {
            continue;
        }
        // Only now, for a move of the destination from here on makes this try count no more.
        let Some(keyed) = destination_fetch(&engine.db, id).await? else { return Ok(()) };
        engine.events.send(Topic::Runs, copy.run.0);
        let done = handle(engine, &keyed, &copy, &mut opened).await?;
        // What the stop cut off is no failure; it is begun anew at the next start.
        if done.is_err() && engine.stopping.is_cancelled() {
            return Ok(());
        }
        let goes_on = match done {
            Ok(done) => note_done(engine, &keyed, &copy, done).await.map(|()| true),
            Err(error) => note_failed(engine, &keyed, &copy, &error).await,
        };
        engine.events.send(Topic::Runs, copy.run.0);
        engine.events.send(Topic::Admin, id.0);
        if !goes_on? {
            return Ok(());
        }
    }
    Ok(())
}

async fn handle(
    engine: &Engine,
    keyed: &KeyedDestination,
    copy: &DueCopy,
    opened: &mut Option<Opened>,
) -> Result<Result<Done, PlaceError>> {
    let headway = Headway::new(&engine.stopping);
    let settings = &keyed.destination.settings;
    if let DestinationSettings::Git(mirror) = settings {
        if copy.state == CopyState::Leaving {
            // History is what a mirror is for.
            return Ok(Ok(Done::Absent));
        }
        let secrets = open::secrets_of(engine, keyed)?;
        let committed = git::commit_run(engine, keyed, mirror, &secrets, copy.run, &headway).await;
        return Ok(committed.map(Done::Sent));
    }
    let path = engine.dir.backups().join(&copy.file);
    if copy.state == CopyState::Waiting && !is_file(&path).await {
        return Ok(Err(PlaceError::one_file("The archive's file is not here, so it cannot be sent.")));
    }
    // One whose destination was changed meanwhile is left.
    let open = match opened.take().filter(|open| open.settings == *settings) {
        Some(open) => open,
        None => match open::open(engine, keyed, &headway).await? {
            Ok(place) => Opened { place, settings: settings.clone() },
            Err(error) => return Ok(Err(error)),
        },
    };
    // Ours alone: no other instance and no other copy has this name.
    let stage = format!(".etiqa-{}-{}.part", engine.dir.files_id(), copy.id);
    let parcel =
        Parcel { path: &path, name: &copy.file, size: copy.size_bytes, sha256: &copy.sha256, stage: &stage };
    let done = match copy.state {
        CopyState::Waiting => headway.watch(deliver(&*open.place, &parcel, &headway)).await.map(|name| {
            failpoint("send.delivered");
            Done::Sent(name)
        }),
        CopyState::Leaving | CopyState::Sent | CopyState::Gone => {
            let keep = keyed.destination.keep;
            headway.watch(withdraw(&*open.place, keep, copy, &parcel, &headway)).await
        }
    };
    // A connection on which something went wrong is opened anew.
    if done.is_ok() {
        *opened = Some(open);
    }
    Ok(done)
}

async fn is_file(path: &Path) -> bool {
    tokio::fs::metadata(path).await.is_ok_and(|there| there.is_file())
}
