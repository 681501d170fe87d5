//! What stands where data is loading, has come, or could not be had.

use std::future::Future;
use std::sync::Arc;

use etiqa_model::ErrorKind;
use etiqa_model::user::Role;
use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::list::address;
use super::page::PageHeader;
use super::part::{later, nothing};
use super::skeleton;
use crate::api::AppError;
use crate::bundle::Address;
use crate::live::Live;
use crate::session::Session;

/// Shows `view` of what `from` gives and of what the viewer may do. While that is asked again the old view stays. So it
/// does where that could not be had again, as long as that may pass (see [`crate::ask`]); any other error is shown in
/// its place, with what to do about it.
#[component]
pub(crate) fn Loaded<T, Answer>(
    from: impl Fn() -> Answer + Send + Sync + 'static,
    view: impl Fn(T, Role) -> AnyView + Send + Sync + 'static,
    /// Whether the page's heading is within the view, so that an error must bring one.
    #[prop(optional)]
    is_page: bool,
    /// What stands there until it has come first; the shape of a page or of a list unless said otherwise.
    #[prop(optional)]
    waiting: Option<fn() -> AnyView>,
) -> AnyView
where
    T: Send + 'static,
    Answer: Future<Output = Result<T, AppError>> + Send + 'static,
{
    let session = expect_context::<Session>();
    let view = Arc::new(view);
    let waiting = waiting.unwrap_or(if is_page { skeleton::blocks } else { skeleton::rows });
    later(waiting, move || {
        let (answer, view) = (from(), view.clone());
        async move {
            let role = session.role().await;
            match answer.await {
                Ok(value) => view(value, role),
                Err(error) => error_instead(error, is_page),
            }
        }
    })
}

/// An error in place of a part of a page.
pub(crate) fn error_view(error: AppError) -> AnyView {
    error_instead(error, false)
}

fn error_instead(error: AppError, is_page: bool) -> AnyView {
    answer_with_status(error.0.kind);
    let (heading, what_next) = match error.0.kind {
        ErrorKind::SignInNeeded => {
            let here = Address::of(&use_location()).0;
            ("Sign in first", Some((address("/login", &[("next", here)]), "Sign in")))
        }
        ErrorKind::Forbidden => ("Not for your role", Some(("/".to_owned(), "Overview"))),
        ErrorKind::NotFound => ("Not found", Some(("/".to_owned(), "Overview"))),
        _ => ("This could not be shown", None),
    };
    let live = expect_context::<Live>();
    let retry = what_next.is_none().then(|| {
        view! { <button class="btn" on:click=move |_| live.touch_all()>"Try again"</button> }.into_any()
    });
    let (title, heading) = if is_page {
        (view! { <PageHeader title=heading/> }.into_any(), nothing())
    } else {
        (nothing(), view! { <h2>{heading}</h2> }.into_any())
    };
    view! {
        {title}
        <div class="empty" role="alert">
            {heading}
            <p>{error.0.message}</p>
            {what_next.map(|(to, words)| view! { <a class="btn" href=to>{words}</a> }.into_any())}
            {retry}
        </div>
    }
    .into_any()
}

/// The page's HTTP status says the same as its words.
#[cfg(feature = "ssr")]
pub(crate) fn answer_with_status(kind: ErrorKind) {
    if let Some(response) = use_context::<leptos_axum::ResponseOptions>()
        && let Ok(status) = axum::http::StatusCode::from_u16(kind.http_status())
    {
        response.set_status(status);
    }
}

#[cfg(not(feature = "ssr"))]
pub(crate) fn answer_with_status(_kind: ErrorKind) {}
