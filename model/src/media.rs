//! Files that people attach to a device: diagrams, licences, firmware notes.

use serde::{Deserialize, Serialize};

use crate::{DeviceId, MediaId, Timestamp};

/// One such file, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    /// Row id.
    pub id: MediaId,
    /// Whose.
    pub device_id: DeviceId,
    /// Letters, digits, `.`, `_` and `-`; one of a device has it.
    pub file_name: String,
    /// Bytes.
    pub size_bytes: u64,
    /// Of its bytes, lower-case hexadecimal.
    pub sha256: String,
    /// Who attached it.
    pub uploaded_by: String,
    /// When.
    pub uploaded_at: Timestamp,
    /// Whether its file is not where it should be: an archive without media was restored, or somebody took it away.
    pub is_missing: bool,
}

/// The files of a device, and how large one may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceMedia {
    /// By name.
    pub files: Vec<Media>,
    /// MiB.
    pub limit_mib: u32,
}

/// Why a file was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refused {
    /// No file was chosen, or one without a byte in it.
    Empty,
    /// It is larger than allowed.
    TooLarge,
    /// It ended before its end.
    BrokenOff,
    /// The disk has no room for it.
    DiskFull,
}

impl Refused {
    /// Every reason.
    pub const ALL: &[Self] = &[Self::Empty, Self::TooLarge, Self::BrokenOff, Self::DiskFull];

    /// The name in addresses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLarge => "too_large",
            Self::BrokenOff => "broken_off",
            Self::DiskFull => "disk_full",
        }
    }

    /// The reason of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.as_str() == name)
    }

    /// For a person; nothing of the file was kept.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Empty => "Choose a file that has something in it.",
            Self::TooLarge => {
                "The file is larger than allowed; an admin can raise the limit in the settings."
            }
            Self::BrokenOff => "The upload broke off; nothing was kept. Try again.",
            Self::DiskFull => {
                "There is no room on the disk for this file; nothing was kept. Free some space."
            }
        }
    }
}
