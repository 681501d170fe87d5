//! `etiqa destination`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use etiqa_engine::backup::destinations;
use etiqa_engine::{Engine, Result};
use etiqa_model::Secret;
use etiqa_model::destination::{Destination as Known, DestinationInput};

use super::{exit, given_file, output};

/// Manage where archives are sent to besides the data directory
#[derive(Debug, Subcommand)]
#[command(after_help = "Example: etiqa destination list")]
pub(crate) enum Destination {
    /// Add a destination; secrets come from standard input or a file, never from the command line
    #[command(
        after_help = "Example: etiqa destination add nas --kind folder --path /mnt/nas/backups\n         printf '%s\\n' \"$SECRET\" | etiqa destination add store --kind s3 --endpoint https://s3.example.com \\\n           --bucket configs --path-style --access-key-id ID --secret-stdin\n         etiqa destination add offsite --kind sftp --address backup.example.com --username etiqa \\\n           --key-file id_ed25519 --path backups"
    )]
    Add {
        /// Its name
        name: String,
        /// folder, s3, webdav, sftp or git
        #[arg(long, value_name = "KIND")]
        kind: String,
        #[command(flatten)]
        fields: Fields,
    },
    /// Change a destination; what is not named stays as it is
    #[command(after_help = "Example: etiqa destination edit store --prefix vienna")]
    Edit {
        /// Its name
        name: String,
        /// Its new name
        #[arg(long, value_name = "NAME")]
        rename: Option<String>,
        #[command(flatten)]
        fields: Fields,
        /// Send to it
        #[arg(long, conflicts_with = "disable")]
        enable: bool,
        /// Send nothing to it
        #[arg(long)]
        disable: bool,
    },
    /// List the destinations, and how they are
    #[command(after_help = "Example: etiqa destination list --json")]
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Write, read back and delete a probe
    #[command(after_help = "Example: etiqa destination test nas")]
    Test {
        /// Its name
        name: String,
        /// What it came to, as JSON
        #[arg(long)]
        json: bool,
    },
    /// Try at once what waits for a destination
    #[command(after_help = "Example: etiqa destination retry nas")]
    Retry {
        /// Its name
        name: String,
    },
    /// Fetch the archive of a run from a destination, where the one here is lost or damaged
    #[command(alias = "bring_back", after_help = "Example: etiqa destination bring-back nas 7")]
    BringBack {
        /// Its name
        name: String,
        /// The run's number
        run: i64,
    },
    /// Take what a destination shows instead of what was known as its own: a changed host key, or another folder
    #[command(
        aliases = ["accept-host-key", "accept_host_key"],
        after_help = "Example: etiqa destination accept nas"
    )]
    Accept {
        /// Its name
        name: String,
    },
    /// Have all machines of a PostgreSQL keep their files in a destination
    #[command(after_help = "Example: etiqa destination share store")]
    Share {
        /// Its name
        name: String,
    },
    /// Have each machine keep its own files again; what is in the destination stays there
    #[command(after_help = "Example: etiqa destination unshare")]
    Unshare,
    /// Remove a destination; the copies that are there stay
    #[command(after_help = "Example: etiqa destination remove nas")]
    Remove {
        /// Its name
        name: String,
    },
}

/// What can be said of a destination; which of it counts follows the kind.
#[derive(Debug, Args)]
pub(crate) struct Fields {
    /// folder: from the root on; sftp: the folder there
    #[arg(long, value_name = "DIR")]
    path: Option<String>,
    /// s3: https://…; Amazon's own when not named
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// s3: us-east-1 when not named
    #[arg(long, value_name = "R")]
    region: Option<String>,
    /// s3: the bucket
    #[arg(long, value_name = "B")]
    bucket: Option<String>,
    /// s3: begins the names of all objects
    #[arg(long, value_name = "P")]
    prefix: Option<String>,
    /// s3: the bucket is named in the path and not in the host name; =false to stop that
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    path_style: Option<bool>,
    /// s3: how the server encrypts: AES256 or aws:kms; empty: as the bucket says
    #[arg(long, value_name = "HOW")]
    sse: Option<String>,
    /// s3: the key for aws:kms
    #[arg(long, value_name = "ID")]
    kms_key_id: Option<String>,
    /// s3: the access key's id
    #[arg(long, value_name = "ID")]
    access_key_id: Option<String>,
    /// webdav: the folder; git: the remote, none when it is not named
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// sftp: IP address or host name
    #[arg(long, value_name = "A")]
    address: Option<String>,
    /// sftp: 22 when not named
    #[arg(long, value_name = "P")]
    port: Option<String>,
    /// webdav, sftp, git: the login name
    #[arg(long, value_name = "U")]
    username: Option<String>,
    /// Read the password (s3: the secret access key; git: the password or token) from a line of standard input
    #[arg(long)]
    secret_stdin: bool,
    /// sftp, git: a private key in OpenSSH or PEM form
    #[arg(long, value_name = "F")]
    key_file: Option<PathBuf>,
    /// Read the key's passphrase from the next line of standard input
    #[arg(long)]
    key_passphrase_stdin: bool,
    /// git: the branch that is written; main when not named
    #[arg(long, value_name = "B")]
    branch: Option<String>,
    /// git: redacted or whole
    #[arg(long, value_name = "WHICH")]
    texts: Option<String>,
    /// It may be in a private network, such as 192.168.0.0/16; =false to stop that
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    own_network: Option<bool>,
    /// What becomes of copies whose archive is removed here: retention (they go as well) or forever
    #[arg(long, value_name = "HOW LONG")]
    keep: Option<String>,
}

impl Destination {
    pub(super) async fn run(self, engine: &Arc<Engine>) -> Result<ExitCode> {
        match self {
            Self::Add { name, kind, fields } => {
                let mut input = DestinationInput { name, kind, ..DestinationInput::default() };
                fields.fill(&mut input).await?;
                destinations::save(engine, None, &input).await?;
            }
            Self::Edit { name, rename, fields, enable, disable } => {
                let known = destinations::find(engine, &name).await?;
                let mut input = known.to_input();
                input.name = rename.unwrap_or(input.name);
                input.enabled = enable || (input.enabled && !disable);
                fields.fill(&mut input).await?;
                destinations::save(engine, Some(known.id), &input).await?;
            }
            Self::List { json } => list(engine, json).await?,
            Self::Test { name, json } => {
                let known = destinations::find(engine, &name).await?;
                let test = destinations::test(engine, known.id).await?;
                if json {
                    output::print_json(&test)?;
                } else {
                    output::print(&test.message);
                }
                return Ok(exit(test.is_good));
            }
            Self::Retry { name } => {
                let known = destinations::find(engine, &name).await?;
                destinations::retry(engine, known.id).await?;
            }
            Self::BringBack { name, run } => {
                let known = destinations::find(engine, &name).await?;
                destinations::bring_back(engine, etiqa_model::RunId(run), known.id).await?;
            }
            Self::Accept { name } => {
                let known = destinations::find(engine, &name).await?;
                destinations::accept_key(engine, known.id).await?;
            }
            Self::Share { name } => {
                let known = destinations::find(engine, &name).await?;
                destinations::share(engine, known.id).await?;
            }
            Self::Unshare => destinations::unshare(engine).await?,
            Self::Remove { name } => {
                let known = destinations::find(engine, &name).await?;
                destinations::remove(engine, known.id).await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Fields {
    async fn fill(self, input: &mut DestinationInput) -> Result<()> {
        let pairs = [
            (self.path, &mut input.path),
            (self.endpoint, &mut input.endpoint),
            (self.region, &mut input.region),
            (self.bucket, &mut input.bucket),
            (self.prefix, &mut input.prefix),
            (self.sse, &mut input.sse),
            (self.kms_key_id, &mut input.kms_key_id),
            (self.access_key_id, &mut input.access_key_id),
            (self.url, &mut input.url),
            (self.address, &mut input.address),
            (self.port, &mut input.port),
            (self.username, &mut input.username),
            (self.branch, &mut input.branch),
            (self.texts, &mut input.texts),
            (self.keep, &mut input.keep),
        ];
        for (new, field) in pairs {
            if let Some(new) = new {
                *field = new;
            }
        }
        input.path_style = self.path_style.unwrap_or(input.path_style);
        input.own_network = self.own_network.unwrap_or(input.own_network);
        if self.secret_stdin {
            let secret = output::read_secret("the password or secret key").await?;
            if input.kind.trim().eq_ignore_ascii_case("s3") {
                input.secret_access_key = secret;
            } else {
                input.password = secret;
            }
        }
        if let Some(file) = &self.key_file {
            input.private_key = read_key(file)?;
        }
        if self.key_passphrase_stdin {
            input.key_passphrase = output::read_secret("the key's passphrase").await?;
        }
        Ok(())
    }
}

fn read_key(file: &Path) -> Result<Secret> {
    let key = std::fs::read_to_string(file).map_err(|error| given_file::unread("key file", file, &error))?;
    Ok(Secret::new(key))
}

async fn list(engine: &Engine, json: bool) -> Result<()> {
    let known = destinations::list(engine).await?;
    if json {
        return output::print_json(&known);
    }
    let head = ["NAME", "KIND", "WHERE", "COPIES", "WAITING", "WORKED", "STATE"];
    let mut table = vec![head.map(str::to_owned).to_vec()];
    for destination in known {
        table.push(vec![
            destination.name.clone(),
            destination.kind().as_str().to_owned(),
            destination.settings.words(),
            destination.sent.to_string(),
            (destination.waiting + destination.leaving).to_string(),
            output::time(destination.last_ok_at),
            state(&destination),
        ]);
    }
    output::print_table(&table);
    Ok(())
}

fn state(destination: &Known) -> String {
    match &destination.problem {
        _ if !destination.enabled => "disabled".to_owned(),
        Some(problem) => problem.clone(),
        None if destination.is_shared => "works, has the files of all machines".to_owned(),
        None if destination.last_ok_at.is_none() => "not used yet".to_owned(),
        None => "works".to_owned(),
    }
}
