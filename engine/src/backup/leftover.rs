//! Removes files that runs left behind: archives that retention gave up, and ones whose run never came to say so.
//!
//! Only files that a run's row names as left over; what a person put into the folder is theirs.

use std::io;
use std::path::Path;

use etiqa_model::RunId;
use tokio::task::spawn_blocking;

use super::publish::{part_file, run_of_part};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::files::sync_folder;
use crate::store::run::{run_archive_exists, run_fetch, run_list_leftover};
use crate::store::run_write::run_forget_leftover;

/// Removes what ended runs left in this data directory, and in the folder that machines share. A file that cannot be removed
/// just now is tried again the next time.
pub async fn sweep(engine: &Engine) -> Result<()> {
    sweep_in(engine, engine.dir.files_id(), &engine.dir.backups()).await?;
    if engine.dir.is_shared() {
        sweep_in(engine, engine.dir.id(), &engine.dir.own_backups()).await?;
    }
    Ok(())
}

async fn sweep_in(engine: &Engine, id: &str, folder: &Path) -> Result<()> {
    for (run, file) in &run_list_leftover(&engine.db, id).await? {
        if let Err(error) = remove_from(engine, *run, folder, file).await {
            tracing::warn!(run = %run, %file, %error, "the file {file} of run {run} could not be removed");
        }
    }
    Ok(())
}

/// Removes halves of archives here whose runs are over: a process that was killed leaves one where nobody else looks.
pub(crate) async fn sweep_parts(engine: &Engine) -> Result<()> {
    let folder = engine.dir.backups();
    let parts = spawn_blocking(move || parts_in(&folder)).await.map_err(io::Error::other);
    let parts = parts.and_then(|parts| parts).map_err(Error::io("listing the folder of backups"))?;
    for id in parts {
        if run_fetch(&engine.db, id).await?.is_none_or(|run| run.status.is_over()) {
            match tokio::fs::remove_file(part_file(engine, id)).await {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(run = %id, %error, "what run {id} left half-done could not be removed");
                }
                Err(_) => {}
                Ok(()) => tracing::info!(run = %id, "removed what run {id} left half-done"),
            }
        }
    }
    Ok(())
}

fn parts_in(folder: &Path) -> io::Result<Vec<RunId>> {
    let mut parts = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        parts.extend(run_of_part(&entry?.file_name().to_string_lossy()));
    }
    Ok(parts)
}

/// Removes the file that a run left where this machine keeps its archives.
pub(super) async fn remove_leftover(engine: &Engine, run: RunId, file: &str) -> Result<()> {
    remove_from(engine, run, &engine.dir.backups(), file).await
}

/// Removes the file that a run left, and then notes that it is gone: a file whose row has forgotten it would stay for ever,
/// so that it is gone must outlive a power cut first.
async fn remove_from(engine: &Engine, run: RunId, folder: &Path, file: &str) -> Result<()> {
    // The name of a completed run's archive is that run's, whoever had it before; and a name is no path.
    let is_name = Path::new(file).file_name().is_some_and(|name| name == file);
    if is_name && !run_archive_exists(&engine.db, file).await? {
        match tokio::fs::remove_file(folder.join(file)).await {
            Ok(()) => {
                failpoint("retention.removed");
                let folder = folder.to_owned();
                let synced = spawn_blocking(move || sync_folder(&folder)).await.map_err(io::Error::other);
                synced.and_then(|synced| synced).map_err(Error::io("syncing the folder of backups"))?;
                tracing::info!(run = %run, %file, "removed {file}, which run {run} left");
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io(format!("removing {file}"))(error)),
        }
    }
    Ok(run_forget_leftover(&engine.db, run).await?)
}
