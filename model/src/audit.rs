//! What people and programs did, as the audit log keeps it: who, when, from where, how, what, on what, with what result.

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::field::by_name;
use crate::history::{HistoryPage, day};

/// The fewest days that the log is kept.
pub const FEWEST_DAYS: u32 = 30;

/// What a row may be about: the word in front of the dot of an action, and how a person calls it.
pub const KINDS: [(&str, &str); 19] = [
    ("session", "Signing in and out"),
    ("user", "Users"),
    ("token", "API tokens"),
    ("credential", "Credentials"),
    ("device", "Devices"),
    ("text", "Configurations"),
    ("media", "Attached files"),
    ("artifact", "Vendor backups"),
    ("jump_host", "Jump hosts"),
    ("destination", "Destinations"),
    ("inventory_source", "Inventory sources"),
    ("channel", "Channels of notifications"),
    ("notify_rule", "Rules of notifications"),
    ("backup", "Backups"),
    ("run", "Runs and archives"),
    ("driver", "Drivers"),
    ("rule", "Rules"),
    ("audit", "The audit log"),
    ("instance", "The program itself"),
];

/// What an act came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditOutcome {
    /// It was done.
    Done,
    /// It was refused, or came to nothing.
    Refused,
}

impl AuditOutcome {
    /// Every outcome.
    pub const ALL: &[Self] = &[Self::Done, Self::Refused];

    /// The name in the database and in addresses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
        }
    }

    /// For a person.
    pub fn label(self) -> &'static str {
        match self {
            Self::Done => "Done",
            Self::Refused => "Refused",
        }
    }

    /// The outcome of this name.
    pub fn parse(name: &str) -> Result<Self, String> {
        by_name("result", name, Self::ALL, Self::as_str)
    }
}

/// A field of something before and after it was changed. Of a secret neither is kept: it was changed, and that is all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditChange {
    /// Which field.
    pub field: String,
    /// What it was; none: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What it is; none: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// It is secret.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
}

/// One act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRow {
    /// Its number: they follow each other without a gap.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Who: a user's, a token's or an operating system user's name.
    pub who: String,
    /// How they came: `session`, `token`, `command line`, `program` or `stranger`.
    pub means: String,
    /// The address that they came from, where there is one.
    pub address: Option<String>,
    /// What: `device.change`.
    pub action: String,
    /// The number of what it was done to.
    pub object_id: Option<i64>,
    /// The name of what it was done to, as it was then; may be empty.
    pub object: String,
    /// What it came to.
    pub outcome: AuditOutcome,
    /// Why it was refused, or what else there is to say.
    pub words: Option<String>,
    /// What was changed.
    pub changes: Vec<AuditChange>,
}

/// Which rows a list shows; empty fields do not narrow it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditFilter {
    /// Only by this name, in any case.
    pub who: String,
    /// Only acts on this kind of thing (`device`), or only this one act (`device.change`).
    pub what: String,
    /// Only those done to what has this name, in any case.
    pub object: String,
    /// Only those that came to this.
    pub outcome: Option<AuditOutcome>,
    /// Only those of this day of the reader's calendar or later: `2026-11-01`.
    pub from: Option<String>,
    /// Only those of this day or earlier.
    pub to: Option<String>,
    /// Only those that have this text anywhere, in any case.
    pub text: String,
}

impl AuditFilter {
    /// The filter that an address's query asks for, given a way to read its fields. What cannot be read does not narrow.
    pub fn of_query(field: impl Fn(&str) -> Option<String>) -> Self {
        let text = |name: &str| field(name).unwrap_or_default().trim().chars().take(200).collect::<String>();
        Self {
            who: text("who"),
            what: text("what"),
            object: text("object"),
            outcome: AuditOutcome::parse(&text("outcome")).ok(),
            from: day(text("from")),
            to: day(text("to")),
            text: text("text"),
        }
    }

    /// The fields of the query that asks for it; those that do not narrow are empty.
    pub fn to_query(&self) -> Vec<(&'static str, String)> {
        vec![
            ("who", self.who.clone()),
            ("what", self.what.clone()),
            ("object", self.object.clone()),
            ("outcome", self.outcome.map(AuditOutcome::as_str).unwrap_or_default().to_owned()),
            ("from", self.from.clone().unwrap_or_default()),
            ("to", self.to.clone().unwrap_or_default()),
            ("text", self.text.clone()),
        ]
    }
}

/// What the chain of the log's rows tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainState {
    /// Rows that were looked at.
    pub checked: u64,
    /// The newest row that was looked at, and holds; 0: there is none.
    pub up_to: i64,
    /// Whether there are newer ones that were not looked at.
    pub is_partial: bool,
    /// Checkpoints that were signed with another key than this instance's, and so prove nothing.
    pub foreign_checkpoints: u64,
    /// Where it is broken, and how; none: it holds.
    pub broken: Option<Broken>,
}

impl ChainState {
    /// Whether all that was looked at fits together, and was signed by this instance.
    pub fn is_whole(&self) -> bool {
        self.broken.is_none() && self.foreign_checkpoints == 0
    }
}

/// Where a chain is broken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broken {
    /// The number of the row.
    pub row: i64,
    /// One sentence.
    pub problem: String,
}

/// A page of the log, newest first, and whether the newest part of it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditPage {
    /// The rows.
    pub rows: HistoryPage<AuditRow>,
    /// What their chain tells since its newest checkpoint.
    pub chain: ChainState,
}

/// How the log is written out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditFormat {
    /// A table for a spreadsheet.
    Csv,
    /// A JSON object a line.
    Lines,
}

impl AuditFormat {
    /// Every format.
    pub const ALL: &[Self] = &[Self::Csv, Self::Lines];

    /// The name on the command line and in addresses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Lines => "jsonl",
        }
    }

    /// The format of this name.
    pub fn parse(name: &str) -> Result<Self, String> {
        by_name("format", name, Self::ALL, Self::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_survives_the_address_that_asks_for_it() {
        let filter = AuditFilter {
            who: "ada".into(),
            what: "device.change".into(),
            object: "core-sw-1".into(),
            outcome: Some(AuditOutcome::Refused),
            from: Some("2026-11-01".into()),
            to: None,
            text: "snmp".into(),
        };
        let query = filter.to_query();
        let read =
            |name: &str| query.iter().find(|(field, _)| *field == name).map(|(_, value)| value.clone());
        assert_eq!(AuditFilter::of_query(read), filter);
        assert_eq!(AuditFilter::of_query(|_| None), AuditFilter::default());
    }

    #[test]
    fn a_secret_leaves_no_more_than_that_it_was_changed() {
        let change = AuditChange { field: "password".into(), before: None, after: None, secret: true };
        assert_eq!(serde_json::to_string(&change).unwrap(), r#"{"field":"password","secret":true}"#);
    }
}
