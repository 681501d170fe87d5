//! Buttons that put a text on the clipboard, and say so once it is there.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use leptos::prelude::*;

use super::part::text;
use crate::api::AppError;
use crate::toasts::Toasts;

/// A text to copy, as soon as it is there.
pub(crate) type Wanted = Pin<Box<dyn Future<Output = Result<String, AppError>>>>;

/// A text that is there already.
pub(crate) fn at_once(text: String) -> Wanted {
    Box::pin(std::future::ready(Ok(text)))
}

/// A button that copies what `wanted` gives. Where the button is for one of several texts, `which` says for which one now:
/// another one was not copied yet.
pub(crate) fn copy_button(
    words: &'static str,
    which: impl Fn() -> u32 + Send + Sync + 'static,
    wanted: impl Fn(u32) -> Wanted + Send + Sync + 'static,
) -> AnyView {
    boxed(words, Arc::new(which), Box::new(wanted))
}

fn boxed(
    words: &'static str,
    which: Arc<dyn Fn() -> u32 + Send + Sync>,
    wanted: Box<dyn Fn(u32) -> Wanted + Send + Sync>,
) -> AnyView {
    let toasts = expect_context::<Toasts>();
    let copied = RwSignal::new(None);
    let pressed = Arc::clone(&which);
    let copy = move |_| {
        let which = untrack(|| pressed());
        browser::copy(wanted(which), which, copied, toasts);
    };
    let words = text(move || if copied.get() == Some(which()) { "Copied" } else { words });
    view! { <button class="btn small" type="button" on:click=copy>{words}</button> }.into_any()
}

#[cfg(not(feature = "hydrate"))]
mod browser {
    use leptos::prelude::*;

    use super::{Toasts, Wanted};

    pub(super) fn copy(_wanted: Wanted, _which: u32, _copied: RwSignal<Option<u32>>, _toasts: Toasts) {}
}

#[cfg(feature = "hydrate")]
mod browser {
    use leptos::prelude::*;
    use leptos::task::spawn_local;

    use super::{Toasts, Wanted};
    use crate::browser::copy_text;

    const REFUSED: &str = "The browser does not let this page copy. Select the text and copy it by hand.";

    /// Notes that the text was copied, or says why not.
    pub(super) fn copy(wanted: Wanted, which: u32, copied: RwSignal<Option<u32>>, toasts: Toasts) {
        spawn_local(async move {
            let problem = match wanted.await {
                Ok(text) => (!copy_text(&text).await).then(|| REFUSED.to_owned()),
                Err(error) => Some(error.0.message),
            };
            // The page may have been left meanwhile.
            copied.try_set(problem.is_none().then_some(which));
            if let Some(problem) = problem {
                toasts.say(problem, None);
            }
        });
    }
}
