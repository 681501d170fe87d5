//! `GET /backup/status/`, which is also `etiqa backup-status --json`: a format that scripts depend on.

use serde::{Deserialize, Serialize};

use crate::backup::{BackupKind, ConfigState};
use crate::run::{Progress, RunStatus, Trigger};
use crate::{BackupConfigId, RunId, Timestamp};

/// The whole report. Times are whole seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusReport {
    /// When it was made.
    pub generated_at: Timestamp,
    /// Whether anything watches the clock.
    pub scheduler: SchedulerStatus,
    /// Counts over all configs.
    pub summary: StatusSummary,
    /// Every backup config, by name.
    pub configs: Vec<ConfigStatus>,
}

/// The scheduler, as the database knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchedulerStatus {
    /// Whether one has looked recently.
    pub running: bool,
    /// When it last looked.
    pub last_tick_at: Option<Timestamp>,
    /// The next due time of all enabled configs.
    pub next_due_at: Option<Timestamp>,
}

/// Counts over all configs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusSummary {
    /// All.
    pub configs: u32,
    /// Enabled ones.
    pub enabled: u32,
    /// In state `due`.
    pub due: u32,
    /// In state `running`.
    pub running: u32,
    /// In state `failing`.
    pub failing: u32,
}

/// One backup config.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigStatus {
    /// Row id.
    pub id: BackupConfigId,
    /// Unique.
    pub name: String,
    /// What its archives hold.
    #[serde(rename = "type")]
    pub kind: BackupKind,
    /// `hourly`, `daily`, …
    pub frequency: String,
    /// IANA zone.
    pub time_zone: String,
    /// Whether it runs by itself.
    pub enabled: bool,
    /// Where it stands.
    pub state: ConfigState,
    /// Enabled, and its time has come.
    pub is_due: bool,
    /// When it runs next.
    pub next_run_at: Option<Timestamp>,
    /// How far its running run is.
    pub progress: Option<Progress>,
    /// Its newest run.
    pub last_run: Option<LastRun>,
}

/// A config's newest run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    /// Row id.
    pub id: RunId,
    /// Where it stands.
    pub status: RunStatus,
    /// What started it.
    pub trigger: Trigger,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Its archive's file name.
    pub file: Option<String>,
    /// Its archive's size.
    pub size_bytes: Option<u64>,
    /// Its archive's SHA-256.
    pub sha256: Option<String>,
    /// Completed, verified, not damaged.
    pub verified: bool,
    /// Devices with a good text.
    pub devices_ok: u32,
    /// Devices without one.
    pub devices_failed: u32,
    /// Why it failed.
    pub error: Option<String>,
}
