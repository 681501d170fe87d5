//! The queue, as a person looks at it.

use serde::{Deserialize, Serialize};

use crate::{JobId, Timestamp};

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// A worker has it.
    Running,
    /// It waits for its turn.
    Waiting,
    /// It failed and waits for another attempt.
    Retrying,
    /// It failed so often that it was given up.
    Dead,
}

/// Kinds of work that people look for: the name in the database, and for a person.
pub const JOB_KINDS: [(&str, &str); 14] = [
    ("run", "Runs"),
    ("part", "Parts of runs"),
    ("collect", "Collections"),
    ("change", "Changes that devices told of"),
    ("artifact", "Vendor backups"),
    ("artifact_part", "Vendor backups of runs"),
    ("verify", "Checks of archives"),
    ("drill", "Restore drills"),
    ("send", "Copies to destinations"),
    ("notify", "Notifications"),
    ("test", "Connection tests"),
    ("reach", "Looks whether devices answer"),
    ("rules", "Checks of rules"),
    ("inventory", "Inventory syncs"),
];

impl JobState {
    /// Every state, in the order of the list.
    pub const ALL: &[Self] = &[Self::Running, Self::Dead, Self::Retrying, Self::Waiting];

    /// The name in JSON and in addresses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Retrying => "retrying",
            Self::Dead => "dead",
        }
    }

    /// The state of this name; none for any other.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| state.as_str() == name)
    }

    /// For a person.
    pub fn label(self) -> &'static str {
        match self {
            Self::Running => "Running",
            Self::Waiting => "Waiting",
            Self::Retrying => "Tried again",
            Self::Dead => "Given up",
        }
    }
}

/// A piece of work that is queued, goes on, or was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRow {
    /// Row id.
    pub id: JobId,
    /// What it does, for a person: "Run 7".
    pub title: String,
    /// The page of what it is about, where there is one.
    pub href: Option<String>,
    /// Where it stands.
    pub state: JobState,
    /// How often it was begun.
    pub attempts: u32,
    /// When it is begun, or begun again, at the earliest.
    pub due_at: Timestamp,
    /// When it was queued.
    pub created_at: Timestamp,
    /// Which process works on it.
    pub worker: Option<String>,
    /// What went wrong last.
    pub error: Option<String>,
}
