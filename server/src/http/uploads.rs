//! `POST /devices/import`: takes a file, then leads to the page that shows what is in it.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Multipart, State};
use axum::http::Extensions;
use axum::response::Redirect;
use axum::routing::post;
use etiqa_app::api::context::Context;
use etiqa_engine::{Engine, import};
use etiqa_model::UserError;
use etiqa_model::user::Role;

use super::refusal::Refusal;

/// A million devices fit.
const LARGEST_UPLOAD: usize = 64 << 20;

pub(super) fn router() -> Router<Arc<Engine>> {
    Router::new().route("/devices/import", post(upload)).layer(DefaultBodyLimit::max(LARGEST_UPLOAD))
}

async fn upload(
    State(engine): State<Arc<Engine>>,
    extensions: Extensions,
    mut form: Multipart,
) -> Result<Redirect, Refusal> {
    let context = Context::require_in(&extensions, Role::Operator)?;
    while let Some(field) = form.next_field().await.map_err(|_| unreadable())? {
        if field.name() != Some("file") {
            continue;
        }
        let file_name = field.file_name().unwrap_or_default().to_owned();
        let bytes = field.bytes().await.map_err(|_| unreadable())?;
        let id = import::apply::upload(&engine, &file_name, bytes.to_vec(), &context.identity.name).await?;
        return Ok(Redirect::to(&format!("/devices/import?upload={id}")));
    }
    Err(UserError::invalid("Choose a CSV or JSON file first.").into())
}

fn unreadable() -> UserError {
    UserError::invalid("The upload broke off or is larger than 64 MB; try again, or split the file.")
}
