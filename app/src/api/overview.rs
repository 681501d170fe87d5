//! What the first page shows.

use etiqa_model::overview::Overview;
use leptos::prelude::*;

use super::AppError;

/// Everything on the first page.
#[server(endpoint = "get_overview")]
pub async fn get_overview() -> Result<Overview, AppError> {
    todo!()
}
