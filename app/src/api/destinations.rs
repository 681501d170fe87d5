//! Where archives are sent to besides the local folder, and what is there of each.

use etiqa_model::destination::{Destination, DestinationInput, DestinationTest};
use etiqa_model::{DestinationId, RunId};
use leptos::prelude::*;

use super::AppError;
#[cfg(feature = "ssr")]
use {
    super::context::Context, etiqa_engine::access::About, etiqa_engine::backup::destinations,
    etiqa_model::user::Role,
};

/// Every destination, without its secrets, by name.
#[server(endpoint = "list_destinations")]
pub async fn list_destinations() -> Result<Vec<Destination>, AppError> {
    let context = Context::require(Role::Operator, About::Everything).await?;
    Ok(destinations::list(&context.engine).await?)
}

/// Creates (`id` none) or changes a destination; empty secrets stay as they were. The flags are those of the form's
/// checkboxes and take the place of the same fields of `destination`.
#[server(endpoint = "save_destination")]
pub async fn save_destination(
    #[server(default)] id: Option<DestinationId>,
    destination: DestinationInput,
    #[server(default)] enabled: bool,
    #[server(default)] path_style: bool,
    #[server(default)] own_network: bool,
) -> Result<(), AppError> {
    let context = Context::require(Role::Admin, About::Everything).await?;
    let destination = DestinationInput { enabled, path_style, own_network, ..destination };
    destinations::save(&context.engine, id, &destination).await?;
    leptos_axum::redirect("/admin/destinations");
    Ok(())
}

/// Removes a destination; its copies stay where they are.
#[server(endpoint = "remove_destination")]
pub async fn remove_destination(id: DestinationId) -> Result<(), AppError> {
    let context = Context::require(Role::Admin, About::Everything).await?;
    Ok(destinations::remove(&context.engine, id).await?)
}

/// Has all machines keep their files in a destination, once it was tried out.
#[server(endpoint = "share_destination")]
pub async fn share_destination(id: DestinationId) -> Result<(), AppError> {
    let context = Context::require(Role::Admin, About::Everything).await?;
    Ok(destinations::share(&context.engine, id).await?)
}

/// Has each machine keep its own files again.
#[server(endpoint = "unshare_destination")]
pub async fn unshare_destination() -> Result<(), AppError> {
    let context = Context::require(Role::Admin, About::Everything).await?;
    Ok(destinations::unshare(&context.engine).await?)
}

/// Accepts the changed key that a destination shows.
#[server(endpoint = "accept_destination_key")]
pub async fn accept_destination_key(id: DestinationId) -> Result<(), AppError> {
    let context = Context::require(Role::Admin, About::Everything).await?;
    Ok(destinations::accept_key(&context.engine, id).await?)
}

/// Writes, reads back and deletes a probe.
#[server(endpoint = "test_destination")]
pub async fn test_destination(id: DestinationId) -> Result<DestinationTest, AppError> {
    let context = Context::require(Role::Operator, About::Everything).await?;
    Ok(destinations::test(&context.engine, id).await?)
}

/// Has everything that waits for a destination tried now.
#[server(endpoint = "retry_destination")]
pub async fn retry_destination(id: DestinationId) -> Result<(), AppError> {
    let context = Context::require(Role::Operator, About::Everything).await?;
    Ok(destinations::retry(&context.engine, id).await?)
}

/// Has what waits of one run's archive tried now.
#[server(endpoint = "retry_copy")]
pub async fn retry_copy(id: RunId, destination: DestinationId) -> Result<(), AppError> {
    let context = Context::require(Role::Operator, About::Everything).await?;
    Ok(destinations::retry_copy(&context.engine, id, destination).await?)
}

/// Fetches the archive of a run from a destination where the one here is lost or damaged.
#[server(endpoint = "bring_back")]
pub async fn bring_back(id: RunId, destination: DestinationId) -> Result<(), AppError> {
    let context = Context::require(Role::Operator, About::Everything).await?;
    Ok(destinations::bring_back(&context.engine, id, destination).await?)
}
