//! Config versions: their texts and differences.

use etiqa_model::config::{ConfigText, ConfigVersionRow, PartVersions, VersionDiff};
use etiqa_model::page::{Page, Paged};
use etiqa_model::{ConfigVersionId, DeviceId};
use leptos::prelude::*;

use super::AppError;
#[cfg(feature = "ssr")]
use {super::context::Context, etiqa_engine::history::read, etiqa_model::user::Role};

/// The active versions of all devices, by device name; `search` narrows by name or address.
#[server(endpoint = "list_configs")]
pub async fn list_configs(
    #[server(default)] search: String,
    page: Page,
) -> Result<Paged<ConfigVersionRow>, AppError> {
    let context = Context::require(Role::Viewer)?;
    Ok(read::list_active(&context.engine, &search, page).await?)
}

/// Versions of one part of a device before version `before`, newest first, 50 at most.
#[server(endpoint = "list_versions")]
pub async fn list_versions(
    device: DeviceId,
    part: String,
    before: Option<u32>,
) -> Result<PartVersions, AppError> {
    let context = Context::require(Role::Viewer)?;
    Ok(read::list_versions(&context.engine, device, &part, before).await?)
}

/// The text of a version; viewers get it redacted.
#[server(endpoint = "get_config")]
pub async fn get_config(id: ConfigVersionId) -> Result<ConfigText, AppError> {
    let context = Context::require(Role::Viewer)?;
    Ok(read::config_text(&context.engine, id, context.identity.role).await?)
}

/// What `to` changed against `from`, or against the version before it.
#[server(endpoint = "get_diff")]
pub async fn get_diff(to: ConfigVersionId, from: Option<ConfigVersionId>) -> Result<VersionDiff, AppError> {
    let context = Context::require(Role::Viewer)?;
    Ok(read::version_diff(&context.engine, to, from, context.identity.role).await?)
}
