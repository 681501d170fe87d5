//! The first page: is everything backed up, and what needs a hand? And the admin's: how much is there to look after?

use std::time::Duration;

use etiqa_model::admin::AdminCounts;
use etiqa_model::overview::{Overview, RecentChange};
use etiqa_model::user::Role;

use crate::backup::config;
use crate::drivers::driver_counts;
use crate::engine::Engine;
use crate::error::Result;
use crate::history::read;
use crate::pause::schedule_pause;
use crate::store::config_version::version_list_changes;
use crate::store::overview::{
    self as store, archive_totals, device_counts, device_list_needing_a_hand, run_counts_by_day,
};
use crate::store::run::{run_list_damaged, run_list_ended, run_list_live};
use crate::time::now;

/// Days of the chart, with today.
const DAYS: u32 = 30;
/// Changes whose first lines are shown.
const PEEKS: usize = 2;
/// Lines of a peek.
const PEEK_LINES: u32 = 6;

/// Everything on the first page, as `reader` may see it.
pub async fn overview(engine: &Engine, reader: Role) -> Result<Overview> {
    let at = now();
    let day = Duration::from_hours(24);
    let mut configs = config::list(engine).await?;
    // The next to run first; disabled ones, which have no next time, last.
    configs.sort_by_key(|row| (row.config.next_run_at.is_none(), row.config.next_run_at));
    let mut recent_changes = Vec::new();
    for (index, row) in version_list_changes(&engine.db, 8).await?.into_iter().enumerate() {
        // A text that cannot be shown to this reader has no peek.
        let peek = if index < PEEKS {
            read::peek(engine, &row.version, reader.into(), PEEK_LINES).await.ok()
        } else {
            None
        };
        let device_id = row.version.device_id;
        recent_changes.push(RecentChange { device_id, hostname: row.hostname, version: row.version, peek });
    }
    let (archives, archive_bytes) = archive_totals(&engine.db).await?;
    Ok(Overview {
        generated_at: at,
        devices: device_counts(&engine.db).await?,
        needs_hand: device_list_needing_a_hand(&engine.db, 10).await?,
        pause: schedule_pause(engine).await?,
        damaged: run_list_damaged(&engine.db, 3).await?,
        running: run_list_live(&engine.db).await?,
        configs,
        recent_runs: run_list_ended(&engine.db, 8).await?,
        recent_changes,
        days: run_counts_by_day(&engine.db, at.minus(day * (DAYS - 1)), DAYS).await?,
        archive_bytes,
        archives,
    })
}

/// How much there is behind each part of the admin's page.
pub async fn admin_counts(engine: &Engine) -> Result<AdminCounts> {
    let (drivers, driver_problems) = driver_counts(engine).await?;
    Ok(AdminCounts { drivers, driver_problems, ..store::admin_counts(&engine.db).await? })
}
