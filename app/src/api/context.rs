//! Who asks, and the engine behind the answer. The one place where roles and scopes are checked.

use std::sync::Arc;

use axum::http::{Extensions, HeaderMap, Method, StatusCode, header, request::Parts};
use etiqa_engine::Engine;
use etiqa_engine::access::About;
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
    /// What is logged of it is logged within this.
    pub span: Span,
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
        let context = Self::of(extensions.get::<Caller>().ok_or_else(UserError::internal)?, role)?;
        context.admit(about).await?;
        Ok(context)
    }

    /// Refuses what they may not ask about; for what is about more than one thing.
    pub async fn admit(&self, about: About<'_>) -> Result<(), UserError> {
        about.admit(&self.engine, &self.reach).await.map_err(etiqa_engine::Error::into_user_error)
    }

    fn of(caller: &Caller, role: Role) -> Result<Self, UserError> {
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

/// Sets a cookie that scripts cannot read and other sites cannot send.
pub(super) fn set_session_cookie(secret: &Secret) {
    let days = etiqa_engine::access::SESSION_DAYS;
    append_cookie(secret.reveal(), days * 24 * 3600);
}

/// Makes the browser forget it.
pub(super) fn clear_session_cookie() {
    append_cookie("", 0);
}

/// The name of the session's cookie.
pub const SESSION_COOKIE: &str = "etiqa_session";

fn append_cookie(value: &str, seconds: u64) {
    let cookie = format!("{SESSION_COOKIE}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}");
    if let Ok(cookie) = cookie.parse() {
        expect_context::<ResponseOptions>().append_header(header::SET_COOKIE, cookie);
    }
}

impl AppError {
    /// Turns an engine's error into what a person is told, and gives the answer its HTTP status.
    pub(super) fn from_refusal(error: impl Into<etiqa_engine::Error>) -> Self {
        let error = error.into().into_user_error();
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
