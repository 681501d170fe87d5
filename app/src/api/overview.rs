//! What the first page shows.

use etiqa_model::overview::Overview;
use leptos::prelude::*;

use super::AppError;

/// Everything on the first page.
#[server(endpoint = "overview")]
pub async fn overview() -> Result<Overview, AppError> {
    todo!()
}
