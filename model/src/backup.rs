//! Backup configs: what to back up, when, how many to keep.

use serde::{Deserialize, Serialize};

use crate::archive::{Encryption, SHORTEST_PASSPHRASE};
use crate::artifact::ArtifactCadence;
use crate::blackout::Blackouts;
use crate::destination::DestinationName;
use crate::field::{Fields, by_name, number, short_text, unknown_name};
use crate::run::{Progress, Run};
use crate::schedule::{Frequency, LONGEST_JITTER, MonthDay, Schedule, TimeOfDay, Weekday};
use crate::selector::Selector;
use crate::{BackupConfigId, DestinationId, Secret, Timestamp, UserError};

/// What an archive holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackupKind {
    /// Everything.
    Full,
    /// Configs and artifacts.
    Config,
    /// The database and media; contacts no device.
    Data,
}

impl BackupKind {
    /// Every kind.
    pub const ALL: &[Self] = &[Self::Full, Self::Config, Self::Data];

    /// The name in the database, in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Config => "config",
            Self::Data => "data",
        }
    }

    /// For a person.
    pub fn label(self) -> &'static str {
        match self {
            Self::Full => "Full: everything",
            Self::Config => "Config: device configurations",
            Self::Data => "Data: database and media",
        }
    }

    /// The kind of this name, in any case.
    pub fn parse(name: &str) -> Result<Self, String> {
        by_name("backup type", name, Self::ALL, Self::as_str)
    }
}

/// What an archive takes in besides the configs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Include {
    /// `database.json`.
    pub database: bool,
    /// `media/`.
    pub media: bool,
    /// `logs/`.
    pub logs: bool,
}

impl Include {
    /// What a kind takes in unless a person says otherwise.
    pub fn default_for(kind: BackupKind) -> Self {
        match kind {
            BackupKind::Full => Self { database: true, media: true, logs: true },
            BackupKind::Config => Self { database: false, media: false, logs: false },
            BackupKind::Data => Self { database: true, media: true, logs: false },
        }
    }
}

/// How many archives are kept. A period counts only when it has a good archive; 0 keeps none for that period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// The newest so many.
    pub max_backups: u32,
    /// Besides these, the last of each of so many hours.
    pub keep_hourly: u32,
    /// Days.
    pub keep_daily: u32,
    /// Weeks (ISO).
    pub keep_weekly: u32,
    /// Months.
    pub keep_monthly: u32,
    /// Years.
    pub keep_yearly: u32,
}

/// A backup config as a person fills it in, every field a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BackupConfigInput {
    /// Unique; required.
    pub name: String,
    /// `full`, `config` or `data`.
    pub kind: String,
    /// `hourly`, `daily`, `weekly`, `monthly` or `cron`.
    pub frequency: String,
    /// For hourly: 0 to 59.
    pub minute: String,
    /// For daily, weekly, monthly: `HH:MM`.
    pub at: String,
    /// For weekly.
    pub weekday: String,
    /// For monthly: 1 to 31, or `last`.
    pub day: String,
    /// For cron.
    pub cron: String,
    /// IANA zone; the server's when empty.
    pub time_zone: String,
    /// How many minutes after its time it may begin; 0 when empty.
    pub jitter_minutes: String,
    /// When it does not begin: [`Blackouts`] in their text form.
    pub blackouts: String,
    /// Keep-last; 10 when empty.
    pub max_backups: String,
    /// Hours to keep one of; 0 when empty.
    pub keep_hourly: String,
    /// Days.
    pub keep_daily: String,
    /// Weeks.
    pub keep_weekly: String,
    /// Months.
    pub keep_monthly: String,
    /// Years.
    pub keep_yearly: String,
    /// `database.json`; as the kind says when none.
    pub include_database: Option<bool>,
    /// `media/`; as the kind says when none.
    pub include_media: Option<bool>,
    /// `logs/`; as the kind says when none.
    pub include_logs: Option<bool>,
    /// How often vendors' own backups are taken along: `never`, `daily`, `weekly` or `every_run`; daily when empty.
    pub artifacts: String,
    /// How its archives are sealed: `none`, `passphrase` or `age`; none when empty.
    pub encryption: String,
    /// For `passphrase`: a new one; empty keeps the one it has.
    pub passphrase: Secret,
    /// For `age`: a recipient a line.
    pub recipients: String,
    /// A [`Selector`] in its text form.
    pub devices: String,
    /// Where its archives are sent to; those that it has when none.
    pub destinations: Option<Vec<DestinationId>>,
    /// Whether it runs by itself.
    pub enabled: bool,
}

impl Default for BackupConfigInput {
    fn default() -> Self {
        let text = str::to_owned;
        Self {
            name: String::new(),
            kind: text("config"),
            frequency: text("daily"),
            minute: text("0"),
            at: text("02:00"),
            weekday: text("monday"),
            day: text("1"),
            cron: String::new(),
            time_zone: String::new(),
            jitter_minutes: String::new(),
            blackouts: String::new(),
            max_backups: text("10"),
            keep_hourly: String::new(),
            keep_daily: String::new(),
            keep_weekly: String::new(),
            keep_monthly: String::new(),
            keep_yearly: String::new(),
            include_database: None,
            include_media: None,
            include_logs: None,
            artifacts: text("daily"),
            encryption: text("none"),
            passphrase: Secret::default(),
            recipients: String::new(),
            devices: text("all"),
            destinations: None,
            enabled: true,
        }
    }
}

/// A backup config ready to be stored. The engine still checks that the zone and the cron expression exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBackupConfig {
    /// Unique.
    pub name: String,
    /// What its archives hold.
    pub kind: BackupKind,
    /// When it runs.
    pub schedule: Schedule,
    /// How many archives it keeps.
    pub retention: Retention,
    /// What its archives take in.
    pub include: Include,
    /// How often vendors' own backups are taken along.
    pub artifacts: ArtifactCadence,
    /// How its archives are sealed.
    pub encryption: Encryption,
    /// The new passphrase, where one was given.
    pub passphrase: Option<Secret>,
    /// Whom its archives are sealed for.
    pub recipients: Vec<String>,
    /// Which devices it covers.
    pub devices: Selector,
    /// Where its archives are sent to; those that it has when none.
    pub destinations: Option<Vec<DestinationId>>,
    /// Whether it runs by itself.
    pub enabled: bool,
}

impl BackupConfigInput {
    /// Checks every field; the error names each wrong one. `default_zone` is used where none is named.
    pub fn parse(&self, default_zone: &str) -> Result<NewBackupConfig, UserError> {
        let mut fields = Fields::default();
        let name = fields.check("name", short_text("The name", &self.name, 100));
        let kind = fields.check("kind", BackupKind::parse(&self.kind));
        let frequency = self.frequency(&mut fields);
        let jitter = number("The minutes", &self.jitter_minutes, 0..=LONGEST_JITTER, Some(0));
        let jitter_minutes = fields.check("jitter_minutes", jitter);
        let blackouts = fields.check("blackouts", Blackouts::parse(&self.blackouts));
        let retention = self.retention(&mut fields);
        let devices = fields.check("devices", Selector::parse(&self.devices));
        let artifacts = match self.artifacts.trim() {
            "" => Some(ArtifactCadence::default()),
            name => fields.check("artifacts", ArtifactCadence::parse(name)),
        };
        let encryption = self.encryption(&mut fields);
        let kind = kind.unwrap_or(BackupKind::Config);
        let usual = Include::default_for(kind);
        let include = Include {
            database: self.include_database.unwrap_or(usual.database),
            media: self.include_media.unwrap_or(usual.media),
            logs: self.include_logs.unwrap_or(usual.logs),
        };
        if kind == BackupKind::Data && !(include.database || include.media || include.logs) {
            fields
                .wrong("include_database", "A data backup needs the database, the media or the logs in it.");
        }
        fields.finish()?;
        let time_zone = match self.time_zone.trim() {
            "" => default_zone.to_owned(),
            zone => zone.to_owned(),
        };
        Ok(NewBackupConfig {
            name: name.unwrap_or_default(),
            kind,
            schedule: Schedule {
                jitter_minutes: jitter_minutes.unwrap_or_default(),
                blackouts: blackouts.unwrap_or_default(),
                ..Schedule::plain(frequency.unwrap_or(Frequency::Hourly { minute: 0 }), time_zone)
            },
            retention,
            include,
            artifacts: artifacts.unwrap_or_default(),
            encryption,
            passphrase: (encryption == Encryption::Passphrase && !self.passphrase.is_empty())
                .then(|| self.passphrase.clone()),
            recipients: if encryption == Encryption::Age { self.recipients() } else { Vec::new() },
            devices: devices.unwrap_or(Selector::All),
            destinations: self.destinations.clone(),
            enabled: self.enabled,
        })
    }

    /// How archives are sealed, and whether what that needs was given.
    fn encryption(&self, fields: &mut Fields) -> Encryption {
        let encryption = match self.encryption.trim() {
            "" => Encryption::None,
            name => fields.check("encryption", Encryption::parse(name)).unwrap_or_default(),
        };
        let is_short = self.passphrase.reveal().chars().count() < SHORTEST_PASSPHRASE;
        if encryption == Encryption::Passphrase && !self.passphrase.is_empty() && is_short {
            let message =
                format!("The passphrase is too short: give at least {SHORTEST_PASSPHRASE} characters.");
            fields.wrong("passphrase", message);
        }
        if encryption == Encryption::Age && self.recipients().is_empty() {
            fields.wrong("recipients", "Give at least one recipient: an age1… key or an SSH public key.");
        }
        encryption
    }

    fn recipients(&self) -> Vec<String> {
        let lines = self.recipients.lines().map(str::trim);
        lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
    }

    fn frequency(&self, fields: &mut Fields) -> Option<Frequency> {
        match self.frequency.trim().to_lowercase().as_str() {
            "hourly" => {
                let minute = fields.check("minute", number("The minute", &self.minute, 0..=59, Some(0)))?;
                Some(Frequency::Hourly { minute: u8::try_from(minute).ok()? })
            }
            "daily" => Some(Frequency::Daily { at: fields.check("at", TimeOfDay::parse(&self.at))? }),
            "weekly" => {
                let weekday = fields.check("weekday", Weekday::parse(&self.weekday));
                let at = fields.check("at", TimeOfDay::parse(&self.at))?;
                Some(Frequency::Weekly { weekday: weekday?, at })
            }
            "monthly" => {
                let day = fields.check("day", MonthDay::parse(&self.day));
                let at = fields.check("at", TimeOfDay::parse(&self.at))?;
                Some(Frequency::Monthly { day: day?, at })
            }
            "cron" => {
                let expression = fields.check("cron", short_text("The cron expression", &self.cron, 200))?;
                Some(Frequency::Cron { expression })
            }
            _ => {
                let known = ["hourly", "daily", "weekly", "monthly", "cron"];
                fields.wrong("frequency", unknown_name("frequency", &self.frequency, known));
                None
            }
        }
    }

    fn retention(&self, fields: &mut Fields) -> Retention {
        self.counts().check(fields)
    }

    /// How many archives are to be kept, as far as that is filled in.
    pub fn counts(&self) -> RetentionInput {
        RetentionInput {
            max_backups: self.max_backups.clone(),
            keep_hourly: self.keep_hourly.clone(),
            keep_daily: self.keep_daily.clone(),
            keep_weekly: self.keep_weekly.clone(),
            keep_monthly: self.keep_monthly.clone(),
            keep_yearly: self.keep_yearly.clone(),
        }
    }
}

/// How many archives are kept, as a person fills it in; an empty field is what [`BackupConfigInput`] says of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RetentionInput {
    /// Keep-last.
    pub max_backups: String,
    /// Hours.
    pub keep_hourly: String,
    /// Days.
    pub keep_daily: String,
    /// Weeks.
    pub keep_weekly: String,
    /// Months.
    pub keep_monthly: String,
    /// Years.
    pub keep_yearly: String,
}

impl RetentionInput {
    /// The counts; the error names each wrong field.
    pub fn parse(&self) -> Result<Retention, UserError> {
        let mut fields = Fields::default();
        let retention = self.check(&mut fields);
        fields.finish()?;
        Ok(retention)
    }

    fn check(&self, fields: &mut Fields) -> Retention {
        let mut count = |field: &str, what: &str, value: &str, least, default| {
            fields.check(field, number(what, value, least..=10_000, Some(default))).unwrap_or(default)
        };
        Retention {
            max_backups: count("max_backups", "The number of backups", &self.max_backups, 1, 10),
            keep_hourly: count("keep_hourly", "The number of hours", &self.keep_hourly, 0, 0),
            keep_daily: count("keep_daily", "The number of days", &self.keep_daily, 0, 0),
            keep_weekly: count("keep_weekly", "The number of weeks", &self.keep_weekly, 0, 0),
            keep_monthly: count("keep_monthly", "The number of months", &self.keep_monthly, 0, 0),
            keep_yearly: count("keep_yearly", "The number of years", &self.keep_yearly, 0, 0),
        }
    }
}

/// A backup config as lists and pages show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupConfig {
    /// Row id.
    pub id: BackupConfigId,
    /// Unique.
    pub name: String,
    /// Unique; begins the names of its archives.
    pub slug: String,
    /// What its archives hold.
    pub kind: BackupKind,
    /// When it runs.
    pub schedule: Schedule,
    /// How many archives it keeps.
    pub retention: Retention,
    /// What its archives take in.
    pub include: Include,
    /// How often vendors' own backups are taken along.
    pub artifacts: ArtifactCadence,
    /// How its archives are sealed.
    #[serde(default)]
    pub encryption: Encryption,
    /// Whom its archives are sealed for.
    #[serde(default)]
    pub recipients: Vec<String>,
    /// Which devices it covers.
    pub devices: Selector,
    /// Whether it runs by itself.
    pub enabled: bool,
    /// When it runs next; none while it is disabled.
    pub next_run_at: Option<Timestamp>,
    /// What it is due for from then on is promised; none: all of it. Not for browsers.
    #[serde(skip)]
    pub promised_from: Option<Timestamp>,
    /// The due time that the schedule before promised last; it counts until this one was due. Not for browsers.
    #[serde(skip)]
    pub due_before: Option<Timestamp>,
    /// When a person last changed it. Not for browsers.
    #[serde(skip)]
    pub updated_at: Option<Timestamp>,
}

impl BackupConfig {
    /// The same config as a person would fill it in.
    pub fn to_input(&self) -> BackupConfigInput {
        let mut input = BackupConfigInput {
            name: self.name.clone(),
            kind: self.kind.as_str().to_owned(),
            frequency: self.schedule.frequency.as_str().to_owned(),
            time_zone: self.schedule.time_zone.clone(),
            jitter_minutes: match self.schedule.jitter_minutes {
                0 => String::new(),
                minutes => minutes.to_string(),
            },
            blackouts: self.schedule.blackouts.to_string(),
            max_backups: self.retention.max_backups.to_string(),
            keep_hourly: self.retention.keep_hourly.to_string(),
            keep_daily: self.retention.keep_daily.to_string(),
            keep_weekly: self.retention.keep_weekly.to_string(),
            keep_monthly: self.retention.keep_monthly.to_string(),
            keep_yearly: self.retention.keep_yearly.to_string(),
            include_database: Some(self.include.database),
            include_media: Some(self.include.media),
            include_logs: Some(self.include.logs),
            artifacts: self.artifacts.as_str().to_owned(),
            encryption: self.encryption.as_str().to_owned(),
            recipients: self.recipients.join("\n"),
            devices: self.devices.to_string(),
            enabled: self.enabled,
            ..BackupConfigInput::default()
        };
        match &self.schedule.frequency {
            Frequency::Hourly { minute } => input.minute = minute.to_string(),
            Frequency::Daily { at } => input.at = at.to_string(),
            Frequency::Weekly { weekday, at } => {
                weekday.as_str().clone_into(&mut input.weekday);
                input.at = at.to_string();
            }
            Frequency::Monthly { day, at } => {
                input.day = day.to_string();
                input.at = at.to_string();
            }
            Frequency::Cron { expression } => input.cron.clone_from(expression),
        }
        input
    }
}

/// Where a backup config stands: the first that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfigState {
    /// It does not run by itself. 🔴
    Disabled,
    /// It runs now.
    Running,
    /// It is late by more than five minutes. ⚠️
    Due,
    /// Its last run failed.
    Failing,
    /// It has not run yet.
    NeverRun,
    /// All is well. ✅
    Ok,
}

impl ConfigState {
    /// The name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Running => "running",
            Self::Due => "due",
            Self::Failing => "failing",
            Self::NeverRun => "never_run",
            Self::Ok => "ok",
        }
    }

    /// For a person.
    pub fn label(self) -> &'static str {
        match self {
            Self::Disabled => "Disabled",
            Self::Running => "Running",
            Self::Due => "Due",
            Self::Failing => "Failing",
            Self::NeverRun => "Never run",
            Self::Ok => "OK",
        }
    }

    /// The sign beside the word, as the command line prints it.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Disabled => "🔴",
            Self::Running => "🔄",
            Self::Due => "⚠️",
            Self::Failing => "❌",
            Self::NeverRun => "⚪",
            Self::Ok => "✅",
        }
    }
}

/// A backup config with where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupConfigRow {
    /// The config.
    pub config: BackupConfig,
    /// Where it stands.
    pub state: ConfigState,
    /// Enabled, and its time has come.
    pub is_due: bool,
    /// How far its running run is.
    pub progress: Option<Progress>,
    /// Its newest run, running or ended.
    pub last_run: Option<Run>,
    /// How many devices it covers now.
    pub devices: u64,
    /// Where its archives are sent to.
    pub destinations: Vec<DestinationName>,
}

/// Everything the page of one backup config shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupConfigDetail {
    /// The config and where it stands.
    pub row: BackupConfigRow,
    /// The next five times it will run.
    pub next_times: Vec<Timestamp>,
    /// Its newest runs, newest first.
    pub runs: Vec<Run>,
    /// Names of the chosen devices, when it covers chosen ones.
    pub chosen: Vec<String>,
    /// Names what its form is filled with: another one where a person changed that since.
    pub stamp: String,
}
