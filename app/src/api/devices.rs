//! The inventory.

use etiqa_model::admin::DeviceChoices;
use etiqa_model::device::{Device, DeviceDetail, DeviceFilter, DeviceInput};
use etiqa_model::page::{Page, Paged};
use etiqa_model::{ConfigVersionId, DeviceId, DeviceResultId};
use leptos::prelude::*;

use super::AppError;

/// A page of devices, by name.
#[server(endpoint = "list_devices")]
pub async fn list_devices(filter: DeviceFilter, page: Page) -> Result<Paged<Device>, AppError> {
    todo!()
}

/// One device with its versions and results.
#[server(endpoint = "get_device")]
pub async fn get_device(id: DeviceId) -> Result<DeviceDetail, AppError> {
    todo!()
}

/// What forms and filters offer.
#[server(endpoint = "get_device_choices")]
pub async fn get_device_choices() -> Result<DeviceChoices, AppError> {
    todo!()
}

/// Creates (`id` none) or changes a device, then leads to its page.
#[server(endpoint = "save_device")]
pub async fn save_device(
    #[server(default)] id: Option<DeviceId>,
    device: DeviceInput,
) -> Result<DeviceId, AppError> {
    todo!()
}

/// Deletes a device with its versions and results, then leads to `/devices/`.
#[server(endpoint = "delete_device")]
pub async fn delete_device(id: DeviceId) -> Result<(), AppError> {
    todo!()
}

/// Enables or disables a device: a disabled one is never collected.
#[server(endpoint = "enable_device")]
pub async fn enable_device(id: DeviceId, #[server(default)] enabled: bool) -> Result<(), AppError> {
    todo!()
}

/// Queues a collection of one device now.
#[server(endpoint = "collect_device")]
pub async fn collect_device(id: DeviceId) -> Result<(), AppError> {
    todo!()
}

/// Accepts the changed host key that the device offers.
#[server(endpoint = "accept_host_key")]
pub async fn accept_host_key(id: DeviceId) -> Result<(), AppError> {
    todo!()
}

/// Accepts a suspect version (it becomes active) or rejects it.
#[server(endpoint = "decide_version")]
pub async fn decide_version(id: ConfigVersionId, #[server(default)] accept: bool) -> Result<(), AppError> {
    todo!()
}

/// What the device sent in a session that went wrong, secrets masked.
#[server(endpoint = "get_transcript")]
pub async fn get_transcript(id: DeviceResultId) -> Result<String, AppError> {
    todo!()
}
