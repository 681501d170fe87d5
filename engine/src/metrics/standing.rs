//! How the instance stands, as its database and its disks have it.

use std::collections::BTreeMap;
use std::time::Duration;

use etiqa_model::backup::{BackupConfigRow, ConfigState};
use etiqa_model::device::DeviceStatus;
use etiqa_model::machine::{Machine, MachineState};
use etiqa_model::overview::Reason;
use etiqa_model::run::Trigger;
use etiqa_model::{BackupConfigId, Timestamp};
use futures::TryFutureExt;

use super::text::{Kind, Page};
use crate::backup::{config, promise};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::machines;
use crate::pause::schedule_pause;
use crate::store::metric::{
    Archives, Copies, DeviceGroup, DevicesNow, LastGood, Notifying, Queue, archive_standing, copy_standing,
    database_size, device_groups, devices_now, notify_standing, queue_standing, run_list_last_good,
};
use crate::store::setting::last_tick_fetch;
use crate::time::now;

/// Groups of devices, by type and site, that have series of their own: the largest ones. The others are one of each type.
const MOST_GROUPS: usize = 500;
/// The site of those that have none of their own.
const OTHER_SITES: &str = "(other sites)";

/// Messages that were given up count for so long.
const GIVEN_UP_WITHIN: Duration = Duration::from_hours(24);

/// How devices of a group may stand.
const STANDINGS: [&str; 6] =
    ["good", "failing", "suspect", "host_key_changed", "never_collected", "disabled"];

/// States of a backup config.
const STATES: [ConfigState; 6] = [
    ConfigState::Disabled,
    ConfigState::Running,
    ConfigState::Due,
    ConfigState::Failing,
    ConfigState::NeverRun,
    ConfigState::Ok,
];

/// What was read of the database.
pub(super) struct Standing {
    configs: Vec<BackupConfigRow>,
    last_good: Vec<LastGood>,
    groups: Vec<DeviceGroup>,
    devices: DevicesNow,
    queue: Queue,
    archives: Archives,
    copies: Copies,
    notifying: Notifying,
    machines: Vec<(Machine, MachineState)>,
    last_look: Option<Timestamp>,
    interval_minutes: u32,
    is_paused: bool,
    database_bytes: Option<u64>,
}

impl Standing {
    /// Reads it: a dozen statements, several at once.
    pub(super) async fn read(engine: &Engine) -> Result<Self> {
        let (db, at) = (&engine.db, now());
        let configs = config::list_uncounted(engine, at).await?;
        let promises = promise::promises(&configs, at);
        let devices = async {
            tokio::try_join!(
                device_groups(db).err_into::<Error>(),
                devices_now(db, &promises).err_into::<Error>(),
            )
        };
        let work = async {
            tokio::try_join!(
                queue_standing(db, at).err_into::<Error>(),
                archive_standing(db).err_into::<Error>(),
                copy_standing(db).err_into::<Error>(),
                run_list_last_good(db).err_into::<Error>(),
            )
        };
        let rest = async {
            tokio::try_join!(
                machines::known(engine),
                last_tick_fetch(db).err_into::<Error>(),
                engine.settings(),
                schedule_pause(engine),
                database_size(db).err_into::<Error>(),
                notify_standing(db, at.minus(GIVEN_UP_WITHIN)).err_into::<Error>(),
            )
        };
        let (devices, work, rest) = tokio::try_join!(devices, work, rest)?;
        let (groups, devices) = devices;
        let (queue, archives, copies, last_good) = work;
        let (machines, last_look, settings, pause, database_bytes, notifying) = rest;
        let is_paused = pause.is_some();
        Ok(Self {
            configs,
            last_good,
            groups,
            devices,
            queue,
            archives,
            copies,
            notifying,
            machines,
            last_look,
            interval_minutes: settings.tick_minutes,
            is_paused,
            database_bytes,
        })
    }

    /// The backup configs that there are, by name.
    pub(super) fn names(&self) -> Vec<(BackupConfigId, String)> {
        self.configs.iter().map(|row| (row.config.id, row.config.name.clone())).collect()
    }

    /// Bytes of the database, where it told them.
    pub(super) fn database_bytes(&self) -> Option<u64> {
        self.database_bytes
    }

    /// Writes all of it.
    pub(super) fn write(&self, page: &mut Page) {
        self.backups(page);
        self.last_runs(page);
        self.devices(page);
        self.queue(page);
        self.archives(page);
        self.notifications(page);
        self.scheduling(page);
    }

    fn backups(&self, page: &mut Page) {
        page.metric(
            "etiqa_backup_state",
            Kind::Gauge,
            "Where a backup stands: 1 for its state and 0 for the others, as /backup/status/ has them.",
        );
        for row in &self.configs {
            for state in STATES {
                let labels = [("backup_config", row.config.name.as_str()), ("state", state.as_str())];
                page.count(&labels, u64::from(row.state == state));
            }
        }
        page.metric("etiqa_backup_enabled", Kind::Gauge, "Whether a backup runs by itself.");
        for row in &self.configs {
            page.count(&[("backup_config", &row.config.name)], u64::from(row.config.enabled));
        }
        page.metric("etiqa_backup_next_run_timestamp_seconds", Kind::Gauge, "When a backup is due next.");
        for row in &self.configs {
            page.time(&[("backup_config", &row.config.name)], row.config.next_run_at);
        }
        page.metric(
            "etiqa_backup_last_success_timestamp_seconds",
            Kind::Gauge,
            "When the last run of a backup ended that completed; 0 where none has.",
        );
        for row in &self.configs {
            let good = self.last_good.iter().find(|good| good.config == row.config.id);
            let at = good.and_then(|good| good.finished_at).unwrap_or(Timestamp(0));
            page.time(&[("backup_config", &row.config.name)], Some(at));
        }
        page.metric(
            "etiqa_backup_last_archive_size_bytes",
            Kind::Gauge,
            "Bytes of the newest archive of a backup.",
        );
        for row in &self.configs {
            if let Some(good) = self.last_good.iter().find(|good| good.config == row.config.id) {
                page.count(&[("backup_config", &row.config.name)], good.size_bytes);
            }
        }
    }

    /// Of the newest run of each backup, once it is over.
    fn last_runs(&self, page: &mut Page) {
        let ended = || {
            let runs = self.configs.iter().filter_map(|row| Some((&row.config.name, row.last_run.as_ref()?)));
            // Of another program's runs nothing here knows how they went.
            runs.filter(|(_, run)| run.status.is_over() && run.trigger != Trigger::Import)
        };
        page.metric(
            "etiqa_backup_last_run_timestamp_seconds",
            Kind::Gauge,
            "When the newest run of a backup ended, however it did.",
        );
        for (name, run) in ended() {
            page.time(&[("backup_config", name)], run.finished_at);
        }
        page.metric(
            "etiqa_backup_last_run_duration_seconds",
            Kind::Gauge,
            "How long the newest run of a backup took.",
        );
        for (name, run) in ended() {
            if let (Some(begun), Some(ended)) = (run.started_at, run.finished_at) {
                page.value(&[("backup_config", name)], ended.since(begun).as_secs_f64());
            }
        }
        page.metric(
            "etiqa_backup_last_run_devices",
            Kind::Gauge,
            "Devices of the newest run of a backup, by whether it got a good text of them.",
        );
        for (name, run) in ended() {
            page.count(&[("backup_config", name), ("outcome", "ok")], run.devices_ok.into());
            page.count(&[("backup_config", name), ("outcome", "failed")], run.devices_failed.into());
        }
    }

    fn devices(&self, page: &mut Page) {
        let groups = grouped(&self.groups);
        page.metric(
            "etiqa_devices",
            Kind::Gauge,
            "Devices by type and site, and by how their last collection ended.",
        );
        for ((kind, site), group) in &groups {
            for (standing, count) in STANDINGS.iter().zip(group.counts) {
                if count > 0 {
                    page.count(&[("device_type", kind), ("site", site), ("state", standing)], count);
                }
            }
        }
        page.metric(
            "etiqa_devices_oldest_good_timestamp_seconds",
            Kind::Gauge,
            "When the last good text of that enabled device was taken whose is the oldest, by type and site.",
        );
        for ((kind, site), group) in &groups {
            page.time(&[("device_type", kind), ("site", site)], group.oldest_good);
        }
        page.metric(
            "etiqa_devices_newest_good_timestamp_seconds",
            Kind::Gauge,
            "When a good text of an enabled device was taken last, by type and site.",
        );
        for ((kind, site), group) in &groups {
            page.time(&[("device_type", kind), ("site", site)], group.newest_good);
        }
        page.metric(
            "etiqa_devices_within_schedule",
            Kind::Gauge,
            "Enabled devices with a good text as recent as their backups promise.",
        );
        page.count(&[], self.devices.within_schedule);
        page.metric(
            "etiqa_devices_needing_attention",
            Kind::Gauge,
            "Enabled devices that need a hand, by the first reason that holds.",
        );
        for reason in Reason::ALL {
            page.count(&[("reason", name_of(*reason))], count_of(&self.devices.needing_hand, reason));
        }
        page.metric(
            "etiqa_devices_by_reachability",
            Kind::Gauge,
            "Enabled devices by whether they answer on their port.",
        );
        for status in [DeviceStatus::Online, DeviceStatus::Offline, DeviceStatus::Unknown] {
            page.count(&[("status", status.as_str())], count_of(&self.devices.by_status, &status));
        }
    }

    fn queue(&self, page: &mut Page) {
        let queue = &self.queue;
        page.metric("etiqa_queue_jobs", Kind::Gauge, "Jobs in the queue, by where they stand.");
        for (state, count) in [
            ("running", queue.running),
            ("waiting", queue.waiting),
            ("retrying", queue.retrying),
            ("dead", queue.dead),
        ] {
            page.count(&[("state", state)], count);
        }
        page.metric(
            "etiqa_queue_oldest_due_timestamp_seconds",
            Kind::Gauge,
            "Since when that job is due which waits and is due first; in the future where none is due yet.",
        );
        page.time(&[], queue.oldest_due_at);
        page.metric(
            "etiqa_archive_copies",
            Kind::Gauge,
            "Copies at destinations that are to be sent or deleted.",
        );
        page.count(&[("state", "waiting")], self.copies.waiting);
        page.count(&[("state", "leaving")], self.copies.leaving);
        page.metric(
            "etiqa_archive_copies_failing",
            Kind::Gauge,
            "Copies that are to be sent or deleted, and whose last attempt failed.",
        );
        page.count(&[], self.copies.failing);
    }

    fn archives(&self, page: &mut Page) {
        let archives = &self.archives;
        page.metric("etiqa_archives", Kind::Gauge, "Archives that are kept, by how they were last found.");
        page.count(&[("condition", "good")], archives.good);
        page.count(&[("condition", "damaged")], archives.damaged);
        page.count(&[("condition", "missing")], archives.missing);
        page.metric("etiqa_archives_size_bytes", Kind::Gauge, "Bytes of all archives that are kept.");
        page.count(&[], archives.bytes);
    }

    fn notifications(&self, page: &mut Page) {
        let Notifying { waiting, given_up, troubled } = self.notifying;
        page.metric(
            "etiqa_notify_messages",
            Kind::Gauge,
            "Messages of notifications that wait, and those that were given up within a day.",
        );
        page.count(&[("state", "waiting")], waiting);
        page.count(&[("state", "given_up")], given_up);
        page.metric(
            "etiqa_notify_channels_failing",
            Kind::Gauge,
            "Enabled channels of notifications that did not take what they were sent last.",
        );
        page.count(&[], troubled);
    }

    fn scheduling(&self, page: &mut Page) {
        page.metric(
            "etiqa_scheduler_last_look_timestamp_seconds",
            Kind::Gauge,
            "When a scheduler last looked what is due.",
        );
        page.time(&[], self.last_look);
        page.metric(
            "etiqa_scheduler_interval_seconds",
            Kind::Gauge,
            "A scheduler looks what is due at least this often.",
        );
        page.count(&[], u64::from(self.interval_minutes) * 60);
        page.metric(
            "etiqa_schedules_paused",
            Kind::Gauge,
            "Whether no schedule runs: a person paused them, or the instance was restored.",
        );
        page.count(&[], u64::from(self.is_paused));
        page.metric(
            "etiqa_machines",
            Kind::Gauge,
            "Processes that share the database, by what they do, where, and whether they are heard of.",
        );
        let mut machines: BTreeMap<(&str, &str), [u64; 3]> = BTreeMap::new();
        for (machine, state) in &self.machines {
            let of = (machine.role.as_str(), machine.site.as_deref().unwrap_or_default());
            let counts = machines.entry(of).or_default();
            match state {
                MachineState::Alive => counts[0] += 1,
                MachineState::Vanished => counts[1] += 1,
                MachineState::Stopped => counts[2] += 1,
            }
        }
        for ((role, site), counts) in &machines {
            for (state, count) in ["alive", "vanished", "stopped"].into_iter().zip(counts) {
                page.count(&[("role", role), ("site", site), ("state", state)], *count);
            }
        }
    }
}

/// The devices of a type at a site.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Group {
    counts: [u64; STANDINGS.len()],
    oldest_good: Option<Timestamp>,
    newest_good: Option<Timestamp>,
}

/// By type and site, at most [`MOST_GROUPS`] and one more of each type.
fn grouped(rows: &[DeviceGroup]) -> BTreeMap<(&'static str, &str), Group> {
    let mut groups: BTreeMap<(&'static str, &str), Group> = BTreeMap::new();
    for row in rows {
        let group = groups.entry((row.device_type.as_str(), &row.site)).or_default();
        group.counts[standing_of(row)] += row.count;
        if row.enabled {
            group.widen(row.oldest_good, row.newest_good);
        }
    }
    if groups.len() <= MOST_GROUPS {
        return groups;
    }
    let mut by_size: Vec<_> = groups.into_iter().collect();
    by_size.sort_by_key(|(_, group)| std::cmp::Reverse(group.counts.iter().sum::<u64>()));
    let rest = by_size.split_off(MOST_GROUPS);
    let mut groups: BTreeMap<_, _> = by_size.into_iter().collect();
    for ((kind, _), small) in rest {
        let group = groups.entry((kind, OTHER_SITES)).or_default();
        for (count, more) in group.counts.iter_mut().zip(small.counts) {
            *count += more;
        }
        group.widen(small.oldest_good, small.newest_good);
    }
    groups
}

impl Group {
    fn widen(&mut self, oldest: Option<Timestamp>, newest: Option<Timestamp>) {
        self.oldest_good = [self.oldest_good, oldest].into_iter().flatten().min();
        self.newest_good = [self.newest_good, newest].into_iter().flatten().max();
    }
}

/// The place of a group's standing in [`STANDINGS`].
fn standing_of(row: &DeviceGroup) -> usize {
    match (row.enabled, row.last_class.as_deref()) {
        (false, _) => 5,
        (true, None) => 4,
        (true, Some("ok" | "unchanged")) => 0,
        (true, Some("suspect")) => 2,
        (true, Some("host_key_changed")) => 3,
        (true, Some(_)) => 1,
    }
}

fn count_of<T: PartialEq>(counts: &[(T, u64)], what: &T) -> u64 {
    counts.iter().find(|(known, _)| known == what).map_or(0, |(_, count)| *count)
}

fn name_of(reason: Reason) -> &'static str {
    match reason {
        Reason::Failing => "failing",
        Reason::Suspect => "suspect",
        Reason::HostKeyChanged => "host_key_changed",
        Reason::NeverBackedUp => "never_backed_up",
        Reason::Overdue => "overdue",
        Reason::NoBackup => "no_backup",
    }
}

#[cfg(test)]
mod tests {
    use etiqa_model::device::DeviceType;

    use super::*;

    fn row(site: &str, class: Option<&str>, count: u64, good: Option<i64>) -> DeviceGroup {
        DeviceGroup {
            device_type: DeviceType::Switch,
            site: site.to_owned(),
            enabled: true,
            last_class: class.map(str::to_owned),
            count,
            oldest_good: good.map(Timestamp),
            newest_good: good.map(|at| Timestamp(at + 1)),
        }
    }

    #[test]
    fn the_devices_of_a_group_are_told_by_how_they_stand_and_those_that_are_off_have_no_age() {
        let rows = [
            row("vienna", Some("unchanged"), 3, Some(50)),
            row("vienna", Some("timeout"), 2, Some(20)),
            row("vienna", None, 1, None),
            DeviceGroup { enabled: false, ..row("vienna", Some("ok"), 4, Some(1)) },
        ];
        let groups = grouped(&rows);
        let group = groups[&("switch", "vienna")];
        assert_eq!(group.counts, [3, 2, 0, 0, 1, 4]);
        assert_eq!((group.oldest_good, group.newest_good), (Some(Timestamp(20)), Some(Timestamp(51))));
    }

    #[test]
    fn however_many_sites_there_are_the_series_have_a_bound_and_no_device_is_lost() {
        let rows: Vec<_> = (0..2_000)
            .map(|n| row(&format!("site-{n}"), Some("ok"), 1 + u64::from(n == 7), Some(n)))
            .collect();
        let groups = grouped(&rows);
        assert_eq!(groups.len(), MOST_GROUPS + 1);
        assert_eq!(groups.values().map(|group| group.counts[0]).sum::<u64>(), 2_001);
        assert!(groups.contains_key(&("switch", "site-7")), "the largest has its own");
        let others = groups[&("switch", OTHER_SITES)];
        assert!(others.oldest_good < others.newest_good);
    }
}
