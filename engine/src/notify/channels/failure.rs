//! Why a message was not taken. Whether it is tried again reads what the failure says of itself, never its words.

use std::fmt;
use std::io;
use std::time::Duration;

use crate::outgoing::NoWay;

/// What is to be expected of another try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::notify) enum Outlook {
    /// It may go by itself.
    Temporary,
    /// A person must mend the channel, here or there.
    Permanent,
    /// The channel works; this message is not taken.
    OneMessage,
}

/// Why a message was not taken; one sentence, without any secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::notify) struct Failure {
    pub(in crate::notify) message: String,
    pub(in crate::notify) outlook: Outlook,
    /// The other side wants to be left alone for so long.
    pub(in crate::notify) retry_after: Option<Duration>,
}

impl Failure {
    pub(super) fn temporary(message: impl Into<String>) -> Self {
        Self { message: message.into(), outlook: Outlook::Temporary, retry_after: None }
    }

    pub(in crate::notify) fn permanent(message: impl Into<String>) -> Self {
        Self { message: message.into(), outlook: Outlook::Permanent, retry_after: None }
    }

    pub(super) fn of_message(message: impl Into<String>) -> Self {
        Self { message: message.into(), outlook: Outlook::OneMessage, retry_after: None }
    }

    /// A connection that could not be made, or broke.
    pub(super) fn of_connection(error: &io::Error) -> Self {
        Self::temporary(format!("The server cannot be reached: {error}."))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<NoWay> for Failure {
    fn from(error: NoWay) -> Self {
        match error {
            NoWay::Refused(refused) => Self::permanent(refused.to_string()),
            NoWay::Unknown(_) => Self::temporary(error.to_string()),
        }
    }
}
