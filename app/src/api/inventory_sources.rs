//! Lists of devices elsewhere that the inventory follows.

use etiqa_model::InventorySourceId;
use etiqa_model::inventory_source::{
    InventorySource, InventorySourceDetail, InventorySourceInput, SyncPreview,
};
use leptos::prelude::*;

use super::AppError;
#[cfg(feature = "ssr")]
use {
    super::context::Context, etiqa_engine::access::About, etiqa_engine::inventory_sources,
    etiqa_model::user::Role,
};

/// Every source, without its token, by name.
#[server(endpoint = "list_inventory_sources")]
pub async fn list_inventory_sources() -> Result<Vec<InventorySource>, AppError> {
    let context = Context::require(Role::Operator, About::Everything).await?;
    Ok(inventory_sources::list(&context.engine).await?)
}

/// One source with its newest syncs.
#[server(endpoint = "get_inventory_source")]
pub async fn get_inventory_source(id: InventorySourceId) -> Result<InventorySourceDetail, AppError> {
    let context = Context::require(Role::Operator, About::Everything).await?;
    Ok(inventory_sources::detail(&context.engine, id).await?)
}

/// What a sync would do now.
#[server(endpoint = "preview_inventory_source")]
pub async fn preview_inventory_source(id: InventorySourceId) -> Result<SyncPreview, AppError> {
    let context = Context::require(Role::Operator, About::Everything).await?;
    Ok(inventory_sources::preview(&context.engine, id).await?)
}

/// Creates (`id` none) or changes a source; an empty token stays as it was. The flags are those of the form's checkboxes and
/// take the place of the same fields of `source`.
#[server(endpoint = "save_inventory_source")]
pub async fn save_inventory_source(
    #[server(default)] id: Option<InventorySourceId>,
    source: InventorySourceInput,
    #[server(default)] enabled: bool,
    #[server(default)] own_network: bool,
    #[server(default)] no_token: bool,
) -> Result<(), AppError> {
    let context = Context::require(Role::Admin, About::Everything).await?;
    let source = InventorySourceInput { enabled, own_network, no_token, ..source };
    let id = inventory_sources::save(&context.engine, id, &source).await?;
    leptos_axum::redirect(&format!("/admin/inventory-sources?source={id}"));
    Ok(())
}

/// Has the inventory synchronised with a source now; `all_the_same`: however many devices that disables.
#[server(endpoint = "sync_inventory_source")]
pub async fn sync_inventory_source(
    id: InventorySourceId,
    #[server(default)] all_the_same: bool,
) -> Result<(), AppError> {
    let context = Context::require(Role::Admin, About::Everything).await?;
    inventory_sources::ask_for_sync(&context.engine, id, all_the_same).await?;
    leptos_axum::redirect(&format!("/admin/inventory-sources?source={id}"));
    Ok(())
}

/// Removes a source; its devices stay as they are.
#[server(endpoint = "remove_inventory_source")]
pub async fn remove_inventory_source(id: InventorySourceId) -> Result<(), AppError> {
    let context = Context::require(Role::Admin, About::Everything).await?;
    inventory_sources::remove(&context.engine, id).await?;
    leptos_axum::redirect("/admin/inventory-sources");
    Ok(())
}
