//! Who asks, and the engine behind the answer. The one place where roles and scopes are checked.

use std::sync::Arc;

use axum::http::{Extensions, HeaderMap, Method, StatusCode, header, request::Parts};
use etiqa_engine::Engine;
use etiqa_engine::access::{About, SignedIn, TICKET_MINUTES, Visitor, browser_of};
use etiqa_engine::audit::{Acting, Actor};
use etiqa_model::user::{Identity, Reach, Role};
use etiqa_model::{ErrorKind, Secret, UserError};
use leptos::prelude::{expect_context, use_context};
use leptos_axum::ResponseOptions;
use tracing::Span;

use super::AppError;
use crate::browser::find_cookie;

/// What the server found out about a request before anything answers it; an extension of every request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The engine of this process.
    pub engine: Arc<Engine>,
    /// Who asks; none: a stranger.
    pub identity: Option<Identity>,
    /// The session's secret, where it came with one.
    pub session: Option<Secret>,
    /// Where the request came from, for throttling and logs.
    pub address: String,
    /// Whether the browser speaks HTTPS.
    pub is_secure: bool,
    /// What is logged of it is logged within this.
    pub span: Span,
    /// What became of it, for the audit log.
    pub acting: Acting,
}

/// Somebody who may do what is asked. Every server function and every handler begins by making one: by the least role that
/// may ask, and by what is asked about.
#[derive(Debug, Clone)]
pub struct Context {
    /// The engine of this process.
    pub engine: Arc<Engine>,
    /// Who asks.
    pub identity: Identity,
    /// What they may do, and with which devices: use cases that read many of them take it.
    pub reach: Reach,
    /// How they asked.
    pub caller: Caller,
}

impl Context {
    /// For server functions: whoever sent this request, if they have `role` or more and may ask `about` this.
    pub async fn require(role: Role, about: About<'_>) -> Result<Self, AppError> {
        let context = Self::of(&caller()?, role).map_err(AppError::from_refusal)?;
        context.admit(about).await.map_err(AppError::from_refusal)?;
        Ok(context)
    }

    /// For handlers: the same, from a request's extensions.
    pub async fn require_in(
        extensions: &Extensions,
        role: Role,
        about: About<'_>,
    ) -> Result<Self, UserError> {
        let caller = extensions.get::<Caller>().ok_or_else(UserError::internal)?;
        let context = Self::of(caller, role)?;
        context.admit(about).await.inspect_err(|refusal| caller.acting.refuse(refusal))?;
        Ok(context)
    }

    /// Refuses what they may not ask about; for what is about more than one thing.
    pub async fn admit(&self, about: About<'_>) -> Result<(), UserError> {
        about.admit(&self.engine, &self.reach).await.map_err(etiqa_engine::Error::into_user_error)
    }

    /// Who asks, as the audit log has it.
    pub fn actor(&self) -> Actor {
        self.caller.acting.actor().clone()
    }

    fn of(caller: &Caller, role: Role) -> Result<Self, UserError> {
        Self::let_in(caller, role).inspect_err(|refusal| caller.acting.refuse(refusal))
    }

    fn let_in(caller: &Caller, role: Role) -> Result<Self, UserError> {
        let Some(identity) = &caller.identity else {
            return Err(UserError::new(
                ErrorKind::SignInNeeded,
                "Sign in first; the session may have ended.",
            ));
        };
        if identity.role < role {
            let message = format!("This needs the role {role}; you are {}. Ask an admin.", identity.role);
            return Err(UserError::new(ErrorKind::Forbidden, message));
        }
        Ok(Self {
            engine: Arc::clone(&caller.engine),
            identity: identity.clone(),
            reach: identity.reach(),
            caller: caller.clone(),
        })
    }
}

/// Whoever sent this request, stranger or not. Only signing in and setting up may use it without [`Context`].
pub(super) fn caller() -> Result<Caller, AppError> {
    use_context::<Parts>()
        .and_then(|parts| parts.extensions.get::<Caller>().cloned())
        .ok_or_else(|| AppError(UserError::internal()))
}

/// The span of this request; that of the task where there is no request.
pub(crate) fn span_of_request() -> Span {
    use_context::<Parts>()
        .and_then(|parts| parts.extensions.get::<Caller>().map(|caller| caller.span.clone()))
        .unwrap_or_else(Span::current)
}

/// The zone that the viewer's browser named, an IANA name, or UTC.
pub(super) fn zone_of_viewer() -> String {
    use_context::<Parts>().map_or_else(|| "UTC".to_owned(), |parts| zone_of(&parts.headers))
}

/// The zone that a request's `zone` cookie names, or UTC.
pub fn zone_of(headers: &HeaderMap) -> String {
    let mut cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let zone = cookies.find_map(|cookies| find_cookie(cookies, "zone"));
    zone.unwrap_or_else(|| "UTC".to_owned())
}

/// What is known of the browser that wants to sign in.
pub(super) fn visitor(caller: &Caller) -> Visitor {
    let headers = use_context::<Parts>().map(|parts| parts.headers).unwrap_or_default();
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    Visitor {
        address: caller.address.clone(),
        browser: browser_of(agent),
        device: cookie_of_request(DEVICE_COOKIE),
        session: caller.session.clone(),
    }
}

/// The ticket of somebody whose password was right and whose code is missing.
pub(super) fn ticket() -> Option<Secret> {
    cookie_of_request(TICKET_COOKIE)
}

fn cookie_of_request(name: &str) -> Option<Secret> {
    let name = named(name, caller().is_ok_and(|caller| caller.is_secure));
    let headers = use_context::<Parts>()?.headers;
    let mut cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies.find_map(|cookies| find_cookie(cookies, &name)).map(Secret::new)
}

/// Lets the browser in: the session's cookie, and the one by which it is known from now on.
pub(super) fn set_cookies_of(signed_in: &SignedIn) {
    append_cookie(SESSION_COOKIE, signed_in.secret.reveal(), signed_in.lasts.as_secs());
    append_cookie(DEVICE_COOKIE, signed_in.device.reveal(), DEVICE_DAYS * 24 * 3600);
}

/// Keeps the ticket until the code comes.
pub(super) fn set_ticket_cookie(ticket: &Secret) {
    append_cookie(TICKET_COOKIE, ticket.reveal(), TICKET_MINUTES * 60);
}

/// Makes the browser forget it.
pub(super) fn clear_ticket_cookie() {
    append_cookie(TICKET_COOKIE, "", 0);
}

/// Makes the browser forget its session; it stays one that signed in before.
pub(super) fn clear_session_cookie() {
    append_cookie(SESSION_COOKIE, "", 0);
}

/// The name of the session's cookie.
pub fn session_cookie(is_secure: bool) -> String {
    named(SESSION_COOKIE, is_secure)
}

const SESSION_COOKIE: &str = "etiqa_session";
/// Tells a browser that signed in before from strangers' (OWASP's device cookie).
const DEVICE_COOKIE: &str = "etiqa_device";
const DEVICE_DAYS: u64 = 180;
/// Between the password and the code.
const TICKET_COOKIE: &str = "etiqa_ticket";

/// Over HTTPS browsers take a cookie of such a name from this very host alone and over nothing else, so that nobody on the way
/// can put one in its place (RFC 6265bis, "The `__Host-` Prefix"); over HTTP they take no such name.
fn named(name: &str, is_secure: bool) -> String {
    let prefix = if is_secure { "__Host-" } else { "" };
    format!("{prefix}{name}")
}

/// Sets a cookie that scripts cannot read and other sites cannot send.
fn append_cookie(name: &str, value: &str, seconds: u64) {
    let is_secure = caller().is_ok_and(|caller| caller.is_secure);
    let name = named(name, is_secure);
    let secure = if is_secure { "; Secure" } else { "" };
    let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}");
    if let Ok(cookie) = cookie.parse() {
        expect_context::<ResponseOptions>().append_header(header::SET_COOKIE, cookie);
    }
}

impl AppError {
    /// Turns an engine's error into what a person is told, and gives the answer its HTTP status.
    pub(super) fn from_refusal(error: impl Into<etiqa_engine::Error>) -> Self {
        let error = error.into().into_user_error();
        if let Ok(caller) = caller() {
            caller.acting.refuse(&error);
        }
        set_status(error.kind);
        Self(error)
    }
}

impl From<etiqa_engine::Error> for AppError {
    fn from(error: etiqa_engine::Error) -> Self {
        Self::from_refusal(error)
    }
}

/// A form that is posted without JavaScript is led back to its page instead, which shows the error.
pub(super) fn set_status(kind: ErrorKind) {
    let is_plain_form = use_context::<Parts>().is_some_and(|parts| {
        let accepts = parts.headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
        parts.method == Method::POST && accepts.is_some_and(|accept| accept.contains("text/html"))
    });
    if let Some(response) = use_context::<ResponseOptions>()
        && !is_plain_form
        && let Ok(status) = StatusCode::from_u16(kind.http_status())
    {
        response.set_status(status);
    }
}
