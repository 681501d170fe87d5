//! A restore drill: an archive restored into a database that is thrown away, and counted.
//!
//! Starts no worker, sends nothing, and touches nothing that the program works with.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use etiqa_model::archive::{Drill, Encryption};
use etiqa_model::event::Topic;
use etiqa_model::run::Run;
use etiqa_model::{RunId, UserError};

use super::super::archive::manifest::Manifest;
use super::super::archive::reader::Archive;
use super::super::archive::seal::Key;
use super::super::contents::DATABASE;
use super::super::sealing::key_of;
use super::super::verify::archive_path;
use super::database::restore_database;
use super::whole_manifest;
use crate::db::Db;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::files::Disk;
use crate::store::drill::{drill_insert, sqlite_problems};
use crate::store::run::run_fetch;
use crate::time::now;

/// Restores the archive of a run into a scratch directory, and notes what came of it. What is sealed for recipients needs
/// one of their identities, as `key`.
pub async fn drill_run(engine: &Engine, id: RunId, key: Option<Key>) -> Result<Drill> {
    let run = run_fetch(&engine.db, id).await?.ok_or_else(|| UserError::not_found(format!("run {id}")))?;
    let path = archive_path(engine, &run)?;
    let key = match key {
        Some(key) => key,
        None if run.encryption == Encryption::Age => {
            let message = "This archive is sealed for age recipients, and the program cannot open it: a drill needs an \
                           identity. Use etiqa verify ARCHIVE --drill --identity FILE.";
            return Err(UserError::conflict(message).into());
        }
        None => key_of(engine, &run).await?,
    };
    let began = Instant::now();
    let scratch = engine.dir.root().join(format!(".drill-{id}"));
    let tried = drill(&path, key, &scratch).await;
    let _ = tokio::fs::remove_dir_all(&scratch).await;
    let (restored, problem) = match tried {
        Ok(Tried { rows, files, problem }) => ((rows, files), problem),
        // What the disk or the database could not do says nothing about the archive.
        Err(error @ (Error::Io { .. } | Error::Db(_))) => return Err(error),
        Err(error) => ((0, 0), Some(error.into_user_error().message)),
    };
    let drill = Drill {
        run_id: id,
        finished_at: now(),
        rows: restored.0,
        files: restored.1,
        duration_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        problem,
    };
    note(engine, &run, &drill).await?;
    Ok(drill)
}

async fn note(engine: &Engine, run: &Run, drill: &Drill) -> Result<()> {
    match &drill.problem {
        None => tracing::info!(run = %run.id, rows = drill.rows, "the archive of run {} restores", run.id),
        Some(problem) => {
            tracing::error!(run = %run.id, %problem, "the archive of run {} does not restore", run.id);
        }
    }
    drill_insert(&engine.db, drill).await?;
    engine.events.send(Topic::Runs, run.id.0);
    Ok(())
}

struct Tried {
    rows: u64,
    files: u64,
    problem: Option<String>,
}

/// Every byte is read back, and the tables are restored. Files need no scratch: reading them back is all that writing
/// them again would tell.
async fn drill(path: &Path, key: Key, scratch: &Path) -> Result<Tried> {
    let manifest = whole_manifest(path, key.clone()).await?;
    let files = manifest.entries.len() as u64;
    if manifest.tables.is_empty() {
        return Ok(Tried { rows: 0, files, problem: None });
    }
    let _ = tokio::fs::remove_dir_all(scratch).await;
    tokio::fs::create_dir(scratch).await.map_err(Error::io("making a scratch directory"))?;
    refuse_narrow(scratch, &manifest)?;
    let archive = Archive::new(path, key);
    let (rows, problem) = restore_scratch(&archive, &manifest, scratch.join("etiqa.db")).await?;
    Ok(Tried { rows, files, problem })
}

/// Refuses to fill the disk for a drill.
fn refuse_narrow(scratch: &Path, manifest: &Manifest) -> Result<()> {
    let needed = manifest.entries.iter().find(|entry| entry.name == DATABASE).map_or(0, |entry| entry.size);
    let room = Disk::of(scratch).map_err(Error::io("looking for free space"))?.room();
    if room > needed { Ok(()) } else { Err(Error::io("a restore drill")(io::ErrorKind::StorageFull.into())) }
}

/// The tables in a database of their own, which SQLite then checks, and which are counted.
async fn restore_scratch(
    archive: &Archive,
    manifest: &Manifest,
    file: PathBuf,
) -> Result<(u64, Option<String>)> {
    let db = Db::connect_sqlite(&file).await?;
    let restored = async {
        let rows = restore_database(&db, archive, manifest, None).await?;
        let mut problems = sqlite_problems(&db).await?;
        for (table, counted) in &manifest.tables {
            let found = rows.get(table).copied().unwrap_or(0);
            if found != *counted {
                problems.push(format!("{table} has {found} rows, the manifest says {counted}"));
            }
        }
        let problem = (!problems.is_empty()).then(|| format!("{}.", problems.join("; ")));
        Ok((rows.values().sum(), problem))
    };
    let restored = restored.await;
    db.close().await;
    restored
}
