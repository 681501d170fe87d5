//! `GET /events`: the live stream. It says where to look again, and ends when the session or the program does.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::{Extensions, HeaderMap};
use axum::response::sse::{Event, KeepAlive, Sse};
use etiqa_app::api::context::Context;
use etiqa_engine::Engine;
use etiqa_engine::access::{About, identify_token, is_session};
use etiqa_model::Secret;
use etiqa_model::event::Topic;
use etiqa_model::user::Role;
use futures::Stream;
use futures::stream::unfold;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Interval;

use super::gate::bearer_token;
use super::refusal::Refusal;
use super::routes::Route;

/// How often a stream looks whether its session or token still works.
const LOOK_EVERY: Duration = Duration::from_secs(10);

pub(super) fn routes(build: &str) -> Vec<Route> {
    let build = build.to_owned();
    let answer = move |engine: State<Arc<Engine>>, extensions: Extensions, headers: HeaderMap| {
        events(engine, extensions, headers, build.clone())
    };
    vec![Route::get("/events", answer)]
}

/// An event has a topic and the number of a row, and no name: everybody may hear all of them. What there is to see they ask
/// for then, as any page does.
async fn events(
    State(engine): State<Arc<Engine>>,
    extensions: Extensions,
    headers: HeaderMap,
    build: String,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    let context = Context::require_in(&extensions, Role::Viewer, About::Seen).await?;
    let listener = Listener {
        heard: engine.events.listen(),
        engine,
        token: bearer_token(&headers).map(Secret::new),
        session: context.caller.session,
        hello: Some(Event::default().event("hello").data(build)),
        look: tokio::time::interval(LOOK_EVERY),
        _open: Open::new(),
    };
    let stream = unfold(listener, |mut listener| async {
        let event = listener.next().await?;
        Some((Ok(event), listener))
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

struct Listener {
    heard: Receiver<etiqa_model::event::Event>,
    engine: Arc<Engine>,
    token: Option<Secret>,
    session: Option<Secret>,
    hello: Option<Event>,
    look: Interval,
    _open: Open,
}

/// How many streams are open in this process.
static OPEN: AtomicU64 = AtomicU64::new(0);

/// How many streams are open.
pub(super) fn open() -> u64 {
    OPEN.load(Ordering::Relaxed)
}

/// One of them, until it is dropped.
struct Open;

impl Open {
    fn new() -> Self {
        OPEN.fetch_add(1, Ordering::Relaxed);
        Self
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Listener {
    /// The next thing to say; none: the stream is over.
    async fn next(&mut self) -> Option<Event> {
        if let Some(hello) = self.hello.take() {
            return Some(hello);
        }
        loop {
            tokio::select! {
                () = self.engine.stopping.cancelled() => return None,
                _ = self.look.tick() => {
                    if !self.is_still_let_in().await {
                        return None;
                    }
                }
                heard = self.heard.recv() => match heard {
                    Ok(event) => {
                        // Sessions and tokens are among what has changed.
                        if event.topic == Topic::Admin && !self.is_still_let_in().await {
                            return None;
                        }
                        return Event::default().json_data(event).ok();
                    }
                    // Too slow to hear each: look at everything again.
                    Err(RecvError::Lagged(_)) => return Some(Event::default().event("again").data("")),
                    Err(RecvError::Closed) => return None,
                },
            }
        }
    }

    /// Whether the token or the session that opened the stream still works. A database that does not answer just now
    /// ends nothing.
    async fn is_still_let_in(&self) -> bool {
        let door = self.engine.door();
        let is_let_in = match (&self.token, &self.session) {
            (Some(token), _) => identify_token(door, token.reveal()).await.map(|found| found.is_some()),
            // A page that is only open does nothing: that is not to keep its session from ending.
            (None, Some(session)) => is_session(door, session.reveal()).await,
            (None, None) => return false,
        };
        is_let_in.unwrap_or(true)
    }
}
