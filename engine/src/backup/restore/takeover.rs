//! Restoring into the instance that is asked for it, while it is new and empty: the page of the first visit does that.
//!
//! The archive is restored beside the instance, whole and verified, before anything of the instance is touched. Then a
//! note says that the restored one takes over, the server closes the database, and `moving` puts everything into place
//! before it opens again. From the upload on until then nobody else sets the instance up.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use etiqa_model::{ErrorKind, UserError};
use tokio::io::AsyncWriteExt;
use tokio::sync::OwnedMutexGuard;
use tokio::task::spawn_blocking;

use super::super::archive::seal::Key;
use super::moving::{RESTORED, UPLOAD, give_up, is_waiting, note};
use super::{Request, Restored, Secrets, restore};
use crate::data_dir::DataDir;
use crate::db::DbKind;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::files::Disk;
use crate::store::restore::is_untouched;

/// How a restore into this instance goes, while it waits for its first admin.
#[derive(Debug, Default)]
pub struct Takeover {
    problem: Mutex<Option<String>>,
    turn: Arc<tokio::sync::Mutex<()>>,
    has_restored: AtomicBool,
}

/// Held by the one who sets the instance up: an upload that is restored, or the first admin.
pub(crate) type Turn = OwnedMutexGuard<()>;

impl Takeover {
    /// For an instance that what was restored into it did not take the place of, for this reason.
    pub(crate) fn after(refusal: Option<UserError>) -> Self {
        Self { problem: Mutex::new(refusal.map(|refusal| refusal.message)), ..Self::default() }
    }

    /// Why the last restore came to nothing; strangers may read it.
    pub fn problem(&self) -> Option<String> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the server is to open what was restored.
    pub fn has_restored(&self) -> bool {
        self.has_restored.load(Ordering::Acquire)
    }

    /// Notes why a restore came to nothing that was asked for with the right code.
    pub fn failed(&self, error: &UserError) {
        *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.message.clone());
    }

    /// Begins to set the instance up. Refused while somebody else does, and once a restored one is about to take over:
    /// what is done here then would be gone.
    pub(crate) fn begin(&self, dir: &DataDir) -> Result<Turn> {
        let turn = Arc::clone(&self.turn).try_lock_owned().map_err(|_| {
            UserError::conflict(
                "Somebody is setting this instance up just now, or restores into it: wait for the end.",
            )
        })?;
        if is_waiting(dir.root()) {
            let message = "An archive was restored into this instance and is about to take over: wait a moment, then sign \
                           in.";
            return Err(UserError::conflict(message).into());
        }
        Ok(turn)
    }
}

/// Refuses an instance that somebody has worked with, and one that keeps its things elsewhere.
async fn check_untouched(engine: &Engine) -> Result<()> {
    if !is_untouched(&engine.db).await? {
        let message = "This instance is not empty: restore into a new one, with `etiqa restore`.";
        return Err(UserError::conflict(message).into());
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
    _turn: Turn,
    path: PathBuf,
    file: tokio::fs::File,
    room: u64,
    size: u64,
}

impl Upload {
    /// Begins one, unless somebody else sets the instance up. What an earlier one left is removed.
    pub async fn begin(engine: &Engine) -> Result<Self> {
        let turn = engine.takeover.begin(&engine.dir)?;
        check_untouched(engine).await?;
        let path = engine.dir.root().join(UPLOAD);
        let room = Disk::of(engine.dir.root()).map_err(Error::io("looking for free space"))?.room();
        let mut options = tokio::fs::File::options();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        options.mode(0o600);
        let file = options.open(&path).await.map_err(Error::io("storing an archive"))?;
        Ok(Self { _turn: turn, path, file, room, size: 0 })
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

    /// Restores it in the place of the instance. It comes to its end, and the server then opens what was restored,
    /// whether or not whoever asked for it still waits.
    pub async fn restore(self, engine: &Arc<Engine>, key: Key, secrets: Secrets) -> Result<Restored> {
        let engine = Arc::clone(engine);
        let restoring = tokio::spawn(async move { self.restore_to_the_end(&engine, key, secrets).await });
        Ok(restoring.await.map_err(|error| Error::io("restoring")(io::Error::other(error)))??)
    }

    /// Notes how it ended; after a good end the server closes the instance and opens it again.
    async fn restore_to_the_end(
        mut self,
        engine: &Engine,
        key: Key,
        secrets: Secrets,
    ) -> Result<Restored, UserError> {
        let root = engine.dir.root();
        let restored = match self.restore_beside(engine, key, secrets).await {
            Ok(restored) => restored,
            Err(error) => {
                let error = told(root, error);
                engine.takeover.failed(&error);
                // What cannot be removed now is removed before the next restore.
                let _ = with_files(root, "making room", give_up).await;
                return Err(error);
            }
        };
        tracing::warn!(
            rows = restored.rows,
            files = restored.files,
            "an archive was restored; it takes over now"
        );
        engine.takeover.has_restored.store(true, Ordering::Release);
        engine.stopping.cancel();
        Ok(restored)
    }

    /// Everything up to the note, which nothing may follow that can fail.
    async fn restore_beside(&mut self, engine: &Engine, key: Key, secrets: Secrets) -> Result<Restored> {
        self.file.flush().await.map_err(Error::io("storing an archive"))?;
        check_untouched(engine).await?;
        let root = engine.dir.root();
        with_files(root, "making room", give_up).await?;
        let place = root.join(RESTORED);
        let request =
            Request { archive: self.path.clone(), key, data_dir: place, database_url: None, secrets };
        let restored = restore(request).await?;
        // That took a while, and a command may have done something meanwhile.
        check_untouched(engine).await?;
        with_files(root, "finishing a restore", note).await?;
        failpoint("takeover.noted");
        Ok(restored)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// What is said of an error: strangers read it on the page, so that a sentence with a path in it is for the log alone.
fn told(root: &Path, error: Error) -> UserError {
    let error = error.into_user_error();
    if !error.message.contains(&*root.to_string_lossy()) {
        return error;
    }
    tracing::error!(problem = %error.message, "an archive was not restored");
    UserError::new(error.kind, "The archive could not be restored. The program's log says why.")
}

/// Does something with the files of a data directory, which may take a while.
async fn with_files(root: &Path, what: &str, work: fn(&Path) -> io::Result<()>) -> Result<()> {
    let root = root.to_owned();
    let done = spawn_blocking(move || work(&root)).await;
    done.map_err(io::Error::other).and_then(|done| done).map_err(Error::io(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_the_server_is_in_nothing_that_the_page_says() {
        let root = Path::new("/srv/etiqa");
        let with_a_path = UserError::conflict("The data directory /srv/etiqa/.restored is not empty.");
        let said = told(root, with_a_path.into());
        assert_eq!(said.kind, ErrorKind::Conflict);
        assert_eq!(said.message, "The archive could not be restored. The program's log says why.");
        let without = UserError::invalid("The archive cannot be used. The passphrase does not open it.");
        assert_eq!(told(root, without.clone().into()), without);
    }
}
