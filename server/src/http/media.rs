//! `POST /devices/{id}/media`: attaches a file to a device, then leads back to its page.
//! `GET /devices/{id}/media/{file}`: hands one out.

use std::sync::Arc;

use axum::extract::multipart::Field;
use axum::extract::{DefaultBodyLimit, Multipart, Path, State};
use axum::http::{Extensions, HeaderMap, Method, header};
use axum::response::{IntoResponse, Redirect, Response};
use etiqa_app::api::context::Context;
use etiqa_engine::access::About;
use etiqa_engine::audit::{Act, Acting, action};
use etiqa_engine::media::{self, Attaching};
use etiqa_engine::{Engine, Error};
use etiqa_model::media::Refused;
use etiqa_model::user::Role;
use etiqa_model::{DeviceId, MediaId, UserError};

use super::download::{Sent, note, send};
use super::refusal::Refusal;
use super::routes::Route;

pub(super) fn routes() -> Vec<Route> {
    vec![
        // How large a file may be is a setting, which is looked at while it comes.
        Route::post("/devices/{id}/media", attach).taking(DefaultBodyLimit::disable()),
        Route::get("/devices/{id}/media/{file}", file),
    ]
}

/// Why a file was not attached: for a reason that its page names, or for any other.
enum Stop {
    Refused(Refused),
    Error(Error),
}

impl<E: Into<Error>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

async fn attach(
    State(engine): State<Arc<Engine>>,
    Path(id): Path<String>,
    extensions: Extensions,
    headers: HeaderMap,
    form: Multipart,
) -> Result<Response, Refusal> {
    let context = Context::require_in(&extensions, Role::Operator, About::Nothing).await?;
    let device: DeviceId = id.parse().map_err(|_| UserError::not_found(format!("device {id}")))?;
    context.admit(About::Device(device)).await?;
    let is_page = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    let page = format!("/devices/{device}?tab=files");
    match store(&engine, device, form, &context.identity.name).await {
        Ok(name) => {
            tracing::info!(device = %device, file = %name, by = %context.identity.name, "{name} was attached");
            Ok(Redirect::to(&page).into_response())
        }
        Err(Stop::Refused(reason)) if is_page => {
            Acting::here().refuse(&media::refused(reason).into_user_error());
            Ok(Redirect::to(&format!("{page}&refused={}", reason.as_str())).into_response())
        }
        Err(Stop::Refused(reason)) => Err(media::refused(reason).into()),
        Err(Stop::Error(error)) => Err(error.into()),
    }
}

async fn store(engine: &Engine, device: DeviceId, mut form: Multipart, by: &str) -> Result<String, Stop> {
    while let Some(field) = form.next_field().await.map_err(|_| Stop::Refused(Refused::BrokenOff))? {
        if field.name() == Some("file") {
            return keep(engine, device, field, by).await;
        }
    }
    Err(Stop::Refused(Refused::Empty))
}

async fn keep(engine: &Engine, device: DeviceId, mut field: Field<'_>, by: &str) -> Result<String, Stop> {
    let name = field.file_name().unwrap_or_default().to_owned();
    if name.is_empty() {
        return Err(Stop::Refused(Refused::Empty));
    }
    let mut attaching = Attaching::begin(engine, device, &name).await?;
    while let Some(piece) = field.chunk().await.map_err(|_| Stop::Refused(Refused::BrokenOff))? {
        attaching.write(&piece).await.map_err(Stop::Refused)?;
    }
    if attaching.is_empty() {
        return Err(Stop::Refused(Refused::Empty));
    }
    Ok(attaching.finish(by).await?.file_name)
}

/// What people attach may hold licences and passwords: it is for those who may see configurations whole.
async fn file(
    State(engine): State<Arc<Engine>>,
    Path((device, id)): Path<(String, String)>,
    method: Method,
    extensions: Extensions,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let context = Context::require_in(&extensions, Role::Operator, About::Nothing).await?;
    let missing = || UserError::not_found("attached file of this number");
    let (Ok(device), Ok(id)) = (device.parse::<DeviceId>(), id.parse::<MediaId>()) else {
        return Err(missing().into());
    };
    context.admit(About::Media(id)).await?;
    let (media, path) = media::open(&engine, id).await?;
    if media.device_id != device {
        return Err(missing().into());
    }
    let file = Sent {
        path,
        missing: "The file is gone from the folder of attached files; an archive may hold it.",
        name: media.file_name.clone(),
        sha256: media.sha256,
        media_type: "application/octet-stream",
    };
    let response = send(file, &headers).await?;
    let act = Act::new(action::MEDIA_DOWNLOAD).on(id.0, &media.file_name);
    if note(&engine, &method, response.status(), act).await? {
        tracing::info!(device = %device, by = %context.identity.name, "{} is downloaded", media.file_name);
    }
    Ok(response)
}
