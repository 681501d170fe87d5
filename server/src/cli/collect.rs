//! `etiqa collect`.

use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use etiqa_engine::{Engine, Result, inventory};
use etiqa_model::device::{Device, DeviceResult};
use etiqa_model::{DeviceId, UserError};

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
        let mut devices: Vec<Device> = Vec::new();
        if self.all {
            devices = inventory::all_enabled(engine).await?;
        }
        for name in &self.devices {
            let device = inventory::find(engine, name).await?;
            if !devices.iter().any(|known| known.id == device.id) {
                devices.push(device);
            }
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
        let mut newest: HashMap<DeviceId, &DeviceResult> = HashMap::new();
        for result in &results {
            let known = newest.entry(result.device_id).or_insert(result);
            if result.id > known.id {
                *known = result;
            }
        }
        for device in devices.iter().filter(|device| !newest.contains_key(&device.id)) {
            output::say(&format!("{}: no result was kept of it: collect it again.", device.hostname));
        }
        let good = newest.values().filter(|result| result.class.is_good()).count();
        if self.json {
            output::print_json(&results)?;
        } else {
            output::print(&format!(
                "{}: {good} good, {} failed",
                output::devices(devices.len() as u64),
                devices.len().saturating_sub(good)
            ));
        }
        Ok(exit(good == devices.len()))
    }
}
