//! The keyboard: `/` searches, `g d` leads to the devices, arrows go through lists, `?` tells of it all.

use leptos::{html, prelude::*};

use crate::components::part::only_if;

/// Where a key after `g` leads: the key, words, the address. Who may not go there is told so by the page.
const PLACES: [(&str, &str, &str); 10] = [
    ("o", "Overview", "/"),
    ("b", "Backups", "/backup/"),
    ("d", "Devices", "/devices/"),
    ("c", "Configs", "/configs/"),
    ("s", "Search in configs", "/configs/search"),
    ("i", "Import devices", "/devices/import"),
    ("n", "New backup", "/backup/new"),
    ("a", "Admin", "/admin/"),
    ("j", "Jobs", "/admin/jobs"),
    ("m", "My account", "/account"),
];

/// The other keys, for the help.
const KEYS: [(&str, &str); 4] = [
    ("/", "Search on this page"),
    ("j k ↓ ↑", "Next and previous row"),
    ("n p", "Next and previous change"),
    ("?", "This help"),
];

/// The window with the help.
type Help = NodeRef<html::Dialog>;

/// Listens to the keyboard for as long as it is there; shows nothing until it is asked to.
#[component]
pub(crate) fn Keys() -> AnyView {
    let help = Help::new();
    browser::listen(help);
    window(help)
}

/// The button that tells of the keyboard to who does not know of it.
#[component]
pub(crate) fn KeysButton() -> AnyView {
    // Without JavaScript there is nothing behind it.
    let is_alive = RwSignal::new(false);
    Effect::new(move || is_alive.set(true));
    let button = || {
        view! {
            <button class="keys-button" type="button" on:click=|_| browser::press("?")>
                "Keyboard "<kbd>"?"</kbd>
            </button>
        }
        .into_any()
    };
    only_if(move || is_alive.get(), button)
}

fn window(help: Help) -> AnyView {
    let key = |keys: String, words: &'static str| {
        let keys =
            keys.split(' ').map(|key| view! { <kbd>{key.to_owned()}</kbd>" " }.into_any()).collect_view();
        view! { <div><dt>{keys}</dt><dd>{words}</dd></div> }.into_any()
    };
    // Neither a resource nor a suspense: those are numbered as they come, and the pages' own come later within them.
    let places = PLACES.iter().map(|(letter, words, _)| key(format!("g {letter}"), words));
    let all = KEYS.iter().map(|(keys, words)| key((*keys).to_owned(), words)).chain(places).collect_view();
    view! {
        <dialog class="window" node_ref=help aria-labelledby="keys-heading">
            <form method="dialog">
                <header><h2 id="keys-heading">"Keyboard"</h2><button class="btn small">"Close"</button></header>
            </form>
            <dl class="keys">{all}</dl>
        </dialog>
    }
    .into_any()
}

#[cfg(not(feature = "hydrate"))]
mod browser {
    use super::Help;

    pub(super) fn listen(_help: Help) {}

    pub(super) fn press(_key: &str) {}
}

#[cfg(feature = "hydrate")]
mod browser {
    use std::cell::Cell;

    use leptos::ev;
    use leptos::prelude::*;
    use leptos_router::NavigateOptions;
    use leptos_router::hooks::use_navigate;
    use wasm_bindgen::JsCast;
    use web_sys::{Element, HtmlElement, HtmlInputElement, KeyboardEvent};

    use super::{Help, PLACES};
    use crate::browser::now_ms;

    /// How long after `g` the next key leads to a page.
    const TOGETHER_MS: i64 = 1_500;
    /// What arrows go through.
    const ROW: &str = "table.rows tbody tr";
    /// What of a row they go to, the first that there is.
    const TARGETS: [&str; 3] = ["a[href]", "summary", "button:not([disabled])"];

    pub(super) fn listen(help: Help) {
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
                let is_shifted_arrow = event.shift_key() && key.starts_with("Arrow");
                if event.ctrl_key() || event.meta_key() || event.alt_key() || is_shifted_arrow || is_typing()
                {
                    return;
                }
                // Behind an open window nothing moves.
                if found("dialog[open]").is_some() {
                    return;
                }
                let place = PLACES.iter().find(|place| is_second && place.0 == key);
                if let Some((.., to)) = place {
                    event.prevent_default();
                    navigate(to, NavigateOptions::default());
                } else if key == "g" {
                    went.set(now_ms());
                } else {
                    on_single(&key, &event, help);
                }
            });
            on_cleanup(move || listener.remove());
        });
    }

    fn on_single(key: &str, event: &KeyboardEvent, help: Help) {
        let is_done = match key {
            "/" => focus(found("main input[type=search]")),
            "?" => {
                open(help);
                true
            }
            "j" => step(true, true),
            "k" => step(false, true),
            // Where there are changes to step through, links say that they are what these keys press.
            "n" => click("[data-key=n]"),
            "p" => click("[data-key=p]"),
            // Without a row they move the page, as ever.
            "ArrowDown" => step(true, false),
            "ArrowUp" => step(false, false),
            _ => false,
        };
        if is_done {
            event.prevent_default();
        }
    }

    /// As if the key had been pressed.
    pub(super) fn press(key: &str) {
        let options = web_sys::KeyboardEventInit::new();
        options.set_key(key);
        if let Ok(event) = KeyboardEvent::new_with_keyboard_event_init_dict("keydown", &options) {
            let _ = window().dispatch_event(&event);
        }
    }

    fn open(help: Help) {
        if let Some(dialog) = help.get_untracked().filter(|dialog| !dialog.open()) {
            let _ = dialog.show_modal();
        }
    }

    fn found(selector: &str) -> Option<Element> {
        document().query_selector(selector).ok().flatten()
    }

    fn click(selector: &str) -> bool {
        let element = found(selector).and_then(|element| element.dyn_into::<HtmlElement>().ok());
        element.map(|element| element.click()).is_some()
    }

    fn focus(element: Option<Element>) -> bool {
        let Some(element) = element.and_then(|element| element.dyn_into::<HtmlElement>().ok()) else {
            return false;
        };
        // What is not shown takes no focus, and says nothing.
        element.focus().is_ok() && document().active_element().is_some_and(|active| active == *element)
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
            if TARGETS.iter().any(|target| focus(row.query_selector(target).ok().flatten())) {
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
