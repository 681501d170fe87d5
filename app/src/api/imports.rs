//! Importing devices: the file is uploaded by a plain form to POST /devices/import (multipart, field `file`), which leads to `/devices/import?upload=ID`.

use etiqa_model::UploadId;
use etiqa_model::import::ImportPreview;
use leptos::prelude::*;

use super::AppError;
#[cfg(feature = "ssr")]
use {
    super::context::Context, etiqa_engine::access::About, etiqa_engine::import::apply,
    etiqa_model::user::Role,
};

/// What an import of the upload would do, or has done.
#[server(endpoint = "get_import")]
pub async fn get_import(id: UploadId, #[server(default)] update: bool) -> Result<ImportPreview, AppError> {
    let context = Context::require(Role::Operator, About::Seen).await?;
    let owner = context.identity.owner();
    let by = (owner.as_str(), &context.reach);
    Ok(apply::preview(&context.engine, by, id, update).await?)
}

/// Imports the upload, then leads back to the page that shows what it did.
#[server(endpoint = "apply_import")]
pub async fn apply_import(id: UploadId, #[server(default)] update: bool) -> Result<(), AppError> {
    let context = Context::require(Role::Operator, About::Seen).await?;
    let owner = context.identity.owner();
    let by = (owner.as_str(), &context.reach);
    apply::apply(&context.engine, by, id, update).await?;
    leptos_axum::redirect(&format!("/devices/import?upload={id}"));
    Ok(())
}
