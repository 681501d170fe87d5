//! Archives: how they are sealed.

use serde::{Deserialize, Serialize};

use crate::backup::Retention;
use crate::field::by_name;
use crate::run::{Run, RunNote};
use crate::{RunId, Timestamp};

/// The shortest passphrase of an archive, in characters. The format stretches it a thousand times only
/// (WinZip's AE-2), so that its length is what protects.
pub const SHORTEST_PASSPHRASE: usize = 12;

/// How the archives of a backup config are sealed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encryption {
    /// Not at all.
    #[default]
    None,
    /// A zip with AES-256, under a passphrase that the server knows.
    Passphrase,
    /// An age file, for recipients whose keys the server does not have.
    Age,
}

impl Encryption {
    /// Every way.
    pub const ALL: &[Self] = &[Self::None, Self::Passphrase, Self::Age];

    /// The name in the database, in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Passphrase => "passphrase",
            Self::Age => "age",
        }
    }

    /// For a person.
    pub fn label(self) -> &'static str {
        match self {
            Self::None => "Not encrypted",
            Self::Passphrase => "Passphrase: zip with AES-256",
            Self::Age => "age: only its recipients can open it",
        }
    }

    /// The ending of an archive's file name.
    pub fn extension(self) -> &'static str {
        match self {
            Self::None | Self::Passphrase => "zip",
            Self::Age => "zip.age",
        }
    }

    /// The way of this name.
    pub fn parse(name: &str) -> Result<Self, String> {
        by_name("encryption", name, Self::ALL, Self::as_str)
    }
}

/// An archive that was restored into a database which was then thrown away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drill {
    /// Whose archive.
    pub run_id: RunId,
    /// When.
    pub finished_at: Timestamp,
    /// Rows that were restored.
    pub rows: u64,
    /// Files that were restored.
    pub files: u64,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// Why it does not restore; none: it does.
    pub problem: Option<String>,
}

/// Everything the page of one archive shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveDetail {
    /// The run that made it.
    pub run: Run,
    /// Whether a person wants it kept for good.
    pub protected: bool,
    /// The newest restore drill.
    pub drill: Option<Drill>,
    /// What happened to it since it was made, newest first.
    pub notes: Vec<RunNote>,
    /// What it holds, or the sentence that says why that cannot be told.
    pub contents: Result<Contents, String>,
}

/// What an archive holds, as its manifest says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// What made it, such as `etiqa 0.1.0`.
    pub made_by: String,
    /// Devices that it covers.
    pub devices: u64,
    /// Rows of its database.
    pub rows: u64,
    /// How many entries it has.
    pub total: u64,
    /// How many of them were found.
    pub found: u64,
    /// Those that were found, in the order of the archive, at most 500.
    pub entries: Vec<ArchiveEntry>,
}

/// One entry of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveEntry {
    /// Its name, with slashes.
    pub name: String,
    /// Bytes, unpacked.
    pub size: u64,
}

/// What becomes of an archive by the rules of retention.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveFate {
    /// The run that made it.
    pub run: Run,
    /// A person wants it kept for good.
    pub protected: bool,
    /// Whether it stays.
    pub keep: bool,
    /// Why, in a few words.
    pub reason: String,
}

/// What retention would do with the archives of a backup config.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetentionPreview {
    /// The backup config's name.
    pub name: String,
    /// The counts that were asked about.
    pub retention: Retention,
    /// The archives, newest first.
    pub fates: Vec<ArchiveFate>,
}
