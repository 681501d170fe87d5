//! What the first page shows.

use etiqa_model::overview::Overview;
use leptos::prelude::*;

use super::AppError;
#[cfg(feature = "ssr")]
use {super::context::Context, etiqa_engine::access::About, etiqa_model::user::Role};

/// Everything on the first page.
#[server(endpoint = "get_overview")]
pub async fn get_overview() -> Result<Overview, AppError> {
    let context = Context::require(Role::Viewer, About::Seen).await?;
    Ok(etiqa_engine::overview::overview(&context.engine, &context.reach).await?)
}
