//! `etiqa import-devices`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use etiqa_engine::import::apply::{ImportOptions, import};
use etiqa_engine::{Engine, Result};

use super::progress::Progress;
use super::{exit, given_file, output};

/// Import devices from a CSV or JSON file
///
/// Columns: ip (or ip_address), hostname, device_type (or type), status, description, platform, port, transport,
/// credential, site, tags. Only ip is required.
#[derive(Debug, Args)]
#[command(after_help = "Example: etiqa import-devices devices.csv --update --dry-run")]
pub(crate) struct ImportDevices {
    /// The file; a hyphen for standard input
    file: PathBuf,
    /// Change devices that are known already; without it they are skipped
    #[arg(long)]
    update: bool,
    /// Only say what would happen
    #[arg(long)]
    dry_run: bool,
    /// What was done as JSON, with the rows that were refused
    #[arg(long)]
    json: bool,
}

impl ImportDevices {
    pub(super) async fn run(self, engine: &Arc<Engine>) -> Result<ExitCode> {
        let content = given_file::read(&self.file).await?;
        let options = ImportOptions { update: self.update, dry_run: self.dry_run };
        let progress = Progress::start(&format!("Importing {}", self.file.display()));
        let report = import(engine, &content, options).await?;
        drop(progress);
        if self.json {
            output::print_json(&report)?;
            return Ok(exit(report.failed == 0));
        }
        for error in &report.errors {
            output::say(&format!("line {}: {}", error.line, error.reason));
        }
        let unseen = report.failed - report.errors.len() as u64;
        if unseen > 0 {
            output::say(&format!("… and {unseen} more rows were refused"));
        }
        if !report.unknown_columns.is_empty() {
            output::say(&format!("These columns were passed over: {}", report.unknown_columns.join(", ")));
        }
        let would = if report.dry_run { "would be " } else { "" };
        output::print(&format!(
            "{} rows: {} {would}created, {} {would}updated, {} skipped, {} refused",
            report.rows, report.created, report.updated, report.skipped, report.failed
        ));
        Ok(exit(report.failed == 0))
    }
}
