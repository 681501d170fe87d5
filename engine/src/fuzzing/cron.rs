//! Schedules by cron expressions.

use chrono::DateTime;
use etiqa_model::Timestamp;
use etiqa_model::blackout::Blackouts;
use etiqa_model::schedule::{Frequency, Schedule};

use crate::schedule::due::{check, last_at, next_times};

/// No form takes a longer one.
const LONGEST: usize = 200;
/// The thirtieth of March 2030 in UTC: the clocks of Europe change on the next day.
const NOW: i64 = 1_901_059_200;
const ZONES: [&str; 4] = ["UTC", "Europe/Vienna", "America/Havana", "Australia/Lord_Howe"];

/// The first byte says in which zone; the rest is the expression.
///
/// What is refused is refused in a sentence. What is taken comes again and again, each time later than the one before, and the
/// last time that it came is none that is yet to come.
///
/// # Panics
/// Where one of these does not hold.
pub fn cron(input: &[u8]) {
    let Some((&zone, expression)) = input.split_first() else { return };
    let Ok(expression) = std::str::from_utf8(&expression[..expression.len().min(LONGEST)]) else { return };
    let schedule = Schedule {
        frequency: Frequency::Cron { expression: expression.to_owned() },
        time_zone: ZONES[usize::from(zone) % ZONES.len()].to_owned(),
        jitter_minutes: 0,
        blackouts: Blackouts::default(),
    };
    if let Err(error) = check(&schedule) {
        assert!(error.fields.iter().all(|field| field.message.ends_with('.')), "{error:?}");
        return;
    }
    let Some(now) = DateTime::from_timestamp(NOW, 0).map(Timestamp::from) else { return };
    let times = next_times(&schedule, "fuzz", now, 3);
    assert!(times.iter().all(|time| *time > now) && times.is_sorted(), "{expression}: {times:?}");
    assert!(last_at(&schedule, "fuzz", now).is_none_or(|last| last <= now), "{expression}");
}
