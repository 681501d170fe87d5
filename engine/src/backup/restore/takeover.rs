//! Restoring into the instance that is asked for it, while it is new and empty: the page of the first visit does that.
//!
//! The archive is restored beside the instance, whole and verified, before anything of the instance is touched. Then a
//! note says that the restored one takes over, the server closes the database, and [`take_over`] moves everything into
//! place before it opens again. Cut off anywhere it goes on at the next start.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use etiqa_model::{ErrorKind, UserError};
use tokio::io::AsyncWriteExt;
use tokio::sync::OwnedMutexGuard;
use tokio::task::spawn_blocking;

use super::super::archive::seal::Key;
use super::{Request, Restored, Secrets, restore};
use crate::db::DbKind;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::files::{Disk, rename_without_replacing, sync_folder};
use crate::store::dump::table_count;

/// Where the archive is restored, beside what it takes the place of.
const RESTORED: &str = ".restored";
/// A data directory with this file in it is being taken over.
const TAKING_OVER: &str = ".taking-over";
/// Where an uploaded archive grows.
const UPLOAD: &str = ".restore-upload";

/// What replaces what is there, the database last: once it is there, all the rest is.
const FILES: [&str; 3] = ["secret.key", "instance", "etiqa.db"];
/// What is put to what is there.
const FOLDERS: [&str; 5] = ["backups", "artifacts", "media", "logs", "drivers"];
/// Tables that are empty as long as nobody has worked with an instance.
const UNTOUCHED: [&str; 5] = ["app_user", "device", "credential", "backup_config", "backup_run"];

/// How a restore into this instance ended, while it waits for its first admin.
#[derive(Debug, Default)]
pub struct Takeover {
    problem: Mutex<Option<String>>,
    /// Held by the one upload that is restored.
    going: Arc<tokio::sync::Mutex<()>>,
    has_restored: AtomicBool,
}

impl Takeover {
    /// Why the last restore came to nothing.
    pub fn problem(&self) -> Option<String> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the server is to open what was restored.
    pub fn has_restored(&self) -> bool {
        self.has_restored.load(Ordering::Acquire)
    }

    /// Notes how a restore ended; after a good one the server closes the instance and opens it again.
    pub fn ended(engine: &Engine, problem: Option<String>) {
        let standing = &engine.takeover;
        let is_good = problem.is_none();
        *standing.problem.lock().unwrap_or_else(PoisonError::into_inner) = problem;
        if is_good {
            standing.has_restored.store(true, Ordering::Release);
            engine.stopping.cancel();
        }
    }
}

/// Refuses an instance that somebody has worked with, and one that keeps its things elsewhere.
pub async fn check_untouched(engine: &Engine) -> Result<()> {
    for table in UNTOUCHED {
        if table_count(&engine.db, table).await? > 0 {
            let message = "This instance is not empty: restore into a new one, with `etiqa restore`.";
            return Err(UserError::conflict(message).into());
        }
    }
    if engine.db.kind() != DbKind::Sqlite || engine.key_file != engine.dir.secret_key() {
        let message =
            "This instance keeps its database or its key outside of the data directory: use `etiqa restore`.";
        return Err(UserError::conflict(message).into());
    }
    Ok(())
}

/// An archive that is being uploaded; gone again unless it is restored.
#[derive(Debug)]
pub struct Upload {
    _going: OwnedMutexGuard<()>,
    path: PathBuf,
    file: tokio::fs::File,
    room: u64,
    size: u64,
}

impl Upload {
    /// Begins one, unless another goes on. What an earlier one left is removed.
    pub async fn begin(engine: &Engine) -> Result<Self> {
        check_untouched(engine).await?;
        let going = Arc::clone(&engine.takeover.going).try_lock_owned().map_err(|_| {
            UserError::conflict("Somebody is restoring into this instance already: wait for the end.")
        })?;
        let path = engine.dir.root().join(UPLOAD);
        let room = Disk::of(engine.dir.root()).map_err(Error::io("looking for free space"))?.room();
        let mut options = tokio::fs::File::options();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        options.mode(0o600);
        let file = options.open(&path).await.map_err(Error::io("storing an archive"))?;
        Ok(Self { _going: going, path, file, room, size: 0 })
    }

    /// Puts the next piece to it.
    pub async fn write(&mut self, piece: &[u8]) -> Result<()> {
        self.size += piece.len() as u64;
        if self.size > self.room {
            let message =
                "There is no room on the disk for this archive: free some space, or use another disk.";
            return Err(UserError::new(ErrorKind::Unavailable, message).into());
        }
        self.file.write_all(piece).await.map_err(Error::io("storing an archive"))
    }

    /// Whether nothing came yet.
    pub fn is_empty(&self) -> bool {
        self.size == 0
    }

    /// Restores it in the place of the instance. When this returns, the server must close the instance and open it
    /// again.
    pub async fn restore(mut self, engine: &Engine, key: Key, secrets: Secrets) -> Result<Restored> {
        self.file.flush().await.map_err(Error::io("storing an archive"))?;
        check_untouched(engine).await?;
        let root = engine.dir.root().to_owned();
        let place = root.join(RESTORED);
        let cleared = {
            let place = place.clone();
            spawn_blocking(move || remove_dir(&place)).await
        };
        cleared.map_err(io::Error::other).and_then(|cleared| cleared).map_err(Error::io("making room"))?;
        let request =
            Request { archive: self.path.clone(), key, data_dir: place, database_url: None, secrets };
        let restored = restore(request).await?;
        let noted = spawn_blocking(move || {
            File::create(root.join(TAKING_OVER))?.sync_all()?;
            sync_folder(&root)
        });
        let noted = noted.await.map_err(io::Error::other).and_then(|noted| noted);
        noted.map_err(Error::io("finishing a restore"))?;
        failpoint("takeover.noted");
        Ok(restored)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Whether a data directory waits for [`take_over`].
pub(crate) fn is_waiting(root: &Path) -> bool {
    root.join(TAKING_OVER).exists()
}

/// Moves what was restored into place, where a data directory says so; nobody has its database open. Blocks.
pub(crate) fn take_over(root: &Path) -> io::Result<()> {
    if !is_waiting(root) {
        return Ok(());
    }
    let restored = root.join(RESTORED);
    for folder in FOLDERS {
        merge(&restored.join(folder), &root.join(folder))?;
    }
    if restored.join("etiqa.db").exists() {
        // A log that belongs to the database before would be taken for this one's.
        for log in ["etiqa.db-wal", "etiqa.db-shm"] {
            remove_file(&root.join(log))?;
        }
        sync_folder(root)?;
    }
    for file in FILES {
        let from = restored.join(file);
        if from.exists() {
            fs::rename(&from, root.join(file))?;
            failpoint("takeover.moved");
        }
    }
    sync_folder(root)?;
    remove_dir(&restored)?;
    fs::remove_file(root.join(TAKING_OVER))?;
    sync_folder(root)?;
    tracing::info!("the restored instance has taken over");
    Ok(())
}

/// Removes what an upload or a restore left that was cut off; for the server, before it takes any. Blocks.
pub(crate) fn remove_leftovers(root: &Path) -> io::Result<()> {
    remove_file(&root.join(UPLOAD))?;
    remove_dir(&root.join(RESTORED))
}

/// Moves all below `from` to `to`; what is there already stays.
fn merge(from: &Path, to: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(from) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    match fs::create_dir(to) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    for entry in entries {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            merge(&entry.path(), &target)?;
            continue;
        }
        match rename_without_replacing(&entry.path(), &target) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    sync_folder(to)
}

fn remove_file(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn remove_dir(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
