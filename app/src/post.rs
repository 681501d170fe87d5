//! Forms that post to server functions.
//!
//! A form is a real one: before the WASM is there (or without it) the browser posts it, and the server leads back to
//! the page, which says what is wrong and has what was typed ([`Typed`]). Once hydrated, the same request is sent from
//! here, and only its answer differs. One piece of code serves every form: it knows addresses and texts, not the
//! functions' types, which would cost some ten kilobytes of WASM each.

use std::marker::PhantomData;

use leptos::prelude::*;
use leptos::server_fn::ServerFn;
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
    /// Nothing was posted yet, unless this is the page that a browser without JavaScript was led back to.
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
        Self {
            path,
            answer: RwSignal::new(refusal(path).map(Err)),
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

/// Why the form that led back to this page was refused, where it was posted to `path`.
#[cfg(feature = "ssr")]
fn refusal(path: &str) -> Option<AppError> {
    use_context::<Typed>().filter(|typed| typed.path == path).map(|typed| typed.error)
}

/// The same, as the server told it within the page.
#[cfg(feature = "hydrate")]
fn refusal(path: &str) -> Option<AppError> {
    use leptos::server_fn::error::FromServerFnError;
    crate::browser::take_refusal(path).map(|told| AppError::de(told.into_bytes().into()))
}

#[cfg(not(any(feature = "ssr", feature = "hydrate")))]
fn refusal(_path: &str) -> Option<AppError> {
    None
}

/// Why the last upload to `path`, which no server function takes, was refused.
pub(crate) fn upload_problem(path: &'static str) -> FormProblem {
    PostTo::new(path).problem()
}

/// What a browser without JavaScript sent with a form that was refused, but for secrets, and why it was: the context of
/// the page that it is led back to. It goes into no log and no address, and so it has no `Debug`.
#[cfg(feature = "ssr")]
#[derive(Clone)]
pub struct Typed {
    /// Where the form was posted to.
    pub(crate) path: String,
    /// Names and values.
    pub(crate) fields: std::sync::Arc<[(String, String)]>,
    /// Why it was refused.
    pub(crate) error: AppError,
}

#[cfg(feature = "ssr")]
impl Typed {
    /// What was posted to `path`; values that the names say are secret are dropped.
    pub fn new(path: impl Into<String>, fields: Vec<(String, String)>, error: AppError) -> Self {
        let fields = fields.into_iter().filter(|(name, _)| !is_secret(name)).collect();
        Self { path: path.into(), fields, error }
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
    use gloo_timers::callback::Timeout;
    use leptos::prelude::*;
    use leptos::task::spawn_local;
    use wasm_bindgen::JsCast;
    use web_sys::{Element, HtmlElement, HtmlFormElement};

    use super::PostTo;
    use crate::browser::{LEAVING, OPEN_QUESTION, fields_of, focus, focus_within};
    use crate::rpc;
    use crate::toasts::{Toasts, Undo};

    /// A page that is left holds still for so long at most.
    const LEFT_WITHIN_MS: u32 = 3_000;
    /// How often is looked whether a row went that something was done to, and how many times.
    const LOOK_MS: u32 = 100;
    const LOOKS: u32 = 40;

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
            // The page may show what came of it before the answer is here, and the form then speaks of the next step.
            let [done, undo] = ["data-done", "data-undo"].map(|name| form.get_attribute(name));
            spawn_local(async move {
                let question = question_of(&form);
                say_in(question.as_ref(), "");
                let page = window().location().pathname().unwrap_or_default();
                let answer = rpc::post_and_follow(to.path, body).await.map(|(json, location)| {
                    if location.is_some_and(|location| location.split('?').next() != Some(&*page)) {
                        hold_still(&form);
                    }
                    json
                });
                let is_accepted = answer.is_ok();
                if let Err(error) = &answer {
                    say_in(question.as_ref(), &error.0.message);
                } else {
                    close(question, &form);
                    keep_focus(&form);
                    if let Some(words) = done {
                        toasts.say(words, undo.map(|fields| Undo { path: to.path, fields }));
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

    /// The answer leads to another page: until that is there, this one must not look again at what was just deleted.
    fn hold_still(form: &HtmlFormElement) {
        let form = form.clone();
        let _ = form.set_attribute(LEAVING, "");
        Timeout::new(LEFT_WITHIN_MS, move || drop(form.remove_attribute(LEAVING))).forget();
    }

    /// The open question that the form is in, or that is within the form.
    fn question_of(form: &HtmlFormElement) -> Option<Element> {
        let around = form.closest(OPEN_QUESTION).ok().flatten();
        around.or_else(|| form.query_selector(OPEN_QUESTION).ok().flatten())
    }

    /// Says in the question why its form was refused: what the page says is behind it.
    fn say_in(question: Option<&Element>, words: &str) {
        if let Some(place) = question.and_then(|question| question.query_selector(".error").ok().flatten()) {
            place.set_text_content(Some(words));
        }
    }

    /// Closes the question that was answered, which gives the focus back to the button that asked it; and the box that the
    /// form hangs in.
    fn close(question: Option<Element>, form: &HtmlFormElement) {
        if let Some(question) = question.and_then(|question| question.dyn_into::<HtmlElement>().ok()) {
            let _ = question.hide_popover();
        }
        if let Some(drop) = form.closest("details.drop[open]").ok().flatten() {
            let _ = drop.remove_attribute("open");
        }
    }

    /// What has the focus now may go with its row as soon as the list comes anew. The focus then goes to the row beside it,
    /// or to the heading of the list: from nowhere, the next key would begin at the top of the page.
    fn keep_focus(form: &HtmlFormElement) {
        let active = document().active_element().and_then(|active| active.dyn_into::<HtmlElement>().ok());
        let Some(active) = active.filter(is_shown) else { return };
        let row = form.closest("tr").ok().flatten();
        let beside =
            row.and_then(|row| row.next_element_sibling().or_else(|| row.previous_element_sibling()));
        let list = form.closest(".card").ok().flatten();
        look_after(active, beside, list, LOOKS);
    }

    fn look_after(active: HtmlElement, beside: Option<Element>, list: Option<Element>, looks: u32) {
        let look = move || {
            if is_shown(&active) {
                if looks > 0 {
                    look_after(active, beside, list, looks - 1);
                }
                return;
            }
            // Unless a person, or a page that came instead, has put it elsewhere.
            let is_lost = document().active_element().is_none_or(|now| now.tag_name() == "BODY");
            if !is_lost || beside.is_some_and(|row| focus_within(&row)) {
                return;
            }
            let heading = list.and_then(|list| list.query_selector("h2").ok().flatten());
            let headings = [heading, document().query_selector("main h1").ok().flatten()];
            let _ = headings.into_iter().flatten().any(|heading| {
                let _ = heading.set_attribute("tabindex", "-1");
                focus(Some(heading))
            });
        };
        Timeout::new(LOOK_MS, look).forget();
    }

    /// The page itself counts as not shown: who has put the focus nowhere has none to lose.
    fn is_shown(element: &HtmlElement) -> bool {
        element.offset_parent().is_some()
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
