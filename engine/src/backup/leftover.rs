//! Removes files that runs left behind: archives that retention gave up, and ones whose run never came to say so.
//!
//! Only files that a run's row names as left over; what a person put into the folder is theirs.

use std::io;
use std::path::Path;

use etiqa_model::RunId;
use tokio::task::spawn_blocking;

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::files::sync_folder;
use crate::store::run::{run_archive_exists, run_list_leftover};
use crate::store::run_write::run_forget_leftover;

/// Removes what ended runs left in this data directory. A file that cannot be removed just now is tried again the
/// next time.
pub async fn sweep(engine: &Engine) -> Result<()> {
    let left = run_list_leftover(&engine.db, engine.dir.id()).await?;
    for (run, file) in &left {
        if let Err(error) = remove_leftover(engine, *run, file).await {
            tracing::warn!(run = %run, %file, %error, "the file {file} of run {run} could not be removed");
        }
    }
    Ok(())
}

/// Removes the file that a run left, and then notes that it is gone: a file whose row has forgotten it would stay for ever,
/// so that it is gone must outlive a power cut first.
pub(super) async fn remove_leftover(engine: &Engine, run: RunId, file: &str) -> Result<()> {
    // The name of a completed run's archive is that run's, whoever had it before; and a name is no path.
    let is_name = Path::new(file).file_name().is_some_and(|name| name == file);
    if is_name && !run_archive_exists(&engine.db, file).await? {
        match tokio::fs::remove_file(engine.dir.backups().join(file)).await {
            Ok(()) => {
                failpoint("retention.removed");
                let backups = engine.dir.backups();
                let synced = spawn_blocking(move || sync_folder(&backups)).await.map_err(io::Error::other);
                synced.and_then(|synced| synced).map_err(Error::io("syncing the folder of backups"))?;
                tracing::info!(run = %run, %file, "removed {file}, which run {run} left");
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io(format!("removing {file}"))(error)),
        }
    }
    Ok(run_forget_leftover(&engine.db, run).await?)
}
