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
use etiqa_model::archive::{Drill, Encryption};
use etiqa_model::run::Run;
use serde::Serialize;

use super::progress::Progress;
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
    /// What was found as JSON, an object for each archive
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    unlock: Unlock,
}

/// What was found of an archive.
#[derive(Debug, Serialize)]
struct Looked {
    archive: String,
    state: State,
    entries: u64,
    bytes: u64,
    problem: Option<String>,
    drill: Option<Drill>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Whole,
    /// As it was when it was made; it is sealed for others.
    Unchanged,
    Damaged,
    /// Whether it is whole nobody knows.
    NotRead,
}

impl Looked {
    fn of(archive: &str, outcome: VerifyOutcome) -> Self {
        let state = match outcome.damage {
            Some(_) => State::Damaged,
            None if outcome.sealed => State::Unchanged,
            None => State::Whole,
        };
        let VerifyOutcome { entries, bytes, damage, .. } = outcome;
        Self { archive: archive.to_owned(), state, entries, bytes, problem: damage, drill: None }
    }

    fn not_read(archive: &str, why: String) -> Self {
        let archive = archive.to_owned();
        Self { archive, state: State::NotRead, entries: 0, bytes: 0, problem: Some(why), drill: None }
    }

    fn is_good(&self) -> bool {
        let restores = self.drill.as_ref().is_none_or(|drill| drill.problem.is_none());
        matches!(self.state, State::Whole | State::Unchanged) && restores
    }

    fn words(&self) -> String {
        let Self { archive, entries, bytes, .. } = self;
        let problem = self.problem.as_deref().unwrap_or_default();
        match self.state {
            State::Damaged => format!("{archive}: DAMAGED: {problem}"),
            State::NotRead => format!("{archive}: NOT READ: {problem}"),
            State::Unchanged => format!(
                "{archive}: unchanged, {bytes} bytes; it is sealed for its recipients, and was read back when it was made"
            ),
            State::Whole => format!("{archive}: whole, {entries} entries, {bytes} bytes"),
        }
    }
}

impl Verify {
    pub(super) async fn run(self, engine: &Arc<Engine>) -> Result<ExitCode> {
        let looked = match &self.archive {
            Some(archive) => vec![self.verify_one(engine, archive).await?],
            None => self.verify_all(engine).await?,
        };
        if self.json {
            output::print_json(&looked)?;
        }
        Ok(exit(looked.iter().all(Looked::is_good)))
    }

    async fn verify_all(&self, engine: &Engine) -> Result<Vec<Looked>> {
        let runs = run_list_with_archive(&engine.db, engine.dir.files_id()).await?;
        let progress = Progress::of(runs.len() as u64, "Reading archives back");
        let mut looked = Vec::with_capacity(runs.len());
        for run in runs {
            let file = run.file.unwrap_or_default();
            progress.now(&file);
            looked.push(self.told(match verify_run(engine, run.id).await {
                Ok(outcome) => Looked::of(&file, outcome),
                // One that cannot be read says nothing about the others.
                Err(Error::Io { source, .. }) => Looked::not_read(&file, source.to_string()),
                Err(error) => Looked::not_read(&file, error.into_user_error().message),
            }));
            progress.one_more();
        }
        Ok(looked)
    }

    /// Where results are lines, each is said when it is known.
    fn told(&self, looked: Looked) -> Looked {
        if !self.json {
            output::print(&looked.words());
        }
        looked
    }

    /// An archive of ours is held against its run as well, and what was found is noted there.
    async fn verify_one(&self, engine: &Engine, archive: &Path) -> Result<Looked> {
        let name = archive.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let ours = engine.dir.backups().join(&name);
        let is_ours = archive.components().count() == 1 && !archive.exists()
            || archive.canonicalize().is_ok_and(|path| path == ours);
        let run = if is_ours { run_fetch_by_file(&engine.db, &name).await? } else { None };
        let Some(run) = run else { return self.verify_other(archive, &name).await };
        let progress = Progress::start(&format!("Reading {name} back"));
        let outcome = verify_run(engine, run.id).await?;
        drop(progress);
        let looked = self.told(Looked::of(&name, outcome));
        if !looked.is_good() {
            return Ok(looked);
        }
        if self.drill {
            return Ok(Looked { drill: Some(self.drill(engine, &run).await?), ..looked });
        }
        if run.encryption == Encryption::Age && self.unlock.is_given() {
            // Opened with what was given, where the program itself cannot.
            return self.open(&ours, &name).await;
        }
        Ok(looked)
    }

    /// One that no run here has made.
    async fn verify_other(&self, archive: &Path, name: &str) -> Result<Looked> {
        if !archive.exists() {
            let message = format!(
                "There is no archive named {name}: give a file, or the name of one in the folder of backups."
            );
            return Err(UserError::invalid(message).into());
        }
        if self.drill {
            let message = format!("{name} is not of this instance: use `etiqa restore` to try it out.");
            return Err(UserError::invalid(message).into());
        }
        self.open(archive, name).await
    }

    async fn open(&self, archive: &Path, name: &str) -> Result<Looked> {
        // A passphrase is typed where no bar is.
        let key = self.unlock.key().await?;
        let progress = Progress::start(&format!("Reading {name} back"));
        let verified = verify_path(archive.to_path_buf(), key).await?;
        drop(progress);
        let found = match verified {
            Ok(verified) => {
                let (entries, bytes) = (verified.manifest.entries.len() as u64, verified.unpacked_bytes);
                Looked::of(name, VerifyOutcome { entries, bytes, sealed: false, damage: None })
            }
            Err(refusal) if refusal.is_damage() => {
                let damage = Some(refusal.to_string());
                Looked::of(name, VerifyOutcome { entries: 0, bytes: 0, sealed: false, damage })
            }
            Err(refusal) => Looked::not_read(name, refusal.to_string()),
        };
        Ok(self.told(found))
    }

    async fn drill(&self, engine: &Engine, run: &Run) -> Result<Drill> {
        let key = if self.unlock.is_given() { Some(self.unlock.key().await?) } else { None };
        let progress = Progress::start("Restoring it into a database that is thrown away");
        let drill = drill_run(engine, run.id, key).await?;
        drop(progress);
        if self.json {
            return Ok(drill);
        }
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
        Ok(drill)
    }
}
