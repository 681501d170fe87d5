//! `etiqa certificate`.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;
use etiqa_engine::{Engine, Result, artifacts, inventory};
use etiqa_model::user::Role;

use super::output;

/// Trust the TLS certificate of a device
#[derive(Debug, Subcommand)]
#[command(after_help = "Example: etiqa certificate accept lb-edge-1")]
pub(crate) enum Certificate {
    /// Trust the certificate that a device showed last and that was refused, and no other from then on
    #[command(after_help = "Example: etiqa certificate accept lb-edge-1")]
    Accept {
        /// Host name or address
        device: String,
        /// Only if it is this one, as the device itself shows it
        #[arg(long, value_name = "SHA256")]
        fingerprint: Option<String>,
        /// What is trusted now, as JSON
        #[arg(long)]
        json: bool,
    },
    /// Forget the trusted certificate: the device's is verified again as any other
    #[command(after_help = "Example: etiqa certificate forget lb-edge-1")]
    Forget {
        /// Host name or address
        device: String,
    },
}

impl Certificate {
    pub(super) async fn run(self, engine: &Arc<Engine>) -> Result<ExitCode> {
        match self {
            Self::Accept { device, fingerprint, json } => {
                let known = inventory::find(engine, &device).await?;
                let sha256 = match fingerprint {
                    Some(fingerprint) => fingerprint.replace(':', "").to_lowercase(),
                    None => artifacts::offered_certificate(engine, known.id).await?,
                };
                artifacts::accept_certificate(engine, &Role::Admin.into(), known.id, &sha256).await?;
                if json {
                    output::print_json(&serde_json::json!({ "device": known.hostname, "sha256": sha256 }))?;
                } else {
                    output::print(&format!("Trusted: SHA-256 {sha256}"));
                }
            }
            Self::Forget { device } => {
                let known = inventory::find(engine, &device).await?;
                artifacts::forget_certificate(engine, known.id).await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
