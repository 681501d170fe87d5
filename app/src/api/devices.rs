//! The inventory.

use etiqa_model::admin::DeviceChoices;
use etiqa_model::device::{
    ConnectionTest, Device, DeviceChangeInput, DeviceDetail, DeviceFilter, DeviceInput, DeviceOrder,
};
use etiqa_model::history::{ResultFilter, ResultPage};
use etiqa_model::page::{Page, Paged};
use etiqa_model::{ConfigVersionId, DeviceId, DeviceResultId};
use leptos::prelude::*;

use super::AppError;
use super::seen::Seen;
#[cfg(feature = "ssr")]
use {
    super::context::Context, etiqa_engine::access::About, etiqa_engine::backup, etiqa_engine::fleet,
    etiqa_engine::history::decide, etiqa_engine::inventory, etiqa_model::user::Role,
};

/// A page of devices, by name unless said otherwise.
#[server(endpoint = "list_devices")]
pub async fn list_devices(
    filter: DeviceFilter,
    #[server(default)] order: DeviceOrder,
    page: Page,
) -> Result<Paged<Device>, AppError> {
    let context = Context::require(Role::Viewer, About::Seen).await?;
    Ok(inventory::list(&context.engine, &context.reach, &filter, order, page).await?)
}

/// Changes many devices at once; says how many were changed.
#[server(endpoint = "change_devices")]
pub async fn change_devices(
    #[server(default)] ids: Vec<DeviceId>,
    #[server(default)] change: DeviceChangeInput,
) -> Result<u64, AppError> {
    let context = Context::require(Role::Operator, About::Devices(&ids)).await?;
    Ok(inventory::change(&context.engine, &context.reach, &ids, &change.parse()?).await?)
}

/// One device with its versions and results.
#[server(endpoint = "get_device")]
pub async fn get_device(id: DeviceId) -> Result<DeviceDetail, AppError> {
    let context = Context::require(Role::Viewer, About::Device(id)).await?;
    Ok(inventory::detail(&context.engine, id).await?)
}

/// Results of a device in `filter`, newest first, a page of them: those before `before`.
#[server(endpoint = "list_results")]
pub async fn list_results(
    device: DeviceId,
    #[server(default)] filter: ResultFilter,
    before: Option<DeviceResultId>,
) -> Result<ResultPage, AppError> {
    let zone = super::context::zone_of_viewer();
    let context = Context::require(Role::Viewer, About::Device(device)).await?;
    Ok(backup::result_history(&context.engine, device, &filter, before, &zone).await?)
}

/// What forms and filters offer.
#[server(endpoint = "get_device_choices")]
pub async fn get_device_choices() -> Result<DeviceChoices, AppError> {
    let context = Context::require(Role::Viewer, About::Seen).await?;
    Ok(inventory::device_choices(&context.engine, &context.reach).await?)
}

/// Creates (`id` none) or changes a device, then leads to its page.
#[server(endpoint = "save_device")]
pub async fn save_device(
    #[server(default)] id: Option<DeviceId>,
    device: DeviceInput,
    #[server(default)] seen: Seen,
) -> Result<DeviceId, AppError> {
    let context = Context::require(Role::Operator, id.map_or(About::Seen, About::Device)).await?;
    if let Some(id) = id {
        seen.must_match(&inventory::stamp_now(&context.engine, id).await?)?;
    }
    let id = inventory::save_within(&context.engine, &context.reach, id, &device, None).await?;
    leptos_axum::redirect(&format!("/devices/{id}"));
    Ok(id)
}

/// Deletes a device with its versions and results, then leads to `/devices/`.
#[server(endpoint = "delete_device")]
pub async fn delete_device(id: DeviceId) -> Result<(), AppError> {
    let context = Context::require(Role::Operator, About::Device(id)).await?;
    inventory::delete(&context.engine, id).await?;
    leptos_axum::redirect("/devices/");
    Ok(())
}

/// Enables or disables a device: a disabled one is never collected.
#[server(endpoint = "enable_device")]
pub async fn enable_device(id: DeviceId, #[server(default)] enabled: bool) -> Result<(), AppError> {
    let context = Context::require(Role::Operator, About::Device(id)).await?;
    Ok(inventory::set_enabled(&context.engine, id, enabled).await?)
}

/// Queues a collection of one device now, unless it is queued or goes on already.
#[server(endpoint = "collect_device")]
pub async fn collect_device(id: DeviceId) -> Result<(), AppError> {
    let context = Context::require(Role::Operator, About::Device(id)).await?;
    Ok(inventory::collect_one(&context.engine, id).await?)
}

/// Forgets what a device was recognised as, so that its next session looks again.
#[server(endpoint = "recognise_device")]
pub async fn recognise_device(id: DeviceId) -> Result<(), AppError> {
    let context = Context::require(Role::Operator, About::Device(id)).await?;
    Ok(inventory::recognise_again(&context.engine, id).await?)
}

/// Accepts the changed host key that the device offers.
#[server(endpoint = "accept_host_key")]
pub async fn accept_host_key(id: DeviceId) -> Result<(), AppError> {
    let context = Context::require(Role::Operator, About::Device(id)).await?;
    Ok(inventory::accept_host_key(&context.engine, &context.reach, id).await?)
}

/// Accepts a suspect version (it becomes active) or rejects it.
#[server(endpoint = "decide_version")]
pub async fn decide_version(id: ConfigVersionId, #[server(default)] accept: bool) -> Result<(), AppError> {
    let context = Context::require(Role::Operator, About::Version(id)).await?;
    Ok(decide::decide(&context.engine, id, accept).await?)
}

/// What the device sent in a session that went wrong, secrets masked.
#[server(endpoint = "get_transcript")]
pub async fn get_transcript(id: DeviceResultId) -> Result<String, AppError> {
    let context = Context::require(Role::Operator, About::Result(id)).await?;
    Ok(inventory::transcript(&context.engine, id).await?)
}

/// Begins a test of the connection to a device; nothing where one is on already.
#[server(endpoint = "start_connection_test")]
pub async fn start_connection_test(id: DeviceId) -> Result<(), AppError> {
    let context = Context::require(Role::Operator, About::Device(id)).await?;
    let device = inventory::fetch(&context.engine, id).await?;
    Ok(fleet::start_test(&context.engine, device).await?)
}

/// The newest test of the connection to a device, its steps as they happened.
#[server(endpoint = "get_connection_test")]
pub async fn get_connection_test(id: DeviceId) -> Result<Option<ConnectionTest>, AppError> {
    let context = Context::require(Role::Viewer, About::Device(id)).await?;
    Ok(fleet::newest_test(&context.engine, id).await?)
}
