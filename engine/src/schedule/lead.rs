//! Whether this process leads: only then does its scheduler act.

use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

/// The lead, as far as this process knows. It is lost by itself when it was not renewed in time, whatever the reason.
#[derive(Debug, Default)]
pub struct Lead {
    held: Mutex<Held>,
    taken: Notify,
}

#[derive(Debug, Clone, Copy, Default)]
enum Held {
    #[default]
    No,
    Until(Instant),
    /// Nobody else could have it.
    Alone,
}

impl Held {
    fn is_now(self) -> bool {
        match self {
            Self::No => false,
            Self::Until(until) => until > Instant::now(),
            Self::Alone => true,
        }
    }
}

impl Lead {
    /// It is this process's until then.
    pub(crate) fn hold(&self, until: Instant) {
        self.set(Held::Until(until));
    }

    /// It is this process's, until it lets go of it.
    pub(crate) fn keep(&self) {
        self.set(Held::Alone);
    }

    /// It is not this process's.
    pub(crate) fn lose(&self) {
        self.set(Held::No);
    }

    /// Whether it is this process's now.
    pub fn is_held(&self) -> bool {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).is_now()
    }

    /// Waits until this process has it.
    pub(crate) async fn taken(&self) {
        while !self.is_held() {
            self.taken.notified().await;
        }
    }

    fn set(&self, held: Held) {
        let mut known = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let was_held = known.is_now();
        *known = held;
        drop(known);
        if held.is_now() && !was_held {
            self.taken.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_lead_that_is_not_renewed_is_lost_by_itself_and_can_be_had_again() {
        let lead = Lead::default();
        assert!(!lead.is_held());
        lead.hold(Instant::now() + Duration::from_mins(1));
        lead.taken().await;
        assert!(lead.is_held());
        lead.hold(Instant::now());
        assert!(!lead.is_held(), "its time is over");
        let again = async { lead.hold(Instant::now() + Duration::from_mins(1)) };
        tokio::join!(lead.taken(), again);
        lead.lose();
        assert!(!lead.is_held());
        lead.keep();
        assert!(lead.is_held(), "without an end");
    }
}
