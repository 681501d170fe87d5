//! Sending forms to server functions.
//!
//! Does what leptos' `ServerAction` and `ActionForm` do, for all server functions with one piece of code: those are
//! generic over the function and put its arguments' parser into the WASM once more, which for the forms of this app
//! came to a quarter of the download. A form is a real one: without JavaScript it posts by itself, and the server
//! leads back with the error in the address.

use etiqa_model::Secret;
use leptos::prelude::*;
use leptos::server::ServerActionError;
use leptos::server_fn::ServerFn;
use leptos::server_fn::error::ServerFnUrlError;
use serde::de::DeserializeOwned;

use crate::api::AppError;
#[cfg(feature = "hydrate")]
use crate::rpc;

/// The forms of one server function on a page, and its last answer.
#[derive(Clone, Copy)]
pub(crate) struct FormAction {
    url: &'static str,
    /// The JSON of the answer; a secret, because an answer may hold one.
    answer: RwSignal<Option<Result<Secret, AppError>>>,
    is_pending: RwSignal<bool>,
    /// How many answers have come.
    answers: RwSignal<u32>,
}

impl FormAction {
    /// For the forms that post to `Function`.
    pub(crate) fn new<Function: ServerFn<Error = AppError>>() -> Self {
        // Where the form was posted without JavaScript, the address says what was wrong.
        let refused = use_context::<ServerActionError>()
            .filter(|error| error.path() == Function::PATH)
            .map(|error| Err(ServerFnUrlError::<AppError>::decode_err(error.err())));
        Self {
            url: Function::url(),
            answer: RwSignal::new(refused),
            is_pending: RwSignal::new(false),
            answers: RwSignal::new(0),
        }
    }

    /// Whether an answer is under way.
    pub(crate) fn is_pending(self) -> Signal<bool> {
        self.is_pending.into()
    }

    /// How many answers have come since the page was opened.
    pub(crate) fn answers(self) -> u32 {
        self.answers.get()
    }

    /// What was wrong with the last submission. None while a new one is under way: an old error would look like its
    /// answer.
    pub(crate) fn problem(self) -> Option<AppError> {
        if self.is_pending.get() { None } else { self.answer.get()?.err() }
    }

    /// Whether the last submission was accepted.
    pub(crate) fn has_succeeded(self) -> bool {
        self.answer.with(|answer| matches!(answer, Some(Ok(_))))
    }

    /// What the function gave for the last submission. `T` is the function's output.
    pub(crate) fn output<T: DeserializeOwned>(self) -> Option<T> {
        self.answer.with(|answer| match answer {
            Some(Ok(json)) => leptos::serde_json::from_slice(json.reveal().as_bytes()).ok(),
            _ => None,
        })
    }
}

/// A form that posts to the action's function, in the background where it can.
#[component]
pub(crate) fn ActionForm(action: FormAction, children: Children) -> AnyView {
    view! {
        <form action=action.url method="post" on:submit=move |event| send(action, &event)>
            {children()}
        </form>
    }
    .into_any()
}

#[cfg(not(feature = "hydrate"))]
fn send(_action: FormAction, _event: &leptos::ev::SubmitEvent) {}

#[cfg(feature = "hydrate")]
fn send(action: FormAction, event: &leptos::ev::SubmitEvent) {
    use wasm_bindgen::JsCast;

    let form = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlFormElement>().ok());
    let fields = form
        .and_then(|form| web_sys::FormData::new_with_form(&form).ok())
        .and_then(|fields| web_sys::UrlSearchParams::new_with_str_sequence_sequence(&fields).ok());
    // What cannot be read here is posted by the browser itself.
    let Some(fields) = fields else { return };
    event.prevent_default();
    if action.is_pending.get_untracked() {
        return;
    }
    action.is_pending.set(true);
    let body = String::from(fields.to_string());
    leptos::task::spawn_local(async move {
        let answer = rpc::post(action.url, body).await.map(Secret::new);
        // The page may have been left meanwhile, and its signals with it.
        action.answer.try_set(Some(answer));
        action.is_pending.try_set(false);
        action.answers.try_update(|answers| *answers += 1);
    });
}
