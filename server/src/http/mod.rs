//! HTTP: pages, server functions, the few fixed endpoints, the live stream. Every request passes the gate first.

mod assets;
mod backups;
mod download;
mod events;
mod gate;
mod health;
mod hooks;
mod inventory;
mod media;
mod pages;
mod recovery;
mod refusal;
pub(crate) mod routes;
mod setup;
mod texts;
mod theme;
mod typed;
mod uploads;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Request};
use axum::{ServiceExt, middleware};
use etiqa_engine::Engine;
use tokio::net::TcpListener;
use tower::Layer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
use tower_http::compression::{CompressionLayer, CompressionLevel};
use tower_http::normalize_path::NormalizePathLayer;

/// Largest body of a request that is not an upload, in bytes.
const LARGEST_BODY: usize = 2 << 20;

/// Answers requests until the engine is to stop.
pub(crate) async fn serve(engine: Arc<Engine>, listener: TcpListener) -> io::Result<()> {
    let stopping = engine.stopping.clone();
    let site = assets::Site::load();
    let stylesheet: Arc<str> = format!("/pkg/{}/etiqa.css", site.build()).into();
    let compressible = SizeAbove::new(1024)
        .and(NotForContentType::SSE)
        .and(NotForContentType::const_new("application/zip"))
        .and(NotForContentType::const_new("application/octet-stream"))
        .and(NotForContentType::const_new("application/wasm"));
    let router = routes::router(site.build())
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(Arc::clone(&engine))
        .merge(assets::router(Arc::clone(&site)))
        .merge(pages::router(&site))
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(compressible))
        .layer(middleware::from_fn_with_state(engine, gate::gate))
        .layer(middleware::from_fn_with_state(stylesheet, refusal::as_page));
    // Outside of the router, so that `/devices/` and `/devices` find the same route.
    let app = NormalizePathLayer::trim_trailing_slash().layer(router);
    axum::serve(listener, ServiceExt::<Request>::into_make_service_with_connect_info::<SocketAddr>(app))
        .with_graceful_shutdown(async move { stopping.cancelled().await })
        .await
}
