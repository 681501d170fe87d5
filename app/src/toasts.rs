//! What was just done, said for a moment in a corner of the page, with a way back where there is one.
//!
//! Only a browser that runs the program has them: without it the page that comes back shows what became of a form.

use leptos::prelude::*;

use crate::components::part::part;
use crate::live::Live;

/// What was said and is still shown, as a context.
#[derive(Clone, Copy)]
pub(crate) struct Toasts(RwSignal<Vec<Toast>>);

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Toast {
    number: u32,
    words: String,
    undo: Option<Undo>,
}

/// The way back: fields, form-encoded, to post to a server function's path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Undo {
    pub(crate) path: &'static str,
    pub(crate) fields: String,
}

impl Toasts {
    /// Provides them to everything below.
    pub(crate) fn provide() -> Self {
        let toasts = Self(RwSignal::new(Vec::new()));
        provide_context(toasts);
        toasts
    }

    pub(crate) fn view(self) -> AnyView {
        let live = expect_context::<Live>();
        let shown = part(move || {
            let toasts = self.0.get();
            // The key takes back what was done last.
            let last = toasts.iter().rev().find(|toast| toast.undo.is_some()).map(|toast| toast.number);
            let view = |toast: Toast| {
                let has_key = last == Some(toast.number);
                self.toast(toast, has_key, live)
            };
            toasts.into_iter().map(view).collect_view().into_any()
        });
        view! { <div class="toasts" role="status" aria-live="polite">{shown}</div> }.into_any()
    }

    fn toast(self, Toast { number, words, undo }: Toast, has_key: bool, live: Live) -> AnyView {
        let undo = undo.map(|undo| {
            let press = move |_| browser::undo(self, live, number, undo.clone());
            let key = has_key.then_some("u");
            view! {
                <button class="btn small" type="button" data-key=key on:click=press>
                    "Undo "{key.map(|key| view! { <kbd aria-hidden="true">{key}</kbd> }.into_any())}
                </button>
            }
            .into_any()
        });
        view! {
            <div class="toast">
                <span>{words}</span>
                {undo}
                <button class="btn small" type="button" aria-label="Close" on:click=move |_| self.forget(number)>"✕"</button>
            </div>
        }
        .into_any()
    }

    fn forget(self, number: u32) {
        self.0.try_update(|toasts| toasts.retain(|toast| toast.number != number));
    }
}

#[cfg(not(feature = "hydrate"))]
mod browser {
    use super::{Live, Toasts, Undo};

    pub(super) fn undo(_toasts: Toasts, _live: Live, _number: u32, _undo: Undo) {}
}

#[cfg(feature = "hydrate")]
mod browser {
    use std::cell::Cell;

    use gloo_timers::callback::Timeout;
    use leptos::prelude::*;
    use leptos::task::spawn_local;

    use super::{Live, Toast, Toasts, Undo};
    use crate::rpc;

    /// How long one is shown; while it is pointed at, or has the focus, as long again.
    const SHOWN_MS: u32 = 8_000;
    /// What can be taken back stays until a person has read it, thought of it, and got there.
    const UNDO_SHOWN_MS: u32 = 20_000;
    /// More would cover the page.
    const MOST: usize = 3;

    thread_local! {
        /// The number of the next one. None is given twice: whatever waits for one of them must not meet another.
        static NEXT: Cell<u32> = const { Cell::new(0) };
    }

    impl Toasts {
        /// Says `words`.
        pub(crate) fn say(self, words: String, undo: Option<Undo>) {
            let number = NEXT.replace(NEXT.get().wrapping_add(1));
            let shown_ms = if undo.is_some() { UNDO_SHOWN_MS } else { SHOWN_MS };
            self.0.try_update(|toasts| {
                if toasts.len() == MOST {
                    toasts.remove(0);
                }
                toasts.push(Toast { number, words, undo });
            });
            self.forget_after(shown_ms, number);
        }

        fn forget_after(self, shown_ms: u32, number: u32) {
            Timeout::new(shown_ms, move || {
                let is_looked_at =
                    document().query_selector(".toasts:hover, .toasts:focus-within").ok().flatten();
                if is_looked_at.is_some() { self.forget_after(shown_ms, number) } else { self.forget(number) }
            })
            .forget();
        }
    }

    pub(super) fn undo(toasts: Toasts, live: Live, number: u32, undo: Undo) {
        toasts.forget(number);
        spawn_local(async move {
            match rpc::post(undo.path, undo.fields).await {
                Ok(_) => live.touch_all(),
                Err(error) => toasts.say(error.0.message, None),
            }
        });
    }
}
