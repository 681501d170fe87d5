//! The keyboard: `/` searches, `g d` leads to the devices, Ctrl K to anything, arrows go through lists, `?` tells of it
//! all.
//!
//! Keys that are letters can be switched off in the help: speech input types them, and hands that tremble (WCAG 2.1.4).

use leptos::prelude::*;

use crate::components::part::only_if;
use crate::finder::Finder;
use crate::places::KEYED;

/// The other keys, for the help.
const KEYS: [(&str, &str); 7] = [
    ("/", "Search on this page"),
    ("Ctrl-K", "Go to a page, a device or a backup"),
    ("j k ↓ ↑", "Next and previous row"),
    ("n p", "Next and previous change"),
    ("u", "Undo what was just done"),
    ("Esc", "Close a question or a window"),
    ("?", "This help"),
];

/// Listens to the keyboard for as long as it is there; shows nothing until it is asked to.
#[component]
pub(crate) fn Keys() -> AnyView {
    let is_on = RwSignal::new(true);
    Effect::new(move || is_on.set(browser::is_on()));
    let finder = Finder::new();
    browser::listen(is_on, finder);
    view! { {window(is_on)}{finder.view()} }.into_any()
}

/// The button that tells of the keyboard to who does not know of it.
#[component]
pub(crate) fn KeysButton() -> AnyView {
    // Without JavaScript there is nothing behind it.
    let is_alive = RwSignal::new(false);
    Effect::new(move || is_alive.set(true));
    let button = || {
        view! {
            <button class="keys-button" type="button" on:click=|_| browser::open_help()>
                "Keyboard "<kbd>"?"</kbd>
            </button>
        }
        .into_any()
    };
    only_if(move || is_alive.get(), button)
}

fn window(is_on: RwSignal<bool>) -> AnyView {
    let key = |keys: String, words: &'static str| {
        let keys =
            keys.split(' ').map(|key| view! { <kbd>{key.to_owned()}</kbd>" " }.into_any()).collect_view();
        view! { <div><dt>{keys}</dt><dd>{words}</dd></div> }.into_any()
    };
    // Neither a resource nor a suspense: those are numbered as they come, and the pages' own come later within them.
    let places = KEYED.iter().map(|place| key(format!("g {}", place.key), place.words));
    let all = KEYS.iter().map(|(keys, words)| key((*keys).to_owned(), words)).chain(places).collect_view();
    let switch = move |event: leptos::ev::Event| {
        is_on.set(event_target_checked(&event));
        browser::remember(is_on.get_untracked());
    };
    view! {
        <dialog class="window" id="keys" aria-labelledby="keys-heading">
            <form method="dialog">
                <header><h2 id="keys-heading">"Keyboard"</h2><button class="btn small">"Close"</button></header>
            </form>
            <label class="check keys-switch">
                <input type="checkbox" checked=true prop:checked=is_on on:change=switch/>
                <span>"Single keys lead around"<small class="hint">"Off: letters, / and ? do nothing outside of fields. This browser remembers it."</small></span>
            </label>
            <dl class="keys">{all}</dl>
        </dialog>
    }
    .into_any()
}

#[cfg(not(feature = "hydrate"))]
mod browser {
    use leptos::prelude::RwSignal;

    use super::Finder;

    pub(super) fn listen(_is_on: RwSignal<bool>, _finder: Finder) {}

    pub(super) fn open_help() {}

    pub(super) fn is_on() -> bool {
        true
    }

    pub(super) fn remember(_is_on: bool) {}
}

#[cfg(feature = "hydrate")]
mod browser {
    use std::cell::Cell;

    use leptos::ev;
    use leptos::prelude::*;
    use leptos_router::NavigateOptions;
    use leptos_router::hooks::use_navigate;
    use wasm_bindgen::JsCast;
    use web_sys::{Element, HtmlDialogElement, HtmlElement, HtmlInputElement, KeyboardEvent, Storage};

    use super::{Finder, KEYED};
    use crate::browser::{OPEN_QUESTION, focus, focus_within, now_ms};

    /// How long after `g` the next key leads to a page.
    const TOGETHER_MS: i64 = 1_500;
    /// What arrows go through.
    const ROW: &str = "table.rows tbody tr, .offers a";
    /// What the browser keeps of the switch, where it is off.
    const SWITCH: &str = "keys";
    const OFF: &str = "off";

    pub(super) fn listen(is_on: RwSignal<bool>, finder: Finder) {
        let navigate = use_navigate();
        Effect::new(move || {
            let navigate = navigate.clone();
            let went = Cell::new(0);
            let listener = window_event_listener(ev::keydown, move |event| {
                let is_second = now_ms() - went.replace(0) < TOGETHER_MS;
                let key = event.key();
                if event.default_prevented() || event.is_composing() {
                    return;
                }
                let is_asked = found(OPEN_QUESTION).is_some();
                let is_alone = !is_asked && found("dialog[open]").is_none();
                if (event.ctrl_key() || event.meta_key()) && key == "k" {
                    event.prevent_default();
                    if is_alone {
                        finder.open();
                    }
                    return;
                }
                // Its keys are the browser's.
                if is_asked {
                    return;
                }
                if key == "Escape" && is_alone && take_back() {
                    event.prevent_default();
                    return;
                }
                let is_shifted_arrow = event.shift_key() && key.starts_with("Arrow");
                if event.ctrl_key() || event.meta_key() || event.alt_key() || is_shifted_arrow || is_typing()
                {
                    return;
                }
                if !is_alone {
                    in_window(&key, &event);
                    return;
                }
                // Arrows and the like are no letters, they stay.
                if !is_on.get_untracked() && key.chars().count() == 1 {
                    return;
                }
                let place = KEYED.iter().find(|place| is_second && place.key == key);
                if let Some(place) = place {
                    event.prevent_default();
                    navigate(place.to, NavigateOptions::default());
                } else if key == "g" {
                    went.set(now_ms());
                } else {
                    on_single(&key, &event);
                }
            });
            on_cleanup(move || listener.remove());
        });
    }

    fn on_single(key: &str, event: &KeyboardEvent) {
        let is_done = match key {
            "/" => focus(found("main input[type=search]")),
            "?" => {
                open_help();
                true
            }
            "j" => step(true, true),
            "k" => step(false, true),
            // Where there are changes to step through, or something to take back, elements say that these keys press them.
            "n" => click("[data-key=n]"),
            "p" => click("[data-key=p]"),
            "u" => click("[data-key=u]"),
            // Without a row they move the page, as ever.
            "ArrowDown" => step(true, false),
            "ArrowUp" => step(false, false),
            _ => false,
        };
        if is_done {
            event.prevent_default();
        }
    }

    /// Closes the box that hangs open from its button, and goes back to that.
    fn take_back() -> bool {
        let Some(drop) = found("details.drop[open]") else { return false };
        let _ = drop.remove_attribute("open");
        focus(drop.query_selector("summary").ok().flatten())
    }

    /// Behind an open window nothing moves.
    fn in_window(key: &str, event: &KeyboardEvent) {
        let is_done = match key {
            "ArrowDown" => step(true, false),
            "ArrowUp" => step(false, false) || focus(found(".finder-input")),
            _ => false,
        };
        if is_done {
            event.prevent_default();
        }
    }

    pub(super) fn open_help() {
        let dialog = found("dialog#keys").and_then(|dialog| dialog.dyn_into::<HtmlDialogElement>().ok());
        if let Some(dialog) = dialog.filter(|dialog| !dialog.open()) {
            let _ = dialog.show_modal();
        }
    }

    /// Whether keys that are letters do anything.
    pub(super) fn is_on() -> bool {
        storage().and_then(|storage| storage.get_item(SWITCH).ok().flatten()).is_none_or(|kept| kept != OFF)
    }

    pub(super) fn remember(is_on: bool) {
        if let Some(storage) = storage() {
            let _ = if is_on { storage.remove_item(SWITCH) } else { storage.set_item(SWITCH, OFF) };
        }
    }

    /// None where a person lets no site keep anything.
    fn storage() -> Option<Storage> {
        window().local_storage().ok().flatten()
    }

    fn found(selector: &str) -> Option<Element> {
        document().query_selector(selector).ok().flatten()
    }

    fn click(selector: &str) -> bool {
        let element = found(selector).and_then(|element| element.dyn_into::<HtmlElement>().ok());
        element.map(|element| element.click()).is_some()
    }

    /// Goes to the next row, or the one before, in which there is something to go to, from the one that has the focus;
    /// without one, to the first where `may_begin`.
    fn step(is_down: bool, may_begin: bool) -> bool {
        let here = document().active_element().and_then(|active| active.closest(ROW).ok().flatten());
        let beside = |row: &Element| {
            if is_down { row.next_element_sibling() } else { row.previous_element_sibling() }
        };
        let mut next = match here {
            Some(row) => beside(&row),
            None if may_begin => found("main table.rows tbody tr"),
            None => None,
        };
        while let Some(row) = next {
            if row.has_attribute("href") {
                return focus(Some(row));
            }
            if focus_within(&row) {
                return true;
            }
            next = beside(&row);
        }
        false
    }

    /// Whether a key is meant for a field.
    fn is_typing() -> bool {
        let Some(active) = document().active_element() else { return false };
        match active.tag_name().as_str() {
            "TEXTAREA" | "SELECT" => true,
            "INPUT" => active.dyn_into::<HtmlInputElement>().map_or(true, |input| {
                !matches!(input.type_().as_str(), "checkbox" | "radio" | "button" | "submit")
            }),
            _ => false,
        }
    }
}
