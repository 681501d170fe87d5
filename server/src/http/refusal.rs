//! A refusal as an HTTP answer: the kind's status, and a JSON body with one sentence; for a browser, a page with it.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use etiqa_app::api::session::is_local_path;
use etiqa_engine::Error;
use etiqa_engine::audit::Acting;
use etiqa_model::{ErrorKind, UserError};

use super::typed::telling;

/// What a page that is nothing but a sentence may load: its style.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// What a handler answers when it does not do what was asked.
#[derive(Debug)]
pub(super) struct Refusal {
    error: UserError,
    /// Where HTTP has a status that says more than the kind's.
    status: Option<StatusCode>,
    /// When to ask again.
    retry_after: Option<Duration>,
}

impl Refusal {
    /// With another status than the kind's.
    pub(super) fn with_status(self, status: StatusCode) -> Self {
        Self { status: Some(status), ..self }
    }

    /// Of somebody who asked too often.
    pub(super) fn too_many(wait: Duration) -> Self {
        let seconds = wait.as_secs() + 1;
        let unit = if seconds == 1 { "second" } else { "seconds" };
        let message =
            format!("This was asked for too often just now. Wait {seconds} {unit}, then try again.");
        let error = UserError::new(ErrorKind::TooMany, message);
        Self { retry_after: Some(Duration::from_secs(seconds)), ..Self::from(error) }
    }

    /// Of what is longer than anything that is taken there.
    pub(super) fn too_large() -> Self {
        let error = UserError::invalid("This is larger than what is taken here; send less at once.");
        Self::from(error).with_status(StatusCode::PAYLOAD_TOO_LARGE)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::from(error.into_user_error())
    }
}

impl From<UserError> for Refusal {
    fn from(error: UserError) -> Self {
        Acting::here().refuse(&error);
        Self { error, status: None, retry_after: None }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let of_kind = StatusCode::from_u16(self.error.kind.http_status());
        let status = self.status.or(of_kind.ok()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let said = Said(self.error.clone());
        let mut response = (status, Json(self.error)).into_response();
        if let Some(wait) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, wait.as_secs().into());
        }
        response.extensions_mut().insert(said);
        response
    }
}

/// What was refused, for [`as_page`] and the API's problems.
#[derive(Clone)]
pub(super) struct Said(pub(super) UserError);

/// Whether what is asked for is to be shown to a person.
pub(super) fn accepts_pages(headers: &HeaderMap) -> bool {
    let accepts = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    accepts.is_some_and(|accept| accept.contains("text/html"))
}

/// Leads a browser back to a page, which shows the sentence as it does for a server function that refused. `path` is
/// where the form was posted to.
pub(super) fn back_to(page: &str, path: &str, error: UserError) -> Response {
    Acting::here().refuse(&error);
    let mut response = Redirect::to(page).into_response();
    if let Some(cookie) = telling(page.split('?').next().unwrap_or(page), path, error, "") {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// Shows a browser a page where a program gets JSON, or where what was sent could not even be read. The pages of the app
/// say themselves what is wrong.
pub(super) async fn as_page(State(stylesheet): State<Arc<str>>, request: Request, next: Next) -> Response {
    let is_page = accepts_pages(request.headers());
    let is_form = request.method() == Method::POST;
    let back = page_before(request.headers());
    let response = next.run(request).await;
    if !is_page || !(response.status().is_client_error() || response.status().is_server_error()) {
        return response;
    }
    let said = match response.extensions().get::<Said>() {
        Some(Said(error)) => error.message.clone(),
        None if is_form && is_bare_text(&response) => {
            "What was sent could not be read. Go back, load the page again, and try once more.".to_owned()
        }
        None => return response,
    };
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.remove(header::CONTENT_ENCODING);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    parts.headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    Response::from_parts(parts, Body::from(page(&stylesheet, &said, back.as_deref())))
}

fn is_bare_text(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("text/plain"))
}

/// The page of ours that a form was sent from, or a link was on.
pub(super) fn page_before(headers: &HeaderMap) -> Option<String> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let (_, page) = headers.get(header::REFERER)?.to_str().ok()?.split_once("://")?;
    let path = page.strip_prefix(host)?;
    is_local_path(path).then(|| path.to_owned())
}

fn page(stylesheet: &str, said: &str, back: Option<&str>) -> String {
    let (said, to) = (escaped(said), escaped(back.unwrap_or("/")));
    let words = if back.is_some() { "Back" } else { "Overview" };
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\">\
         <link rel=\"icon\" href=\"/favicon.svg\" type=\"image/svg+xml\"><link rel=\"stylesheet\" href=\"{stylesheet}\">\
         <title>This could not be done · Etiqa</title></head><body><main><div class=\"empty\" role=\"alert\">\
         <h1>This could not be done</h1><p>{said}</p><a class=\"btn\" href=\"{to}\">{words}</a></div></main></body></html>"
    )
}

/// As text and in attributes.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_page_says_is_text_whatever_was_sent() {
        let page = page("/pkg/1/etiqa.css", "There is no device <script>.", Some("/?q=\"><b>"));
        assert!(page.contains("There is no device &lt;script&gt;."), "{page}");
        assert!(page.contains("href=\"/?q=&quot;&gt;&lt;b&gt;\""), "{page}");
    }

    #[test]
    fn the_way_back_leads_to_a_page_of_this_server_only() {
        let from = |page: &'static str| {
            let headers = [(header::HOST, "nas:8000"), (header::REFERER, page)];
            page_before(
                &headers.map(|(name, value)| (name, HeaderValue::from_static(value))).into_iter().collect(),
            )
        };
        assert_eq!(from("http://nas:8000/devices/import?x=1").as_deref(), Some("/devices/import?x=1"));
        assert_eq!(from("http://nas:8000.example.com/"), None);
        assert_eq!(from("http://elsewhere/"), None);
        assert_eq!(from("http://nas:8000//evil.example/"), None);
        assert_eq!(from("http://nas:8000/\\evil.example/"), None);
    }
}
