//! An archive that is lost or damaged here, fetched from a destination that has a whole one.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use etiqa_model::destination::{CopyState, DestinationKind};
use etiqa_model::event::Topic;
use etiqa_model::run::Run;
use etiqa_model::{DestinationId, ErrorKind, RunId, UserError};
use tokio::task::spawn_blocking;

use super::deliver::fetch;
use super::manage::missing;
use super::open;
use super::part::{make_part, sweep};
use super::place::Headway;
use crate::audit::{Act, action, record_in_txn};
use crate::backup::archive::read_back::hash_file;
use crate::backup::verify::refuse_elsewhere;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::files::{Disk, folder_of, rename_without_replacing, sync_folder};
use crate::store::archive_copy::copy_fetch;
use crate::store::destination::destination_fetch;
use crate::store::run::run_fetch;
use crate::store::run_note::run_note_insert_in_txn;
use crate::store::run_write::{run_set_found_in_txn, run_set_verified_in_txn};
use crate::time::now;

/// Fetches the archive of a run from a destination, reads it back from this disk, and puts it where it was. A damaged one
/// that is there is kept beside it under another ending; a whole one is left alone. Who asks for the same twice at once,
/// here or in another process, fetches it twice, and one of the two is kept.
pub async fn bring_back(engine: &Engine, id: RunId, from: DestinationId) -> Result<()> {
    let run = run_fetch(&engine.db, id).await?.ok_or_else(|| UserError::not_found(format!("run {id}")))?;
    refuse_elsewhere(engine, id).await?;
    let keyed = destination_fetch(&engine.db, from).await?.ok_or_else(|| missing(from))?;
    let place_name = keyed.destination.name.clone();
    let none = || UserError::not_found(format!("copy of run {id} at {place_name}"));
    let copy = copy_fetch(&engine.db, id, from).await?.ok_or_else(none)?;
    let is_there = copy.state == CopyState::Sent && copy.kind != DestinationKind::Git;
    let name = copy.remote_name.filter(|_| is_there).ok_or_else(none)?;
    let (Some(file), Some(size), Some(sha256)) = (&run.file, run.size_bytes, &run.sha256) else {
        return Err(none().into());
    };
    if run.removed_at.is_some() {
        let message =
            format!("The archive of run {id} was removed on purpose; download the copy from {place_name}.");
        return Err(UserError::conflict(message).into());
    }
    let local = engine.dir.backups().join(file);
    if is_whole(&local, sha256).await? {
        return Err(
            UserError::conflict("The archive is here, and whole: there is nothing to bring back.").into()
        );
    }
    sweep(engine).await;
    refuse_without_room(engine, size).await?;
    let headway = Headway::new(&engine.stopping);
    let opened = open::open(engine, &keyed, &headway).await?;
    let place = opened.map_err(|error| unavailable(&place_name, &error.message))?;
    let folder = engine.dir.backups();
    let made = spawn_blocking(move || make_part(&folder, id)).await.map_err(io::Error::other);
    let part = made.and_then(|made| made).map_err(Error::io("making a file for an archive"))?;
    let fetched = headway.watch(fetch(&*place, &name, size, sha256, part.path(), &headway)).await;
    fetched.map_err(|error| unavailable(&place_name, &error.message))?;
    // It is, byte for byte, what was verified when it was made: more than its hash need not be looked at.
    if !is_whole(part.path(), sha256).await? {
        let message = "This disk does not give back what was written to it, so nothing was put in place.";
        return Err(UserError::new(ErrorKind::Unavailable, message).into());
    }
    let sha256 = sha256.clone();
    let put = spawn_blocking(move || put_in_place(part.path(), &local, &sha256));
    let put = put.await.map_err(io::Error::other).and_then(|put| put);
    note(engine, &run, &place_name, put.map_err(Error::io("putting an archive back"))?).await
}

async fn is_whole(local: &Path, sha256: &str) -> Result<bool> {
    let local: PathBuf = local.to_owned();
    let hashed = spawn_blocking(move || hash_file(&local)).await.map_err(io::Error::other);
    match hashed.and_then(|hashed| hashed) {
        Ok((found, _)) => Ok(found == sha256),
        // One that cannot be read is as good as lost, but for its place.
        Err(_) => Ok(false),
    }
}

async fn refuse_without_room(engine: &Engine, size: u64) -> Result<()> {
    let disk = Disk::look_at(engine.dir.backups()).await.map_err(Error::io("looking at the disk"))?;
    if disk.room() < size {
        let message = "The disk has no room for this archive. Free some space, then try again.";
        return Err(UserError::new(ErrorKind::Unavailable, message).into());
    }
    Ok(())
}

/// Never replaces a file: a damaged one gets a name of its own first, under which nobody takes it for an archive. False:
/// somebody else brought it back meanwhile, and it is whole.
fn put_in_place(part: &Path, local: &Path, sha256: &str) -> io::Result<bool> {
    let folder = folder_of(local);
    // One after the other, also where they are of two processes. Where there are no locks, one of two whole ones may be
    // set aside as a damaged one.
    let turn = File::open(folder)?;
    let _ = turn.lock();
    if hash_file(local).is_ok_and(|(found, _)| found == sha256) {
        return Ok(false);
    }
    let mut number = 0_u32;
    while local.symlink_metadata().is_ok() {
        number += 1;
        let mut aside = local.as_os_str().to_owned();
        aside.push(format!(".damaged-{number}"));
        match rename_without_replacing(local, Path::new(&aside)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            moved => moved?,
        }
    }
    rename_without_replacing(part, local)?;
    sync_folder(folder)?;
    Ok(true)
}

/// Notes that it is here and whole; what brought it back says so in the run's notes.
async fn note(engine: &Engine, run: &Run, from: &str, is_ours: bool) -> Result<()> {
    let at = now();
    let mut tx = engine.db.write().await?;
    run_set_found_in_txn(&mut tx, run.id, engine.dir.files_id()).await?;
    run_set_verified_in_txn(&mut tx, run.id, None, at).await?;
    if is_ours {
        run_note_insert_in_txn(&mut tx, run.id, &format!("Brought back from {from}."), at).await?;
    }
    let words = format!("From {from}.");
    record_in_txn(&mut tx, Act::new(action::RUN_BRING_BACK).on(run.id.0, &run.name).saying(words)).await?;
    tx.commit().await?;
    tracing::info!(run = %run.id, destination = %from, "the archive of run {} was brought back from {from}", run.id);
    engine.events.send(Topic::Runs, run.id.0);
    Ok(())
}

fn unavailable(place: &str, why: &str) -> UserError {
    UserError::new(ErrorKind::Unavailable, format!("{place}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex::sha256_hex;

    #[test]
    fn of_two_that_come_back_one_is_kept_and_a_damaged_one_is_set_aside_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for (name, content) in [("a.zip", "damaged"), ("first.part", "whole"), ("second.part", "whole")] {
            std::fs::write(path(name), content).unwrap();
        }
        let sha256 = sha256_hex(b"whole");
        assert!(put_in_place(&path("first.part"), &path("a.zip"), &sha256).unwrap());
        assert!(!put_in_place(&path("second.part"), &path("a.zip"), &sha256).unwrap());
        assert_eq!(std::fs::read_to_string(path("a.zip")).unwrap(), "whole");
        assert_eq!(std::fs::read_to_string(path("a.zip.damaged-1")).unwrap(), "damaged");
        assert!(!path("a.zip.damaged-2").exists());
    }

    #[tokio::test]
    async fn what_the_disk_gives_back_is_held_against_what_was_sent() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "whole").unwrap();
        assert!(is_whole(file.path(), &sha256_hex(b"whole")).await.unwrap());
        assert!(!is_whole(file.path(), &sha256_hex(b"other")).await.unwrap());
        assert!(!is_whole(Path::new("/no/such/file"), &sha256_hex(b"whole")).await.unwrap());
    }
}
