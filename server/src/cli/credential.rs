//! `etiqa credential`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;
use etiqa_engine::{Engine, Result, fleet};
use etiqa_model::credential::CredentialInput;
use etiqa_model::{Secret, UserError};

use super::output;

/// Manage the logins for devices
#[derive(Debug, Subcommand)]
pub(crate) enum Credential {
    /// Add a credential; the secrets come from standard input or a file, never from the command line
    #[command(
        after_help = "Example: printf '%s\\n' \"$PASSWORD\" | etiqa credential add network-ro --username backup --password-stdin"
    )]
    Add {
        /// Its name
        name: String,
        /// The login name
        #[arg(long, value_name = "U")]
        username: String,
        /// Read the password from a line of standard input
        #[arg(long)]
        password_stdin: bool,
        /// A private key in OpenSSH or PEM form
        #[arg(long, value_name = "F")]
        key_file: Option<PathBuf>,
        /// Read the enable password from the next line of standard input
        #[arg(long)]
        enable_stdin: bool,
        /// Try it for devices of this site only
        #[arg(long, value_name = "S")]
        site: Option<String>,
    },
    /// List the credentials
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove a credential
    Remove {
        /// Its name
        name: String,
    },
}

impl Credential {
    pub(super) async fn run(self, engine: &Arc<Engine>) -> Result<ExitCode> {
        match self {
            Self::Add { name, username, password_stdin, key_file, enable_stdin, site } => {
                let mut input = CredentialInput { name, username, ..CredentialInput::default() };
                input.site = site.unwrap_or_default();
                if password_stdin {
                    input.password = output::read_secret("the password").await?;
                }
                if enable_stdin {
                    input.enable_password = output::read_secret("the enable password").await?;
                }
                if let Some(file) = key_file {
                    let key = std::fs::read_to_string(&file).map_err(|error| {
                        UserError::invalid(format!(
                            "The key file {} cannot be read: {error}.",
                            file.display()
                        ))
                    })?;
                    input.private_key = Secret::new(key);
                }
                fleet::credential_save(engine, None, input).await?;
            }
            Self::List { json } => list(engine, json).await?,
            Self::Remove { name } => {
                let known = fleet::credential_list_for_page(engine).await?;
                let found = known.into_iter().find(|credential| credential.name == name);
                let found = found.ok_or_else(|| UserError::not_found(format!("credential named {name}")))?;
                fleet::credential_remove(engine, found.id).await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn list(engine: &Engine, json: bool) -> Result<()> {
    let credentials = fleet::credential_list_for_page(engine).await?;
    if json {
        return output::print_json(&credentials);
    }
    let mut table = vec![["NAME", "USER", "SITE", "SECRETS", "DEVICES"].map(str::to_owned).to_vec()];
    for credential in credentials {
        let secrets = [
            (credential.has_password, "password"),
            (credential.has_enable, "enable"),
            (credential.has_key, "key"),
        ];
        let secrets: Vec<_> = secrets.iter().filter(|(has, _)| *has).map(|(_, word)| *word).collect();
        table.push(vec![
            credential.name,
            credential.username,
            credential.site.unwrap_or_else(|| "every site".into()),
            secrets.join(", "),
            credential.devices.to_string(),
        ]);
    }
    output::print_table(&table);
    Ok(())
}
