//! Runs: one execution of a backup config.

use serde::{Deserialize, Serialize};

use crate::archive::Encryption;
use crate::artifact::ArtifactResult;
use crate::backup::BackupKind;
use crate::destination::ArchiveCopy;
use crate::device::DeviceResult;
use crate::field::by_name;
use crate::page::Paged;
use crate::{BackupConfigId, RunId, Timestamp};

/// `pending → running → completed`, `failed` or `cancelled`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// In the queue.
    Pending,
    /// Some process works on it.
    Running,
    /// Its archive is on disk, fsynced, and verified.
    Completed,
    /// It made no archive.
    Failed,
    /// A person stopped it.
    Cancelled,
}

impl RunStatus {
    /// Every status.
    pub const ALL: &[Self] = &[Self::Pending, Self::Running, Self::Completed, Self::Failed, Self::Cancelled];

    /// The name in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing more will happen to it.
    pub fn is_over(self) -> bool {
        !matches!(self, Self::Pending | Self::Running)
    }

    /// The status of this name.
    pub fn parse(name: &str) -> Result<Self, String> {
        by_name("run status", name, Self::ALL, Self::as_str)
    }
}

/// What started a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// Its time came.
    Schedule,
    /// A person, from a page or the API.
    Manual,
    /// The command line.
    Cli,
    /// It takes the place of a run that was interrupted.
    Retry,
    /// Another program made it; it was brought here once it was over.
    Import,
}

impl Trigger {
    /// Every way.
    pub const ALL: &[Self] = &[Self::Schedule, Self::Manual, Self::Cli, Self::Retry, Self::Import];

    /// The name in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::Manual => "manual",
            Self::Cli => "cli",
            Self::Retry => "retry",
            Self::Import => "import",
        }
    }

    /// For a person.
    pub fn label(self) -> &'static str {
        match self {
            Self::Schedule => "on schedule",
            Self::Manual => "by hand",
            Self::Cli => "from the command line",
            Self::Retry => "again after an interruption",
            Self::Import => "by another program",
        }
    }

    /// The trigger of this name.
    pub fn parse(name: &str) -> Result<Self, String> {
        by_name("trigger", name, Self::ALL, Self::as_str)
    }
}

/// What a running run does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// In the queue.
    Waiting,
    /// Logging in to devices.
    Collecting,
    /// Fetching devices' own backups.
    Artifacts,
    /// Writing the archive.
    Packing,
    /// Reading the archive back.
    Verifying,
}

impl Phase {
    /// The name in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Collecting => "collecting",
            Self::Artifacts => "artifacts",
            Self::Packing => "packing",
            Self::Verifying => "verifying",
        }
    }

    /// For a person.
    pub fn label(self) -> &'static str {
        match self {
            Self::Waiting => "Waiting",
            Self::Collecting => "Collecting",
            Self::Artifacts => "Fetching vendor backups",
            Self::Packing => "Packing",
            Self::Verifying => "Verifying",
        }
    }

    /// The phase of this name.
    pub fn parse(name: &str) -> Result<Self, String> {
        by_name(
            "phase",
            name,
            &[Self::Waiting, Self::Collecting, Self::Artifacts, Self::Packing, Self::Verifying],
            Self::as_str,
        )
    }
}

/// How far a running run is, in devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Devices finished.
    pub done: u32,
    /// Devices in all.
    pub total: u32,
}

/// A run as lists and pages show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Row id.
    pub id: RunId,
    /// Of which config; none once that was deleted.
    pub backup_config_id: Option<BackupConfigId>,
    /// The config's name when it ran.
    pub name: String,
    /// What its archive holds.
    pub kind: BackupKind,
    /// Where it stands.
    pub status: RunStatus,
    /// What it does now; meaningful while it is not over.
    pub phase: Phase,
    /// What started it.
    pub trigger: Trigger,
    /// When it was queued.
    pub queued_at: Timestamp,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// How far it is.
    pub progress: Progress,
    /// Its archive's file name.
    pub file: Option<String>,
    /// Its archive's size.
    pub size_bytes: Option<u64>,
    /// Its archive's SHA-256, lower-case hex.
    pub sha256: Option<String>,
    /// When its archive was last read back whole.
    pub verified_at: Option<Timestamp>,
    /// How its archive is sealed.
    #[serde(default)]
    pub encryption: Encryption,
    /// Whether a later check found the archive damaged.
    pub damaged: bool,
    /// What is wrong with the archive, naming the entry.
    #[serde(default)]
    pub damage: Option<String>,
    /// When retention (or a person) removed the archive.
    pub removed_at: Option<Timestamp>,
    /// Since when the archive's file is known not to be here: it was not brought along, or somebody took it away.
    #[serde(default)]
    pub missing_at: Option<Timestamp>,
    /// Devices with a good text.
    pub devices_ok: u32,
    /// Devices without one.
    pub devices_failed: u32,
    /// Vendors' own backups that it fetched whole.
    pub artifacts_ok: u32,
    /// Vendors' own backups that were due and could not be had.
    pub artifacts_failed: u32,
    /// One sentence: why it failed.
    pub error: Option<String>,
    /// Whether somebody asked it to stop.
    pub cancelling: bool,
}

impl Run {
    /// Completed, verified, not damaged.
    pub fn is_good(&self) -> bool {
        self.status == RunStatus::Completed && self.verified_at.is_some() && !self.damaged
    }

    /// Whether its archive can be downloaded.
    pub fn has_archive(&self) -> bool {
        self.status == RunStatus::Completed
            && self.file.is_some()
            && self.removed_at.is_none()
            && self.missing_at.is_none()
    }
}

/// What happened to a run's archive after the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunNote {
    /// When.
    pub at: Timestamp,
    /// What; one sentence.
    pub note: String,
}

/// Everything the page of one run shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunDetail {
    /// The run.
    pub run: Run,
    /// What each device came to: those that failed first, then by name. As many as were asked for.
    pub results: Paged<DeviceResult>,
    /// How many results there are in all.
    pub results_total: u64,
    /// How many of them are not good.
    pub results_failed: u64,
    /// Attempts to fetch vendors' own backups, those that failed first.
    pub artifacts: Vec<ArtifactResult>,
    /// What destinations have of its archive.
    pub copies: Vec<ArchiveCopy>,
}
