//! `/api/v1/versions/{id}/text`: a version's text.

use std::sync::Arc;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use etiqa_engine::access::About;
use etiqa_engine::audit::{Act, action, record};
use etiqa_engine::history::Reader;
use etiqa_engine::history::export::text_file;
use etiqa_engine::{Engine, Error};
use etiqa_model::UserError;
use etiqa_model::compare::Reading;
use etiqa_model::user::Role;
use serde::Deserialize;
use tokio::task::spawn_blocking;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answered, etag_of};
use super::ask::Ask;

pub(super) fn routes() -> OpenApiRouter<Arc<Engine>> {
    OpenApiRouter::new().routes(routes!(text))
}

/// How a text is read.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ReadingQuery {
    /// With its secrets masked; viewers never read it otherwise.
    pub(super) masked: bool,
    /// With what changes by itself replaced: uptimes, counters, re-encrypted passwords.
    pub(super) without_volatile: bool,
}

impl ReadingQuery {
    pub(super) fn reader(self, role: Role) -> Reader {
        Reader::new(role, Reading { masked: self.masked, without_volatile: self.without_volatile })
    }
}

/// The text of a version
///
/// Needs the role viewer; viewers get it with its secrets masked. 304 where `If-None-Match` names what it is.
#[utoipa::path(get, path = "/api/v1/versions/{id}/text", operation_id = "version_text", tag = "configs",
    params(("id" = i64, Path, description = "The version's id."), ReadingQuery),
    responses((status = 200, description = "The text.", body = String, content_type = "text/plain"),
        (status = 304, description = "It is what you have.")))]
async fn text(Path(id): Path<String>, ask: Ask) -> Answered {
    let (context, id) = ask.one(Role::Viewer, ("config version", &id), About::Version).await?;
    let reader = ask.query::<ReadingQuery>()?.reader(context.identity.role);
    let (name, text) = text_file(&context.engine, id, reader).await?;
    // It may be tens of megabytes.
    let hashed = spawn_blocking(move || (etag_of(text.as_bytes()), text)).await;
    let (tag, text) = hashed.map_err(|_| UserError::internal())?;
    if ask.has(&tag) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    }
    let seen = if reader.reading().masked { "Secrets masked." } else { "With secrets." };
    let act = Act::new(action::TEXT_DOWNLOAD).on(id.0, &name).saying(seen);
    record(&context.engine.db, act).await.map_err(Error::from)?;
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (header::ETAG, tag),
    ];
    Ok((headers, text).into_response())
}
