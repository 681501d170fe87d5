//! The sending itself: everything that is due at one destination, one archive after another, until one does not go.
//!
//! What keeps a destination from working pauses it: for a minute, then twice as long each time, six hours at most; a day
//! where only a person can mend it. Retry reads what the error says of itself, never its words.

use std::sync::Arc;
use std::time::Duration;

use etiqa_model::destination::{ArchiveCopy, CopyState, DestinationSettings, KeepCopies};
use etiqa_model::event::Topic;
use etiqa_model::{DestinationId, JobId, RunId, Timestamp};

use super::deliver::{Parcel, There, compare, deliver};
use super::place::{Headway, Outlook, Place, PlaceError};
use super::{git, open};
use crate::engine::Engine;
use crate::error::Result;
use crate::failpoint::failpoint;
use crate::pause::paused_since;
use crate::schedule::queue::{Work, enqueue};
use crate::schedule::worker::work_on_one;
use crate::store::archive_copy::{
    DueCopy, copy_begin, copy_list_due_destinations, copy_list_waiting, copy_next_due, copy_put_off_in_txn,
    copy_set_gone_in_txn, copy_set_sent_in_txn,
};
use crate::store::destination::{
    KeyedDestination, destination_failed_in_txn, destination_fetch, destination_worked_in_txn,
};
use crate::store::job::job_fetch_open_by_key;
use crate::store::run_note::run_note_insert_in_txn;
use crate::time::now;

/// The first pause of a destination that does not work; each one after it is twice as long.
const FIRST_PAUSE: Duration = Duration::from_mins(1);
const LONGEST_PAUSE: Duration = Duration::from_hours(6);
/// What only a person can mend is tried again once a day, for they may have mended it elsewhere.
const DAILY: Duration = Duration::from_hours(24);

/// Queues the sending to every destination for which something is due here. A restored instance sends nothing until
/// somebody confirms.
pub(crate) async fn queue_due(engine: &Engine, at: Timestamp) -> Result<()> {
    let due = copy_list_due_destinations(&engine.db, engine.dir.id(), at).await?;
    if due.is_empty() || paused_since(engine).await?.is_some() {
        return Ok(());
    }
    for destination in due {
        queue(engine, destination).await?;
    }
    Ok(())
}

async fn queue(engine: &Engine, destination: DestinationId) -> Result<JobId> {
    let work = Work::Send { destination, data_dir: engine.dir.id().to_owned() };
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
    for destination in copy_list_due_destinations(&engine.db, engine.dir.id(), now()).await? {
        let job = queue(engine, destination).await?;
        work_on_one(engine, job).await?;
    }
    Ok(())
}

/// Copies of these runs that are not where they should be.
pub async fn still_waiting(engine: &Engine, runs: &[RunId]) -> Result<Vec<ArchiveCopy>> {
    Ok(copy_list_waiting(&engine.db, runs).await?)
}

/// Sends and deletes whatever is due at a destination, until something does not work or the program stops. Only a lost
/// database is an error: all else is noted at the destination and its copies.
pub(crate) async fn send_due(engine: &Engine, id: DestinationId) -> Result<()> {
    let mut place: Option<Box<dyn Place>> = None;
    while !engine.stopping.is_cancelled() && paused_since(engine).await?.is_none() {
        let at = now();
        let Some(keyed) = destination_fetch(&engine.db, id).await? else { return Ok(()) };
        let is_paused = keyed.destination.paused_until.is_some_and(|until| until > at);
        if !keyed.destination.enabled || is_paused {
            return Ok(());
        }
        let Some(copy) = copy_next_due(&engine.db, id, engine.dir.id(), at).await? else { return Ok(()) };
        if !copy_begin(&engine.db, copy.id, copy.state).await? {
            continue;
        }
        engine.events.send(Topic::Runs, copy.run.0);
        let done = handle(engine, &keyed, &copy, &mut place).await?;
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

/// What was done about a copy.
enum Done {
    /// It is there under this name.
    Sent(String),
    /// It is gone from there, with a sentence for the run's notes where it had been there.
    Gone(Option<String>),
}

async fn handle(
    engine: &Engine,
    keyed: &KeyedDestination,
    copy: &DueCopy,
    place: &mut Option<Box<dyn Place>>,
) -> Result<Result<Done, PlaceError>> {
    let headway = Headway::new(&engine.stopping);
    if let DestinationSettings::Git(settings) = &keyed.destination.settings {
        if copy.state == CopyState::Leaving {
            // History is what a mirror is for.
            return Ok(Ok(Done::Gone(None)));
        }
        let secrets = open::secrets_of(engine, keyed)?;
        let committed = git::commit_run(engine, keyed, settings, &secrets, copy.run, &headway).await;
        return Ok(committed.map(Done::Sent));
    }
    let path = engine.dir.backups().join(&copy.file);
    if copy.state == CopyState::Waiting && !path.is_file() {
        return Ok(Err(PlaceError::one_file("The archive's file is not here, so it cannot be sent.")));
    }
    let opened = match place.take() {
        Some(open) => open,
        None => match open::open(engine, keyed).await? {
            Ok(open) => open,
            Err(error) => return Ok(Err(error)),
        },
    };
    // Ours alone: no other instance and no other copy has this name.
    let stage = format!(".etiqa-{}-{}.part", engine.dir.id(), copy.id);
    let parcel =
        Parcel { path: &path, name: &copy.file, size: copy.size_bytes, sha256: &copy.sha256, stage: &stage };
    let done = match copy.state {
        CopyState::Waiting => headway.watch(deliver(&*opened, &parcel, &headway)).await.map(|name| {
            failpoint("send.delivered");
            Done::Sent(name)
        }),
        CopyState::Leaving | CopyState::Sent | CopyState::Gone => {
            let withdrawn = withdraw(&*opened, keyed, copy, &parcel, &headway);
            headway.watch(withdrawn).await.map(Done::Gone)
        }
    };
    // A connection on which something went wrong is opened anew.
    if done.is_ok() {
        *place = Some(opened);
    }
    Ok(done)
}

/// Deletes a copy, and what an upload left that was cut off. What is not ours, as far as that can be told, stays.
async fn withdraw(
    place: &dyn Place,
    keyed: &KeyedDestination,
    copy: &DueCopy,
    parcel: &Parcel<'_>,
    headway: &Headway,
) -> Result<Option<String>, PlaceError> {
    let at = &keyed.destination.name;
    if place.can_rename() {
        place.delete(parcel.stage).await?;
    }
    if keyed.destination.keep == KeepCopies::Forever {
        return Ok(None);
    }
    let (name, is_ours) = match &copy.remote_name {
        Some(name) => match place.size_of(name).await? {
            None => return Ok(None),
            Some(size) => (name, size == copy.size_bytes),
        },
        // It may have come there whole, and the program ended before it could say so.
        None => (&copy.file, compare(place, &copy.file, parcel, headway).await? == There::Same),
    };
    if !is_ours {
        let said = copy.remote_name.as_ref();
        return Ok(said.map(|_| format!("Not deleted at {at}: {name} is another file there by now.")));
    }
    place.delete(name).await?;
    Ok(Some(format!("Deleted at {at}.")))
}

async fn note_done(engine: &Engine, keyed: &KeyedDestination, copy: &DueCopy, done: Done) -> Result<()> {
    let (at, destination) = (now(), &keyed.destination);
    let mut tx = engine.db.write().await?;
    match &done {
        Done::Sent(name) => copy_set_sent_in_txn(&mut tx, copy.id, name, at).await?,
        Done::Gone(note) => {
            let is_new = copy_set_gone_in_txn(&mut tx, copy.id).await?;
            if let Some(note) = note.as_ref().filter(|_| is_new) {
                run_note_insert_in_txn(&mut tx, copy.run, note, at).await?;
            }
        }
    }
    destination_worked_in_txn(&mut tx, destination.id, at).await?;
    tx.commit().await?;
    let (run, file, place) = (copy.run, &copy.file, &destination.name);
    match done {
        Done::Sent(_) => tracing::info!(%run, %file, destination = %place, "{file} is at {place}"),
        Done::Gone(_) => tracing::info!(%run, %file, destination = %place, "{file} is gone from {place}"),
    }
    Ok(())
}

/// Notes why it did not work; false when the destination is not to be asked for anything else now.
async fn note_failed(
    engine: &Engine,
    keyed: &KeyedDestination,
    copy: &DueCopy,
    error: &PlaceError,
) -> Result<bool> {
    let (at, destination) = (now(), &keyed.destination);
    // What may not be deleted keeps nothing from being sent: logins that may only add are there for a reason.
    let is_of_one = error.outlook == Outlook::OneFile
        || (copy.state == CopyState::Leaving && error.outlook == Outlook::Permanent);
    let failures = destination.failures.saturating_add(1);
    let pause = match error.outlook {
        _ if is_of_one => DAILY,
        Outlook::Temporary => pause_after(failures),
        Outlook::Permanent | Outlook::OneFile => DAILY,
    };
    let until = at.plus(pause);
    let mut tx = engine.db.write().await?;
    copy_put_off_in_txn(&mut tx, copy.id, &error.message, until).await?;
    if !is_of_one {
        destination_failed_in_txn(&mut tx, destination.id, &error.message, failures, until).await?;
    }
    tx.commit().await?;
    let (run, file, place, pause_s) = (copy.run, &copy.file, &destination.name, pause.as_secs());
    match copy.state {
        CopyState::Leaving => tracing::warn!(
            %run, %file, destination = %place, pause_s, %error, "{file} could not be deleted at {place}: {error}"
        ),
        _ => tracing::warn!(
            %run, %file, destination = %place, pause_s, %error, "{file} could not be sent to {place}: {error}"
        ),
    }
    Ok(is_of_one)
}

/// How long a destination is left alone after so many failures in a row.
fn pause_after(failures: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_doubles_from_a_minute_to_six_hours() {
        let minutes: Vec<u64> = (1..=10).map(|failures| pause_after(failures).as_secs() / 60).collect();
        assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 64, 128, 256, 360]);
        assert_eq!(pause_after(u32::MAX), LONGEST_PAUSE);
    }
}
