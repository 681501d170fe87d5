//! The files of vendors' backups: named by their hash, so that equal ones are stored once, and removed a week after
//! nothing refers to them any more.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use etiqa_model::Timestamp;

use crate::backup::destinations::shared::{self, SharedFile, artifact_name};
use crate::collect::{INCOMING_PREFIX, Received};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::files::{rename_without_replacing, sync_folder};
use crate::store::artifact::{
    artifact_blob_forget_in_txn, artifact_blob_insert_in_txn, artifact_blob_list, artifact_blob_list_unused,
    artifact_blob_note_unused,
};

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
/// refer to it. It is noted first: from then on no machine takes away a file of this name for a week.
pub(crate) async fn keep(engine: &Engine, file: &Received, at: Timestamp) -> Result<()> {
    let mut tx = engine.db.write().await?;
    let files_id = engine.dir.files_id();
    artifact_blob_insert_in_txn(&mut tx, &file.sha256, file.size_bytes, files_id, at).await?;
    tx.commit().await?;
    let path = path_of(engine, &file.sha256);
    let from = file.path.clone();
    let kept = tokio::task::spawn_blocking(move || keep_now(&from, &path)).await;
    kept.map_err(io::Error::other).and_then(|kept| kept).map_err(Error::io("keeping a vendor's backup"))
}

/// Puts a file that is kept where all machines keep theirs, where such a destination is named.
pub(crate) async fn put(engine: &Engine, file: &Received) -> Result<()> {
    let name = artifact_name(&file.sha256);
    let path = path_of(engine, &file.sha256);
    shared::put(engine, &shared_file(&name, file.size_bytes, &file.sha256), &path, &engine.stopping).await?;
    Ok(())
}

/// Where the file with this hash is; what another machine has is fetched from where all of them keep theirs. What is to be
/// had nowhere is not there.
pub(crate) async fn bring(engine: &Engine, sha256: &str, size_bytes: u64) -> Result<PathBuf> {
    let path = path_of(engine, sha256);
    if !path.is_file() {
        let name = artifact_name(sha256);
        shared::get(engine, &shared_file(&name, size_bytes, sha256), &engine.dir.artifacts(), &path).await?;
    }
    Ok(path)
}

fn shared_file<'a>(name: &'a str, size: u64, sha256: &'a str) -> SharedFile<'a> {
    SharedFile { what: "The vendor backup", name, size, sha256 }
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
    let (files_id, before) = (engine.dir.files_id(), at.minus(KEEP_UNUSED));
    let folder = engine.dir.artifacts();
    let old = tokio::task::spawn_blocking(move || old_files(&folder)).await;
    let old = old.map_err(io::Error::other).and_then(|old| old).map_err(Error::io("listing artifacts"))?;
    for file in old.incoming {
        remove(&file).await;
    }
    // Whole, and yet nobody came to note it: it goes in a week, as if it had been in use until now.
    let known = artifact_blob_list(&engine.db).await?;
    for (sha256, size_bytes) in old.by_hash.iter().filter(|(sha256, _)| !known.contains(sha256)) {
        artifact_blob_note_unused(&engine.db, sha256, *size_bytes, files_id, at).await?;
    }
    let also_orphaned = shared::named(engine).await?.is_some();
    for sha256 in artifact_blob_list_unused(&engine.db, files_id, also_orphaned, before, at).await? {
        // First, and outside of the transaction: it may take long, and what stays there is tried again only while its row
        // is here. Whoever keeps the same file just now puts it there again within a day.
        if !shared::remove(engine, &artifact_name(&sha256)).await? {
            break;
        }
        // Who keeps a file of this name meanwhile, on whichever machine, waits for the end of this to note it.
        let mut tx = engine.db.write().await?;
        if artifact_blob_forget_in_txn(&mut tx, &sha256, before).await? {
            remove(&path_of(engine, &sha256)).await;
        }
        tx.commit().await?;
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
    /// Hash and size in bytes.
    by_hash: Vec<(String, u64)>,
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
                    old.by_hash.push((sha256, entry.metadata()?.len()));
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
