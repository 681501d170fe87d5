//! "Look again": what live pages listen to. An event only points at the database, it carries no state.

use etiqa_model::event::{Event, Topic};
use tokio::sync::broadcast;

/// Events that a slow listener may miss before it is told to look at everything again.
const BACKLOG: usize = 256;

/// Hands events to everybody who listens; cheap to clone.
#[derive(Debug, Clone)]
pub struct Events {
    sender: broadcast::Sender<Event>,
    /// Those that began in this process.
    own: broadcast::Sender<Event>,
}

impl Default for Events {
    fn default() -> Self {
        Self { sender: broadcast::channel(BACKLOG).0, own: broadcast::channel(BACKLOG).0 }
    }
}

impl Events {
    /// Tells everybody that something of a topic changed; `id` narrows it to one row.
    pub fn send(&self, topic: Topic, id: impl Into<Option<i64>>) {
        let event = Event { topic, id: id.into() };
        // Nobody listening is fine.
        let _ = self.own.send(event);
        let _ = self.sender.send(event);
    }

    /// Tells everybody here what another process told.
    pub(crate) fn repeat(&self, event: Event) {
        let _ = self.sender.send(event);
    }

    /// Listens from now on.
    pub fn listen(&self) -> broadcast::Receiver<Event> {
        self.sender.subscribe()
    }

    /// Listens from now on to what begins in this process.
    pub(crate) fn listen_to_own(&self) -> broadcast::Receiver<Event> {
        self.own.subscribe()
    }
}
