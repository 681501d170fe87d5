//! The endpoints that scripts of the Django edition know: status, run, toggle.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{Extensions, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use etiqa_app::api::context::Context;
use etiqa_engine::{Engine, backup, status};
use etiqa_model::run::Trigger;
use etiqa_model::status::StatusReport;
use etiqa_model::user::Role;
use etiqa_model::{BackupConfigId, UserError};
use serde::Serialize;

use super::refusal::Refusal;

pub(super) fn router() -> Router<Arc<Engine>> {
    Router::new()
        .route("/backup/status", get(report))
        .route("/backup/config/{id}/run", post(run))
        .route("/backup/config/{id}/toggle", post(toggle))
}

async fn report(
    State(engine): State<Arc<Engine>>,
    extensions: Extensions,
) -> Result<Json<StatusReport>, Refusal> {
    Context::require_in(&extensions, Role::Viewer)?;
    Ok(Json(status::report(&engine).await?))
}

#[derive(Serialize)]
struct Started {
    run_id: i64,
}

async fn run(
    State(engine): State<Arc<Engine>>,
    Path(id): Path<String>,
    extensions: Extensions,
) -> Result<(StatusCode, Json<Started>), Refusal> {
    Context::require_in(&extensions, Role::Operator)?;
    let queued = backup::start::start(&engine, config_id(&id)?, Trigger::Manual).await?;
    Ok((StatusCode::ACCEPTED, Json(Started { run_id: queued.run.0 })))
}

#[derive(Serialize)]
struct Toggled {
    id: i64,
    enabled: bool,
}

async fn toggle(
    State(engine): State<Arc<Engine>>,
    Path(id): Path<String>,
    extensions: Extensions,
) -> Result<Json<Toggled>, Refusal> {
    Context::require_in(&extensions, Role::Operator)?;
    let id = config_id(&id)?;
    let enabled = backup::config::toggle(&engine, id).await?;
    Ok(Json(Toggled { id: id.0, enabled }))
}

fn config_id(text: &str) -> Result<BackupConfigId, UserError> {
    text.parse().map_err(|_| UserError::not_found(format!("backup config {text}")))
}
