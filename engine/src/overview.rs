//! The first page: is everything backed up, and what needs a hand?

use std::time::Duration;

use etiqa_model::Timestamp;
use etiqa_model::compare::Reading;
use etiqa_model::overview::{HandGroup, Overview, Reason, RecentChange};
use etiqa_model::user::{Reach, Role};

use crate::backup::seen::{configs_seen, narrow_runs};
use crate::backup::{config, promise};
use crate::engine::Engine;
use crate::error::Result;
use crate::history::{Reader, read};
use crate::pause::schedule_pause;
use crate::rules;
use crate::store::config_list::version_list_changes;
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

/// Everything on the first page, as somebody of this reach may see it: numbers are of their devices. Archives concern all
/// devices, and so does how runs ended, day by day; who has a scope is told of neither.
pub async fn overview(engine: &Engine, reach: &Reach) -> Result<Overview> {
    overview_at(engine, reach, now()).await
}

/// The same at another time, by which it is told what is due.
pub async fn overview_at(engine: &Engine, reach: &Reach, at: Timestamp) -> Result<Overview> {
    let (db, scope, is_whole) = (&engine.db, reach.scope(), reach.is_whole());
    let mut configs = config::list_uncounted(engine, at).await?;
    let promises = promise::promises(&configs, at);
    let seen = configs_seen(engine, reach).await?;
    configs.retain(|row| seen.as_ref().is_none_or(|seen| seen.contains(&row.config.id)));
    // The next to run first; disabled ones, which have no next time, last.
    configs.sort_by_key(|row| (row.config.next_run_at.is_none(), row.config.next_run_at));
    configs.truncate(NEXT);
    let today = Timestamp(at.millis() - at.millis().rem_euclid(86_400_000));
    let first_day = today.minus(A_DAY * (DAYS - 1));
    let runs_by_day =
        async { if is_whole { run_counts_by_day(db, first_day, DAYS).await } else { Ok(Vec::new()) } };
    let bytes_by_day =
        async { if is_whole { archive_bytes_by_day(db, first_day, DAYS).await } else { Ok(Vec::new()) } };
    // What reads the most, at once.
    let ((devices, reasons), days, stored) =
        tokio::try_join!(device_counts(db, scope, &promises), runs_by_day, bytes_by_day,)?;
    let (archives, archive_bytes) = if is_whole { archive_totals(db).await? } else { (0, 0) };
    let mut running = run_list_live(db, seen.as_deref()).await?;
    let mut recent_runs = run_list_ended(db, seen.as_deref(), 8).await?;
    let last_runs = configs.iter_mut().filter_map(|row| row.last_run.as_mut());
    narrow_runs(engine, reach, running.iter_mut().chain(&mut recent_runs).chain(last_runs)).await?;
    Ok(Overview {
        generated_at: at,
        first_steps: if is_whole { first_steps_fetch(db).await? } else { None },
        devices,
        needs_hand: needs_hand(engine, reach, &promises, reasons).await?,
        pause: schedule_pause(engine).await?,
        broken_rules: rules::broken(engine, reach).await?,
        damaged: if is_whole { run_list_damaged(db, 3).await? } else { Vec::new() },
        running,
        configs,
        recent_runs,
        recent_changes: recent_changes(engine, reach).await?,
        days,
        stored,
        archive_bytes,
        archives,
    })
}

async fn needs_hand(
    engine: &Engine,
    reach: &Reach,
    promises: &[Promise],
    reasons: Vec<(Reason, u64)>,
) -> Result<Vec<HandGroup>> {
    if reasons.is_empty() {
        return Ok(Vec::new());
    }
    let mut hands = device_list_needing_a_hand(&engine.db, reach.scope(), promises, &reasons, HANDS).await?;
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

async fn recent_changes(engine: &Engine, reach: &Reach) -> Result<Vec<RecentChange>> {
    let mut changes = Vec::new();
    for (index, row) in version_list_changes(&engine.db, reach.scope(), 8).await?.into_iter().enumerate() {
        // Masked for everybody: who opens the first page has asked for no text, and the audit log tells of none. One that
        // cannot be masked has no peek. What changes by itself is nobody's change.
        let reader = Reader::new(Role::Viewer, Reading { masked: true, without_volatile: true });
        let peek = if index < PEEKS {
            read::peek(engine, &row.version, reader, PEEK_LINES).await.ok()
        } else {
            None
        };
        let device_id = row.version.device_id;
        changes.push(RecentChange { device_id, hostname: row.hostname, version: row.version, peek });
    }
    Ok(changes)
}
