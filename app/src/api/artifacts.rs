//! Vendors' own backups of devices.

use etiqa_model::artifact::DeviceArtifacts;
use etiqa_model::{ArtifactResultId, DeviceId};
use leptos::prelude::*;

use super::AppError;
#[cfg(feature = "ssr")]
use {
    super::context::Context, etiqa_engine::access::About, etiqa_engine::artifacts,
    etiqa_engine::history::Reader, etiqa_engine::inventory, etiqa_model::user::Role,
};

/// The vendor's backups of a device, how the last attempts went, and its certificate; viewers get no hashes of files.
#[server(endpoint = "get_device_artifacts")]
pub async fn get_device_artifacts(id: DeviceId) -> Result<DeviceArtifacts, AppError> {
    let context = Context::require(Role::Viewer, About::Device(id)).await?;
    let mut artifacts = artifacts::detail(&context.engine, id).await?;
    if !Reader::from(context.identity.role).sees_secrets() {
        artifacts.kept.iter_mut().for_each(|artifact| artifact.sha256.clear());
    }
    Ok(artifacts)
}

/// Queues the fetching of a device's own backup now.
#[server(endpoint = "fetch_artifact")]
pub async fn fetch_artifact(id: DeviceId) -> Result<(), AppError> {
    let context = Context::require(Role::Operator, About::Device(id)).await?;
    artifacts::fetch_now(&context.engine, &[inventory::fetch(&context.engine, id).await?]).await?;
    Ok(())
}

/// What was said in an attempt that went wrong, secrets masked.
#[server(endpoint = "get_artifact_transcript")]
pub async fn get_artifact_transcript(id: ArtifactResultId) -> Result<String, AppError> {
    let context = Context::require(Role::Operator, About::ArtifactResult(id)).await?;
    Ok(artifacts::transcript(&context.engine, id).await?)
}

/// Trusts the certificate that a device showed, and no other from then on.
#[server(endpoint = "accept_certificate")]
pub async fn accept_certificate(id: DeviceId, sha256: String) -> Result<(), AppError> {
    let context = Context::require(Role::Operator, About::Device(id)).await?;
    Ok(artifacts::accept_certificate(&context.engine, &context.reach, id, &sha256).await?)
}

/// Forgets the certificate that was trusted.
#[server(endpoint = "forget_certificate")]
pub async fn forget_certificate(id: DeviceId) -> Result<(), AppError> {
    let context = Context::require(Role::Operator, About::Device(id)).await?;
    Ok(artifacts::forget_certificate(&context.engine, id).await?)
}
