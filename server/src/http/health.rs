//! Whether the program lives, and whether it can work.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use etiqa_engine::Engine;
use etiqa_engine::db::ping;

use super::routes::Route;

pub(super) fn routes() -> Vec<Route> {
    vec![Route::get("/healthz", async || "ok\n"), Route::get("/readyz", ready)]
}

async fn ready(State(engine): State<Arc<Engine>>) -> (StatusCode, &'static str) {
    if engine.stopping.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
    }
    match ping(&engine.db).await {
        Ok(()) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::error!(%error, "the database does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n")
        }
    }
}
