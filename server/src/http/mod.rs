//! HTTP: pages, server functions, the few fixed endpoints, the live stream. Every request comes in over the edge and passes
//! the gate first.

pub(crate) mod api;
mod assets;
mod audit;
mod backups;
mod body;
mod costly;
mod download;
pub(crate) mod edge;
mod events;
mod gate;
mod headers;
mod health;
mod hooks;
mod inventory;
mod media;
mod meter;
pub(crate) mod metrics;
mod pages;
mod recovery;
mod refusal;
pub(crate) mod routes;
mod rules;
mod setup;
mod texts;
mod theme;
mod typed;
mod uploads;

use std::io;
use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::middleware;
use etiqa_engine::Engine;
use tokio::net::TcpListener;
use tower::Layer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
use tower_http::compression::{CompressionLayer, CompressionLevel};
use tower_http::normalize_path::NormalizePathLayer;

use edge::Edge;
use gate::Keeper;

/// Largest body of a request that is not an upload, in bytes.
const LARGEST_BODY: usize = 2 << 20;

/// Answers requests until the engine is to stop.
pub(crate) async fn serve(engine: Arc<Engine>, edge: &Arc<Edge>, listener: TcpListener) -> io::Result<()> {
    let stopping = engine.stopping.clone();
    let site = assets::Site::load();
    let stylesheet: Arc<str> = format!("/pkg/{}/etiqa.css", site.build()).into();
    let compressible = SizeAbove::new(1024)
        .and(NotForContentType::SSE)
        .and(NotForContentType::const_new("application/zip"))
        .and(NotForContentType::const_new("application/octet-stream"))
        .and(NotForContentType::const_new("application/wasm"));
    let router = routes::router(site.build())
        .merge(api::router(site.build()))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(Arc::clone(&engine))
        .merge(assets::router(Arc::clone(&site)))
        .merge(pages::router(&site))
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(compressible))
        .layer(middleware::from_fn_with_state(Keeper { engine, edge: Arc::clone(edge) }, gate::gate))
        .layer(middleware::from_fn(api::as_problem))
        .layer(middleware::from_fn_with_state(stylesheet, refusal::as_page))
        .layer(middleware::from_fn_with_state(Arc::clone(edge), edge::settle))
        // Once more, for what the edge refuses.
        .layer(middleware::from_fn(api::as_problem));
    // Outside of the router, so that `/devices/` and `/devices` find the same route.
    let app = NormalizePathLayer::trim_trailing_slash().layer(router);
    edge::accept(listener, edge, app, stopping).await
}
