//! A message: one for everything that one rule has to tell at one time.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::{NotifyEvent, Severity};
use crate::{RunId, Timestamp};

/// Items that a title names.
const NAMED: usize = 3;
/// Items that a text has in full; more are counted.
const TOLD: usize = 200;

/// Whether something began, goes on or is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemState {
    /// It began, or happened.
    New,
    /// It happened once more, while it lasts.
    Again,
    /// It still lasts.
    Lasting,
    /// It is over.
    Over,
}

impl ItemState {
    /// The name in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Again => "again",
            Self::Lasting => "lasting",
            Self::Over => "over",
        }
    }
}

/// One thing that is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// What.
    pub event: NotifyEvent,
    /// Whether it began, goes on or is over.
    pub state: ItemState,
    /// Of which device, backup, destination or machine.
    pub subject: String,
    /// One sentence.
    pub words: String,
    /// Since when, or when it happened.
    pub at: Timestamp,
    /// The page about it, from the first slash on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The site of the device or machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// What changed, in the unified format, secrets masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
}

impl Item {
    /// What it is, for a person.
    pub fn label(&self) -> &'static str {
        if self.state == ItemState::Over { self.event.over() } else { self.event.label() }
    }

    /// How grave it is now.
    pub fn severity(&self) -> Severity {
        if self.state == ItemState::Over { Severity::Good } else { self.event.severity() }
    }
}

/// A message as channels get it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The same each time that it is sent, so that whoever gets it twice can tell.
    pub id: String,
    /// When it was made.
    pub at: Timestamp,
    /// The name of the machine that made it.
    pub instance: String,
    /// The rule that it is of; empty for a test.
    pub rule: String,
    /// Of the gravest item.
    pub severity: Severity,
    /// One line.
    pub title: String,
    /// All of it, in plain text.
    pub text: String,
    /// What it tells, the gravest first.
    pub items: Vec<Item>,
    /// The page about it, where the program knows by which address it is opened.
    pub link: Option<String>,
    /// How many messages before this one were given up because too many waited.
    #[serde(default)]
    pub dropped: u64,
}

/// What a heartbeat says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PingKind {
    /// A run began.
    Start,
    /// It completed.
    Success,
    /// It did not.
    Fail,
}

impl PingKind {
    /// For a person.
    pub fn label(self) -> &'static str {
        match self {
            Self::Start => "Start",
            Self::Success => "Success",
            Self::Fail => "Fail",
        }
    }
}

/// A heartbeat of one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ping {
    /// What it says.
    pub kind: PingKind,
    /// Of which run.
    pub run: RunId,
    /// How that ended, in a line or two.
    pub text: String,
}

/// The line that stands above these items unless a rule has another: of one item what and of which, of more how many.
pub fn default_title(items: &[Item]) -> String {
    match items {
        [] => "Nothing to tell".to_owned(),
        [only] if only.state == ItemState::Lasting => format!("{}: {} (still)", only.subject, only.label()),
        [only] => format!("{}: {}", only.subject, only.label()),
        items => {
            let mut kinds: Vec<(&str, usize)> = Vec::new();
            for item in items {
                match kinds.iter_mut().find(|(label, _)| *label == item.label()) {
                    Some((_, count)) => *count += 1,
                    None => kinds.push((item.label(), 1)),
                }
            }
            let more = kinds.len().saturating_sub(NAMED);
            let mut words: Vec<String> = kinds
                .iter()
                .take(NAMED)
                .map(
                    |(label, count)| {
                        if *count == 1 { (*label).to_owned() } else { format!("{label} ×{count}") }
                    },
                )
                .collect();
            if more > 0 {
                words.push(format!("{more} more"));
            }
            words.join(", ")
        }
    }
}

/// The text of these items unless a rule has another; addresses begin with `base`, where that is known.
pub fn default_text(items: &[Item], base: Option<&str>) -> String {
    let mut text = String::new();
    for item in items.iter().take(TOLD) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{} · {}: {}", item.label(), item.subject, item.words);
        if let (Some(base), Some(path)) = (base, &item.path) {
            let _ = writeln!(text, "  {base}{path}");
        }
        if let Some(diff) = &item.diff {
            text.push('\n');
            for line in diff.lines() {
                let _ = writeln!(text, "    {line}");
            }
            text.push('\n');
        }
    }
    if let Some(more) = items.len().checked_sub(TOLD).filter(|more| *more > 0) {
        let _ = writeln!(text, "… and {more} more");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(event: NotifyEvent, subject: &str) -> Item {
        Item {
            event,
            state: ItemState::New,
            subject: subject.into(),
            words: "It does not answer.".into(),
            at: Timestamp(0),
            path: Some("/devices/7".into()),
            site: None,
            diff: None,
        }
    }

    #[test]
    fn a_title_says_what_of_which_and_of_many_how_many() {
        let failing = |name| item(NotifyEvent::DeviceFailing, name);
        assert_eq!(default_title(&[failing("core-1")]), "core-1: Device failing");
        let over = Item { state: ItemState::Over, ..failing("core-1") };
        assert_eq!(default_title(std::slice::from_ref(&over)), "core-1: Device recovered");
        assert_eq!(default_title(&[failing("a"), failing("b"), over]), "Device failing ×2, Device recovered");
    }

    #[test]
    fn a_text_has_a_line_for_each_item_its_page_and_what_changed() {
        let changed = Item { diff: Some("-a\n+b".into()), ..item(NotifyEvent::ConfigChanged, "core-1") };
        assert_eq!(
            default_text(&[changed], Some("https://etiqa.lan")),
            "Configuration changed · core-1: It does not answer.\n  https://etiqa.lan/devices/7\n\n    -a\n    +b\n\n"
        );
        let many: Vec<Item> = (0..300).map(|_| item(NotifyEvent::DeviceFailing, "x")).collect();
        assert!(default_text(&many, None).ends_with("… and 100 more\n"));
    }
}
