//! `etiqa collect`.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use etiqa_engine::{Engine, Result, inventory};
use etiqa_model::UserError;
use etiqa_model::device::DeviceResult;

use super::follow::follow_job;
use super::progress::Progress;
use super::{exit, output};

/// Collect devices now, outside of any backup
#[derive(Debug, Args)]
#[command(after_help = "Example: etiqa collect core-rtr-1 10.20.0.7")]
pub(crate) struct Collect {
    /// Host names or addresses
    #[arg(value_name = "DEVICE", required_unless_present = "all", conflicts_with = "all")]
    devices: Vec<String>,
    /// Every enabled device
    #[arg(long)]
    all: bool,
    /// The results as JSON
    #[arg(long)]
    json: bool,
}

impl Collect {
    pub(super) async fn run(self, engine: &Arc<Engine>) -> Result<ExitCode> {
        let mut devices = Vec::new();
        if self.all {
            devices = inventory::all_enabled(engine).await?;
        }
        for name in &self.devices {
            devices.push(inventory::find(engine, name).await?);
        }
        if devices.is_empty() {
            return Err(UserError::invalid("There is no enabled device; import some first.").into());
        }
        let jobs = inventory::collect_now(engine, &devices).await?;
        let progress = Progress::of(devices.len() as u64, "Collecting");
        let tell = |result: &DeviceResult| {
            progress.one_more();
            output::say(&format!("{}: {}: {}", result.hostname, result.class.label(), result.message));
        };
        let mut results = Vec::with_capacity(devices.len());
        for job in jobs {
            results.extend(follow_job(engine, job, tell).await?);
        }
        drop(progress);
        if self.json {
            output::print_json(&results)?;
        } else {
            let good = results.iter().filter(|result| result.class.is_good()).count();
            output::print(&format!(
                "{}: {good} good, {} failed",
                output::devices(results.len() as u64),
                results.len() - good
            ));
        }
        Ok(exit(results.iter().all(|result| result.class.is_good())))
    }
}
