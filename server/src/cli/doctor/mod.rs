//! `etiqa doctor`: looks at everything that backups need, one thing after the other, and says of what is not as it should be
//! what to do. Changes nothing but what opening an instance changes.

mod instance;
mod machine;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use etiqa_engine::{Engine, Options, Result, Role};
use serde::Serialize;

use super::progress::Progress;
use super::{Serve, exit, output};

/// Check everything that backups need, and say what to do
///
/// Looks at the settings, the data directory (owner, rights, space), the key, the database, the clock and its zone, the port,
/// the limits of the system, drivers, archives, destinations, inventory sources, notifications, the audit log, and whether a
/// few of the devices answer.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit code: 0 nothing to do, 1 something to do.\n\nExample: etiqa doctor --json | jq .checks"
)]
pub(crate) struct Doctor {
    /// Every check as JSON
    #[arg(long)]
    json: bool,
}

/// What came of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// As it should be.
    Good,
    /// Worth knowing; nothing has to be done.
    Note,
    /// Something has to be done, and the sentence says what.
    Todo,
}

impl State {
    fn sign(self) -> &'static str {
        match self {
            Self::Good => "✅",
            Self::Note => "ℹ️ ",
            Self::Todo => "⚠️ ",
        }
    }
}

#[derive(Debug, Serialize)]
struct Check {
    /// What was looked at, in a word or two.
    about: &'static str,
    state: State,
    message: String,
}

/// All that was found, in the order in which it was looked at.
#[derive(Debug, Default)]
struct Report {
    checks: Vec<Check>,
}

impl Report {
    fn good(&mut self, about: &'static str, message: impl Into<String>) {
        self.add(about, State::Good, message.into());
    }

    fn note(&mut self, about: &'static str, message: impl Into<String>) {
        self.add(about, State::Note, message.into());
    }

    fn todo(&mut self, about: &'static str, message: impl Into<String>) {
        self.add(about, State::Todo, message.into());
    }

    fn add(&mut self, about: &'static str, state: State, message: String) {
        self.checks.push(Check { about, state, message });
    }

    /// Adds what has to be done; where that is nothing, that all is well.
    fn all(&mut self, about: &'static str, problems: Vec<String>, good: impl Into<String>) {
        if problems.is_empty() {
            return self.good(about, good);
        }
        for problem in problems {
            self.todo(about, problem);
        }
    }

    fn is_good(&self) -> bool {
        self.checks.iter().all(|check| check.state != State::Todo)
    }

    fn print(&self) {
        for Check { about, state, message } in &self.checks {
            output::print(&format!("{} {about}: {message}", state.sign()));
        }
        let todo = self.checks.iter().filter(|check| check.state == State::Todo).count();
        output::print(&match todo {
            0 => "✅ Nothing to do.".to_owned(),
            1 => "⚠️  One thing to do.".to_owned(),
            count => format!("⚠️  {count} things to do."),
        });
    }
}

impl Doctor {
    /// An instance that does not open is a finding like any other.
    pub(super) async fn run(
        self,
        options: Options,
        settings_file: Option<PathBuf>,
        served: Option<Serve>,
    ) -> Result<ExitCode> {
        let progress = Progress::start("Looking at this machine");
        let mut report = Report::default();
        machine::look(&mut report, &options, settings_file.as_deref());
        match Engine::open(options, Role::Command).await {
            Ok(engine) => {
                progress.now("Looking at the instance");
                let looked = instance::look(&mut report, &engine, served.as_ref()).await;
                let closed = engine.hand_back().await;
                engine.db.close().await;
                if let Err(error) = looked.and(closed) {
                    report.todo("instance", error.into_user_error().message);
                }
            }
            Err(error) => report.todo("instance", error.into_user_error().message),
        }
        drop(progress);
        if self.json {
            let json = serde_json::json!({ "good": report.is_good(), "checks": report.checks });
            output::print_json(&json)?;
        } else {
            report.print();
        }
        Ok(exit(report.is_good()))
    }
}

/// `812 MiB`, `12.4 GiB`.
fn size(bytes: u64) -> String {
    const GIB: u64 = 1 << 30;
    if bytes < GIB { format!("{} MiB", bytes >> 20) } else { format!("{:.1} GiB", bytes as f64 / GIB as f64) }
}
