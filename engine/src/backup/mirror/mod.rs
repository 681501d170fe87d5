//! The Git mirror: the active texts as files of a repository, one commit per run, pushed where a remote is set.
//!
//! It is a picture of the network for people and programs that read Git, never what anything is restored from. It never
//! forces a push, never rewrites a commit, and never begins anew by itself where a repository is damaged.
//! docs/git-mirror.md is its reference.
//!
//! [`mirror_run`] brings the repository up to date, [`push`] sends a branch away. The two know nothing of each other but the
//! folder. Libgit2 keeps the objects; what goes over a network is spoken here ([`exchange`]), for its own transports would
//! block a thread, know no deadline, and are registered for the whole process by code that the compiler cannot check.

mod address;
mod commit;
mod exchange;
mod folder;
mod http;
mod lines;
mod listing;
mod message;
mod missing;
mod plan;
mod push;
mod repository;
mod ssh;
mod texts;
mod words;

use std::fmt;
use std::io;
use std::path::Path;

use etiqa_model::UserError;
use etiqa_model::backup::BackupKind;
use etiqa_model::run::Run;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

pub use address::Address;
pub use push::{PushError, PushErrorKind, Pushed, Remote, RemoteLogin, push};

use self::commit::commit;
use self::message::About;
use self::plan::plan;
use self::repository::Mirror;
use self::texts::send_texts;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::store::backup_config::backup_config_fetch;
use crate::store::device::device_list_selected;

/// Texts that wait for the thread that writes them.
const TEXTS_AHEAD: usize = 2;

/// What of the texts a mirror holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Texts {
    /// Without the secrets that the drivers know of, as viewers see them.
    Redacted,
    /// As the devices sent them.
    Whole,
}

/// The name of a commit: 40 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitId(String);

impl CommitId {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<git2::Oid> for CommitId {
    fn from(id: git2::Oid) -> Self {
        Self(id.to_string())
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Brings `branch` of the bare repository at `repository`, which is made on first use, to the texts of the devices that the
/// run's backup config covers, in one commit: those that were active when the run ended, however long it waited for its turn.
/// Files of other devices stay as they are; those of devices that are not in the inventory any more go. None: nothing has
/// changed since the last commit, or that is of a later run and holds what has.
///
/// Done again for the same run, it does nothing more. One process at a time works on a repository; another one waits a
/// minute for it. Temporary is [`etiqa_model::ErrorKind::Conflict`] where somebody else holds it, and every error that is not a
/// [`UserError`].
pub async fn mirror_run(
    engine: &Engine,
    repository: &Path,
    branch: &str,
    texts: Texts,
    run: &Run,
) -> Result<Option<CommitId>> {
    let config = match run.backup_config_id {
        Some(id) => backup_config_fetch(&engine.db, id).await?,
        None => None,
    };
    let config =
        config.ok_or_else(|| UserError::not_found(format!("backup config of run {} any more", run.id)))?;
    let devices = match config.kind {
        BackupKind::Data => Vec::new(),
        BackupKind::Full | BackupKind::Config => device_list_selected(&engine.db, &config.devices).await?,
    };
    let mirror = Mirror::open(repository, branch).await?;
    let (mirror, tip) = blocking(move || {
        let tip = mirror.tip()?;
        Ok((mirror, tip))
    })
    .await?;
    let at = run.finished_at.or(run.started_at).unwrap_or(run.queued_at);
    let moment = match tip.as_ref().filter(|tip| tip.is_after(at)) {
        None => Some(at),
        Some(tip) if tip.run.is_some_and(|last| run.id < last) => return Ok(None),
        // The clock was set back, and says nothing about what was active when.
        Some(_) => None,
    };
    let plan = plan(engine, tip.as_ref().map(|tip| &tip.listing), devices, texts, moment).await?;
    if tip.is_some() && !plan.changes_anything() {
        return Ok(None);
    }
    let about = About { backup: run.name.clone(), run: run.id, at };
    let (sender, receiver) = mpsc::channel(TEXTS_AHEAD);
    let fresh = plan.fresh();
    let writer = blocking(move || commit(&mirror, tip.as_ref(), &plan, &about, receiver));
    // Both at once: a text is read while the one before it is written. The writer without its texts makes no commit.
    let (sent, written) = futures::join!(send_texts(engine, fresh, sender), writer);
    sent?;
    let written = written?;
    if let Some(id) = &written {
        tracing::info!(run = %run.id, commit = %id, "mirrored run {} of {}", run.id, run.name);
    }
    Ok(written)
}

/// Whether `branch` has a commit in the repository, which is made where there is none yet.
pub async fn is_begun(repository: &Path, branch: &str) -> Result<bool> {
    let mirror = Mirror::open(repository, branch).await?;
    blocking(move || mirror.is_begun()).await
}

/// Makes the repository where there is none yet, and looks whether it can be written.
pub async fn make(repository: &Path, branch: &str) -> Result<()> {
    Mirror::open(repository, branch).await.map(drop)
}

/// Runs what waits for a disk or computes for long off the runtime's threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = spawn_blocking(work).await;
    done.map_err(|error| Error::io("mirroring")(io::Error::other(error)))?
}
