//! Live pages: the server says where to look again, and what the page asked for is asked again.
//!
//! An event never carries data. Bursts collapse into one look; the old data stays on the screen
//! meanwhile.

use etiqa_model::event::Topic;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use crate::post::Post;

/// How the live stream stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "hydrate"), expect(dead_code, reason = "only a browser opens the stream"))]
pub(crate) enum Link {
    /// Not opened yet.
    Opening,
    /// Events come.
    Up,
    /// It broke off and is being opened again.
    Down,
}

/// The live stream, as a context.
#[derive(Clone, Copy)]
pub(crate) struct Live {
    /// How often each topic changed, in the order of [`slot`].
    beats: [RwSignal<u32>; 4],
    /// How often a person asked for all of it again.
    all: RwSignal<u32>,
    /// How the stream stands.
    pub(crate) link: RwSignal<Link>,
    /// Whether the server hands out another build than this page's.
    pub(crate) is_outdated: RwSignal<bool>,
}

fn slot(topic: Topic) -> usize {
    match topic {
        Topic::Runs => 0,
        Topic::BackupConfigs => 1,
        Topic::Devices => 2,
        Topic::Admin => 3,
    }
}

impl Live {
    /// Provides it to everything below.
    pub(crate) fn provide() -> Self {
        let live = Self {
            beats: std::array::from_fn(|_| RwSignal::new(0)),
            all: RwSignal::new(0),
            link: RwSignal::new(Link::Opening),
            is_outdated: RwSignal::new(false),
        };
        provide_context(live);
        live
    }

    /// Has everything that shows `topic` look again.
    pub(crate) fn touch(self, topic: Topic) {
        self.beats[slot(topic)].update(|beats| *beats = beats.wrapping_add(1));
    }

    /// Has everything on the page look again.
    pub(crate) fn touch_all(self) {
        self.all.update(|beats| *beats = beats.wrapping_add(1));
    }

    /// A number that changes whenever one of `topics` does.
    pub(crate) fn beats(self, topics: &[Topic]) -> u32 {
        topics.iter().fold(self.all.get(), |sum, topic| sum.wrapping_add(self.beats[slot(*topic)].get()))
    }
}

/// Has everything that shows `topics` look again whenever a form was answered.
pub(crate) fn touch_after<Function: ServerFn>(post: Post<Function>, topics: &'static [Topic]) {
    touch_after_answers(post.version(), topics);
}

fn touch_after_answers(answers: Signal<usize>, topics: &'static [Topic]) {
    let live = expect_context::<Live>();
    Effect::new(move || {
        if answers.get() > 0 {
            for topic in topics {
                live.touch(*topic);
            }
        }
    });
}

#[cfg(feature = "hydrate")]
pub(crate) use stream::{connect, disconnect};

#[cfg(feature = "hydrate")]
mod stream {
    use std::cell::{Cell, RefCell};

    use etiqa_model::event::{Event, Topic};
    use gloo_timers::callback::Timeout;
    use leptos::prelude::*;
    use wasm_bindgen::JsCast;
    use wasm_bindgen::closure::Closure;
    use web_sys::{EventSource, MessageEvent};

    use super::{Link, Live, slot};

    /// At most one look again per so many milliseconds.
    const COLLAPSE_MS: u32 = 300;
    const FIRST_WAIT_MS: u32 = 1_000;
    const LONGEST_WAIT_MS: u32 = 30_000;

    type OnMessage = Closure<dyn FnMut(MessageEvent)>;
    type OnEvent = Closure<dyn FnMut()>;

    /// An open stream with the closures that listen to it; dropping it closes the stream.
    struct Stream {
        source: EventSource,
        _listeners: (OnMessage, OnMessage, OnEvent, OnEvent),
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
        /// Topics that changed since the last look, by slot.
        static CHANGED: Cell<[bool; 4]> = const { Cell::new([false; 4]) };
        static IS_WAITING: Cell<bool> = const { Cell::new(false) };
    }

    /// Opens the stream, and again whenever it breaks off, for ever.
    pub(crate) fn connect(live: Live) {
        connect_after_failures(live, 0);
    }

    /// Closes the stream and calls off the next try.
    pub(crate) fn disconnect() {
        RETRY.with(RefCell::take);
        STREAM.with(RefCell::take);
    }

    fn connect_after_failures(live: Live, failures: u32) {
        let Ok(source) = EventSource::new("/events") else { return };
        let failures = std::rc::Rc::new(Cell::new(failures));

        let on_message = OnMessage::new(move |message: MessageEvent| {
            let text = message.data().as_string().unwrap_or_default();
            if let Ok(event) = leptos::serde_json::from_str::<Event>(&text) {
                note(live, &[event.topic]);
            }
        });
        let on_hello = OnMessage::new(move |message: MessageEvent| {
            let theirs = message.data().as_string().unwrap_or_default();
            live.is_outdated.set(build_of_page().is_some_and(|ours| ours != theirs));
        });
        let on_open = OnEvent::new({
            let failures = failures.clone();
            move || {
                failures.set(0);
                // Whatever happened while nobody listened is not told again.
                if live.link.get_untracked() == Link::Down {
                    note(live, &[Topic::Runs, Topic::BackupConfigs, Topic::Devices, Topic::Admin]);
                }
                live.link.set(Link::Up);
            }
        });
        let on_error = OnEvent::new({
            let source = source.clone();
            move || {
                live.link.set(Link::Down);
                // A browser tries again by itself only while it thinks the stream is there; a refusal ends it.
                if source.ready_state() == EventSource::CLOSED {
                    let count = failures.get();
                    let wait = FIRST_WAIT_MS.saturating_mul(1 << count.min(5)).min(LONGEST_WAIT_MS);
                    let retry = Timeout::new(wait, move || connect_after_failures(live, count + 1));
                    RETRY.with(|slot| *slot.borrow_mut() = Some(retry));
                }
            }
        });
        source.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        source.set_onopen(Some(on_open.as_ref().unchecked_ref()));
        source.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        let _ = source.add_event_listener_with_callback("hello", on_hello.as_ref().unchecked_ref());
        let stream = Stream { source, _listeners: (on_message, on_hello, on_open, on_error) };
        STREAM.with(|slot| *slot.borrow_mut() = Some(stream));
    }

    /// Has the topics looked at again, soon and together.
    fn note(live: Live, topics: &[Topic]) {
        let mut changed = CHANGED.get();
        for topic in topics {
            changed[slot(*topic)] = true;
        }
        CHANGED.set(changed);
        if IS_WAITING.replace(true) {
            return;
        }
        Timeout::new(COLLAPSE_MS, move || {
            IS_WAITING.set(false);
            for (signal, has_changed) in live.beats.iter().zip(CHANGED.take()) {
                if has_changed {
                    signal.update(|beats| *beats = beats.wrapping_add(1));
                }
            }
        })
        .forget();
    }

    fn build_of_page() -> Option<String> {
        document().query_selector("meta[name=build]").ok()??.get_attribute("content")
    }
}
