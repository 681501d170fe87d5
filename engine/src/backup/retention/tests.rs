//! What retention must never do, whatever the archives and the counts.

use chrono::{DateTime, NaiveDate};
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const HOUR: i64 = 3_600_000;

fn keep(max_backups: u32) -> Retention {
    Retention { max_backups, keep_hourly: 0, keep_daily: 0, keep_weekly: 0, keep_monthly: 0, keep_yearly: 0 }
}

/// A good archive that ended at an RFC 3339 time.
fn good(run: i64, finished_at: &str) -> Archive {
    let finished_at = DateTime::parse_from_rfc3339(finished_at).unwrap().into();
    Archive { run: RunId(run), finished_at, good: true, devices_failed: 0, protected: false }
}

fn damaged(run: i64, finished_at: &str) -> Archive {
    Archive { good: false, ..good(run, finished_at) }
}

/// One good archive a day at noon UTC, from run 1 on 1 November 2026.
fn november(days: i64) -> Vec<Archive> {
    (1..=days).map(|day| good(day, &format!("2026-11-{day:02}T12:00:00Z"))).collect()
}

fn kept(archives: &[Archive], retention: &Retention, zone: Tz) -> Vec<i64> {
    plan(archives, retention, zone)
        .iter()
        .filter(|verdict| verdict.keep)
        .map(|verdict| verdict.run.0)
        .collect()
}

fn reason(archives: &[Archive], retention: &Retention, run: i64) -> String {
    let verdicts = plan(archives, retention, Tz::Europe__Vienna);
    verdicts.iter().find(|verdict| verdict.run == RunId(run)).unwrap().reason.to_string()
}

fn any_archives() -> impl Strategy<Value = Vec<Archive>> {
    let one = (
        0..20_000_i64,
        prop::bool::weighted(0.8),
        prop_oneof![3 => Just(0), 1 => 1..9_u32],
        prop::bool::weighted(0.1),
    );
    prop::collection::vec(one, 0..60).prop_map(|archives| {
        let archive =
            |(run, (hour, good, devices_failed, protected)): (usize, (i64, bool, u32, bool))| Archive {
                run: RunId(run as i64),
                finished_at: Timestamp(1_790_000_000_000 + hour * HOUR),
                good,
                devices_failed,
                protected,
            };
        archives.into_iter().enumerate().map(archive).collect()
    })
}

fn any_retention() -> impl Strategy<Value = Retention> {
    (1..12_u32, prop::array::uniform5(0..6_u32)).prop_map(|(max_backups, counts)| {
        let [keep_hourly, keep_daily, keep_weekly, keep_monthly, keep_yearly] = counts;
        Retention { max_backups, keep_hourly, keep_daily, keep_weekly, keep_monthly, keep_yearly }
    })
}

fn any_zone() -> impl Strategy<Value = Tz> {
    select(&[Tz::UTC, Tz::Europe__Vienna, Tz::Australia__Lord_Howe, Tz::Pacific__Kiritimati][..])
}

fn latest_first(archives: &[Archive]) -> Vec<Archive> {
    let mut sorted = archives.to_vec();
    sorted.sort_by_key(|archive| (archive.finished_at, archive.run));
    sorted.reverse();
    sorted
}

proptest! {
    #[test]
    fn what_must_stay_stays(archives in any_archives(), retention in any_retention(), zone in any_zone()) {
        let kept = kept(&archives, &retention, zone);
        let is_kept = |archive: &Archive| kept.contains(&archive.run.0);
        prop_assert!(archives.iter().filter(|archive| archive.protected).all(is_kept));
        let good: Vec<&Archive> = archives.iter().rev().filter(|archive| archive.good).collect();
        prop_assert!(good.iter().take(retention.max_backups as usize).all(|archive| is_kept(archive)));
        prop_assert!(good.iter().find(|archive| archive.devices_failed == 0).is_none_or(|archive| is_kept(archive)));
    }

    #[test]
    fn a_damaged_archive_changes_nothing_for_the_good_ones(
        archives in any_archives(),
        retention in any_retention(),
        zone in any_zone(),
    ) {
        let good: Vec<Archive> = archives.iter().copied().filter(|archive| archive.good).collect();
        let mut beside_damaged = plan(&archives, &retention, zone);
        beside_damaged.retain(|verdict| good.iter().any(|archive| archive.run == verdict.run));
        prop_assert_eq!(beside_damaged, plan(&good, &retention, zone));
    }

    #[test]
    fn what_was_kept_once_is_kept_again(archives in any_archives(), retention in any_retention(), zone in any_zone()) {
        let first = kept(&archives, &retention, zone);
        let left: Vec<Archive> = archives.into_iter().filter(|archive| first.contains(&archive.run.0)).collect();
        prop_assert_eq!(kept(&left, &retention, zone), first);
    }

    #[test]
    fn each_count_keeps_the_last_good_archive_of_so_many_days(
        archives in any_archives(),
        days in 0..20_u32,
        zone in any_zone(),
    ) {
        let retention = Retention { keep_daily: days, ..keep(1) };
        let day = |archive: &Archive| archive.finished_at.to_utc().with_timezone(&zone).date_naive();
        let sorted = latest_first(&archives);
        let good: Vec<&Archive> = sorted.iter().filter(|archive| archive.good).collect();
        let mut seen: Vec<NaiveDate> = good.iter().map(|archive| day(archive)).collect();
        seen.dedup();
        let kept = kept(&archives, &retention, zone);
        for wanted in seen.into_iter().take(days as usize) {
            let last = good.iter().find(|archive| day(archive) == wanted).unwrap();
            prop_assert!(kept.contains(&last.run.0), "the last of {wanted}");
        }
    }

    #[test]
    fn keeping_more_never_removes_more(archives in any_archives(), retention in any_retention(), zone in any_zone()) {
        let more = Retention {
            max_backups: retention.max_backups + 1,
            keep_weekly: retention.keep_weekly + 1,
            keep_yearly: retention.keep_yearly + 1,
            ..retention
        };
        let now = kept(&archives, &more, zone);
        prop_assert!(kept(&archives, &retention, zone).iter().all(|run| now.contains(run)));
    }

    #[test]
    fn no_more_is_kept_than_the_rules_say(archives in any_archives(), retention in any_retention(), zone in any_zone()) {
        let counts = Period::counts(&retention).iter().map(|(_, count)| *count).sum::<u32>();
        // Once for the good ones, once for damaged ones among the newest, two that always stay.
        let most = (2 * retention.max_backups + counts + 2) as usize;
        let verdicts = plan(&archives, &retention, zone);
        prop_assert_eq!(verdicts.len(), archives.len());
        prop_assert!(verdicts.iter().filter(|verdict| verdict.keep && verdict.reason != Reason::Protected).count() <= most);
    }
}

#[test]
fn the_newest_ones_are_kept() {
    assert_eq!(kept(&november(12), &keep(10), Tz::UTC), (3..=12).collect::<Vec<_>>());
    assert_eq!(reason(&november(12), &keep(10), 3), "one of the newest 10");
    assert_eq!(reason(&november(12), &keep(10), 2), "older than what is kept");
    assert_eq!(reason(&november(12), &keep(10), 12), "the newest good one");
}

#[test]
fn each_rule_looks_at_all_archives_by_itself() {
    let retention = Retention { keep_daily: 4, keep_weekly: 2, keep_monthly: 1, ..keep(2) };
    assert_eq!(kept(&november(23), &retention, Tz::Europe__Vienna), [20, 21, 22, 23]);
    let retention = Retention { keep_weekly: 3, ..keep(1) };
    assert_eq!(kept(&november(23), &retention, Tz::Europe__Vienna), [15, 22, 23]);
    assert_eq!(reason(&november(23), &retention, 15), "the last of week 46 of 2026");
}

#[test]
fn a_reason_names_the_period() {
    let archives = [
        good(1, "2024-06-01T12:00:00Z"),
        good(2, "2025-12-31T23:30:00Z"),
        good(3, "2026-11-23T10:20:00Z"),
        good(4, "2026-11-23T11:00:00Z"),
    ];
    let reason = |retention, run| reason(&archives, &retention, run);
    assert_eq!(
        reason(Retention { keep_hourly: 2, ..keep(1) }, 3),
        "the last of the hour from 11:00 on Monday 23 November 2026"
    );
    // In Vienna it is New Year's Day already.
    assert_eq!(reason(Retention { keep_daily: 2, ..keep(1) }, 2), "the last of Thursday 1 January 2026");
    assert_eq!(reason(Retention { keep_monthly: 2, ..keep(1) }, 2), "the last of January 2026");
    assert_eq!(reason(Retention { keep_yearly: 2, ..keep(1) }, 1), "the last of 2024");
}

#[test]
fn a_pause_uses_up_no_count() {
    let mut archives = november(3);
    archives.push(good(4, "2027-06-01T12:00:00Z"));
    assert_eq!(kept(&archives, &Retention { keep_daily: 4, ..keep(1) }, Tz::UTC), [1, 2, 3, 4]);
}

#[test]
fn a_day_with_only_a_damaged_archive_does_not_count() {
    let mut archives = november(3);
    archives[1].good = false;
    let retention = Retention { keep_daily: 2, ..keep(1) };
    assert_eq!(kept(&archives, &retention, Tz::UTC), [1, 3]);
    assert_eq!(reason(&archives, &retention, 2), "damaged, and not one of the newest");
}

#[test]
fn damaged_archives_do_not_push_out_the_good_ones() {
    let mut archives = vec![good(1, "2026-11-01T12:00:00Z"), good(2, "2026-11-02T12:00:00Z")];
    archives.extend((3..=9).map(|day| damaged(day, &format!("2026-11-0{day}T12:00:00Z"))));
    assert_eq!(kept(&archives, &keep(2), Tz::UTC), [1, 2, 8, 9]);
    assert_eq!(reason(&archives, &keep(2), 9), "damaged, but one of the newest 2");
}

#[test]
fn the_newest_without_failed_devices_stays_however_old() {
    let mut archives = november(20);
    for archive in &mut archives[1..] {
        archive.devices_failed = 1;
    }
    assert_eq!(kept(&archives, &keep(2), Tz::UTC), [1, 19, 20]);
    assert_eq!(reason(&archives, &keep(2), 1), "the newest without failed devices");
}

#[test]
fn an_archive_from_when_the_clock_was_wrong_does_not_make_the_later_ones_old() {
    let mut archives = vec![good(1, "2099-01-01T12:00:00Z")];
    archives.extend((2..=5).map(|day| good(day, &format!("2026-11-0{day}T12:00:00Z"))));
    assert_eq!(kept(&archives, &keep(2), Tz::UTC), [4, 5]);
    assert_eq!(reason(&archives, &keep(2), 5), "the newest good one");
}

#[test]
fn an_hour_that_comes_twice_is_two_hours() {
    // 02:30 in Vienna on 25 October 2026, before and after the clocks are put back.
    let archives = [good(1, "2026-10-25T00:30:00Z"), good(2, "2026-10-25T01:30:00Z")];
    assert_eq!(kept(&archives, &Retention { keep_hourly: 2, ..keep(1) }, Tz::Europe__Vienna), [1, 2]);
}

#[test]
fn a_week_belongs_to_its_iso_year() {
    // The Friday and the Monday around New Year 2027: weeks 53 of 2026 and 1 of 2027.
    let archives = [good(1, "2027-01-01T12:00:00Z"), good(2, "2027-01-04T12:00:00Z")];
    assert_eq!(reason(&archives, &Retention { keep_weekly: 2, ..keep(1) }, 1), "the last of week 53 of 2026");
}
