//! The table of what the server answers beside its pages and server functions. The router is made of it, and so is what
//! `etiqa routes` prints: an address that is not in the table is not answered.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::routing::{MethodRouter, get, post};
use etiqa_engine::Engine;
use leptos::server_fn::axum::server_fn_paths;

use super::assets::{self, Site};
use super::{
    api, audit, backups, download, events, health, hooks, inventory, media, metrics, pages, recovery, rules,
    setup, texts, theme, uploads,
};

/// An address with a method, and what answers it.
pub(super) struct Route<S = Arc<Engine>> {
    method: &'static str,
    path: &'static str,
    answer: MethodRouter<S>,
}

impl<S: Clone + Send + Sync + 'static> Route<S> {
    pub(super) fn get<H: Handler<T, S>, T: 'static>(path: &'static str, answer: H) -> Self {
        Self { method: "GET", path, answer: get(answer) }
    }

    pub(super) fn post<H: Handler<T, S>, T: 'static>(path: &'static str, answer: H) -> Self {
        Self { method: "POST", path, answer: post(answer) }
    }

    /// The same, taking another size of body than the others do.
    pub(super) fn taking(self, limit: DefaultBodyLimit) -> Self {
        Self { answer: self.answer.layer(limit), method: self.method, path: self.path }
    }
}

/// The endpoints of `build` that have the engine as their state.
fn table(build: &str) -> Vec<Route> {
    [
        audit::routes(),
        backups::routes(),
        download::routes(),
        events::routes(build),
        health::routes(),
        hooks::routes(),
        inventory::routes(),
        media::routes(),
        metrics::routes(),
        setup::routes(),
        recovery::routes(),
        rules::routes(),
        texts::routes(),
        theme::routes(),
        uploads::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Answers the endpoints of `build`.
pub(super) fn router(build: &str) -> Router<Arc<Engine>> {
    register(table(build))
}

/// A router of these routes and no others.
pub(super) fn register<S: Clone + Send + Sync + 'static>(routes: Vec<Route<S>>) -> Router<S> {
    routes.into_iter().fold(Router::new(), |router, route| router.route(route.path, route.answer))
}

/// Everything that the server answers, method and path, as the router has it: `GET /devices/{id}`. In order.
pub(crate) fn list() -> Vec<(String, String)> {
    let site = Site::load();
    let endpoints = table(site.build()).into_iter().map(|route| (route.method, route.path.to_owned()));
    let of_pages = pages::routes(&site).into_iter().map(|route| (route.method, route.path.to_owned()));
    // What is left to others is listed as well, without a method.
    let shown = pages::list().into_iter().filter(|page| page.methods().next().is_some());
    let shown = shown.map(|page| ("GET", page.path().to_owned()));
    let files = assets::paths().map(|path| ("GET", path));
    let mut all: Vec<(String, String)> = endpoints
        .chain(of_pages)
        .chain(shown)
        .chain(files)
        .map(|(method, path)| (method.to_owned(), path))
        .chain(api::list())
        .chain(server_fn_paths().map(|(path, method)| (method.to_string(), path.to_owned())))
        .collect();
    all.sort();
    all
}
