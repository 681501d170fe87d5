//! `etiqa host-key`.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;
use etiqa_engine::{Engine, Result, inventory};
use etiqa_model::user::Role;

/// Accept the changed host key of a device
#[derive(Debug, Subcommand)]
#[command(after_help = "Example: etiqa host-key accept core-rtr-1")]
pub(crate) enum HostKey {
    /// Take the key that the device offers now as its own
    #[command(after_help = "Example: etiqa host-key accept core-rtr-1")]
    Accept {
        /// Host name or address
        device: String,
    },
}

impl HostKey {
    pub(super) async fn run(self, engine: &Arc<Engine>) -> Result<ExitCode> {
        let Self::Accept { device } = self;
        let known = inventory::find(engine, &device).await?;
        inventory::accept_host_key(engine, &Role::Admin.into(), known.id).await?;
        Ok(ExitCode::SUCCESS)
    }
}
