//! `/api/v1/devices/{id}/results` and `/api/v1/runs/{id}/results`: what collections came to.

use std::sync::Arc;

use axum::extract::Path;
use etiqa_engine::access::About;
use etiqa_engine::{Engine, backup};
use etiqa_model::class::Class;
use etiqa_model::device::DeviceResult;
use etiqa_model::history::ResultFilter;
use etiqa_model::user::Role;
use etiqa_model::{DeviceResultId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answered, Part, limit, shown};
use super::ask::Ask;
use super::cursor::after;
use super::runs::{day, of_history};
use super::words::ClassName;

pub(super) fn routes() -> OpenApiRouter<Arc<Engine>> {
    OpenApiRouter::new().routes(routes!(of_device)).routes(routes!(of_run))
}

/// One collection of one device.
#[derive(Debug, Serialize, ToSchema)]
struct ResultItem {
    id: i64,
    device_id: i64,
    hostname: String,
    /// The run that it was for; null: somebody asked for it.
    run_id: Option<i64>,
    #[schema(value_type = ClassName)]
    class: Class,
    /// One sentence: what happened.
    message: String,
    /// Bytes of all parts.
    size_bytes: u64,
    /// The driver and the first digits of its hash.
    driver: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    finished_at: Timestamp,
    /// The result of another run of the last minute was taken.
    reused: bool,
}

impl From<DeviceResult> for ResultItem {
    fn from(result: DeviceResult) -> Self {
        Self {
            id: result.id.0,
            device_id: result.device_id.0,
            hostname: result.hostname,
            run_id: result.run_id.map(|run| run.0),
            class: result.class,
            message: result.message,
            size_bytes: result.size_bytes,
            driver: result.driver,
            started_at: result.started_at,
            finished_at: result.finished_at,
            reused: result.reused,
        }
    }
}

/// Which results, and where the list goes on.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ResultQuery {
    /// Only good or other ones.
    good: Option<bool>,
    /// Only those that ended so.
    #[param(value_type = Option<ClassName>, inline)]
    class: Option<Class>,
    /// Only those that ended on this day (UTC) or later.
    #[param(value_type = Option<String>, format = Date)]
    from: Option<String>,
    /// Only those that ended on this day (UTC) or earlier.
    #[param(value_type = Option<String>, format = Date)]
    to: Option<String>,
    /// How many at most, 1 to 500; a part has 50 at most.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// `next` of the part before.
    cursor: Option<String>,
}

/// Results of a device, newest first
///
/// Needs the role viewer. A part may be empty though there are older ones: `next` says.
#[utoipa::path(get, path = "/api/v1/devices/{id}/results", operation_id = "device_result_list", tag = "devices",
    params(("id" = i64, Path, description = "The device's number."), ResultQuery),
    responses((status = 200, description = "A part of the list.", body = Part<ResultItem>)))]
async fn of_device(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Viewer, ("device", &id), About::Device).await?;
    let query: ResultQuery = ask.query()?;
    let (limit, before) = (limit(query.limit)?, after::<i64>(query.cursor.as_deref())?.map(DeviceResultId));
    let filter = ResultFilter {
        good: query.good,
        class: query.class,
        from: day("from", query.from)?,
        to: day("to", query.to)?,
    };
    let page = backup::result_history(&context.engine, id, &filter, before, "UTC").await?;
    Ok(shown(&of_history(page, limit, |result| result.id.0).map(ResultItem::from)))
}

/// Which results of a run.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RunResultQuery {
    /// Only those that are not good.
    failed: bool,
    /// How many at most, 1 to 500; 100 where nothing is said.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// `next` of the part before.
    cursor: Option<String>,
}

/// Results of a run, as they came
///
/// Needs the role viewer. Only those of devices in one's scope are listed.
#[utoipa::path(get, path = "/api/v1/runs/{id}/results", operation_id = "run_result_list", tag = "runs",
    params(("id" = i64, Path, description = "The run's number."), RunResultQuery),
    responses((status = 200, description = "A part of the list.", body = Part<ResultItem>)))]
async fn of_run(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Viewer, ("run", &id), About::Run).await?;
    let query: RunResultQuery = ask.query()?;
    let (limit, last) = (limit(query.limit)?, after::<i64>(query.cursor.as_deref())?);
    let last = DeviceResultId(last.unwrap_or(0));
    let (engine, reach) = (&context.engine, &context.reach);
    let found = backup::run_results_after(engine, reach, id, query.failed, last, limit + 1).await?;
    Ok(shown(&Part::cut(found, limit, |result| result.id.0).map(ResultItem::from)))
}
