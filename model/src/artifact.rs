//! Vendors' own backups of devices: binary files that their platforms restore from.

use serde::{Deserialize, Serialize};

use crate::class::Class;
use crate::field::by_name;
use crate::{ArtifactId, ArtifactResultId, DeviceId, RunId, Timestamp};

/// How a vendor's backup is made and fetched. A driver names the one of its platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArtifactKind {
    /// F5 BIG-IP's user configuration set, by iControl REST.
    F5Ucs,
    /// Infoblox' grid backup, by WAPI.
    InfobloxGrid,
    /// Check Point Gaia's local backup, by its shell and SFTP or SCP.
    GaiaBackup,
    /// FortiOS' configuration file, by its REST API.
    FortiosConfig,
    /// PAN-OS' device state (of Panorama the configuration), by its XML API.
    PanosState,
}

impl ArtifactKind {
    /// Every kind.
    pub const ALL: &[Self] =
        &[Self::F5Ucs, Self::InfobloxGrid, Self::GaiaBackup, Self::FortiosConfig, Self::PanosState];

    /// The name in drivers, in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::F5Ucs => "f5_ucs",
            Self::InfobloxGrid => "infoblox_grid",
            Self::GaiaBackup => "gaia_backup",
            Self::FortiosConfig => "fortios_config",
            Self::PanosState => "panos_state",
        }
    }

    /// For a person.
    pub fn label(self) -> &'static str {
        match self {
            Self::F5Ucs => "F5 UCS",
            Self::InfobloxGrid => "Infoblox grid backup",
            Self::GaiaBackup => "Gaia backup",
            Self::FortiosConfig => "FortiOS configuration file",
            Self::PanosState => "PAN-OS device state",
        }
    }

    /// Whether the device is asked over HTTPS rather than SSH.
    pub fn is_over_https(self) -> bool {
        self != Self::GaiaBackup
    }

    /// The kind of this name.
    pub fn parse(name: &str) -> Result<Self, String> {
        by_name("kind of vendor backup", name, Self::ALL, Self::as_str)
    }
}

/// How often a backup config takes vendors' backups along.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArtifactCadence {
    /// Not at all.
    Never,
    /// With the first run of each day (in the config's zone) that gets a good one.
    #[default]
    Daily,
    /// With the first run of each week (from Monday, in the config's zone) that gets a good one.
    Weekly,
    /// With every run.
    EveryRun,
}

impl ArtifactCadence {
    /// Every cadence.
    pub const ALL: &[Self] = &[Self::Never, Self::Daily, Self::Weekly, Self::EveryRun];

    /// The name in the database, in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::EveryRun => "every_run",
        }
    }

    /// For a person.
    pub fn label(self) -> &'static str {
        match self {
            Self::Never => "Never",
            Self::Daily => "Once a day",
            Self::Weekly => "Once a week",
            Self::EveryRun => "With every run",
        }
    }

    /// The cadence of this name, in any case; `every run` and `every-run` are taken too.
    pub fn parse(name: &str) -> Result<Self, String> {
        let name = name.trim().replace([' ', '-'], "_");
        by_name("cadence of vendor backups", &name, Self::ALL, Self::as_str)
    }
}

/// A vendor's backup that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Row id.
    pub id: ArtifactId,
    /// Whose.
    pub device_id: DeviceId,
    /// How it was made.
    pub kind: ArtifactKind,
    /// The name under which it is handed out, such as `lb-1_20261123_020000.ucs`.
    pub file_name: String,
    /// Lower-case hexadecimal.
    pub sha256: String,
    /// Bytes.
    pub size_bytes: u64,
    /// When it was whole here.
    pub collected_at: Timestamp,
    /// The run it was fetched for; none: by hand.
    pub run_id: Option<RunId>,
    /// Whether the device encrypted it with a passphrase.
    pub is_encrypted: bool,
    /// Whether its file is not here: it was not in the archive that the program was restored from.
    #[serde(default)]
    pub is_missing: bool,
}

/// How one attempt to fetch a vendor's backup ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactResult {
    /// Row id.
    pub id: ArtifactResultId,
    /// Whose.
    pub device_id: DeviceId,
    /// Its name at the time of reading.
    pub hostname: String,
    /// The run it was for; none: by hand.
    pub run_id: Option<RunId>,
    /// How it was to be made.
    pub kind: ArtifactKind,
    /// How it ended.
    pub class: Class,
    /// One sentence: what happened.
    pub message: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// Whether what was said is kept.
    pub has_transcript: bool,
}

/// Everything that a device's page shows of vendors' backups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceArtifacts {
    /// How its platform makes them; none: it has none, or the platform is not known yet.
    pub kind: Option<ArtifactKind>,
    /// Those that are kept, newest first.
    pub kept: Vec<Artifact>,
    /// The last attempts, newest first.
    pub results: Vec<ArtifactResult>,
    /// Whether one is being fetched, or is queued.
    pub is_on: bool,
    /// The certificate that its HTTPS showed.
    pub certificate: Option<Certificate>,
}

/// What is known of a device's TLS certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The SHA-256 (hexadecimal) of the one that a person pinned.
    pub pinned: Option<String>,
    /// The SHA-256 (hexadecimal) of one that was not trusted, and waits for a person.
    pub offered: Option<String>,
}
