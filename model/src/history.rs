//! Histories: which runs, and which results of a device, a list shows.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::backup::BackupKind;
use crate::class::Class;
use crate::config::ConfigVersionRow;
use crate::device::DeviceResult;
use crate::field::by_name;
use crate::page::Paged;
use crate::run::{Run, Trigger};
use crate::{BackupConfigId, Timestamp};

/// Rows on a page of a history.
pub const HISTORY_ROWS: u32 = 50;
/// How far the rows of a history are counted. What is beyond costs nothing.
pub const MOST_COUNTED: u64 = 10_000;
/// Rows that are read for a page at most, where no index tells which are asked for.
pub const MOST_READ: u32 = 2_000;

/// What a run came to, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Queued or going on.
    Live,
    /// It made an archive, and every device and vendor backup was good.
    Good,
    /// It made an archive, without some devices or vendor backups.
    Partial,
    /// It made no archive.
    Failed,
    /// A person stopped it.
    Cancelled,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: &[Self] = &[Self::Live, Self::Good, Self::Partial, Self::Failed, Self::Cancelled];

    /// The name in addresses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Good => "good",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// For a person.
    pub fn label(self) -> &'static str {
        match self {
            Self::Live => "Queued or running",
            Self::Good => "All good",
            Self::Partial => "Some devices failed",
            Self::Failed => "Failed",
            Self::Cancelled => "Cancelled",
        }
    }

    /// The outcome of this name.
    pub fn parse(name: &str) -> Result<Self, String> {
        by_name("outcome", name, Self::ALL, Self::as_str)
    }
}

/// Which runs a list shows; empty fields do not narrow it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunFilter {
    /// Only of this backup config.
    pub config: Option<BackupConfigId>,
    /// Only those that came to this.
    pub outcome: Option<Outcome>,
    /// Only of this kind.
    pub kind: Option<BackupKind>,
    /// Only those that were started by this.
    pub trigger: Option<Trigger>,
    /// Only those queued on this day of the reader's calendar or later: `2026-11-01`.
    pub from: Option<String>,
    /// Only those queued on this day or earlier.
    pub to: Option<String>,
}

impl RunFilter {
    /// The filter that an address's query asks for, given a way to read its fields. What cannot be read does not narrow.
    pub fn of_query(field: impl Fn(&str) -> Option<String>) -> Self {
        let text = |name: &str| field(name).filter(|text| !text.is_empty());
        Self {
            config: text("config").and_then(|id| id.parse().ok()),
            outcome: text("outcome").and_then(|name| Outcome::parse(&name).ok()),
            kind: text("kind").and_then(|name| BackupKind::parse(&name).ok()),
            trigger: text("trigger").and_then(|name| Trigger::parse(&name).ok()),
            from: text("from").and_then(day),
            to: text("to").and_then(day),
        }
    }

    /// The fields of the query that asks for it; those that do not narrow are empty.
    pub fn to_query(&self) -> Vec<(&'static str, String)> {
        let name = |name: Option<&'static str>| name.unwrap_or_default().to_owned();
        vec![
            ("config", self.config.map(|id| id.to_string()).unwrap_or_default()),
            ("outcome", name(self.outcome.map(Outcome::as_str))),
            ("kind", name(self.kind.map(BackupKind::as_str))),
            ("trigger", name(self.trigger.map(Trigger::as_str))),
            ("from", self.from.clone().unwrap_or_default()),
            ("to", self.to.clone().unwrap_or_default()),
        ]
    }
}

/// Which results of a device a list shows; empty fields do not narrow it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResultFilter {
    /// Only good (true) or other (false) ones.
    pub good: Option<bool>,
    /// Only of this class.
    pub class: Option<Class>,
    /// Only those that ended on this day of the reader's calendar or later: `2026-11-01`.
    pub from: Option<String>,
    /// Only those that ended on this day or earlier.
    pub to: Option<String>,
}

impl ResultFilter {
    /// The filter that an address's query asks for, given a way to read its fields. What cannot be read does not narrow.
    pub fn of_query(field: impl Fn(&str) -> Option<String>) -> Self {
        let text = |name: &str| field(name).filter(|text| !text.is_empty());
        Self {
            good: text("good").and_then(|text| text.parse().ok()),
            class: text("class").and_then(|name| Class::parse(&name).ok()),
            from: text("from").and_then(day),
            to: text("to").and_then(day),
        }
    }

    /// The fields of the query that asks for it; those that do not narrow are empty.
    pub fn to_query(&self) -> Vec<(&'static str, String)> {
        vec![
            ("good", self.good.map(|good| good.to_string()).unwrap_or_default()),
            ("class", self.class.map(Class::as_str).unwrap_or_default().to_owned()),
            ("from", self.from.clone().unwrap_or_default()),
            ("to", self.to.clone().unwrap_or_default()),
        ]
    }
}

/// A day of the calendar, where this is one: `2026-11-01`.
pub(crate) fn day(text: String) -> Option<String> {
    let [year, month, day] = text.split('-').collect::<Vec<_>>()[..] else { return None };
    let number = |digits: &str, length: usize| {
        let is_number = digits.len() == length && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<u16>().ok().filter(|_| is_number)
    };
    let (year, month, day) = (number(year, 4)?, number(month, 2)?, number(day, 2)?);
    NaiveDate::from_ymd_opt(year.into(), month.into(), day.into()).map(|_| text)
}

/// A page of a history, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryPage<T> {
    /// This page's rows, [`HISTORY_ROWS`] at most.
    pub rows: Vec<T>,
    /// Rows on all pages; counted up to [`MOST_COUNTED`].
    pub total: u64,
    /// Whether `total` counts those alone that are among the newest [`MOST_READ`]: there may be older ones.
    pub is_among_newest: bool,
    /// The number before which there may be older ones than these. There may also be where this page has none.
    pub older: Option<i64>,
}

/// A page of runs.
pub type RunPage = HistoryPage<Run>;
/// A page of one device's results.
pub type ResultPage = HistoryPage<DeviceResult>;

/// The configurations of the network: as they are, or as they were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkConfigs {
    /// As of when; none: now.
    pub at: Option<Timestamp>,
    /// How many devices have one.
    pub devices: u64,
    /// The versions that were active, by host name and part.
    pub versions: Paged<ConfigVersionRow>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_survives_the_address_that_asks_for_it() {
        let filter = RunFilter {
            config: Some(BackupConfigId(3)),
            outcome: Some(Outcome::Partial),
            kind: Some(BackupKind::Full),
            trigger: Some(Trigger::Manual),
            from: Some("2026-11-01".into()),
            to: None,
        };
        let query = filter.to_query();
        let read =
            |name: &str| query.iter().find(|(field, _)| *field == name).map(|(_, value)| value.clone());
        assert_eq!(RunFilter::of_query(read), filter);
        let wrong = |_: &str| Some("nonsense".to_owned());
        assert_eq!(RunFilter::of_query(wrong), RunFilter::default());
        assert_eq!(ResultFilter::of_query(wrong), ResultFilter::default());

        let filter =
            ResultFilter { good: Some(false), class: Some(Class::Timeout), ..ResultFilter::default() };
        let query = filter.to_query();
        let read =
            |name: &str| query.iter().find(|(field, _)| *field == name).map(|(_, value)| value.clone());
        assert_eq!(ResultFilter::of_query(read), filter);
    }

    #[test]
    fn what_is_no_day_does_not_narrow() {
        let from = |text: &str| RunFilter::of_query(|name| (name == "from").then(|| text.to_owned())).from;
        assert_eq!(from("2026-11-01").as_deref(), Some("2026-11-01"));
        assert_eq!(from("2024-02-29").as_deref(), Some("2024-02-29"));
        for wrong in
            ["yesterday", "2026-11-01 14:30", "2026-02-29", "2026-11-1", "26-11-01", "+026-11-01", "2026-11"]
        {
            assert_eq!(from(wrong), None, "{wrong}");
        }
    }
}
