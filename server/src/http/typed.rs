//! What was typed into forms that were refused, and why they were, for browsers without JavaScript.
//!
//! Such a browser is led back to its page. Why it was refused goes with it in a cookie, which that page takes away again:
//! in the address it would be there when the page is loaded again, kept or sent to somebody. What was typed is kept here
//! meanwhile, without secrets, under a name that nobody guesses and for the session that sent it: in memory, a few
//! minutes, and only so much of it. Another process of the same database knows nothing of it; the fields are then as the
//! page has them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Form;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest, Query, Request};
use axum::http::{HeaderMap, HeaderValue, Method, Uri, header};
use axum::response::{IntoResponse, Response};
use etiqa_app::Typed;
use etiqa_app::api::AppError;
use etiqa_app::api::context::Caller;
use etiqa_engine::access::random_secret;
use etiqa_model::{Secret, UserError};
use leptos::server_fn::error::ServerFnUrlError;
use leptos_axum::handle_server_fns_with_context;
use serde::Deserialize;

use super::gate::cookie_of;
use super::refusal::{Refusal, accepts_pages};

/// Forms that are kept at once of everybody who is signed in, of one session, and of all strangers; the oldest goes first.
/// So nobody takes a place of others by posting what is refused again and again.
const MOST: usize = 256;
const MOST_OF_SESSION: usize = 8;
const MOST_OF_STRANGERS: usize = 16;
const KEPT_FOR: Duration = Duration::from_mins(10);
/// Bytes of a form that is worth keeping.
const LARGEST: usize = 64 << 10;
/// Bytes of what a cookie tells: browsers keep 4 KiB of one, with its name and attributes.
const LARGEST_TOLD: usize = 3_500;
/// The query fields of what is told. The first two are named by leptos.
const FIELDS: [&str; 3] = ["__path", "__err", "__typed"];
/// Holds the path of the page that is told something, with that as its query.
const COOKIE: &str = "refused";
/// Takes it away again.
pub(super) const TOLD: &str = "refused=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0";

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
        if let Some(session) = &session {
            let is_same =
                |kept: &Kept| kept.session.as_ref().is_some_and(|of| of.reveal() == session.reveal());
            make_room(&mut forms, MOST_OF_SESSION, is_same);
            make_room(&mut forms, MOST, |kept| kept.session.is_some());
        } else {
            make_room(&mut forms, MOST_OF_STRANGERS, |kept| kept.session.is_none());
        }
        forms.push_back(Kept { name: name.clone(), session, since: Instant::now(), typed });
        name
    }

    /// The form of this name, if the same session sent it.
    fn find(&self, name: &str, session: Option<&Secret>) -> Option<Typed> {
        let session = session.map(Secret::reveal);
        let forms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = forms.iter().find(|kept| kept.name == name && kept.since.elapsed() < KEPT_FOR)?;
        (kept.session.as_ref().map(Secret::reveal) == session).then(|| kept.typed.clone())
    }
}

/// What is told of a refused form.
#[derive(Deserialize)]
struct Refused {
    /// Where the form was posted to.
    #[serde(rename = "__path")]
    path: String,
    /// The error, as leptos encodes it.
    #[serde(rename = "__err")]
    error: String,
    /// The name of what was typed; empty where that is not kept.
    #[serde(rename = "__typed", default)]
    typed: String,
}

impl Refused {
    /// As the query of an address, or of the cookie's, says it.
    fn of(address: &Uri) -> Option<Self> {
        Query::try_from_uri(address).ok().map(|Query(refused)| refused)
    }

    fn error(&self) -> AppError {
        ServerFnUrlError::decode_err(&self.error)
    }
}

/// The cookie that tells the page at `page` why the form was refused that was posted to `path`, and under which name what was
/// typed is kept, if it is.
pub(super) fn telling(page: &str, path: &str, mut error: UserError, typed: &str) -> Option<HeaderValue> {
    loop {
        // A URL is put together with a host; only what comes after that is used.
        let url = ServerFnUrlError::new(path, AppError(error.clone())).to_url("http://localhost").ok()?;
        let told = url.query()?;
        // Of very many wrong fields the last ones are told the next time.
        if told.len() <= LARGEST_TOLD || error.fields.pop().is_none() {
            let cookie = format!(
                "{COOKIE}={page}?{told}&{}={typed}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}",
                FIELDS[2],
                KEPT_FOR.as_secs()
            );
            return HeaderValue::from_str(&cookie).ok();
        }
    }
}

/// What the cookie of a request tells the page at `page`.
pub(super) fn told(
    headers: &HeaderMap,
    page: &str,
    forms: &Forms,
    session: Option<&Secret>,
) -> Option<Typed> {
    let address: Uri = cookie_of(headers, COOKIE)?.parse().ok()?;
    if address.path().trim_end_matches('/') != page.trim_end_matches('/') {
        return None;
    }
    let refused = Refused::of(&address)?;
    let kept = forms.find(&refused.typed, session);
    Some(kept.unwrap_or_else(|| Typed::new(refused.path.clone(), Vec::new(), refused.error())))
}

/// Drops the oldest of these forms, where `most` of them are kept.
fn make_room(forms: &mut VecDeque<Kept>, most: usize, is_one: impl Fn(&Kept) -> bool) {
    if forms.iter().filter(|kept| is_one(kept)).count() >= most
        && let Some(oldest) = forms.iter().position(is_one)
    {
        forms.remove(oldest);
    }
}

/// Answers a server function; what a plain form sent is kept where it is refused.
pub(super) async fn server_function(forms: Arc<Forms>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    // Leptos itself would take as much as comes.
    let Ok(body) = to_bytes(body, super::LARGEST_BODY).await else {
        return Refusal::from(UserError::invalid("The form broke off or is larger than 2 MB; try again."))
            .into_response();
    };
    if parts.method != Method::POST || !accepts_pages(&parts.headers) {
        let request = Request::from_parts(parts, Body::from(body));
        return handle_server_fns_with_context(|| {}, request).await.into_response();
    }
    // What an earlier refusal left in the address of the page would come back in the address that is led to.
    without_leftovers(&mut parts.headers);
    let path = parts.uri.path().to_owned();
    let session = parts.extensions.get::<Caller>().and_then(|caller| caller.session.clone());
    let request = Request::from_parts(parts, Body::from(body.clone()));
    let mut response = handle_server_fns_with_context(|| {}, request).await.into_response();
    if let Some((back, error)) = refused_to(&response)
        && let Ok(page) = HeaderValue::from_str(&without_refusal(&back.to_string()))
    {
        let fields = fields_of(body).await;
        let name = fields.map(|fields| forms.keep(session, Typed::new(&*path, fields, error.clone())));
        let cookie = telling(back.path(), &path, error.0, &name.unwrap_or_default());
        response.headers_mut().insert(header::LOCATION, page);
        if let Some(cookie) = cookie {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    response
}

/// Where leptos would lead a refused form back to, and why it was refused, which is in that address.
fn refused_to(response: &Response) -> Option<(Uri, AppError)> {
    let location: Uri = response.headers().get(header::LOCATION)?.to_str().ok()?.parse().ok()?;
    let refused = Refused::of(&location).filter(|_| response.status().is_redirection())?;
    Some((location, refused.error()))
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
    without(address, &FIELDS)
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
    use etiqa_model::FieldError;

    use super::*;

    fn typed() -> Typed {
        let fields = vec![("device[address]".to_owned(), "core".to_owned())];
        Typed::new("/rpc/save_device", fields, AppError(UserError::invalid("It is no address.")))
    }

    #[test]
    fn a_form_is_found_by_the_session_that_sent_it_and_by_no_other() {
        let forms = Forms::default();
        let (ours, theirs) = (Secret::new("ours"), Secret::new("theirs"));
        let name = forms.keep(Some(ours.clone()), typed());
        assert!(forms.find(&name, Some(&ours)).is_some());
        assert!(forms.find(&name, Some(&theirs)).is_none());
        assert!(forms.find(&name, None).is_none());
        assert!(forms.find("", Some(&ours)).is_none());
    }

    #[test]
    fn only_the_newest_forms_are_kept() {
        let forms = Forms::default();
        let first = forms.keep(None, typed());
        for _ in 1..MOST_OF_STRANGERS {
            forms.keep(None, typed());
        }
        assert!(forms.find(&first, None).is_some());
        forms.keep(None, typed());
        assert!(forms.find(&first, None).is_none());
    }

    /// The request headers of a browser that got this cookie.
    fn with_cookie(cookie: &HeaderValue) -> HeaderMap {
        let kept = cookie.to_str().unwrap().split(';').next().unwrap();
        [(header::COOKIE, HeaderValue::from_str(kept).unwrap())].into_iter().collect()
    }

    #[test]
    fn a_refusal_is_told_to_the_page_of_the_form_and_to_no_other() {
        let forms = Forms::default();
        let error = UserError::invalid("The port takes a number; 70,000 is none.");
        let cookie = telling("/devices/new/", "/rpc/save_device", error, "").unwrap();
        let headers = with_cookie(&cookie);
        assert!(told(&headers, "/devices/new", &forms, None).is_some());
        assert!(told(&headers, "/devices", &forms, None).is_none());
        assert!(told(&HeaderMap::new(), "/devices/new", &forms, None).is_none());
    }

    #[test]
    fn whatever_stands_in_the_cookie_is_read_or_passed_over() {
        let forms = Forms::default();
        let good = telling("/devices/new", "/rpc/save_device", UserError::invalid("No."), "x").unwrap();
        let good = good.to_str().unwrap().split(';').next().unwrap().as_bytes().to_vec();
        // The shortest known generator whose period is long enough (Numerical Recipes).
        let mut state = 7_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as usize
        };
        for _ in 0..20_000 {
            let mut cookie = good.clone();
            cookie.truncate(next() % (good.len() + 1));
            for _ in 0..next() % 4 {
                let (at, byte) = (next() % (cookie.len() + 1), b"%?&=;/\"\\ \xff0Ab"[next() % 13]);
                cookie.insert(at, byte);
            }
            let Ok(value) = HeaderValue::from_bytes(&cookie) else { continue };
            let headers: HeaderMap = [(header::COOKIE, value)].into_iter().collect();
            // Nobody's form is kept, so that no name finds one.
            let _ = told(&headers, "/devices/new", &forms, None);
        }
    }

    #[test]
    fn a_cookie_is_one_that_browsers_keep_however_many_fields_are_wrong() {
        let wrong =
            |n: usize| FieldError { field: format!("field_{n}"), message: "This is wrong. ".repeat(9) };
        let error = UserError::in_fields((0..99).map(wrong).collect());
        let cookie = telling("/devices/new", "/rpc/save_device", error, "").unwrap();
        assert!(cookie.len() < 4_096, "{}", cookie.len());
        assert!(told(&with_cookie(&cookie), "/devices/new", &Forms::default(), None).is_some());
    }

    #[test]
    fn nobody_takes_the_places_of_others() {
        let forms = Forms::default();
        let kept_of = |session: Option<&str>| {
            let forms = forms.0.lock().unwrap();
            forms.iter().filter(|kept| kept.session.as_ref().map(Secret::reveal) == session).count()
        };
        forms.keep(Some(Secret::new("ours")), typed());
        for _ in 0..=MOST {
            forms.keep(None, typed());
            forms.keep(Some(Secret::new("theirs")), typed());
        }
        let kept = [kept_of(Some("ours")), kept_of(Some("theirs")), kept_of(None)];
        assert_eq!(kept, [1, MOST_OF_SESSION, MOST_OF_STRANGERS]);
    }

    #[test]
    fn an_address_loses_what_an_earlier_refusal_left_in_it() {
        let page = "http://localhost/devices/new?site=a&__path=%2Frpc%2Fx&__err=abc%3D&__typed=00";
        assert_eq!(without(page, &FIELDS), "http://localhost/devices/new?site=a");
        assert_eq!(without("http://localhost/?__err=a", &["__err"]), "http://localhost/");
        assert_eq!(without("http://localhost/", &["__err"]), "http://localhost/");
    }
}
