//! The queue.

use etiqa_model::JobId;
use etiqa_model::job::JobRow;
use leptos::prelude::*;

use super::AppError;
#[cfg(feature = "ssr")]
use {super::context::Context, etiqa_engine::schedule::jobs, etiqa_model::user::Role};

/// What goes on, was given up or waits, in this order.
#[server(endpoint = "list_jobs")]
pub async fn list_jobs() -> Result<Vec<JobRow>, AppError> {
    let context = Context::require(Role::Operator)?;
    Ok(jobs::list(&context.engine).await?)
}

/// Has a job done now that was given up or waits for another attempt.
#[server(endpoint = "retry_job")]
pub async fn retry_job(id: JobId) -> Result<(), AppError> {
    let context = Context::require(Role::Operator)?;
    Ok(jobs::retry(&context.engine, id).await?)
}

/// Forgets a job that was given up.
#[server(endpoint = "forget_job")]
pub async fn forget_job(id: JobId) -> Result<(), AppError> {
    let context = Context::require(Role::Operator)?;
    Ok(jobs::forget(&context.engine, id).await?)
}
