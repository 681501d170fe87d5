//! The stream of this tab: opened, and opened again whenever it breaks off.

use std::cell::{Cell, RefCell};

use gloo_timers::callback::Timeout;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{EventSource, MessageEvent};

use super::{Live, shared};
use crate::api::session::Whoami;
use crate::ask::once;

const FIRST_WAIT_MS: u32 = 1_000;
const LONGEST_WAIT_MS: u32 = 30_000;

/// What there is to hear: first the browser's own words, then the server's.
const NAMES: [&str; 5] = ["open", "error", "hello", "message", "again"];

/// Listens to messages of a stream or of other tabs.
pub(super) type Listener = Closure<dyn FnMut(MessageEvent)>;

/// An open stream with what listens to it; dropping it closes the stream.
struct Stream {
    source: EventSource,
    _listener: Listener,
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.source.close();
    }
}

thread_local! {
    static STREAM: RefCell<Option<Stream>> = const { RefCell::new(None) };
    /// The next try, while the stream is broken; dropping it calls it off.
    static RETRY: RefCell<Option<Timeout>> = const { RefCell::new(None) };
    /// Tries in a row that came to nothing.
    static FAILURES: Cell<u32> = const { Cell::new(0) };
}

/// Opens the stream, and again whenever it breaks off, until it is closed. What it says goes to [`shared::tell`].
pub(super) fn open(live: Live) {
    let Ok(source) = EventSource::new("/events") else { return };
    let listener = Listener::new({
        let source = source.clone();
        move |event: MessageEvent| {
            let name = event.type_();
            shared::tell(live, &name, &event.data().as_string().unwrap_or_default());
            if name == "open" {
                FAILURES.set(0);
            }
            // A browser tries again by itself only while it thinks the stream is there; a refusal ends it.
            if source.ready_state() == EventSource::CLOSED {
                tell_if_ended(live);
                open_later(live);
            }
        }
    });
    for name in NAMES {
        let _ = source.add_event_listener_with_callback(name, listener.as_ref().unchecked_ref());
    }
    STREAM.set(Some(Stream { source, _listener: listener }));
}

/// A stream does not say why it was refused; who is signed in is known elsewhere.
fn tell_if_ended(live: Live) {
    spawn_local(async move {
        if let Ok(None) = once(Whoami {}).await {
            shared::tell(live, "ended", "");
        }
    });
}

fn open_later(live: Live) {
    let failures = FAILURES.replace(FAILURES.get() + 1);
    let wait = FIRST_WAIT_MS.saturating_mul(1 << failures.min(5)).min(LONGEST_WAIT_MS);
    RETRY.set(Some(Timeout::new(wait, move || open(live))));
}

/// Tries at once, where a broken stream waits for its next try.
pub(super) fn hurry(live: Live) {
    if RETRY.take().is_some() {
        open(live);
    }
}

/// Closes the stream and calls off the next try.
pub(super) fn close() {
    RETRY.take();
    STREAM.take();
    FAILURES.set(0);
}
