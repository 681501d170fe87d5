//! `etiqa man`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use etiqa_engine::Result;
use etiqa_model::UserError;

use super::{output, tree};

/// Write the manual pages, one for each command
#[derive(Debug, Args)]
#[command(
    after_help = "Example: etiqa man ~/.local/share/man/man1\nThen `man etiqa-run-backups` shows its page."
)]
pub(crate) struct Man {
    /// The folder; it is made where it is missing, and pages of an older version are written anew
    folder: PathBuf,
}

impl Man {
    pub(super) fn write(&self) -> Result<ExitCode> {
        let written = std::fs::create_dir_all(&self.folder)
            .and_then(|()| clap_mangen::generate_to(tree::tree(), &self.folder));
        written.map_err(|error| {
            UserError::invalid(format!("The folder {} cannot be written: {error}.", self.folder.display()))
        })?;
        output::say(&format!("The pages are in {}.", self.folder.display()));
        Ok(ExitCode::SUCCESS)
    }
}
