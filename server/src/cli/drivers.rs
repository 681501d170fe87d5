//! `etiqa drivers`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;
use etiqa_engine::collect::{Driver, DriverError, Limits, rehearse};
use etiqa_engine::{Engine, Result, drivers};
use etiqa_model::UserError;
use etiqa_model::recording::Recording;
use etiqa_model::user::{Reach, Role};
use serde_json::{Value, json};

use super::{exit, output};

/// List the known platforms, or check a driver file
#[derive(Debug, Subcommand)]
#[command(after_help = "Example: etiqa drivers list")]
pub(crate) enum Drivers {
    /// List the known platforms
    #[command(after_help = "Example: etiqa drivers list --json")]
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Print a driver
    #[command(after_help = "Example: etiqa drivers show ios > data/drivers/myios.toml")]
    Show {
        /// The platform's name
        name: String,
        /// The driver with its text, as JSON
        #[arg(long)]
        json: bool,
    },
    /// Say what is wrong with a driver file, with the line
    #[command(after_help = "Example: etiqa drivers check data/drivers/myswitch.toml")]
    Check {
        /// The file
        file: PathBuf,
        /// What was found, as JSON
        #[arg(long)]
        json: bool,
    },
    /// Run a driver file against a recorded session, without a network
    #[command(after_help = "Example: etiqa drivers test data/drivers/myswitch.toml session.txt\n\
                            How a session is recorded is in docs/drivers.md.")]
    Test {
        /// The driver
        file: PathBuf,
        /// The recorded session
        recording: PathBuf,
        /// What came of it, as JSON
        #[arg(long)]
        json: bool,
    },
}

impl Drivers {
    /// Whether it is about a file that somebody writes, and works without a database or a data directory.
    pub(super) fn needs_no_instance(&self) -> bool {
        matches!(self, Self::Check { .. } | Self::Test { .. })
    }

    pub(super) async fn run(self, engine: &Arc<Engine>) -> Result<ExitCode> {
        let all = Reach::from(Role::Admin);
        match self {
            Self::List { json: true } => output::print_json(&drivers::driver_rows(engine, &all).await?)?,
            Self::List { json: false } => {
                let mut table = vec![
                    ["NAME", "PLATFORM", "CHECKED AGAINST", "FROM", "DEVICES", ""]
                        .map(str::to_owned)
                        .to_vec(),
                ];
                for row in drivers::driver_rows(engine, &all).await? {
                    let from = if row.is_own { "drivers/" } else { "built in" };
                    let devices = row.devices.to_string();
                    let remarks: Vec<String> = row.problem.into_iter().chain(row.warnings).collect();
                    table.push(vec![
                        row.name,
                        row.title,
                        row.checked.as_str().into(),
                        from.into(),
                        devices,
                        remarks.join(" "),
                    ]);
                }
                output::print_table(&table);
            }
            Self::Show { name, json } => {
                let driver = drivers::driver_text(engine, &all, &name).await?;
                if json {
                    output::print_json(&driver)?;
                } else {
                    output::print_text(&driver.text);
                }
            }
            Self::Check { file, json } => return check(&file, json),
            Self::Test { file, recording, json } => return test(&file, &recording, json).await,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Checks a driver file; needs neither database nor data directory.
pub(super) fn check(file: &Path, as_json: bool) -> Result<ExitCode> {
    let parsed = parse(file)?;
    if as_json {
        let is_good = parsed.is_ok();
        output::print_json(&match parsed {
            Ok(driver) => json!({
                "good": true, "name": driver.name(), "title": driver.title(),
                "warnings": driver.warnings().iter().map(|it| told(Some(it.line), &it.message)).collect::<Vec<_>>(),
            }),
            Err(error) => json!({ "good": false, "error": told(error.line, &error.message) }),
        })?;
        return Ok(exit(is_good));
    }
    match parsed {
        Ok(driver) => {
            output::print(&format!("{}: good, {}", driver.name(), driver.title()));
            for warning in driver.warnings() {
                output::print(&format!(
                    "{}: Line {}: Warning: {}",
                    file.display(),
                    warning.line,
                    warning.message
                ));
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            output::print(&format!("{}: {error}", file.display()));
            Ok(ExitCode::FAILURE)
        }
    }
}

fn told(line: Option<usize>, message: &str) -> Value {
    json!({ "line": line, "message": message })
}

/// Rehearses a driver file against a recording; needs neither database nor data directory.
pub(super) async fn test(file: &Path, recording: &Path, as_json: bool) -> Result<ExitCode> {
    let driver = match parse(file)? {
        Ok(driver) => driver,
        Err(error) if as_json => {
            output::print_json(&json!({ "good": false, "error": told(error.line, &error.message) }))?;
            return Ok(ExitCode::FAILURE);
        }
        Err(error) => {
            output::print(&format!("{}: {error}", file.display()));
            return Ok(ExitCode::FAILURE);
        }
    };
    let session = Recording::parse(&read(recording)?)
        .map_err(|error| UserError::invalid(format!("{}: {error}", recording.display())))?;
    let outcome = rehearse(&driver, &session, &Limits::default()).await;
    let as_expected = outcome.class == session.expect;
    if as_json {
        let parts = outcome.parts.iter().map(|part| {
            json!({ "part": part.part, "lines": part.text.lines().count(), "size_bytes": part.text.len() })
        });
        output::print_json(&json!({
            "good": as_expected, "class": outcome.class, "expected": session.expect, "message": outcome.message,
            "parts": parts.collect::<Vec<_>>(), "left_out": outcome.left_out,
            "model": outcome.facts.model, "serial": outcome.facts.serial, "os_version": outcome.facts.os_version,
            "unsaved": outcome.facts.unsaved, "transcript": outcome.transcript,
        }))?;
        return Ok(exit(as_expected));
    }
    output::print(&format!("{}: {}", outcome.class, outcome.message));
    for part in &outcome.parts {
        output::print(&format!(
            "  part {}: {} lines, {} bytes",
            part.part,
            part.text.lines().count(),
            part.text.len()
        ));
    }
    for name in &outcome.left_out {
        output::print(&format!("  part {name}: left out by the device"));
    }
    let facts = &outcome.facts;
    for (name, value) in
        [("model", &facts.model), ("serial", &facts.serial), ("os_version", &facts.os_version)]
    {
        output::print(&format!("  {name}: {}", value.as_deref().unwrap_or("not found")));
    }
    if let Some(unsaved) = facts.unsaved {
        output::print(if unsaved {
            "  the running configuration is not saved"
        } else {
            "  everything is saved"
        });
    }
    if let Some(transcript) = &outcome.transcript {
        output::print(&format!("\nThe session, secrets masked:\n{transcript}"));
    }
    if !as_expected {
        output::print(&format!("The recording expects {}.", session.expect));
    }
    Ok(exit(as_expected))
}

/// A file's name without `.toml` is the platform's.
fn parse(file: &Path) -> Result<std::result::Result<Driver, DriverError>> {
    let text = read(file)?;
    let name = file.file_stem().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    Ok(Driver::parse(&name, &text))
}

fn read(file: &Path) -> Result<String> {
    Ok(std::fs::read_to_string(file).map_err(|error| {
        UserError::invalid(format!("The file {} cannot be read: {error}.", file.display()))
    })?)
}
