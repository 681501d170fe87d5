//! `Idempotency-Key`: what is posted with one is done once, and sent once more gets the same answer for a day
//! (draft-ietf-httpapi-idempotency-key-header). Only what was done is kept: what was refused can be sent again.

use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use etiqa_app::api::context::Caller;
use etiqa_engine::Engine;
use etiqa_engine::answers::{self, Answer, Begun};
use etiqa_engine::audit::{Acting, acting};
use etiqa_model::{ErrorKind, Secret, UserError};
use tracing::{Instrument, Span};

use super::ask::with_body;
use crate::http::refusal::Refusal;

const KEY: &str = "idempotency-key";
/// Tells an answer that was given before.
const REPLAYED: &str = "idempotency-replayed";
/// Characters of a key.
const LONGEST: usize = 255;
/// Those headers of an answer that are given again.
const KEPT: [&str; 3] = ["content-type", "location", "etag"];

/// Does what comes with a key once.
pub(super) async fn once(request: Request, next: Next) -> Response {
    let is_keyed = *request.method() == Method::POST && request.headers().contains_key(KEY);
    let caller = request.extensions().get::<Caller>().filter(|_| is_keyed).cloned();
    match caller {
        Some(caller) => keyed(&caller, request, next).await.unwrap_or_else(IntoResponse::into_response),
        None => next.run(request).await,
    }
}

async fn keyed(caller: &Caller, request: Request, next: Next) -> Result<Response, Refusal> {
    let engine = Arc::clone(&caller.engine);
    let identity = caller.identity.as_ref().ok_or_else(UserError::internal)?;
    let key = key_of(request.headers())?;
    let owner = identity.owner();
    let (parts, body) = with_body(request).await?;
    // In HTTP/2 the address has the host in it, and the next time it may come by HTTP/1.1.
    let address = parts.uri.path_and_query().map_or("", PathAndQuery::as_str);
    let asked = [parts.method.as_str().as_bytes(), address.as_bytes(), &body[..]].join(&b'\n');
    let id = match answers::begin(&engine, &owner, &key, &asked).await? {
        Begun::New(id) => id,
        Begun::Done(answer) => return Ok(again(answer)),
        Begun::Unfinished => {
            let message = "A request with this Idempotency-Key is being worked on, or its answer was lost. Look what became \
                           of it before you send it with another key.";
            return Err(UserError::new(ErrorKind::Conflict, message).into());
        }
        Begun::Other => {
            let message =
                "This Idempotency-Key came with another request before. Each request has a key of its own.";
            return Err(UserError::invalid(message).into());
        }
    };
    let request = Request::from_parts(parts, Body::from(body));
    // Whoever asks may go away, and asks again: it is done and kept all the same.
    let work = async move { kept(&engine, id, next.run(request).await).await };
    let work = acting(Acting::here(), work).instrument(Span::current());
    Ok(tokio::spawn(work).await.map_err(|_| UserError::internal())?)
}

/// The key, with or without the quotation marks that the draft wants around it.
fn key_of(headers: &HeaderMap) -> Result<String, Refusal> {
    let key = headers.get(KEY).and_then(|key| key.to_str().ok()).unwrap_or_default().trim();
    let key = key.strip_prefix('"').and_then(|key| key.strip_suffix('"')).unwrap_or(key);
    if (1..=LONGEST).contains(&key.len()) {
        return Ok(key.to_owned());
    }
    let message = format!("An Idempotency-Key has 1 to {LONGEST} characters, such as a UUID.");
    Err(Refusal::from(UserError::invalid(message)).with_status(StatusCode::BAD_REQUEST))
}

/// The answer, kept where it tells of something that was done.
async fn kept(engine: &Engine, id: i64, response: Response) -> Response {
    let (parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return Refusal::from(UserError::internal()).into_response();
    };
    let answer = parts.status.is_success().then(|| answer_of(parts.status, &parts.headers, &body)).flatten();
    let noted = match answer {
        Some(answer) => answers::finish(engine, id, &answer).await,
        // It was done, or nobody knows, and only its answer was lost: whoever sends it once more is told to look.
        None if parts.status.is_server_error() && Acting::here().is_recorded() => Ok(()),
        None => answers::forget(engine, id).await,
    };
    if let Err(error) = noted {
        tracing::error!(%error, "the answer to a request with an Idempotency-Key could not be kept");
    }
    Response::from_parts(parts, Body::from(body))
}

fn answer_of(status: StatusCode, headers: &HeaderMap, body: &Bytes) -> Option<Answer> {
    let text = |name: &&str| Some(((*name).to_owned(), headers.get(*name)?.to_str().ok()?.to_owned()));
    Some(Answer {
        status: status.as_u16(),
        headers: KEPT.iter().filter_map(text).collect(),
        body: Secret::new(std::str::from_utf8(body).ok()?),
    })
}

fn again(answer: Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body.reveal().to_owned()));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(&value)) {
            headers.insert(name, value);
        }
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    // It was told when it was done.
    Acting::here().refuse(&UserError::conflict("It was done before, with the same Idempotency-Key."));
    response
}

#[cfg(test)]
mod tests {
    use etiqa_engine::audit::{Act, Actor, action, record};
    use etiqa_engine::{Options, Role};

    use super::*;

    #[tokio::test]
    async fn what_was_done_is_not_done_again_though_its_answer_was_lost() {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { data_dir: folder.path().join("data"), ..Options::default() };
        let engine = Engine::open(options, Role::Command).await.unwrap();
        for (key, is_done) in [("done", true), ("not done", false)] {
            let Begun::New(id) = answers::begin(&engine, "token 1", key, b"x").await.unwrap() else {
                panic!("it is new");
            };
            let work = async {
                if is_done {
                    record(&engine.db, Act::new(action::DEVICE_ADD)).await.unwrap();
                }
                kept(&engine, id, StatusCode::INTERNAL_SERVER_ERROR.into_response()).await
            };
            acting(Acting::new(Actor::program()), work).await;
            let again = answers::begin(&engine, "token 1", key, b"x").await.unwrap();
            assert_eq!(matches!(again, Begun::Unfinished), is_done, "{key}");
        }
    }

    #[test]
    fn a_key_is_the_same_with_and_without_its_quotation_marks() {
        let key = |text: &'static str| {
            let header = (HeaderName::from_static(KEY), HeaderValue::from_static(text));
            key_of(&[header].into_iter().collect()).ok()
        };
        assert_eq!(key("\"8e03978e-40d5\""), key("8e03978e-40d5"));
        assert_eq!(key(""), None);
        assert_eq!(key("\"\""), None);
    }
}
