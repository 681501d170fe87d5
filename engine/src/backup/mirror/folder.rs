//! A remote that is a folder of this machine: the same rules as over a network, without a protocol. Its hooks do not run.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use git2::{ErrorClass, ErrorCode, Oid, Repository};
use tokio::task::spawn_blocking;

use super::exchange::{Advertised, Sending, Todo, is_before, prepare};
use super::push::{PushError, PushErrorKind, Sent};
use super::repository::{branch_reference, open_repository, tip_of};
use super::words::plain;

/// Pushes `branch` into the bare repository at `to`.
pub(super) async fn push(repository: &Path, to: &Path, branch: &str) -> Result<Sent, PushError> {
    let refs = on_disk({
        let to = to.to_owned();
        move || refs(&to)
    });
    let advertised = Advertised::of(refs.await?);
    match prepare(repository, branch, advertised).await? {
        Todo::Nothing(commit) => Ok(Sent { commit, was_there: true, said: String::new() }),
        Todo::Send(Sending { new, pack, .. }) => {
            let reference = branch_reference(branch)
                .map_err(|error| PushError::new(PushErrorKind::Address, error.message))?;
            let (to, pack) = (to.to_owned(), pack.into_std().await);
            on_disk(move || store(&to, &reference, new, pack)).await?;
            Ok(Sent { commit: new, was_there: false, said: String::new() })
        }
    }
}

async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PushError> + Send + 'static,
) -> Result<T, PushError> {
    spawn_blocking(work).await.map_err(|error| PushError::here(&error.to_string()))?
}

fn open(to: &Path) -> Result<Repository, PushError> {
    let bare = Repository::open_bare(to).map_err(|_| {
        let message = format!(
            "There is no bare Git repository at {0}; make one with \"git init --bare {0}\", and let this program's user \
             write there.",
            to.display()
        );
        PushError::new(PushErrorKind::NoRepository, message)
    })?;
    drop(bare);
    open_repository(to).map_err(|error| failed(to, &error))
}

fn refs(to: &Path) -> Result<Vec<(Oid, String)>, PushError> {
    let repo = open(to)?;
    let read = || -> Result<Vec<_>, git2::Error> {
        let mut refs = Vec::new();
        for reference in repo.references()? {
            let reference = reference?;
            if let Some(id) = reference.target() {
                refs.push((id, String::from_utf8_lossy(reference.name_bytes()).into_owned()));
            }
        }
        Ok(refs)
    };
    read().map_err(|error| failed(to, &error))
}

/// Stores the pack, then moves the branch, if it is still where it was.
fn store(to: &Path, reference: &str, new: Oid, pack: std::fs::File) -> Result<(), PushError> {
    let repo = open(to)?;
    store_in(&repo, reference, new, pack).map_err(|error| failed(to, &error))
}

fn store_in(
    repo: &Repository,
    reference: &str,
    new: Oid,
    mut pack: std::fs::File,
) -> Result<(), git2::Error> {
    let old = tip_of(repo, reference)?;
    let odb = repo.odb()?;
    let mut writer = odb.packwriter()?;
    let copied = io::copy(&mut pack, &mut writer).and_then(|_| writer.flush());
    copied.map_err(|error| git2::Error::from_str(&error.to_string()))?;
    writer.commit()?;
    match old {
        Some(old) if is_before(repo, old, new)? => {
            repo.reference_matching(reference, new, true, old, "push")?
        }
        // Whoever moved it meanwhile has put it where `new` does not come from.
        Some(_) => {
            let why = "the branch was moved meanwhile";
            return Err(git2::Error::new(ErrorCode::Modified, ErrorClass::Reference, why));
        }
        None => repo.reference(reference, new, false, "push")?,
    };
    Ok(())
}

fn failed(to: &Path, error: &git2::Error) -> PushError {
    let to: PathBuf = to.to_owned();
    let kind = match error.code() {
        ErrorCode::Locked | ErrorCode::Modified | ErrorCode::Exists => PushErrorKind::Busy,
        _ => PushErrorKind::Remote,
    };
    let why = plain(error.message(), 200);
    PushError::new(kind, format!("The repository at {} took no push: {why}.", to.display()))
}
