//! What can be told.

use serde::{Deserialize, Serialize};

use crate::field::by_name;

macro_rules! events {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $label:literal, $over:literal, $severity:ident;)+) => {
        /// What can be told.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum NotifyEvent { $($(#[$doc])* $variant,)+ }

        impl NotifyEvent {
            /// Every one, in the order of the form.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The name in the database, in JSON and on the command line.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// For a person.
            pub fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)+ }
            }

            /// For a person, once it is over; empty where it never is, for it only happens.
            pub fn over(self) -> &'static str {
                match self { $(Self::$variant => $over,)+ }
            }

            /// How grave it is.
            pub fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)+ }
            }
        }
    };
}

events! {
    /// A run ended without an archive.
    RunFailed = "run_failed", "Run failed", "Run completed again", Bad;
    /// A backup has completed no run since it was due, an hour or more ago.
    RunOverdue = "run_overdue", "Backup overdue", "Backup no longer overdue", Bad;
    /// A run whose time came has not begun.
    RunNeverStarted = "run_never_started", "Run never started", "Run has started", Bad;
    /// A device was not backed up so many times in a row.
    DeviceFailing = "device_failing", "Device failing", "Device recovered", Bad;
    /// A device's last good text is older than what its backups promise.
    DeviceOverdue = "device_overdue", "Device overdue", "Device backed up again", Warning;
    /// A device's configuration changed.
    ConfigChanged = "config_changed", "Configuration changed", "", Info;
    /// A text shrank so much that a person should look.
    SuspectVersion = "suspect_version", "Suspect text", "", Warning;
    /// A device's configuration kept a rule, and does not any more.
    RuleBroken = "rule_broken", "Rule broken", "Rule kept again", Warning;
    /// An archive is not what was written.
    ArchiveDamaged = "archive_damaged", "Archive damaged", "Archive whole again, or replaced", Bad;
    /// A disk of the program's files is nearly full, or does not answer.
    DiskLow = "disk_low", "Disk in trouble", "Disk well again", Bad;
    /// A destination takes nothing.
    DestinationDown = "destination_down", "Destination down", "Destination back", Bad;
    /// A server or worker is not heard of any more.
    WorkerLost = "worker_lost", "Machine lost", "Machine back", Bad;
}

impl NotifyEvent {
    /// Whether it goes on until it is over.
    pub fn is_lasting(self) -> bool {
        !self.over().is_empty()
    }

    /// The one of this name, in any case.
    pub fn parse(name: &str) -> Result<Self, String> {
        by_name("event", name, Self::ALL, Self::as_str)
    }
}

/// How grave something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// All is well again.
    Good,
    /// Worth knowing.
    Info,
    /// Somebody should look.
    Warning,
    /// Something does not work.
    Bad,
}

impl Severity {
    /// The name in JSON and in templates.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Bad => "bad",
        }
    }
}
