//! Live pages: the server says where to look again, and the resources of the page do.
//!
//! An event never carries data. Bursts collapse into one look; the old data stays on the screen
//! meanwhile.

use std::any::Any;
use std::fmt::Debug;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use etiqa_model::UserError;
use etiqa_model::event::Topic;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::api::AppError;
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

    fn beats(self, topics: &[Topic]) -> u32 {
        topics.iter().fold(0, |sum: u32, topic| sum.wrapping_add(self.beats[slot(*topic)].get()))
    }
}

/// Something that was asked of the server, and is asked again when it changes.
///
/// Resources are generic all through; here they hold one type, and what they hold is opened where it is shown. Each
/// type of its own would cost some fifteen kilobytes of WASM.
#[derive(Debug)]
pub(crate) struct Asked<T> {
    held: Resource<Result<Held, AppError>>,
    _answer: PhantomData<fn() -> T>,
}

impl<T> Clone for Asked<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Asked<T> {}

impl<T: Clone + DeserializeOwned + Send + Sync + 'static> Asked<T> {
    /// The answer, once it is there.
    pub(crate) async fn open(self) -> Result<T, AppError> {
        self.held.await.and_then(|held| held.open())
    }
}

impl<T> Asked<T> {
    /// What is held, for [`Loaded`](crate::components::Loaded), which opens it.
    pub(crate) fn held(self) -> Resource<Result<Held, AppError>> {
        self.held
    }
}

/// An answer: as JSON on its way to the browser, and as a value once it was asked from there.
#[derive(Debug, Clone)]
pub(crate) enum Held {
    Json(String),
    #[cfg_attr(
        not(feature = "hydrate"),
        expect(dead_code, reason = "only a browser holds what it asked itself")
    )]
    Value(Arc<dyn Any + Send + Sync>),
}

impl Held {
    #[cfg(feature = "hydrate")]
    #[expect(clippy::unnecessary_wraps, reason = "the server's side of it can fail")]
    fn new<T: Serialize + Send + Sync + 'static>(value: T) -> Result<Self, AppError> {
        Ok(Self::Value(Arc::new(value)))
    }

    #[cfg(not(feature = "hydrate"))]
    fn new<T: Serialize + Send + Sync + 'static>(value: T) -> Result<Self, AppError> {
        serde_json::to_string(&value).map(Self::Json).map_err(|_| AppError(UserError::internal()))
    }

    /// The value. Fails only where the page and the server are of different builds.
    pub(crate) fn open<T: Clone + DeserializeOwned + 'static>(&self) -> Result<T, AppError> {
        let value = match self {
            // From bytes, as server functions read theirs, so that the code is there once.
            Self::Json(text) => serde_json::from_slice(text.as_bytes()).ok(),
            Self::Value(value) => value.downcast_ref::<T>().cloned(),
        };
        value.ok_or_else(|| AppError(UserError::internal()))
    }
}

impl Serialize for Held {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Json(text) => serializer.serialize_str(text),
            Self::Value(_) => Err(serde::ser::Error::custom("only a server sends what it holds")),
        }
    }
}

impl<'de> Deserialize<'de> for Held {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::Json)
    }
}

/// Asks the server; again when `source` changes.
pub(crate) fn ask<S, T, Answer>(
    source: impl Fn() -> S + Send + Sync + 'static,
    fetch: impl Fn(S) -> Answer + Send + Sync + 'static,
) -> Asked<T>
where
    S: Debug + 'static,
    T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
    Answer: Future<Output = Result<T, AppError>> + Send + 'static,
{
    live_resource(&[], source, fetch)
}

/// Asks the server; again when `source` changes or one of `topics` does.
pub(crate) fn live_resource<S, T, Answer>(
    topics: &'static [Topic],
    source: impl Fn() -> S + Send + Sync + 'static,
    fetch: impl Fn(S) -> Answer + Send + Sync + 'static,
) -> Asked<T>
where
    S: Debug + 'static,
    T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
    Answer: Future<Output = Result<T, AppError>> + Send + 'static,
{
    let source = Arc::new(source);
    let key = {
        let source = Arc::clone(&source);
        Box::new(move || format!("{:?}", source()))
    };
    let fetch = Box::new(move || {
        let answer = fetch(untrack(|| source()));
        Box::pin(async move { Held::new(answer.await?) }) as Fetched
    });
    Asked { held: resource(topics, key, fetch), _answer: PhantomData }
}

type Fetched = Pin<Box<dyn Future<Output = Result<Held, AppError>> + Send>>;

fn resource(
    topics: &'static [Topic],
    key: Box<dyn Fn() -> String + Send + Sync>,
    fetch: Box<dyn Fn() -> Fetched + Send + Sync>,
) -> Resource<Result<Held, AppError>> {
    let live = expect_context::<Live>();
    Resource::new(move || (key(), live.beats(topics)), move |_| fetch())
}

/// Has everything that shows `topics` look again whenever a form was answered.
pub(crate) fn touch_after<S: ServerFn>(post: Post<S>, topics: &'static [Topic]) {
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
