//! Naming the destination in which all machines keep their files, and bringing what they have already there.
//!
//! Archives that were made before stay where they are; vendors' backups and attached files are put there, a few at a time.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::PoisonError;
use std::time::Duration;

use etiqa_model::destination::{Destination, DestinationKind};
use etiqa_model::{DestinationId, ErrorKind, Timestamp, UserError};
use tokio::task::spawn_blocking;

use super::manage::{changed, missing};
use super::open::open;
use super::place::Headway;
use super::probe::test;
use super::shared::{SharedFile, artifact_name, media_name, named, put_at_once};
use crate::audit::{Act, action, record_in_txn};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::store::artifact::artifact_blob_list_used;
use crate::store::destination::{KeyedDestination, destination_fetch, destination_fetch_in_txn};
use crate::store::media::media_list_all;
use crate::store::setting::{shared_destination_forget_in_txn, shared_destination_save_in_txn};
use crate::{artifacts, media};

/// Files that are put there at one look.
const PUT_AT_ONCE: u32 = 20;
/// So many that do not go end a look.
const FAILED_ENOUGH: u32 = 3;
/// Files that are asked for at one look.
const ASKED_AT_ONCE: usize = 500;
/// One that was seen there is asked for again after so long.
const SEEN_FOR: Duration = Duration::from_hours(24);

/// Files that were seen at the destination, so that not all of them are asked for every few minutes.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Which place it was.
    place: String,
    files: HashMap<String, Timestamp>,
}

/// Has all machines keep their files in this destination from now on, once it was tried out.
pub async fn share(engine: &Engine, id: DestinationId) -> Result<()> {
    let known = destination_fetch(&engine.db, id).await?.ok_or_else(|| missing(id))?.destination;
    refuse_unfit(&known)?;
    let tried = Box::pin(test(engine, id)).await?;
    if !tried.is_good {
        let message =
            format!("{} does not work, so no machine keeps its files there: {}", known.name, tried.message);
        return Err(UserError::new(ErrorKind::Unavailable, message).into());
    }
    let mut tx = engine.db.write().await?;
    let known = destination_fetch_in_txn(&mut tx, id).await?.ok_or_else(|| missing(id))?.destination;
    refuse_unfit(&known)?;
    shared_destination_save_in_txn(&mut tx, id).await?;
    record_in_txn(&mut tx, Act::new(action::DESTINATION_SHARE).on(id.0, &known.name)).await?;
    tx.commit().await?;
    tracing::info!(destination = %known.name, "all machines keep their files in {} from now on", known.name);
    changed(engine, id);
    Ok(())
}

/// Has each machine keep its own files again. What is there stays there.
pub async fn unshare(engine: &Engine) -> Result<()> {
    let Some(keyed) = named(engine).await? else {
        return Err(
            UserError::conflict("There is no destination in which all machines keep their files.").into()
        );
    };
    let mut tx = engine.db.write().await?;
    shared_destination_forget_in_txn(&mut tx).await?;
    let known = &keyed.destination;
    record_in_txn(&mut tx, Act::new(action::DESTINATION_UNSHARE).on(known.id.0, &known.name)).await?;
    tx.commit().await?;
    tracing::info!(destination = %known.name, "machines keep their files in {} no more", known.name);
    changed(engine, known.id);
    Ok(())
}

fn refuse_unfit(destination: &Destination) -> Result<(), UserError> {
    let name = &destination.name;
    if destination.kind() == DestinationKind::Git {
        let message =
            format!("{name} is a Git mirror, which holds texts and no files: name another destination.");
        return Err(UserError::invalid(message));
    }
    if !destination.enabled {
        return Err(UserError::conflict(format!(
            "{name} is disabled: enable it first, or name another destination."
        )));
    }
    Ok(())
}

/// Refuses what would take the place away from under the files of all machines.
pub(super) fn refuse_while_shared(destination: &Destination) -> Result<(), UserError> {
    if !destination.is_shared {
        return Ok(());
    }
    let message = format!(
        "All machines keep their files in {}: name another destination for that first, or `etiqa destination unshare`.",
        destination.name
    );
    Err(UserError::conflict(message))
}

/// A file of this machine.
struct Own {
    what: &'static str,
    name: String,
    path: PathBuf,
    size: u64,
    sha256: String,
}

/// Puts there what this machine has and is not there yet: files from before the destination was named, and what got lost
/// there. What does not go is tried again the next time.
pub(crate) async fn put_missing(engine: &Engine, at: Timestamp) -> Result<()> {
    let Some(keyed) = named(engine).await? else { return Ok(()) };
    let unseen = unseen(engine, &keyed, own_files(engine).await?, at).await?;
    if unseen.is_empty() {
        return Ok(());
    }
    let headway = Headway::new(&engine.stopping);
    let place = match open(engine, &keyed, &headway).await? {
        Ok(place) => place,
        Err(error) => return Err(UserError::new(ErrorKind::Unavailable, error.message).into()),
    };
    let (mut put, mut failed) = (0, 0);
    for own in unseen {
        if put == PUT_AT_ONCE || failed == FAILED_ENOUGH || engine.stopping.is_cancelled() {
            break;
        }
        let there = headway.watch(place.size_of(&own.name)).await;
        let there = there.map_err(|error| UserError::new(ErrorKind::Unavailable, error.message))?;
        if there != Some(own.size) {
            let file = SharedFile { what: own.what, name: &own.name, size: own.size, sha256: &own.sha256 };
            match put_at_once(engine, &file, &own.path).await {
                Ok(_) => put += 1,
                // One that is damaged here must not keep others from going.
                Err(Error::User(error)) => {
                    tracing::warn!(name = %own.name, %error, "{error}");
                    failed += 1;
                    // In an hour; until then it is in nobody's way.
                    note_seen(engine, own.name, at.minus(SEEN_FOR.saturating_sub(Duration::from_hours(1))));
                    continue;
                }
                Err(error) => return Err(error),
            }
        }
        // What was put took its time; the next question has all of the patience.
        let _ = headway.step();
        note_seen(engine, own.name, at);
    }
    Ok(())
}

async fn own_files(engine: &Engine) -> Result<Vec<Own>> {
    let attached = media_list_all(&engine.db).await?.into_iter().map(|media| Own {
        what: "The attached file",
        name: media_name(&media.sha256),
        path: media::path_of(engine, media.device_id, &media.file_name),
        size: media.size_bytes,
        sha256: media.sha256,
    });
    let blobs = artifact_blob_list_used(&engine.db, engine.dir.files_id()).await?;
    let backups = blobs.into_iter().map(|(sha256, size)| Own {
        what: "The vendor backup",
        name: artifact_name(&sha256),
        path: artifacts::path_of(engine, &sha256),
        size,
        sha256,
    });
    Ok(attached.chain(backups).collect())
}

/// Files that are here and were not seen there lately.
async fn unseen(
    engine: &Engine,
    keyed: &KeyedDestination,
    files: Vec<Own>,
    at: Timestamp,
) -> Result<Vec<Own>> {
    let files = not_seen(engine, keyed, files, at);
    let here = spawn_blocking(move || -> Vec<Own> {
        files.into_iter().filter(|own| own.path.is_file()).take(ASKED_AT_ONCE).collect()
    });
    here.await.map_err(io::Error::other).map_err(Error::io("looking for the files of this machine"))
}

/// Those of the files that were not seen there lately.
fn not_seen(engine: &Engine, keyed: &KeyedDestination, files: Vec<Own>, at: Timestamp) -> Vec<Own> {
    let Destination { id, settings, facts, .. } = &keyed.destination;
    let place = format!("{id} {settings:?} {:?}", facts.marker);
    let mut seen = engine.shared_seen.lock().unwrap_or_else(PoisonError::into_inner);
    if seen.place != place {
        *seen = Seen { place, files: HashMap::new() };
    }
    seen.files.retain(|_, seen_at| at.since(*seen_at) < SEEN_FOR);
    files.into_iter().filter(|own| !seen.files.contains_key(&own.name)).collect()
}

fn note_seen(engine: &Engine, name: String, at: Timestamp) {
    engine.shared_seen.lock().unwrap_or_else(PoisonError::into_inner).files.insert(name, at);
}
