//! `GET /metrics`, for Prometheus: on the address of the pages with a token or a session of somebody who sees everything, and,
//! where `--metrics-listen` names one, on an address of its own, which answers whoever can reach it.

use std::io;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{Extensions, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use etiqa_app::api::context::Context;
use etiqa_engine::Engine;
use etiqa_engine::access::About;
use etiqa_engine::metrics::{self, Kind};
use etiqa_model::UserError;
use etiqa_model::user::Role;
use tokio::net::TcpListener;
use tower::Layer;
use tower_http::normalize_path::NormalizePathLayer;

use super::edge::{self, Client, Edge};
use super::refusal::Refusal;
use super::routes::{Route, register};
use super::{events, gate, health, meter};

/// The format, as Prometheus names it.
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) fn routes() -> Vec<Route> {
    vec![Route::get("/metrics", for_who_signed_in)]
}

/// Names of backups and sites, and how many devices there are, concern all devices: who has a scope is told nothing.
async fn for_who_signed_in(
    State(engine): State<Arc<Engine>>,
    extensions: Extensions,
) -> Result<Response, Refusal> {
    Context::require_in(&extensions, Role::Viewer, About::Everything).await?;
    Ok(written(&engine).await)
}

async fn for_anybody(State(engine): State<Arc<Engine>>) -> Response {
    written(&engine).await
}

async fn written(engine: &Engine) -> Response {
    let mut page = metrics::page(engine).await;
    meter::write(&mut page);
    page.metric("etiqa_event_streams", Kind::Gauge, "Open pages that hear of changes, in this process.");
    page.count(&[], events::open());
    ([(header::CONTENT_TYPE, FORMAT)], page.into_text()).into_response()
}

/// Answers `/metrics`, `/healthz` and `/readyz` to whoever can reach `listener`, and nothing else, until the engine is to stop.
pub(crate) async fn serve(engine: Arc<Engine>, listener: TcpListener) -> io::Result<()> {
    let stopping = engine.stopping.clone();
    let edge = Arc::new(Edge::plain());
    let mut answered = health::routes();
    answered.push(Route::get("/metrics", for_anybody));
    let router = register(answered)
        .with_state(engine)
        .layer(middleware::from_fn(by_an_own_name))
        .layer(middleware::from_fn_with_state(Arc::clone(&edge), edge::settle));
    let app = NormalizePathLayer::trim_trailing_slash().layer(router);
    edge::accept(listener, &edge, app, stopping).await
}

/// A browser on this machine that was lured to another name for it reads nothing here either.
async fn by_an_own_name(request: Request, next: Next) -> Response {
    let checked = match request.extensions().get::<Client>() {
        Some(client) => gate::check_host(client, &request),
        None => Err(UserError::internal()),
    };
    match checked {
        Ok(()) => next.run(request).await,
        Err(error) => Refusal::from(error).into_response(),
    }
}
