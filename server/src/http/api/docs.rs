//! `/api/docs`: the description for people, by Swagger UI, which is inside the program. Nothing of it comes from elsewhere.

use std::sync::Arc;

use axum::Router;
use axum::http::{Extensions, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use etiqa_app::api::context::Context;
use etiqa_engine::Engine;
use etiqa_engine::access::About;
use etiqa_model::user::Role;

use super::openapi;
use crate::http::refusal::Refusal;

/// Where it is.
pub(super) const PATH: &str = "/api/docs";
/// It sets styles by script, which needs no `unsafe-inline`, and has pictures in its style sheet.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Whether a browser shows what is at this address.
pub(super) fn is_page(path: &str) -> bool {
    path == PATH
}

/// Answers it, with the files of the site of `build`.
pub(super) fn router(build: &str) -> Router<Arc<Engine>> {
    let page = page(build);
    Router::new().route(PATH, get(move |extensions: Extensions| show(page.clone(), extensions)))
}

async fn show(page: Arc<str>, extensions: Extensions) -> Result<Response, Refusal> {
    Context::require_in(&extensions, Role::Viewer, About::Nothing).await?;
    Ok(([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(page.to_string())).into_response())
}

fn page(build: &str) -> Arc<str> {
    let description = openapi::PATH;
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><link rel=\"icon\" href=\"/favicon.svg\" type=\"image/svg+xml\">\
         <link rel=\"stylesheet\" href=\"/pkg/{build}/swagger-ui.css\"><title>API · Etiqa</title></head><body>\
         <div id=\"api\" data-description=\"{description}\">\
         <noscript><p>This page needs JavaScript. The description of the API is at \
         <a href=\"{description}\">{description}</a>.</p></noscript></div>\
         <script src=\"/pkg/{build}/swagger-ui.js\"></script><script src=\"/pkg/{build}/api-docs.js\"></script>\
         </body></html>"
    )
    .into()
}
