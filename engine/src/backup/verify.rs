//! Whether archives are still what was written: one run's, or any file.

use std::io;
use std::path::PathBuf;

use etiqa_model::admin::VerifyOutcome;
use etiqa_model::archive::Encryption;
use etiqa_model::event::Topic;
use etiqa_model::run::Run;
use etiqa_model::{ErrorKind, RunId, UserError};
use tokio::task::spawn_blocking;

pub use super::archive::read_back::Verified;
use super::archive::read_back::{hash_file, read_back};
pub use super::archive::reader::Refusal;
use super::archive::reader::is_unreadable;
pub use super::archive::seal::Key;
use super::destinations::shared::{self, Fetch};
use super::sealing::key_of;
use crate::audit::{Act, action, record_if_asked};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::store::run::{run_fetch, run_is_elsewhere};
use crate::store::run_note::run_note_insert_in_txn;
use crate::store::run_write::{run_set_checked, run_set_verified_in_txn};
use crate::time::now;

const OTHER: &str = "It is not the file that this run wrote: its SHA-256 differs.";
const GONE: &str = "The file is gone.";

/// Reads a run's archive back, and notes what was found. One that is sealed for recipients is held against the hash
/// of what was read back when it was made: nobody here can open it. One that another machine made is read from where all
/// machines keep their files; that it cannot be had from there says nothing about that machine's own.
pub async fn verify_run(engine: &Engine, id: RunId) -> Result<VerifyOutcome> {
    let run = run_fetch(&engine.db, id).await?.ok_or_else(|| UserError::not_found(format!("run {id}")))?;
    let path = locate(engine, &run, Fetch::Anew).await?;
    let checked = match run.encryption {
        Encryption::Age => check_sealed(&run, path).await,
        Encryption::None | Encryption::Passphrase => check(engine, &run, path).await,
    };
    let outcome = match checked {
        Ok(outcome) => outcome,
        Err(error) => {
            // The others have their turn first before it is tried again.
            run_set_checked(&engine.db, id, now()).await?;
            return Err(error);
        }
    };
    note(engine, &run, &outcome).await?;
    let act = Act::new(action::RUN_VERIFY).on(id.0, &run.name);
    let act = match &outcome.damage {
        Some(damage) => act.saying(format!("Damaged: {damage}")),
        None => act,
    };
    record_if_asked(&engine.db, act).await?;
    Ok(outcome)
}

/// Refuses an archive that another machine made, in a folder that is not here.
pub(super) async fn refuse_elsewhere(engine: &Engine, id: RunId) -> Result<()> {
    if run_is_elsewhere(&engine.db, id, engine.dir.files_id()).await? {
        return Err(elsewhere(id).into());
    }
    Ok(())
}

fn elsewhere(id: RunId) -> UserError {
    let message = format!("The archive of run {id} is on the machine that made it: look at it there.");
    UserError::new(ErrorKind::NotFound, message)
}

async fn check(engine: &Engine, run: &Run, path: PathBuf) -> Result<VerifyOutcome> {
    let key = key_of(engine, run).await?;
    Ok(match verify_path(path, key).await? {
        Ok(verified) if is_other(run, &verified.sha256) => damaged(OTHER.into()),
        Ok(verified) => VerifyOutcome {
            entries: verified.manifest.entries.len() as u64,
            bytes: verified.unpacked_bytes,
            sealed: false,
            damage: None,
        },
        Err(refusal) => damaged(refusal.to_string()),
    })
}

async fn check_sealed(run: &Run, path: PathBuf) -> Result<VerifyOutcome> {
    let hashed = spawn_blocking(move || hash_file(&path)).await.map_err(io::Error::other);
    Ok(match hashed.and_then(|hashed| hashed) {
        Ok((sha256, _)) if is_other(run, &sha256) => damaged(OTHER.into()),
        Ok((_, bytes)) => VerifyOutcome { entries: 0, bytes, sealed: true, damage: None },
        Err(error) if error.kind() == io::ErrorKind::NotFound => damaged(GONE.into()),
        Err(error) if is_unreadable(&error) => damaged(format!("The disk cannot read it: {error}.")),
        Err(error) => return Err(Error::io("verifying an archive")(error)),
    })
}

fn is_other(run: &Run, sha256: &str) -> bool {
    run.sha256.as_ref().is_some_and(|written| written != sha256)
}

/// Writes down what was found. That an archive was found damaged, or whole again, is said in its run's notes.
async fn note(engine: &Engine, run: &Run, outcome: &VerifyOutcome) -> Result<()> {
    let (id, at) = (run.id, now());
    let note = match &outcome.damage {
        Some(damage) if run.damage.as_ref() != Some(damage) => Some(format!("Found damaged: {damage}")),
        None if run.damaged => Some("Found whole again.".to_owned()),
        _ => None,
    };
    if let Some(damage) = &outcome.damage {
        tracing::error!(run = %id, %damage, "the archive of run {id} is damaged");
    }
    let mut tx = engine.db.write().await?;
    run_set_verified_in_txn(&mut tx, id, outcome.damage.as_deref(), at).await?;
    if let Some(note) = note {
        run_note_insert_in_txn(&mut tx, id, &note, at).await?;
    }
    tx.commit().await?;
    engine.events.send(Topic::Runs, id.0);
    Ok(())
}

/// Reads any archive back, off the runtime. A file that is gone is damage, too.
pub async fn verify_path(path: PathBuf, key: Key) -> Result<Result<Verified, Refusal>> {
    let verified = spawn_blocking(move || read_back(&path, key)).await.map_err(io::Error::other);
    match verified.and_then(|verified| verified) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Err(Refusal::Damaged(GONE.into()))),
        other => other.map_err(Error::io("verifying an archive")),
    }
}

/// Where a run's archive is here. One that another machine made is fetched from where all machines keep their files. The
/// error says why there is none.
pub async fn archive_path(engine: &Engine, run: &Run) -> Result<PathBuf> {
    locate(engine, run, Fetch::Once).await
}

async fn locate(engine: &Engine, run: &Run, how: Fetch) -> Result<PathBuf> {
    let file = archive_file(run)?;
    if !run_is_elsewhere(&engine.db, run.id, engine.dir.files_id()).await? {
        return Ok(engine.dir.backups().join(file));
    }
    // From before this machine shared a folder.
    if engine.dir.is_shared() && !run_is_elsewhere(&engine.db, run.id, engine.dir.id()).await? {
        return Ok(engine.dir.own_backups().join(file));
    }
    Ok(shared::archive(engine, run, how).await?.ok_or_else(|| elsewhere(run.id))?)
}

/// The name of a run's archive; the error says why there is none.
pub(super) fn archive_file(run: &Run) -> Result<&str, UserError> {
    match &run.file {
        Some(file) if run.has_archive() => Ok(file.as_str()),
        Some(_) if run.removed_at.is_some() => {
            Err(UserError::not_found(format!("archive of run {} any more: retention removed it", run.id)))
        }
        _ => Err(UserError::not_found(format!("archive of run {}", run.id))),
    }
}

fn damaged(damage: String) -> VerifyOutcome {
    VerifyOutcome { entries: 0, bytes: 0, sealed: false, damage: Some(damage) }
}
