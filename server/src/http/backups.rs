//! The endpoints that scripts of the Django edition know: status, run, toggle.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{Extensions, StatusCode};
use etiqa_app::api::context::Context;
use etiqa_engine::access::About;
use etiqa_engine::{Engine, backup, status};
use etiqa_model::run::Trigger;
use etiqa_model::status::StatusReport;
use etiqa_model::user::Role;
use etiqa_model::{BackupConfigId, UserError};
use serde::Serialize;

use super::refusal::Refusal;
use super::routes::Route;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/backup/status", report),
        Route::post("/backup/config/{id}/run", run),
        Route::post("/backup/config/{id}/toggle", toggle),
    ]
}

async fn report(
    State(engine): State<Arc<Engine>>,
    extensions: Extensions,
) -> Result<Json<StatusReport>, Refusal> {
    let context = Context::require_in(&extensions, Role::Viewer, About::Seen).await?;
    Ok(Json(status::report(&engine, &context.reach).await?))
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
    let id = asked_for(&extensions, &id).await?;
    let queued = backup::start::start(&engine, id, Trigger::Manual).await?;
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
    let id = asked_for(&extensions, &id).await?;
    let enabled = backup::config::toggle(&engine, id).await?;
    Ok(Json(Toggled { id: id.0, enabled }))
}

/// The backup config that an operator may act on. That there is none of this name learns only who may ask at all.
async fn asked_for(extensions: &Extensions, text: &str) -> Result<BackupConfigId, UserError> {
    let context = Context::require_in(extensions, Role::Operator, About::Nothing).await?;
    let id = text.parse().map_err(|_| UserError::not_found(format!("backup config {text}")))?;
    context.admit(About::WholeBackup(id)).await?;
    Ok(id)
}
