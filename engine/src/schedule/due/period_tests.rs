//! Every period has its run, and has it once: through both changes of the clocks, over leap days, and in the zones whose
//! clocks do the oddest things.

use chrono::Duration;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// Changes by half an hour (Lord Howe) and by two (Troll), at midnight (Santiago, Beirut, Havana, Cairo, Gaza, the Azores),
/// across midnight (Nuuk), in winter (Dublin), around Ramadan (Casablanca, El Aaiún), with quarters (Chatham), no more
/// (Asunción), and never (Kathmandu, UTC).
const ODD: [&str; 18] = [
    "Europe/Vienna",
    "America/New_York",
    "Australia/Lord_Howe",
    "Antarctica/Troll",
    "America/Santiago",
    "Asia/Beirut",
    "America/Havana",
    "Africa/Cairo",
    "Asia/Gaza",
    "Atlantic/Azores",
    "America/Nuuk",
    "Europe/Dublin",
    "Africa/Casablanca",
    "Africa/El_Aaiun",
    "Pacific/Chatham",
    "America/Asuncion",
    "Asia/Kathmandu",
    "UTC",
];
/// With a leap day at their end.
const YEARS: [i32; 3] = [2026, 2027, 2028];

fn at(text: &str) -> TimeOfDay {
    TimeOfDay::parse(text).unwrap()
}

fn days_of(year: i32) -> impl Iterator<Item = NaiveDate> {
    let first = NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
    first.iter_days().take_while(move |day| day.year() == year)
}

fn is_last_of_month(day: NaiveDate) -> bool {
    day.succ_opt().unwrap().day() == 1
}

/// The readings of a frequency in a year, from the calendar alone; none for those that are counted otherwise.
fn readings(frequency: &Frequency, year: i32) -> Vec<NaiveDateTime> {
    let is_day = |day: NaiveDate| match frequency {
        Frequency::Daily { .. } => true,
        Frequency::Weekly { weekday, .. } => day.weekday().to_string() == weekday.label()[..3],
        Frequency::Monthly { day: MonthDay::Last, .. } => is_last_of_month(day),
        Frequency::Monthly { day: MonthDay::Day(number), .. } => {
            day.day() == u32::from(*number) || is_last_of_month(day) && day.day() < u32::from(*number)
        }
        Frequency::Hourly { .. } | Frequency::Cron { .. } => false,
    };
    let time = match frequency {
        Frequency::Daily { at } | Frequency::Weekly { at, .. } | Frequency::Monthly { at, .. } => *at,
        Frequency::Hourly { .. } | Frequency::Cron { .. } => at("00:00"),
    };
    days_of(year).filter(|day| is_day(*day)).map(|day| on(day, time).unwrap()).collect()
}

/// Each reading has a run: at an instant that shows it or a later one, while none before it did. There is no other run
/// between them, and one alone for readings that are passed over together.
fn assert_one_run_each(schedule: &Schedule, readings: &[NaiveDateTime]) {
    let Some(first) = readings.first() else { return };
    let zone = zone_or_utc(&schedule.time_zone);
    let shown =
        |time: Timestamp, before: Duration| (time.to_utc() - before).with_timezone(&zone).naive_local();
    let start = Timestamp::from(first.and_utc() - Duration::days(3));
    let all = std::iter::successors(next_after(schedule, "", start), |last| next_after(schedule, "", *last));
    let mut due = all.skip_while(|time| shown(*time, Duration::zero()) < *first);
    let mut time = due.next().unwrap();
    for (number, reading) in readings.iter().enumerate() {
        let now = shown(time, Duration::zero());
        assert!(now >= *reading, "{schedule:?}: a run at {now}, which is before {reading}");
        // No clock is put back by more than three hours.
        let moments = (1..=12).map(|quarters| Duration::minutes(15 * quarters)).chain([Duration::seconds(1)]);
        for before in moments {
            assert!(
                shown(time, before) < *reading,
                "{schedule:?}: {reading} was shown {before} before {now}"
            );
        }
        if readings.get(number + 1).is_some_and(|next| now < *next) {
            time = due.next().unwrap();
        }
    }
}

#[test]
fn every_day_week_and_month_has_one_run_in_the_oddest_zones() {
    let mut frequencies = Vec::new();
    frequencies.extend(["00:00", "00:30", "02:15", "23:45"].map(|time| Frequency::Daily { at: at(time) }));
    frequencies.extend(Weekday::ALL.iter().map(|&weekday| Frequency::Weekly { weekday, at: at("00:10") }));
    for day in [MonthDay::Day(29), MonthDay::Day(30), MonthDay::Day(31), MonthDay::Last] {
        frequencies.extend(["00:00", "02:30"].map(|time| Frequency::Monthly { day, at: at(time) }));
    }
    let years = ODD.iter().flat_map(|&zone| YEARS.map(|year| (zone, year)));
    // And the year that had a day less in Apia.
    for (zone, year) in years.chain([("Pacific/Apia", 2011)]) {
        for frequency in &frequencies {
            let readings = readings(frequency, year);
            assert!(readings.len() >= 12, "{frequency:?} in {year}");
            assert_one_run_each(&Schedule::plain(frequency.clone(), zone), &readings);
        }
    }
}

#[test]
fn every_time_of_a_cron_expression_has_one_run_in_the_oddest_zones() {
    type IsDay = fn(NaiveDate) -> bool;
    let expressions: [(&str, IsDay, &[&str]); 5] = [
        ("30 2 * * *", |_| true, &["02:30"]),
        ("0 0 29 2 *", |day| (day.month(), day.day()) == (2, 29), &["00:00"]),
        ("15 4 31 * *", |day| day.day() == 31, &["04:15"]),
        ("45 23 L * *", is_last_of_month, &["23:45"]),
        (
            "0,30 0-3 * * SUN",
            |day| day.weekday() == chrono::Weekday::Sun,
            &["00:00", "00:30", "01:00", "01:30", "02:00", "02:30", "03:00", "03:30"],
        ),
    ];
    for (expression, is_day, times) in expressions {
        let frequency = Frequency::Cron { expression: expression.into() };
        for year in YEARS {
            let days = days_of(year).filter(|day| is_day(*day));
            let readings: Vec<NaiveDateTime> =
                days.flat_map(|day| times.iter().map(move |time| on(day, at(time)).unwrap())).collect();
            for zone in ODD {
                assert_one_run_each(&Schedule::plain(frequency.clone(), zone), &readings);
            }
        }
    }
}

#[test]
fn every_elapsed_hour_of_a_leap_year_has_one_run_whatever_the_clocks_do() {
    for zone in ["Europe/Vienna", "Australia/Lord_Howe", "Asia/Kathmandu"] {
        let schedule = Schedule::plain(Frequency::Hourly { minute: 29 }, zone);
        let start = NaiveDate::from_ymd_opt(2028, 1, 1).unwrap().and_hms_opt(0, 0, 0).unwrap().and_utc();
        let due = next_times(&schedule, "", start.into(), 366 * 24);
        let expected = (0..366 * 24).map(|hour| start + Duration::minutes(60 * hour + 29));
        assert!(due.iter().copied().eq(expected.map(Timestamp::from)), "{zone}");
    }
}

fn any_of_days() -> impl Strategy<Value = Frequency> {
    let time = || (0..24_u8, 0..60_u8).prop_map(|(hour, minute)| TimeOfDay { hour, minute });
    let day = prop_oneof![(1..=31_u8).prop_map(MonthDay::Day), Just(MonthDay::Last)];
    prop_oneof![
        time().prop_map(|at| Frequency::Daily { at }),
        (select(Weekday::ALL), time()).prop_map(|(weekday, at)| Frequency::Weekly { weekday, at }),
        (day, time()).prop_map(|(day, at)| Frequency::Monthly { day, at }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn every_period_of_any_year_has_one_run_in_any_zone(
        name in select(zone_names()),
        year in 2013..2090_i32,
        frequency in any_of_days(),
    ) {
        assert_one_run_each(&Schedule::plain(frequency.clone(), name), &readings(&frequency, year));
    }
}
