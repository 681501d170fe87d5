//! What a device sent in a session that went wrong: `?session=ID` opens it, so that it can be linked to.

use etiqa_model::DeviceResultId;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::part::{later, nothing, only_if, text};
use crate::api::devices::GetTranscript;
use crate::ask::{Asked, ask_if};

/// The session that the address asks for, as a context of the page; one at a time.
#[derive(Clone, Copy)]
pub(crate) struct OpenSession {
    asked: Memo<Option<DeviceResultId>>,
    text: Asked<Option<String>>,
}

impl OpenSession {
    /// Fetches what the address asks for, and provides it to everything below.
    pub(crate) fn provide() -> Self {
        let query = use_query_map();
        let asked =
            Memo::new(move |_| query.with(|query| query.get("session")).and_then(|id| id.parse().ok()));
        let text = ask_if(&[], move || asked.get().map(|id| GetTranscript { id }));
        let session = Self { asked, text };
        provide_context(session);
        session
    }
}

/// The link that opens or closes one result's session, and the session below it.
#[component]
pub(crate) fn Transcript(id: DeviceResultId) -> AnyView {
    let Some(OpenSession { asked, text: text_of }) = use_context::<OpenSession>() else {
        return ().into_any();
    };
    let is_open = Memo::new(move |_| asked.get() == Some(id));
    let to = Signal::derive(move || {
        if is_open.get() { "?tab=results".to_owned() } else { format!("?tab=results&session={id}") }
    });
    let session = only_if(
        move || is_open.get(),
        move || {
            later(nothing, move || async move {
                match text_of.get().await {
                    Ok(text) => view! { <pre class="transcript" tabindex="0">{text}</pre> }.into_any(),
                    Err(error) => view! { <p class="error" role="alert">{error.0.message}</p> }.into_any(),
                }
            })
        },
    );
    view! {
        <div class="session">
            <a class="btn small" href=to data-noscroll="true" aria-expanded=Signal::derive(move || is_open.get().to_string())>
                {text(move || if is_open.get() { "Hide session" } else { "See session" })}
            </a>
            {session}
        </div>
    }
    .into_any()
}
