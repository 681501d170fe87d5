//! `etiqa backup-config`.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use etiqa_engine::backup::sealing::generate_passphrase;
use etiqa_engine::backup::{config, destinations};
use etiqa_engine::{Engine, Result, inventory};
use etiqa_model::backup::BackupConfigInput;
use etiqa_model::user::Role;
use etiqa_model::{Secret, UserError};

use super::output;
use super::retention::{Archives, Counts};

/// Manage what is backed up, when, and how many archives are kept
#[derive(Debug, Subcommand)]
#[command(after_help = "Example: etiqa backup-config list")]
pub(crate) enum BackupConfig {
    /// Add a backup config
    #[command(
        after_help = "Example: etiqa backup-config add \"Daily Config Backup\" --type config --frequency daily --at 02:00 \\\n           --zone Europe/Vienna --max-backups 10 --keep-monthly 12 --devices type:router"
    )]
    Add {
        /// Its name
        name: String,
        #[command(flatten)]
        fields: Fields,
    },
    /// Change a backup config; what is not named stays as it is
    #[command(after_help = "Example: etiqa backup-config edit \"Daily Config Backup\" --at 03:30")]
    Edit {
        /// Its name
        name: String,
        /// Its new name
        #[arg(long)]
        rename: Option<String>,
        #[command(flatten)]
        fields: Fields,
        /// Let it run by itself
        #[arg(long, conflicts_with = "disable")]
        enable: bool,
        /// Do not let it run by itself
        #[arg(long)]
        disable: bool,
    },
    /// List the backup configs
    #[command(after_help = "Example: etiqa backup-config list --json")]
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// List its archives, what becomes of each and why; also with other counts than it has
    Archives(Archives),
    /// Remove a backup config; its archives stay
    #[command(after_help = "Example: etiqa backup-config remove \"Daily Config Backup\"")]
    Remove {
        /// Its name
        name: String,
    },
}

/// What can be said of a backup config.
#[derive(Debug, Args)]
pub(crate) struct Fields {
    /// full, config or data
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// hourly, daily, weekly, monthly or cron
    #[arg(long)]
    frequency: Option<String>,
    /// For hourly: 0 to 59
    #[arg(long, value_name = "N")]
    minute: Option<String>,
    /// For daily, weekly and monthly
    #[arg(long, value_name = "HH:MM")]
    at: Option<String>,
    /// For weekly
    #[arg(long, value_name = "D")]
    weekday: Option<String>,
    /// For monthly: 1 to 31, or last
    #[arg(long, value_name = "N|last")]
    day: Option<String>,
    /// For cron: minute, hour, day of month, month, day of week
    #[arg(long, value_name = "EXPR")]
    cron: Option<String>,
    /// IANA time zone; this machine's when not named
    #[arg(long, value_name = "TZ")]
    zone: Option<String>,
    /// Begin up to so many minutes after the time, so that not all begin at once
    #[arg(long, value_name = "MINUTES")]
    jitter: Option<String>,
    /// When no run begins by itself, such as "mon-fri 08:00-18:00; sun"; "" for never
    #[arg(long, value_name = "WINDOWS")]
    not_during: Option<String>,
    #[command(flatten)]
    counts: Counts,
    /// Take in database, media or logs (with commas between)
    #[arg(long, value_delimiter = ',', value_name = "WHAT")]
    include: Vec<String>,
    /// Leave out database, media or logs
    #[arg(long, value_delimiter = ',', value_name = "WHAT")]
    exclude: Vec<String>,
    /// Take vendors' own backups along: never, daily, weekly or every_run
    #[arg(long, value_name = "HOW OFTEN")]
    artifacts: Option<String>,
    /// Seal the archives: none, passphrase (a zip with AES-256) or age (only its recipients can open it)
    #[arg(long, value_name = "HOW")]
    encryption: Option<String>,
    /// Read the passphrase of the archives from a line of standard input
    #[arg(long, conflicts_with = "generate_passphrase")]
    passphrase_stdin: bool,
    /// Make a passphrase for the archives, and print it; it is not shown again
    #[arg(long)]
    generate_passphrase: bool,
    /// Whom the archives are sealed for: an age1… key or an SSH public key; may be given more than once
    #[arg(long, value_name = "KEY")]
    recipient: Vec<String>,
    /// Send each archive to this destination; may be given more than once, and takes the place of those before
    #[arg(long, value_name = "NAME", conflicts_with = "no_destinations")]
    destination: Vec<String>,
    /// Send archives nowhere
    #[arg(long)]
    no_destinations: bool,
    /// all, type:T, tag:T, site:S, or host names with commas between
    #[arg(long, value_name = "WHICH")]
    devices: Option<String>,
}

impl BackupConfig {
    pub(super) async fn run(self, engine: &Arc<Engine>) -> Result<ExitCode> {
        match self {
            Self::Add { name, fields } => {
                let mut input = BackupConfigInput { name, ..BackupConfigInput::default() };
                for (given, option) in [(&fields.kind, "--type"), (&fields.frequency, "--frequency")] {
                    if given.is_none() {
                        return Err(UserError::invalid(format!(
                            "{option} is missing; see etiqa backup-config add --help."
                        ))
                        .into());
                    }
                }
                let made = fields.fill(engine, &mut input).await?;
                config::save(engine, None, &input).await?;
                show_passphrase(made.as_ref());
            }
            Self::Edit { name, rename, fields, enable, disable } => {
                let known = config::find(engine, &name).await?;
                let mut input = known.to_input();
                input.name = rename.unwrap_or(input.name);
                input.enabled = enable || (input.enabled && !disable);
                let made = fields.fill(engine, &mut input).await?;
                config::save(engine, Some(known.id), &input).await?;
                show_passphrase(made.as_ref());
            }
            Self::List { json } => list(engine, json).await?,
            Self::Archives(archives) => archives.run(engine).await?,
            Self::Remove { name } => {
                let known = config::find(engine, &name).await?;
                config::delete(engine, known.id).await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Fields {
    /// Gives the passphrase that was made, where one was asked for.
    async fn fill(self, engine: &Engine, input: &mut BackupConfigInput) -> Result<Option<Secret>> {
        if self.kind.as_ref().is_some_and(|kind| !kind.trim().eq_ignore_ascii_case(&input.kind)) {
            // What the old type took in or left out was that type's; the new one has its own.
            input.include_database = None;
            input.include_media = None;
            input.include_logs = None;
        }
        for (what, is_in) in
            self.include.iter().map(|what| (what, true)).chain(self.exclude.iter().map(|what| (what, false)))
        {
            match what.trim() {
                "database" => input.include_database = Some(is_in),
                "media" => input.include_media = Some(is_in),
                "logs" => input.include_logs = Some(is_in),
                other => {
                    let message =
                        format!("\"{other}\" cannot be taken in or left out; use database, media or logs.");
                    return Err(UserError::invalid(message).into());
                }
            }
        }
        if let Some(devices) = &self.devices {
            input.devices = inventory::selector(engine, devices).await?.to_string();
        }
        if self.no_destinations {
            input.destinations = Some(Vec::new());
        } else if !self.destination.is_empty() {
            let mut ids = Vec::new();
            for name in &self.destination {
                ids.push(destinations::find(engine, name).await?.id);
            }
            input.destinations = Some(ids);
        }
        let made = self.generate_passphrase.then(generate_passphrase);
        // Who gives what an encryption needs means that encryption.
        if self.passphrase_stdin || made.is_some() {
            "passphrase".clone_into(&mut input.encryption);
        } else if !self.recipient.is_empty() {
            "age".clone_into(&mut input.encryption);
        }
        if self.passphrase_stdin {
            input.passphrase = output::read_secret("the passphrase").await?;
        }
        if let Some(made) = &made {
            input.passphrase = made.clone();
        }
        if !self.recipient.is_empty() {
            input.recipients = self.recipient.join("\n");
        }
        let pairs = [
            (self.encryption, &mut input.encryption),
            (self.kind, &mut input.kind),
            (self.frequency, &mut input.frequency),
            (self.minute, &mut input.minute),
            (self.at, &mut input.at),
            (self.weekday, &mut input.weekday),
            (self.day, &mut input.day),
            (self.cron, &mut input.cron),
            (self.zone, &mut input.time_zone),
            (self.jitter, &mut input.jitter_minutes),
            (self.not_during, &mut input.blackouts),
            (self.counts.max_backups, &mut input.max_backups),
            (self.counts.keep_hourly, &mut input.keep_hourly),
            (self.counts.keep_daily, &mut input.keep_daily),
            (self.counts.keep_weekly, &mut input.keep_weekly),
            (self.counts.keep_monthly, &mut input.keep_monthly),
            (self.counts.keep_yearly, &mut input.keep_yearly),
            (self.artifacts, &mut input.artifacts),
        ];
        for (new, field) in pairs {
            if let Some(new) = new {
                *field = new;
            }
        }
        Ok(made)
    }
}

/// On stdout and alone, so that a script can keep it; what to do with it goes to stderr.
fn show_passphrase(made: Option<&Secret>) {
    if let Some(made) = made {
        output::print(made.reveal());
        output::say(
            "This is the passphrase of its archives. Keep it where the archives are not; it is not shown again.",
        );
    }
}

async fn list(engine: &Engine, json: bool) -> Result<()> {
    let rows = config::list(engine, &Role::Admin.into()).await?;
    if json {
        return output::print_json(&rows);
    }
    let mut table =
        vec![["NAME", "TYPE", "SCHEDULE", "DEVICES", "KEEPS", "STATE"].map(str::to_owned).to_vec()];
    for row in rows {
        table.push(vec![
            row.config.name.clone(),
            row.config.kind.as_str().to_owned(),
            row.config.schedule.words(),
            row.config.devices.words(),
            row.config.retention.max_backups.to_string(),
            row.state.label().to_owned(),
        ]);
    }
    output::print_table(&table);
    Ok(())
}
