//! The files of vendors' backups: named by their hash, so that equal ones are stored once, and removed a week after
//! nothing refers to them any more.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use etiqa_model::Timestamp;

use crate::collect::{INCOMING_PREFIX, Received};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::files::{rename_without_replacing, sync_folder};
use crate::store::artifact::{artifact_blob_forget, artifact_blob_list, artifact_blob_list_unused};

/// A file that nothing refers to is kept for so long.
const KEEP_UNUSED: Duration = Duration::from_hours(7 * 24);
/// A file that is on its way for longer than any deadline was cut off with its process.
const LONGEST_INCOMING: Duration = Duration::from_hours(24);

/// Where the file with this hash is, or would be.
pub(crate) fn path_of(engine: &Engine, sha256: &str) -> PathBuf {
    let folder = sha256.get(..2).unwrap_or_default();
    engine.dir.artifacts().join(folder).join(sha256)
}

/// Gives a whole file its name; one that is there already is the same. On the disk when this returns, so that a row may
/// refer to it.
pub(crate) async fn keep(engine: &Engine, file: &Received) -> Result<()> {
    let path = path_of(engine, &file.sha256);
    let from = file.path.clone();
    let kept = tokio::task::spawn_blocking(move || keep_now(&from, &path)).await;
    kept.map_err(io::Error::other).and_then(|kept| kept).map_err(Error::io("keeping a vendor's backup"))
}

fn keep_now(from: &Path, path: &Path) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let parent = folder.parent().ok_or(io::ErrorKind::InvalidInput)?;
    if !folder.is_dir() {
        match std::fs::create_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => sync_folder(parent)?,
        }
    }
    match rename_without_replacing(from, path) {
        // What is there already may be the remains of a power cut: this one is whole.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => std::fs::rename(from, path)?,
        renamed => renamed?,
    }
    sync_folder(folder)
}

/// Removes the files that nothing has referred to for a week, and those whose fetching was cut off. One that cannot be
/// removed now is tried again the next time.
pub(crate) async fn sweep(engine: &Engine, at: Timestamp) -> Result<()> {
    let unused = artifact_blob_list_unused(&engine.db, engine.dir.id(), at.minus(KEEP_UNUSED), at).await?;
    for sha256 in unused {
        let _files = engine.artifact_files.lock().await;
        if artifact_blob_forget(&engine.db, &sha256).await? {
            remove(&path_of(engine, &sha256)).await;
        }
    }
    let folder = engine.dir.artifacts();
    let old = tokio::task::spawn_blocking(move || old_files(&folder)).await;
    let old = old.map_err(io::Error::other).and_then(|old| old).map_err(Error::io("listing artifacts"))?;
    for file in old.incoming {
        remove(&file).await;
    }
    let _files = engine.artifact_files.lock().await;
    let known = artifact_blob_list(&engine.db).await?;
    // Whole, and yet nobody came to note it.
    for (file, _) in old.by_hash.iter().filter(|(_, sha256)| !known.contains(sha256)) {
        remove(file).await;
    }
    Ok(())
}

async fn remove(file: &Path) {
    match tokio::fs::remove_file(file).await {
        Ok(()) => {
            tracing::info!(file = %file.display(), "removed {}, which nothing refers to", file.display());
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => {
            tracing::warn!(file = %file.display(), %error, "{} could not be removed", file.display());
        }
    }
}

/// Files of ours that have not changed for long; what a person put into the folder is theirs.
#[derive(Default)]
struct Old {
    incoming: Vec<PathBuf>,
    by_hash: Vec<(PathBuf, String)>,
}

fn old_files(root: &Path) -> io::Result<Old> {
    let mut old = Old::default();
    for entry in std::fs::read_dir(root)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(INCOMING_PREFIX) && is_older(&entry, LONGEST_INCOMING) {
            old.incoming.push(entry.path());
        }
        if name.len() == 2 && entry.file_type()?.is_dir() {
            for entry in std::fs::read_dir(entry.path())? {
                let entry = entry?;
                let sha256 = entry.file_name().to_string_lossy().into_owned();
                let is_hash = sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
                if is_hash && sha256.starts_with(&name) && is_older(&entry, KEEP_UNUSED) {
                    old.by_hash.push((entry.path(), sha256));
                }
            }
        }
    }
    Ok(old)
}

fn is_older(entry: &std::fs::DirEntry, than: Duration) -> bool {
    let modified = entry.metadata().and_then(|metadata| metadata.modified());
    modified.is_ok_and(|modified| modified.elapsed().is_ok_and(|age| age > than))
}
