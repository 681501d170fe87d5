//! Importing devices: the file is uploaded by a plain form to POST /devices/import (multipart, field `file`), which leads to `/devices/import?upload=ID`.

use etiqa_model::UploadId;
use etiqa_model::import::ImportPreview;
use leptos::prelude::*;

use super::AppError;

/// What an import of the upload would do, or has done.
#[server(endpoint = "get_import")]
pub async fn get_import(id: UploadId, #[server(default)] update: bool) -> Result<ImportPreview, AppError> {
    todo!()
}

/// Imports the upload, then leads back to the page that shows what it did.
#[server(endpoint = "apply_import")]
pub async fn apply_import(id: UploadId, #[server(default)] update: bool) -> Result<(), AppError> {
    todo!()
}
