//! `etiqa verify`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use etiqa_engine::backup::restore::drill::drill_run;
use etiqa_engine::backup::verify::{verify_path, verify_run};
use etiqa_engine::store::run::{run_fetch_by_file, run_list_with_archive};
use etiqa_engine::{Engine, Error, Result};
use etiqa_model::UserError;
use etiqa_model::admin::VerifyOutcome;
use etiqa_model::archive::Encryption;
use etiqa_model::run::Run;

use super::unlock::Unlock;
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
    /// Try it out as well: restore it into a database that is thrown away
    #[arg(long, conflicts_with = "all")]
    drill: bool,
    #[command(flatten)]
    unlock: Unlock,
}

impl Verify {
    pub(super) async fn run(self, engine: &Arc<Engine>) -> Result<ExitCode> {
        let mut all_whole = true;
        if let Some(archive) = &self.archive {
            all_whole = self.verify_one(engine, archive).await?;
        } else {
            for run in run_list_with_archive(&engine.db, engine.dir.files_id()).await? {
                let file = run.file.unwrap_or_default();
                all_whole &= match verify_run(engine, run.id).await {
                    Ok(outcome) => tell(&file, &outcome),
                    // One that cannot be read says nothing about the others.
                    Err(Error::Io { source, .. }) => tell_unread(&file, &source.to_string()),
                    Err(error) => tell_unread(&file, &error.into_user_error().message),
                };
            }
        }
        Ok(exit(all_whole))
    }

    /// An archive of ours is held against its run as well, and what was found is noted there.
    async fn verify_one(&self, engine: &Engine, archive: &Path) -> Result<bool> {
        let name = archive.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let ours = engine.dir.backups().join(&name);
        let is_ours = archive.components().count() == 1 && !archive.exists()
            || archive.canonicalize().is_ok_and(|path| path == ours);
        let run = if is_ours { run_fetch_by_file(&engine.db, &name).await? } else { None };
        if let Some(run) = &run {
            let outcome = verify_run(engine, run.id).await?;
            if !tell(&name, &outcome) {
                return Ok(false);
            }
        }
        match run {
            Some(run) if self.drill => self.drill(engine, &run).await,
            // Opened with what was given, where the program itself cannot.
            Some(run) if run.encryption == Encryption::Age && self.unlock.is_given() => {
                self.open(&ours, &name).await
            }
            Some(_) => Ok(true),
            None if !archive.exists() => {
                let message = format!(
                    "There is no archive named {name}: give a file, or the name of one in the folder of backups."
                );
                Err(UserError::invalid(message).into())
            }
            None if self.drill => {
                let message = format!("{name} is not of this instance: use `etiqa restore` to try it out.");
                Err(UserError::invalid(message).into())
            }
            None => self.open(archive, &name).await,
        }
    }

    async fn open(&self, archive: &Path, name: &str) -> Result<bool> {
        Ok(match verify_path(archive.to_path_buf(), self.unlock.key().await?).await? {
            Ok(verified) => tell(
                name,
                &VerifyOutcome {
                    entries: verified.manifest.entries.len() as u64,
                    bytes: verified.unpacked_bytes,
                    sealed: false,
                    damage: None,
                },
            ),
            Err(refusal) if refusal.is_damage() => tell(
                name,
                &VerifyOutcome { entries: 0, bytes: 0, sealed: false, damage: Some(refusal.to_string()) },
            ),
            Err(refusal) => tell_unread(name, &refusal.to_string()),
        })
    }

    async fn drill(&self, engine: &Engine, run: &Run) -> Result<bool> {
        let key = if self.unlock.is_given() { Some(self.unlock.key().await?) } else { None };
        let drill = drill_run(engine, run.id, key).await?;
        output::print(&match &drill.problem {
            None if drill.rows == 0 => {
                format!("It holds no database to restore; its {} files are whole.", drill.files)
            }
            None => format!(
                "It restores: {} rows and {} files, in {:.1} s.",
                drill.rows,
                drill.files,
                drill.duration_ms as f64 / 1000.0
            ),
            Some(problem) => format!("It does NOT restore: {problem}"),
        });
        Ok(drill.problem.is_none())
    }
}

/// Why an archive could not be looked at; whether it is whole nobody knows.
fn tell_unread(file: &str, why: &str) -> bool {
    output::print(&format!("{file}: NOT READ: {why}"));
    false
}

fn tell(file: &str, outcome: &VerifyOutcome) -> bool {
    let VerifyOutcome { entries, bytes, sealed, damage } = outcome;
    match damage {
        Some(damage) => output::print(&format!("{file}: DAMAGED: {damage}")),
        None if *sealed => output::print(&format!(
            "{file}: unchanged, {bytes} bytes; it is sealed for its recipients, and was read back when it was made"
        )),
        None => output::print(&format!("{file}: whole, {entries} entries, {bytes} bytes")),
    }
    damage.is_none()
}
