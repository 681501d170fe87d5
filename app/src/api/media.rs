//! Files that people attach to devices. They are uploaded and downloaded beside the server functions.

use etiqa_model::media::DeviceMedia;
use etiqa_model::{DeviceId, MediaId};
use leptos::prelude::*;

use super::AppError;
#[cfg(feature = "ssr")]
use {
    super::context::Context, etiqa_engine::access::About, etiqa_engine::history::Reader, etiqa_engine::media,
    etiqa_model::user::Role,
};

/// The files of a device, by name; viewers get no hashes of them.
#[server(endpoint = "get_device_media")]
pub async fn get_device_media(id: DeviceId) -> Result<DeviceMedia, AppError> {
    let context = Context::require(Role::Viewer, About::Device(id)).await?;
    let mut media = media::list(&context.engine, id).await?;
    // Beside a small file its hash would let them try out what is in it.
    if !Reader::from(context.identity.role).sees_secrets() {
        media.files.iter_mut().for_each(|file| file.sha256.clear());
    }
    Ok(media)
}

/// Deletes an attached file.
#[server(endpoint = "remove_media")]
pub async fn remove_media(id: MediaId) -> Result<(), AppError> {
    let context = Context::require(Role::Operator, About::Media(id)).await?;
    let removed = media::remove(&context.engine, id).await?;
    tracing::info!(
        device = %removed.device_id, file = %removed.file_name, by = %context.identity.name,
        "the attached file {} was deleted", removed.file_name
    );
    Ok(())
}
