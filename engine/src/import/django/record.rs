//! A row of the Django edition, whichever way it came: columns by name, all of them texts.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime};
use etiqa_model::Timestamp;

use crate::schedule::due;

/// What a row says; what is NULL or empty is not in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Record(BTreeMap<String, String>);

impl Record {
    /// The value of the first of these columns that has one.
    pub(super) fn text(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.0.get(*name)).map(String::as_str)
    }

    /// A whole number.
    pub(super) fn number<N: std::str::FromStr>(&self, names: &[&str]) -> Option<N> {
        self.text(names)?.trim().parse().ok()
    }

    /// A flag, as SQLite, JSON or a person writes it.
    pub(super) fn flag(&self, names: &[&str]) -> Option<bool> {
        match self.text(names)?.trim().to_lowercase().as_str() {
            "1" | "true" | "t" | "yes" | "on" => Some(true),
            "0" | "false" | "f" | "no" | "off" => Some(false),
            _ => None,
        }
    }

    /// A time. One without a zone is of `zone`; of UTC where that is empty, as Django writes it.
    pub(super) fn time(&self, names: &[&str], zone: &str) -> Option<Timestamp> {
        time_of(self.text(names)?, zone)
    }

    /// The row's own number.
    pub(super) fn key(&self) -> &str {
        self.text(&["id", "pk"]).unwrap_or_default()
    }
}

fn time_of(text: &str, zone: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.into());
    }
    let plain = text.replace('T', " ");
    let reading = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"]
        .into_iter()
        .find_map(|form| NaiveDateTime::parse_from_str(&plain, form).ok())?;
    if zone.is_empty() { Some(reading.and_utc().into()) } else { due::instant_of(zone, reading) }
}

impl FromIterator<(String, String)> for Record {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(cells: I) -> Self {
        let lower = cells.into_iter().map(|(name, value)| (name.to_lowercase(), value));
        Self(lower.filter(|(_, value)| !value.is_empty()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_as_sqlite_and_as_json_have_it() {
        let noon = Timestamp(1_795_399_205_000);
        for text in ["2026-11-23 02:00:05", "2026-11-23T02:00:05Z", "2026-11-23T03:00:05+01:00"] {
            assert_eq!(time_of(text, ""), Some(noon), "{text}");
        }
        assert_eq!(time_of("2026-11-23 02:00:05.250000", ""), Some(Timestamp(1_795_399_205_250)));
        assert_eq!(time_of("2026-11-23 03:00:05", "Europe/Vienna"), Some(noon), "USE_TZ was off");
        assert_eq!(time_of("yesterday", ""), None);
    }
}
