//! `etiqa run-backups`.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use etiqa_engine::backup::{config, destinations, start};
use etiqa_engine::schedule::queue::job_of_run;
use etiqa_engine::schedule::tick::reap;
use etiqa_engine::store::run::run_newest;
use etiqa_engine::time::now;
use etiqa_engine::{Engine, Result, notify, pause};
use etiqa_model::backup::BackupConfigRow;
use etiqa_model::run::{Run, RunStatus, Trigger};
use etiqa_model::user::{Reach, Role};
use etiqa_model::{ErrorKind, RunId};

use super::follow::{follow_run, has_live_server};
use super::{exit, output};

/// Run the backups that are due
///
/// Beside a live server the runs are queued there and followed here; without one they are executed here.
#[derive(Debug, Args)]
#[command(after_help = "Example: etiqa run-backups --config \"Daily Config Backup\" --force")]
pub(crate) struct RunBackups {
    /// Only this backup config
    #[arg(long, value_name = "NAME")]
    config: Option<String>,
    /// Even if not due; without --config: all enabled ones
    #[arg(long)]
    force: bool,
    /// The runs that ended, as JSON
    #[arg(long)]
    json: bool,
}

impl RunBackups {
    pub(super) async fn run(self, engine: &Arc<Engine>) -> Result<ExitCode> {
        let all = Reach::from(Role::Admin);
        let chosen = match &self.config {
            Some(name) => {
                let id = config::find(engine, name).await?.id;
                let row = config::list(engine, &all).await?.into_iter().filter(|row| row.config.id == id);
                row.collect::<Vec<_>>()
            }
            None => config::list(engine, &all).await?.into_iter().filter(|row| row.config.enabled).collect(),
        };
        if chosen.is_empty() {
            output::say("There is no enabled backup config; add one with `etiqa backup-config add`.");
        }
        // What a process that is gone left behind must not be followed: nobody would ever end it.
        reap(engine, now()).await?;
        if !self.force
            && let Some(paused) = pause::schedule_pause(engine).await?
        {
            output::say(&match paused.by {
                None => {
                    "This instance was restored and runs nothing by itself until you say so: `etiqa resume`."
                        .to_owned()
                }
                Some(by) => {
                    format!("{by} paused all schedules: `etiqa resume` lets them run, --force runs them now.")
                }
            });
            return self.ended(&[]);
        }
        let mut ended_runs = Vec::new();
        let mut queued = Vec::new();
        for row in chosen {
            if !self.force && !row.is_due {
                say_when(&row, self.config.is_some(), self.json);
                continue;
            }
            match start::start(engine, row.config.id, Trigger::Cli).await {
                Ok(started) => queued.push((started.run, Some(started.job))),
                // A run that goes on is followed, not doubled.
                Err(error) => {
                    let error = error.into_user_error();
                    let live =
                        run_newest(&engine.db, row.config.id).await?.filter(|run| !run.status.is_over());
                    match live {
                        Some(run) if error.kind == ErrorKind::Conflict => {
                            output::say(&error.message);
                            queued.push((run.id, job_of_run(engine, run.id).await?));
                        }
                        _ => return Err(error.into()),
                    }
                }
            }
        }
        for (run, job) in queued {
            let run = follow_run(engine, run, job).await?;
            if !self.json {
                output::print(&ended(&run));
            }
            ended_runs.push(run);
        }
        if !ended_runs.is_empty() {
            let ids: Vec<RunId> = ended_runs.iter().map(|run| run.id).collect();
            send_copies(engine, &ids).await?;
        }
        if !has_live_server(engine).await? {
            // Nobody else would; what cannot be sent waits for the next time.
            notify::send_now(engine).await?;
        }
        self.ended(&ended_runs)
    }

    fn ended(&self, runs: &[Run]) -> Result<ExitCode> {
        if self.json {
            output::print_json(&runs)?;
        }
        Ok(exit(runs.iter().all(|run| run.status == RunStatus::Completed && run.devices_failed == 0)))
    }
}

/// Where no server lives nobody else would send the new archives. One that could not be sent is no failure of its
/// backup: it is tried again the next time.
async fn send_copies(engine: &Arc<Engine>, runs: &[RunId]) -> Result<()> {
    if has_live_server(engine).await? {
        return Ok(());
    }
    destinations::send_now(engine).await?;
    for copy in destinations::still_waiting(engine, runs).await? {
        let problem = copy.problem.as_deref().unwrap_or("It waits its turn.");
        output::say(&format!(
            "The archive of run {} is not at {} yet: {problem}",
            copy.run_id, copy.destination
        ));
    }
    Ok(())
}

/// When a backup that is named runs next is the result, where results are lines.
fn say_when(row: &BackupConfigRow, is_named: bool, json: bool) {
    let name = &row.config.name;
    let tell = if json { output::say } else { output::print };
    match row.config.next_run_at {
        Some(next) if is_named => tell(&format!(
            "{name} is not due; it runs next at {} ({}). Use --force to run it now.",
            output::time(Some(next)),
            row.config.schedule.words()
        )),
        None if is_named => tell(&format!("{name} is disabled. Use --force to run it now.")),
        next => output::say(&format!("{name} is not due; it runs next at {}.", output::time(next))),
    }
}

fn ended(run: &Run) -> String {
    let devices = match (run.devices_ok, run.devices_failed) {
        (0, 0) => String::new(),
        (ok, 0) => format!(", {}", output::devices(ok.into())),
        (ok, failed) => format!(", {}, {failed} failed", output::devices(ok.into())),
    };
    match (&run.file, &run.error) {
        (Some(file), _) => format!("{}: completed{devices}, verified: {file}", run.name),
        (None, Some(error)) => format!("{}: {}{devices}: {error}", run.name, run.status.as_str()),
        (None, None) => format!("{}: {}{devices}", run.name, run.status.as_str()),
    }
}
