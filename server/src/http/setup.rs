//! `POST /setup/restore`: restores an archive into an instance that nobody has set up yet, for who has the console's
//! code. The server then opens what was restored.

use std::sync::Arc;

use axum::Router;
use axum::extract::multipart::Field;
use axum::extract::{DefaultBodyLimit, Multipart, State};
use axum::http::{Extensions, HeaderMap, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::post;
use etiqa_app::api::context::Caller;
use etiqa_engine::access::SetupCode;
use etiqa_engine::backup::restore::Secrets;
use etiqa_engine::backup::restore::takeover::{Takeover, Upload};
use etiqa_engine::backup::verify::Key;
use etiqa_engine::{Engine, Error};
use etiqa_model::{Secret, UserError};

use super::refusal::Refusal;

/// Bytes of any field but the archive: an SSH key is far smaller.
const LARGEST_FIELD: usize = 64 << 10;

pub(super) fn router() -> Router<Arc<Engine>> {
    // An archive is as large as it is; the room on the disk is looked at while it comes.
    Router::new().route("/setup/restore", post(restore)).layer(DefaultBodyLimit::disable())
}

/// What opens the archive, and its secrets.
#[derive(Default)]
struct Given {
    code: Secret,
    key: Secret,
    is_without_key: bool,
    passphrase: Secret,
    identity: Secret,
}

async fn restore(
    State(engine): State<Arc<Engine>>,
    extensions: Extensions,
    headers: HeaderMap,
    mut form: Multipart,
) -> Result<Response, Refusal> {
    let caller = extensions.get::<Caller>().ok_or_else(UserError::internal)?;
    if !SetupCode::is_open(&engine.db).await? {
        return Err(UserError::conflict("There is an admin already: this instance is set up.").into());
    }
    let accepts = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let is_page = accepts.is_some_and(|accept| accept.contains("text/html"));
    let restored = match upload(&engine, &mut form, &caller.address).await {
        Err(Stop::WrongCode(error)) if !is_page => return Err(error.into()),
        Err(Stop::WrongCode(_)) => return Ok(Redirect::to("/setup?refused=code").into_response()),
        Err(Stop::Error(error)) => Err(error),
        Ok((upload, given)) => finish(&engine, upload, given).await,
    };
    let refused = restored.map_err(Error::into_user_error).err();
    Takeover::ended(&engine, refused.as_ref().map(|error| error.message.clone()));
    match refused {
        Some(error) if !is_page => Err(error.into()),
        // What went wrong stands there; or, that there is somebody who can sign in.
        _ => Ok(Redirect::to("/setup").into_response()),
    }
}

enum Stop {
    /// Nothing is noted: whoever has no code has no say.
    WrongCode(Error),
    Error(Error),
}

impl<E: Into<Error>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

/// Takes the form in. The archive is its last field, so that a wrong code is known before it comes.
async fn upload(engine: &Engine, form: &mut Multipart, address: &str) -> Result<(Upload, Given), Stop> {
    let mut given = Given::default();
    while let Some(mut field) = form.next_field().await.map_err(|_| broken_off())? {
        match field.name().unwrap_or_default() {
            "restore[code]" => given.code = text_of(field).await?,
            "restore[key]" => given.key = text_of(field).await?,
            "restore[without_key]" => given.is_without_key = text_of(field).await?.reveal() == "true",
            "restore[passphrase]" => given.passphrase = text_of(field).await?,
            "restore[identity]" => given.identity = text_of(field).await?,
            "archive" => {
                engine.setup_code.check(&engine.throttle, &given.code, address).map_err(Stop::WrongCode)?;
                let mut upload = Upload::begin(engine).await?;
                while let Some(piece) = field.chunk().await.map_err(|_| broken_off())? {
                    upload.write(&piece).await?;
                }
                if upload.is_empty() {
                    return Err(UserError::invalid("Choose an archive.").into());
                }
                return Ok((upload, given));
            }
            _ => {}
        }
    }
    Err(UserError::invalid("Choose an archive.").into())
}

async fn finish(engine: &Arc<Engine>, upload: Upload, given: Given) -> Result<(), Error> {
    let is_given = |secret: &Secret| !secret.reveal().trim().is_empty();
    let passphrase = is_given(&given.passphrase).then_some(given.passphrase);
    let key = if is_given(&given.identity) {
        Key::from_identity_file(&given.identity, passphrase).map_err(UserError::invalid)?
    } else {
        passphrase.map_or(Key::None, Key::Passphrase)
    };
    let secrets = match (is_given(&given.key), given.is_without_key) {
        (true, _) => Secrets::With(given.key),
        (false, true) => Secrets::Forget,
        (false, false) => {
            let message = "The secrets in an archive are sealed: give the key of the instance that made it (the recovery \
                           kit has it), or say that it is lost.";
            return Err(UserError::invalid(message).into());
        }
    };
    let engine = Arc::clone(engine);
    // Whoever asked for it may go away meanwhile; it comes to its end anyway.
    let restored = tokio::spawn(async move { upload.restore(&engine, key, secrets).await }).await;
    let restored = restored.map_err(|error| Error::io("restoring")(std::io::Error::other(error)))??;
    tracing::warn!(
        rows = restored.rows,
        files = restored.files,
        "an archive was restored; it takes over now"
    );
    Ok(())
}

async fn text_of(mut field: Field<'_>) -> Result<Secret, UserError> {
    let mut text = Vec::new();
    while let Some(piece) = field.chunk().await.map_err(|_| broken_off())? {
        text.extend_from_slice(&piece);
        if text.len() > LARGEST_FIELD {
            return Err(UserError::invalid("A field of the form is longer than any key is."));
        }
    }
    String::from_utf8(text).map(Secret::new).map_err(|_| UserError::invalid("The key is no text."))
}

fn broken_off() -> UserError {
    UserError::invalid("The upload broke off; try again.")
}
