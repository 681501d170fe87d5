//! The empty instance that an archive is restored into.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use etiqa_model::{ErrorKind, Secret, UserError};
use tokio::task::spawn_blocking;

use super::super::archive::manifest::{Manifest, ManifestEntry};
use super::super::contents::DATABASE;
use super::database::make_empty;
use crate::data_dir::{DataDir, RESTORING};
use crate::db::Db;
use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::files::{Disk, sync_folder};
use crate::store::setting::restoring_forget;
use crate::vault::write_key_file;

/// Where the embedded database grows until all of it is there.
const GROWING: &str = "etiqa.db.restoring";

/// A data directory, and a database beside it or inside it.
pub(super) struct Target {
    dir: DataDir,
    db: Db,
    is_embedded: bool,
}

impl Target {
    /// Refuses what is not empty, then notes in the data directory that it is being restored. What an interrupted
    /// restore left there is removed.
    pub(super) async fn begin(root: &Path, database_url: Option<&str>, archive: &Path) -> Result<Self> {
        let root = root.to_owned();
        let archive = archive.to_owned();
        let prepared = spawn_blocking(move || prepare(&root, &archive)).await;
        let root = prepared.map_err(|error| Error::io("preparing")(io::Error::other(error)))??;
        let dir = DataDir::open_restoring(&root)?;
        let db = match database_url {
            Some(url) => match Db::connect_postgres(url).await {
                // It may be somebody's.
                Ok(db) => make_empty(&db).await.map(|()| db),
                Err(error) => Err(error.into()),
            },
            None => Db::connect_sqlite(&dir.root().join(GROWING)).await.map_err(Error::from),
        };
        match db {
            Ok(db) => Ok(Self { dir, db, is_embedded: database_url.is_none() }),
            Err(error) => {
                remove_all(dir.root());
                Err(error)
            }
        }
    }

    pub(super) fn db(&self) -> &Db {
        &self.db
    }

    pub(super) fn root(&self) -> &Path {
        self.dir.root()
    }

    pub(super) fn dir_id(&self) -> &str {
        self.dir.id()
    }

    /// Refuses an archive that unpacks to more than there is room for.
    pub(super) fn check_space(&self, manifest: &Manifest) -> Result<()> {
        // The database is in its log first, and then in its file.
        let times = |entry: &ManifestEntry| if entry.name == DATABASE { 3 } else { 1 };
        let needed: u64 = manifest.entries.iter().map(|entry| entry.size.saturating_mul(times(entry))).sum();
        let free = Disk::of(self.root()).map_err(Error::io("looking for free space"))?.room();
        if needed <= free {
            return Ok(());
        }
        let message = format!(
            "The archive unpacks to {} MiB, and the disk has room for {} MiB: make room, or restore to another disk.",
            needed >> 20,
            free >> 20
        );
        Err(UserError::new(ErrorKind::Unavailable, message).into())
    }

    /// Keeps the key of the restored secrets.
    pub(super) fn keep_key(&self, key: &Secret) -> Result<()> {
        write_key_file(&self.dir.secret_key(), key).map_err(Error::io("writing secret.key"))
    }

    /// Makes it an instance that can be started. Everything is on the disk when this returns.
    pub(super) async fn finish(self) -> Result<()> {
        if self.is_embedded {
            // The note in the directory speaks for the database inside as well.
            restoring_forget(&self.db, self.dir.id()).await?;
            // What the log holds goes into the file, or nothing is finished: the log is left behind.
            self.db.fold_log().await?;
            self.db.close().await;
        }
        let (dir, is_embedded) = (self.dir.clone(), self.is_embedded);
        let opened = spawn_blocking(move || open_up(&dir, is_embedded)).await;
        let opened = opened.map_err(io::Error::other).and_then(|opened| opened);
        opened.map_err(Error::io("finishing a restore"))?;
        failpoint("restore.opened");
        if self.is_embedded {
            return Ok(());
        }
        // A process that ends just before this leaves a note that is the directory's own: the next one takes it away.
        let is_ours = restoring_forget(&self.db, self.dir.id()).await?;
        if is_ours {
            self.db.close().await;
            return Ok(());
        }
        self.undo().await;
        let message = "Another restore into this database came in between: this one was taken back.";
        Err(UserError::conflict(message).into())
    }

    /// Takes away what was written.
    pub(super) async fn undo(self) {
        self.db.close().await;
        let root = self.dir.root().to_owned();
        let _ = spawn_blocking(move || remove_all(&root)).await;
    }
}

/// Gives the database inside its name, and takes the note away: the last steps in the directory.
fn open_up(dir: &DataDir, is_embedded: bool) -> io::Result<()> {
    let root = dir.root();
    if is_embedded {
        let growing = root.join(GROWING);
        File::open(&growing)?.sync_all()?;
        fs::rename(&growing, dir.database())?;
    }
    for folder in [dir.backups(), dir.artifacts(), dir.media(), dir.logs()] {
        sync_folder(&folder)?;
    }
    sync_folder(root)?;
    failpoint("restore.named");
    fs::remove_file(root.join(RESTORING))?;
    sync_folder(root)
}

/// An empty directory with the note in it; gives its path.
fn prepare(root: &Path, archive: &Path) -> Result<PathBuf> {
    let refused = |error: io::Error| {
        let message = format!(
            "The data directory {} cannot be used: {error}. Make it writable for this user, or name another one with \
             --data-dir.",
            root.display()
        );
        UserError::invalid(message)
    };
    let note = root.join(RESTORING);
    if note.exists() {
        remove_all(root);
    }
    fs::create_dir_all(root).map_err(refused)?;
    if fs::read_dir(root).map_err(refused)?.next().is_some() {
        let message = format!(
            "The data directory {} is not empty: restore into a new one, named with --data-dir.",
            root.display()
        );
        return Err(UserError::conflict(message).into());
    }
    let mut file = File::create_new(&note).map_err(refused)?;
    writeln!(file, "{}", archive.display()).map_err(refused)?;
    file.sync_all().map_err(refused)?;
    sync_folder(root).map_err(refused)?;
    if let Some(above) = root.parent().filter(|above| !above.as_os_str().is_empty()) {
        sync_folder(above).map_err(refused)?;
    }
    Ok(root.to_owned())
}

/// Removes all that a restore wrote, the note last. Only what a restore writes: whoever put something else there
/// meanwhile keeps it.
fn remove_all(root: &Path) {
    for folder in ["backups", "artifacts", "media", "logs", "drivers"] {
        let _ = fs::remove_dir_all(root.join(folder));
    }
    for file in ["instance", "secret.key", "serve.lock", "etiqa.db", "etiqa.db-wal", "etiqa.db-shm"] {
        let _ = fs::remove_file(root.join(file));
    }
    for ending in ["", "-wal", "-shm", "-journal"] {
        let _ = fs::remove_file(root.join(format!("{GROWING}{ending}")));
    }
    let _ = fs::remove_file(root.join(RESTORING));
}
