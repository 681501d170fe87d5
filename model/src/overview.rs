//! What the first page shows: is everything backed up, and what needs a hand?

use serde::{Deserialize, Serialize};

use crate::backup::BackupConfigRow;
use crate::config::{ConfigVersion, TextDiff};
use crate::device::{Device, DeviceType};
use crate::run::Run;
use crate::schedule::Pause;
use crate::{DeviceId, Timestamp};

/// Everything on the first page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    /// When it was put together; countdowns start from it.
    pub generated_at: Timestamp,
    /// Counts of devices.
    pub devices: DeviceCounts,
    /// Devices whose last result was not good, at most ten.
    pub needs_hand: Vec<Device>,
    /// That no schedule runs, and why.
    #[serde(default)]
    pub pause: Option<Pause>,
    /// Runs whose archives were found damaged, the newest few.
    #[serde(default)]
    pub damaged: Vec<Run>,
    /// Runs in the queue or going on.
    pub running: Vec<Run>,
    /// All backup configs, the next to run first.
    pub configs: Vec<BackupConfigRow>,
    /// The newest ended runs.
    pub recent_runs: Vec<Run>,
    /// The newest versions that changed something.
    pub recent_changes: Vec<RecentChange>,
    /// Ended runs per day, oldest first, 30 days with today.
    pub days: Vec<DayCounts>,
    /// Bytes of all archives kept.
    pub archive_bytes: u64,
    /// How many archives are kept.
    pub archives: u64,
}

/// Counts of enabled devices.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceCounts {
    /// Enabled ones.
    pub total: u64,
    /// Their last result was good.
    pub good: u64,
    /// Their last result was not.
    pub failing: u64,
    /// Never collected.
    pub never: u64,
    /// Not enabled; in none of the others.
    pub disabled: u64,
    /// Enabled ones by type.
    pub by_type: Vec<(DeviceType, u64)>,
}

/// A version that changed something, with a peek at the difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecentChange {
    /// Whose.
    pub device_id: DeviceId,
    /// Its name.
    pub hostname: String,
    /// The version.
    pub version: ConfigVersion,
    /// The first changed lines; none where it is not peeked at.
    pub peek: Option<TextDiff>,
}

/// Ended runs of one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayCounts {
    /// The day's start, UTC.
    pub day: Timestamp,
    /// Completed without failed devices.
    pub good: u32,
    /// Completed with failed devices.
    pub partial: u32,
    /// Failed.
    pub failed: u32,
}
