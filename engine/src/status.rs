//! The status report: `GET /backup/status/` and `etiqa backup-status --json` are this, to the letter.

use std::time::Duration;

use etiqa_model::Timestamp;
use etiqa_model::backup::{BackupConfigRow, ConfigState};
use etiqa_model::run::Run;
use etiqa_model::status::{ConfigStatus, LastRun, SchedulerStatus, StatusReport, StatusSummary};
use etiqa_model::user::Reach;

use crate::backup::config;
use crate::db::DbKind;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::store::setting::last_tick_fetch;
use crate::time::now;

/// A scheduler that has not looked for its interval and so long besides is not running.
const TICK_MARGIN: Duration = Duration::from_mins(1);

/// How every backup config stands that somebody of this reach sees.
pub async fn report(engine: &Engine, reach: &Reach) -> Result<StatusReport> {
    let rows = config::list(engine, reach).await?;
    let count =
        |state| u32::try_from(rows.iter().filter(|row| row.state == state).count()).unwrap_or(u32::MAX);
    let enabled = rows.iter().filter(|row| row.config.enabled);
    Ok(StatusReport {
        generated_at: now().to_whole_seconds(),
        scheduler: SchedulerStatus {
            running: scheduler_is_running(engine).await?,
            last_tick_at: last_tick_fetch(&engine.db).await?.map(Timestamp::to_whole_seconds),
            next_due_at: enabled
                .clone()
                .filter_map(|row| row.config.next_run_at)
                .min()
                .map(Timestamp::to_whole_seconds),
        },
        summary: StatusSummary {
            configs: u32::try_from(rows.len()).unwrap_or(u32::MAX),
            enabled: u32::try_from(enabled.count()).unwrap_or(u32::MAX),
            due: count(ConfigState::Due),
            running: count(ConfigState::Running),
            failing: count(ConfigState::Failing),
        },
        configs: rows.into_iter().map(config_status).collect(),
    })
}

/// Whether anything watches the clock. On SQLite the server's lock tells for certain; elsewhere, whether one looked recently.
pub async fn scheduler_is_running(engine: &Engine) -> Result<bool> {
    match engine.db.kind() {
        DbKind::Sqlite => engine.dir.has_live_server().map_err(Error::io("looking at the server's lock")),
        DbKind::Postgres => {
            let interval = Duration::from_mins(u64::from(engine.settings().await?.tick_minutes));
            let last = last_tick_fetch(&engine.db).await?;
            Ok(last.is_some_and(|last| now().since(last) <= interval + TICK_MARGIN))
        }
    }
}

fn config_status(row: BackupConfigRow) -> ConfigStatus {
    let config = row.config;
    ConfigStatus {
        id: config.id,
        name: config.name,
        kind: config.kind,
        frequency: config.schedule.frequency.as_str().to_owned(),
        time_zone: config.schedule.time_zone,
        enabled: config.enabled,
        state: row.state,
        is_due: row.is_due,
        next_run_at: config.next_run_at.map(Timestamp::to_whole_seconds),
        progress: row.progress,
        last_run: row.last_run.map(last_run),
    }
}

fn last_run(run: Run) -> LastRun {
    LastRun {
        id: run.id,
        status: run.status,
        trigger: run.trigger,
        started_at: run.started_at.map(Timestamp::to_whole_seconds),
        finished_at: run.finished_at.map(Timestamp::to_whole_seconds),
        verified: run.is_good(),
        file: run.file,
        size_bytes: run.size_bytes,
        sha256: run.sha256,
        devices_ok: run.devices_ok,
        devices_failed: run.devices_failed,
        error: run.error,
    }
}
