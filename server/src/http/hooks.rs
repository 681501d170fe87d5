//! `POST /hooks/change`: another program says that a device was changed, and the device is collected soon after.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Form, FromRequest, State};
use axum::http::{Extensions, Method, Request, StatusCode, header};
use etiqa_app::api::context::Context;
use etiqa_engine::access::About;
use etiqa_engine::{Engine, changes};
use etiqa_model::UserError;
use etiqa_model::user::Role;
use serde::{Deserialize, Serialize};

use super::refusal::Refusal;
use super::routes::Route;

/// A hundred names fit many times over.
const LARGEST_BODY: usize = 64 << 10;

pub(super) fn routes() -> Vec<Route> {
    vec![Route::post("/hooks/change", change).taking(DefaultBodyLimit::max(LARGEST_BODY))]
}

/// Which devices were changed, by host name or address.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changed {
    device: Option<String>,
    #[serde(default)]
    devices: Vec<String>,
}

#[derive(Serialize)]
struct Queued {
    devices: Vec<String>,
    collect: &'static str,
}

async fn change(
    State(engine): State<Arc<Engine>>,
    extensions: Extensions,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<Queued>), Refusal> {
    let context = Context::require_in(&extensions, Role::Operator, About::Seen).await?;
    let names = names(body.map_err(|_| unreadable())?).await?;
    let devices = changes::report(&engine, &context.reach, &names).await?;
    let devices: Vec<String> = devices.into_iter().map(|device| device.hostname).collect();
    let count = devices.len();
    tracing::info!(by = %context.identity.name, count, "{count} changed devices were named");
    Ok((StatusCode::ACCEPTED, Json(Queued { devices, collect: "queued" })))
}

/// JSON, or the fields of a form: what curl sends where it is told nothing about the body is taken for what it is.
async fn names(body: Bytes) -> Result<Vec<String>, UserError> {
    if body.trim_ascii_start().starts_with(b"{") {
        let changed: Changed = serde_json::from_slice(&body).map_err(|_| unreadable())?;
        return Ok(changed.device.into_iter().chain(changed.devices).collect());
    }
    let form = Request::builder()
        .method(Method::POST)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(body))
        .map_err(|_| unreadable())?;
    let fields = Form::<Vec<(String, String)>>::from_request(form, &()).await.map_err(|_| unreadable())?;
    let named = fields.0.into_iter().filter(|(field, _)| field == "device");
    Ok(named.map(|(_, name)| name).collect())
}

fn unreadable() -> UserError {
    UserError::invalid(
        "Name the changed device as JSON, {\"device\":\"sw1\"} or {\"devices\":[\"sw1\",\"sw2\"]}, or as a form, device=sw1; \
         64 KiB at most.",
    )
}
