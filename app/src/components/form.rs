//! Forms: labelled fields with their errors, buttons that act, and questions before what cannot be undone.
//!
//! Every form is a real one that posts to its server function, so it works before (and without) the WASM.

use std::sync::Arc;

use leptos::prelude::*;

use super::part::{dimmed, nothing, part};
use crate::api::AppError;
use crate::browser;

/// What was wrong with the last submission of a form.
#[derive(Clone, Copy)]
pub(crate) struct FormProblem {
    error: Signal<Option<AppError>>,
    /// Where the form posts to, and where one of its buttons posts it to instead: the server asks what was typed by these.
    #[cfg(feature = "ssr")]
    paths: [&'static str; 2],
}

impl From<Signal<Option<AppError>>> for FormProblem {
    /// Of a form that posts nothing.
    fn from(error: Signal<Option<AppError>>) -> Self {
        Self::of("", error)
    }
}

impl FormProblem {
    #[cfg(feature = "ssr")]
    pub(crate) fn of(path: &'static str, error: Signal<Option<AppError>>) -> Self {
        Self { error, paths: [path, ""] }
    }

    #[cfg(not(feature = "ssr"))]
    pub(crate) fn of(_path: &'static str, error: Signal<Option<AppError>>) -> Self {
        Self { error }
    }

    /// This problem, or where there is none that of the other function that a button of the same form posts to.
    pub(crate) fn or(self, other: Self) -> Self {
        let error = Signal::derive(move || self.get().or_else(|| other.get()));
        Self {
            error,
            #[cfg(feature = "ssr")]
            paths: [self.paths[0], other.paths[0]],
        }
    }

    pub(crate) fn get(self) -> Option<AppError> {
        self.error.get()
    }

    /// `aria-invalid` of the control that errors call `field`.
    pub(crate) fn is_wrong(self, field: String) -> Signal<Option<&'static str>> {
        Signal::derive(move || {
            let is_wrong =
                self.error.with(|error| error.as_ref().is_some_and(|error| error.0.field(&field).is_some()));
            is_wrong.then_some("true")
        })
    }

    /// What was typed into a field before the form came back with this problem. Only the server knows it, and only
    /// where a browser without JavaScript posted the form: hydrated, the control still holds it, because nothing here sets
    /// what a control holds while it is hydrated.
    pub(crate) fn typed(self, name: &str) -> Option<String> {
        posted(self)?.iter().find(|(field, _)| field == name).map(|(_, value)| value.clone())
    }

    /// Whether a checkbox was ticked then.
    pub(crate) fn ticked(self, name: &str, value: &str) -> Option<bool> {
        Some(posted(self)?.iter().any(|(field, sent)| field == name && sent == value))
    }
}

/// The fields of the form that came back with this problem.
#[cfg(feature = "ssr")]
fn posted(problem: FormProblem) -> Option<Arc<[(String, String)]>> {
    let typed = use_context::<crate::post::Typed>()?;
    let is_of_form = problem.paths.contains(&typed.path.as_str());
    let is_this = is_of_form && problem.error.with_untracked(Option::is_some);
    is_this.then_some(typed.fields)
}

#[cfg(not(feature = "ssr"))]
fn posted(_problem: FormProblem) -> Option<Arc<[(String, String)]>> {
    None
}

/// The sentence of a problem that belongs to none of the form's fields.
#[component]
pub(crate) fn Problem(#[prop(into)] problem: FormProblem) -> AnyView {
    part(move || match problem.get() {
        None => nothing(),
        Some(AppError(error)) => {
            let words = if error.fields.len() > 1 {
                "Some fields need another look.".to_owned()
            } else {
                error.message
            };
            view! { <p class="notice bad" role="alert">{words}</p> }.into_any()
        }
    })
}

/// What a `<textarea>` holds. Leptos takes its text for HTML when it renders on the server, and it can be anybody's.
#[cfg(feature = "ssr")]
pub(crate) fn inside_textarea(text: &str) -> String {
    // A line end at the very beginning is none of the text.
    let first = if text.starts_with(['\n', '\r']) { "\n" } else { "" };
    format!("{first}{}", text.replace('&', "&amp;").replace('<', "&lt;"))
}

/// What a `<textarea>` holds.
#[cfg(not(feature = "ssr"))]
pub(crate) fn inside_textarea(text: &str) -> String {
    text.to_owned()
}

/// What a form that changes something says of it: its number, and the stamp of what it was filled with. Where that was changed
/// since, asks whether to save over it, and goes on asking: what else is wrong does not take the answer away.
pub(crate) fn of_known(id: String, stamp: String, problem: FormProblem) -> AnyView {
    let stamp = problem.typed("seen[stamp]").unwrap_or(stamp);
    let was_ticked = problem.ticked("seen[overwrite]", "true").unwrap_or_default();
    let is_asked = Memo::new(move |before: Option<&bool>| {
        let is_wrong = problem.get().is_some_and(|error| error.0.field("overwrite").is_some());
        is_wrong || was_ticked || before.is_some_and(|before| *before)
    });
    let checked = Signal::stored(was_ticked);
    view! {
        <input type="hidden" name="id" value=id/>
        <input type="hidden" name="seen[stamp]" value=stamp/>
        // It is always there: only the server knows of a tick before, and both must render the same.
        <div hidden=move || !is_asked.get()>
            <Check name="seen[overwrite]" label="Save over what was changed" checked problem/>
        </div>
    }
    .into_any()
}

/// The id of a control, made of its form name: `device[address]` becomes `device-address`.
fn control_id(name: &str) -> String {
    name.trim_end_matches(']').replace('[', "-")
}

/// The name that errors call a control by: `device[address]` is `address`.
fn error_name(name: &str) -> String {
    name.trim_end_matches(']').rsplit('[').next().unwrap_or(name).to_owned()
}

/// `aria-invalid` of a control that may be part of a form.
fn is_wrong(problem: Option<FormProblem>, name: &str) -> Signal<Option<&'static str>> {
    problem.map_or_else(|| Signal::stored(None), |problem| problem.is_wrong(error_name(name)))
}

/// The error of one field. Nothing at all where there is none: even an empty text would take up a line.
pub(crate) fn error_of(problem: FormProblem, field: String) -> AnyView {
    part(move || match problem.get().and_then(|error| error.field(&field)) {
        Some(words) => words.into_any(),
        None => nothing(),
    })
}

fn field_around(
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    problem: Option<FormProblem>,
    control: AnyView,
) -> AnyView {
    let id = control_id(name);
    let error = problem.map(|problem| {
        let (id, field) = (format!("{id}-error"), error_name(name));
        view! {
            <p class="error" id=id role="alert">
                {error_of(problem, field)}
            </p>
        }
        .into_any()
    });
    let hint =
        (!hint.is_empty()).then(|| view! { <p class="hint" id=format!("{id}-hint")>{hint}</p> }.into_any());
    view! {
        <div class="field">
            <label for=id>{label}</label>
            {control}
            {hint}
            {error}
        </div>
    }
    .into_any()
}

/// A text field with its label, hint and error.
#[component]
pub(crate) fn Field(
    /// As in the server function's arguments, such as `device[address]`.
    name: &'static str,
    label: &'static str,
    #[prop(optional)] hint: &'static str,
    /// `text` unless said otherwise; `textarea` makes a field of several lines.
    #[prop(default = "text")]
    kind: &'static str,
    /// What it holds at first.
    #[prop(optional, into)]
    value: String,
    #[prop(optional, into)] placeholder: &'static str,
    #[prop(optional)] autocomplete: &'static str,
    /// The id of a `<datalist>`.
    #[prop(optional)]
    list: &'static str,
    #[prop(optional)] required: bool,
    #[prop(optional)] autofocus: bool,
    /// Called with what is typed.
    #[prop(optional, into)]
    on_input: Option<Callback<String>>,
    #[prop(optional, into)] problem: Option<FormProblem>,
) -> AnyView {
    let id = control_id(name);
    let described = format!("{id}-hint {id}-error");
    let is_wrong = is_wrong(problem, name);
    // A secret is never shown again.
    let typed_before = problem.filter(|_| kind != "password").and_then(|problem| problem.typed(name));
    let value = typed_before.unwrap_or(value);
    catch_up(&id, &value, on_input);
    let typed = move |event: leptos::ev::Event| {
        if let Some(on_input) = on_input {
            on_input.run(event_target_value(&event));
        }
    };
    let filled = |text: &'static str| (!text.is_empty()).then_some(text);
    let control = if kind == "textarea" {
        view! {
            <textarea
                id=id name=name rows="3" spellcheck="false" aria-describedby=described aria-invalid=is_wrong
                placeholder=filled(placeholder) autocomplete=filled(autocomplete) on:input=typed
            >{inside_textarea(&value)}</textarea>
        }
        .into_any()
    } else {
        view! {
            <input
                id=id name=name type=kind value=value required=required autofocus=autofocus spellcheck="false"
                autocapitalize="off" placeholder=filled(placeholder) autocomplete=filled(autocomplete)
                list=filled(list) aria-describedby=described aria-invalid=is_wrong on:input=typed
            />
        }
        .into_any()
    };
    field_around(name, label, hint, problem, control)
}

/// Tells `follow` what the control of this id holds, where that is not `value`: it was filled in before the WASM was
/// there, came back with the form, or was kept by the browser when the page was loaded again.
pub(crate) fn catch_up(id: &str, value: &str, follow: Option<Callback<String>>) {
    let Some(follow) = follow else { return };
    let (id, value) = (id.to_owned(), value.to_owned());
    Effect::new(move || {
        if let Some(held) = browser::held(&id).filter(|held| *held != value) {
            follow.run(held);
        }
    });
}

/// A choice with its label, hint and error. `options` are values with their words.
#[component]
pub(crate) fn Select(
    name: &'static str,
    label: &'static str,
    #[prop(optional)] hint: &'static str,
    options: Vec<(String, String)>,
    /// The value chosen at first.
    #[prop(optional, into)]
    value: String,
    /// Called with the value that is chosen.
    #[prop(optional, into)]
    on_change: Option<Callback<String>>,
    #[prop(optional, into)] problem: Option<FormProblem>,
) -> AnyView {
    let id = control_id(name);
    let described = format!("{id}-hint {id}-error");
    let is_wrong = is_wrong(problem, name);
    let value = problem.and_then(|problem| problem.typed(name)).unwrap_or(value);
    catch_up(&id, &value, on_change);
    let options = options
        .into_iter()
        .map(|(option, words)| {
            let is_chosen = option == value;
            view! { <option value=option selected=is_chosen>{words}</option> }.into_any()
        })
        .collect_view();
    let chosen = move |event: leptos::ev::Event| {
        if let Some(on_change) = on_change {
            on_change.run(event_target_value(&event));
        }
    };
    let control = view! {
        <select id=id name=name aria-describedby=described aria-invalid=is_wrong on:change=chosen>{options}</select>
    }
    .into_any();
    field_around(name, label, hint, problem, control)
}

/// A checkbox that sends `true` when it is ticked and nothing otherwise. It follows `checked` where that changes; until
/// then it is as it was ticked, be it before the WASM was there.
#[component]
pub(crate) fn Check(
    name: &'static str,
    label: &'static str,
    #[prop(optional)] hint: &'static str,
    #[prop(into)] checked: Signal<bool>,
    #[prop(optional, into)] problem: Option<FormProblem>,
) -> AnyView {
    let was_ticked = problem.and_then(|problem| problem.ticked(name, "true"));
    let is_checked = was_ticked.unwrap_or_else(|| checked.get_untracked());
    let id = format!("{}-error", control_id(name));
    let is_wrong = is_wrong(problem, name);
    let input = NodeRef::<leptos::html::Input>::new();
    Effect::new(move |before: Option<bool>| {
        let checked = checked.get();
        if before.is_some_and(|before| before != checked)
            && let Some(input) = input.get_untracked()
        {
            input.set_checked(checked);
        }
        checked
    });
    let error = problem.map(|problem| {
        let id = id.clone();
        view! {
            <p class="error" id=id role="alert">
                {error_of(problem, error_name(name))}
            </p>
        }
        .into_any()
    });
    let described = error.is_some().then_some(id);
    view! {
        <div class="checks">
            <label class="check">
                <input type="checkbox" name=name value="true" checked=is_checked node_ref=input aria-describedby=described aria-invalid=is_wrong/>
                <span>
                    {label}
                    {(!hint.is_empty()).then(|| view! { <small class="hint">{hint}</small> }.into_any())}
                </span>
            </label>
            {error}
        </div>
    }
    .into_any()
}

/// The button that sends a form; it cannot be pressed twice while the answer is under way.
pub(crate) fn submit(words: &'static str, is_pending: Signal<bool>) -> AnyView {
    view! {
        <button class="btn primary" type="submit" aria-disabled=dimmed(is_pending)>
            {words}
        </button>
    }
    .into_any()
}

/// A field that is only sent along.
pub(crate) fn hidden(name: &'static str, value: String) -> AnyView {
    view! { <input type="hidden" name=name value=value/> }.into_any()
}

/// The inside of a form that does one thing: hidden fields and a button.
pub(crate) fn act(fields: &[(&'static str, String)], words: &'static str, class: &'static str) -> AnyView {
    let fields = fields.iter().map(|(name, value)| hidden(name, value.clone())).collect_view();
    view! {
        {fields}
        <button class=class type="submit">{words}</button>
    }
    .into_any()
}

/// A question before what cannot be undone: the button opens it as a dialog, and the form in there acts. `key` tells it from
/// the page's other questions, on both sides alike: what it is about, such as `user-7`.
pub(crate) fn confirm(
    key: &str,
    words: &'static str,
    question: impl Into<String>,
    form: impl IntoView,
) -> AnyView {
    asked(key, words, question.into(), form.into_any())
}

/// The browser itself opens and closes it (HTML's popover), by Escape and by a press beside it too, and gives the focus back;
/// none of that needs JavaScript. One that knows no popovers shows the question in its place.
fn asked(key: &str, words: &'static str, question: String, form: AnyView) -> AnyView {
    let id = format!("ask-{key}");
    let heading = format!("{id}-heading");
    view! {
        <button class="btn danger-soft" type="button" popovertarget=id.clone() aria-haspopup="dialog">{words}</button>
        // The children are made before the attributes are.
        <div class="ask" id=id popover="auto" role="dialog" aria-labelledby=heading>
            <p id=heading.clone()>{question}</p>
            // Why it was refused; the page says it as well, and aloud.
            <p class="error"></p>
            <div class="ask-buttons">
                <button class="btn" type="button" popovertarget=id.clone() popovertargetaction="hide" autofocus=true>"Not now"</button>
                {form}
            </div>
        </div>
    }
    .into_any()
}

/// A select of a filter that sends its form; nothing where there is nothing to choose.
pub(crate) fn choice(
    name: &'static str,
    any: &'static str,
    options: Vec<(String, String)>,
    value: Option<String>,
) -> AnyView {
    if options.is_empty() {
        return ().into_any();
    }
    let options = options
        .into_iter()
        .map(|(option, words)| {
            let is_chosen = value.as_ref() == Some(&option);
            view! { <option value=option selected=is_chosen>{words}</option> }.into_any()
        })
        .collect_view();
    view! {
        <select name=name aria-label=any on:change=send_form>
            <option value="">{any}</option>
            {options}
        </select>
    }
    .into_any()
}

/// Sends the form of the field or select that this happened to.
#[cfg(feature = "hydrate")]
pub(crate) fn send_form(event: leptos::ev::Event) {
    use wasm_bindgen::JsCast;
    let field = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    let form = field.and_then(|field| field.closest("form").ok().flatten());
    if let Some(form) = form.and_then(|form| form.dyn_into::<web_sys::HtmlFormElement>().ok()) {
        let _ = form.request_submit();
    }
}

#[cfg(not(feature = "hydrate"))]
pub(crate) fn send_form(_event: leptos::ev::Event) {}

/// Sends the form once nobody has typed for a moment.
#[cfg(feature = "hydrate")]
pub(crate) fn send_when_rested() -> impl FnMut(leptos::ev::Event) + 'static {
    debounce(std::time::Duration::from_millis(250), send_form)
}

#[cfg(not(feature = "hydrate"))]
pub(crate) fn send_when_rested() -> impl FnMut(leptos::ev::Event) + 'static {
    send_form
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "ssr")]
    #[test]
    fn a_textarea_holds_text_and_never_html() {
        let held = inside_textarea;
        assert_eq!(held("</textarea><script>&lt;"), "&lt;/textarea>&lt;script>&amp;lt;");
        assert_eq!(held("\nsecond line"), "\n\nsecond line");
    }

    #[test]
    fn a_control_and_its_errors_are_named_after_the_form_field() {
        assert_eq!(control_id("device[address]"), "device-address");
        assert_eq!(error_name("device[address]"), "address");
        assert_eq!(error_name("password"), "password");
    }
}
