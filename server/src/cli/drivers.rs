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

use super::output;

/// List the known platforms, or check a driver file
#[derive(Debug, Subcommand)]
pub(crate) enum Drivers {
    /// List the known platforms
    List,
    /// Print a driver
    Show {
        /// The platform's name
        name: String,
    },
    /// Say what is wrong with a driver file, with the line
    #[command(after_help = "Example: etiqa drivers check data/drivers/myswitch.toml")]
    Check {
        /// The file
        file: PathBuf,
    },
    /// Run a driver file against a recorded session, without a network
    #[command(after_help = "Example: etiqa drivers test data/drivers/myswitch.toml session.txt\n\
                            How a session is recorded is in docs/drivers.md.")]
    Test {
        /// The driver
        file: PathBuf,
        /// The recorded session
        recording: PathBuf,
    },
}

impl Drivers {
    pub(super) async fn run(self, engine: &Arc<Engine>) -> Result<ExitCode> {
        let all = Reach::from(Role::Admin);
        match self {
            Self::List => {
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
            Self::Show { name } => {
                output::print_text(&drivers::driver_text(engine, &all, &name).await?.text);
            }
            Self::Check { file } => return check(&file),
            Self::Test { file, recording } => return test(&file, &recording).await,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Checks a driver file; needs neither database nor data directory.
pub(super) fn check(file: &Path) -> Result<ExitCode> {
    match parse(file)? {
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

/// Rehearses a driver file against a recording; needs neither database nor data directory.
pub(super) async fn test(file: &Path, recording: &Path) -> Result<ExitCode> {
    let driver = match parse(file)? {
        Ok(driver) => driver,
        Err(error) => {
            output::print(&format!("{}: {error}", file.display()));
            return Ok(ExitCode::FAILURE);
        }
    };
    let session = Recording::parse(&read(recording)?)
        .map_err(|error| UserError::invalid(format!("{}: {error}", recording.display())))?;
    let outcome = rehearse(&driver, &session, &Limits::default()).await;
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
    let as_expected = outcome.class == session.expect;
    if !as_expected {
        output::print(&format!("The recording expects {}.", session.expect));
    }
    Ok(if as_expected { ExitCode::SUCCESS } else { ExitCode::FAILURE })
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
