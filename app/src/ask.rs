//! Asking server functions for what a page shows.
//!
//! What is asked for is fetched while the server renders, handed to the browser within the page, and asked again
//! when the arguments or the topics it depends on change; the old answer stays on the screen meanwhile.
//!
//! Answers travel as JSON text and are read where they are shown. So there is one resource type for the whole app,
//! and each answer's type has its parser in the WASM once: with a `Resource` and a client stub per server function,
//! the download was a quarter larger.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use etiqa_model::UserError;
use etiqa_model::event::Topic;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use serde::Serialize;
use serde::de::DeserializeOwned;
#[cfg(feature = "ssr")]
use tracing::Instrument;

use crate::api::AppError;
use crate::live::Live;

/// The JSON of an answer.
type Json = Result<String, AppError>;
type Fetching = Pin<Box<dyn Future<Output = Json> + Send>>;

/// What was asked for, as a `T`.
pub(crate) struct Asked<T> {
    answer: Resource<Json>,
    again: RwSignal<u32>,
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for Asked<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Asked<T> {}

impl<T> Asked<T> {
    /// Asks anew as well whenever this changes: a form is opened on a thing as it is then.
    pub(crate) fn anew_with(self, chosen: Memo<String>) -> Self {
        kept::anew_with(self.again, chosen);
        self
    }

    /// Asks every minute as well, for an answer that time alone can change: no event tells of that.
    pub(crate) fn each_minute(self) -> Self {
        kept::each_minute(self.again);
        self
    }
}

impl<T: DeserializeOwned> Asked<T> {
    /// The answer. Within a `Suspend` it is followed: what awaits it runs again when it changes.
    pub(crate) async fn get(self) -> Result<T, AppError> {
        parsed(&self.answer.await?)
    }

    /// The answer, once it is there, outside of any `Suspend`.
    #[cfg(feature = "hydrate")]
    pub(crate) fn now(self) -> Option<T> {
        self.answer.with(|answer| match answer {
            Some(Ok(json)) => parsed(json).ok(),
            _ => None,
        })
    }
}

/// Asks a server function, and again when its arguments or one of `topics` change.
pub(crate) fn ask<Function>(
    topics: &'static [Topic],
    arguments: impl Fn() -> Function + Send + Sync + 'static,
) -> Asked<Function::Output>
where
    Function: ServerFn<Error = AppError> + Serialize + Send + 'static,
    Function::Output: Serialize,
{
    let arguments = Arc::new(arguments);
    let key = {
        let arguments = arguments.clone();
        Box::new(move || encoded(&arguments()))
    };
    asked(topics, key, Box::new(move || Box::pin(json_of(arguments()))))
}

/// Like [`ask`], but only while there are arguments; none otherwise.
pub(crate) fn ask_if<Function>(
    topics: &'static [Topic],
    arguments: impl Fn() -> Option<Function> + Send + Sync + 'static,
) -> Asked<Option<Function::Output>>
where
    Function: ServerFn<Error = AppError> + Serialize + Send + 'static,
    Function::Output: Serialize,
{
    let arguments = Arc::new(arguments);
    let key = {
        let arguments = arguments.clone();
        Box::new(move || key_of(arguments().as_ref()))
    };
    let fetch = move || -> Fetching {
        match arguments() {
            Some(arguments) => Box::pin(json_of(arguments)),
            None => Box::pin(std::future::ready(Ok("null".to_owned()))),
        }
    };
    asked(topics, key, Box::new(fetch))
}

/// Fetches what takes more than one function, again when `key` changes. `fetch` gives the JSON of a `T`.
pub(crate) fn ask_with<T, Answer>(
    topics: &'static [Topic],
    key: impl Fn() -> String + Send + Sync + 'static,
    fetch: impl Fn() -> Answer + Send + Sync + 'static,
) -> Asked<T>
where
    Answer: Future<Output = Json> + Send + 'static,
{
    asked(topics, Box::new(key), Box::new(move || Box::pin(fetch())))
}

fn asked<T>(
    topics: &'static [Topic],
    key: Box<dyn Fn() -> String + Send + Sync>,
    fetch: Box<dyn Fn() -> Fetching + Send + Sync>,
) -> Asked<T> {
    let (answer, again) = resource(topics, key, fetch);
    Asked { answer, again, of: PhantomData }
}

/// Not generic, so that it is there once.
fn resource(
    topics: &'static [Topic],
    key: Box<dyn Fn() -> String + Send + Sync>,
    fetch: Box<dyn Fn() -> Fetching + Send + Sync>,
) -> (Resource<Json>, RwSignal<u32>) {
    let live = expect_context::<Live>();
    let again = RwSignal::new(0);
    let source = Box::new(move || (key(), live.beats(topics), again.get()));
    (kept::resource(live, again, source, fetch), again)
}

/// The arguments, how often a topic changed, and how often it was asked again by itself.
type Source = (String, u32, u32);

#[cfg(not(feature = "hydrate"))]
mod kept {
    use leptos::prelude::*;

    use super::{Fetching, Json, Source};
    use crate::live::Live;

    pub(super) fn resource(
        _live: Live,
        _again: RwSignal<u32>,
        source: Box<dyn Fn() -> Source + Send + Sync>,
        fetch: Box<dyn Fn() -> Fetching + Send + Sync>,
    ) -> Resource<Json> {
        Resource::new(source, move |_| fetch())
    }

    pub(super) fn each_minute(_again: RwSignal<u32>) {}

    pub(super) fn anew_with(_again: RwSignal<u32>, _chosen: Memo<String>) {}
}

/// What was shown stays when it cannot be had again: the page says so, and asks again by itself.
#[cfg(feature = "hydrate")]
mod kept {
    use std::sync::{Arc, OnceLock};

    use etiqa_model::{ErrorKind, Timestamp};
    use leptos::prelude::*;

    use super::{Fetching, Json, Source};
    use crate::clock::Clock;
    use crate::live::{Live, ask_later, ask_soon, call_off};

    pub(super) fn resource(
        live: Live,
        again: RwSignal<u32>,
        source: Box<dyn Fn() -> Source + Send + Sync>,
        fetch: Box<dyn Fn() -> Fetching + Send + Sync>,
    ) -> Resource<Json> {
        // What the last good answer was for. The first one may have come within the page.
        let asked = StoredValue::new(untrack(&source).0);
        let itself = Arc::new(OnceLock::new());
        let fetch = {
            let itself = Arc::clone(&itself);
            move |(key, ..): Source| {
                let (answer, itself) = (fetch(), Arc::clone(&itself));
                async move {
                    match answer.await {
                        Err(error) if may_pass(error.0.kind) => {
                            let is_same = asked.try_with_value(|asked| *asked == key).unwrap_or(false);
                            let Some(shown) = shown(itself.get()).filter(|_| is_same) else {
                                // The page says so in the answer's own place.
                                settle(live, again);
                                return Err(error);
                            };
                            live.note_stale(again, error.0.message);
                            ask_later(again);
                            Ok(shown)
                        }
                        answer => {
                            settle(live, again);
                            if answer.is_ok() {
                                asked.try_set_value(key);
                            }
                            answer
                        }
                    }
                }
            }
        };
        let resource = Resource::new(source, fetch);
        let _ = itself.set(resource);
        on_cleanup(move || settle(live, again));
        resource
    }

    /// There is an answer, or nobody waits for one any more.
    fn settle(live: Live, again: RwSignal<u32>) {
        live.note_current(again);
        call_off(again);
    }

    pub(super) fn anew_with(again: RwSignal<u32>, chosen: Memo<String>) {
        Effect::new(move |before: Option<String>| {
            let chosen = chosen.get();
            if before.is_some_and(|before| before != chosen) {
                again.update(|again| *again += 1);
            }
            chosen
        });
    }

    pub(super) fn each_minute(again: RwSignal<u32>) {
        let minute = expect_context::<Clock>().minute;
        Effect::new(move |before: Option<Timestamp>| {
            let minute = minute.get();
            if before.is_some_and(|before| before != minute) {
                ask_soon(again);
            }
            minute
        });
    }

    /// The good answer that a resource still has.
    fn shown(resource: Option<&Resource<Json>>) -> Option<String> {
        resource?.try_with_untracked(|shown| shown.as_ref()?.as_ref().ok().cloned()).flatten()
    }

    /// Whether the same question may be answered in a moment. Anything else is the answer: what is gone is gone, and who
    /// may not see it any more must not.
    fn may_pass(kind: ErrorKind) -> bool {
        matches!(kind, ErrorKind::Unavailable | ErrorKind::TooMany | ErrorKind::Internal)
    }
}

/// Asks once, now.
pub(crate) async fn once<Function>(arguments: Function) -> Result<Function::Output, AppError>
where
    Function: ServerFn<Error = AppError> + Serialize + Send,
    Function::Output: Serialize + DeserializeOwned,
{
    parsed(&json_of(arguments).await?)
}

fn parsed<T: DeserializeOwned>(json: &str) -> Result<T, AppError> {
    crate::json::parsed(json).ok_or_else(|| AppError(UserError::internal()))
}

fn encoded<Function: Serialize>(arguments: &Function) -> String {
    serde_qs::to_string(arguments).unwrap_or_default()
}

/// What tells one question from another. Not to ask is told from asking without arguments, which are encoded as nothing;
/// any others have a `=`.
fn key_of<Function: Serialize>(arguments: Option<&Function>) -> String {
    arguments.map_or_else(|| "none".to_owned(), encoded)
}

/// Asks once, now; gives the JSON of the answer.
#[cfg(feature = "hydrate")]
pub(crate) fn json_of<Function>(arguments: Function) -> impl Future<Output = Json> + Send
where
    Function: ServerFn<Error = AppError> + Serialize,
{
    crate::rpc::post(Function::PATH, encoded(&arguments))
}

/// Asks once, now; gives the JSON of the answer.
#[cfg(not(feature = "hydrate"))]
pub(crate) async fn json_of<Function>(arguments: Function) -> Json
where
    Function: ServerFn<Error = AppError> + Serialize + Send,
    Function::Output: Serialize,
{
    let running = arguments.run_body();
    // A page asks in tasks of their own, which know nothing of the request unless they are told.
    #[cfg(feature = "ssr")]
    let running = running.instrument(crate::api::context::span_of_request());
    let output = running.await?;
    serde_json::to_string(&output).map_err(|_| AppError(UserError::internal()))
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;
    use crate::api::find::FindPage;
    use crate::api::overview::GetOverview;

    #[test]
    fn to_ask_nothing_is_another_question_than_to_ask_without_arguments() {
        assert_ne!(key_of::<GetOverview>(None), key_of(Some(&GetOverview {})));
        assert_ne!(key_of::<FindPage>(None), key_of(Some(&FindPage { search: String::new() })));
        assert_ne!(key_of::<FindPage>(None), key_of(Some(&FindPage { search: "none".to_owned() })));
    }
}
