//! The gate: finds out who asks, turns strangers and foreign sites away, and whoever asks for too much.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use etiqa_app::api::acts;
use etiqa_app::api::context::{Caller, session_cookie};
use etiqa_engine::access::{identify_session, identify_token, setup_is_open};
use etiqa_engine::audit::{Act, Acting, Action, Actor, acting, record, record_refusal};
use etiqa_engine::{Engine, Error, Result};
use etiqa_model::user::Identity;
use etiqa_model::{ErrorKind, Secret, UserError};
use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::api;
use super::body::bounded;
use super::costly::Cost;
use super::edge::{Client, Edge, network_of};
use super::refusal::{Refusal, accepts_pages, back_to, page_before};
use super::typed::without_refusal;

/// What the gate knows of the program.
#[derive(Clone)]
pub(super) struct Keeper {
    pub(super) engine: Arc<Engine>,
    pub(super) edge: Arc<Edge>,
}

/// Lets a request through as whoever sent it.
pub(super) async fn gate(State(keeper): State<Keeper>, mut request: Request, next: Next) -> Response {
    let span = span_of(&request);
    let answering = async {
        let response = match admit(&keeper, &mut request).await {
            Ok(Admission::Through { caller, is_known }) => match bounded(request, is_known) {
                Some(request) => answer(caller, request, next).await,
                None => Refusal::too_large().into_response(),
            },
            Ok(Admission::Elsewhere(response)) => response,
            Err(refusal) => refusal.into_response(),
        };
        Span::current().record("http.response.status_code", response.status().as_u16());
        response
    };
    answering.instrument(span).await
}

/// Has a request answered, and its act told: by the use case that does it, or, where it was refused before that or
/// changes nothing in the database, here.
async fn answer(caller: Acting, request: Request, next: Next) -> Response {
    let act = act_of(request.method(), request.uri().path());
    let is_head = request.method() == Method::HEAD;
    let place = place_of(request.uri().path());
    let engine = request.extensions().get::<Caller>().map(|caller| Arc::clone(&caller.engine));
    let response = acting(caller.clone(), next.run(request)).await;
    let (Some(action), Some(engine)) = (act, engine) else { return response };
    let status = response.status();
    let refusal = caller.refusal().or_else(|| {
        let is_refused = status.is_client_error() || status.is_server_error();
        is_refused.then(|| format!("Answered with {}.", status.as_u16()))
    });
    // Of what is there nothing went out: to who has it already, or asks for the head alone.
    let is_nothing = status == StatusCode::NOT_MODIFIED || (is_head && status.is_success());
    if caller.is_recorded() || is_nothing {
        return response;
    }
    let act = Act::by(caller, action);
    let recorded = match refusal {
        Some(why) => record_refusal(&engine, act.refused(why), &place).await,
        None => record(&engine.db, act).await.map_err(Error::from),
    };
    if let Err(error) = recorded {
        tracing::error!(%error, "what was done could not be noted in the audit log");
    }
    response
}

/// What a request does, where that is to be told.
fn act_of(method: &Method, path: &str) -> Option<Action> {
    acts::act_of(method, path).or_else(|| api::act_of(method, path))
}

/// Tells server functions apart that the audit log has one name for, and what the API does; other paths have numbers in them.
fn place_of(path: &str) -> String {
    if path.starts_with("/rpc/") { path.to_owned() } else { api::verb_of(path) }
}

/// Around everything that is logged while a request is answered, its SQL statements (`sqlx::query=debug`) among it: the
/// number tells them from those of others. Nothing of a query, which may hold what people search for.
fn span_of(request: &Request) -> Span {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    tracing::debug_span!(
        "request",
        number,
        path = request.uri().path(),
        otel.kind = "server",
        otel.name = %request.method(),
        http.request.method = %request.method(),
        http.response.status_code = Empty,
    )
}

/// Where the form of `/login` is posted to.
const SIGN_IN: &str = "/rpc/sign_in";

enum Admission {
    /// For this one, an answer.
    Through {
        caller: Acting,
        /// Whether it is known who asks.
        is_known: bool,
    },
    /// To a page that leads in.
    Elsewhere(Response),
}

async fn admit(keeper: &Keeper, request: &mut Request) -> Result<Admission, Refusal> {
    let engine = &keeper.engine;
    let client = request.extensions().get::<Client>().cloned().ok_or_else(UserError::internal)?;
    check_host(&client, request)?;
    let session = cookie_of(request.headers(), &session_cookie(client.is_secure)).map(Secret::new);
    let token = bearer_token(request.headers());
    // A foreign site can make a browser send a cookie, but never a token.
    if token.is_none() && !request.method().is_safe() {
        check_origin(&client, request.headers())?;
    }
    let identity = identify(engine, token.as_deref(), session.as_ref()).await?;
    let is_known = identity.is_some();
    let needs_second_factor = identity.as_ref().is_some_and(|identity| identity.needs_second_factor);
    if is_known && let Some(cost) = Cost::of(request.method(), request.uri()) {
        let secret = token.as_deref().or(session.as_ref().map(Secret::reveal)).unwrap_or_default();
        let network = network_of(client.address);
        keeper.edge.costly.take(cost, secret, network).map_err(Refusal::too_many)?;
    }
    let address = client.address.to_string();
    let acting = Acting::new(Actor::of_request(identity.as_ref(), &address));
    request.extensions_mut().insert(Caller {
        engine: Arc::clone(engine),
        identity,
        session,
        address,
        is_secure: client.is_secure,
        span: Span::current(),
        acting: acting.clone(),
    });
    let (method, path) = (request.method(), request.uri().path());
    let is_open = is_open_to_strangers(method, path);
    if needs_second_factor && !is_open && !is_open_without_second_factor(method, path) {
        if wants_a_page(request) {
            return Ok(Admission::Elsewhere(Redirect::to("/account").into_response()));
        }
        let message = "Your role must have a second factor. Set it up on the page of your account first.";
        let refusal = UserError::new(ErrorKind::Forbidden, message);
        if let Some(action) = act_of(method, path) {
            let act = Act::by(acting, action).refused_with(&refusal);
            record_refusal(engine, act, &place_of(path)).await?;
        }
        return Err(refusal.into());
    }
    // Until there is somebody who can sign in, nothing asks for a password.
    if !is_known && is_of_signing_in(path) && setup_is_open(&engine.db).await? {
        if wants_a_page(request) || is_plain_form(request) {
            return Ok(Admission::Elsewhere(Redirect::to("/setup").into_response()));
        }
        return Err(UserError::conflict("Nobody can sign in yet. Create the first admin at /setup.").into());
    }
    if is_known || is_open {
        return Ok(Admission::Through { caller: acting, is_known });
    }
    if wants_a_page(request) {
        let way_in = if setup_is_open(&engine.db).await? { "/setup".to_owned() } else { login(request) };
        return Ok(Admission::Elsewhere(Redirect::to(&way_in).into_response()));
    }
    if is_plain_form(request) && token.is_none() {
        return Ok(Admission::Elsewhere(login_after_form(request.headers())));
    }
    let message = if token.is_some() {
        "This token is not valid (any more). Make another one."
    } else {
        "Sign in first, or send a token as Authorization: Bearer."
    };
    Err(UserError::new(ErrorKind::SignInNeeded, message).into())
}

async fn identify(
    engine: &Engine,
    token: Option<&str>,
    session: Option<&Secret>,
) -> Result<Option<Identity>> {
    match (token, session) {
        (Some(token), _) => identify_token(engine.door(), token).await,
        (None, Some(session)) => identify_session(engine.door(), session.reveal()).await,
        (None, None) => Ok(None),
    }
}

/// What somebody who has not signed in may ask for. Everything else answers nobody unknown.
fn is_open_to_strangers(method: &Method, path: &str) -> bool {
    match *method {
        Method::GET | Method::HEAD => {
            matches!(path, "/login" | "/setup" | "/healthz" | "/readyz") || super::assets::is_asset(path)
        }
        Method::POST => {
            is_of_signing_in(path)
                || matches!(path, "/rpc/set_up" | "/rpc/whoami" | "/rpc/get_setup" | "/setup/restore")
        }
        _ => false,
    }
}

/// What is there for those who can sign in.
fn is_of_signing_in(path: &str) -> bool {
    matches!(path, "/login" | SIGN_IN | "/rpc/confirm_sign_in")
}

/// What somebody may ask for who must set up a second factor first: what it takes to do that, and to leave.
fn is_open_without_second_factor(method: &Method, path: &str) -> bool {
    match *method {
        Method::GET | Method::HEAD => matches!(path, "/account" | "/events"),
        Method::POST => matches!(
            path,
            "/theme"
                | "/rpc/begin_second_factor"
                | "/rpc/change_password"
                | "/rpc/confirm_second_factor"
                | "/rpc/end_other_sessions"
                | "/rpc/end_session"
                | "/rpc/get_pause"
                | "/rpc/get_second_factor"
                | "/rpc/list_sessions"
                | "/rpc/sign_out"
                | "/rpc/stop_second_factor"
        ),
        _ => false,
    }
}

/// Whether a browser asks for something to be shown.
pub(super) fn wants_a_page(request: &Request) -> bool {
    request.method() == Method::GET && accepts_pages(request.headers()) && is_for_people(request)
}

/// Nobody is led from an address of programs to a page.
fn is_for_people(request: &Request) -> bool {
    !api::is_for_programs(request.uri().path())
}

/// Whether a browser posts a form itself, and shows what is answered.
fn is_plain_form(request: &Request) -> bool {
    request.method() == Method::POST && accepts_pages(request.headers()) && is_for_people(request)
}

/// `/login`, with the way back.
fn login(request: &Request) -> String {
    login_for(request.uri().path_and_query().map_or("/", |wanted| wanted.as_str()))
}

/// Leads there after a form whose session is over, with words about it; the way back leads to the page that it was on. What
/// was typed is not kept: who signs in next may be somebody else.
fn login_after_form(headers: &HeaderMap) -> Response {
    let page = page_before(headers).map_or_else(|| "/".to_owned(), |page| without_refusal(&page));
    let message = "Your session has ended, and nothing was done. Sign in, and send the form once more.";
    back_to(&login_for(&page), SIGN_IN, UserError::new(ErrorKind::SignInNeeded, message))
}

fn login_for(wanted: &str) -> String {
    if wanted == "/" {
        return "/login".to_owned();
    }
    // A path and query of ours need only what ends a value to be escaped.
    let escaped = wanted.replace('%', "%25").replace('&', "%26").replace('#', "%23").replace('+', "%2B");
    format!("/login?next={escaped}")
}

/// The value of a cookie.
pub(super) fn cookie_of(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(cookie::Cookie::split_parse)
        .filter_map(std::result::Result::ok)
        .find(|cookie| cookie.name() == name)
        .map(|cookie| cookie.value().to_owned())
}

/// What stands behind `Authorization: Bearer`.
pub(super) fn bearer_token(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}

/// An unsafe request with a cookie must come from a page of ours: its Origin is the Host it is sent to.
fn check_origin(client: &Client, headers: &HeaderMap) -> Result<(), UserError> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    if host.zip(origin).is_some_and(|(host, origin)| client.is_own_origin(origin, host)) {
        return Ok(());
    }
    let message = "This request did not come from a page of this server. Reload the page, or send a token as \
                   Authorization: Bearer. Behind a proxy, the server is told its address by --public-url.";
    Err(UserError::new(ErrorKind::Forbidden, message))
}

/// A browser that was lured to another name for this server (DNS rebinding) is turned away.
pub(super) fn check_host(client: &Client, request: &Request) -> Result<(), UserError> {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let authority = host.and_then(|host| host.parse::<Authority>().ok());
    let Some(name) = authority.as_ref().map(Authority::host) else {
        return Err(UserError::invalid("The request names no host."));
    };
    if client.is_own_host(name) {
        return Ok(());
    }
    let is_allowed = std::env::var("ETIQA_HOSTS")
        .is_ok_and(|hosts| hosts.split(',').any(|host| host.trim().eq_ignore_ascii_case(name)));
    if is_allowed {
        return Ok(());
    }
    let message = "This server is not known by that name. Open it by its address, or name the host in ETIQA_HOSTS or \
                   with --public-url.";
    Err(UserError::new(ErrorKind::Forbidden, message))
}

/// For a path that nothing answers.
pub(super) fn not_found() -> Response {
    (StatusCode::NOT_FOUND, Refusal::from(UserError::not_found("page at this address"))).into_response()
}
