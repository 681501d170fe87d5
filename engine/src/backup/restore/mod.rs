//! Bringing back what an archive holds: all of it into an empty instance, or single files.
//!
//! Never writes into anything that is not empty, and never leaves half of an instance that looks like a whole one: until
//! the last step the data directory says that it is being restored, and no server starts in it.

mod bounded;
mod database;
pub mod drill;
mod files;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub(crate) mod moving;
mod rows;
pub mod takeover;
mod target;
mod value;

use std::fmt;
use std::path::{Path, PathBuf};

use etiqa_model::{Secret, UserError};
use tokio::task::spawn_blocking;

use super::archive::manifest::{Manifest, ManifestEntry};
use super::archive::read_back::read_back;
use super::archive::reader::Archive;
use super::archive::seal::Key;
use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::time::now;
use crate::vault::Vault;
use database::{Settling, refused, restore_database};
use files::{place_of, safe_path, write_files};
use target::Target;

/// What is to be restored, and into what.
pub struct Request {
    /// The archive.
    pub archive: PathBuf,
    /// What opens it.
    pub key: Key,
    /// The new data directory: missing or empty.
    pub data_dir: PathBuf,
    /// A PostgreSQL database without tables, or with empty ones; none: the SQLite file of the data directory.
    pub database_url: Option<String>,
    /// What becomes of the sealed secrets.
    pub secrets: Secrets,
}

/// A URL may have a password in it.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("archive", &self.archive).finish_non_exhaustive()
    }
}

/// What becomes of the secrets, which are sealed in the archive.
#[derive(Debug)]
pub enum Secrets {
    /// This is the key that they are sealed with.
    With(Secret),
    /// The key is lost: what it seals is left out.
    Forget,
}

/// What was restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// Rows of the database.
    pub rows: u64,
    /// Files of vendors' backups, media and logs.
    pub files: u64,
}

/// What a restore begins with next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Reading all of the archive back against its manifest.
    Reading,
    /// Writing vendors' backups, media and logs.
    Files,
    /// Filling the database.
    Database,
}

/// Restores all of an archive into an empty instance. Everything is read back against the manifest first.
pub async fn restore(request: Request) -> Result<Restored> {
    restore_telling(request, |_| {}).await
}

/// The same; `tell` hears of every step as it begins.
pub async fn restore_telling(request: Request, tell: impl Fn(Step)) -> Result<Restored> {
    tell(Step::Reading);
    let archive = Archive::new(&request.archive, request.key.clone());
    let manifest = readable_manifest(&request.archive, request.key).await?;
    let target = Target::begin(&request.data_dir, request.database_url.as_deref(), &request.archive).await?;
    failpoint("restore.begun");
    match fill(&target, &archive, &manifest, &request.secrets, &tell).await {
        Ok(restored) => {
            target.finish().await?;
            Ok(restored)
        }
        Err(error) => {
            target.undo().await;
            Err(error)
        }
    }
}

async fn fill(
    target: &Target,
    archive: &Archive,
    manifest: &Manifest,
    secrets: &Secrets,
    tell: &impl Fn(Step),
) -> Result<Restored> {
    let vault = match secrets {
        Secrets::With(key) => Some(Vault::from_text(key)?),
        Secrets::Forget => None,
    };
    target.check_space(manifest)?;
    let artifacts: Vec<String> = manifest
        .entries
        .iter()
        .filter(|entry| entry.name.starts_with("artifacts/"))
        .map(|entry| entry.sha256.clone())
        .collect();
    let settling =
        Settling { data_dir: target.dir_id(), artifacts: &artifacts, vault: vault.as_ref(), at: now() };
    let root = target.root().to_owned();
    tell(Step::Files);
    let written = {
        let (archive, manifest) = (archive.clone(), manifest.clone());
        spawn_blocking(move || write_files(&archive, &manifest, &root, place_of)).await
    };
    let files = written.map_err(|error| Error::io("writing files")(std::io::Error::other(error)))??;
    failpoint("restore.files");
    if let Secrets::With(key) = secrets {
        target.keep_key(key)?;
    }
    tell(Step::Database);
    // Last: where the database is not inside the directory, this is what cannot be taken back.
    let rows = restore_database(target.db(), archive, manifest, Some(settling)).await?;
    failpoint("restore.database");
    Ok(Restored { rows: rows.values().sum(), files })
}

/// Writes the entries of an archive that are named `paths`, or are below them, into `folder`; gives how many.
pub async fn extract(archive: PathBuf, key: Key, paths: Vec<String>, folder: PathBuf) -> Result<u64> {
    let manifest = readable_manifest(&archive, key.clone()).await?;
    for path in &paths {
        if !manifest.entries.iter().any(|entry| is_at_or_below(&entry.name, path)) {
            let message =
                format!("The archive holds no {path}. `etiqa restore ARCHIVE --list` shows what it holds.");
            return Err(UserError::invalid(message).into());
        }
    }
    let archive = Archive::new(&archive, key);
    let written = spawn_blocking(move || {
        let place = |entry: &ManifestEntry| {
            let is_wanted = paths.iter().any(|path| is_at_or_below(&entry.name, path));
            if is_wanted { safe_path(&entry.name).map(Some) } else { Ok(None) }
        };
        write_files(&archive, &manifest, &folder, place)
    });
    written.await.map_err(|error| Error::io("writing files")(std::io::Error::other(error)))?
}

/// What an archive holds; only its list is read.
pub async fn list(archive: PathBuf, key: Key) -> Result<Manifest> {
    let archive = Archive::new(&archive, key);
    let read = spawn_blocking(move || {
        let mut zip = archive.open().map_err(unread)?.map_err(refused)?;
        Ok(archive.manifest(&mut zip).map_err(refused)?)
    });
    read.await.map_err(|error| Error::io("reading an archive")(std::io::Error::other(error)))?
}

/// The manifest of an archive that was read back whole.
async fn whole_manifest(archive: &Path, key: Key) -> Result<Manifest> {
    let path = archive.to_owned();
    let read = spawn_blocking(move || read_back(&path, key)).await;
    let read = read.map_err(std::io::Error::other).and_then(|read| read);
    Ok(read.map_err(Error::io("reading an archive"))?.map_err(refused)?.manifest)
}

/// [`whole_manifest`], where a file that cannot be read is the person's to mend.
async fn readable_manifest(archive: &Path, key: Key) -> Result<Manifest> {
    match whole_manifest(archive, key).await {
        Err(Error::Io { source, .. }) => Err(unread(source)),
        read => read,
    }
}

fn unread(error: std::io::Error) -> Error {
    UserError::invalid(format!("The archive cannot be read: {error}.")).into()
}

fn is_at_or_below(name: &str, path: &str) -> bool {
    let path = path.trim_end_matches('/');
    name.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
