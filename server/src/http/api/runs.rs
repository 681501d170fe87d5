//! `/api/v1/runs`: executions of backup configs.

use std::sync::Arc;

use axum::extract::Path;
use etiqa_engine::access::About;
use etiqa_engine::{Engine, backup};
use etiqa_model::archive::Encryption;
use etiqa_model::backup::BackupKind;
use etiqa_model::history::{HistoryPage, Outcome, RunFilter};
use etiqa_model::run::{Phase, Run, RunStatus, Trigger};
use etiqa_model::user::Role;
use etiqa_model::{BackupConfigId, RunId, Timestamp, UserError};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answered, Part, accepted, etag, item, limit, shown};
use super::ask::Ask;
use super::cursor::{after, to_cursor};
use super::words::{BackupTypeName, EncryptionName, OutcomeName, PhaseName, RunStatusName, TriggerName};

pub(super) fn routes() -> OpenApiRouter<Arc<Engine>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show)).routes(routes!(cancel))
}

/// One execution of a backup config. Who has a scope sees of it what concerns their devices, and nothing of its archive.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RunItem {
    id: i64,
    /// Null once the config was removed.
    backup_config_id: Option<i64>,
    /// The config's name when it ran.
    name: String,
    /// What its archive holds.
    #[serde(rename = "type")]
    #[schema(value_type = BackupTypeName)]
    kind: BackupKind,
    #[schema(value_type = RunStatusName)]
    status: RunStatus,
    /// What it does now; of meaning while it is not over.
    #[schema(value_type = PhaseName)]
    phase: Phase,
    /// What started it.
    #[schema(value_type = TriggerName)]
    trigger: Trigger,
    #[schema(value_type = String, format = DateTime)]
    queued_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<Timestamp>,
    /// Devices finished, and in all.
    progress: ProgressItem,
    /// Devices with a good text.
    devices_ok: u32,
    /// Devices without one.
    devices_failed: u32,
    /// Vendors' own backups that it fetched whole.
    artifacts_ok: u32,
    /// Vendors' own backups that were due and could not be had.
    artifacts_failed: u32,
    /// Whether somebody asked it to stop.
    cancelling: bool,
    /// Why it failed, in a sentence.
    error: Option<String>,
    /// Its archive's file name.
    file: Option<String>,
    /// Its archive's size.
    size_bytes: Option<u64>,
    /// Its archive's SHA-256, in lower-case hex.
    sha256: Option<String>,
    /// How its archive is sealed.
    #[schema(value_type = EncryptionName)]
    encryption: Encryption,
    /// When its archive was last read back whole.
    #[schema(value_type = Option<String>, format = DateTime)]
    verified_at: Option<Timestamp>,
    /// Whether a later check found its archive damaged.
    damaged: bool,
    /// What is wrong with its archive.
    damage: Option<String>,
    /// When its archive was given up.
    #[schema(value_type = Option<String>, format = DateTime)]
    removed_at: Option<Timestamp>,
    /// Whether its archive can be downloaded.
    has_archive: bool,
}

/// How far a run is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProgressItem {
    pub(super) done: u32,
    pub(super) total: u32,
}

impl From<Run> for RunItem {
    fn from(run: Run) -> Self {
        Self {
            has_archive: run.has_archive(),
            id: run.id.0,
            backup_config_id: run.backup_config_id.map(|id| id.0),
            name: run.name,
            kind: run.kind,
            status: run.status,
            phase: run.phase,
            trigger: run.trigger,
            queued_at: run.queued_at,
            started_at: run.started_at,
            finished_at: run.finished_at,
            progress: ProgressItem { done: run.progress.done, total: run.progress.total },
            devices_ok: run.devices_ok,
            devices_failed: run.devices_failed,
            artifacts_ok: run.artifacts_ok,
            artifacts_failed: run.artifacts_failed,
            cancelling: run.cancelling,
            error: run.error,
            file: run.file,
            size_bytes: run.size_bytes,
            sha256: run.sha256,
            encryption: run.encryption,
            verified_at: run.verified_at,
            damaged: run.damaged,
            damage: run.damage,
            removed_at: run.removed_at,
        }
    }
}

/// Which runs, and where the list goes on.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RunQuery {
    /// Only of this backup config, by its number.
    config: Option<i64>,
    /// Only those that came to this.
    #[param(value_type = Option<OutcomeName>, inline)]
    outcome: Option<Outcome>,
    /// Only of this type.
    #[serde(rename = "type")]
    #[param(value_type = Option<BackupTypeName>, inline)]
    kind: Option<BackupKind>,
    /// Only those that this started.
    #[param(value_type = Option<TriggerName>, inline)]
    trigger: Option<Trigger>,
    /// Only those that were queued on this day (UTC) or later.
    #[param(value_type = Option<String>, format = Date)]
    from: Option<String>,
    /// Only those that were queued on this day (UTC) or earlier.
    #[param(value_type = Option<String>, format = Date)]
    to: Option<String>,
    /// How many at most, 1 to 500; a part has 50 at most.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// `next` of the part before.
    cursor: Option<String>,
}

/// Runs, newest first
///
/// Needs the role viewer. A part may be empty though there are older ones: `next` says.
#[utoipa::path(get, path = "/api/v1/runs", operation_id = "run_list", tag = "runs", params(RunQuery),
    responses((status = 200, description = "A part of the list.", body = Part<RunItem>)))]
async fn list(ask: Ask) -> Answered {
    let context = ask.require(Role::Viewer, About::Seen).await?;
    let query: RunQuery = ask.query()?;
    let (limit, before) = (limit(query.limit)?, after::<i64>(query.cursor.as_deref())?.map(RunId));
    let filter = RunFilter {
        config: query.config.map(BackupConfigId),
        outcome: query.outcome,
        kind: query.kind,
        trigger: query.trigger,
        from: day("from", query.from)?,
        to: day("to", query.to)?,
    };
    let page = backup::run_history(&context.engine, &context.reach, &filter, before, "UTC").await?;
    Ok(shown(&of_history(page, limit, |run| run.id.0).map(RunItem::from)))
}

/// One run
///
/// Needs the role viewer.
#[utoipa::path(get, path = "/api/v1/runs/{id}", operation_id = "run_show", tag = "runs",
    params(("id" = i64, Path, description = "The run's number.")),
    responses((status = 200, description = "The run.", body = RunItem)))]
async fn show(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Viewer, ("run", &id), About::Run).await?;
    let run = RunItem::from(backup::run_seen(&context.engine, &context.reach, id).await?);
    Ok(item(&run, &etag(&run)?))
}

/// Ask a run to stop
///
/// Needs the role operator. 409 where it is over.
#[utoipa::path(post, path = "/api/v1/runs/{id}/cancel", operation_id = "run_cancel", tag = "runs",
    params(("id" = i64, Path, description = "The run's number.")),
    responses((status = 202, description = "It was asked to stop.", body = RunItem)))]
async fn cancel(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Operator, ("run", &id), About::WholeRun).await?;
    backup::start::cancel(&context.engine, id).await?;
    let run = backup::run_seen(&context.engine, &context.reach, id).await?;
    Ok(accepted(&RunItem::from(run)))
}

/// A page of a history as a part of a list: at most `limit` of it. Its rows are found from the newest on, and where some were
/// left unread, it says where it goes on.
pub(super) fn of_history<T>(page: HistoryPage<T>, limit: u32, id: impl Fn(&T) -> i64) -> Part<T> {
    let HistoryPage { mut rows, older, .. } = page;
    let limit = limit as usize;
    if rows.len() > limit {
        rows.truncate(limit);
        let next = rows.last().map(|last| to_cursor(&id(last)));
        return Part::going_on(rows, next);
    }
    Part::going_on(rows, older.map(|older| to_cursor(&older)))
}

/// A day as `2026-11-01`.
pub(super) fn day(field: &str, text: Option<String>) -> Result<Option<String>, UserError> {
    match text {
        Some(text) if chrono::NaiveDate::parse_from_str(&text, "%Y-%m-%d").is_err() => {
            Err(UserError::invalid(format!("Write {field} as a day, such as 2026-11-01.")))
        }
        text => Ok(text),
    }
}
