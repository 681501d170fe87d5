//! `POST /devices/import`: takes a file, then leads to the page that shows what is in it, or why it was refused.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Multipart, State};
use axum::http::{Extensions, HeaderMap};
use axum::response::{IntoResponse, Redirect, Response};
use etiqa_app::api::context::Context;
use etiqa_engine::access::About;
use etiqa_engine::import::Uploading;
use etiqa_engine::{Engine, Error};
use etiqa_model::user::Role;
use etiqa_model::{UploadId, UserError};

use super::refusal::{Refusal, accepts_pages, back_to};
use super::routes::Route;

/// The page, and where its form is posted to.
const PAGE: &str = "/devices/import";

/// A million devices fit.
pub(super) const LARGEST_UPLOAD: usize = 64 << 20;

pub(super) fn routes() -> Vec<Route> {
    vec![Route::post(PAGE, upload).taking(DefaultBodyLimit::max(LARGEST_UPLOAD))]
}

async fn upload(
    State(engine): State<Arc<Engine>>,
    extensions: Extensions,
    headers: HeaderMap,
    form: Multipart,
) -> Result<Response, Refusal> {
    let context = Context::require_in(&extensions, Role::Operator, About::Seen).await?;
    match store(&engine, form, &context.identity.owner()).await {
        Ok(id) => Ok(Redirect::to(&format!("{PAGE}?upload={id}")).into_response()),
        Err(error) if accepts_pages(&headers) => Ok(back_to(PAGE, PAGE, error.into_user_error())),
        Err(error) => Err(error.into()),
    }
}

async fn store(engine: &Engine, mut form: Multipart, by: &str) -> Result<UploadId, Error> {
    while let Some(mut field) = form.next_field().await.map_err(|_| unreadable())? {
        if field.name() != Some("file") {
            continue;
        }
        let file_name = field.file_name().unwrap_or_default().to_owned();
        let mut uploading = Uploading::begin(engine)?;
        while let Some(piece) = field.chunk().await.map_err(|_| unreadable())? {
            uploading.write(&piece).await?;
        }
        return uploading.finish(engine, &file_name, by).await;
    }
    Err(UserError::invalid("Choose a CSV or JSON file first.").into())
}

fn unreadable() -> UserError {
    UserError::invalid("The upload broke off or is larger than 64 MB; try again, or split the file.")
}
