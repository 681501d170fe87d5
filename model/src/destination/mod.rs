//! Destinations: where archives are sent to besides the local folder, and what is there of each archive.

mod input;
mod settings;

use serde::{Deserialize, Serialize};

use crate::field::by_name;
use crate::{CopyId, DestinationId, RunId, Timestamp};

pub use input::{DestinationInput, DestinationSecrets, NewDestination};
pub use settings::{
    DestinationSettings, FolderSettings, GitSettings, GitTexts, S3Settings, SftpSettings, WebdavSettings,
};

/// What kind of place it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DestinationKind {
    /// Another folder of this machine, such as a mounted share.
    Folder,
    /// A bucket of an S3-compatible object store.
    S3,
    /// A folder of a WebDAV server.
    Webdav,
    /// A folder of an SSH server.
    Sftp,
    /// A Git repository of the texts.
    Git,
}

impl DestinationKind {
    /// Every kind.
    pub const ALL: &[Self] = &[Self::Folder, Self::S3, Self::Webdav, Self::Sftp, Self::Git];

    /// The name in the database, in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Folder => "folder",
            Self::S3 => "s3",
            Self::Webdav => "webdav",
            Self::Sftp => "sftp",
            Self::Git => "git",
        }
    }

    /// For a person.
    pub fn label(self) -> &'static str {
        match self {
            Self::Folder => "Folder",
            Self::S3 => "S3",
            Self::Webdav => "WebDAV",
            Self::Sftp => "SFTP",
            Self::Git => "Git mirror",
        }
    }

    /// The kind of this name, in any case.
    pub fn parse(name: &str) -> Result<Self, String> {
        by_name("kind of destination", name, Self::ALL, Self::as_str)
    }
}

/// Whether a copy is deleted when retention, or a person, removes the archive here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeepCopies {
    /// It goes as well.
    #[default]
    Retention,
    /// It stays.
    Forever,
}

impl KeepCopies {
    /// Every choice.
    pub const ALL: &[Self] = &[Self::Retention, Self::Forever];

    /// The name in the database, in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retention => "retention",
            Self::Forever => "forever",
        }
    }

    /// For a person.
    pub fn label(self) -> &'static str {
        match self {
            Self::Retention => "As retention says",
            Self::Forever => "For ever",
        }
    }

    /// The choice of this name, in any case.
    pub fn parse(name: &str) -> Result<Self, String> {
        by_name("way to keep copies", name, Self::ALL, Self::as_str)
    }
}

/// What was found out about a place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DestinationFacts {
    /// How long the bucket keeps every object by itself (S3 object lock), in words; none: it does not, or does not say.
    pub retention: Option<String>,
    /// Names the folder that copies were sent to; a file there has the same text. A share that is not mounted has none.
    pub marker: Option<String>,
    /// The folder was last found to be another one than the marked one: nothing goes there until a person accepts it.
    pub is_other_folder: bool,
}

/// A destination as pages show it: no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// Row id.
    pub id: DestinationId,
    /// Unique.
    pub name: String,
    /// What kind of place it is, and where.
    pub settings: DestinationSettings,
    /// Whether copies stay for longer than their archives.
    pub keep: KeepCopies,
    /// Whether anything is sent to it.
    pub enabled: bool,
    /// When it last took, gave or deleted something as it should.
    pub last_ok_at: Option<Timestamp>,
    /// Why it last did not; one sentence.
    pub problem: Option<String>,
    /// How often in a row it did not.
    pub failures: u32,
    /// Nothing is tried before this time.
    pub paused_until: Option<Timestamp>,
    /// What was found out about it.
    pub facts: DestinationFacts,
    /// SFTP: its remembered key, `SHA256:…`; none until it was first reached.
    pub fingerprint: Option<String>,
    /// SFTP: the changed key that waits for a person, `SHA256:…`.
    pub offered: Option<String>,
    /// Copies that are there; ten thousand stand for more.
    pub sent: u64,
    /// Copies that are still to be sent.
    pub waiting: u64,
    /// Copies that are still to be deleted there.
    pub leaving: u64,
    /// Backup configs that send to it.
    pub configs: u64,
    /// Whether all machines keep their files there.
    #[serde(default)]
    pub is_shared: bool,
    /// Whether it can be the one, on a database that several machines may share.
    pub may_be_shared: bool,
    /// When a person last changed it. Not for browsers.
    #[serde(skip)]
    pub updated_at: Option<Timestamp>,
}

impl Destination {
    /// What kind of place it is.
    pub fn kind(&self) -> DestinationKind {
        self.settings.kind()
    }

    /// The same destination as a person would fill it in; secrets stay where they are.
    pub fn to_input(&self) -> DestinationInput {
        let mut input = DestinationInput {
            name: self.name.clone(),
            kind: self.kind().as_str().to_owned(),
            keep: self.keep.as_str().to_owned(),
            enabled: self.enabled,
            ..DestinationInput::default()
        };
        self.settings.fill(&mut input);
        input
    }
}

/// A destination's name and id, where no more is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DestinationName {
    /// Row id.
    pub id: DestinationId,
    /// Unique.
    pub name: String,
}

/// Where a copy stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CopyState {
    /// To be sent.
    Waiting,
    /// There, read back and equal.
    Sent,
    /// To be deleted there.
    Leaving,
    /// Not there any more: deleted, or, where a problem is noted, another file has its name and was left.
    Gone,
}

impl CopyState {
    /// Every state.
    pub const ALL: &[Self] = &[Self::Waiting, Self::Sent, Self::Leaving, Self::Gone];

    /// The name in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Leaving => "leaving",
            Self::Gone => "gone",
        }
    }

    /// The state of this name.
    pub fn parse(name: &str) -> Result<Self, String> {
        by_name("state of a copy", name, Self::ALL, Self::as_str)
    }
}

/// What one destination has, or is to have, of one archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveCopy {
    /// Row id.
    pub id: CopyId,
    /// Whose archive.
    pub run_id: RunId,
    /// Where.
    pub destination_id: DestinationId,
    /// The destination's name.
    pub destination: String,
    /// What kind of place that is.
    pub kind: DestinationKind,
    /// Where it stands.
    pub state: CopyState,
    /// How often it was tried.
    pub attempts: u32,
    /// Why it last did not work; one sentence.
    pub problem: Option<String>,
    /// When it is tried next, at the earliest; of no meaning where nothing is to be done.
    pub due_at: Timestamp,
    /// When it was sent.
    pub sent_at: Option<Timestamp>,
    /// Its name there; for a Git mirror the commit.
    pub remote_name: Option<String>,
}

/// What a test of a destination came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DestinationTest {
    /// Whether all of it worked.
    pub is_good: bool,
    /// What worked, or which step did not and why.
    pub message: String,
}
