//! Whether this process leads: only then does its scheduler act.

use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

/// The lead, as far as this process knows. It is lost by itself when it was not renewed in time, whatever the reason.
#[derive(Debug, Default)]
pub struct Lead {
    until: Mutex<Option<Instant>>,
    taken: Notify,
}

impl Lead {
    /// It is this process's until then.
    pub(crate) fn hold(&self, until: Instant) {
        let before = self.until.lock().unwrap_or_else(PoisonError::into_inner).replace(until);
        if before.is_none_or(|before| before <= Instant::now()) {
            self.taken.notify_one();
        }
    }

    /// It is not this process's.
    pub(crate) fn lose(&self) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether it is this process's now.
    pub fn is_held(&self) -> bool {
        let until = *self.until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| until > Instant::now())
    }

    /// Waits until this process has it.
    pub(crate) async fn taken(&self) {
        while !self.is_held() {
            self.taken.notified().await;
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
    }
}
