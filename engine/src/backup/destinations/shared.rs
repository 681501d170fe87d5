//! The destination in which all machines keep their files, where one is named: what one of them makes is put there and read
//! back before a row says that it is kept, and whoever lacks it fetches it from there.
//!
//! Whoever made a file keeps it as well, and looks after its own. What is fetched is held against its hash.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use etiqa_model::destination::{CopyState, Destination, KeepCopies};
use etiqa_model::run::Run;
use etiqa_model::{ErrorKind, UserError};
use tempfile::NamedTempFile;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::deliver::{Parcel, deliver, fetch};
use super::open::open;
use super::place::{Headway, Outlook, Place, PlaceError};
use crate::collect::INCOMING_PREFIX;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::files::{Disk, folder_of, sync_folder};
use crate::store::archive_copy::{SentCopy, copy_fetch};
use crate::store::destination::{
    KeyedDestination, destination_fetch, destination_problem_in_txn, destination_worked_in_txn,
};
use crate::store::setting::shared_destination_fetch;
use crate::time::now;

/// How long a file waits for a destination that may work again by itself.
pub(crate) const PATIENCE: Duration = Duration::from_mins(5);
/// The first pause between two tries; each one after it is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long a page waits to hear whether files are there.
const LONGEST_LOOK: Duration = Duration::from_secs(5);
/// How long the half of a file may take to be deleted there.
const DELETE_WITHIN: Duration = Duration::from_secs(5);
/// A fetched file that was not used for so long goes. Longer than from one night's run to the next.
const KEEP_FETCHED: Duration = Duration::from_hours(30);

/// A file of one machine that all of them may want.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SharedFile<'a> {
    /// What it is, to begin a sentence with.
    pub(crate) what: &'static str,
    /// Its name there.
    pub(crate) name: &'a str,
    /// Bytes.
    pub(crate) size: u64,
    /// Lower-case hex.
    pub(crate) sha256: &'a str,
}

/// Whether a file of another machine that was fetched before is good enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fetch {
    /// It is.
    Once,
    /// What is there now is what is asked about.
    Anew,
}

/// The name of a vendor's backup there.
pub(crate) fn artifact_name(sha256: &str) -> String {
    format!("artifact-{sha256}")
}

/// The name of an attached file there.
pub(crate) fn media_name(sha256: &str) -> String {
    format!("media-{sha256}")
}

/// The destination in which all machines keep their files; none: each has its own.
pub(crate) async fn named(engine: &Engine) -> Result<Option<KeyedDestination>> {
    match shared_destination_fetch(&engine.db).await? {
        Some(id) => Ok(destination_fetch(&engine.db, id).await?),
        None => Ok(None),
    }
}

/// Puts a file there, where such a destination is named, and reads it back. One that may work again by itself is tried for
/// some minutes, unless `stop` is cancelled. Gives what is there now.
pub(crate) async fn put(
    engine: &Engine,
    file: &SharedFile<'_>,
    path: &Path,
    stop: &CancellationToken,
) -> Result<Option<SentCopy>> {
    put_within(engine, file, path, engine.shared_patience, stop).await
}

/// Like [`put`], for somebody who waits: tried once.
pub(crate) async fn put_at_once(
    engine: &Engine,
    file: &SharedFile<'_>,
    path: &Path,
) -> Result<Option<SentCopy>> {
    put_within(engine, file, path, Duration::ZERO, &engine.stopping).await
}

async fn put_within(
    engine: &Engine,
    file: &SharedFile<'_>,
    path: &Path,
    patience: Duration,
    stop: &CancellationToken,
) -> Result<Option<SentCopy>> {
    let began = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        let Some(keyed) = named(engine).await? else { return Ok(None) };
        let destination = &keyed.destination;
        let error = match Box::pin(put_once(engine, &keyed, file, path, stop)).await? {
            Ok(name) => {
                note(engine, destination, None).await?;
                return Ok(Some(SentCopy { destination: destination.id, name }));
            }
            Err(error) => error,
        };
        let place = &destination.name;
        let may_pass = error.outlook == Outlook::Temporary && began.elapsed() + pause <= patience;
        if may_pass {
            let pause_s = pause.as_secs();
            tracing::warn!(
                name = file.name, destination = %place, pause_s, %error,
                "{} could not be put into {place}, and is tried again: {error}", file.name
            );
        }
        if !may_pass || is_stopped(stop, pause).await {
            if !stop.is_cancelled() && error.outlook != Outlook::OneFile {
                note(engine, destination, Some(&error)).await?;
            }
            let message = format!(
                "{} could not be put into {place}, where all machines keep their files: {error}",
                file.what
            );
            return Err(UserError::new(ErrorKind::Unavailable, message).into());
        }
        pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
    }
}

async fn is_stopped(stop: &CancellationToken, within: Duration) -> bool {
    tokio::select! {
        () = stop.cancelled() => true,
        () = sleep(within) => false,
    }
}

async fn put_once(
    engine: &Engine,
    keyed: &KeyedDestination,
    file: &SharedFile<'_>,
    path: &Path,
    stop: &CancellationToken,
) -> Result<Result<String, PlaceError>> {
    let headway = Headway::new(stop);
    let place = match open(engine, keyed, &headway).await? {
        Ok(place) => place,
        Err(error) => return Ok(Err(error)),
    };
    // A later try of this machine takes the place of one that was cut off.
    let stage = format!(".etiqa-{}-{}.part", engine.dir.id(), file.name);
    let parcel = Parcel { path, name: file.name, size: file.size, sha256: file.sha256, stage: &stage };
    let put = headway.watch(deliver_own(&*place, &parcel, &headway)).await;
    if put.is_err() && place.can_rename() {
        // As far as it goes: the reason of the failure is what is told.
        let _ = timeout(DELETE_WITHIN, place.delete(&stage)).await;
    }
    Ok(put)
}

/// What has a name by its hash and is not that file is damaged: it is taken away for the whole one.
async fn deliver_own(
    place: &dyn Place,
    parcel: &Parcel<'_>,
    headway: &Headway,
) -> Result<String, PlaceError> {
    let name = deliver(place, parcel, headway).await?;
    if name == parcel.name || !parcel.name.ends_with(parcel.sha256) {
        return Ok(name);
    }
    place.delete(&name).await?;
    place.delete(parcel.name).await?;
    deliver(place, parcel, headway).await
}

/// Notes that it worked, or why it did not, where people look at destinations.
async fn note(engine: &Engine, destination: &Destination, problem: Option<&PlaceError>) -> Result<()> {
    let mut tx = engine.db.write().await?;
    match problem {
        None => destination_worked_in_txn(&mut tx, destination.id, now()).await?,
        Some(error) => destination_problem_in_txn(&mut tx, destination.id, &error.message).await?,
    }
    Ok(tx.commit().await?)
}

/// Fetches a file into `to`, in place of what is there; it grows in the folder `grows`. False: there is no such destination,
/// or it has no such file.
pub(crate) async fn get(engine: &Engine, file: &SharedFile<'_>, grows: &Path, to: &Path) -> Result<bool> {
    let Some(keyed) = named(engine).await? else { return Ok(false) };
    let place_name = &keyed.destination.name;
    let refused = |error: PlaceError| {
        let message = format!("{} could not be fetched from {place_name}: {error}", file.what);
        UserError::new(ErrorKind::Unavailable, message)
    };
    let headway = Headway::new(&engine.stopping);
    let place = open(engine, &keyed, &headway).await?.map_err(&refused)?;
    if headway.watch(place.size_of(file.name)).await.map_err(&refused)?.is_none() {
        return Ok(false);
    }
    let part = begin(grows, to, file.size).await?;
    let fetched =
        headway.watch(fetch(&*place, file.name, file.size, file.sha256, part.path(), &headway)).await;
    fetched.map_err(&refused)?;
    let path = to.to_owned();
    let kept = spawn_blocking(move || {
        part.persist(&path).map_err(|error| error.error)?;
        sync_folder(folder_of(&path))
    });
    let kept = kept.await.map_err(io::Error::other).and_then(|kept| kept);
    kept.map_err(Error::io("keeping a file that was fetched"))?;
    tracing::info!(name = file.name, destination = %place_name, "{} was fetched from {place_name}", file.name);
    Ok(true)
}

/// A file to grow in, where the disk has room for it. It goes when this is dropped.
async fn begin(grows: &Path, to: &Path, size: u64) -> Result<NamedTempFile> {
    let (grows, folder) = (grows.to_owned(), folder_of(to).to_owned());
    let begun = spawn_blocking(move || {
        fs::create_dir_all(&grows)?;
        fs::create_dir_all(&folder)?;
        if Disk::of(&folder)?.room() < size {
            return Ok(None);
        }
        tempfile::Builder::new().prefix(INCOMING_PREFIX).tempfile_in(&grows).map(Some)
    });
    let begun = begun.await.map_err(io::Error::other).and_then(|begun| begun);
    let part = begun.map_err(Error::io("making a file for what is fetched"))?;
    part.ok_or_else(|| {
        let message = "The disk has no room for a file of another machine. Free some space, then try again.";
        UserError::new(ErrorKind::Unavailable, message).into()
    })
}

/// Where a fetched file is, or would be.
pub(crate) fn fetched_path(engine: &Engine, sha256: &str) -> PathBuf {
    engine.dir.fetched().join(sha256)
}

/// Where a file of another machine is here for now, fetched unless it is there already. None: it is not to be had.
pub(crate) async fn fetched(engine: &Engine, file: &SharedFile<'_>, how: Fetch) -> Result<Option<PathBuf>> {
    let path = fetched_path(engine, file.sha256);
    if how == Fetch::Once {
        let known = path.clone();
        let is_here = spawn_blocking(move || note_used(&known)).await.map_err(io::Error::other);
        if is_here.map_err(Error::io("looking for a fetched file"))? {
            return Ok(Some(path));
        }
    }
    Ok(get(engine, file, &engine.dir.fetched(), &path).await?.then_some(path))
}

/// Notes that it is used; false: it is not here.
fn note_used(path: &Path) -> bool {
    let file = File::options().write(true).open(path);
    file.and_then(|file| file.set_modified(SystemTime::now())).is_ok()
}

/// Where the archive of another machine's run is here for now; none: it is not to be had.
pub(crate) async fn archive(engine: &Engine, run: &Run, how: Fetch) -> Result<Option<PathBuf>> {
    let (Some(size), Some(sha256)) = (run.size_bytes, run.sha256.as_deref()) else { return Ok(None) };
    let Some(id) = shared_destination_fetch(&engine.db).await? else { return Ok(None) };
    let copy = copy_fetch(&engine.db, run.id, id).await?.filter(|copy| copy.state == CopyState::Sent);
    let Some(name) = copy.and_then(|copy| copy.remote_name) else { return Ok(None) };
    fetched(engine, &SharedFile { what: "The archive", name: &name, size, sha256 }, how).await
}

/// Deletes a file there that no row names any more, unless what is there is kept for ever. What cannot be deleted is said in
/// the log; false: it may be later.
pub(crate) async fn remove(engine: &Engine, name: &str) -> Result<bool> {
    let keyed = named(engine).await?.filter(|keyed| keyed.destination.keep == KeepCopies::Retention);
    let Some(keyed) = keyed else { return Ok(true) };
    let Err(error) = delete(engine, &keyed, name).await? else { return Ok(true) };
    let place_name = &keyed.destination.name;
    tracing::warn!(name, destination = %place_name, %error, "{name} could not be deleted at {place_name}: {error}");
    Ok(error.outlook != Outlook::Temporary)
}

/// Deletes what was put there for a row that did not come to be.
pub(crate) async fn take_back(engine: &Engine, sent: &SentCopy) -> Result<()> {
    match destination_fetch(&engine.db, sent.destination).await? {
        Some(keyed) => {
            let (name, place_name) = (&sent.name, &keyed.destination.name);
            let deleted = delete(engine, &keyed, name).await?;
            deleted.map_err(|error| {
                let message = format!("{name} could not be deleted at {place_name}: {error}");
                UserError::new(ErrorKind::Unavailable, message).into()
            })
        }
        None => Ok(()),
    }
}

async fn delete(
    engine: &Engine,
    keyed: &KeyedDestination,
    name: &str,
) -> Result<std::result::Result<(), PlaceError>> {
    let headway = Headway::new(&engine.stopping);
    let place = match open(engine, keyed, &headway).await? {
        Ok(place) => place,
        Err(error) => return Ok(Err(error)),
    };
    Ok(headway.watch(place.delete(name)).await)
}

/// Which of these names are known not to be there: all where no destination is named, none where that cannot be told in a
/// moment.
pub(crate) async fn absent(engine: &Engine, names: &[String]) -> Result<HashSet<String>> {
    if names.is_empty() {
        return Ok(HashSet::new());
    }
    let Some(keyed) = named(engine).await? else { return Ok(names.iter().cloned().collect()) };
    match timeout(LONGEST_LOOK, look_for(engine, &keyed, names)).await {
        Ok(looked) => Ok(looked?.unwrap_or_default()),
        Err(_) => Ok(HashSet::new()),
    }
}

async fn look_for(
    engine: &Engine,
    keyed: &KeyedDestination,
    names: &[String],
) -> Result<Result<HashSet<String>, PlaceError>> {
    let headway = Headway::new(&engine.stopping);
    let place = match open(engine, keyed, &headway).await? {
        Ok(place) => place,
        Err(error) => return Ok(Err(error)),
    };
    let mut absent = HashSet::new();
    for name in names {
        match place.size_of(name).await {
            Ok(Some(_)) => {}
            Ok(None) => {
                absent.insert(name.clone());
            }
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(Ok(absent))
}

/// Removes fetched files that were not used for long, and those whose fetching was cut off. Blocks.
pub(crate) fn sweep(folder: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let age = entry.metadata()?.modified()?.elapsed().unwrap_or_default();
        if age > KEEP_FETCHED {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fetched_file_goes_when_nobody_used_it_for_long_and_stays_while_somebody_does() {
        let folder = tempfile::tempdir().unwrap();
        let long_ago = SystemTime::now() - KEEP_FETCHED * 2;
        for name in ["used", "unused"] {
            let file = File::create(folder.path().join(name)).unwrap();
            file.set_modified(long_ago).unwrap();
        }
        assert!(note_used(&folder.path().join("used")));
        assert!(!note_used(&folder.path().join("never fetched")));
        sweep(folder.path()).unwrap();
        let left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["used"]);
        sweep(&folder.path().join("nowhere")).unwrap();
    }
}
