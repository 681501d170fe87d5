//! What stands where data is loading, has come, or could not be had.

use std::sync::Arc;

use etiqa_model::ErrorKind;
use etiqa_model::user::Role;
use leptos::prelude::*;
use leptos_router::hooks::use_location;
use serde::de::DeserializeOwned;

use crate::api::AppError;
use crate::live::{Asked, Held};
use crate::session::Session;

/// Shows `view` of what was asked and of what the viewer may do. While it is asked again the old answer stays; an
/// error is shown in its place, with what to do about it.
#[component]
pub(crate) fn Loaded<T, V>(resource: Asked<T>, view: V) -> AnyView
where
    T: Clone + DeserializeOwned + Send + Sync + 'static,
    V: Fn(T, Role) -> AnyView + Send + Sync + 'static,
{
    let show = move |held: &Held, role: Role| held.open().map(|value| view(value, role));
    loaded(resource.held(), Arc::new(show))
}

type Show = Arc<dyn Fn(&Held, Role) -> Result<AnyView, AppError> + Send + Sync>;

fn loaded(resource: Resource<Result<Held, AppError>>, show: Show) -> AnyView {
    let session = expect_context::<Session>();
    let retry = Callback::new(move |()| resource.refetch());
    view! {
        <Transition fallback=loading>
            {move || {
                let show = Arc::clone(&show);
                Suspend::new(async move {
                    let role = session.role().await;
                    match resource.await.and_then(|held| show(&held, role)) {
                        Ok(view) => view,
                        Err(error) => error_view(error, Some(retry)),
                    }
                })
            }}
        </Transition>
    }
    .into_any()
}

fn loading() -> AnyView {
    view! { <p class="loading" role="status">"Loading…"</p> }.into_any()
}

/// An error in place of a page or a part of it.
pub(crate) fn error_view(error: AppError, retry: Option<Callback<()>>) -> AnyView {
    answer_with_status(error.0.kind);
    let (heading, what_next) = match error.0.kind {
        ErrorKind::SignInNeeded => {
            let path = use_location().pathname.get_untracked();
            ("Sign in first", Some((format!("/login?next={path}"), "Sign in")))
        }
        ErrorKind::Forbidden => ("Not for your role", Some(("/".to_owned(), "Overview"))),
        ErrorKind::NotFound => ("Not found", Some(("/".to_owned(), "Overview"))),
        _ => ("This could not be shown", None),
    };
    let retry = retry.filter(|_| what_next.is_none()).map(|retry| {
        view! { <button class="btn" on:click=move |_| retry.run(())>"Try again"</button> }
    });
    view! {
        <div class="empty" role="alert">
            <h2>{heading}</h2>
            <p>{error.0.message}</p>
            {what_next.map(|(to, words)| view! { <a class="btn" href=to>{words}</a> })}
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
