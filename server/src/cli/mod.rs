//! The command line. One file per command; results go to stdout, everything else to stderr.

mod artifact;
mod audit;
mod backup_config;
mod backup_status;
mod certificate;
mod collect;
mod completions;
mod credential;
mod destination;
mod device;
mod device_versions;
mod doctor;
mod drivers;
mod environment;
mod follow;
mod given_file;
mod healthcheck;
mod host_key;
mod import_devices;
mod import_django;
mod import_router_db;
mod inventory_source;
mod jump_host;
mod key;
mod man;
mod media;
mod migrate_to;
mod new_file;
mod notify;
mod openapi;
pub(crate) mod output;
pub(crate) mod progress;
mod restore;
mod retention;
mod routes;
mod rule;
mod run_backups;
mod search;
mod settings;
mod token;
mod tree;
mod unlock;
mod user;
mod verify;
mod who;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::builder::{StringValueParser, TypedValueParser};
use clap::{Args, FromArgMatches, Parser, Subcommand, ValueHint};
use etiqa_engine::audit::acting;
use etiqa_engine::network::Network;
use etiqa_engine::shared_dir::SharedDir;
use etiqa_engine::{Engine, Options, Result, Role, outgoing};
use etiqa_model::scope::Scope;
use etiqa_model::user::Reach;
use etiqa_model::{Secret, UserError};

use crate::logging::LogOptions;
use crate::owner::become_owner_of;

/// Backs up the configurations of network devices by itself.
#[derive(Debug, Parser)]
#[command(name = "etiqa", version, infer_long_args = true)]
#[command(
    after_help = "Example: etiqa serve\nThen open http://127.0.0.1:8000 in a browser. `etiqa COMMAND --help` shows an example \
                  of each command."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    pub(crate) logs: LogOptions,
    #[command(subcommand)]
    pub(crate) command: Command,
    /// The file that settings were read from.
    #[arg(skip)]
    settings_file: Option<PathBuf>,
    /// What a server would be told now by the environment and that file; for those alone who ask about one.
    #[arg(skip)]
    served: Option<Serve>,
}

/// Where the program keeps its things; the same for every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where things are")]
struct Place {
    /// A file of settings; etiqa.toml of this folder or of /etc/etiqa when not named, an empty name for none
    #[arg(long, global = true, env = "ETIQA_CONFIG_FILE", value_name = "FILE", value_hint = ValueHint::FilePath)]
    config_file: Option<OsString>,
    /// Directory of the database, the key and the archives
    #[arg(long, global = true, env = "ETIQA_DATA_DIR", default_value = "data", value_name = "DIR")]
    data_dir: PathBuf,
    /// A PostgreSQL database instead of the SQLite file inside the data directory
    #[arg(long, global = true, env = "ETIQA_DATABASE_URL", value_name = "URL", hide_env_values = true,
          value_parser = secret())]
    database_url: Option<Secret>,
    /// The key that seals secrets, when it is not secret.key of the data directory
    #[arg(long, global = true, env = "ETIQA_SECRET_KEY_FILE", value_name = "FILE")]
    secret_key_file: Option<PathBuf>,
    /// Certificate authorities (PEM) that may have signed the certificates of devices, besides the system's
    #[arg(long, global = true, env = "ETIQA_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Networks that copies may be sent to besides public ones, with commas between; 127.0.0.0/8 is this machine
    #[arg(long, global = true, env = "ETIQA_REACH", value_name = "NETWORK")]
    reach: Vec<String>,
    /// The folder in which all machines of a PostgreSQL keep archives, vendor backups and attached files
    #[arg(long, global = true, env = "ETIQA_SHARED_DIR", value_name = "DIR")]
    shared_dir: Option<PathBuf>,
    /// Use the folder of --shared-dir from now on, whichever was used before
    #[arg(long, global = true)]
    adopt_shared_dir: bool,
}

impl Place {
    fn options(self) -> Result<Options> {
        let reach = outgoing::Reach::new(Network::parse_list("--reach", &self.reach)?);
        let shared_dir = match self.shared_dir.filter(|folder| !folder.as_os_str().is_empty()) {
            // The folder may be named by the file of settings, which the library takes for a default.
            None if self.adopt_shared_dir => {
                return Err(
                    UserError::invalid("Name the folder to use from now on with --shared-dir.").into()
                );
            }
            None => SharedDir::None,
            Some(folder) if self.adopt_shared_dir => SharedDir::Adopted(folder),
            Some(folder) => SharedDir::Known(folder),
        };
        Ok(Options {
            data_dir: self.data_dir,
            database_url: self.database_url.filter(|url| !url.is_empty()).map(|url| url.reveal().to_owned()),
            secret_key_file: self.secret_key_file,
            ca_file: self.ca_file,
            shared_dir,
            reach,
            ..Options::default()
        })
    }
}

/// A URL may have a password in it.
fn secret() -> impl TypedValueParser<Value = Secret> {
    StringValueParser::new().map(Secret::new)
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the pages, watch the clock and work on the queue
    Serve(Serve),
    /// Run the backups that are due, or the one that is named
    #[command(alias = "run_backups")]
    RunBackups(run_backups::RunBackups),
    /// Show how every backup stands
    #[command(alias = "backup_status")]
    BackupStatus(backup_status::BackupStatus),
    /// Import devices from a CSV or JSON file
    #[command(alias = "import_devices")]
    ImportDevices(import_devices::ImportDevices),
    /// Bring devices, versions, backups and history from the Django edition
    #[command(alias = "import_django")]
    ImportDjango(import_django::ImportDjango),
    /// Import the devices of an Oxidized's router.db
    #[command(alias = "import_oxidized")]
    ImportOxidized(import_router_db::ImportOxidized),
    /// Import the devices of a RANCID's router.db
    #[command(alias = "import_rancid")]
    ImportRancid(import_router_db::ImportRancid),
    /// Keep the inventory as NetBox, a URL or a file has it
    #[command(subcommand, alias = "inventory_source")]
    InventorySource(inventory_source::InventorySource),
    /// Collect devices now, outside of any backup
    Collect(collect::Collect),
    /// Fetch and list the backups that devices make of themselves
    #[command(subcommand)]
    Artifact(artifact::Artifact),
    /// Manage devices and look at their configurations
    #[command(subcommand)]
    Device(device::Device),
    /// Attach files to devices
    #[command(subcommand)]
    Media(media::Media),
    /// Search the active configurations of all devices
    Search(search::Search),
    /// Hold configurations against rules
    #[command(subcommand)]
    Rule(rule::Rule),
    /// Manage the logins for devices
    #[command(subcommand)]
    Credential(credential::Credential),
    /// Manage the servers that pass connections on to devices
    #[command(subcommand, alias = "jump_host")]
    JumpHost(jump_host::JumpHost),
    /// Manage where archives are sent to besides the data directory
    #[command(subcommand)]
    Destination(destination::Destination),
    /// Manage what is told to whom, and look at what was
    #[command(subcommand)]
    Notify(notify::Notify),
    /// Manage what is backed up, when, and how many archives are kept
    #[command(subcommand, alias = "backup_config")]
    BackupConfig(backup_config::BackupConfig),
    /// Read archives back and say whether they are whole
    Verify(verify::Verify),
    /// Restore an archive into an empty instance, or take single files out of it
    Restore(restore::Restore),
    /// Move an instance from its SQLite file to PostgreSQL
    #[command(alias = "migrate_to")]
    MigrateTo(migrate_to::MigrateTo),
    /// Work on what there is to do at a site, for the servers that share its PostgreSQL
    Worker(Worker),
    /// Let a restored instance run its schedules again
    #[command(after_help = "Example: etiqa resume")]
    Resume(Json),
    /// Let no schedule run until `etiqa resume`; what is started by hand does
    #[command(after_help = "Example: etiqa pause")]
    Pause(Json),
    /// Check everything that backups need, and say what to do
    Doctor(doctor::Doctor),
    /// Ask the server on this machine whether it is ready; for whatever watches a container
    #[command(after_help = "Example: etiqa healthcheck")]
    Healthcheck,
    /// Look at the audit log: who did what
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Print the recovery kit: the key, every passphrase, and how to restore
    #[command(alias = "recovery_kit", after_help = "Example: etiqa recovery-kit | lp")]
    RecoveryKit,
    /// Manage the key that seals every secret
    #[command(subcommand)]
    Key(key::Key),
    /// Accept the changed host key of a device
    #[command(subcommand, alias = "host_key")]
    HostKey(host_key::HostKey),
    /// Trust the TLS certificate of a device
    #[command(subcommand)]
    Certificate(certificate::Certificate),
    /// List the known platforms, or check a driver file
    #[command(subcommand)]
    Drivers(drivers::Drivers),
    /// Print a new one-time code for the first admin, in place of the one that the server printed
    #[command(alias = "setup_code", after_help = "Example: etiqa setup-code")]
    SetupCode(Json),
    /// Manage the people who can sign in
    #[command(subcommand)]
    User(user::User),
    /// Manage API tokens
    #[command(subcommand)]
    Token(token::Token),
    /// Print the description of the REST API (OpenAPI 3.1) as JSON
    #[command(after_help = "Example: etiqa openapi > etiqa-openapi.json")]
    Openapi,
    /// Print what makes a shell complete commands and options
    Completions(completions::Completions),
    /// Write the manual pages, one for each command
    Man(man::Man),
    /// List every address that the server answers
    #[command(hide = true)]
    Routes,
}

/// Of a command that has no other option.
#[derive(Debug, Args)]
pub(crate) struct Json {
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples: etiqa serve --listen 0.0.0.0:8000 --data-dir /srv/etiqa --tls-self-signed\n          \
                  etiqa serve --database-url postgres://etiqa@db.example.net/etiqa --shared-dir /mnt/etiqa"
)]
pub(crate) struct Serve {
    /// Address and port to listen on
    #[arg(long, env = "ETIQA_LISTEN", default_value = "127.0.0.1:8000", value_name = "ADDRESS")]
    pub(crate) listen: SocketAddr,
    /// Serve HTTPS with this certificate (PEM, the whole chain); it is read again when the file changes
    #[arg(long, env = "ETIQA_TLS_CERT", value_name = "FILE")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key of --tls-cert (PEM, without a passphrase)
    #[arg(long, env = "ETIQA_TLS_KEY", value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Serve HTTPS with a certificate that the program makes and signs itself
    #[arg(long, env = "ETIQA_TLS_SELF_SIGNED")]
    pub(crate) tls_self_signed: bool,
    /// Networks of the proxies that are believed whom they speak for, with commas between
    #[arg(long, env = "ETIQA_TRUSTED_PROXY", value_name = "NETWORK")]
    pub(crate) trusted_proxy: Vec<String>,
    /// The address by which people open the pages, where a proxy stands before the program
    #[arg(long, env = "ETIQA_PUBLIC_URL", value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// After a start, what was missed waits so many seconds, until the network is up
    #[arg(long, env = "ETIQA_START_DELAY", default_value_t = 10, value_name = "SECONDS")]
    pub(crate) start_delay: u32,
    /// Address and port to hear devices' syslog on, by UDP and TCP: a device that tells of a change is collected
    #[arg(long, env = "ETIQA_SYSLOG_LISTEN", value_name = "ADDRESS")]
    pub(crate) syslog_listen: Option<SocketAddr>,
    /// A device that tells of changes is collected once it has been quiet for so long, after five minutes at most
    #[arg(long, env = "ETIQA_CHANGE_QUIET", default_value_t = 30, value_name = "SECONDS",
          value_parser = clap::value_parser!(u16).range(0..=300))]
    pub(crate) change_quiet: u16,
    /// Address and port to tell metrics on, to whoever can reach it: no token is asked for there
    #[arg(long, env = "ETIQA_METRICS_LISTEN", value_name = "ADDRESS")]
    pub(crate) metrics_listen: Option<SocketAddr>,
}

/// What a worker is told.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: etiqa worker --site graz --database-url postgres://etiqa@db.example.net/etiqa \\\n           \
                  --secret-key-file /etc/etiqa/secret.key"
)]
pub(crate) struct Worker {
    /// The site whose devices it collects; from now on nobody else does
    #[arg(long, env = "ETIQA_SITE", value_name = "NAME")]
    pub(crate) site: String,
    /// Address and port to hear devices' syslog on, by UDP and TCP: a device that tells of a change is collected
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) syslog_listen: Option<SocketAddr>,
    /// A device that tells of changes is collected once it has been quiet for so long, after five minutes at most
    #[arg(long, default_value_t = 30, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(0..=300))]
    pub(crate) change_quiet: u16,
    /// Address and port to tell metrics on, and whether it works, to whoever can reach it: no token is asked for there
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) metrics_listen: Option<SocketAddr>,
}

impl Cli {
    /// Reads the command line, the environment and the file of settings; says what is wrong with them, and ends the program
    /// then.
    pub(crate) fn from_command_line() -> Self {
        let arguments: Vec<OsString> = std::env::args_os().collect();
        let (command, settings_file) =
            settings::with_file(tree::tree(), &arguments).unwrap_or_else(|refusal| {
                output::complain(&refusal);
                std::process::exit(2)
            });
        let matches = command.clone().get_matches_from(arguments);
        let mut cli = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        if matches!(cli.command, Command::Doctor(_) | Command::Healthcheck) {
            cli.served = served(command);
        }
        cli.settings_file = settings_file;
        cli
    }

    /// Gives up the rights of root where it works with an instance that is another user's. Nothing is read or written there
    /// before, and no thread but this one may be.
    pub(crate) fn become_owner(&self) -> std::result::Result<(), UserError> {
        let is_elsewhere = match &self.command {
            Command::Healthcheck
            | Command::Openapi
            | Command::Completions(_)
            | Command::Man(_)
            | Command::Routes => true,
            Command::Drivers(command) => command.needs_no_instance(),
            Command::Restore(command) => command.only_looks(),
            _ => false,
        };
        if is_elsewhere {
            return Ok(());
        }
        who::note();
        let listens = matches!(self.command, Command::Serve(_) | Command::Worker(_) | Command::Doctor(_));
        become_owner_of(&self.place.data_dir, listens)
    }

    /// Where logs are kept as well, for commands that do what a server does; none for those that only ask.
    pub(crate) fn keeps_logs_in(&self) -> Option<&Path> {
        let works = matches!(
            self.command,
            Command::Serve(_)
                | Command::Worker(_)
                | Command::RunBackups(_)
                | Command::Collect(_)
                | Command::Artifact(artifact::Artifact::Fetch { .. })
                | Command::Destination(destination::Destination::Test { .. })
                | Command::Notify(notify::Notify::Channel(notify::Channel::Test { .. }))
        );
        works.then_some(self.place.data_dir.as_path())
    }

    /// Certificate authorities besides the system's.
    pub(crate) fn ca_file(&self) -> Option<&Path> {
        self.place.ca_file.as_deref()
    }

    /// Runs the command. The code is 0 when all is good, 1 when something failed.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let options = self.place.options()?;
        match self.command {
            Command::Serve(serve) => crate::serve::serve(options, &serve).await,
            Command::Worker(worker) => crate::work::work(options, worker).await,
            Command::Routes => Ok(routes::print()),
            Command::Openapi => openapi::print(),
            Command::Completions(completions) => Ok(completions.print()),
            Command::Man(man) => man.write(),
            // Says what is wrong with an instance that does not open, too.
            Command::Doctor(doctor) => Box::pin(doctor.run(options, self.settings_file, self.served)).await,
            Command::Healthcheck => healthcheck::run(self.served).await,
            Command::Drivers(drivers::Drivers::Check { file, json }) => drivers::check(&file, json),
            Command::Drivers(drivers::Drivers::Test { file, recording, json }) => {
                drivers::test(&file, &recording, json).await
            }
            // Opens no instance: it makes one.
            Command::Restore(restore) => {
                acting(who::is_there(), Box::pin(restore.run(options.data_dir, options.database_url))).await
            }
            // Opens the instance by itself, or does not open the one that was moved.
            Command::MigrateTo(command) => acting(who::is_there(), Box::pin(command.run(options))).await,
            command => {
                let engine = Engine::open(options, Role::Command).await?;
                let (who, told) = (who::is_there(), who::act_of(&command));
                let code = acting(who.clone(), Box::pin(run_with(&engine, command))).await;
                who::tell(&engine, who, told, &code).await;
                engine.hand_back().await?;
                engine.db.close().await;
                code
            }
        }
    }
}

async fn run_with(engine: &Arc<Engine>, command: Command) -> Result<ExitCode> {
    match command {
        Command::Serve(_)
        | Command::Worker(_)
        | Command::Restore(_)
        | Command::MigrateTo(_)
        | Command::Doctor(_)
        | Command::Healthcheck
        | Command::Openapi
        | Command::Completions(_)
        | Command::Man(_)
        | Command::Routes => Ok(ExitCode::SUCCESS),
        Command::Resume(Json { json }) => resume(engine, json).await,
        Command::Pause(Json { json }) => pause(engine, json).await,
        Command::Audit(command) => command.run(engine).await,
        Command::RecoveryKit => key::recovery_kit(engine).await,
        Command::Key(command) => command.run(engine).await,
        Command::RunBackups(command) => command.run(engine).await,
        Command::BackupStatus(command) => command.run(engine).await,
        Command::ImportDevices(command) => command.run(engine).await,
        Command::ImportDjango(command) => command.run(engine).await,
        Command::ImportOxidized(command) => command.run(engine).await,
        Command::ImportRancid(command) => command.run(engine).await,
        Command::InventorySource(command) => command.run(engine).await,
        Command::Collect(command) => command.run(engine).await,
        Command::Artifact(command) => command.run(engine).await,
        Command::Device(command) => command.run(engine).await,
        Command::Media(command) => command.run(engine).await,
        Command::Search(command) => command.run(engine).await,
        Command::Rule(command) => command.run(engine).await,
        Command::Credential(command) => command.run(engine).await,
        Command::JumpHost(command) => command.run(engine).await,
        Command::Destination(command) => command.run(engine).await,
        Command::Notify(command) => command.run(engine).await,
        Command::BackupConfig(command) => command.run(engine).await,
        Command::Verify(command) => command.run(engine).await,
        Command::HostKey(command) => command.run(engine).await,
        Command::Certificate(command) => command.run(engine).await,
        Command::Drivers(command) => command.run(engine).await,
        Command::SetupCode(Json { json }) => setup_code(engine, json).await,
        Command::User(command) => command.run(engine).await,
        Command::Token(command) => command.run(engine).await,
    }
}

/// What `etiqa serve` would be told without an option.
fn served(command: clap::Command) -> Option<Serve> {
    let matches = command.try_get_matches_from(["etiqa", "serve"]).ok()?;
    match Cli::from_arg_matches(&matches).ok()?.command {
        Command::Serve(serve) => Some(serve),
        _ => None,
    }
}

async fn pause(engine: &Engine, json: bool) -> Result<ExitCode> {
    etiqa_engine::pause::pause(engine, "the command line").await?;
    if json {
        output::print_json(&serde_json::json!({ "paused": true }))?;
    } else {
        output::print("No schedule runs until `etiqa resume`; what is started by hand does.");
    }
    Ok(ExitCode::SUCCESS)
}

async fn resume(engine: &Engine, json: bool) -> Result<ExitCode> {
    let was_paused = etiqa_engine::pause::resume(engine).await?;
    if json {
        output::print_json(&serde_json::json!({ "paused": false, "was_paused": was_paused }))?;
    } else if was_paused {
        output::print("Schedules run again.");
    } else {
        output::print("Nothing was paused: schedules run.");
    }
    Ok(ExitCode::SUCCESS)
}

async fn setup_code(engine: &Engine, json: bool) -> Result<ExitCode> {
    let code = etiqa_engine::access::setup_code_renew(&engine.db).await?;
    if json {
        output::print_json(&serde_json::json!({ "code": code.reveal() }))?;
    } else {
        output::print(code.reveal());
    }
    Ok(ExitCode::SUCCESS)
}

/// What somebody of this role may do with the devices of these parts of a scope.
fn reach(role: etiqa_model::user::Role, scope: &[String]) -> std::result::Result<Reach, UserError> {
    let reach = Scope::parse(&scope.join("\n")).and_then(|scope| Reach::new(role, scope));
    reach.map_err(UserError::invalid)
}

/// 0 when all is good, 1 when not.
pub(crate) fn exit(all_good: bool) -> ExitCode {
    if all_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
