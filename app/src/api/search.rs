//! Searching the active configurations of all devices.

use etiqa_model::search::{SearchInput, SearchResults};
use leptos::prelude::*;

use super::AppError;
#[cfg(feature = "ssr")]
use {
    super::context::Context,
    etiqa_engine::access::About,
    etiqa_engine::audit,
    etiqa_engine::history::search::{PAGE_WITHIN, search_page},
    etiqa_model::user::Role,
};

/// A page of what is found; viewers search masked texts.
#[server(endpoint = "search_configs")]
pub async fn search_configs(#[server(default)] search: SearchInput) -> Result<SearchResults, AppError> {
    let context = Context::require(Role::Viewer, About::Seen).await?;
    let found = search_page(&context.engine, &search, &context.reach, PAGE_WITHIN).await?;
    if !found.redacted && !found.devices.is_empty() {
        // What was searched for may be a secret itself.
        audit::reveal_named(&context.engine.db, context.actor(), "a search in all configurations").await?;
    }
    Ok(found)
}
