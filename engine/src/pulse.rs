//! Whether the loops that never end still turn: each says by when it will be heard of again.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A loop that is so late hangs. A look at thousands of due backups, or at a database that does not answer, is over long
/// before.
const GRACE: Duration = Duration::from_mins(5);

/// The loops of a process, as far as they have begun.
#[derive(Debug, Default)]
pub struct Pulse {
    pub(crate) scheduler: Promise,
    pub(crate) worker: Promise,
}

impl Pulse {
    /// The name of a loop that hangs; none where all of them turn.
    pub fn hanging(&self) -> Option<&'static str> {
        self.hanging_at(Instant::now())
    }

    fn hanging_at(&self, at: Instant) -> Option<&'static str> {
        let loops = [("scheduler", &self.scheduler), ("worker", &self.worker)];
        loops.into_iter().find(|(_, promise)| promise.is_broken(at)).map(|(name, _)| name)
    }
}

/// By when a loop will be heard of again; none while it waits for something that may never come. Counted by a clock that
/// nobody sets.
#[derive(Debug, Default)]
pub(crate) struct Promise {
    by: Mutex<Option<Instant>>,
}

impl Promise {
    /// It is heard of again within this time.
    pub(crate) fn again_within(&self, wait: Duration) {
        self.set(Some(Instant::now() + wait));
    }

    /// Nothing is promised.
    pub(crate) fn rest(&self) {
        self.set(None);
    }

    fn is_broken(&self, at: Instant) -> bool {
        self.by.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|by| at > by + GRACE)
    }

    fn set(&self, by: Option<Instant>) {
        *self.by.lock().unwrap_or_else(PoisonError::into_inner) = by;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_hangs_that_was_not_heard_of_long_after_it_said() {
        let (pulse, now) = (Pulse::default(), Instant::now());
        let much_later = now + Duration::from_hours(1);
        assert_eq!(pulse.hanging_at(much_later), None, "what has not begun has promised nothing");
        pulse.worker.again_within(Duration::from_secs(1));
        pulse.scheduler.again_within(Duration::from_hours(2));
        assert_eq!(pulse.hanging_at(now), None);
        assert_eq!(pulse.hanging_at(now + Duration::from_mins(4)), None, "some time is granted");
        assert_eq!(pulse.hanging_at(much_later), Some("worker"));
        pulse.worker.rest();
        assert_eq!(pulse.hanging_at(much_later), None);
        assert_eq!(pulse.hanging_at(now + Duration::from_hours(3)), Some("scheduler"));
    }
}
