//! The bench: a driver, as it is or edited, against a session that somebody pasted.

use etiqa_model::bench::Bench;
#[cfg(feature = "ssr")]
use etiqa_model::bench::BenchPosted;
use leptos::prelude::*;

use super::AppError;
#[cfg(feature = "ssr")]
use {
    super::context::Context, etiqa_engine::access::About, etiqa_engine::drivers::bench,
    etiqa_model::user::Role,
};

/// What the driver `name` makes of `transcript`; `text` is its TOML, or empty for the one in use. Stores nothing.
#[server(endpoint = "try_driver")]
pub async fn try_driver(
    name: String,
    #[server(default)] text: String,
    #[server(default)] transcript: String,
) -> Result<Bench, AppError> {
    let context = Context::require(Role::Operator, About::Nothing).await?;
    Ok(bench::try_driver(&context.engine, &name, &text, &transcript).await?)
}

/// What a browser without JavaScript posted to the driver's page, and what came of it: a context of the page that
/// answers it.
#[cfg(feature = "ssr")]
#[derive(Debug, Clone)]
pub struct Posted(pub BenchPosted);
