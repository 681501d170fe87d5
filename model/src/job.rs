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

impl JobState {
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
