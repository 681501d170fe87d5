//! `etiqa credential`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;
use etiqa_engine::{Engine, Result, fleet};
use etiqa_model::credential::{Credential as Known, CredentialInput, NewSecrets, Rotation};
use etiqa_model::{Secret, UserError};

use super::{given_file, output};

/// Manage the logins for devices
#[derive(Debug, Subcommand)]
#[command(after_help = "Example: etiqa credential list")]
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
        /// Read the API token (FortiOS) or API key (PAN-OS) from the next line of standard input
        #[arg(long)]
        api_token_stdin: bool,
        /// Read the passphrase for backups that devices make of themselves (F5) from the next line of standard input
        #[arg(long)]
        backup_passphrase_stdin: bool,
        /// Try it for devices of this site only
        #[arg(long, value_name = "S")]
        site: Option<String>,
    },
    /// List the credentials
    #[command(after_help = "Example: etiqa credential list --json")]
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Set new secrets while devices change over days: a device that refuses them is logged in to with the previous ones
    #[command(
        after_help = "Example: printf '%s\\n' \"$PASSWORD\" | etiqa credential rotate network-ro --password-stdin\n         etiqa credential rotate network-ro --finish"
    )]
    Rotate {
        /// Its name
        name: String,
        /// Read the new password from a line of standard input
        #[arg(long)]
        password_stdin: bool,
        /// The new private key in OpenSSH or PEM form
        #[arg(long, value_name = "F")]
        key_file: Option<PathBuf>,
        /// Read the new enable password from the next line of standard input
        #[arg(long)]
        enable_stdin: bool,
        /// Forget the previous secrets: every device has the new ones
        #[arg(long, conflicts_with_all = ["password_stdin", "key_file", "enable_stdin"])]
        finish: bool,
    },
    /// Remove a credential
    #[command(after_help = "Example: etiqa credential remove network-ro")]
    Remove {
        /// Its name
        name: String,
    },
}

impl Credential {
    pub(super) async fn run(self, engine: &Arc<Engine>) -> Result<ExitCode> {
        match self {
            Self::Add {
                name,
                username,
                password_stdin,
                key_file,
                enable_stdin,
                api_token_stdin,
                backup_passphrase_stdin,
                site,
            } => {
                let mut input = CredentialInput { name, username, ..CredentialInput::default() };
                input.site = site.unwrap_or_default();
                if password_stdin {
                    input.password = output::read_secret("the password").await?;
                }
                if enable_stdin {
                    input.enable_password = output::read_secret("the enable password").await?;
                }
                if api_token_stdin {
                    input.api_token = output::read_secret("the API token").await?;
                }
                if backup_passphrase_stdin {
                    input.backup_passphrase = output::read_secret("the backup passphrase").await?;
                }
                if let Some(file) = key_file {
                    input.private_key = read_key(&file)?;
                }
                fleet::credential_save(engine, None, input).await?;
            }
            Self::List { json } => list(engine, json).await?,
            Self::Rotate { name, finish: true, .. } => {
                let found = find(engine, &name).await?;
                fleet::credential_rotation_finish(engine, found.id).await?;
                say_who_waited(&found);
            }
            Self::Rotate { name, password_stdin, key_file, enable_stdin, finish: false } => {
                let found = find(engine, &name).await?;
                let mut secrets = NewSecrets::default();
                if password_stdin {
                    secrets.password = output::read_secret("the new password").await?;
                }
                if enable_stdin {
                    secrets.enable_password = output::read_secret("the new enable password").await?;
                }
                if let Some(file) = key_file {
                    secrets.private_key = read_key(&file)?;
                }
                if secrets.is_empty() {
                    let message =
                        "Say which secrets are new: --password-stdin, --key-file or --enable-stdin.";
                    return Err(UserError::invalid(message).into());
                }
                fleet::credential_rotate(engine, found.id, secrets).await?;
            }
            Self::Remove { name } => {
                let found = find(engine, &name).await?;
                fleet::credential_remove(engine, found.id).await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn find(engine: &Engine, name: &str) -> Result<Known> {
    let known = fleet::credential_list_for_page(engine).await?;
    let found = known.into_iter().find(|credential| credential.name == name);
    Ok(found.ok_or_else(|| UserError::not_found(format!("credential named {name}")))?)
}

fn read_key(file: &Path) -> Result<Secret> {
    let key = std::fs::read_to_string(file).map_err(|error| given_file::unread("key file", file, &error))?;
    Ok(Secret::new(key))
}

/// Whoever is refused from now on, as far as that is known.
fn say_who_waited(credential: &Known) {
    let Some(rotation) = &credential.rotation else { return };
    let hosts = rotation.jump_hosts.iter().map(|name| format!("the jump host {name}"));
    let devices = Some(rotation.waiting()).filter(|count| *count > 0).map(output::devices);
    for who in devices.into_iter().chain(hosts) {
        output::say(&format!("Not yet seen to take the new secrets: {who}."));
    }
}

async fn list(engine: &Engine, json: bool) -> Result<()> {
    let credentials = fleet::credential_list_for_page(engine).await?;
    if json {
        return output::print_json(&credentials);
    }
    let mut table =
        vec![["NAME", "USER", "SITE", "SECRETS", "DEVICES", "ROTATION"].map(str::to_owned).to_vec()];
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
            credential.rotation.as_ref().map(progress).unwrap_or_default(),
        ]);
    }
    output::print_table(&table);
    Ok(())
}

/// Such as `3 of 12 devices since 2026-11-23 02:00 UTC`.
fn progress(rotation: &Rotation) -> String {
    let (devices, since) = (output::devices(rotation.devices), output::time(Some(rotation.since)));
    format!("{} of {devices} since {since}", rotation.renewed)
}
