//! `POST /setup/restore`: restores an archive into an instance that nobody has set up yet, for who has the console's
//! code. The server then opens what was restored.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::multipart::Field;
use axum::extract::{DefaultBodyLimit, Multipart, State};
use axum::http::{Extensions, HeaderMap, header};
use axum::response::{IntoResponse, Redirect, Response};
use etiqa_app::api::context::Caller;
use etiqa_engine::access::{setup_code_check, setup_is_open};
use etiqa_engine::backup::restore::Secrets;
use etiqa_engine::backup::restore::takeover::Upload;
use etiqa_engine::backup::verify::Key;
use etiqa_engine::{Engine, Error};
use etiqa_model::{Secret, UserError};

use super::refusal::Refusal;
use super::routes::Route;

/// Bytes of any field but the archive: an SSH key is far smaller.
const LARGEST_FIELD: usize = 64 << 10;
/// How long the next bytes of the form may take to come. Whoever sends none keeps everybody else from setting up.
const NEXT_WITHIN: Duration = Duration::from_mins(1);

pub(super) fn routes() -> Vec<Route> {
    // An archive is as large as it is; the room on the disk is looked at while it comes.
    vec![Route::post("/setup/restore", restore).taking(DefaultBodyLimit::disable())]
}

/// What came of the form before the archive.
#[derive(Default)]
struct Given {
    /// Whether the right code came.
    is_let_in: bool,
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
    if !setup_is_open(&engine.db).await? {
        return Err(UserError::conflict("There is an admin already: this instance is set up.").into());
    }
    let accepts = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let is_page = accepts.is_some_and(|accept| accept.contains("text/html"));
    let mut given = Given::default();
    let restored = match upload(&engine, &mut form, &caller.address, &mut given).await {
        Ok(upload) => finish(&engine, upload, given).await,
        // Nothing is noted: whoever has no code has no say.
        Err(error) if !given.is_let_in => {
            let refusal = Refusal::from(error);
            let page = Redirect::to("/setup?refused=code").into_response();
            return if is_page { Ok(page) } else { Err(refusal) };
        }
        Err(error) => Err(error),
    };
    if let Err(error) = restored {
        let error = error.into_user_error();
        engine.takeover.failed(&error);
        if !is_page {
            return Err(error.into());
        }
    }
    // What went wrong stands there; or, that there is somebody who can sign in.
    Ok(Redirect::to("/setup").into_response())
}

/// Takes the form in. The code is its first field and the archive its last one, so that a wrong code is known before
/// that comes.
async fn upload(
    engine: &Engine,
    form: &mut Multipart,
    address: &str,
    given: &mut Given,
) -> Result<Upload, Error> {
    while let Some(field) = arrived(NEXT_WITHIN, form.next_field()).await? {
        match field.name().unwrap_or_default() {
            "restore[code]" => {
                let code = text_of(field).await?;
                setup_code_check(&engine.db, &engine.throttle, &code, address).await?;
                given.is_let_in = true;
            }
            "restore[key]" => given.key = text_of(field).await?,
            "restore[without_key]" => given.is_without_key = text_of(field).await?.reveal() == "true",
            "restore[passphrase]" => given.passphrase = text_of(field).await?,
            "restore[identity]" => given.identity = text_of(field).await?,
            "archive" if given.is_let_in => return store(engine, field).await,
            "archive" => {
                return Err(UserError::invalid("The one-time code must come before the archive.").into());
            }
            _ => {}
        }
    }
    Err(UserError::invalid("Choose an archive.").into())
}

async fn store(engine: &Engine, mut archive: Field<'_>) -> Result<Upload, Error> {
    let mut upload = Upload::begin(engine).await?;
    while let Some(piece) = arrived(NEXT_WITHIN, archive.chunk()).await? {
        upload.write(&piece).await?;
    }
    if upload.is_empty() {
        return Err(UserError::invalid("Choose an archive.").into());
    }
    Ok(upload)
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
    upload.restore(engine, key, secrets).await?;
    Ok(())
}

async fn text_of(mut field: Field<'_>) -> Result<Secret, UserError> {
    let mut text = Vec::new();
    while let Some(piece) = arrived(NEXT_WITHIN, field.chunk()).await? {
        text.extend_from_slice(&piece);
        if text.len() > LARGEST_FIELD {
            return Err(UserError::invalid("A field of the form is longer than any key is."));
        }
    }
    String::from_utf8(text).map(Secret::new).map_err(|_| UserError::invalid("The key is no text."))
}

/// The next piece of the form.
async fn arrived<T, E>(within: Duration, piece: impl Future<Output = Result<T, E>>) -> Result<T, UserError> {
    match tokio::time::timeout(within, piece).await {
        Ok(piece) => piece.map_err(|_| UserError::invalid("The upload broke off; try again.")),
        Err(_) => Err(UserError::invalid("Nothing more of the upload came for a minute; try again.")),
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn an_upload_of_which_nothing_more_comes_ends() {
        let within = Duration::from_millis(10);
        let ended = arrived(within, pending::<Result<u8, ()>>()).await.unwrap_err();
        assert_eq!(ended.message, "Nothing more of the upload came for a minute; try again.");
        let broken = arrived(within, ready(Err::<u8, _>(()))).await.unwrap_err();
        assert_eq!(broken.message, "The upload broke off; try again.");
        assert_eq!(arrived(within, ready(Ok::<_, ()>(7))).await, Ok(7));
    }
}
