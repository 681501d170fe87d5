//! `manifest.json`: what made an archive and what is in it, so that it can be checked without anything else.

use std::collections::BTreeMap;

use etiqa_model::backup::BackupKind;
use etiqa_model::{RunId, Timestamp};
use serde::{Deserialize, Serialize};

/// The archive format that this program writes; a newer one is refused.
pub const FORMAT: u32 = 1;
/// The manifest's own name.
pub const MANIFEST: &str = "manifest.json";

/// The whole manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`] when it was written.
    pub format: u32,
    /// What made it, such as `etiqa 0.1.0`.
    pub made_by: String,
    /// When its run began.
    pub created_at: Timestamp,
    /// The backup config's name.
    pub backup_config: String,
    /// What the archive holds.
    #[serde(rename = "type")]
    pub kind: BackupKind,
    /// The run that made it.
    pub run_id: RunId,
    /// How much is in it.
    pub counts: Counts,
    /// The schema number of the database that `database.json` was read from; 0 where there is none in it.
    #[serde(default)]
    pub schema: i64,
    /// Rows of each table of `database.json`.
    #[serde(default)]
    pub tables: BTreeMap<String, u64>,
    /// Every entry but the manifest itself, in the order of the archive.
    pub entries: Vec<ManifestEntry>,
}

/// How much is in an archive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Devices that it covers.
    pub devices: u64,
    /// Of these, devices whose texts are older than the run.
    pub stale_devices: u64,
    /// Texts under `configs/`.
    pub configs: u64,
    /// Vendors' own backups under `artifacts/`.
    #[serde(default)]
    pub artifacts: u64,
    /// Those whose file was missing or damaged when it was to be archived.
    #[serde(default)]
    pub artifacts_missing: u64,
    /// Rows of `database.json`.
    pub database_rows: u64,
    /// Files under `media/` and `logs/`.
    pub files: u64,
    /// Attached files that were missing or damaged when they were to be archived.
    #[serde(default)]
    pub media_missing: u64,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestEntry {
    /// Its name in the zip.
    pub name: String,
    /// The path that it was taken from, below its folder, where the name in the zip is not that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<String>,
    /// Bytes, unpacked.
    pub size: u64,
    /// SHA-256 of the unpacked bytes, lower-case hex.
    pub sha256: String,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.devices += other.devices;
        self.stale_devices += other.stale_devices;
        self.configs += other.configs;
        self.artifacts += other.artifacts;
        self.artifacts_missing += other.artifacts_missing;
        self.database_rows += other.database_rows;
        self.files += other.files;
        self.media_missing += other.media_missing;
    }
}
