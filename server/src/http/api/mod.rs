//! The REST API, `/api/v1`, and its description: `/api/openapi.json` for programs, `/api/docs` for people.
//!
//! A file a resource: its wire types, its handlers, its `routes()`. A handler authorises, reads what was sent, calls the engine
//! once and maps what comes. The types are the API's own, so that a page may change without the API. A new resource
//! is a file here, a line in [`described`], its acts in `acts.rs` and its samples in
//! `server/tests/it/routes.rs`; the description makes itself.
//!
//! What goes around all of them: [`problem`] says every refusal as RFC 9457 has it, [`once`] does what comes with an
//! Idempotency-Key once. Nothing here decides who may do what: `Context::require` does, and scopes are the engine's.

mod acts;
mod answer;
mod archives;
mod ask;
mod audit;
mod backup_configs;
mod credentials;
mod cursor;
mod destinations;
mod devices;
mod diffs;
mod docs;
mod jobs;
mod me;
mod notifications;
mod once;
mod openapi;
mod problem;
mod results;
mod runs;
mod search;
mod texts;
mod tokens;
mod users;
mod versions;
mod words;

use std::sync::Arc;

use axum::{Router, middleware};
use etiqa_engine::Engine;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

pub(super) use acts::{act_of, verb_of};
pub(crate) use openapi::document;
pub(super) use problem::as_problem;

/// Whether an address is answered for programs alone: errors are problems there, and nobody is led to a page.
pub(super) fn is_for_programs(path: &str) -> bool {
    (path == "/api" || path.starts_with("/api/")) && !docs::is_page(path)
}

/// Answers all of it for the site of `build`.
pub(super) fn router(build: &str) -> Router<Arc<Engine>> {
    let (router, _) = described();
    router.layer(middleware::from_fn(once::once)).merge(openapi::router()).merge(docs::router(build))
}

/// Method and path of everything here.
pub(super) fn list() -> Vec<(String, String)> {
    let (_, described) = described();
    let mut all: Vec<(String, String)> = openapi::operations(&described);
    for path in [openapi::PATH, docs::PATH] {
        all.push(("GET".to_owned(), path.to_owned()));
    }
    all
}

/// The resources, and what they say of themselves.
fn described() -> (Router<Arc<Engine>>, OpenApi) {
    vec![
        me::routes(),
        devices::routes(),
        results::routes(),
        versions::routes(),
        texts::routes(),
        diffs::routes(),
        search::routes(),
        credentials::routes(),
        backup_configs::routes(),
        runs::routes(),
        archives::routes(),
        destinations::routes(),
        notifications::routes(),
        users::routes(),
        tokens::routes(),
        audit::routes(),
        jobs::routes(),
    ]
    .into_iter()
    .fold(OpenApiRouter::with_openapi(openapi::frame()), OpenApiRouter::merge)
    .split_for_parts()
}
