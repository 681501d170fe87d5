//! What was typed into forms that were refused, for browsers without JavaScript.
//!
//! A server function leads such a browser back to its page, with the error in the address. What was typed is kept here
//! meanwhile, without secrets, under a name that nobody guesses and for the session that sent it: in memory, a few
//! minutes, and only so much of it. Another process of the same database knows nothing of it; the fields are then as the
//! page has them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Form;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use etiqa_app::Typed;
use etiqa_app::api::context::Caller;
use etiqa_engine::access::random_secret;
use etiqa_model::{Secret, UserError};
use leptos_axum::handle_server_fns_with_context;

use super::refusal::{Refusal, accepts_pages};

/// Forms that are kept at once; the oldest goes first.
const MOST: usize = 64;
const KEPT_FOR: Duration = Duration::from_mins(10);
/// Bytes of a form that is worth keeping.
const LARGEST: usize = 64 << 10;
/// The query field with the name of a kept form.
const FIELD: &str = "__typed";

/// The forms that are kept.
#[derive(Default)]
pub(super) struct Forms(Mutex<VecDeque<Kept>>);

struct Kept {
    name: String,
    session: Option<Secret>,
    since: Instant,
    typed: Typed,
}

impl Forms {
    /// Keeps a form; gives its name.
    fn keep(&self, session: Option<Secret>, typed: Typed) -> String {
        let name = random_secret();
        let mut forms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        forms.retain(|kept| kept.since.elapsed() < KEPT_FOR);
        if forms.len() >= MOST {
            forms.pop_front();
        }
        forms.push_back(Kept { name: name.clone(), session, since: Instant::now(), typed });
        name
    }

    /// The form that an address of this query names, if the same session sent it.
    pub(super) fn find(&self, query: &str, session: Option<&Secret>) -> Option<Typed> {
        let name = query.split('&').find_map(|pair| pair.strip_prefix(FIELD)?.strip_prefix('='))?;
        let session = session.map(Secret::reveal);
        let forms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = forms.iter().find(|kept| kept.name == name && kept.since.elapsed() < KEPT_FOR)?;
        (kept.session.as_ref().map(Secret::reveal) == session).then(|| kept.typed.clone())
    }
}

/// Answers a server function; what a plain form sent is kept where it is refused.
pub(super) async fn server_function(forms: Arc<Forms>, request: Request) -> Response {
    if request.method() != Method::POST || !accepts_pages(request.headers()) {
        return handle_server_fns_with_context(|| {}, request).await.into_response();
    }
    let (mut parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, super::LARGEST_BODY).await else {
        return Refusal::from(UserError::invalid("The form broke off or is larger than 2 MB; try again."))
            .into_response();
    };
    // What an earlier refusal left in the address of the page would come back in the address that is led to.
    without_leftovers(&mut parts.headers);
    let path = parts.uri.path().to_owned();
    let session = parts.extensions.get::<Caller>().and_then(|caller| caller.session.clone());
    let request = Request::from_parts(parts, Body::from(body.clone()));
    let mut response = handle_server_fns_with_context(|| {}, request).await.into_response();
    if let Some(back) = refused_to(&response)
        && let Some(fields) = fields_of(body).await
    {
        let name = forms.keep(session, Typed::new(path, fields));
        if let Ok(back) = HeaderValue::from_str(&format!("{back}&{FIELD}={name}")) {
            response.headers_mut().insert(header::LOCATION, back);
        }
    }
    response
}

/// Where a refused form is led back to.
fn refused_to(response: &Response) -> Option<String> {
    let location = response.headers().get(header::LOCATION)?.to_str().ok()?;
    (response.status().is_redirection() && location.contains("__err=")).then(|| location.to_owned())
}

async fn fields_of(body: Bytes) -> Option<Vec<(String, String)>> {
    if body.len() > LARGEST {
        return None;
    }
    let form =
        axum::http::Request::post("/").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let Form(fields) = Form::from_request(form.body(Body::from(body)).ok()?, &()).await.ok()?;
    Some(fields)
}

fn without_leftovers(headers: &mut HeaderMap) {
    let Some(page) = headers.get(header::REFERER).and_then(|page| page.to_str().ok()) else { return };
    if let Ok(page) = HeaderValue::from_str(&without_refusal(page)) {
        headers.insert(header::REFERER, page);
    }
}

/// The address of a page without what a refusal left in it.
pub(super) fn without_refusal(address: &str) -> String {
    without(address, &["__path", "__err", FIELD])
}

/// An address without these query fields.
fn without(address: &str, names: &[&str]) -> String {
    let Some((page, query)) = address.split_once('?') else { return address.to_owned() };
    let stays = |pair: &&str| !names.contains(&pair.split('=').next().unwrap_or_default());
    let pairs: Vec<&str> = query.split('&').filter(stays).collect();
    if pairs.is_empty() { page.to_owned() } else { format!("{page}?{}", pairs.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed() -> Typed {
        Typed::new("/rpc/save_device", vec![("device[address]".to_owned(), "core".to_owned())])
    }

    #[test]
    fn a_form_is_found_by_the_session_that_sent_it_and_by_no_other() {
        let forms = Forms::default();
        let (ours, theirs) = (Secret::new("ours"), Secret::new("theirs"));
        let query = format!("tab=settings&{FIELD}={}", forms.keep(Some(ours.clone()), typed()));
        assert!(forms.find(&query, Some(&ours)).is_some());
        assert!(forms.find(&query, Some(&theirs)).is_none());
        assert!(forms.find(&query, None).is_none());
        assert!(forms.find("__typed=", Some(&ours)).is_none());
    }

    #[test]
    fn only_the_newest_forms_are_kept() {
        let forms = Forms::default();
        let first = format!("{FIELD}={}", forms.keep(None, typed()));
        for _ in 1..MOST {
            forms.keep(None, typed());
        }
        assert!(forms.find(&first, None).is_some());
        forms.keep(None, typed());
        assert!(forms.find(&first, None).is_none());
    }

    #[test]
    fn an_address_loses_what_an_earlier_refusal_left_in_it() {
        let page = "http://localhost/devices/new?site=a&__path=%2Frpc%2Fx&__err=abc%3D&__typed=00";
        assert_eq!(without(page, &["__path", "__err", FIELD]), "http://localhost/devices/new?site=a");
        assert_eq!(without("http://localhost/?__err=a", &["__err"]), "http://localhost/");
        assert_eq!(without("http://localhost/", &["__err"]), "http://localhost/");
    }
}
