//! The queue.

use etiqa_model::JobId;
use etiqa_model::job::JobRow;
#[cfg(feature = "ssr")]
use etiqa_model::job::JobState;
use etiqa_model::page::{Page, Paged};
use leptos::prelude::*;

use super::AppError;
#[cfg(feature = "ssr")]
use {
    super::context::Context, etiqa_engine::access::About, etiqa_engine::schedule::jobs,
    etiqa_model::user::Role,
};

/// What goes on, was given up or waits, in this order; of one state and one kind where named.
#[server(endpoint = "list_jobs")]
pub async fn list_jobs(
    #[server(default)] state: String,
    #[server(default)] kind: String,
    #[server(default)] page: Page,
) -> Result<Paged<JobRow>, AppError> {
    let context = Context::require(Role::Operator, About::Everything).await?;
    Ok(jobs::find(&context.engine, JobState::of_name(&state), &kind, page).await?)
}

/// Has a job done now that was given up or waits for another attempt.
#[server(endpoint = "retry_job")]
pub async fn retry_job(id: JobId) -> Result<(), AppError> {
    let context = Context::require(Role::Operator, About::Everything).await?;
    Ok(jobs::retry(&context.engine, id).await?)
}

/// Forgets a job that was given up.
#[server(endpoint = "forget_job")]
pub async fn forget_job(id: JobId) -> Result<(), AppError> {
    let context = Context::require(Role::Operator, About::Everything).await?;
    Ok(jobs::forget(&context.engine, id).await?)
}
