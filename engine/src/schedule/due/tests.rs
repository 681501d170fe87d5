//! Due times against a person who watches the local clock, minute by minute.

use chrono::Duration;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

fn schedule(frequency: Frequency, zone: &str) -> Schedule {
    Schedule::plain(frequency, zone)
}

fn at(text: &str) -> TimeOfDay {
    TimeOfDay::parse(text).unwrap()
}

fn cron(expression: &str, zone: &str) -> Schedule {
    schedule(Frequency::Cron { expression: expression.into() }, zone)
}

fn daily(time: &str, zone: &str) -> Schedule {
    schedule(Frequency::Daily { at: at(time) }, zone)
}

/// The instant of an RFC 3339 text.
fn instant(text: &str) -> Timestamp {
    DateTime::parse_from_rfc3339(text).unwrap().into()
}

/// The next times after `after`, as the zone's clock shows them, with the offset.
fn times(schedule: &Schedule, after: &str, count: usize) -> Vec<String> {
    let zone: Tz = schedule.time_zone.parse().unwrap();
    next_times(schedule, "", instant(after), count)
        .into_iter()
        .map(|time| time.to_utc().with_timezone(&zone).format("%Y-%m-%d %H:%M %:z").to_string())
        .collect()
}

/// Minute by minute, somebody watches the zone's clock and notes each minute at which it shows, for the first time, a
/// reading that `matches` or one later than it.
fn watched(
    zone: Tz,
    matches: impl Fn(NaiveDateTime) -> bool,
    from: DateTime<Utc>,
    minutes: i64,
) -> Vec<Timestamp> {
    let shown = |instant: DateTime<Utc>| instant.with_timezone(&zone).naive_local();
    let mut latest = shown(from);
    let mut noted = Vec::new();
    for minute in 1..=minutes {
        let instant = from + Duration::minutes(minute);
        let mut is_due = false;
        while latest < shown(instant) {
            latest += Duration::minutes(1);
            is_due |= matches(latest);
        }
        if is_due {
            noted.push(instant.into());
        }
    }
    noted
}

/// Days on which clocks did something: put forward and back by an hour, by half an hour (Lord Howe), at midnight
/// (Beirut, Havana), across midnight (Nuuk), around Ramadan (Casablanca), a whole day skipped (Apia), and nothing
/// at all (Kiritimati, Kathmandu).
const CHANGES: [(&str, &str); 16] = [
    ("Europe/Vienna", "2026-03-29"),
    ("Europe/Vienna", "2026-10-25"),
    ("America/New_York", "2026-03-08"),
    ("America/New_York", "2026-11-01"),
    ("Australia/Lord_Howe", "2026-04-05"),
    ("Australia/Lord_Howe", "2026-10-04"),
    ("Africa/Casablanca", "2026-02-15"),
    ("Africa/Casablanca", "2026-03-22"),
    ("Asia/Beirut", "2026-03-29"),
    ("America/Havana", "2026-11-01"),
    ("America/Nuuk", "2026-03-28"),
    ("America/Nuuk", "2026-10-24"),
    ("Pacific/Apia", "2011-12-30"),
    ("Pacific/Apia", "2012-04-01"),
    ("Pacific/Kiritimati", "2026-03-29"),
    ("Asia/Kathmandu", "2026-03-29"),
];

fn any_time() -> impl Strategy<Value = TimeOfDay> {
    (0..24_u8, 0..60_u8).prop_map(|(hour, minute)| TimeOfDay { hour, minute })
}

fn any_frequency() -> impl Strategy<Value = Frequency> {
    let day = prop_oneof![(1..=31_u8).prop_map(MonthDay::Day), Just(MonthDay::Last)];
    prop_oneof![
        (0..60_u8).prop_map(|minute| Frequency::Hourly { minute }),
        any_time().prop_map(|at| Frequency::Daily { at }),
        (select(Weekday::ALL), any_time()).prop_map(|(weekday, at)| Frequency::Weekly { weekday, at }),
        (day, any_time()).prop_map(|(day, at)| Frequency::Monthly { day, at }),
        select(
            &["*/15 * * * *", "30 2 * * *", "0 0 29 2 *", "15 1,2,3 * * 0", "0 0 L * *", "59 23 * * 1-5"][..]
        )
        .prop_map(|text| Frequency::Cron { expression: text.into() }),
    ]
}

/// Whether a reading is one of the frequency's, written down a second time in the plainest way; `cron` is its
/// expression, read.
fn is_reading(frequency: &Frequency, cron: Option<&Cron>, reading: NaiveDateTime) -> bool {
    let is_at = |at: &TimeOfDay| (reading.hour(), reading.minute()) == (at.hour.into(), at.minute.into());
    match frequency {
        Frequency::Hourly { minute } => reading.minute() == u32::from(*minute),
        Frequency::Daily { at } => is_at(at),
        Frequency::Weekly { weekday, at } => {
            reading.weekday().to_string() == weekday.label()[..3] && is_at(at)
        }
        Frequency::Monthly { day, at } => {
            let is_last = (reading + Duration::days(1)).day() == 1;
            let is_day = match day {
                MonthDay::Last => is_last,
                MonthDay::Day(day) => {
                    reading.day() == u32::from(*day) || (is_last && reading.day() < u32::from(*day))
                }
            };
            is_day && is_at(at)
        }
        Frequency::Cron { .. } => cron.unwrap().is_time_matching(&reading.and_utc()).unwrap(),
    }
}

proptest! {
    #[test]
    fn due_times_are_those_that_a_person_at_the_clock_would_note(
        (name, date) in select(&CHANGES[..]),
        frequency in any_frequency(),
        early in 0..2_880_i64,
    ) {
        let zone: Tz = name.parse().unwrap();
        let day: NaiveDate = date.parse().unwrap();
        let from = day.and_hms_opt(0, 0, 0).unwrap().and_utc() - Duration::minutes(early);
        let minutes = 4 * 24 * 60;
        let clock = if matches!(frequency, Frequency::Hourly { .. }) { Tz::UTC } else { zone };
        let cron = match &frequency {
            Frequency::Cron { expression } => Some(cron::parse(expression).unwrap()),
            _ => None,
        };
        let noted = watched(clock, |reading| is_reading(&frequency, cron.as_ref(), reading), from, minutes);

        let end = Timestamp::from(from + Duration::minutes(minutes));
        let schedule = schedule(frequency, name);
        let mut due = next_times(&schedule, "", from.into(), noted.len() + 1);
        due.retain(|time| *time <= end);
        prop_assert_eq!(due, noted);
    }

    #[test]
    fn every_day_of_a_year_has_its_run_in_every_zone(
        name in select(zone_names()),
        year in 2013..2090_i32,
        at in any_time(),
    ) {
        let zone: Tz = name.parse().unwrap();
        let first = NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
        let before = on(first, at).unwrap().and_utc() - Duration::days(2);
        let schedule = schedule(Frequency::Daily { at }, name);
        let shown = |time: Timestamp| time.to_utc().with_timezone(&zone).naive_local();
        let due = next_times(&schedule, "", before.into(), 370);
        let day = shown(due[0]).date();
        for (number, time) in due.iter().enumerate() {
            let reading = on(day + Days::new(number as u64), at).unwrap();
            prop_assert!(shown(*time) >= reading, "{name}: too early for {reading}");
            let a_second_before = time.minus(std::time::Duration::from_secs(1));
            prop_assert!(shown(a_second_before) < reading, "{name}: too late for {reading}");
        }
        prop_assert!(due.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn the_next_time_is_after_now_and_nothing_lies_between(
        frequency in any_frequency(),
        name in select(zone_names()),
        now in 946_684_800_000..4_102_444_800_000_i64,
    ) {
        let schedule = schedule(frequency, name);
        let now = Timestamp(now);
        let next = next_after(&schedule, "", now).unwrap();
        prop_assert!(next > now);
        prop_assert_eq!(next_after(&schedule, "", Timestamp(next.millis() - 1)), Some(next));
        prop_assert!(next_after(&schedule, "", next).unwrap() > next);
    }
}

#[test]
fn an_hourly_run_comes_every_elapsed_hour_whatever_the_clocks_do() {
    let vienna = schedule(Frequency::Hourly { minute: 5 }, "Europe/Vienna");
    assert_eq!(
        times(&vienna, "2026-10-25T00:30:00+02:00", 5),
        [
            "2026-10-25 01:05 +02:00",
            "2026-10-25 02:05 +02:00",
            "2026-10-25 02:05 +01:00",
            "2026-10-25 03:05 +01:00",
            "2026-10-25 04:05 +01:00",
        ]
    );
}

#[test]
fn a_skipped_time_runs_at_the_next_valid_minute() {
    assert_eq!(
        times(&daily("02:30", "Europe/Vienna"), "2026-03-28T12:00:00Z", 2),
        ["2026-03-29 03:00 +02:00", "2026-03-30 02:30 +02:00"]
    );
    assert_eq!(
        times(&cron("15,45 2 * * *", "Europe/Vienna"), "2026-03-28T12:00:00Z", 2),
        ["2026-03-29 03:00 +02:00", "2026-03-30 02:15 +02:00"]
    );
    assert_eq!(
        times(&daily("02:10", "Australia/Lord_Howe"), "2026-10-03T12:00:00+11:00", 1),
        ["2026-10-04 02:30 +11:00"]
    );
}

#[test]
fn a_repeated_time_runs_once_the_first_time() {
    for schedule in [daily("02:30", "Europe/Vienna"), cron("30 2 * * *", "Europe/Vienna")] {
        assert_eq!(
            times(&schedule, "2026-10-24T12:00:00Z", 2),
            ["2026-10-25 02:30 +02:00", "2026-10-26 02:30 +01:00"]
        );
    }
    assert_eq!(
        times(&cron("*/30 * * * *", "Europe/Vienna"), "2026-10-25T02:00:00+02:00", 2),
        ["2026-10-25 02:30 +02:00", "2026-10-25 03:00 +01:00"]
    );
}

#[test]
fn a_day_that_a_country_skipped_runs_when_the_next_one_begins() {
    assert_eq!(
        times(&daily("02:00", "Pacific/Apia"), "2011-12-29T12:00:00-10:00", 3),
        ["2011-12-31 00:00 +14:00", "2011-12-31 02:00 +14:00", "2012-01-01 02:00 +14:00"]
    );
    // Two readings that fall on one instant are one run.
    assert_eq!(
        times(&daily("00:00", "Pacific/Apia"), "2011-12-29T12:00:00-10:00", 2),
        ["2011-12-31 00:00 +14:00", "2012-01-01 00:00 +14:00"]
    );
}

#[test]
fn the_31st_of_a_shorter_month_is_its_last_day() {
    let the_31st = Frequency::Monthly { day: MonthDay::Day(31), at: at("04:00") };
    let expected =
        ["2027-12-31 04:00", "2028-01-31 04:00", "2028-02-29 04:00", "2028-03-31 04:00", "2028-04-30 04:00"];
    let due = times(&schedule(the_31st, "UTC"), "2027-12-01T00:00:00Z", 5);
    assert_eq!(due, expected.map(|time| format!("{time} +00:00")));
    let last = Frequency::Monthly { day: MonthDay::Last, at: at("04:00") };
    assert_eq!(times(&schedule(last, "UTC"), "2027-12-01T00:00:00Z", 5), due);
}

#[test]
fn the_29th_of_february_comes_in_leap_years() {
    assert_eq!(
        times(&cron("0 6 29 2 *", "Asia/Tokyo"), "2026-01-01T00:00:00Z", 2),
        ["2028-02-29 06:00 +09:00", "2032-02-29 06:00 +09:00"]
    );
}

#[test]
fn a_week_is_counted_from_the_day_itself() {
    let monday = schedule(Frequency::Weekly { weekday: Weekday::Monday, at: at("02:00") }, "UTC");
    assert_eq!(
        times(&monday, "2026-11-23T02:00:00Z", 2),
        ["2026-11-30 02:00 +00:00", "2026-12-07 02:00 +00:00"]
    );
    assert_eq!(times(&monday, "2026-11-23T01:59:59Z", 1), ["2026-11-23 02:00 +00:00"]);
}

#[test]
fn an_unknown_zone_is_refused_with_a_suggestion() {
    for (name, meant) in [
        ("europe/vienna", "Europe/Vienna"),
        ("Vienna", "Europe/Vienna"),
        ("New York", "America/New_York"),
        ("utc ", ""),
    ] {
        let error = check(&daily("02:00", name));
        match meant {
            "" => {}
            meant => assert!(error.unwrap_err().field("time_zone").unwrap().contains(meant), "{name}"),
        }
    }
    let message = check(&daily("02:00", "Atlantis")).unwrap_err().message;
    assert_eq!(
        message,
        "\"Atlantis\" is not a known time zone; use an IANA name such as Europe/Vienna, or UTC."
    );
    assert_eq!(next_after(&daily("02:00", "Atlantis"), "", Timestamp(0)), None);
}

#[test]
fn an_impossible_cron_expression_is_refused_with_what_is_wrong() {
    for (expression, said) in [
        ("0 25 * * *", "the hour"),
        ("61 * * * *", "the minute"),
        ("0 0 32 * *", "the day of month"),
        ("0 0 * FOO *", "the month"),
        ("0 0 * * 9", "the day of week"),
        ("0 0 30 2 *", "never comes true"),
        ("0 0 0 * * *", "five fields"),
        ("* * * *", "five fields"),
        ("", "five fields"),
        ("@never", "not valid"),
    ] {
        let error = check(&cron(expression, "UTC")).unwrap_err();
        let message = error.field("cron").unwrap();
        assert!(message.contains(said), "{expression}: {message}");
        assert_eq!(next_after(&cron(expression, "UTC"), "", Timestamp(0)), None);
    }
    let both = check(&cron("0 25 * * *", "Atlantis")).unwrap_err();
    assert_eq!(both.fields.len(), 2);
}

#[test]
fn what_cron_is_known_for_is_understood() {
    for expression in
        ["30 2 * * 1-5", "0 */6 * * *", "0 0 L * *", "0 3 * * SUN#1", "0 0 1,15 * *", "@daily", "@Weekly"]
    {
        assert_eq!(check(&cron(expression, "Europe/Vienna")), Ok(()), "{expression}");
    }
    assert_eq!(
        times(&cron("0 2 * * 1", "UTC"), "2026-11-20T00:00:00Z", 2),
        ["2026-11-23 02:00 +00:00", "2026-11-30 02:00 +00:00"]
    );
}

#[test]
fn the_machine_has_a_zone_that_is_known_here() {
    assert!(find_zone(&machine_zone()).is_ok());
    assert!(zone_names().contains(&"Europe/Vienna"));
}

#[test]
fn times_beyond_the_calendar_have_no_next() {
    for millis in [i64::MIN, i64::MAX] {
        assert_eq!(next_after(&daily("02:00", "Europe/Vienna"), "", Timestamp(millis)), None);
        assert_eq!(
            next_after(&schedule(Frequency::Hourly { minute: 1 }, "UTC"), "", Timestamp(millis)),
            None
        );
    }
}

fn moved(plain: Schedule, jitter_minutes: u32, blackouts: &str) -> Schedule {
    Schedule { jitter_minutes, blackouts: Blackouts::parse(blackouts).unwrap(), ..plain }
}

#[test]
fn what_is_due_in_a_blackout_begins_once_at_its_end() {
    let hourly = schedule(Frequency::Hourly { minute: 30 }, "Europe/Vienna");
    let office = moved(hourly, 0, "mon-fri 08:00-18:00");
    // 2026-01-16 is a Friday.
    assert_eq!(
        times(&office, "2026-01-16T05:40:00Z", 4),
        [
            "2026-01-16 07:30 +01:00",
            "2026-01-16 18:00 +01:00",
            "2026-01-16 18:30 +01:00",
            "2026-01-16 19:30 +01:00"
        ]
    );
    let nightly = moved(daily("02:00", "Europe/Vienna"), 0, "01:00-02:30; 02:30-04:00; sat,sun");
    assert_eq!(
        times(&nightly, "2026-01-16T00:30:00Z", 3),
        ["2026-01-16 04:00 +01:00", "2026-01-19 00:00 +01:00", "2026-01-19 04:00 +01:00"],
        "windows without a gap are one, and the weekend's two times begin as one"
    );
}

#[test]
fn a_blackout_ends_when_the_clock_shows_its_end_however_it_was_changed() {
    // On 2026-03-29 Vienna's clock goes from 02:00 to 03:00, on 2026-10-25 from 03:00 back to 02:00.
    let early = moved(daily("01:30", "Europe/Vienna"), 0, "01:00-02:30");
    assert_eq!(times(&early, "2026-03-28T12:00:00Z", 1), ["2026-03-29 03:00 +02:00"]);
    assert_eq!(
        times(&early, "2026-10-24T12:00:00Z", 2),
        ["2026-10-25 02:30 +02:00", "2026-10-26 02:30 +01:00"]
    );
}

#[test]
fn jitter_is_a_schedules_own_and_the_same_whenever_it_is_asked_for() {
    let nightly = moved(daily("02:00", "UTC"), 60, "");
    let begin = |salt: &str| next_after(&nightly, salt, instant("2026-01-15T12:00:00Z")).unwrap();
    let due = instant("2026-01-16T02:00:00Z");
    let delays: Vec<u64> = (0..50).map(|n| begin(&format!("config-{n}")).since(due).as_secs()).collect();
    assert!(delays.iter().all(|delay| *delay < 3600) && begin("a") >= due);
    assert!(delays.iter().max().unwrap() - delays.iter().min().unwrap() > 1800, "spread: {delays:?}");
    assert_eq!(begin("a"), begin("a"));
    let asked_late = next_after(&nightly, "a", due.plus(std::time::Duration::from_secs(1))).unwrap();
    assert!(begin("a") == due || asked_late == begin("a"), "what was due a moment ago still begins");
}

/// The last time up to `at`, as the zone's clock shows it.
fn last(schedule: &Schedule, at: &str) -> Option<String> {
    let zone: Tz = schedule.time_zone.parse().unwrap();
    let time = last_at(schedule, "", instant(at))?;
    Some(time.to_utc().with_timezone(&zone).format("%Y-%m-%d %H:%M %:z").to_string())
}

#[test]
fn the_last_due_time_is_found_however_long_ago_it_was() {
    let daily = daily("02:00", "Europe/Vienna");
    assert_eq!(
        last(&daily, "2026-11-23T01:00:00Z").as_deref(),
        Some("2026-11-23 02:00 +01:00"),
        "the moment itself"
    );
    assert_eq!(last(&daily, "2026-11-23T00:59:59Z").as_deref(), Some("2026-11-22 02:00 +01:00"));
    // Where 02:00 is skipped it was due at 03:00.
    assert_eq!(last(&daily, "2026-03-29T12:00:00Z").as_deref(), Some("2026-03-29 03:00 +02:00"));
    let hourly = schedule(Frequency::Hourly { minute: 5 }, "UTC");
    assert_eq!(last(&hourly, "2026-11-23T12:04:00Z").as_deref(), Some("2026-11-23 11:05 +00:00"));
    let monthly = schedule(Frequency::Monthly { day: MonthDay::Last, at: at("23:00") }, "UTC");
    assert_eq!(last(&monthly, "2026-11-30T22:00:00Z").as_deref(), Some("2026-10-31 23:00 +00:00"));
    let leap_days = cron("0 3 29 2 *", "UTC");
    assert_eq!(last(&leap_days, "2027-06-01T00:00:00Z").as_deref(), Some("2024-02-29 03:00 +00:00"));
    // What was due at noon waited for the end of the blackout.
    let waits = moved(schedule(Frequency::Daily { at: at("12:00") }, "UTC"), 0, "08:00-18:00");
    assert_eq!(last(&waits, "2026-11-23T17:00:00Z").as_deref(), Some("2026-11-22 18:00 +00:00"));
    assert_eq!(last(&waits, "2026-11-23T19:00:00Z").as_deref(), Some("2026-11-23 18:00 +00:00"));
}

#[test]
fn moves_that_leave_no_time_or_more_than_there_is_are_refused() {
    let wrong = |schedule: &Schedule| check(schedule).unwrap_err().fields.pop().unwrap();
    let always = wrong(&moved(daily("02:00", "UTC"), 0, "mon-sun"));
    assert_eq!(
        (always.field.as_str(), always.message.as_str()),
        ("blackouts", "These windows leave no time for a run.")
    );
    let often = wrong(&moved(cron("*/15 * * * *", "UTC"), 15, ""));
    assert_eq!(often.field, "jitter_minutes");
    assert!(often.message.starts_with("Runs follow each other after 15 minutes"), "{often:?}");
    check(&moved(cron("*/15 * * * *", "UTC"), 14, "mon-fri 08:00-18:00")).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn moved_times_come_one_after_the_other_and_never_in_a_blackout(
        minute in 0..60_u8, jitter in 0..60_u32, from in 0..1440_u16, length in 1..1000_u16, start in 0..400_000_i64,
    ) {
        let to = (from + length) % 1440;
        let window = format!("{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60);
        let hourly = schedule(Frequency::Hourly { minute }, "Europe/Vienna");
        let schedule = moved(hourly, jitter, &window);
        let after = Timestamp(instant("2026-03-20T00:00:00Z").millis() + start * 1000);
        let all = next_times(&schedule, "salt", after, 60);
        prop_assert_eq!(all.len(), 60);
        prop_assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
        let rule = Rule::of(&schedule).unwrap();
        prop_assert_eq!(last_at(&schedule, "salt", all[59]), Some(all[59]));
        for (index, begin) in all.iter().enumerate() {
            prop_assert_eq!(rule.out_of(&schedule.blackouts, *begin), Some(*begin));
            let before = if index == 0 { after } else { all[index - 1] };
            prop_assert_eq!(next_after(&schedule, "salt", before), Some(*begin), "asked one by one");
        }
    }
}
