//! When a backup config runs. The due times themselves are computed by the engine.

use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::blackout::Blackouts;
use crate::field::unknown_name;

/// A recurring time in a zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// How often.
    #[serde(flatten)]
    pub frequency: Frequency,
    /// An IANA zone name, such as `Europe/Vienna`.
    pub time_zone: String,
    /// Each run begins up to so many minutes after its time, so that not all begin at once; 0: on the minute.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub jitter_minutes: u32,
    /// When no run begins by itself. One whose time comes within begins at the end, once.
    #[serde(default, skip_serializing_if = "Blackouts::is_empty")]
    pub blackouts: Blackouts,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The longest [`Schedule::jitter_minutes`]: half a day.
pub const LONGEST_JITTER: u32 = 720;

/// How often, and when within the period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "frequency", rename_all = "snake_case")]
pub enum Frequency {
    /// Every elapsed hour at this minute, in UTC.
    Hourly {
        /// 0 to 59.
        minute: u8,
    },
    /// Every day.
    Daily {
        /// Local time.
        at: TimeOfDay,
    },
    /// Every week.
    Weekly {
        /// On this day.
        weekday: Weekday,
        /// Local time.
        at: TimeOfDay,
    },
    /// Every month.
    Monthly {
        /// On this day; a month without it runs on its last day.
        day: MonthDay,
        /// Local time.
        at: TimeOfDay,
    },
    /// A cron expression of five fields.
    Cron {
        /// Minute, hour, day of month, month, day of week.
        expression: String,
    },
}

impl Frequency {
    /// The name in the database, in JSON and on the command line.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Hourly { .. } => "hourly",
            Self::Daily { .. } => "daily",
            Self::Weekly { .. } => "weekly",
            Self::Monthly { .. } => "monthly",
            Self::Cron { .. } => "cron",
        }
    }

    /// In words: "daily at 02:00".
    pub fn words(&self) -> String {
        match self {
            Self::Hourly { minute } => format!("every hour at :{minute:02}"),
            Self::Daily { at } => format!("daily at {at}"),
            Self::Weekly { weekday, at } => format!("every {} at {at}", weekday.label()),
            Self::Monthly { day: MonthDay::Last, at } => format!("monthly on the last day at {at}"),
            Self::Monthly { day: MonthDay::Day(day), at } => format!("monthly on day {day} at {at}"),
            Self::Cron { expression } => format!("cron {expression}"),
        }
    }
}

impl Schedule {
    /// One that is kept to the minute, whenever that is.
    pub fn plain(frequency: Frequency, time_zone: impl Into<String>) -> Self {
        Self { frequency, time_zone: time_zone.into(), jitter_minutes: 0, blackouts: Blackouts::default() }
    }

    /// In words, with the zone: "daily at 02:00, Europe/Vienna".
    pub fn words(&self) -> String {
        let mut words = format!("{}, {}", self.frequency.words(), self.time_zone);
        if self.jitter_minutes > 0 {
            // Writing to a String cannot fail.
            let _ = write!(words, "; up to {} min later", self.jitter_minutes);
        }
        if !self.blackouts.is_empty() {
            let _ = write!(words, "; not {}", self.blackouts);
        }
        words
    }
}

/// That no schedule runs, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Since when.
    pub at: Timestamp,
    /// Who paused all of them; none: the instance was restored from an archive, and waits for an admin's word.
    pub by: Option<String>,
}

/// A local time of day, to the minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct TimeOfDay {
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
}

impl TimeOfDay {
    /// Reads `HH:MM`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{}\" is not a time; write it as HH:MM, such as 02:30.", text.trim());
        let (hour, minute) = text.trim().split_once(':').ok_or_else(wrong)?;
        let is_digits =
            |part: &str| (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        if !is_digits(hour) || minute.len() != 2 || !is_digits(minute) {
            return Err(wrong());
        }
        match (hour.parse(), minute.parse()) {
            (Ok(hour @ 0..=23), Ok(minute @ 0..=59)) => Ok(Self { hour, minute }),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.hour, self.minute)
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        time.to_string()
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the days of the week need no words")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl Weekday {
    /// Monday first.
    pub const ALL: &[Self] = &[
        Self::Monday,
        Self::Tuesday,
        Self::Wednesday,
        Self::Thursday,
        Self::Friday,
        Self::Saturday,
        Self::Sunday,
    ];

    /// The name in the database and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Monday => "monday",
            Self::Tuesday => "tuesday",
            Self::Wednesday => "wednesday",
            Self::Thursday => "thursday",
            Self::Friday => "friday",
            Self::Saturday => "saturday",
            Self::Sunday => "sunday",
        }
    }

    /// The name for a person.
    pub fn label(self) -> &'static str {
        match self {
            Self::Monday => "Monday",
            Self::Tuesday => "Tuesday",
            Self::Wednesday => "Wednesday",
            Self::Thursday => "Thursday",
            Self::Friday => "Friday",
            Self::Saturday => "Saturday",
            Self::Sunday => "Sunday",
        }
    }

    /// Days since Monday, 0 to 6.
    pub fn days_from_monday(self) -> u8 {
        self as u8
    }

    /// The day of this name, in any case; its first three letters are enough.
    pub fn parse(name: &str) -> Result<Self, String> {
        let folded = name.trim().to_lowercase();
        Self::ALL
            .iter()
            .copied()
            .find(|day| folded.len() >= 3 && day.as_str().starts_with(&folded))
            .ok_or_else(|| unknown_name("day of the week", name, Self::ALL.iter().map(|day| day.as_str())))
    }
}

/// A day of the month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum MonthDay {
    /// 1 to 31; a shorter month runs on its last day.
    Day(u8),
    /// The last day, whichever it is.
    Last,
}

impl MonthDay {
    /// Reads a number from 1 to 31, or `last`.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.trim().to_lowercase().as_str() {
            "last" => Ok(Self::Last),
            number => match number.parse() {
                Ok(day @ 1..=31) => Ok(Self::Day(day)),
                _ => Err(format!("\"{}\" is not a day of the month; use 1 to 31, or last.", text.trim())),
            },
        }
    }
}

impl fmt::Display for MonthDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(day) => day.fmt(f),
            Self::Last => f.write_str("last"),
        }
    }
}

impl From<MonthDay> for String {
    fn from(day: MonthDay) -> Self {
        day.to_string()
    }
}

impl TryFrom<String> for MonthDay {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_is_hours_and_minutes() {
        assert_eq!(TimeOfDay::parse("2:05").map(|time| time.to_string()), Ok("02:05".into()));
        for wrong in ["24:00", "12:60", "12:5", "+1:00", "noon", "12:00:00", ""] {
            assert!(TimeOfDay::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_day_of_the_month_is_a_number_or_last() {
        assert_eq!(MonthDay::parse("Last"), Ok(MonthDay::Last));
        assert_eq!(MonthDay::parse("31"), Ok(MonthDay::Day(31)));
        assert!(MonthDay::parse("32").is_err());
        assert!(MonthDay::parse("0").is_err());
    }
}
