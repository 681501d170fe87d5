//! Any two texts beside each other: of versions, of devices, of times, of archives.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};
use serde::{Deserialize, Serialize};

use crate::config::TextDiff;
use crate::{DeviceId, RunId, Timestamp};

/// One side of a comparison as a person fills it in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SideInput {
    /// Host name or address of the device, or its number: `#12`.
    pub device: String,
    /// `running`, `startup`, …; the device's first part when empty.
    pub part: String,
    /// A [`Which`] in its text form.
    pub which: String,
}

impl SideInput {
    /// The number of the device, where that is how it is named: devices of two sites may share name and address.
    pub fn device_number(&self) -> Option<DeviceId> {
        self.device.trim().strip_prefix('#')?.parse().ok()
    }
}

/// Which text of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The active one.
    Active,
    /// The version of this number.
    Number(u32),
    /// The one that was in force at a time; without its zone.
    AsOf(Moment),
    /// The one that the archive of this run holds.
    Archive(RunId),
}

impl Which {
    /// Reads `""`, `8`, `v8`, `2026-11-01`, `2026-11-01 14:30`, an RFC 3339 time, or `run 7`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let number = text.strip_prefix(['v', 'V']).unwrap_or(text);
        if text.is_empty() {
            return Ok(Self::Active);
        }
        if let Ok(number) = number.parse() {
            return Ok(Self::Number(number));
        }
        let run = text.strip_prefix("run").map(|run| run.trim_start_matches([' ', '#']));
        if let Some(Ok(run)) = run.map(str::parse) {
            return Ok(Self::Archive(run));
        }
        Moment::parse(text).map(Self::AsOf).map_err(|_| {
            "Write a version's number, a time such as 2026-11-01 14:30, or run 7 for that run's archive; \
             nothing means the active version."
                .to_owned()
        })
    }
}

/// A point in time as a person writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// With its offset from UTC.
    Exact(Timestamp),
    /// In the writer's zone.
    Local(NaiveDateTime),
}

impl Moment {
    /// Reads an RFC 3339 time, `YYYY-MM-DD HH:MM[:SS]` (also with a `T`), or a day, which means its end.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Ok(exact) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::Exact(exact.into()));
        }
        let spaced = text.replacen('T', " ", 1);
        for form in ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"] {
            if let Ok(local) = NaiveDateTime::parse_from_str(&spaced, form) {
                return Ok(Self::Local(local));
            }
        }
        let end_of_day = NaiveTime::from_hms_milli_opt(23, 59, 59, 999);
        match (NaiveDate::parse_from_str(text, "%Y-%m-%d"), end_of_day) {
            (Ok(day), Some(end)) => Ok(Self::Local(day.and_time(end))),
            _ => Err("Write a time such as 2026-11-01 14:30, or a day such as 2026-11-01.".to_owned()),
        }
    }
}

/// How a text is read before it is shown or compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reading {
    /// With its secrets masked; viewers never read it otherwise.
    pub masked: bool,
    /// With what changes by itself replaced: uptimes, counters, re-encrypted passwords.
    pub without_volatile: bool,
}

/// Two texts, compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// The left one.
    pub old: SideText,
    /// The right one.
    pub new: SideText,
    /// What the right one changed, line by line.
    pub diff: TextDiff,
    /// How both were read.
    pub reading: Reading,
}

/// What one side of a comparison turned out to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SideText {
    /// The device; none: an archive holds it and the inventory does not any more.
    pub device_id: Option<DeviceId>,
    /// Its host name.
    pub hostname: String,
    /// `running`, `startup`, …
    pub part: String,
    /// Its number.
    pub version: u32,
    /// When it was taken.
    pub collected_at: Timestamp,
    /// The run whose archive it came out of.
    pub archive_of: Option<RunId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_named_by_its_number_too() {
        let number = |device: &str| {
            SideInput { device: device.into(), ..SideInput::default() }.device_number().map(|id| id.0)
        };
        assert_eq!(number(" #12 "), Some(12));
        assert_eq!([number("12"), number("#core"), number("core-1#2"), number("")], [None; 4]);
    }

    #[test]
    fn a_side_is_a_number_a_time_or_an_archive() {
        assert_eq!(Which::parse(" "), Ok(Which::Active));
        assert_eq!(Which::parse("8"), Ok(Which::Number(8)));
        assert_eq!(Which::parse("v8"), Ok(Which::Number(8)));
        assert_eq!(Which::parse("run 7"), Ok(Which::Archive(RunId(7))));
        assert_eq!(Which::parse("run #7"), Ok(Which::Archive(RunId(7))));
        let exact = Moment::Exact(Timestamp(1_793_543_400_000));
        assert_eq!(Which::parse("2026-11-01T15:30:00+01:00"), Ok(Which::AsOf(exact)));
        for wrong in ["yesterday", "2026-13-01", "run seven", "-8"] {
            assert!(Which::parse(wrong).unwrap_err().starts_with("Write a version's number"), "{wrong}");
        }
    }

    #[test]
    fn a_day_means_its_end() {
        let parsed = |text| match Moment::parse(text) {
            Ok(Moment::Local(local)) => local.to_string(),
            other => format!("{other:?}"),
        };
        assert_eq!(parsed("2026-11-01"), "2026-11-01 23:59:59.999");
        assert_eq!(parsed("2026-11-01 14:30"), "2026-11-01 14:30:00");
        assert_eq!(parsed("2026-11-01T14:30"), "2026-11-01 14:30:00");
    }
}
