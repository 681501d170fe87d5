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
use super::super::verify::{archive_file, archive_path, verify_run};
use super::database::restore_database;
use super::files::place_of;
use super::whole_manifest;
use crate::audit::{Act, action, record_if_asked};
use crate::data_dir::DRILL;
use crate::db::{Db, newest_schema};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::files::Disk;
use crate::hex::to_hex;
use crate::store::drill::{drill_insert, sqlite_problems};
use crate::store::dump::table_count;
use crate::store::run::run_fetch;
use crate::store::run_note::run_note_insert_in_txn;
use crate::time::now;

/// Restores the archive of a run into a scratch directory, and notes what came of it. What is sealed for recipients needs
/// one of their identities, as `key`.
pub async fn drill_run(engine: &Engine, id: RunId, key: Option<Key>) -> Result<Drill> {
    let run = run_fetch(&engine.db, id).await?.ok_or_else(|| UserError::not_found(format!("run {id}")))?;
    archive_file(&run)?;
    let key = match key {
        Some(key) => key,
        None if run.encryption == Encryption::Age => {
            let message = "This archive is sealed for age recipients, and the program cannot open it: a drill needs an \
                           identity. Use etiqa verify ARCHIVE --drill --identity FILE.";
            return Err(UserError::conflict(message).into());
        }
        None => key_of(engine, &run).await?,
    };
    let path = archive_path(engine, &run).await?;
    let began = Instant::now();
    // Two drills of one archive do not meet.
    let mut unique = [0_u8; 4];
    rand::fill(&mut unique);
    let scratch = engine.dir.root().join(format!("{DRILL}{id}-{}", to_hex(&unique)));
    let tried = drill(&path, key, &scratch).await;
    let _ = tokio::fs::remove_dir_all(&scratch).await;
    let (restored, problem) = match tried {
        Ok(Tried { rows, files, problem }) => ((rows, files), problem),
        // What the disk could not do says nothing about the archive.
        Err(error @ Error::Io { .. }) => return Err(error),
        Err(Error::Db(error)) if error.is_lost() || error.is_of_the_disk() => return Err(error.into()),
        Err(Error::Db(error)) => ((0, 0), Some(format!("A database refuses its rows: {error}."))),
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
    let act = Act::new(action::RUN_DRILL).on(id.0, &run.name);
    let act = match &drill.problem {
        Some(problem) => act.saying(problem),
        None => act,
    };
    record_if_asked(&engine.db, act).await?;
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
    if let Some(problem) = &drill.problem {
        // Reading it back says whether it is damaged, and then every page does.
        verify_run(engine, run.id).await?;
        let mut tx = engine.db.write().await?;
        run_note_insert_in_txn(&mut tx, run.id, &format!("It did not restore: {problem}"), drill.finished_at)
            .await?;
        tx.commit().await?;
    }
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
    for entry in &manifest.entries {
        place_of(entry)?;
    }
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
    let database = manifest.entries.iter().find(|entry| entry.name == DATABASE);
    // It is in its log first, and then in its file.
    let needed = database.map_or(0, |entry| entry.size.saturating_mul(3));
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
        let written = restore_database(&db, archive, manifest, None).await?;
        let mut problems = sqlite_problems(&db).await?;
        let (mut total, is_as_it_was) = (0, manifest.schema == newest_schema());
        for (table, listed) in &manifest.tables {
            // What brought an older schema up to date may have added rows.
            let found = if is_as_it_was {
                table_count(&db, table).await?
            } else {
                written.get(table).copied().unwrap_or(0)
            };
            total += found;
            if found != *listed {
                problems.push(format!("{table} has {found} rows, the manifest says {listed}"));
            }
        }
        let problem = (!problems.is_empty()).then(|| format!("{}.", problems.join("; ")));
        Ok((total, problem))
    };
    let restored = restored.await;
    db.close().await;
    restored
}
