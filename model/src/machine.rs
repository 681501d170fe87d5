//! Processes that work on one database, on this machine and on others.

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::field::by_name;

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MachineRole {
    /// It serves pages, and works.
    Server,
    /// It works, for one site.
    Worker,
}

impl MachineRole {
    /// Both.
    pub const ALL: &[Self] = &[Self::Server, Self::Worker];

    /// The name in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Worker => "worker",
        }
    }

    /// The role of this name.
    pub fn parse(name: &str) -> Result<Self, String> {
        by_name("kind of machine", name, Self::ALL, Self::as_str)
    }
}

/// What a process hears by syslog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Syslog {
    /// Address and port.
    pub address: String,
    /// Messages since it was started.
    pub messages: u64,
    /// Those of them that told of a change.
    pub changes: u64,
}

/// A process that works on the database, or did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The name under which it holds leases.
    pub owner: String,
    /// The machine's own name.
    pub host: String,
    /// What it does.
    pub role: MachineRole,
    /// The site that it works for; none: any.
    pub site: Option<String>,
    /// The name of its data directory.
    pub data_dir: String,
    /// The name of the folder in which it keeps archives and vendors' backups: one that machines share, or its own.
    pub files_id: String,
    /// The program's version.
    pub version: String,
    /// Device sessions that are on.
    pub sessions: u32,
    /// Device sessions that may be on at once.
    pub max_sessions: u32,
    /// By how much its clock is ahead of the database's, in milliseconds.
    pub clock_ahead_ms: i64,
    /// What it hears of devices' changes, where it listens.
    pub syslog: Option<Syslog>,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it was heard of last.
    pub seen_at: Timestamp,
    /// When it ended in order.
    pub stopped_at: Option<Timestamp>,
}

/// How a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MachineState {
    /// It says so every few seconds.
    Alive,
    /// It has not been heard of for a while, and said nothing of an end.
    Vanished,
    /// It ended in order.
    Stopped,
}

impl MachineState {
    /// For a person.
    pub fn label(self) -> &'static str {
        match self {
            Self::Alive => "Works",
            Self::Vanished => "Vanished",
            Self::Stopped => "Stopped",
        }
    }
}

/// A process as its page shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineRow {
    /// The process.
    pub machine: Machine,
    /// How it is.
    pub state: MachineState,
    /// Whether its scheduler is the one that acts.
    pub leads: bool,
    /// What it works on.
    pub jobs: Vec<String>,
}
