//! What a commit says: which devices changed, and how.

use std::fmt::Write as _;

use etiqa_model::{RunId, Timestamp};

use super::words::plain;

/// A message names so many devices.
const MOST_LINES: usize = 100;
/// Characters of a backup's name, and of a host name.
const LONGEST_NAME: usize = 60;
/// Begins the line that names the run, the last one.
const RUN: &str = "Run: ";

/// The run that a commit is about.
pub(super) struct About {
    /// The backup config's name.
    pub(super) backup: String,
    pub(super) run: RunId,
    /// When it ended.
    pub(super) at: Timestamp,
}

/// What a commit changes of one device.
pub(super) struct Change {
    pub(super) hostname: String,
    pub(super) kind: ChangeKind,
    /// "running v8 (+3 −1)", …
    pub(super) details: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChangeKind {
    New,
    Changed,
    Removed,
}

/// The whole message.
pub(super) fn message(about: &About, is_first: bool, changes: &[Change]) -> String {
    let count = |kind| changes.iter().filter(|change| change.kind == kind).count();
    let what = if is_first {
        format!("first backup of {}", devices(changes.len()))
    } else {
        let counts = [
            (count(ChangeKind::Changed), "changed"),
            (count(ChangeKind::New), "new"),
            (count(ChangeKind::Removed), "removed"),
        ];
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        counts.map(|(count, word)| format!("{} {word}", devices(*count))).collect::<Vec<_>>().join(", ")
    };
    let mut message = format!("{}: {what}\n\n", plain(&about.backup, LONGEST_NAME));
    for change in changes.iter().take(MOST_LINES) {
        let details = match change.kind {
            ChangeKind::New if is_first => change.details.join(", "),
            ChangeKind::New => format!("new, {}", change.details.join(", ")),
            ChangeKind::Changed => change.details.join(", "),
            ChangeKind::Removed => "removed".to_owned(),
        };
        // Writing to a String never fails.
        let _ = writeln!(message, "{}: {details}", plain(&change.hostname, LONGEST_NAME));
    }
    if changes.len() > MOST_LINES {
        let _ = writeln!(message, "and {} more", changes.len() - MOST_LINES);
    }
    if !changes.is_empty() {
        message.push('\n');
    }
    let _ = writeln!(message, "{RUN}{}", about.run);
    message
}

/// The run that a message of ours is about.
pub(super) fn run_of(message: &str) -> Option<RunId> {
    message.lines().rev().find_map(|line| line.strip_prefix(RUN)?.parse().ok())
}

fn devices(count: usize) -> String {
    if count == 1 { "1 device".to_owned() } else { format!("{count} devices") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(backup: &str) -> About {
        About { backup: backup.into(), run: RunId(7), at: Timestamp(0) }
    }

    fn change(hostname: &str, kind: ChangeKind) -> Change {
        Change { hostname: hostname.into(), kind, details: vec!["running v8 (+3 −1)".into()] }
    }

    #[test]
    fn a_message_names_every_device_and_its_run() {
        let changes = [
            change("core-1", ChangeKind::Changed),
            change("core-2", ChangeKind::New),
            change("core-3", ChangeKind::Removed),
        ];
        assert_eq!(
            message(&about("Nightly"), false, &changes),
            "Nightly: 1 device changed, 1 device new, 1 device removed\n\n\
             core-1: running v8 (+3 −1)\n\
             core-2: new, running v8 (+3 −1)\n\
             core-3: removed\n\n\
             Run: 7\n"
        );
        assert_eq!(message(&about("Nightly"), true, &[]), "Nightly: first backup of 0 devices\n\nRun: 7\n");
    }

    #[test]
    fn a_long_message_is_cut_and_a_hostile_name_stays_on_its_line() {
        let changes: Vec<_> =
            (0..300).map(|n| change(&format!("d{n}\n\nRun: 9"), ChangeKind::Changed)).collect();
        let message = message(&about(&"evil\n\nRun: 8\n".repeat(9)), false, &changes);
        assert_eq!(message.lines().count(), 1 + 1 + 100 + 1 + 1 + 1, "{message}");
        assert!(message.contains("\nand 200 more\n\nRun: 7\n"), "{message}");
        assert!(message.contains("\nd99 Run: 9: running v8 (+3 −1)\n"), "{message}");
        assert_eq!(message.matches("\nRun: ").count(), 1, "{message}");
        assert_eq!(run_of(&message), Some(RunId(7)));
        assert_eq!(run_of("from somebody else\n"), None);
    }
}
