//! The keyboard: `/` searches, `g d` leads to the devices, Ctrl K to anything, arrows go through lists, `?` tells of it all.

use etiqa_model::device::{Device, DeviceFilter, DeviceOrder};
use etiqa_model::page::Page;
use etiqa_model::user::Role;
use leptos::{ev, html, prelude::*};

use crate::api::devices::ListDevices;
use crate::ask::ask_if;
use crate::components::part::{later, nothing, only_if};
use crate::session::Session;

/// Where a key after `g` leads: the key, words, the address, and who may go there.
const PLACES: [(&str, &str, &str, Role); 10] = [
    ("o", "Overview", "/", Role::Viewer),
    ("b", "Backups", "/backup/", Role::Viewer),
    ("d", "Devices", "/devices/", Role::Viewer),
    ("c", "Configs", "/configs/", Role::Viewer),
    ("s", "Search in configs", "/configs/search", Role::Viewer),
    ("i", "Import devices", "/devices/import", Role::Operator),
    ("n", "New backup", "/backup/new", Role::Operator),
    ("a", "Admin", "/admin/", Role::Admin),
    ("j", "Jobs", "/admin/jobs", Role::Admin),
    ("m", "My account", "/account", Role::Viewer),
];

/// The other keys, for the help.
const KEYS: [(&str, &str); 4] = [
    ("/", "Search on this page"),
    ("Ctrl K", "Go to a page or a device"),
    ("j k ↓ ↑", "Next and previous row"),
    ("?", "This help"),
];

/// Devices that the finder offers.
const OFFERED: u32 = 8;

/// The two windows that the keyboard opens, and for whom.
#[derive(Clone, Copy)]
struct Windows {
    help: NodeRef<html::Dialog>,
    finder: NodeRef<html::Dialog>,
    /// Who presses the keys, once that is known.
    role: RwSignal<Role>,
}

/// Listens to the keyboard for as long as it is there; shows nothing until it is asked to.
#[component]
pub(crate) fn Keys() -> AnyView {
    let windows = Windows { help: NodeRef::new(), finder: NodeRef::new(), role: RwSignal::new(Role::Viewer) };
    browser::listen(windows);
    view! { {help(windows)} {finder(windows)} }.into_any()
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

fn help(windows: Windows) -> AnyView {
    let session = expect_context::<Session>();
    let key = |keys: String, words: &'static str| {
        let keys =
            keys.split(' ').map(|key| view! { <kbd>{key.to_owned()}</kbd>" " }.into_any()).collect_view();
        view! { <div><dt>{keys}</dt><dd>{words}</dd></div> }.into_any()
    };
    let all = later(nothing, move || async move {
        let role = session.role().await;
        windows.role.set(role);
        let places = PLACES.iter().filter(|place| place.3 <= role);
        let keys = KEYS.iter().map(|(keys, words)| key((*keys).to_owned(), words));
        keys.chain(places.map(|(letter, words, ..)| key(format!("g {letter}"), words)))
            .collect_view()
            .into_any()
    });
    view! {
        <dialog class="window" node_ref=windows.help aria-labelledby="keys-heading">
            <form method="dialog">
                <header><h2 id="keys-heading">"Keyboard"</h2><button class="btn small">"Close"</button></header>
            </form>
            <dl class="keys">{all}</dl>
        </dialog>
    }
    .into_any()
}

/// Finds pages and devices by a part of their name.
fn finder(windows: Windows) -> AnyView {
    let session = expect_context::<Session>();
    let wanted = RwSignal::new(String::new());
    let devices = ask_if(&[], move || {
        let search = wanted.get();
        (!search.trim().is_empty()).then(|| ListDevices {
            filter: DeviceFilter { search, ..DeviceFilter::default() },
            order: DeviceOrder::default(),
            page: Page::first(OFFERED),
        })
    });
    let found = later(nothing, move || async move {
        let role = session.role().await;
        let devices = devices.get().await.ok().flatten().map(|page| page.rows).unwrap_or_default();
        offers(wanted.get_untracked(), role, devices)
    });
    let on_input = move |event: ev::Event| wanted.set(event_target_value(&event));
    view! {
        <dialog class="window finder" node_ref=windows.finder aria-label="Go to"
            on:close=move |_| wanted.set(String::new()) on:click=move |event| browser::close_if_followed(&event, windows)>
            <input type="text" class="finder-input" placeholder="Go to a page or a device" aria-label="Go to a page or a device"
                autocomplete="off" spellcheck="false" prop:value=wanted on:input=on_input on:keydown=browser::first_offer/>
            {found}
        </dialog>
    }
    .into_any()
}

fn offers(typed: String, role: Role, devices: Vec<Device>) -> AnyView {
    let wanted = typed.trim().to_lowercase();
    let places = PLACES
        .iter()
        .filter(|(_, words, _, least)| *least <= role && words.to_lowercase().contains(&wanted))
        .map(|(_, words, to, _)| ((*to).to_owned(), (*words).to_owned(), String::new()));
    let devices = devices
        .into_iter()
        .map(|device| (format!("/devices/{}", device.id), device.hostname, device.address));
    let offers: Vec<_> = places.chain(devices).collect();
    let none = offers
        .is_empty()
        .then(|| view! { <p class="quiet">"No page and no device is called so."</p> }.into_any());
    let offer = |(to, words, place): (String, String, String)| {
        view! { <a href=to><span>{words}</span><small class="mono">{place}</small></a> }.into_any()
    };
    // Enter follows an offer only where it is one for what stands in the field.
    view! { <div class="offers" data-for=typed>{offers.into_iter().map(offer).collect_view()}{none}</div> }
        .into_any()
}

#[cfg(not(feature = "hydrate"))]
mod browser {
    use leptos::ev;

    use super::Windows;

    pub(super) fn listen(_windows: Windows) {}

    pub(super) fn press(_key: &str) {}

    pub(super) fn close_if_followed(_event: &ev::MouseEvent, _windows: Windows) {}

    pub(super) fn first_offer(_event: ev::KeyboardEvent) {}
}

#[cfg(feature = "hydrate")]
mod browser {
    use std::cell::Cell;

    use gloo_timers::callback::Timeout;
    use leptos::ev;
    use leptos::prelude::*;
    use leptos_router::NavigateOptions;
    use leptos_router::hooks::use_navigate;
    use wasm_bindgen::JsCast;
    use web_sys::{Element, HtmlElement, HtmlInputElement, KeyboardEvent};

    use super::{PLACES, Windows};
    use crate::browser::now_ms;

    /// How long after `g` the next key leads to a page.
    const TOGETHER_MS: i64 = 1_500;
    /// What arrows go through.
    const ROW: &str = "table.rows tbody tr, .offers a";
    /// What of a row they go to, the first that there is.
    const TARGETS: [&str; 3] = ["a[href]", "summary", "button:not([disabled])"];
    /// How often, and how long in between, Enter looks whether the offers for what was typed have come.
    const LOOKS: u32 = 40;
    const LOOK_MS: u32 = 50;

    pub(super) fn listen(windows: Windows) {
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
                if (event.ctrl_key() || event.meta_key()) && key == "k" {
                    event.prevent_default();
                    close(windows);
                    open(windows.finder);
                    return;
                }
                let is_shifted_arrow = event.shift_key() && key.starts_with("Arrow");
                if event.ctrl_key() || event.meta_key() || event.alt_key() || is_shifted_arrow || is_typing()
                {
                    return;
                }
                if found("dialog[open]").is_some() {
                    in_window(&key, &event);
                    return;
                }
                let role = windows.role.get_untracked();
                let place = PLACES.iter().find(|place| is_second && place.0 == key && place.3 <= role);
                if let Some((.., to, _)) = place {
                    event.prevent_default();
                    navigate(to, NavigateOptions::default());
                } else if key == "g" {
                    went.set(now_ms());
                } else {
                    on_single(&key, &event, windows);
                }
            });
            on_cleanup(move || listener.remove());
        });
    }

    fn on_single(key: &str, event: &KeyboardEvent, windows: Windows) {
        let is_done = match key {
            "/" => focus(found("main input[type=search]")),
            "?" => {
                open(windows.help);
                true
            }
            "j" => step(true, true),
            "k" => step(false, true),
            // Without a row they move the page, as ever.
            "ArrowDown" => step(true, false),
            "ArrowUp" => step(false, false),
            _ => false,
        };
        if is_done {
            event.prevent_default();
        }
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

    /// As if the key had been pressed.
    pub(super) fn press(key: &str) {
        let options = web_sys::KeyboardEventInit::new();
        options.set_key(key);
        if let Ok(event) = KeyboardEvent::new_with_keyboard_event_init_dict("keydown", &options) {
            let _ = window().dispatch_event(&event);
        }
    }

    fn open(dialog: NodeRef<leptos::html::Dialog>) {
        if let Some(dialog) = dialog.get_untracked().filter(|dialog| !dialog.open()) {
            let _ = dialog.show_modal();
        }
    }

    fn close(windows: Windows) {
        for dialog in [windows.help, windows.finder].into_iter().filter_map(|dialog| dialog.get_untracked()) {
            dialog.close();
        }
    }

    /// A link in a window was followed.
    pub(super) fn close_if_followed(event: &ev::MouseEvent, windows: Windows) {
        let pressed = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        if pressed.is_some_and(|element| element.closest(".offers a").ok().flatten().is_some()) {
            close(windows);
        }
    }

    /// Enter follows the first offer, and an arrow goes to it.
    pub(super) fn first_offer(event: KeyboardEvent) {
        match event.key().as_str() {
            "Enter" => {
                event.prevent_default();
                follow_first(LOOKS);
            }
            "ArrowDown" => {
                event.prevent_default();
                focus(found(".offers a"));
            }
            _ => {}
        }
    }

    /// Follows the first offer once the offers are those for what stands in the field.
    fn follow_first(looks: u32) {
        let typed = found(".finder-input").and_then(|field| field.dyn_into::<HtmlInputElement>().ok());
        let answered = found(".offers").and_then(|offers| offers.get_attribute("data-for"));
        if typed.map(|field| field.value()) != answered {
            if let Some(fewer) = looks.checked_sub(1) {
                Timeout::new(LOOK_MS, move || follow_first(fewer)).forget();
            }
            return;
        }
        if let Some(link) = found(".offers a").and_then(|link| link.dyn_into::<HtmlElement>().ok()) {
            link.click();
        }
    }

    fn found(selector: &str) -> Option<Element> {
        document().query_selector(selector).ok().flatten()
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
            if row.tag_name() == "A" {
                return focus(Some(row));
            }
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
