//! Files without a row, and rows without a file: found and shown, never removed.

use std::collections::HashSet;
use std::io;
use std::path::Path;

use etiqa_model::RunId;
use etiqa_model::event::Topic;
use tokio::task::spawn_blocking;

use super::archive::read_back::hash_file;
use crate::engine::Engine;
use crate::error::{Error, Result};
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
    let runs = run_list_with_archive(&engine.db, engine.dir.id()).await?;
    let leftover = run_list_leftover(&engine.db, engine.dir.id()).await?;
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
    for (run, file, sha256) in run_list_missing(&engine.db, AT_ONCE).await? {
        let path = engine.dir.backups().join(&file);
        if !path.is_file() {
            continue;
        }
        let hashed = spawn_blocking(move || hash_file(&path)).await.map_err(io::Error::other);
        if hashed.and_then(|hashed| hashed).is_ok_and(|(found, _)| found == sha256) {
            run_set_found(&engine.db, run, engine.dir.id()).await?;
            tracing::info!(run = %run, %file, "the archive {file} is here again");
            engine.events.send(Topic::Runs, run.0);
        }
    }
    Ok(())
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
