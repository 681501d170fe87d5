//! When a schedule is due next.
//!
//! Everything but `hourly` is a list of readings of the local clock ("02:30 on the 31st"), and one rule turns a
//! reading into an instant: **the first instant at which the local clock shows that reading or a later one**. Where
//! clocks are put forward, a skipped reading thus runs at the next minute that exists; where they are put back, a
//! repeated one runs once, the first time. The rule never goes backwards, so instants come in the order of their
//! readings. Cron expressions follow it too: croner, which has rules of its own for those days, is only asked for
//! readings.
//!
//! Nothing here looks at the clock: the time that counts as now is an argument.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, TimeZone, Timelike, Utc};
use chrono_tz::{GapInfo, Tz};
use croner::Cron;
use etiqa_model::error::FieldError;
use etiqa_model::schedule::{Frequency, MonthDay, Schedule, TimeOfDay, Weekday};
use etiqa_model::{Timestamp, UserError};

mod cron;
mod zone;

#[cfg(test)]
mod tests;

pub use zone::{find_zone, machine_zone, zone_names, zone_or_utc};

/// Whether the schedule can ever be due. The error names the field `time_zone` or `cron`, or both, each with a
/// sentence that says what to write instead.
pub fn check(schedule: &Schedule) -> Result<(), UserError> {
    let mut wrong = Vec::new();
    if let Err(message) = find_zone(&schedule.time_zone) {
        wrong.push(FieldError { field: "time_zone".into(), message });
    }
    if let Frequency::Cron { expression } = &schedule.frequency
        && let Err(message) = cron::parse(expression)
    {
        wrong.push(FieldError { field: "cron".into(), message });
    }
    if wrong.is_empty() { Ok(()) } else { Err(UserError::in_fields(wrong)) }
}

/// The first time after `after` at which the schedule is due; none for one that [`check`] refuses.
pub fn next_after(schedule: &Schedule, after: Timestamp) -> Option<Timestamp> {
    Rule::of(schedule)?.next_after(after)
}

/// The next `count` times after `after`, each later than the one before.
pub fn next_times(schedule: &Schedule, after: Timestamp, count: usize) -> Vec<Timestamp> {
    let Some(rule) = Rule::of(schedule) else { return Vec::new() };
    let first = rule.next_after(after);
    std::iter::successors(first, |&last| rule.next_after(last)).take(count).collect()
}

/// The first instant at which a clock in the zone of this name shows `reading` or, where it is skipped, a later one.
pub fn instant_of(zone: &str, reading: NaiveDateTime) -> Option<Timestamp> {
    first_showing(zone_or_utc(zone), reading).map(Timestamp::from)
}

/// A schedule with its zone found and its cron expression read.
enum Rule {
    /// Every elapsed hour, so many milliseconds into it, by UTC.
    Hourly { into_hour: i64 },
    /// At readings of the local clock.
    Local { zone: Tz, readings: Readings },
}

/// Readings of a local clock.
enum Readings {
    Daily(TimeOfDay),
    Weekly(Weekday, TimeOfDay),
    Monthly(MonthDay, TimeOfDay),
    Cron(Box<Cron>),
}

impl Rule {
    fn of(schedule: &Schedule) -> Option<Self> {
        let readings = match &schedule.frequency {
            Frequency::Hourly { minute } => {
                return Some(Self::Hourly { into_hour: i64::from(*minute) * 60_000 });
            }
            Frequency::Daily { at } => Readings::Daily(*at),
            Frequency::Weekly { weekday, at } => Readings::Weekly(*weekday, *at),
            Frequency::Monthly { day, at } => Readings::Monthly(*day, *at),
            Frequency::Cron { expression } => Readings::Cron(Box::new(cron::parse(expression).ok()?)),
        };
        Some(Self::Local { zone: find_zone(&schedule.time_zone).ok()?, readings })
    }

    fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        // chrono's arithmetic panics at the ends of its range, some 262,000 years away.
        let utc = DateTime::from_timestamp_millis(after.millis())
            .filter(|utc| (1..=9_999).contains(&utc.year()))?;
        match self {
            Self::Hourly { into_hour } => {
                const HOUR: i64 = 3_600_000;
                let hours = (after.millis() - into_hour).div_euclid(HOUR);
                Some(Timestamp((hours + 1) * HOUR + into_hour))
            }
            Self::Local { zone, readings } => {
                // A reading that the clock has already shown, or passed, came at an instant that is over: only later
                // readings matter. Some of those may be over as well, while the clock repeats itself.
                let shown = utc.with_timezone(zone).naive_local();
                let first = readings.next_after(shown);
                std::iter::successors(first, |&reading| readings.next_after(reading))
                    .map_while(|reading| first_showing(*zone, reading))
                    .find(|instant| *instant > utc)
                    .map(Timestamp::from)
            }
        }
    }
}

/// The first instant at which the zone's clock shows `reading` or a later one.
fn first_showing(zone: Tz, reading: NaiveDateTime) -> Option<DateTime<Utc>> {
    let instant = zone
        .from_local_datetime(&reading)
        .earliest()
        .or_else(|| GapInfo::new(&reading, &zone).and_then(|gap| gap.end))?;
    Some(instant.to_utc())
}

impl Readings {
    /// The first reading strictly after `shown`, on a clock that is never changed.
    fn next_after(&self, shown: NaiveDateTime) -> Option<NaiveDateTime> {
        let today = shown.date();
        match self {
            Self::Daily(at) => [Some(today), today.succ_opt()]
                .into_iter()
                .find_map(|day| on(day?, *at).filter(|r| *r > shown)),
            Self::Weekly(weekday, at) => {
                let from_monday = u64::from(today.weekday().num_days_from_monday());
                let ahead = (7 + u64::from(weekday.days_from_monday()) - from_monday) % 7;
                [ahead, ahead + 7].into_iter().find_map(|ahead| {
                    on(today.checked_add_days(Days::new(ahead))?, *at).filter(|r| *r > shown)
                })
            }
            Self::Monthly(day, at) => {
                let this_month = today.with_day(1)?;
                [0, 1].into_iter().find_map(|ahead| {
                    let month = this_month.checked_add_months(Months::new(ahead))?;
                    on(day_of_month(month, *day)?, *at).filter(|r| *r > shown)
                })
            }
            // croner sees a clock in UTC, which has neither gaps nor repeats.
            Self::Cron(cron) => cron
                .find_next_occurrence(&shown.with_nanosecond(0)?.and_utc(), false)
                .ok()
                .map(|r| r.naive_utc()),
        }
    }
}

fn on(day: NaiveDate, at: TimeOfDay) -> Option<NaiveDateTime> {
    day.and_hms_opt(at.hour.into(), at.minute.into(), 0)
}

/// The day in the month that begins at `first`; the month's last where it has no such day.
fn day_of_month(first: NaiveDate, day: MonthDay) -> Option<NaiveDate> {
    let last = first.num_days_in_month();
    first.with_day(match day {
        MonthDay::Day(day) => u32::from(day.min(last)),
        MonthDay::Last => last.into(),
    })
}
