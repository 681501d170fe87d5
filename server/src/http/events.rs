//! `GET /events`: the live stream. It says where to look again, and ends when the session or the program does.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::Extensions;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::routing::get;
use etiqa_app::api::context::{Caller, Context};
use etiqa_engine::Engine;
use etiqa_engine::access::identify_session;
use etiqa_model::user::Role;
use futures::Stream;
use futures::stream::unfold;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Interval;

use super::refusal::Refusal;

/// How often a stream looks whether its session still lives.
const LOOK_AT_SESSION_EVERY: Duration = Duration::from_secs(10);

pub(super) fn router(build: String) -> Router<Arc<Engine>> {
    Router::new().route("/events", get(move |engine, extensions| events(engine, extensions, build.clone())))
}

async fn events(
    State(engine): State<Arc<Engine>>,
    extensions: Extensions,
    build: String,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    let context = Context::require_in(&extensions, Role::Viewer)?;
    let listener = Listener {
        heard: engine.events.listen(),
        engine,
        caller: context.caller,
        hello: Some(Event::default().event("hello").data(build)),
        look: tokio::time::interval(LOOK_AT_SESSION_EVERY),
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
    caller: Caller,
    hello: Option<Event>,
    look: Interval,
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
                    if !self.session_lives().await {
                        return None;
                    }
                }
                heard = self.heard.recv() => match heard {
                    Ok(event) => return Event::default().json_data(event).ok(),
                    // Too slow to hear each: look at everything again.
                    Err(RecvError::Lagged(_)) => return Some(Event::default().event("again").data("")),
                    Err(RecvError::Closed) => return None,
                },
            }
        }
    }

    async fn session_lives(&self) -> bool {
        match &self.caller.session {
            Some(session) => !matches!(identify_session(&self.engine.db, session.reveal()).await, Ok(None)),
            None => true,
        }
    }
}
