//! Forms that post to server functions.
//!
//! A form is a real one: before the WASM is there (or without it) the browser posts it, and the server leads back to
//! the page, with the error in the address; what was typed it keeps to itself until it renders that page ([`Typed`]).
//! Once hydrated, the same request is sent from here, and only its answer
//! differs. One piece of code serves every form: it knows addresses and texts, not the functions' types, which would
//! cost some ten kilobytes of WASM each.

use std::marker::PhantomData;

use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos::server_fn::error::ServerFnUrlError;
use leptos_router::hooks::use_query_map;
use serde::de::DeserializeOwned;

use crate::api::AppError;
use crate::components::form::FormProblem;

/// What a server function answered, as JSON.
type Answered = Result<String, AppError>;

/// A server function that forms post to, and its last answer.
#[derive(Debug)]
pub(crate) struct Post<S> {
    form: PostTo,
    _function: PhantomData<fn() -> S>,
}

impl<S> Clone for Post<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Post<S> {}

/// The same, without the function's type.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PostTo {
    path: &'static str,
    answer: RwSignal<Option<Answered>>,
    is_pending: RwSignal<bool>,
    answers: RwSignal<usize>,
    accepted: RwSignal<usize>,
}

impl<S: ServerFn> Post<S> {
    /// Nothing was posted yet, unless the address says that the last form without JavaScript failed.
    pub(crate) fn new() -> Self {
        Self { form: PostTo::new(S::PATH), _function: PhantomData }
    }

    /// Whether an answer is under way.
    pub(crate) fn pending(self) -> Signal<bool> {
        self.form.is_pending.into()
    }

    /// How many answers came.
    pub(crate) fn version(self) -> Signal<usize> {
        self.form.answers.into()
    }

    /// How many of them were good ones.
    pub(crate) fn accepted(self) -> Signal<usize> {
        self.form.accepted.into()
    }

    /// Forgets why the last one was refused as soon as the form is about something else.
    pub(crate) fn forget_with(self, about: Memo<String>) {
        self.form.forget_with(about);
    }

    /// Whether the last answer was a good one.
    pub(crate) fn has_succeeded(self) -> bool {
        self.form.answer.with(|answer| matches!(answer, Some(Ok(_))))
    }

    /// Why the last one was not.
    pub(crate) fn problem(self) -> FormProblem {
        self.form.problem()
    }
}

impl<S: ServerFn<Output: DeserializeOwned>> Post<S> {
    /// The last answer, if it was a good one.
    pub(crate) fn answer(self) -> Option<S::Output> {
        let text = self.form.answer.get()?.ok()?;
        crate::json::parsed(&text)
    }
}

impl<S> From<Post<S>> for PostTo {
    fn from(post: Post<S>) -> Self {
        post.form
    }
}

impl PostTo {
    fn new(path: &'static str) -> Self {
        let query = use_query_map();
        let failed = query.with_untracked(|query| {
            let is_ours = query.get_str("__path") == Some(path);
            query.get_str("__err").filter(|_| is_ours).map(ServerFnUrlError::<AppError>::decode_err)
        });
        Self {
            path,
            answer: RwSignal::new(failed.map(Err)),
            is_pending: RwSignal::new(false),
            answers: RwSignal::new(0),
            accepted: RwSignal::new(0),
        }
    }

    fn forget_with(self, about: Memo<String>) {
        Effect::new(move |before: Option<String>| {
            let about = about.get();
            let is_other = before.is_some_and(|before| before != about);
            if is_other && self.answer.with_untracked(|answer| matches!(answer, Some(Err(_)))) {
                self.answer.set(None);
            }
            about
        });
    }

    fn problem(self) -> FormProblem {
        let Self { path, answer, is_pending, .. } = self;
        let error = Signal::derive(move || {
            // An old error would look like the answer to what was just sent.
            if is_pending.get() { None } else { answer.get().and_then(Result::err) }
        });
        FormProblem::of(path, error)
    }
}

/// Why the last upload to `path`, which no server function takes, was refused.
pub(crate) fn upload_problem(path: &'static str) -> FormProblem {
    PostTo::new(path).problem()
}

/// What a browser without JavaScript sent with a form that was refused, but for secrets: the context of the page that
/// it is led back to. It goes into no log and no address, and so it has no `Debug`.
#[cfg(feature = "ssr")]
#[derive(Clone)]
pub struct Typed {
    /// Where the form was posted to.
    pub(crate) path: String,
    /// Names and values.
    pub(crate) fields: std::sync::Arc<[(String, String)]>,
}

#[cfg(feature = "ssr")]
impl Typed {
    /// What was posted to `path`; values that the names say are secret are dropped.
    pub fn new(path: impl Into<String>, fields: Vec<(String, String)>) -> Self {
        let fields = fields.into_iter().filter(|(name, _)| !is_secret(name)).collect();
        Self { path: path.into(), fields }
    }
}

/// Whether a field of this name holds a secret: `credential[private_key]` does.
#[cfg(feature = "ssr")]
fn is_secret(name: &str) -> bool {
    let name = name.trim_end_matches(']').rsplit('[').next().unwrap_or(name);
    ["password", "passphrase", "secret", "token"].iter().any(|word| name.contains(word))
        || name.ends_with("key")
        || matches!(name, "code" | "current" | "new" | "identity")
}

/// A form that posts its fields to a server function. Where that answers with something to be seen, a browser
/// without JavaScript posts to another address, `plain`, which hands it out. Once it is accepted `done` is said; `undo`
/// are the fields, form-encoded, that lead back when they are posted to the same function.
#[component]
pub(crate) fn PostForm(
    #[prop(into)] to: PostTo,
    #[prop(optional, into)] plain: Option<String>,
    #[prop(optional, into)] done: Option<String>,
    #[prop(optional, into)] undo: Option<String>,
    children: Children,
) -> AnyView {
    let action = plain.unwrap_or_else(|| to.path.to_owned());
    view! {
        <form method="post" action=action data-done=done data-undo=undo on:submit=browser::submit(to)>{children()}</form>
    }
    .into_any()
}

#[cfg(not(feature = "hydrate"))]
mod browser {
    use super::PostTo;

    /// The server renders the form; only a browser submits it.
    pub(super) fn submit(_to: PostTo) -> impl FnMut(leptos::ev::SubmitEvent) + 'static {
        |_| {}
    }
}

#[cfg(feature = "hydrate")]
mod browser {
    use leptos::prelude::*;
    use leptos::task::spawn_local;
    use wasm_bindgen::JsCast;
    use web_sys::HtmlFormElement;

    use super::PostTo;
    use crate::browser::{fields_of, focus};
    use crate::rpc;
    use crate::toasts::{Toasts, Undo};

    /// Sends the form from here instead of by the browser.
    pub(super) fn submit(to: PostTo) -> impl FnMut(leptos::ev::SubmitEvent) + 'static {
        let toasts = expect_context::<Toasts>();
        move |event| {
            let form = event.target().and_then(|form| form.dyn_into::<HtmlFormElement>().ok());
            let pressed = event.submitter();
            if pressed.as_ref().is_some_and(|button| button.has_attribute("aria-disabled")) {
                event.prevent_default();
                return;
            }
            // What cannot be read here is posted by the browser itself.
            let Some((form, body)) = form.and_then(|form| fields_of(&form, pressed).map(|body| (form, body)))
            else {
                return;
            };
            event.prevent_default();
            if to.is_pending.get_untracked() {
                return;
            }
            to.is_pending.set(true);
            spawn_local(async move {
                let answer = rpc::post(to.path, body).await;
                let is_accepted = answer.is_ok();
                if is_accepted {
                    close_question(&form);
                    if let Some(words) = form.get_attribute("data-done") {
                        let fields = form.get_attribute("data-undo");
                        toasts.say(words, fields.map(|fields| Undo { path: to.path, fields }));
                    }
                }
                // The page may have been left meanwhile, and its signals with it.
                to.answer.try_set(Some(answer));
                to.is_pending.try_set(false);
                to.answers.try_update(|count| *count += 1);
                if is_accepted {
                    to.accepted.try_update(|count| *count += 1);
                }
            });
        }
    }

    /// Closes the question that was answered: the next row that comes to stand here must not be asked.
    fn close_question(form: &HtmlFormElement) {
        let open = "details.confirm[open]";
        let around = form.closest(open).ok().flatten();
        if let Some(question) = around.or_else(|| form.query_selector(open).ok().flatten()) {
            let _ = question.remove_attribute("open");
            // The button that was pressed is hidden now.
            focus(question.query_selector("summary").ok().flatten());
        }
    }
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    #[test]
    fn no_secret_that_a_form_of_ours_asks_for_is_kept() {
        for secret in [
            "password",
            "current",
            "new",
            "code",
            "config[passphrase]",
            "credential[password]",
            "credential[enable_password]",
            "credential[private_key]",
            "credential[key_passphrase]",
            "credential[api_token]",
            "credential[backup_passphrase]",
            "secrets[private_key]",
            "destination[secret_access_key]",
            "destination[private_key]",
        ] {
            assert!(is_secret(secret), "{secret}");
        }
        for shown in
            ["name", "device[address]", "destination[access_key_id]", "destination[kms_key_id]", "ids[]"]
        {
            assert!(!is_secret(shown), "{shown}");
        }
    }
}
