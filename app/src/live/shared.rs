//! One stream for all tabs: a browser opens only about six connections to a host, and each stream keeps one.
//!
//! The tab that holds a lock opens the stream and repeats to the others, over a channel, what it hears. When it closes,
//! the browser passes the lock to the tab that has waited longest. A browser has locks only for HTTPS and for its own
//! machine; elsewhere each tab opens a stream of its own.

use std::cell::{Cell, RefCell};

use leptos::prelude::*;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::js_sys::{Function, Promise, Reflect};
use web_sys::{BroadcastChannel, MessageEvent};

use super::heard::hear;
use super::stream::{self, Listener};
use super::{Link, Live};

/// The lock's name and the channel's.
const NAME: &str = "etiqa-events";
/// What a tab that joins says, so that the leader tells how things stand.
const ASK: &str = "ask";

#[wasm_bindgen]
extern "C" {
    /// `navigator.locks`, which web-sys counts as unstable.
    type Locks;
    /// Calls `granted` once the lock is this tab's; it is held until the promise that this gives is resolved.
    #[wasm_bindgen(method)]
    fn request(this: &Locks, name: &str, granted: &JsValue) -> Promise;
}

/// This tab's place among the others; dropping it gives up the lock.
struct Place {
    channel: BroadcastChannel,
    /// Gives the lock back; only the leader has it.
    release: Option<Function>,
    _listener: Listener,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.channel.close();
        if let Some(release) = &self.release {
            let _ = release.call0(&JsValue::UNDEFINED);
        }
    }
}

thread_local! {
    static PLACE: RefCell<Option<Place>> = const { RefCell::new(None) };
    /// How often this tab left. A lock that was asked for before is given back at once.
    static LEFT: Cell<u32> = const { Cell::new(0) };
}

/// Hears the stream from now on, this tab's own or another tab's.
pub(crate) fn connect(live: Live) {
    let (Some(locks), Ok(channel)) = (locks(), BroadcastChannel::new(NAME)) else {
        return stream::open(live);
    };
    let listener = Listener::new(move |message: MessageEvent| {
        let text = message.data().as_string().unwrap_or_default();
        if text == ASK {
            answer(live);
        } else if let Some((name, data)) = text.split_once(' ') {
            hear(live, name, data);
        }
    });
    channel.set_onmessage(Some(listener.as_ref().unchecked_ref()));
    let _ = channel.post_message(&ASK.into());
    PLACE.set(Some(Place { channel, release: None, _listener: listener }));

    let left = LEFT.get();
    let granted =
        Closure::once_into_js(move || if LEFT.get() == left { lead(live) } else { JsValue::UNDEFINED });
    let _ = locks.request(NAME, &granted);
}

/// Hears nothing any more; another tab may lead.
pub(crate) fn disconnect() {
    LEFT.set(LEFT.get() + 1);
    stream::close();
    PLACE.take();
}

/// What the stream said: taken in here, and repeated to the other tabs.
pub(super) fn tell(live: Live, name: &str, data: &str) {
    hear(live, name, data);
    repeat(name, data);
}

/// Opens the stream for all tabs. Gives what the lock waits for.
fn lead(live: Live) -> JsValue {
    // Between the last leader's stream and this one nobody listened: all tabs look again once the link is up.
    if live.link.get_untracked() != Link::Opening {
        tell(live, "error", "");
    }
    stream::open(live);
    let until_released = Promise::new(&mut |release, _| {
        PLACE.with_borrow_mut(|place| {
            if let Some(place) = place {
                place.release = Some(release);
            }
        });
    });
    until_released.into()
}

/// Tells a tab that joined how things stand, if this tab leads.
fn answer(live: Live) {
    let leads = PLACE.with_borrow(|place| place.as_ref().is_some_and(|place| place.release.is_some()));
    if !leads {
        return;
    }
    match live.link.get_untracked() {
        Link::Opening => {}
        Link::Up => repeat("open", ""),
        Link::Down => {
            repeat("error", "");
            // Somebody signed in, perhaps, after the stream was refused.
            stream::hurry(live);
        }
    }
    if let Some(build) = live.build.get_untracked() {
        repeat("hello", &build);
    }
}

fn repeat(name: &str, data: &str) {
    PLACE.with_borrow(|place| {
        if let Some(place) = place {
            let _ = place.channel.post_message(&format!("{name} {data}").into());
        }
    });
}

fn locks() -> Option<Locks> {
    let locks = Reflect::get(&window().navigator(), &"locks".into()).ok()?;
    locks.is_object().then(|| locks.unchecked_into())
}
