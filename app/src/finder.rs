//! The window in which one goes to a page, a device or a backup by a part of its name.
//!
//! It asks by hand, not by a resource: it stands behind the pages, and a resource here would take the number of one that
//! a page makes later, while it waits.

use etiqa_model::find::Offer;
use leptos::{ev, html, prelude::*};

use crate::components::part::{part, text};

/// The window, and what it shows.
#[derive(Clone, Copy)]
pub(crate) struct Finder {
    pub(crate) window: NodeRef<html::Dialog>,
    typed: RwSignal<String>,
    /// The last answer, with what had been typed for it.
    found: RwSignal<Option<(String, Vec<Offer>)>>,
    /// Enter was pressed before the answer came.
    is_hurried: RwSignal<bool>,
}

impl Finder {
    pub(crate) fn new() -> Self {
        Self {
            window: NodeRef::new(),
            typed: RwSignal::new(String::new()),
            found: RwSignal::new(None),
            is_hurried: RwSignal::new(false),
        }
    }

    pub(crate) fn view(self) -> AnyView {
        let offers =
            part(move || self.found.with(|found| found.as_ref().map(|(_, found)| offers(found)).into_any()));
        let words = text(move || {
            self.found.with(|found| found.as_ref().map(|(_, found)| said(found.len())).unwrap_or_default())
        });
        // The status stands there from the beginning: one that comes together with its words is not read out.
        view! {
            <dialog class="window finder" node_ref=self.window aria-label="Go to" on:click=move |event| browser::close_if_followed(&event, self)
                on:close=move |_| self.is_hurried.set(false)>
                <input class="finder-input" type="text" placeholder="Go to a page, a device or a backup" aria-label="Go to a page, a device or a backup"
                    aria-controls="offers" autocomplete="off" spellcheck="false" prop:value=self.typed on:input=browser::look_when_rested(self)
                    on:keydown=move |event| browser::first_offer(&event, self)/>
                <p class="quiet" role="status">{words}</p>
                <div class="offers" id="offers">{offers}</div>
            </dialog>
        }
        .into_any()
    }

    /// Opens it, empty.
    #[cfg(feature = "hydrate")]
    pub(crate) fn open(self) {
        self.typed.set(String::new());
        self.is_hurried.set(false);
        browser::look(self);
        if let Some(window) = self.window.get_untracked().filter(|window| !window.open()) {
            let _ = window.show_modal();
        }
    }
}

fn offers(found: &[Offer]) -> AnyView {
    let offer = |offer: &Offer| {
        let Offer { words, detail, to } = offer.clone();
        view! { <a href=to><span>{words}</span><small class="mono">{detail}</small></a> }.into_any()
    };
    found.iter().map(offer).collect_view().into_any()
}

/// How many there are, and what leads to them.
fn said(offers: usize) -> String {
    match offers {
        0 => "No page, no device and no backup is called so.".to_owned(),
        offers => format!("{offers} found. Enter goes to the first."),
    }
}

#[cfg(not(feature = "hydrate"))]
mod browser {
    use super::{Finder, ev};

    pub(super) fn look_when_rested(_finder: Finder) -> impl FnMut(ev::Event) + 'static {
        |_| {}
    }

    pub(super) fn close_if_followed(_event: &ev::MouseEvent, _finder: Finder) {}

    pub(super) fn first_offer(_event: &ev::KeyboardEvent, _finder: Finder) {}
}

#[cfg(feature = "hydrate")]
mod browser {
    use std::time::Duration;

    use leptos::prelude::*;
    use leptos::task::spawn_local;
    use wasm_bindgen::JsCast;
    use web_sys::{Element, HtmlElement};

    use super::{Finder, ev};
    use crate::api::find::FindPage;
    use crate::ask::once;

    /// Asks once nobody has typed for a moment.
    pub(super) fn look_when_rested(finder: Finder) -> impl FnMut(ev::Event) + 'static {
        let mut look = debounce(Duration::from_millis(120), move |()| look(finder));
        move |event| {
            finder.typed.set(event_target_value(&event));
            finder.is_hurried.set(false);
            look(());
        }
    }

    /// Asks for what is typed now.
    pub(super) fn look(finder: Finder) {
        let typed = finder.typed.get_untracked();
        spawn_local(async move {
            // Without an answer the old one stays; the frame says that the server is away.
            let Ok(found) = once(FindPage { search: typed.clone() }).await else { return };
            // More may have been typed meanwhile, and the frame may be gone.
            if finder.typed.try_get_untracked().as_ref() != Some(&typed) {
                return;
            }
            finder.found.set(Some((typed, found)));
            if finder.is_hurried.get_untracked() {
                request_animation_frame(move || follow_first(finder));
            }
        });
    }

    /// Enter follows the first offer, once it is one for what is typed; an arrow goes to it.
    pub(super) fn first_offer(event: &ev::KeyboardEvent, finder: Finder) {
        match event.key().as_str() {
            "Enter" => {
                event.prevent_default();
                let typed = finder.typed.get_untracked();
                let is_answered =
                    finder.found.with_untracked(|found| matches!(found, Some((to, _)) if *to == typed));
                if is_answered {
                    follow_first(finder);
                } else {
                    finder.is_hurried.set(true);
                }
            }
            "ArrowDown" => {
                event.prevent_default();
                if let Some(link) = first() {
                    let _ = link.focus();
                }
            }
            _ => {}
        }
    }

    fn first() -> Option<HtmlElement> {
        document().query_selector(".offers a").ok().flatten()?.dyn_into().ok()
    }

    /// Only while the window is open: who has closed it wants to go nowhere.
    fn follow_first(finder: Finder) {
        finder.is_hurried.set(false);
        let is_open = finder.window.get_untracked().is_some_and(|window| window.open());
        if let Some(link) = first().filter(|_| is_open) {
            link.click();
        }
    }

    /// A link in the window was followed.
    pub(super) fn close_if_followed(event: &ev::MouseEvent, finder: Finder) {
        let pressed = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        if pressed.is_some_and(|element| element.closest(".offers a").ok().flatten().is_some())
            && let Some(window) = finder.window.get_untracked()
        {
            window.close();
        }
    }
}
