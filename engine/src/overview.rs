//! The first page: is everything backed up, and what needs a hand?

use std::time::Duration;

use etiqa_model::Timestamp;
use etiqa_model::overview::{HandGroup, Overview, Reason, RecentChange};
use etiqa_model::user::Role;

use crate::backup::{config, promise};
use crate::engine::Engine;
use crate::error::Result;
use crate::history::read;
use crate::pause::schedule_pause;
use crate::store::config_version::version_list_changes;
use crate::store::job::job_list_open_devices;
use crate::store::overview::{
    archive_bytes_by_day, archive_totals, device_counts, device_list_needing_a_hand, first_steps_fetch,
    run_counts_by_day,
};
use crate::store::promise::Promise;
use crate::store::run::{run_list_damaged, run_list_ended, run_list_live};
use crate::time::now;

const A_DAY: Duration = Duration::from_hours(24);
/// Days of the charts, with today.
const DAYS: u32 = 30;
/// Devices that need a hand, of all reasons.
const HANDS: u64 = 10;
/// Backup configs that run next.
const NEXT: usize = 10;
/// Changes whose first lines are shown.
const PEEKS: usize = 2;
/// Lines of a peek.
const PEEK_LINES: u32 = 6;

/// Everything on the first page, as `reader` may see it.
pub async fn overview(engine: &Engine, reader: Role) -> Result<Overview> {
    overview_at(engine, reader, now()).await
}

/// The same at another time, by which it is told what is due.
pub async fn overview_at(engine: &Engine, reader: Role, at: Timestamp) -> Result<Overview> {
    let mut configs = config::list_uncounted(engine, at).await?;
    let promises = promise::promises(&configs, at);
    // The next to run first; disabled ones, which have no next time, last.
    configs.sort_by_key(|row| (row.config.next_run_at.is_none(), row.config.next_run_at));
    configs.truncate(NEXT);
    let (devices, reasons) = device_counts(&engine.db, &promises).await?;
    let (archives, archive_bytes) = archive_totals(&engine.db).await?;
    let today = Timestamp(at.millis() - at.millis().rem_euclid(86_400_000));
    let first_day = today.minus(A_DAY * (DAYS - 1));
    Ok(Overview {
        generated_at: at,
        first_steps: first_steps_fetch(&engine.db).await?,
        devices,
        needs_hand: needs_hand(engine, &promises, reasons).await?,
        pause: schedule_pause(engine).await?,
        damaged: run_list_damaged(&engine.db, 3).await?,
        running: run_list_live(&engine.db).await?,
        configs,
        recent_runs: run_list_ended(&engine.db, 8).await?,
        recent_changes: recent_changes(engine, reader).await?,
        days: run_counts_by_day(&engine.db, first_day, DAYS).await?,
        stored: archive_bytes_by_day(&engine.db, first_day, DAYS).await?,
        archive_bytes,
        archives,
    })
}

async fn needs_hand(
    engine: &Engine,
    promises: &[Promise],
    reasons: Vec<(Reason, u64)>,
) -> Result<Vec<HandGroup>> {
    if reasons.is_empty() {
        return Ok(Vec::new());
    }
    let mut hands = device_list_needing_a_hand(&engine.db, promises, &reasons, HANDS).await?;
    let shown: Vec<_> = hands.iter().map(|hand| hand.id).collect();
    let asked_for = job_list_open_devices(&engine.db, "collect", &shown).await?;
    for hand in &mut hands {
        hand.collecting = asked_for.contains(&hand.id);
    }
    let groups = reasons.into_iter().map(|(reason, count)| {
        let devices = hands.iter().filter(|hand| hand.reason == reason).cloned().collect();
        HandGroup { reason, count, devices }
    });
    Ok(groups.collect())
}

async fn recent_changes(engine: &Engine, reader: Role) -> Result<Vec<RecentChange>> {
    let mut changes = Vec::new();
    for (index, row) in version_list_changes(&engine.db, 8).await?.into_iter().enumerate() {
        // A text that cannot be shown to this reader has no peek.
        let peek = if index < PEEKS {
            read::peek(engine, &row.version, reader.into(), PEEK_LINES).await.ok()
        } else {
            None
        };
        let device_id = row.version.device_id;
        changes.push(RecentChange { device_id, hostname: row.hostname, version: row.version, peek });
    }
    Ok(changes)
}
