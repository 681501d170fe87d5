//! When a schedule is due next.
//!
//! Everything but `hourly` is a list of readings of the local clock ("02:30 on the 31st"), and one rule turns a
//! reading into an instant: **the first instant at which the local clock shows that reading or a later one**. Where
//! clocks are put forward, a skipped reading thus runs at the next minute that exists; where they are put back, a
//! repeated one runs once, the first time. The rule never goes backwards, so instants come in the order of their
//! readings. Cron expressions follow it too: croner, which has rules of its own for those days, is only asked for
//! readings.
//!
//! Two things move a due time, in this order. Jitter moves it by some minutes that are the schedule's own, and the same
//! whenever they are asked for; a blackout moves it to its end and as much further as the jitter of that end says, however
//! many due times fall within. So the times of one schedule never change their order.
//!
//! Nothing here looks at the clock: the time that counts as now is an argument.

use std::time::Duration;

use chrono::{
    DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Timelike, Utc,
};
use chrono_tz::{GapInfo, Tz};
use croner::Cron;
use etiqa_model::blackout::Blackouts;
use etiqa_model::error::FieldError;
use etiqa_model::schedule::{Frequency, MonthDay, Schedule, TimeOfDay, Weekday};
use etiqa_model::{Timestamp, UserError};
use sha2::{Digest, Sha256};

mod cron;
mod zone;

#[cfg(test)]
mod period_tests;
#[cfg(test)]
mod tests;

pub use zone::{find_zone, machine_zone, zone_names, zone_or_utc};

/// Blackouts that may follow each other without a gap: with more, no time is left in a fortnight.
const MOST_IN_A_ROW: usize = 48;
const A_MINUTE: Duration = Duration::from_mins(1);
/// How many hours back the last due time is looked for, the nearest first: what is due often is not walked through for
/// years, and a 29 February is found.
const LOOK_BACK_HOURS: [u64; 6] = [2, 48, 9 * 24, 40 * 24, 400 * 24, 9 * 366 * 24];
/// Times that jitter is held against.
const LOOKED_AT: usize = 60;

/// Whether the schedule can ever be due. The error names the fields `time_zone`, `cron`, `jitter_minutes` and `blackouts`
/// that are wrong, each with a sentence that says what to write instead. It does not depend on the time.
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
    if wrong.is_empty() {
        wrong.extend(check_moves(schedule));
    }
    if wrong.is_empty() { Ok(()) } else { Err(UserError::in_fields(wrong)) }
}

/// What is wrong with how due times are moved.
fn check_moves(schedule: &Schedule) -> Option<FieldError> {
    let in_field = |field: &str, message: String| Some(FieldError { field: field.to_owned(), message });
    // A day like any other: a Thursday in the middle of January, without a change of clocks near it.
    let day = Timestamp(1_768_435_200_000);
    let plain = Schedule::plain(schedule.frequency.clone(), schedule.time_zone.clone());
    let due = next_times(&plain, "", day, LOOKED_AT);
    let shortest = due.windows(2).map(|pair| pair[1].since(pair[0])).min();
    let jitter = Duration::from_mins(u64::from(schedule.jitter_minutes));
    if let Some(shortest) = shortest.filter(|shortest| jitter >= *shortest && !jitter.is_zero()) {
        let minutes = shortest.as_secs() / 60;
        return in_field(
            "jitter_minutes",
            format!(
                "Runs follow each other after {minutes} minutes: let each begin less than that after its time."
            ),
        );
    }
    let rule = Rule::of(schedule)?;
    let is_possible =
        rule.out_of(&schedule.blackouts, day).is_some() && !next_times(schedule, "", day, 1).is_empty();
    if is_possible {
        None
    } else {
        in_field("blackouts", "These windows leave no time for a run.".to_owned())
    }
}

/// The first time after `after` at which the schedule is due; none for one that [`check`] refuses. `salt` is the schedule's
/// own: of those with the same jitter and other salts, each begins at another minute.
pub fn next_after(schedule: &Schedule, salt: &str, after: Timestamp) -> Option<Timestamp> {
    next_times(schedule, salt, after, 1).pop()
}

/// The next `count` times after `after`, each later than the one before.
pub fn next_times(schedule: &Schedule, salt: &str, after: Timestamp, count: usize) -> Vec<Timestamp> {
    let Some(rule) = Rule::of(schedule) else { return Vec::new() };
    let jitter = Jitter { minutes: schedule.jitter_minutes, salt };
    let mut times: Vec<Timestamp> = Vec::with_capacity(count);
    for begin in rule.begins_after(&schedule.blackouts, &jitter, after) {
        // Those that wait for the end of one blackout begin as one.
        if times.last() == Some(&begin) {
            continue;
        }
        times.push(begin);
        if times.len() == count {
            break;
        }
    }
    times
}

/// The last time, `at` or before it, at which the schedule was due; none for one that [`check`] refuses, and where that was
/// years ago.
pub fn last_at(schedule: &Schedule, salt: &str, at: Timestamp) -> Option<Timestamp> {
    let rule = Rule::of(schedule)?;
    let jitter = Jitter { minutes: schedule.jitter_minutes, salt };
    LOOK_BACK_HOURS.iter().find_map(|&hours| {
        let after = at.minus(Duration::from_hours(hours));
        rule.begins_after(&schedule.blackouts, &jitter, after).take_while(|begin| *begin <= at).last()
    })
}

/// The first instant at which a clock in the zone of this name shows `reading` or, where it is skipped, a later one.
pub fn instant_of(zone: &str, reading: NaiveDateTime) -> Option<Timestamp> {
    first_showing(zone_or_utc(zone), reading).map(Timestamp::from)
}

/// When the windows end in which `at` is, by the clock of the zone of this name; none where it is in none, or where they
/// never end.
pub fn end_of_windows(windows: &Blackouts, zone: &str, at: Timestamp) -> Option<Timestamp> {
    let daily = Frequency::Daily { at: TimeOfDay { hour: 0, minute: 0 } };
    let end = Rule::of(&Schedule::plain(daily, zone))?.out_of(windows, at)?;
    (end > at).then_some(end)
}

/// By how much runs begin after their times.
struct Jitter<'a> {
    /// Less than so many minutes.
    minutes: u32,
    salt: &'a str,
}

impl Jitter<'_> {
    /// The delay of what is due at `due`: always the same, and like none other.
    fn of(&self, due: Timestamp) -> Duration {
        let milliseconds = u64::from(self.minutes) * 60_000;
        if milliseconds == 0 {
            return Duration::ZERO;
        }
        let hash = Sha256::digest(format!("{}/{}", self.salt, due.millis()));
        let mut number = [0; 8];
        number.copy_from_slice(&hash[..8]);
        // To the second, as a person reads it.
        Duration::from_secs(u64::from_be_bytes(number) % milliseconds / 1000)
    }

    fn earliest(&self, after: Timestamp) -> Timestamp {
        after.minus(Duration::from_mins(u64::from(self.minutes)))
    }
}

/// A schedule with its zone found and its cron expression read.
enum Rule {
    /// Every elapsed hour, so many milliseconds into it, by UTC; the zone is that of blackouts.
    Hourly { into_hour: i64, zone: Tz },
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
                let zone = find_zone(&schedule.time_zone).ok()?;
                return Some(Self::Hourly { into_hour: i64::from(*minute) * 60_000, zone });
            }
            Frequency::Daily { at } => Readings::Daily(*at),
            Frequency::Weekly { weekday, at } => Readings::Weekly(*weekday, *at),
            Frequency::Monthly { day, at } => Readings::Monthly(*day, *at),
            Frequency::Cron { expression } => Readings::Cron(Box::new(cron::parse(expression).ok()?)),
        };
        Some(Self::Local { zone: find_zone(&schedule.time_zone).ok()?, readings })
    }

    fn zone(&self) -> Tz {
        match self {
            Self::Hourly { zone, .. } | Self::Local { zone, .. } => *zone,
        }
    }

    /// When runs begin after `after`, in order. Those that wait for the end of one blackout, which begin as one, are in it
    /// as often as they were due.
    fn begins_after(
        &self,
        blackouts: &Blackouts,
        jitter: &Jitter<'_>,
        after: Timestamp,
    ) -> impl Iterator<Item = Timestamp> {
        // What was due a moment before `after` may begin behind it.
        let first = self.next_after(jitter.earliest(after));
        let due = std::iter::successors(first, move |&last| self.next_after(last));
        let begins = due.map_while(move |due| self.begin(blackouts, jitter, due));
        begins.filter(move |begin| *begin > after)
    }

    /// When a run begins that is due at `due`; none where blackouts leave no time. To this schedule every blackout is as much
    /// longer as its jitter says: so what waits for the end of one begins when others do not, and still before what is due
    /// after it.
    fn begin(&self, blackouts: &Blackouts, jitter: &Jitter<'_>, due: Timestamp) -> Option<Timestamp> {
        let mut begin = due.plus(jitter.of(due));
        for _ in 0..MOST_IN_A_ROW {
            match self.end_for(blackouts, jitter, begin)? {
                Some(end) => begin = end,
                None => return Some(begin),
            }
        }
        None
    }

    /// The end of a blackout, with this schedule's delay, where that is after `at` and its beginning is not.
    #[expect(clippy::option_option, reason = "the outer one is a schedule without any time left")]
    fn end_for(
        &self,
        blackouts: &Blackouts,
        jitter: &Jitter<'_>,
        at: Timestamp,
    ) -> Option<Option<Timestamp>> {
        if blackouts.is_empty() {
            return Some(None);
        }
        let mut look = jitter.earliest(at);
        while look <= at {
            let end = self.out_of(blackouts, look)?;
            let begin = end.plus(jitter.of(end));
            if end > look && begin > at {
                return Some(Some(begin));
            }
            look = end.max(look.plus(A_MINUTE));
        }
        Some(None)
    }

    /// `at`, or the end of the blackouts in which it is.
    fn out_of(&self, blackouts: &Blackouts, at: Timestamp) -> Option<Timestamp> {
        let mut out = at;
        // Windows that follow each other without a gap: no more of them than there can be in two weeks.
        for _ in 0..MOST_IN_A_ROW {
            let shown =
                DateTime::from_timestamp_millis(out.millis())?.with_timezone(&self.zone()).naive_local();
            let weekday = u8::try_from(shown.weekday().num_days_from_monday()).ok()?;
            let minute = u16::try_from(shown.hour() * 60 + shown.minute()).ok()?;
            let Some(left) = blackouts.minutes_left(weekday, minute) else { return Some(out) };
            let end = shown
                .with_second(0)?
                .with_nanosecond(0)?
                .checked_add_signed(TimeDelta::minutes(left.into()))?;
            // While a clock repeats itself its end may have been shown already.
            let end = Timestamp::from(first_showing(self.zone(), end)?);
            out = if end > out { end } else { out.plus(A_MINUTE) };
        }
        None
    }

    fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        // chrono's arithmetic panics at the ends of its range, some 262,000 years away.
        let utc = DateTime::from_timestamp_millis(after.millis())
            .filter(|utc| (1..=9_999).contains(&utc.year()))?;
        match self {
            Self::Hourly { into_hour, .. } => {
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
