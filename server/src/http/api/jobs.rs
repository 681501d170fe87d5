//! `/api/v1/jobs`: the queue.

use std::sync::Arc;

use axum::extract::Path;
use etiqa_engine::Engine;
use etiqa_engine::access::About;
use etiqa_engine::schedule::jobs;
use etiqa_engine::time::now;
use etiqa_model::job::{JobRow, JobState};
use etiqa_model::user::Role;
use etiqa_model::{JobId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answered, Part, accepted, limit, nothing, shown};
use super::ask::Ask;
use super::cursor::after;
use super::words::JobStateName;

pub(super) fn routes() -> OpenApiRouter<Arc<Engine>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show, forget)).routes(routes!(retry))
}

/// A piece of work that is queued, goes on, or was given up.
#[derive(Debug, Serialize, ToSchema)]
struct JobItem {
    id: i64,
    /// What it does, for a person: `Run 7`.
    title: String,
    #[schema(value_type = JobStateName)]
    state: JobState,
    /// How often it was begun.
    attempts: u32,
    /// When it is begun, or begun again, at the earliest.
    #[schema(value_type = String, format = DateTime)]
    due_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Which process works on it.
    worker: Option<String>,
    /// What went wrong last.
    error: Option<String>,
}

impl From<JobRow> for JobItem {
    fn from(job: JobRow) -> Self {
        Self {
            id: job.id.0,
            title: job.title,
            state: job.state,
            attempts: job.attempts,
            due_at: job.due_at,
            created_at: job.created_at,
            worker: job.worker,
            error: job.error,
        }
    }
}

/// Which jobs, and where the list goes on.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct JobQuery {
    /// Only those that stand so.
    #[param(value_type = Option<JobStateName>, inline)]
    state: Option<JobState>,
    /// Only of this kind: `run`, `collect`, `send`, …
    kind: String,
    /// How many at most, 1 to 500; 100 where nothing is said.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// `next` of the part before.
    cursor: Option<String>,
}

/// Jobs that wait, go on or were given up, newest first
///
/// Needs the role operator and no scope.
#[utoipa::path(get, path = "/api/v1/jobs", operation_id = "job_list", tag = "jobs", params(JobQuery),
    responses((status = 200, description = "A part of the list.", body = Part<JobItem>)))]
async fn list(ask: Ask) -> Answered {
    let context = ask.require(Role::Operator, About::Everything).await?;
    let query: JobQuery = ask.query()?;
    let (limit, before) = (limit(query.limit)?, after::<i64>(query.cursor.as_deref())?.map(JobId));
    let found = jobs::list_before(&context.engine, query.state, &query.kind, before, limit + 1).await?;
    Ok(shown(&Part::cut(found, limit, |job| job.id.0).map(JobItem::from)))
}

/// One job
///
/// Needs the role operator and no scope. One that is done is not there any more.
#[utoipa::path(get, path = "/api/v1/jobs/{id}", operation_id = "job_show", tag = "jobs",
    params(("id" = i64, Path, description = "The job's number.")),
    responses((status = 200, description = "The job.", body = JobItem)))]
async fn show(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Operator, ("job", &id), |_| About::Everything).await?;
    Ok(shown(&JobItem::from(jobs::fetch(&context.engine, id).await?)))
}

/// Have a job done now
///
/// Needs the role operator and no scope. For one that was given up, or waits for another attempt; 409 for any other.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/retry", operation_id = "job_retry", tag = "jobs",
    params(("id" = i64, Path, description = "The job's number.")),
    responses((status = 202, description = "It is queued.", body = JobItem)))]
async fn retry(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Operator, ("job", &id), |_| About::Everything).await?;
    let known = jobs::fetch(&context.engine, id).await?;
    jobs::retry(&context.engine, id).await?;
    // One that is done already is not there any more.
    let queued = JobRow { state: JobState::Waiting, attempts: 0, due_at: now(), worker: None, ..known };
    Ok(accepted(&JobItem::from(jobs::fetch(&context.engine, id).await.unwrap_or(queued))))
}

/// Forget a job that was given up
///
/// Needs the role operator and no scope.
#[utoipa::path(delete, path = "/api/v1/jobs/{id}", operation_id = "job_forget", tag = "jobs",
    params(("id" = i64, Path, description = "The job's number.")),
    responses((status = 204, description = "It is forgotten.")))]
async fn forget(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Operator, ("job", &id), |_| About::Everything).await?;
    jobs::forget(&context.engine, id).await?;
    Ok(nothing())
}
