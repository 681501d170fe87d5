//! `etiqa jump-host`.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use etiqa_engine::{Engine, Result, jump_hosts};
use etiqa_model::admin::JumpHostInput;

use super::output;

/// Manage the servers that pass connections on to devices
#[derive(Debug, Subcommand)]
#[command(after_help = "Example: etiqa jump-host list")]
pub(crate) enum JumpHost {
    /// Add a jump host
    #[command(
        after_help = "Example: etiqa jump-host add vienna --address 10.20.0.1 --credential jump --site vienna"
    )]
    Add {
        /// Its name
        name: String,
        /// IP address or host name
        #[arg(long, value_name = "A")]
        address: String,
        #[command(flatten)]
        fields: Fields,
    },
    /// Change a jump host; what is not named stays as it is
    #[command(after_help = "Example: etiqa jump-host edit vienna --via headquarters")]
    Edit {
        /// Its name
        name: String,
        /// Its new name
        #[arg(long, value_name = "NAME")]
        rename: Option<String>,
        /// Its new address; the key of the old one is forgotten
        #[arg(long, value_name = "A")]
        address: Option<String>,
        #[command(flatten)]
        fields: Fields,
    },
    /// List the jump hosts
    #[command(after_help = "Example: etiqa jump-host list --json")]
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove a jump host; what goes through it is reached as its site says, or straight
    #[command(after_help = "Example: etiqa jump-host remove vienna")]
    Remove {
        /// Its name
        name: String,
    },
    /// Take the changed key that a jump host offers as its own
    #[command(alias = "accept_key", after_help = "Example: etiqa jump-host accept-key vienna")]
    AcceptKey {
        /// Its name
        name: String,
    },
}

/// What can be said of a jump host.
#[derive(Debug, Args)]
pub(crate) struct Fields {
    /// TCP port; 22 when not named
    #[arg(long, value_name = "P")]
    port: Option<String>,
    /// The name of the credential that it is logged in to with; a new one needs it
    #[arg(long, value_name = "C")]
    credential: Option<String>,
    /// The jump host that it is itself reached through; empty: none
    #[arg(long, value_name = "NAME")]
    via: Option<String>,
    /// Devices of this site that name no jump host go through it; empty: none
    #[arg(long, value_name = "S")]
    site: Option<String>,
    /// Also offer it old SSH algorithms; =false to stop that
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    legacy_ssh: Option<bool>,
}

impl JumpHost {
    pub(super) async fn run(self, engine: &Arc<Engine>) -> Result<ExitCode> {
        match self {
            Self::Add { name, address, fields } => {
                let mut input = JumpHostInput { name, address, ..JumpHostInput::default() };
                fields.fill(&mut input);
                jump_hosts::save(engine, None, &input).await?;
            }
            Self::Edit { name, rename, address, fields } => {
                let known = jump_hosts::find(engine, &name).await?;
                let mut input = known.to_input();
                input.name = rename.unwrap_or(input.name);
                input.address = address.unwrap_or(input.address);
                fields.fill(&mut input);
                jump_hosts::save(engine, Some(known.id), &input).await?;
            }
            Self::List { json } => list(engine, json).await?,
            Self::Remove { name } => {
                let known = jump_hosts::find(engine, &name).await?;
                jump_hosts::remove(engine, known.id).await?;
            }
            Self::AcceptKey { name } => {
                let known = jump_hosts::find(engine, &name).await?;
                jump_hosts::accept_key(engine, known.id).await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Fields {
    fn fill(self, input: &mut JumpHostInput) {
        let pairs = [
            (self.port, &mut input.port),
            (self.credential, &mut input.credential),
            (self.via, &mut input.via),
            (self.site, &mut input.site),
        ];
        for (new, field) in pairs {
            if let Some(new) = new {
                *field = new;
            }
        }
        input.legacy_ssh = self.legacy_ssh.unwrap_or(input.legacy_ssh);
    }
}

async fn list(engine: &Engine, json: bool) -> Result<()> {
    let hosts = jump_hosts::list(engine).await?;
    if json {
        return output::print_json(&hosts);
    }
    let head = ["NAME", "ADDRESS", "THROUGH", "CREDENTIAL", "SITE", "DEVICES", "HOST KEY"];
    let mut table = vec![head.map(str::to_owned).to_vec()];
    for host in hosts {
        let key = match (host.fingerprint, host.offered) {
            (_, Some(offered)) => format!("changed to {offered}"),
            (Some(known), None) => known,
            (None, None) => "not seen yet".to_owned(),
        };
        table.push(vec![
            host.name,
            format!("{}:{}", host.address, host.port),
            host.via.unwrap_or_else(|| "straight".to_owned()),
            host.credential.unwrap_or_else(|| "none".to_owned()),
            host.site.unwrap_or_else(|| "none".to_owned()),
            host.devices.to_string(),
            key,
        ]);
    }
    output::print_table(&table);
    Ok(())
}
