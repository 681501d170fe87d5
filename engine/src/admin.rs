//! What there is to administer: how much of each, and how much of it needs a hand.

use etiqa_model::admin::{AdminCounts, Tally};
use etiqa_model::backup::ConfigState;
use etiqa_model::machine::MachineState;
use etiqa_model::user::Reach;

use crate::backup::seen::configs_seen;
use crate::backup::{config, promise};
use crate::engine::Engine;
use crate::error::Result;
use crate::store::admin::section_counts;
use crate::store::overview::device_counts;
use crate::time::now;
use crate::{drivers, machines, recovery};

/// Counts everything; of devices and backups those that somebody of this reach sees. What is only counted is counted by the
/// database.
pub async fn counts(engine: &Engine, reach: &Reach) -> Result<AdminCounts> {
    let at = now();
    let mut configs = config::list_uncounted(engine, at).await?;
    let promises = promise::promises(&configs, at);
    let (devices, reasons) = device_counts(&engine.db, reach.scope(), &promises).await?;
    if let Some(seen) = configs_seen(engine, reach).await? {
        configs.retain(|row| seen.contains(&row.config.id));
    }
    let failing = configs.iter().filter(|row| row.state == ConfigState::Failing);
    let counts = section_counts(&engine.db, at).await?;
    let (drivers, invalid) = drivers::driver_counts(engine).await?;
    let machines = machines::known(engine).await?;
    let vanished = machines.iter().filter(|(_, state)| *state == MachineState::Vanished);
    Ok(AdminCounts {
        devices: tally(devices.total + devices.disabled, reasons.iter().map(|(_, count)| count).sum()),
        backups: tally(count(configs.len()), count(failing.count())),
        users: counts.users,
        tokens: tally(counts.tokens, counts.tokens_expired),
        credentials: tally(counts.credentials, counts.credentials_rotated),
        jump_hosts: tally(counts.jump_hosts, counts.jump_hosts_changed),
        drivers: tally(drivers, invalid),
        destinations: tally(counts.destinations, counts.destinations_with_problem),
        channels: tally(counts.channels, counts.channels_with_problem),
        jobs: tally(counts.jobs, counts.jobs_dead),
        machines: tally(count(machines.len()), count(vanished.count())),
        kit: recovery::kit_state(engine).await?,
    })
}

fn tally(count: u64, in_need: u64) -> Tally {
    Tally { count, in_need }
}

fn count(number: usize) -> u64 {
    number as u64
}
