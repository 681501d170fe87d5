//! Forms that lead to an address made of their fields.
//!
//! The router has one as well, which can do much more, and weighs it.

use leptos::prelude::*;

/// A form whose fields become the query of `action`. With `replace` it narrows the page that it stands on: the history
/// forgets where it was sent from, and nothing scrolls.
#[component]
pub(crate) fn GetForm(
    #[prop(into)] action: String,
    #[prop(optional)] replace: bool,
    children: Children,
) -> AnyView {
    let on_submit = browser::lead(action.clone(), replace);
    view! { <form method="get" action=action on:submit=on_submit>{children()}</form> }.into_any()
}

#[cfg(not(feature = "hydrate"))]
mod browser {
    pub(super) fn lead(_action: String, _replace: bool) -> impl FnMut(leptos::ev::SubmitEvent) + 'static {
        |_| {}
    }
}

#[cfg(feature = "hydrate")]
mod browser {
    use leptos::ev::SubmitEvent;
    use leptos_router::NavigateOptions;
    use leptos_router::hooks::use_navigate;
    use wasm_bindgen::JsCast;
    use web_sys::HtmlFormElement;

    use crate::browser::fields_of;

    /// Goes there without loading the page anew.
    pub(super) fn lead(action: String, replace: bool) -> impl FnMut(SubmitEvent) + 'static {
        let navigate = use_navigate();
        move |event| {
            let form = event.target().and_then(|form| form.dyn_into::<HtmlFormElement>().ok());
            // What cannot be read here is sent by the browser itself.
            let pressed = event.submitter();
            let Some(fields) = form.and_then(|form| fields_of(&form, pressed)) else { return };
            event.prevent_default();
            navigate(
                &format!("{action}?{fields}"),
                NavigateOptions { replace, scroll: !replace, ..NavigateOptions::default() },
            );
        }
    }
}
