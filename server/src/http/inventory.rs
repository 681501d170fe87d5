//! `GET /devices/export.csv`: the devices of a list as a table, with the list's own query and without its pages.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{Extensions, header};
use axum::response::{IntoResponse, Response};
use etiqa_app::api::context::Context;
use etiqa_engine::access::About;
use etiqa_engine::{Engine, inventory};
use etiqa_model::device::{DeviceFilter, DeviceOrder};
use etiqa_model::user::Role;

use super::refusal::Refusal;
use super::routes::Route;

pub(super) fn routes() -> Vec<Route> {
    vec![Route::get("/devices/export.csv", export)]
}

async fn export(
    State(engine): State<Arc<Engine>>,
    Query(query): Query<HashMap<String, String>>,
    extensions: Extensions,
) -> Result<Response, Refusal> {
    let context = Context::require_in(&extensions, Role::Viewer, About::Seen).await?;
    let filter = DeviceFilter::of_query(|name| query.get(name).cloned());
    let order = query.get("sort").map(|sort| DeviceOrder::parse(sort)).unwrap_or_default();
    let table = inventory::csv(&engine, &context.reach, &filter, order).await?;
    tracing::info!(by = %context.identity.name, "the inventory is downloaded");
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"devices.csv\""),
    ];
    Ok((headers, table).into_response())
}
