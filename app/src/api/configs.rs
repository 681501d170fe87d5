//! Config versions: their texts and differences.

use etiqa_model::config::{ConfigText, ConfigVersionRow, PartVersions, VersionDiff};
use etiqa_model::page::{Page, Paged};
use etiqa_model::{ConfigVersionId, DeviceId};
use leptos::prelude::*;

use super::AppError;

/// The active versions of all devices, by device name; `search` narrows by name or address.
#[server(endpoint = "list_configs")]
pub async fn list_configs(
    #[server(default)] search: String,
    page: Page,
) -> Result<Paged<ConfigVersionRow>, AppError> {
    todo!()
}

/// Versions of one part of a device before version `before`, newest first, 50 at most.
#[server(endpoint = "list_versions")]
pub async fn list_versions(
    device: DeviceId,
    part: String,
    before: Option<u32>,
) -> Result<PartVersions, AppError> {
    todo!()
}

/// The text of a version; viewers get it redacted.
#[server(endpoint = "get_config")]
pub async fn get_config(id: ConfigVersionId) -> Result<ConfigText, AppError> {
    todo!()
}

/// What `to` changed against `from`, or against the version before it.
#[server(endpoint = "get_diff")]
pub async fn get_diff(to: ConfigVersionId, from: Option<ConfigVersionId>) -> Result<VersionDiff, AppError> {
    todo!()
}
