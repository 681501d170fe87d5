//! "Look again": what live pages listen to. An event only points at the database, it carries no state.

use etiqa_model::event::{Event, Topic};
use tokio::sync::broadcast;

/// Events that a slow listener may miss before it is told to look at everything again.
const BACKLOG: usize = 256;

/// Hands events to everybody who listens; cheap to clone.
#[derive(Debug, Clone)]
pub struct Events {
    sender: broadcast::Sender<Event>,
}

impl Default for Events {
    fn default() -> Self {
        Self { sender: broadcast::channel(BACKLOG).0 }
    }
}

impl Events {
    /// Tells everybody that something of a topic changed; `id` narrows it to one row.
    pub fn send(&self, topic: Topic, id: impl Into<Option<i64>>) {
        // Nobody listening is fine.
        let _ = self.sender.send(Event { topic, id: id.into() });
    }

    /// Listens from now on.
    pub fn listen(&self) -> broadcast::Receiver<Event> {
        self.sender.subscribe()
    }
}
