//! An archive that is lost or damaged here, fetched from a destination that has a whole one.

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
use super::place::Headway;
use crate::backup::archive::read_back::hash_file;
use crate::backup::publish::part_file;
use crate::backup::verify::refuse_elsewhere;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::files::{Disk, rename_without_replacing, sync_folder};
use crate::store::archive_copy::copy_fetch;
use crate::store::destination::destination_fetch;
use crate::store::run::run_fetch;
use crate::store::run_note::run_note_insert_in_txn;
use crate::store::run_write::{run_set_found_in_txn, run_set_verified_in_txn};
use crate::time::now;

/// Fetches the archive of a run from a destination, verifies it, and puts it where it was. A damaged one that is there
/// is kept beside it under another ending; a whole one is left alone.
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
    refuse_without_room(engine, size)?;
    let place =
        open::open(engine, &keyed).await?.map_err(|error| unavailable(&place_name, &error.message))?;
    let part = part_file(engine, id);
    let headway = Headway::new(&engine.stopping);
    let fetched = headway.watch(fetch(&*place, &name, size, sha256, &part, &headway)).await;
    if let Err(error) = fetched {
        let _ = tokio::fs::remove_file(&part).await;
        return Err(unavailable(&place_name, &error.message).into());
    }
    let put = spawn_blocking(move || put_in_place(&part, &local)).await.map_err(io::Error::other);
    put.and_then(|put| put).map_err(Error::io("putting an archive back"))?;
    note(engine, &run, &place_name).await
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

fn refuse_without_room(engine: &Engine, size: u64) -> Result<()> {
    let disk = Disk::of(&engine.dir.backups()).map_err(Error::io("looking at the disk"))?;
    if disk.room() < size {
        let message = "The disk has no room for this archive. Free some space, then try again.";
        return Err(UserError::new(ErrorKind::Unavailable, message).into());
    }
    Ok(())
}

/// Never replaces a file: a damaged one gets a name of its own first, under which nobody takes it for an archive.
fn put_in_place(part: &Path, local: &Path) -> io::Result<()> {
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
    local.parent().map_or(Ok(()), sync_folder)
}

async fn note(engine: &Engine, run: &Run, from: &str) -> Result<()> {
    let at = now();
    let mut tx = engine.db.write().await?;
    run_set_found_in_txn(&mut tx, run.id, engine.dir.id()).await?;
    run_set_verified_in_txn(&mut tx, run.id, None, at).await?;
    run_note_insert_in_txn(&mut tx, run.id, &format!("Brought back from {from}."), at).await?;
    tx.commit().await?;
    tracing::info!(run = %run.id, destination = %from, "the archive of run {} was brought back from {from}", run.id);
    engine.events.send(Topic::Runs, run.id.0);
    Ok(())
}

fn unavailable(place: &str, why: &str) -> UserError {
    UserError::new(ErrorKind::Unavailable, format!("{place}: {why}"))
}
