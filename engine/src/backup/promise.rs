//! What backups promise: how old the last good text of a device may be before the device is overdue.
//!
//! A device is within its schedule while a good text of it was taken (or found unchanged) since the last due time of the
//! enabled backup that covers it and runs most often. A run may take its time, so that a due time counts once an hour has
//! passed; where the scheduler's own run of it still goes on, once that has ended.
//!
//! What was due before a backup was made, enabled or given another schedule is not promised: what its schedule was before
//! promises until the new one was due. A backup that was not due yet promises no more than that there is a text, and only to
//! devices that no other one promises anything. The same holds for a device that was added, enabled or came to be covered
//! (`store/promise`).

use std::cmp::Reverse;
use std::time::Duration;

use etiqa_model::Timestamp;
use etiqa_model::backup::{BackupConfig, BackupConfigRow, BackupKind, NewBackupConfig};
use etiqa_model::run::{Run, Trigger};

use super::config;
use crate::db::Tx;
use crate::engine::Engine;
use crate::error::Result;
use crate::schedule::due;
use crate::store::promise::{Promise, promise_begin_for_covered_in_txn, promise_begin_in_txn};
use crate::store::run::run_fetch_live_in_txn;

/// How long after its due time a run may still be on its way to a device.
const GRACE: Duration = Duration::from_hours(1);
/// A run that goes on for longer holds up no promise.
const LONGEST_RUN: Duration = Duration::from_hours(24);
/// A run takes over a result that was a little older than itself (`fleet`).
const TAKEN_OVER: Duration = Duration::from_mins(1);
/// Due times by which it is told how often a backup runs.
const LOOKED_AT: usize = 8;

/// What is promised at `at`, as the database has it.
pub async fn now_promised(engine: &Engine, at: Timestamp) -> Result<Vec<Promise>> {
    Ok(promises(&config::list_uncounted(engine, at).await?, at))
}

/// What the enabled ones of these backups promise at `at`, the one that runs most often first, those that were not due yet
/// last: to a device that several of them cover, the first one counts. Those that collect no device promise nothing.
pub fn promises(rows: &[BackupConfigRow], at: Timestamp) -> Vec<Promise> {
    let collecting = rows.iter().filter(|row| is_made(row.config.kind, row.config.enabled));
    let mut promises: Vec<(bool, Duration, Promise)> = collecting
        .map(|row| {
            let due = promised_due(&row.config, row.last_run.as_ref(), at);
            let since = due.map_or(Timestamp(0), |due| due.minus(TAKEN_OVER));
            let promise = Promise { devices: row.config.devices.clone(), since };
            (due.is_none(), period(&row.config, at), promise)
        })
        .collect();
    promises.sort_by_key(|(is_to_come, period, promise)| (*is_to_come, *period, Reverse(promise.since)));
    promises.into_iter().map(|(_, _, promise)| promise).collect()
}

/// Notes from when on a backup config that is changed at `at` promises what it will be then.
pub(super) async fn change_in_txn(
    tx: &mut Tx,
    known: &BackupConfig,
    new: &NewBackupConfig,
    at: Timestamp,
) -> Result<()> {
    if !is_made(new.kind, new.enabled) {
        return Ok(());
    }
    if !is_made(known.kind, known.enabled) {
        return Ok(promise_begin_in_txn(tx, known.id, None, at).await?);
    }
    if known.schedule != new.schedule {
        let run = run_fetch_live_in_txn(tx, known.id).await?;
        let due_before = promised_due(known, run.as_ref(), at);
        promise_begin_in_txn(tx, known.id, due_before, at).await?;
    }
    if known.devices != new.devices {
        promise_begin_for_covered_in_txn(tx, &new.devices, &known.devices, at).await?;
    }
    Ok(())
}

/// Whether such a backup promises anything.
fn is_made(kind: BackupKind, enabled: bool) -> bool {
    enabled && kind != BackupKind::Data
}

/// The time from one run to the next, on average.
fn period(config: &BackupConfig, at: Timestamp) -> Duration {
    let times = due::next_times(&config.schedule, &config.slug, at, LOOKED_AT);
    let (Some(first), Some(last)) = (times.first(), times.last()) else { return Duration::MAX };
    let gaps = u32::try_from(times.len() - 1).unwrap_or_default();
    last.since(*first).checked_div(gaps).unwrap_or(Duration::MAX)
}

/// The due time that is promised at `at`; none where the backup was not due yet.
fn promised_due(config: &BackupConfig, last_run: Option<&Run>, at: Timestamp) -> Option<Timestamp> {
    let due = |at| {
        let last = due::last_at(&config.schedule, &config.slug, at);
        last.filter(|last| config.promised_from.is_none_or(|from| *last >= from)).or(config.due_before)
    };
    let until_now = due(at.minus(GRACE))?;
    let going_on = last_run.filter(|run| {
        !run.status.is_over()
            && matches!(run.trigger, Trigger::Schedule | Trigger::Retry)
            && run.queued_at.plus(LONGEST_RUN) > at
    });
    match going_on {
        // What it was due for is on its way: what was due before is what there must be.
        Some(run) => {
            let on_its_way = due(run.queued_at)?;
            due(on_its_way.minus(Duration::from_millis(1))).map(|before| before.min(until_now))
        }
        None => Some(until_now),
    }
}

#[cfg(test)]
mod tests {
    use etiqa_model::archive::Encryption;
    use etiqa_model::backup::{BackupConfigInput, ConfigState};
    use etiqa_model::run::{Phase, Progress, Run, RunStatus};
    use etiqa_model::selector::Selector;
    use etiqa_model::{BackupConfigId, RunId};

    use super::*;

    /// An RFC 3339 text.
    fn time(text: &str) -> Timestamp {
        serde_json::from_str(&format!("\"{text}\"")).unwrap()
    }

    /// A backup of all devices, daily at 02:00 UTC.
    fn daily(change: impl FnOnce(&mut BackupConfigInput)) -> BackupConfigRow {
        let mut input = BackupConfigInput { name: "Daily".into(), ..BackupConfigInput::default() };
        change(&mut input);
        let new = input.parse("UTC").unwrap();
        let config = BackupConfig {
            id: BackupConfigId(1),
            name: new.name,
            slug: "daily".into(),
            kind: new.kind,
            schedule: new.schedule,
            retention: new.retention,
            include: new.include,
            artifacts: new.artifacts,
            encryption: new.encryption,
            recipients: new.recipients,
            devices: new.devices,
            enabled: new.enabled,
            next_run_at: None,
            promised_from: None,
            due_before: None,
            updated_at: None,
        };
        BackupConfigRow {
            config,
            state: ConfigState::Ok,
            is_due: false,
            progress: None,
            last_run: None,
            devices: 0,
            destinations: Vec::new(),
        }
    }

    fn running(trigger: Trigger, queued_at: Timestamp) -> Run {
        Run {
            id: RunId(1),
            backup_config_id: Some(BackupConfigId(1)),
            name: "Daily".into(),
            kind: BackupKind::Config,
            status: RunStatus::Running,
            phase: Phase::Collecting,
            trigger,
            queued_at,
            started_at: None,
            finished_at: None,
            progress: Progress { done: 0, total: 0 },
            file: None,
            size_bytes: None,
            sha256: None,
            verified_at: None,
            encryption: Encryption::None,
            damaged: false,
            damage: None,
            removed_at: None,
            missing_at: None,
            devices_ok: 0,
            devices_failed: 0,
            artifacts_ok: 0,
            artifacts_failed: 0,
            error: None,
            cancelling: false,
        }
    }

    /// What is promised first, as a text, with the minute that a run may take over added.
    fn since(row: &BackupConfigRow, at: &str) -> String {
        promises(std::slice::from_ref(row), time(at))[0].since.plus(TAKEN_OVER).to_string()
    }

    #[test]
    fn a_due_time_counts_an_hour_after_it() {
        let row = daily(|_| {});
        assert_eq!(since(&row, "2026-11-23T01:00:00Z"), "2026-11-22T02:00:00Z");
        assert_eq!(since(&row, "2026-11-23T02:59:59Z"), "2026-11-22T02:00:00Z");
        assert_eq!(since(&row, "2026-11-23T03:00:00Z"), "2026-11-23T02:00:00Z");
    }

    #[test]
    fn a_disabled_backup_and_one_that_collects_nothing_promise_nothing() {
        let at = time("2026-11-23T12:00:00Z");
        let rows = [daily(|input| input.enabled = false), daily(|input| input.kind = "data".into())];
        assert_eq!(promises(&rows, at), []);
    }

    #[test]
    fn the_backup_that_runs_most_often_comes_first_whenever_it_was_due_last() {
        let weekly = daily(|input| {
            input.frequency = "weekly".into();
            input.weekday = "sunday".into();
            input.at = "04:00".into();
            input.devices = "site:vienna".into();
        });
        // On a Sunday at six the weekly one was due last.
        let found = promises(&[weekly, daily(|_| {})], time("2026-11-22T06:00:00Z"));
        let found: Vec<_> =
            found.into_iter().map(|promise| (promise.devices, promise.since.plus(TAKEN_OVER))).collect();
        assert_eq!(
            found,
            [
                (Selector::All, time("2026-11-22T02:00:00Z")),
                (Selector::Site("vienna".into()), time("2026-11-22T04:00:00Z")),
            ]
        );
    }

    #[test]
    fn what_is_on_its_way_is_waited_for_but_not_for_ever() {
        let began = time("2026-11-23T02:00:01Z");
        let mut row = daily(|_| {});
        row.last_run = Some(running(Trigger::Schedule, began));
        assert_eq!(since(&row, "2026-11-23T06:00:00Z"), "2026-11-22T02:00:00Z");
        assert_eq!(since(&row, "2026-11-24T06:00:00Z"), "2026-11-24T02:00:00Z");
        // Somebody who tries it out by hand makes up for nothing before it is done.
        row.last_run = Some(running(Trigger::Manual, began));
        assert_eq!(since(&row, "2026-11-23T06:00:00Z"), "2026-11-23T02:00:00Z");
    }

    #[test]
    fn what_was_due_before_a_backup_was_made_is_not_promised() {
        let mut row = daily(|_| {});
        row.config.promised_from = Some(time("2026-11-23T02:00:01Z"));
        let any_text = |row: &BackupConfigRow, at: &str| {
            promises(std::slice::from_ref(row), time(at))
                == [Promise { devices: Selector::All, since: Timestamp(0) }]
        };
        assert!(any_text(&row, "2026-11-23T12:00:00Z"));
        assert!(any_text(&row, "2026-11-24T02:59:59Z"));
        assert_eq!(since(&row, "2026-11-24T03:00:00Z"), "2026-11-24T02:00:00Z");
        // Its first run is on its way.
        row.last_run = Some(running(Trigger::Schedule, time("2026-11-24T02:00:01Z")));
        assert!(any_text(&row, "2026-11-24T06:00:00Z"));
    }

    #[test]
    fn what_a_schedule_was_before_promises_until_the_new_one_was_due() {
        let mut row = daily(|_| {});
        row.config.promised_from = Some(time("2026-11-23T12:00:00Z"));
        row.config.due_before = Some(time("2026-11-01T04:00:00Z"));
        assert_eq!(since(&row, "2026-11-23T12:00:00Z"), "2026-11-01T04:00:00Z");
        assert_eq!(since(&row, "2026-11-24T02:59:59Z"), "2026-11-01T04:00:00Z");
        assert_eq!(since(&row, "2026-11-24T03:00:00Z"), "2026-11-24T02:00:00Z");
        row.last_run = Some(running(Trigger::Schedule, time("2026-11-24T02:00:01Z")));
        assert_eq!(since(&row, "2026-11-24T06:00:00Z"), "2026-11-01T04:00:00Z");
    }

    #[test]
    fn a_backup_that_was_not_due_yet_takes_no_promise_away() {
        let weekly = daily(|input| {
            input.frequency = "weekly".into();
            input.weekday = "sunday".into();
            input.at = "04:00".into();
        });
        let mut hourly = daily(|input| input.frequency = "hourly".into());
        hourly.config.promised_from = Some(time("2026-11-23T12:30:00Z"));
        let found = promises(&[hourly, weekly], time("2026-11-23T12:45:00Z"));
        let found: Vec<_> = found.into_iter().map(|promise| promise.since).collect();
        assert_eq!(found, [time("2026-11-22T04:00:00Z").minus(TAKEN_OVER), Timestamp(0)]);
    }

    #[test]
    fn a_time_that_falls_into_a_blackout_is_due_at_its_end() {
        let row = daily(|input| input.blackouts = "01:00-05:00".into());
        assert_eq!(since(&row, "2026-11-23T05:30:00Z"), "2026-11-22T05:00:00Z");
        assert_eq!(since(&row, "2026-11-23T06:00:00Z"), "2026-11-23T05:00:00Z");
    }
}
