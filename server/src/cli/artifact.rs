//! `etiqa artifact`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;
use etiqa_engine::store::artifact::artifact_result_list_of_job;
use etiqa_engine::{Engine, Result, artifacts, inventory};
use etiqa_model::UserError;
use etiqa_model::device::Device;

use super::follow::follow_job;
use super::progress::Progress;
use super::{exit, new_file, output};

/// Fetch and list the backups that devices make of themselves
#[derive(Debug, Subcommand)]
#[command(after_help = "Example: etiqa artifact list lb-edge-1")]
pub(crate) enum Artifact {
    /// Have devices make a backup of themselves now, and fetch it
    #[command(after_help = "Example: etiqa artifact fetch lb-edge-1")]
    Fetch {
        /// Host names or addresses
        #[arg(value_name = "DEVICE", required = true)]
        devices: Vec<String>,
        /// How each ended, as JSON
        #[arg(long)]
        json: bool,
    },
    /// List those that are kept of a device, newest first
    #[command(after_help = "Example: etiqa artifact list lb-edge-1")]
    List {
        /// Host name or address
        device: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Copy the newest one of a device into a file
    #[command(after_help = "Example: etiqa artifact save lb-edge-1 /tmp/lb-edge-1.ucs")]
    Save {
        /// Host name or address
        device: String,
        /// A file that is not there yet; in this folder, under its own name, when not named
        file: Option<PathBuf>,
        /// Where it is now, as JSON
        #[arg(long)]
        json: bool,
    },
}

impl Artifact {
    pub(super) async fn run(self, engine: &Arc<Engine>) -> Result<ExitCode> {
        match self {
            Self::Fetch { devices, json } => return fetch(engine, &devices, json).await,
            Self::List { device, json } => list(engine, &device, json).await?,
            Self::Save { device, file, json } => save(engine, &device, file, json).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn fetch(engine: &Arc<Engine>, names: &[String], json: bool) -> Result<ExitCode> {
    let mut devices = Vec::with_capacity(names.len());
    for name in names {
        devices.push(inventory::find(engine, name).await?);
    }
    let mut results = Vec::with_capacity(devices.len());
    let progress = Progress::start("Fetching");
    for job in artifacts::fetch_now(engine, &devices).await? {
        follow_job(engine, job, |_| {}).await?;
        results.extend(artifact_result_list_of_job(&engine.db, job).await?);
    }
    drop(progress);
    if json {
        output::print_json(&results)?;
    } else {
        for result in &results {
            output::print(&format!("{}: {}", result.hostname, result.message));
        }
    }
    let is_done = |device: &Device| results.iter().any(|result| result.device_id == device.id);
    let mut all_good = results.iter().all(|result| result.class.is_good());
    for (_, name) in devices.iter().zip(names).filter(|(device, _)| !is_done(device)) {
        output::say(&format!(
            "{name}: somebody else is fetching it already; the device's page shows how it ends."
        ));
        all_good = false;
    }
    Ok(exit(all_good))
}

async fn list(engine: &Engine, name: &str, json: bool) -> Result<()> {
    let device = inventory::find(engine, name).await?;
    let kept = artifacts::detail(engine, device.id).await?.kept;
    if json {
        return output::print_json(&kept);
    }
    let mut table = vec![["FILE", "TAKEN", "BYTES", "SHA-256"].map(str::to_owned).to_vec()];
    for artifact in kept {
        table.push(vec![
            artifact.file_name,
            artifact.collected_at.to_string(),
            artifact.size_bytes.to_string(),
            artifact.sha256,
        ]);
    }
    output::print_table(&table);
    Ok(())
}

async fn save(engine: &Engine, name: &str, file: Option<PathBuf>, json: bool) -> Result<()> {
    let device = inventory::find(engine, name).await?;
    let kept = artifacts::detail(engine, device.id).await?.kept;
    let newest = kept.first().ok_or_else(|| {
        UserError::not_found(format!("vendor backup of {}; fetch one first", device.hostname))
    })?;
    let (artifact, from) = artifacts::open(engine, newest.id).await?;
    let file = file.unwrap_or_else(|| PathBuf::from(&artifact.file_name));
    new_file::copy(&from, &file).await?;
    if json {
        return output::print_json(
            &serde_json::json!({ "file": file.display().to_string(), "artifact": artifact }),
        );
    }
    output::print(&format!("{}", file.display()));
    Ok(())
}
