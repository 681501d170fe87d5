//! What lasts: read from what the database says, again and again, so that nothing is lost over a stop. A rule tells what is
//! new against what it told before ([`super::sort`]).

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use etiqa_model::backup::{BackupConfig, BackupConfigRow};
use etiqa_model::device::Device;
use etiqa_model::machine::{Machine, MachineRole, MachineState};
use etiqa_model::notify::{Item, ItemState, NotifyEvent};
use etiqa_model::run::{Run, RunStatus, Trigger};
use etiqa_model::{BackupConfigId, DestinationId, DeviceId, Timestamp};

use super::facets::Facets;
use super::happened::{of_run, words_of_failure};
use super::{broken, disks};
use crate::backup::{config, promise};
use crate::engine::{Engine, Role};
use crate::error::Result;
use crate::machines;
use crate::pause::schedule_pause;
use crate::schedule::due;
use crate::store::backup_config::backup_config_fetch;
use crate::store::destination::destination_list;
use crate::store::device::device_list_of;
use crate::store::notify::condition::{device_list_failing, device_list_in_live_runs, device_list_overdue};
use crate::store::run::{run_list, run_list_damaged};
use crate::store::setting::last_tick_fetch;

/// Devices that are told of at once; with more of them failing, which ones says little.
const MOST: u32 = 5_000;
/// Devices in one query.
pub(super) const READ_AT_ONCE: usize = 500;
/// Archives that are told of at once.
const MOST_DAMAGED: u32 = 200;
/// A backup that completed no run so long after it was due is overdue.
const OVERDUE_AFTER: Duration = Duration::from_hours(1);
/// A run that goes on for longer holds nothing up.
const LONGEST_RUN: Duration = Duration::from_hours(24);
/// A run that failed so long ago was told as it ended, where anybody was to be told then.
const FAILED_BEFORE: Duration = Duration::from_mins(1);
/// A run that has not begun so long after its time.
const NOT_BEGUN_AFTER: Duration = Duration::from_mins(15);
/// Runs of a backup that are looked at, the newest first.
const RUNS: u32 = 10;
/// A destination that failed so often in a row is down.
const DOWN_AFTER: u32 = 2;
/// A machine that was not heard of for so long is lost: longer than a short outage of its network.
const LOST_AFTER: Duration = Duration::from_mins(1);

/// Something that lasts now.
#[derive(Debug, Clone)]
pub(super) struct Condition {
    /// Names it: `device_failing:7`.
    pub(super) about: String,
    pub(super) item: Item,
    pub(super) facets: Facets,
    /// Of a failing device, how often in a row.
    pub(super) failures: u32,
}

/// What lasts of one kind.
#[derive(Debug, Clone)]
pub(super) struct Looked {
    pub(super) event: NotifyEvent,
    pub(super) conditions: Vec<Condition>,
    /// Of these it cannot be told now.
    pub(super) undecided: HashSet<String>,
    /// There are more: what is not here may last all the same, but for what is named in `over`.
    pub(super) is_cut: bool,
    /// These are over for certain.
    pub(super) over: HashSet<String>,
}

impl Looked {
    pub(super) fn of(event: NotifyEvent, conditions: Vec<Condition>) -> Self {
        Self { event, conditions, undecided: HashSet::new(), is_cut: false, over: HashSet::new() }
    }

    /// The names of what lasts.
    pub(super) fn names(&self) -> HashSet<&str> {
        self.conditions.iter().map(|condition| condition.about.as_str()).collect()
    }

    /// Whether something of this kind that was told before, and is not among what lasts, is over.
    pub(super) fn is_over(&self, about: &str) -> bool {
        self.over.contains(about) || (!self.is_cut && !self.undecided.contains(about))
    }
}

/// What all that is looked for is seen by.
struct View<'a> {
    engine: &'a Engine,
    configs: &'a [BackupConfigRow],
    /// A device fails from so many failures in a row on.
    after: u32,
    /// Nothing is due, and it is not over either.
    is_on_hold: bool,
    at: Timestamp,
}

/// Looks for everything of these kinds that lasts; a device fails from so many failures in a row on. What cannot be looked at
/// is left out, and keeps nobody from being told of the rest.
pub(super) async fn look(
    engine: &Engine,
    events: &BTreeSet<NotifyEvent>,
    after: u32,
    at: Timestamp,
) -> Result<Vec<Looked>> {
    let mut looked = Vec::new();
    let configs = config::list_uncounted(engine, at).await?;
    let is_on_hold = schedule_pause(engine).await?.is_some() || is_catching_up(engine, at).await?;
    let view = View { engine, configs: &configs, after, is_on_hold, at };
    for event in events {
        match view.look_for(*event).await {
            Ok(one) => looked.extend(one),
            Err(error) => {
                let event = event.as_str();
                tracing::warn!(event, %error, "what is to be told of {event} could not be looked at: {error}");
            }
        }
    }
    Ok(looked)
}

impl View<'_> {
    async fn look_for(&self, event: NotifyEvent) -> Result<Option<Looked>> {
        let Self { engine, configs, after, is_on_hold, at } = *self;
        Ok(match event {
            // These only happen.
            NotifyEvent::ConfigChanged | NotifyEvent::SuspectVersion => None,
            NotifyEvent::RunFailed => Some(failed(configs, at)),
            NotifyEvent::RunOverdue | NotifyEvent::RunNeverStarted | NotifyEvent::DeviceOverdue
                if is_on_hold =>
            {
                None
            }
            NotifyEvent::RunOverdue => Some(overdue(engine, configs, at).await?),
            NotifyEvent::RunNeverStarted => Some(never_started(configs, at)),
            NotifyEvent::DeviceFailing => Some(failing(engine, configs, after).await?),
            NotifyEvent::DeviceOverdue => Some(devices_overdue(engine, configs, at).await?),
            NotifyEvent::RuleBroken => Some(broken::look(engine, configs).await?),
            NotifyEvent::ArchiveDamaged => Some(damaged(engine).await?),
            NotifyEvent::DiskLow => Some(disks::look(engine, at).await),
            NotifyEvent::DestinationDown => Some(destinations(engine, at).await?),
            NotifyEvent::WorkerLost => Some(lost(engine, at).await?),
        })
    }
}

/// Whether a server was started a moment ago and has not queued yet what came due meanwhile.
async fn is_catching_up(engine: &Engine, at: Timestamp) -> Result<bool> {
    if engine.role != Role::Server || at.since(engine.opened_at) >= NOT_BEGUN_AFTER {
        return Ok(false);
    }
    Ok(last_tick_fetch(&engine.db).await?.is_some_and(|last| last < engine.opened_at))
}

/// What is said of something that lasts no longer; none where nothing proves that it is well: it was taken away, or is not
/// looked at any more.
pub(super) async fn over(
    engine: &Engine,
    event: NotifyEvent,
    about: &str,
    item: &Item,
) -> Result<Option<String>> {
    let id = about.rsplit(':').next().and_then(|id| id.parse::<i64>().ok()).unwrap_or_default();
    Ok(match event {
        NotifyEvent::DeviceFailing | NotifyEvent::DeviceOverdue => {
            let device = device_list_of(&engine.db, &[DeviceId(id)]).await?.pop();
            let is_good = |device: &Device| {
                device.enabled
                    && device.last_result.as_ref().is_some_and(|result| result.class.is_good())
                    && device.last_good_at.is_some_and(|good| good > item.at)
            };
            device.as_ref().is_some_and(is_good).then(|| "A good text was taken again.".to_owned())
        }
        NotifyEvent::RunFailed | NotifyEvent::RunOverdue | NotifyEvent::RunNeverStarted => {
            over_of_backup(engine, event, BackupConfigId(id), item.at).await?
        }
        NotifyEvent::RuleBroken => broken::over(engine, about).await?,
        NotifyEvent::ArchiveDamaged => Some("It was read back whole, or is not kept any more.".to_owned()),
        NotifyEvent::DiskLow => Some(disks::over(item).to_owned()),
        NotifyEvent::DestinationDown => {
            let known = destination_list(&engine.db).await?;
            let is_there = known.iter().any(|known| known.enabled && known.id == DestinationId(id));
            is_there.then(|| "It works again.".to_owned())
        }
        NotifyEvent::WorkerLost => {
            let known = machines::known(engine).await?;
            let is_back = known
                .iter()
                .any(|(machine, state)| *state == MachineState::Alive && name_of(machine) == about);
            is_back.then(|| "It is heard of again.".to_owned())
        }
        NotifyEvent::ConfigChanged | NotifyEvent::SuspectVersion => None,
    })
}

/// What is said of a backup that runs again: only what one of its newest runs proves.
async fn over_of_backup(
    engine: &Engine,
    event: NotifyEvent,
    id: BackupConfigId,
    since: Timestamp,
) -> Result<Option<String>> {
    if !backup_config_fetch(&engine.db, id).await?.is_some_and(|config| config.enabled) {
        return Ok(None);
    }
    let runs = run_list(&engine.db, id, RUNS).await?;
    let (is_proven, words) = if event == NotifyEvent::RunNeverStarted {
        let has_begun = |run: &Run| run.started_at.is_some_and(|started| started >= since);
        (runs.first().is_some_and(has_begun), "It has begun.")
    } else {
        let has_completed = |run: &Run| {
            run.status == RunStatus::Completed && run.finished_at.is_some_and(|finished| finished >= since)
        };
        (runs.iter().any(has_completed), "A run completed.")
    };
    Ok(is_proven.then(|| words.to_owned()))
}

/// How something is named, and told, of which the page is `path`.
pub(super) fn condition(
    event: NotifyEvent,
    id: impl std::fmt::Display,
    subject: &str,
    words: impl Into<String>,
    at: Timestamp,
    path: String,
) -> Condition {
    let item = Item {
        event,
        state: ItemState::New,
        subject: subject.to_owned(),
        words: words.into(),
        at,
        path: Some(path),
        site: None,
        diff: None,
    };
    let about = format!("{}:{id}", event.as_str());
    Condition { about, item, facets: Facets::default(), failures: 0 }
}

/// That runs fail is told as they end. What nobody was told then, because it was quiet or no rule was enabled, lasts all the
/// same until a run completes. What was told of a backup that is gone, or disabled, lasts no longer.
fn failed(configs: &[BackupConfigRow], at: Timestamp) -> Looked {
    let event = NotifyEvent::RunFailed;
    let mut looked = Looked::of(event, Vec::new());
    for row in configs.iter().filter(|row| row.config.enabled) {
        let Some(run) = &row.last_run else { continue };
        let about = format!("{}:{}", event.as_str(), row.config.id);
        let is_settled = run.finished_at.is_some_and(|finished| finished <= at.minus(FAILED_BEFORE));
        match run.status {
            RunStatus::Completed => {}
            RunStatus::Failed if is_settled && run.trigger != Trigger::Import => {
                let item = of_run(run, words_of_failure(run));
                let facets = Facets::of_backup(row.config.id);
                looked.conditions.push(Condition { about, item, facets, failures: 0 });
            }
            _ => {
                looked.undecided.insert(about);
            }
        }
    }
    looked
}

async fn overdue(engine: &Engine, configs: &[BackupConfigRow], at: Timestamp) -> Result<Looked> {
    let event = NotifyEvent::RunOverdue;
    let mut looked = Looked::of(event, Vec::new());
    for row in configs.iter().filter(|row| row.config.enabled) {
        let config = &row.config;
        let runs = run_list(&engine.db, config.id, RUNS).await?;
        if runs.first().is_some_and(|run| !run.status.is_over()) {
            // It may fail as well.
            looked.undecided.insert(format!("{}:{}", event.as_str(), config.id));
        }
        let Some(due) = overdue_since(config, &runs, at) else { continue };
        let zone = due::zone_or_utc(&config.schedule.time_zone);
        let due_words = due.to_utc().with_timezone(&zone).format("%Y-%m-%d %H:%M");
        let words = format!("It was due at {due_words}, {}, and no run completed since.", zone.name());
        let path = format!("/backup/config/{}", config.id);
        let facets = Facets::of_backup(config.id);
        let found = condition(event, config.id, &config.name, words, due, path);
        looked.conditions.push(Condition { facets, ..found });
    }
    Ok(looked)
}

/// Since when a backup is overdue; none where it is not. `runs` are its newest, the newest first.
fn overdue_since(config: &BackupConfig, runs: &[Run], at: Timestamp) -> Option<Timestamp> {
    let due = due::last_at(&config.schedule, &config.slug, at.minus(OVERDUE_AFTER))?;
    if config.promised_from.is_some_and(|from| due < from) {
        return None;
    }
    let holds_up = |run: &Run| match run.status {
        RunStatus::Completed => run.finished_at.is_some_and(|finished| finished >= due),
        RunStatus::Running => run.started_at.is_some_and(|started| started.plus(LONGEST_RUN) > at),
        // One that waits for longer is told by another word.
        RunStatus::Pending => run.queued_at.plus(NOT_BEGUN_AFTER) > at,
        RunStatus::Failed | RunStatus::Cancelled => false,
    };
    (!runs.iter().any(holds_up)).then_some(due)
}

fn never_started(configs: &[BackupConfigRow], at: Timestamp) -> Looked {
    let event = NotifyEvent::RunNeverStarted;
    let late = at.minus(NOT_BEGUN_AFTER);
    let found = configs.iter().filter(|row| row.config.enabled).filter_map(|row| {
        let config = &row.config;
        let last = row.last_run.as_ref();
        let (since, words) = match (last.map(|run| run.status), config.next_run_at) {
            (Some(RunStatus::Running), _) => return None,
            (Some(RunStatus::Pending), _) => {
                let run = last.filter(|run| run.queued_at <= late)?;
                let words = format!("Run {} waits in the queue: no machine works, or all are busy.", run.id);
                (run.queued_at, words)
            }
            (_, Some(next)) if next <= late => {
                (next, "Its time has come, and nobody queued it: does a scheduler run?".to_owned())
            }
            _ => return None,
        };
        let path = format!("/backup/config/{}", config.id);
        let facets = Facets::of_backup(config.id);
        Some(Condition { facets, ..condition(event, config.id, &config.name, words, since, path) })
    });
    let mut looked = Looked::of(event, found.collect());
    // A run that was queued at last has not begun yet.
    let waits =
        |row: &&BackupConfigRow| row.last_run.as_ref().is_some_and(|run| run.status == RunStatus::Pending);
    let waiting = configs.iter().filter(waits);
    looked.undecided.extend(waiting.map(|row| format!("{}:{}", event.as_str(), row.config.id)));
    looked
}

async fn failing(engine: &Engine, configs: &[BackupConfigRow], after: u32) -> Result<Looked> {
    let event = NotifyEvent::DeviceFailing;
    let failing = device_list_failing(&engine.db, after, MOST + 1).await?;
    let live = device_list_in_live_runs(&engine.db).await?;
    let failures: HashMap<DeviceId, u32> =
        failing.iter().copied().filter(|(id, _)| !live.contains(id)).collect();
    let mut ids: Vec<DeviceId> = failures.keys().copied().collect();
    ids.sort_unstable();
    let words = |device: &Device| match &device.last_result {
        Some(result) => {
            let count = failures.get(&device.id).copied().unwrap_or_default();
            let times = if count > 1 { format!(" ({count} times in a row)") } else { String::new() };
            (format!("{}{times}", result.message), result.finished_at)
        }
        None => ("It is not backed up.".to_owned(), device.updated_at),
    };
    let mut conditions = of_devices(engine, event, configs, &ids, words).await?;
    for condition in &mut conditions {
        let id = condition.about.rsplit(':').next().and_then(|id| id.parse().ok());
        condition.failures = id.and_then(|id| failures.get(&DeviceId(id))).copied().unwrap_or_default();
    }
    Ok(Looked {
        event,
        conditions,
        undecided: live.iter().map(|id| format!("{}:{id}", event.as_str())).collect(),
        is_cut: failing.len() > MOST as usize,
        over: HashSet::new(),
    })
}

async fn devices_overdue(engine: &Engine, configs: &[BackupConfigRow], at: Timestamp) -> Result<Looked> {
    let event = NotifyEvent::DeviceOverdue;
    let promises = promise::promises(configs, at);
    let ids = device_list_overdue(&engine.db, &promises, MOST + 1).await?;
    let words = |device: &Device| {
        let since = device.last_good_at.unwrap_or(device.created_at);
        let shown = since.to_utc().format("%Y-%m-%d %H:%M UTC");
        (format!("Its last good text is of {shown}: no backup took one since it was due."), since)
    };
    let conditions = of_devices(engine, event, configs, &ids, words).await?;
    Ok(Looked { is_cut: ids.len() > MOST as usize, ..Looked::of(event, conditions) })
}

async fn of_devices(
    engine: &Engine,
    event: NotifyEvent,
    configs: &[BackupConfigRow],
    ids: &[DeviceId],
    words: impl Fn(&Device) -> (String, Timestamp),
) -> Result<Vec<Condition>> {
    let configs: Vec<BackupConfig> =
        configs.iter().filter(|row| row.config.enabled).map(|row| row.config.clone()).collect();
    let mut conditions = Vec::with_capacity(ids.len());
    for some in ids.chunks(READ_AT_ONCE) {
        for device in device_list_of(&engine.db, some).await? {
            let (words, at) = words(&device);
            let path = format!("/devices/{}", device.id);
            let mut condition = condition(event, device.id, &device.hostname, words, at, path);
            condition.item.site = Some(device.site.clone());
            condition.facets = Facets::of_device(&device, &configs);
            conditions.push(condition);
        }
    }
    Ok(conditions)
}

async fn damaged(engine: &Engine) -> Result<Looked> {
    let event = NotifyEvent::ArchiveDamaged;
    let runs = run_list_damaged(&engine.db, MOST_DAMAGED + 1).await?;
    let is_cut = runs.len() > MOST_DAMAGED as usize;
    let conditions = runs.into_iter().map(|run| {
        let damage = run.damage.clone().unwrap_or_else(|| "It does not read back.".to_owned());
        let words = format!("The archive of run {} is damaged: {damage}", run.id);
        let at = run.finished_at.unwrap_or(run.queued_at);
        let found = condition(event, run.id, &run.name, words, at, format!("/backup/run/{}", run.id));
        let facets = run.backup_config_id.map(Facets::of_backup).unwrap_or_default();
        Condition { facets, ..found }
    });
    Ok(Looked { is_cut, ..Looked::of(event, conditions.collect()) })
}

async fn destinations(engine: &Engine, at: Timestamp) -> Result<Looked> {
    let event = NotifyEvent::DestinationDown;
    let known = destination_list(&engine.db).await?.into_iter();
    let down = known.filter(|known| known.enabled && known.failures >= DOWN_AFTER).map(|known| {
        let words = known.problem.clone().unwrap_or_else(|| "It takes nothing.".to_owned());
        let path = "/admin/destinations".to_owned();
        condition(event, known.id, &known.name, words, known.last_ok_at.unwrap_or(at), path)
    });
    Ok(Looked::of(event, down.collect()))
}

async fn lost(engine: &Engine, at: Timestamp) -> Result<Looked> {
    let event = NotifyEvent::WorkerLost;
    if !machines::can_tell_others(engine) {
        // After an outage of the database all seem to be lost.
        return Ok(Looked { is_cut: true, ..Looked::of(event, Vec::new()) });
    }
    let known = machines::known(engine).await?;
    let alive: HashSet<String> = known
        .iter()
        .filter(|(_, state)| *state == MachineState::Alive)
        .map(|(machine, _)| name_of(machine))
        .collect();
    let vanished = known.iter().filter(|(_, state)| *state == MachineState::Vanished);
    let (gone, late): (Vec<&Machine>, Vec<&Machine>) = vanished
        .map(|(machine, _)| machine)
        .filter(|machine| !alive.contains(&name_of(machine)))
        .partition(|machine| at.since(machine.seen_at) >= LOST_AFTER);
    let undecided = late.into_iter().map(name_of).collect();
    let conditions = gone.into_iter().map(|machine| {
        let what = match (machine.role, &machine.site) {
            (MachineRole::Worker, Some(site)) => format!("The worker of the site {site}"),
            (MachineRole::Worker, None) => "The worker".to_owned(),
            (MachineRole::Server, _) => "The server".to_owned(),
        };
        let words = format!("{what} on {} is not heard of any more.", machine.host);
        let mut lost =
            condition(event, "", &machine.host, words, machine.seen_at, "/admin/machines".to_owned());
        lost.about = name_of(machine);
        lost.item.site.clone_from(&machine.site);
        lost.facets.site.clone_from(&machine.site);
        lost
    });
    Ok(Looked { undecided, ..Looked::of(event, conditions.collect()) })
}

/// Names a machine also when it was started again.
fn name_of(machine: &Machine) -> String {
    let site = machine.site.as_deref().unwrap_or_default();
    format!("{}:{}:{}:{site}", NotifyEvent::WorkerLost.as_str(), machine.role.as_str(), machine.data_dir)
}
