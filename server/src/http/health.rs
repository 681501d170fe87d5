//! Whether the program lives, and whether it can work: for load balancers, orchestrators and people, who need no sign-in and
//! learn nothing but fixed sentences.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use etiqa_engine::Engine;
use etiqa_engine::health;
use serde_json::json;

use super::routes::Route;

pub(super) fn routes() -> Vec<Route> {
    vec![Route::get("/healthz", live), Route::get("/readyz", ready)]
}

async fn live(State(engine): State<Arc<Engine>>, headers: HeaderMap) -> Response {
    let is_alive = engine.health.is_alive();
    if wants_json(&headers) {
        return (status_of(is_alive), Json(json!({ "alive": is_alive }))).into_response();
    }
    let words = if is_alive { "ok\n" } else { "the program hangs\n" };
    (status_of(is_alive), words).into_response()
}

async fn ready(State(engine): State<Arc<Engine>>, headers: HeaderMap) -> Response {
    let found = health::ready(&engine).await;
    let status = status_of(found.ready);
    if wants_json(&headers) {
        return (status, Json(found)).into_response();
    }
    let words = if found.ready {
        "ready\n".to_owned()
    } else {
        found.problems().collect::<Vec<_>>().join("\n") + "\n"
    };
    (status, words).into_response()
}

fn status_of(is_well: bool) -> StatusCode {
    if is_well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

fn wants_json(headers: &HeaderMap) -> bool {
    let accepts = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    accepts.is_some_and(|accept| accept.contains("application/json"))
}
