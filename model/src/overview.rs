//! What the first page shows: is everything backed up, and what needs a hand?

use serde::{Deserialize, Serialize};

use crate::backup::BackupConfigRow;
use crate::class::Class;
use crate::config::{ConfigVersion, TextDiff};
use crate::device::{DeviceStatus, DeviceType};
use crate::rule::BrokenRules;
use crate::run::Run;
use crate::schedule::Pause;
use crate::{BackupConfigId, DeviceId, Timestamp};

/// Everything on the first page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    /// When it was put together; countdowns start from it.
    pub generated_at: Timestamp,
    /// What is left to do until there is a first backup; none once there is one.
    #[serde(default)]
    pub first_steps: Option<FirstSteps>,
    /// Counts of devices.
    pub devices: DeviceCounts,
    /// Enabled devices that need a hand, by why, the gravest first; of each group as many as there is room for.
    pub needs_hand: Vec<HandGroup>,
    /// That no schedule runs, and why.
    #[serde(default)]
    pub pause: Option<Pause>,
    /// That devices break rules; none where none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken_rules: Option<BrokenRules>,
    /// Runs whose archives were found damaged, the newest few.
    #[serde(default)]
    pub damaged: Vec<Run>,
    /// Runs in the queue or going on.
    pub running: Vec<Run>,
    /// Backup configs, the next to run first, at most ten.
    pub configs: Vec<BackupConfigRow>,
    /// The newest ended runs.
    pub recent_runs: Vec<Run>,
    /// The newest versions that changed something.
    pub recent_changes: Vec<RecentChange>,
    /// Ended runs per day, oldest first, 30 days with today; none for who has a scope.
    pub days: Vec<DayCounts>,
    /// Bytes of all archives kept at the end of each of those days.
    #[serde(default)]
    pub stored: Vec<StoredDay>,
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
    /// They have a good backup within their schedule, however their last collection ended.
    pub covered: u64,
    /// No good text of them was ever taken.
    pub never: u64,
    /// Not enabled; in none of the others.
    pub disabled: u64,
    /// Enabled ones by type; types without any are left out.
    pub by_type: Vec<(DeviceType, u64)>,
    /// Enabled ones by whether they answer.
    pub by_status: Vec<(DeviceStatus, u64)>,
}

/// Why a device needs a hand: the first that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Its last collection failed.
    Failing,
    /// Its text shrank so much that a person should look.
    Suspect,
    /// Another host key than the known one answers.
    HostKeyChanged,
    /// It was never collected.
    NeverBackedUp,
    /// Its last good backup is older than its schedule promises.
    Overdue,
    /// No enabled backup covers it.
    NoBackup,
}

impl Reason {
    /// Every reason, the gravest first.
    pub const ALL: &[Self] = &[
        Self::Failing,
        Self::Suspect,
        Self::HostKeyChanged,
        Self::NeverBackedUp,
        Self::Overdue,
        Self::NoBackup,
    ];

    /// For a person.
    pub fn label(self) -> &'static str {
        match self {
            Self::Failing => "Failing",
            Self::Suspect => "Suspect",
            Self::HostKeyChanged => "Host key changed",
            Self::NeverBackedUp => "Never backed up",
            Self::Overdue => "Overdue",
            Self::NoBackup => "In no backup",
        }
    }
}

/// Devices that need a hand for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandGroup {
    /// Why.
    pub reason: Reason,
    /// How many there are.
    pub count: u64,
    /// The first of them: those that have waited longest for a good backup.
    pub devices: Vec<Hand>,
}

/// A device that needs a hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hand {
    /// Which.
    pub id: DeviceId,
    /// Its name.
    pub hostname: String,
    /// Why.
    pub reason: Reason,
    /// How its last collection ended.
    pub class: Option<Class>,
    /// One sentence: what happened then.
    pub message: String,
    /// When that was; for one that was never collected, when it was added.
    pub at: Timestamp,
    /// When a whole text was last taken.
    pub last_good_at: Option<Timestamp>,
    /// Whether an enabled backup covers it.
    pub is_covered: bool,
    /// Whether a collection that somebody asked for is queued or going on.
    pub collecting: bool,
}

/// What a newcomer has done on the way to the first backup. The run itself is what is left at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstSteps {
    /// The first device, once there is one.
    pub device: Option<DeviceId>,
    /// Whether there is a credential.
    pub has_credential: bool,
    /// Whether any device was reached and took the login.
    pub is_tested: bool,
    /// The first enabled backup config, once there is one.
    pub backup: Option<BackupConfigId>,
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

/// What is kept at the end of one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredDay {
    /// The day's start, UTC.
    pub day: Timestamp,
    /// Bytes of all archives that were kept then.
    pub bytes: u64,
}
