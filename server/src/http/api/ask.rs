//! What was asked: read piece by piece, once it is known that somebody may ask at all.

use std::fmt::Display;
use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::{FromRequest, Query, Request};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, Method, StatusCode, Uri, header};
use etiqa_app::api::context::Context;
use etiqa_engine::access::About;
use etiqa_model::user::Role;
use etiqa_model::{ErrorKind, UserError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard};

use crate::http::refusal::Refusal;

/// One change by the API of one kind of thing at a time: between the look at a tag and the change nobody else's comes by this way,
/// on this server.
pub(super) struct Edits(Mutex<()>);

impl Edits {
    pub(super) const fn new() -> Self {
        Self(Mutex::const_new(()))
    }

    /// Waits until no other change goes on.
    pub(super) async fn turn(&'static self) -> MutexGuard<'static, ()> {
        self.0.lock().await
    }
}

/// A request with its body read.
pub(super) struct Ask {
    method: Method,
    extensions: Extensions,
    headers: HeaderMap,
    uri: Uri,
    body: Bytes,
}

impl<S: Send + Sync> FromRequest<S> for Ask {
    type Rejection = Refusal;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Refusal> {
        let (parts, body) = with_body(request).await?;
        Ok(Self {
            method: parts.method,
            extensions: parts.extensions,
            headers: parts.headers,
            uri: parts.uri,
            body,
        })
    }
}

/// A request with its whole body, as much as is taken.
pub(super) async fn with_body(request: Request) -> Result<(Parts, Bytes), Refusal> {
    let (parts, body) = request.into_parts();
    let whole = Bytes::from_request(Request::from_parts(parts.clone(), body), &()).await;
    let body = whole.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Refusal::too_large(),
        status => Refusal::from(UserError::invalid("The body broke off.")).with_status(status),
    })?;
    Ok((parts, body))
}

impl Ask {
    /// Whoever asks, if they have `role` or more and may ask `about` this.
    pub(super) async fn require(&self, role: Role, about: About<'_>) -> Result<Context, Refusal> {
        Ok(Context::require_in(&self.extensions, role, about).await?)
    }

    /// The same about one thing, such as `device`, by its number as it stands in the path. That there is none of this name learns
    /// only who may ask at all.
    pub(super) async fn one<Id: FromStr + Copy>(
        &self,
        role: Role,
        (what, id): (&str, &str),
        about: impl FnOnce(Id) -> About<'static>,
    ) -> Result<(Context, Id), Refusal> {
        let context = self.require(role, About::Nothing).await?;
        let id = id.parse().map_err(|_| missing(what, id))?;
        context.admit(about(id)).await?;
        Ok((context, id))
    }

    /// The fields of the query; unknown ones are refused, for what is misspelt would narrow nothing.
    pub(super) fn query<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        if self.uri.query().is_some_and(|query| query.contains("%00")) {
            return Err(nothing_in_it());
        }
        let read = Query::<T>::try_from_uri(&self.uri).map_err(|rejection| {
            let why = rejection.body_text();
            let why = why.strip_prefix("Failed to deserialize query string: ").unwrap_or(&why);
            UserError::invalid(format!("The query cannot be read: {why}."))
        })?;
        Ok(read.0)
    }

    /// The body.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        if !self.is_json() {
            let message = "Send JSON, with Content-Type: application/json.";
            return Err(
                Refusal::from(UserError::invalid(message)).with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE)
            );
        }
        if has_nul(&self.body) {
            return Err(nothing_in_it());
        }
        serde_json::from_slice(&self.body).map_err(|error| unreadable(&error))
    }

    /// What `known` becomes by the body, a merge patch (RFC 7396): fields that it leaves out stay, `null` empties one.
    pub(super) fn patched<T: Serialize + DeserializeOwned>(&self, known: &T) -> Result<T, Refusal> {
        let patch: Value = self.json()?;
        if !patch.is_object() {
            return Err(UserError::invalid("Send an object with the fields to change.").into());
        }
        let mut whole = serde_json::to_value(known).map_err(|_| UserError::internal())?;
        if let Some(unknown) = emptied_in_vain(&whole, &patch) {
            let message = format!("The body is not what this takes: unknown field `{unknown}`.");
            return Err(UserError::invalid(message).into());
        }
        merge(&mut whole, patch);
        serde_json::from_value(whole).map_err(|error| unreadable(&error))
    }

    /// Lets a change begin for which `If-Match` must name the thing as it is; `*` names it whatever it is.
    pub(super) fn must_match(&self, etag: &str) -> Result<(), Refusal> {
        if self.headers.contains_key(header::IF_MATCH) {
            return self.may_match(etag);
        }
        let message = "Say what you change: send the ETag that you read as If-Match, or If-Match: * to change it whatever \
                       it is.";
        Err(Refusal::from(UserError::invalid(message)).with_status(StatusCode::PRECONDITION_REQUIRED))
    }

    /// Lets a change begin unless `If-Match` names the thing as it is not any more.
    pub(super) fn may_match(&self, etag: &str) -> Result<(), Refusal> {
        let mut named = self.headers.get_all(header::IF_MATCH).iter().peekable();
        if named.peek().is_none() {
            return Ok(());
        }
        let mut named = named.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        if named.any(|tag| matches!(tag.trim(), "*") || tag.trim() == etag) {
            return Ok(());
        }
        let message =
            "This was changed since you read it. Read it again, then send your change with its new ETag.";
        let refusal = Refusal::from(UserError::new(ErrorKind::Conflict, message));
        Err(refusal.with_status(StatusCode::PRECONDITION_FAILED))
    }

    /// Whether who asks has what this tag names already.
    pub(super) fn has(&self, etag: &str) -> bool {
        let known = self.headers.get_all(header::IF_NONE_MATCH).iter();
        let mut known = known.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        known.any(|tag| tag.trim() == "*" || tag.trim().trim_start_matches("W/") == etag)
    }

    /// The method: `HEAD` asks what `GET` would answer with.
    pub(super) fn method(&self) -> &Method {
        &self.method
    }

    /// The headers.
    pub(super) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    fn is_json(&self) -> bool {
        let kind = self.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_lowercase();
        kind == "application/json" || kind == "application/merge-patch+json"
    }
}

/// How JSON writes the character that no text has in it: PostgreSQL stores none with it.
const NUL: &[u8] = b"\\u0000";

/// Whether a text in this JSON has it.
pub(super) fn has_nul(json: &[u8]) -> bool {
    json.windows(NUL.len()).any(|part| part == NUL)
}

fn nothing_in_it() -> Refusal {
    UserError::invalid("No text has the character U+0000 in it.").into()
}

/// That there is no such thing.
pub(super) fn missing(what: &str, id: impl Display) -> UserError {
    UserError::not_found(format!("{what} {id}"))
}

/// A field that a patch empties and that there is none of: merged, it would be as if nothing had been asked.
fn emptied_in_vain<'a>(whole: &Value, patch: &'a Value) -> Option<&'a str> {
    let mut named = patch.as_object()?.iter();
    let found = named.find(|(name, value)| value.is_null() && whole.get(name.as_str()).is_none());
    found.map(|(name, _)| name.as_str())
}

/// RFC 7396, section 2.
fn merge(whole: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *whole = patch;
        return;
    };
    if !whole.is_object() {
        *whole = Value::Object(serde_json::Map::new());
    }
    let Value::Object(fields) = whole else { return };
    for (name, value) in patch {
        if value.is_null() {
            fields.remove(&name);
        } else {
            merge(fields.entry(name).or_insert(Value::Null), value);
        }
    }
}

/// Without what was sent: it may be a secret in the wrong place.
fn unreadable(error: &serde_json::Error) -> Refusal {
    if !error.is_data() {
        let message = format!(
            "The body is no JSON: it cannot be read at line {}, column {}.",
            error.line(),
            error.column()
        );
        return Refusal::from(UserError::invalid(message)).with_status(StatusCode::BAD_REQUEST);
    }
    let said = error.to_string();
    let said = said.split(" at line ").next().unwrap_or_default();
    let names_a_field = ["unknown field", "missing field", "duplicate field"];
    let told = match said.rsplit_once(", expected ") {
        _ if names_a_field.iter().any(|start| said.starts_with(start)) => said.to_owned(),
        Some((_, expected)) => format!("a value is not {expected}"),
        None => "a value is of another kind than it should be".to_owned(),
    };
    UserError::invalid(format!("The body is not what this takes: {told}.")).into()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::response::IntoResponse;
    use serde_json::json;

    use super::*;
    use crate::http::LARGEST_BODY;

    #[test]
    fn a_patch_changes_what_it_names_and_empties_what_it_says_is_null() {
        let mut whole = json!({ "a": "b", "c": { "d": "e", "f": "g" }, "tags": ["x"] });
        merge(&mut whole, json!({ "a": "z", "c": { "f": null }, "tags": ["y"] }));
        assert_eq!(whole, json!({ "a": "z", "c": { "d": "e" }, "tags": ["y"] }));
    }

    #[test]
    fn a_patch_that_empties_what_is_not_there_is_misspelt() {
        let whole = json!({ "hostname": null, "tags": ["x"] });
        assert_eq!(emptied_in_vain(&whole, &json!({ "hostname": null, "tags": null })), None);
        assert_eq!(emptied_in_vain(&whole, &json!({ "tags": null, "hostnam": null })), Some("hostnam"));
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_not_said_to_be_too_long() {
        let broken = [Ok(Bytes::from_static(b"{")), Err(std::io::Error::other("gone"))];
        let request = Request::new(Body::from_stream(futures::stream::iter(broken)));
        let refused = with_body(request).await.unwrap_err().into_response();
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
        let long = Request::new(Body::from(vec![b' '; LARGEST_BODY + 1]));
        let refused = with_body(long).await.unwrap_err().into_response();
        assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[test]
    fn what_was_sent_in_the_wrong_place_is_not_said_again() {
        let error = serde_json::from_str::<u16>("\"hunter2\"").unwrap_err();
        assert!(!format!("{:?}", unreadable(&error)).contains("hunter2"));
    }
}
