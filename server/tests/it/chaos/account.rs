//! What the database and the folders of backups say when all is over.
//!
//! A row of a run does not say for which due time it came, so the due times are found again. The scheduler moves a backup
//! config from a due time to the first minute after its look, in the transaction in which it queues the run, or notes with
//! the run before that this one is skipped; a run by hand that begins after a due time is that time's. A config has one
//! live run at most, so its runs came in the order of their ids, and each note between its run and the next one. From this
//! the due times follow one after the other. It is wrong when
//!
//! - a run came by schedule and its time was no due time any more: it came twice,
//! - a note names another time than the one that was due,
//! - the config was seen to wait for a time that is none of these, or waits for another one at the end: then it was moved on
//!   without a run.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use chrono::DateTime;

use crate::harness::World;
use crate::harness::world::ended;

const A_MINUTE: i64 = 60_000;

/// A backup config as it was before the first process started.
pub(super) struct Config {
    pub(super) id: i64,
    /// In milliseconds.
    pub(super) first_due: i64,
    /// How many it covers.
    pub(super) devices: i64,
}

/// The figures, once they are known to be right.
pub(super) struct Account {
    due: i64,
    by_schedule: usize,
    late: i64,
    skipped: usize,
    by_hand: usize,
    interrupted: usize,
    failed: BTreeMap<String, usize>,
    results: i64,
    files: Vec<String>,
}

struct Run {
    id: i64,
    config: i64,
    trigger: String,
    retry_of: i64,
    queued_at: i64,
    status: String,
    error: String,
}

/// That a time was skipped because a run still went on.
struct Skip {
    run: i64,
    at: i64,
    note: String,
}

impl Account {
    /// Looks whether everything is as it must be. `seen` are due times with their config, `accepted` runs that were
    /// promised to who asked for them.
    pub(super) async fn of(
        world: &World,
        configs: &[Config],
        seen: &BTreeSet<(i64, i64)>,
        accepted: &[i64],
    ) -> Self {
        let (runs, skips) = (runs(world).await, skips(world).await);
        let (mut due, mut late) = (0, 0);
        for config in configs {
            let times = due_times(config, &runs, &skips);
            let next = format!("SELECT next_run_at FROM backup_config WHERE id = {}", config.id);
            let next = world.database.number(&next).await;
            assert_eq!(times.last(), Some(&next), "config {}: the time that it waits for", config.id);
            for (_, time) in seen.iter().filter(|(id, _)| *id == config.id) {
                assert!(times.contains(time), "config {}: {} came and had no run", config.id, shown(*time));
            }
            let moves = times.len() as i64 - 1;
            if moves > 0 {
                let all = 1 + (next - minute_after(config.first_due)) / A_MINUTE;
                due += all;
                late += all - moves;
            }
        }
        for run in &runs {
            check_chain(run, &runs);
        }
        for id in accepted {
            let run = runs.iter().find(|run| run.id == *id);
            let run = run.unwrap_or_else(|| panic!("run {id} was promised and is nowhere"));
            assert_eq!(run.trigger, "manual", "run {id}");
        }
        let mut failed = BTreeMap::new();
        for run in runs.iter().filter(|run| run.status == "failed" && !run.is_interrupted()) {
            *failed.entry(run.error.clone()).or_default() += 1;
        }
        for reason in failed.keys() {
            let results = "SELECT r.run_id || ' ' || r.class || ': ' || r.message FROM device_result r
                           JOIN backup_run b ON b.id = r.run_id WHERE b.status = 'failed'";
            assert!(
                reason.starts_with("No device answered"),
                "a run failed for what happened to the program: {reason} {:#?}",
                world.database.texts(results).await
            );
        }
        check_results(world, configs, &runs).await;
        let files =
            "SELECT file FROM backup_run WHERE status = 'completed' AND removed_at IS NULL ORDER BY file";
        let files = world.database.texts(files).await;
        let completed = runs.iter().filter(|run| run.status == "completed").count();
        assert_eq!(files.iter().collect::<BTreeSet<_>>().len(), completed, "each has an archive of its own");
        let results = "SELECT COUNT(*) FROM device_result WHERE run_id IS NOT NULL";
        let account = Self {
            due,
            by_schedule: runs.iter().filter(|run| run.trigger == "schedule").count(),
            late,
            skipped: skips.len(),
            by_hand: accepted.len(),
            interrupted: runs.iter().filter(|run| run.is_interrupted()).count(),
            failed,
            results: world.database.number(results).await,
            files,
        };
        assert!(
            account.by_schedule > 0 && account.results > 0 && completed > 0,
            "nothing happened: {account}"
        );
        account
    }

    /// Every archive is in the folder of who made it, whole, and nothing else there looks like one.
    pub(super) async fn archives(&self, world: &World, places: &[PathBuf]) {
        let mut there = Vec::new();
        let mut whole = 0;
        for place in places {
            let entries = std::fs::read_dir(place.join("backups")).unwrap();
            let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            let (hidden, shown): (Vec<_>, Vec<_>) = names.partition(|name| name.starts_with('.'));
            assert!(
                hidden.iter().all(|name| Path::new(name).extension().is_some_and(|ending| ending == "part")),
                "{hidden:?}"
            );
            there.extend(shown);
            let mut verify = world.command(["verify", "--all"]);
            verify.env("ETIQA_DATA_DIR", place);
            verify.env("ETIQA_SECRET_KEY_FILE", world.data().join("secret.key"));
            let verified = ended(verify.spawn().unwrap()).await.good();
            whole += verified.stdout.matches(": whole, ").count();
        }
        there.sort();
        assert_eq!(there, self.files, "what is in the folders is what the history says");
        assert_eq!(whole, self.files.len(), "every archive is whole");
    }
}

impl Run {
    fn is_interrupted(&self) -> bool {
        self.error.starts_with("Interrupted")
    }
}

async fn runs(world: &World) -> Vec<Run> {
    let sql =
        "SELECT id || '|' || backup_config_id || '|' || started_by || '|' || COALESCE(retry_of, 0) || '|'
        || queued_at || '|' || status || '|' || COALESCE(error, '') FROM backup_run ORDER BY id";
    let read = |row: &String| {
        let mut fields = row.splitn(7, '|');
        let mut next = || fields.next().unwrap().to_owned();
        Run {
            id: next().parse().unwrap(),
            config: next().parse().unwrap(),
            trigger: next(),
            retry_of: next().parse().unwrap(),
            queued_at: next().parse().unwrap(),
            status: next(),
            error: next(),
        }
    };
    world.database.texts(sql).await.iter().map(read).collect()
}

async fn skips(world: &World) -> Vec<Skip> {
    let sql = "SELECT run_id || '|' || at || '|' || note FROM run_note
        WHERE note LIKE 'It was due again%' ORDER BY id";
    let read = |row: &String| {
        let mut fields = row.splitn(3, '|');
        let mut next = || fields.next().unwrap().to_owned();
        Skip { run: next().parse().unwrap(), at: next().parse().unwrap(), note: next() }
    };
    world.database.texts(sql).await.iter().map(read).collect()
}

/// Every time that a config waited for, in order, and the one that it waits for now.
fn due_times(config: &Config, runs: &[Run], skips: &[Skip]) -> Vec<i64> {
    let mut due = config.first_due;
    let mut times = vec![due];
    let mut come = |at: i64| {
        let was = due;
        let is_due = at >= due;
        if is_due {
            due = minute_after(at);
            times.push(due);
        }
        (is_due, was)
    };
    for run in runs.iter().filter(|run| run.config == config.id) {
        if run.trigger != "retry" {
            let (is_due, was) = come(run.queued_at);
            let id = run.id;
            assert!(is_due || run.trigger != "schedule", "run {id} came before {} was due", shown(was));
        }
        for skip in skips.iter().filter(|skip| skip.run == run.id) {
            let (is_due, was) = come(skip.at);
            assert!(
                is_due && skip.note.contains(&format!(" at {}, UTC ", shown(was))),
                "{}: {}",
                run.id,
                skip.note
            );
        }
    }
    times
}

/// A run that was interrupted is done again, once, and that one never again; no other run is.
fn check_chain(run: &Run, runs: &[Run]) {
    let again: Vec<i64> =
        runs.iter().filter(|other| other.retry_of == run.id).map(|other| other.id).collect();
    let expected = usize::from(run.is_interrupted() && run.retry_of == 0);
    assert_eq!(again.len(), expected, "run {} ({}, {}): {again:?}", run.id, run.status, run.error);
    assert_eq!(run.retry_of != 0, run.trigger == "retry", "run {}", run.id);
    assert!(["completed", "failed"].contains(&run.status.as_str()), "run {}: {}", run.id, run.status);
}

/// Every run with an archive has one result of each device.
async fn check_results(world: &World, configs: &[Config], runs: &[Run]) {
    let sql = "SELECT r.id || '|' || COUNT(d.id) || '|' || COUNT(DISTINCT d.device_id) || '|'
        || MAX(r.devices_ok + r.devices_failed)
        FROM backup_run r LEFT JOIN device_result d ON d.run_id = r.id
        WHERE r.status = 'completed' GROUP BY r.id ORDER BY r.id";
    for row in world.database.texts(sql).await {
        let numbers: Vec<i64> = row.split('|').map(|number| number.parse().unwrap()).collect();
        let run = runs.iter().find(|run| run.id == numbers[0]).unwrap();
        let config = configs.iter().find(|config| config.id == run.config).unwrap();
        assert_eq!(numbers[1..], [config.devices; 3], "results, devices and the count of run {}", run.id);
    }
}

fn minute_after(at: i64) -> i64 {
    (at / A_MINUTE + 1) * A_MINUTE
}

fn shown(time: i64) -> String {
    DateTime::from_timestamp_millis(time).unwrap().format("%Y-%m-%d %H:%M").to_string()
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { due, by_schedule, late, skipped, by_hand, interrupted, results, .. } = self;
        write!(
            f,
            "{due} due times, {by_schedule} runs of them, {late} taken together with a later one, {skipped} skipped, \
             {by_hand} by hand, {interrupted} interrupted and done again, {results} device results"
        )?;
        for (error, count) in &self.failed {
            write!(f, ", {count} failed ({error})")?;
        }
        Ok(())
    }
}
