//! `etiqa drivers`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;
use etiqa_engine::collect::Driver;
use etiqa_engine::{Engine, Result, drivers};
use etiqa_model::UserError;

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
}

impl Drivers {
    pub(super) async fn run(self, engine: &Arc<Engine>) -> Result<ExitCode> {
        match self {
            Self::List => {
                let mut table = vec![["NAME", "PLATFORM", "FROM", "DEVICES", ""].map(str::to_owned).to_vec()];
                for row in drivers::driver_rows(engine).await? {
                    let from = if row.is_own { "drivers/" } else { "built in" };
                    let devices = row.devices.to_string();
                    table.push(vec![
                        row.name,
                        row.title,
                        from.into(),
                        devices,
                        row.problem.unwrap_or_default(),
                    ]);
                }
                output::print_table(&table);
            }
            Self::Show { name } => output::print_text(&drivers::driver_text(engine, &name).await?.text),
            Self::Check { file } => return check(&file),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Checks a driver file; needs neither database nor data directory.
pub(super) fn check(file: &Path) -> Result<ExitCode> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        UserError::invalid(format!("The file {} cannot be read: {error}.", file.display()))
    })?;
    let name = file.file_stem().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    match Driver::parse(&name, &text) {
        Ok(driver) => {
            output::print(&format!("{}: good, {}", driver.name(), driver.title()));
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            output::print(&format!("{}: {error}", file.display()));
            Ok(ExitCode::FAILURE)
        }
    }
}
