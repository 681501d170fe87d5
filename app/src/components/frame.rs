//! What stands around every page: the navigation, the live sign, and notices.

use etiqa_model::user::Role;
use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::list::address;
use super::part::{current, later, nothing, only_if, part, text};
use crate::browser;
use crate::bundle::Address;
use crate::clock::Clock;
use crate::keys::{Keys, KeysButton};
use crate::live::{Link, Live};
use crate::session::{Session, is_outside};
use crate::toasts::Toasts;

/// The product's mark.
pub(crate) fn mark() -> AnyView {
    view! {
        <svg class="mark" width="22" height="22" viewBox="0 0 20 20" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linejoin="round" stroke-linecap="round" aria-hidden="true">
            <path d="M3 6.5 10 3l7 3.5v7L10 17l-7-3.5z"/>
            <path d="m6.7 10 2.4 2.4 4.3-4.8"/>
        </svg>
    }
    .into_any()
}

/// Entries of the navigation: words, address, icon, and who sees them.
const ENTRIES: [(&str, &str, &str, Role); 5] = [
    ("Overview", "/", "M3 10.5 10 4l7 6.5M5 9.5V16h10V9.5", Role::Viewer),
    ("Backups", "/backup/", "M4 5h12v4H4zM5 9v7h10V9M8.5 12h3", Role::Viewer),
    ("Devices", "/devices/", "M3 5h14v4H3zM3 11h14v4H3zM6 7h.01M6 13h.01", Role::Viewer),
    ("Configs", "/configs/", "M5 3h7l3 3v11H5zM8 9h4M8 12h4", Role::Viewer),
    ("Admin", "/admin/", "M4 6h7M15 6h1M4 14h1M9 14h7M13 4v4M7 12v4", Role::Operator),
];

/// The frame of a signed-in person's pages; a stranger's pages stand alone.
#[component]
pub(crate) fn Frame(children: Children) -> AnyView {
    let path = use_location().pathname;
    let has_frame = Memo::new(move |_| !path.with(|path| is_outside(path)));
    let class = Signal::derive(move || if has_frame.get() { "shell" } else { "shell alone" });
    // What had the focus may be gone with the page before; the next key belongs to this one.
    Effect::new(move |before: Option<String>| {
        let path = path.get();
        if before.is_some_and(|before| before != path) {
            browser::focus_main();
        }
        path
    });
    view! {
        <a class="skip" href="#main">"Skip to the page"</a>
        <div class=class>
            {only_if(move || has_frame.get(), || view! { <Side/> }.into_any())}
            <main id="main" tabindex="-1">
                <Outdated/>
                <Ended/>
                {stale()}
                {children()}
            </main>
            {only_if(move || has_frame.get(), || view! { <Keys/> }.into_any())}
            {expect_context::<Toasts>().view()}
        </div>
    }
    .into_any()
}

#[component]
fn Side() -> AnyView {
    let session = expect_context::<Session>();
    let path = use_location().pathname;
    let entry = move |(words, to, icon, _): (&'static str, &'static str, &'static str, Role)| {
        let current = current(move || path.with(|path| is_below(path, to)));
        view! {
            <a href=to aria-current=current>
                <svg width="18" height="18" viewBox="0 0 20 20" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linejoin="round" stroke-linecap="round" aria-hidden="true">
                    <path d=icon/>
                </svg>
                <span>{words}</span>
            </a>
        }
        .into_any()
    };
    view! {
        <div class="side">
            <a class="brand" href="/">{mark()}<span>"Etiqa"</span></a>
            <nav aria-label="Main">
                {ENTRIES.into_iter().filter(|entry| entry.3 == Role::Viewer).map(entry).collect_view()}
                {later(nothing, move || async move {
                        let role = session.role().await;
                        ENTRIES.into_iter().filter(|entry| entry.3 != Role::Viewer && entry.3 <= role).map(entry).collect_view().into_any()
                })}
            </nav>
            <div class="foot">
                {later(nothing, move || async move {
                        session.identity().await.map(|identity| view! {
                            <a class="me" href="/account" aria-current=current(move || path.with(|path| is_below(path, "/account")))>
                                <span class="avatar" aria-hidden="true">{initial(&identity.name)}</span>
                                <span class="me-words">{identity.name}<small>{identity.role.as_str()}</small></span>
                            </a>
                        }.into_any()).into_any()
                })}
                <KeysButton/>
                <LiveSign/>
            </div>
        </div>
    }
    .into_any()
}

fn initial(name: &str) -> String {
    name.chars().next().map(|first| first.to_uppercase().collect()).unwrap_or_default()
}

/// Whether `path` is the page at `to` or one below it.
fn is_below(path: &str, to: &str) -> bool {
    let (path, to) = (path.trim_end_matches('/'), to.trim_end_matches('/'));
    if to.is_empty() {
        return path.is_empty();
    }
    path.strip_prefix(to).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether what is on the screen is kept up to date, and in which zone times are.
#[component]
fn LiveSign() -> AnyView {
    let live = expect_context::<Live>();
    let clock = expect_context::<Clock>();
    let words = move || match live.link.get() {
        Link::Opening => "Connecting…",
        Link::Up if live.is_held.get() => "There is news; it waits for you",
        Link::Up => "Live",
        Link::Down => "Reconnecting…",
    };
    let class = Signal::derive(move || match live.link.get() {
        Link::Up => "pulse up",
        Link::Opening => "pulse",
        Link::Down => "pulse down",
    });
    let words = move || {
        // "Europe/Vienna" → "Vienna"
        let city =
            clock.zone_name.get().map(|name| name.rsplit('/').next().unwrap_or(&name).replace('_', " "));
        let zone = city.map(|city| format!(" · {city} time")).unwrap_or_default();
        format!("{}{zone}", words())
    };
    // On a phone there is room for words only where they tell something.
    let sign = Signal::derive(move || match live.link.get() {
        Link::Down => "live told",
        Link::Up if live.is_held.get() => "live told",
        _ => "live",
    });
    view! {
        <p class=sign role="status">
            <span class=class></span>
            <span>{text(words)}</span>
        </p>
    }
    .into_any()
}

/// Says that the session ended under the open page, with the way back to it.
#[component]
fn Ended() -> AnyView {
    let live = expect_context::<Live>();
    let location = use_location();
    only_if(
        move || live.has_ended.get(),
        move || {
            let back = address("/login", &[("next", Address::of(&location).0)]);
            view! {
                <p class="notice bad" role="alert">
                    "Your session has ended: what this page shows may be old. "
                    // A full load, since who is signed in is another thing now.
                    <a class="btn small" href=back rel="external">"Sign in again"</a>
                </p>
            }
            .into_any()
        },
    )
}

/// Says that what the page shows could not be had again, and why.
fn stale() -> AnyView {
    let live = expect_context::<Live>();
    let reason = Memo::new(move |_| live.staleness());
    part(move || match reason.get() {
        None => nothing(),
        Some(reason) => {
            let words =
                format!("Not up to date: {reason} The page shows what it had, and asks again by itself. ");
            view! {
                <p class="notice warn" role="status">
                    {words}
                    <button class="btn small" on:click=move |_| live.touch_all()>"Ask now"</button>
                </p>
            }
            .into_any()
        }
    })
}

/// Says that the server was updated under the open page.
#[component]
fn Outdated() -> AnyView {
    let live = expect_context::<Live>();
    only_if(
        move || live.is_outdated(),
        || {
            view! {
                <p class="notice" role="status">
                    "Etiqa was updated. "
                    <button class="btn small" on:click=|_| browser::reload()>"Reload this page"</button>
                </p>
            }
            .into_any()
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_current_on_its_page_and_on_those_below() {
        assert!(is_below("/backup", "/backup/"));
        assert!(is_below("/backup/run/7", "/backup/"));
        assert!(is_below("/", "/"));
        assert!(!is_below("/backups", "/backup/"));
        assert!(!is_below("/devices/", "/"));
    }
}
