//! What became of messages.

use serde::{Deserialize, Serialize};

use super::ChannelKind;
use crate::field::by_name;
use crate::{DeliveryId, Timestamp};

/// Where a message to one channel stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// To be sent.
    Waiting,
    /// The other side took it.
    Sent,
    /// It was refused, or could not be sent for two days.
    Failed,
    /// Too many waited: it was given up for newer ones.
    Dropped,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: &[Self] = &[Self::Waiting, Self::Sent, Self::Failed, Self::Dropped];

    /// The name in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }

    /// For a person.
    pub fn label(self) -> &'static str {
        match self {
            Self::Waiting => "Waiting",
            Self::Sent => "Sent",
            Self::Failed => "Given up",
            Self::Dropped => "Dropped",
        }
    }

    /// The state of this name.
    pub fn parse(name: &str) -> Result<Self, String> {
        by_name("state of a delivery", name, Self::ALL, Self::as_str)
    }
}

/// One try to send a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it began.
    pub at: Timestamp,
    /// Milliseconds that it took.
    pub duration_ms: u64,
    /// Whether the other side took the message.
    pub is_good: bool,
    /// What it answered, or why there was no answer.
    pub answer: String,
}

/// A message to one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Row id.
    pub id: DeliveryId,
    /// The message's own id, the same each time that it is sent.
    pub message_id: String,
    /// The channel's name.
    pub channel: String,
    /// What kind of channel that is.
    pub kind: ChannelKind,
    /// The rule that it is of; empty for tests and heartbeats.
    pub rule: String,
    /// One line.
    pub title: String,
    /// All of it, but for the end of a very long one.
    pub text: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it is tried next, at the earliest; of no meaning once it is over.
    pub due_at: Timestamp,
    /// When it was sent or given up.
    pub ended_at: Option<Timestamp>,
    /// How often it was tried.
    pub tries: u32,
    /// The newest tries, the newest first.
    pub attempts: Vec<Attempt>,
}

/// Some deliveries, and whether there are older ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryPage {
    /// Newest first.
    pub rows: Vec<Delivery>,
    /// Those before this one come next; none: there are none.
    pub next: Option<DeliveryId>,
}
