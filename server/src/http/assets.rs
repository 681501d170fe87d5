//! The site inside the binary: WASM, script and styles, compressed when it was built.
//!
//! What is under `pkg/` is served under `pkg/<build>/`, so that browsers keep it for good and never mix two builds.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use etiqa_engine::hex::sha256_hex;
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../target/site"]
#[allow_missing = true]
struct Files;

/// The site of this binary.
#[derive(Debug)]
pub(super) struct Site {
    build: String,
}

impl Site {
    /// Names the build by the hash of its files.
    pub(super) fn load() -> Arc<Self> {
        let mut names: Vec<_> = Files::iter().collect();
        names.sort();
        let hashes: Vec<u8> = names
            .iter()
            .filter_map(|name| Files::get(name))
            .flat_map(|file| file.metadata.sha256_hash())
            .collect();
        Arc::new(Self { build: sha256_hex(&hashes).chars().take(12).collect() })
    }

    /// The build's name.
    pub(super) fn build(&self) -> &str {
        &self.build
    }
}

/// Whether a path is one of the site's files.
pub(super) fn is_asset(path: &str) -> bool {
    path.starts_with("/pkg/") || Files::get(path.trim_start_matches('/')).is_some()
}

const PACKAGE: &str = "/pkg/{build}/{file}";

/// Where files are, as the router has it.
pub(super) fn paths() -> impl Iterator<Item = String> {
    std::iter::once(PACKAGE.to_owned()).chain(others().map(|name| format!("/{name}")))
}

/// The names of those that no build has to itself.
fn others() -> impl Iterator<Item = Cow<'static, str>> {
    Files::iter().filter(|name| !name.starts_with("pkg/") && !is_compressed(name))
}

/// Serves the files.
pub(super) fn router(site: Arc<Site>) -> Router {
    let mut router = Router::new().route(PACKAGE, get(package));
    for name in others() {
        let path = format!("/{name}");
        router = router
            .route(&path, get(move |headers: HeaderMap| async move { send(&name, &headers, "no-cache") }));
    }
    router.with_state(site)
}

async fn package(
    State(site): State<Arc<Site>>,
    Path((build, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    // Another build's file would not fit this one's page.
    if build != site.build || is_compressed(&file) {
        return StatusCode::NOT_FOUND.into_response();
    }
    send(&format!("pkg/{file}"), &headers, "public, max-age=31536000, immutable")
}

fn send(name: &str, headers: &HeaderMap, cache: &'static str) -> Response {
    let accepts =
        headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let accepted =
        |encoding: &str| accepts.split(',').any(|part| part.trim().split(';').next() == Some(encoding));
    let found = [("br", ".br"), ("gzip", ".gz")]
        .into_iter()
        .filter(|(encoding, _)| accepted(encoding))
        .find_map(|(encoding, suffix)| Some((Files::get(&format!("{name}{suffix}"))?, Some(encoding))))
        .or_else(|| Some((Files::get(name)?, None)));
    let Some((file, encoding)) = found else { return StatusCode::NOT_FOUND.into_response() };
    let body = match file.data {
        Cow::Borrowed(bytes) => axum::body::Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    };
    let mut response = body.into_response();
    let answer = response.headers_mut();
    answer.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(name)));
    answer.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    answer.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(encoding) = encoding {
        answer.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

fn is_compressed(name: &str) -> bool {
    std::path::Path::new(name).extension().is_some_and(|extension| extension == "br" || extension == "gz")
}

fn content_type(name: &str) -> &'static str {
    match std::path::Path::new(name).extension().and_then(|extension| extension.to_str()) {
        Some("js") => "text/javascript; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("txt") => "text/plain; charset=utf-8",
        Some("json" | "webmanifest") => "application/json",
        _ => "application/octet-stream",
    }
}
