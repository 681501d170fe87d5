//! Texts as files: `GET /configs/version/{id}/download` one, `GET /devices/{id}/download` those of a device and
//! `GET /configs/download` those of every device, as zips; with `at=…` as they were then. Viewers get them masked.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{Extensions, HeaderMap, header};
use axum::response::{IntoResponse, Response};
use etiqa_app::api::context::{Context, zone_of};
use etiqa_engine::access::About;
use etiqa_engine::audit::{Act, action, record};
use etiqa_engine::history::Reader;
use etiqa_engine::history::export::{Whose, text_file, texts_zip};
use etiqa_engine::{Engine, Error};
use etiqa_model::compare::{Moment, Reading};
use etiqa_model::user::Role;
use etiqa_model::{ConfigVersionId, DeviceId, UserError};
use serde::Deserialize;

use super::refusal::Refusal;
use super::routes::Route;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/configs/version/{id}/download", one),
        Route::get("/devices/{id}/download", of_device),
        Route::get("/configs/download", of_network),
    ]
}

/// How the texts are wanted.
#[derive(Deserialize)]
struct Wanted {
    /// As they were then; as they are when empty.
    #[serde(default)]
    at: String,
    /// With their secrets masked, whoever asks.
    #[serde(default)]
    masked: bool,
}

impl Wanted {
    fn reader(&self, context: &Context) -> Reader {
        Reader::new(context.identity.role, Reading { masked: self.masked, without_volatile: false })
    }
}

async fn one(
    State(engine): State<Arc<Engine>>,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
    extensions: Extensions,
) -> Result<Response, Refusal> {
    let context = Context::require_in(&extensions, Role::Viewer, About::Nothing).await?;
    let id: ConfigVersionId = id.parse().map_err(|_| UserError::not_found(format!("config version {id}")))?;
    context.admit(About::Version(id)).await?;
    let reader = wanted.reader(&context);
    let (name, text) = text_file(&engine, id, reader).await?;
    let act = Act::new(action::TEXT_DOWNLOAD).on(id.0, &name).saying(seen(reader));
    record(&engine.db, act).await.map_err(Error::from)?;
    tracing::info!(version = %id, by = %context.identity.name, "config version {id} is downloaded");
    Ok((attachment("text/plain; charset=utf-8", &name), text).into_response())
}

async fn of_device(
    State(engine): State<Arc<Engine>>,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
    extensions: Extensions,
) -> Result<Response, Refusal> {
    let id: DeviceId = id.parse().map_err(|_| UserError::not_found(format!("device {id}")))?;
    zip(&engine, Whose::Device(id), &wanted, &headers, &extensions).await
}

async fn of_network(
    State(engine): State<Arc<Engine>>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
    extensions: Extensions,
) -> Result<Response, Refusal> {
    zip(&engine, Whose::Network, &wanted, &headers, &extensions).await
}

async fn zip(
    engine: &Arc<Engine>,
    whose: Whose,
    wanted: &Wanted,
    headers: &HeaderMap,
    extensions: &Extensions,
) -> Result<Response, Refusal> {
    let about = match whose {
        Whose::Device(id) => About::Device(id),
        Whose::Network => About::Seen,
    };
    let context = Context::require_in(extensions, Role::Viewer, about).await?;
    let at = Some(wanted.at.trim()).filter(|at| !at.is_empty());
    let at = at.map(Moment::parse).transpose().map_err(UserError::invalid)?;
    let (reader, zone) = (wanted.reader(&context), zone_of(headers));
    let export = texts_zip(engine, &context.reach, whose, at, reader, &zone).await?;
    let act = Act::new(action::TEXT_DOWNLOAD).on_named(&export.file_name).saying(seen(reader));
    record(&engine.db, act).await.map_err(Error::from)?;
    tracing::info!(by = %context.identity.name, file = %export.file_name, "texts are downloaded: {}", export.file_name);
    let pieces = futures::stream::unfold(export.pieces, |mut pieces| async {
        pieces.recv().await.map(|piece| (piece, pieces))
    });
    Ok((attachment("application/zip", &export.file_name), Body::from_stream(pieces)).into_response())
}

fn seen(reader: Reader) -> &'static str {
    if reader.reading().masked { "Secrets masked." } else { "With secrets." }
}

fn attachment(media_type: &'static str, name: &str) -> [(header::HeaderName, String); 2] {
    [
        (header::CONTENT_TYPE, media_type.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ]
}
