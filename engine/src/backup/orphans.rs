//! Files without a row, and rows without a file: found and shown, never removed.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use etiqa_model::RunId;
use etiqa_model::event::Topic;
use tokio::task::spawn_blocking;

use super::archive::read_back::{hash_file, is_as_it_was};
use crate::artifacts;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::store::artifact::{artifact_blob_list_in, artifact_blob_move};
use crate::store::run::{run_list_leftover, run_list_missing, run_list_with_archive};
use crate::store::run_write::run_set_found;

/// Archives that are looked for at one look.
const AT_ONCE: u32 = 50;

/// What does not fit together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Orphans {
    /// Archives in the folder of backups that no run names.
    pub files: Vec<String>,
    /// Runs whose archive should be there and is not, with its name.
    pub missing: Vec<(RunId, String)>,
}

/// Compares the folder of backups with the history.
pub async fn find_orphans(engine: &Engine) -> Result<Orphans> {
    let folder = engine.dir.backups();
    let listed = spawn_blocking(move || archives_in(&folder)).await.map_err(io::Error::other);
    let listed = listed.and_then(|listed| listed).map_err(Error::io("listing the folder of backups"))?;
    let runs = run_list_with_archive(&engine.db, engine.dir.files_id()).await?;
    let leftover = run_list_leftover(&engine.db, engine.dir.files_id()).await?;
    let promised: HashSet<&str> = runs.iter().filter_map(|run| run.file.as_deref()).collect();
    let going: HashSet<&str> = leftover.iter().map(|(_, file)| file.as_str()).collect();
    let mut orphans = Orphans::default();
    for run in &runs {
        if let Some(file) = run.file.as_ref().filter(|file| !listed.contains(*file)) {
            orphans.missing.push((run.id, file.clone()));
        }
    }
    orphans.files = listed
        .iter()
        .filter(|file| !promised.contains(file.as_str()) && !going.contains(file.as_str()))
        .cloned()
        .collect();
    orphans.files.sort();
    Ok(orphans)
}

/// Runs whose archives were not here and are now, whole as they were made: somebody brought them along.
pub(crate) async fn take_up_again(engine: &Engine) -> Result<()> {
    take_up(engine, run_list_missing(&engine.db, AT_ONCE).await?).await?;
    if engine.dir.is_shared() { take_up_moved(engine).await } else { Ok(()) }
}

/// Files of this machine's own data directory that somebody has moved to the folder that all machines share. What did not
/// come whole stays noted where it was.
async fn take_up_moved(engine: &Engine) -> Result<()> {
    let own = run_list_with_archive(&engine.db, engine.dir.id()).await?;
    let own = own.into_iter().filter_map(|run| Some((run.id, run.file?, run.sha256?)));
    take_up(engine, own.collect()).await?;
    for sha256 in artifact_blob_list_in(&engine.db, engine.dir.id()).await? {
        if is_as_it_was(&artifacts::path_of(engine, &sha256), &sha256).await {
            artifact_blob_move(&engine.db, &sha256, engine.dir.files_id()).await?;
        }
    }
    Ok(())
}

/// Notes of some of these archives, by run, name and hash, that they are here.
async fn take_up(engine: &Engine, archives: Vec<(RunId, String, String)>) -> Result<()> {
    let mut looked = 0;
    for (run, file, sha256) in archives {
        let path = engine.dir.backups().join(&file);
        if looked == AT_ONCE || !is_file(path.clone()).await? {
            continue;
        }
        looked += 1;
        let hashed = spawn_blocking(move || hash_file(&path)).await.map_err(io::Error::other);
        if hashed.and_then(|hashed| hashed).is_ok_and(|(found, _)| found == sha256) {
            run_set_found(&engine.db, run, engine.dir.files_id()).await?;
            tracing::info!(run = %run, %file, "the archive {file} is here again");
            engine.events.send(Topic::Runs, run.0);
        }
    }
    Ok(())
}

/// Off the runtime's threads: a share may hang.
async fn is_file(path: PathBuf) -> Result<bool> {
    let is_file = spawn_blocking(move || path.is_file()).await.map_err(io::Error::other);
    is_file.map_err(Error::io("looking for an archive"))
}

/// Names of zips and sealed zips; what else a person put there is theirs.
fn archives_in(folder: &Path) -> io::Result<HashSet<String>> {
    let mut names = HashSet::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let zip = Path::new(name.strip_suffix(".age").unwrap_or(&name));
        if !name.starts_with('.') && zip.extension().is_some_and(|ending| ending == "zip") {
            names.insert(name);
        }
    }
    Ok(names)
}
