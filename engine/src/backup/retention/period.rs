//! The hours, days, weeks, months and years by which archives are kept.

use std::fmt;

use chrono::{Datelike, NaiveDate, NaiveDateTime, Offset, Timelike};
use chrono_tz::Tz;
use etiqa_model::Timestamp;
use etiqa_model::backup::Retention;

/// A period of local time; in words through `Display`: "Monday 23 November 2026".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// An hour.
    Hour {
        /// When it begins, on the local clock.
        start: NaiveDateTime,
        /// Seconds east of UTC: where clocks are put back, an hour is there twice.
        offset: i32,
    },
    /// A day.
    Day(NaiveDate),
    /// A week from Monday to Sunday.
    Week {
        /// Its ISO 8601 year, which differs from the calendar's around New Year.
        year: i32,
        /// 1 to 53.
        week: u32,
    },
    /// A month.
    Month {
        /// The year.
        year: i32,
        /// 1 to 12.
        month: u32,
    },
    /// A year.
    Year(i32),
}

type PeriodOf = fn(Timestamp, Tz) -> Period;

impl Period {
    /// How to find each kind of period, and how many of it are kept, from hours to years.
    pub(super) fn counts(retention: &Retention) -> [(PeriodOf, u32); 5] {
        [
            (Self::hour, retention.keep_hourly),
            (Self::day, retention.keep_daily),
            (Self::week, retention.keep_weekly),
            (Self::month, retention.keep_monthly),
            (Self::year, retention.keep_yearly),
        ]
    }

    fn hour(time: Timestamp, zone: Tz) -> Self {
        let local = time.to_utc().with_timezone(&zone);
        let offset = local.offset().fix().local_minus_utc();
        let start = local.date_naive().and_hms_opt(local.hour(), 0, 0).unwrap_or_default();
        Self::Hour { start, offset }
    }

    fn day(time: Timestamp, zone: Tz) -> Self {
        Self::Day(date(time, zone))
    }

    fn week(time: Timestamp, zone: Tz) -> Self {
        let week = date(time, zone).iso_week();
        Self::Week { year: week.year(), week: week.week() }
    }

    fn month(time: Timestamp, zone: Tz) -> Self {
        let date = date(time, zone);
        Self::Month { year: date.year(), month: date.month() }
    }

    fn year(time: Timestamp, zone: Tz) -> Self {
        Self::Year(date(time, zone).year())
    }
}

fn date(time: Timestamp, zone: Tz) -> NaiveDate {
    time.to_utc().with_timezone(&zone).date_naive()
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hour { start, .. } => {
                write!(f, "the hour from {} on {}", start.format("%H:%M"), start.format("%A %-d %B %Y"))
            }
            Self::Day(day) => write!(f, "{}", day.format("%A %-d %B %Y")),
            Self::Week { year, week } => write!(f, "week {week} of {year}"),
            Self::Month { year, month } => match NaiveDate::from_ymd_opt(*year, *month, 1) {
                Some(first) => write!(f, "{}", first.format("%B %Y")),
                None => write!(f, "month {month} of {year}"),
            },
            Self::Year(year) => write!(f, "{year}"),
        }
    }
}
