//! `etiqa verify`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use etiqa_engine::backup::verify::{verify_path, verify_run};
use etiqa_engine::store::run::{run_fetch_by_file, run_list_with_archive};
use etiqa_engine::{Engine, Error, Result};
use etiqa_model::UserError;

use super::{exit, output};

/// Read archives back and say whether they are whole
#[derive(Debug, Args)]
#[command(after_help = "Example: etiqa verify daily_config_backup_20261123_020000.zip")]
pub(crate) struct Verify {
    /// A file, or the name of an archive in the folder of backups
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    archive: Option<PathBuf>,
    /// Every archive that is kept
    #[arg(long)]
    all: bool,
}

impl Verify {
    pub(super) async fn run(self, engine: &Arc<Engine>) -> Result<ExitCode> {
        let mut all_whole = true;
        if let Some(archive) = &self.archive {
            all_whole = verify_one(engine, archive).await?;
        } else {
            for run in run_list_with_archive(&engine.db).await? {
                let file = run.file.unwrap_or_default();
                all_whole &= match verify_run(engine, run.id).await {
                    Ok(outcome) => tell(&file, outcome.damage.as_deref(), outcome.entries, outcome.bytes),
                    // One that cannot be read says nothing about the others.
                    Err(Error::Io { source, .. }) => tell_unread(&file, &source.to_string()),
                    Err(error) => tell_unread(&file, &error.into_user_error().message),
                };
            }
        }
        Ok(exit(all_whole))
    }
}

/// An archive of ours is held against its run as well, and what was found is noted there.
async fn verify_one(engine: &Engine, archive: &Path) -> Result<bool> {
    let name = archive.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let ours = engine.dir.backups().join(&name);
    let is_ours = archive.components().count() == 1 && !archive.exists()
        || archive.canonicalize().is_ok_and(|path| path == ours);
    if is_ours && let Some(run) = run_fetch_by_file(&engine.db, &name).await? {
        let outcome = verify_run(engine, run.id).await?;
        return Ok(tell(&name, outcome.damage.as_deref(), outcome.entries, outcome.bytes));
    }
    if !archive.exists() {
        let message = format!(
            "There is no archive named {name}: give a file, or the name of one in the folder of backups."
        );
        return Err(UserError::invalid(message).into());
    }
    Ok(match verify_path(archive.to_path_buf()).await? {
        Ok(verified) => tell(&name, None, verified.manifest.entries.len() as u64, verified.unpacked_bytes),
        Err(damage) => tell(&name, Some(&damage), 0, 0),
    })
}

/// Why an archive could not be looked at; whether it is whole nobody knows.
fn tell_unread(file: &str, why: &str) -> bool {
    output::print(&format!("{file}: NOT READ: {why}"));
    false
}

fn tell(file: &str, damage: Option<&str>, entries: u64, bytes: u64) -> bool {
    match damage {
        None => output::print(&format!("{file}: whole, {entries} entries, {bytes} bytes")),
        Some(damage) => output::print(&format!("{file}: DAMAGED: {damage}")),
    }
    damage.is_none()
}
