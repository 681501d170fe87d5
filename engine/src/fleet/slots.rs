//! Slots for device sessions: so many at once in one process, and the number can change while sessions are on.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep_until};

/// Slots for device sessions.
#[derive(Debug)]
pub struct Slots {
    free: Semaphore,
    size: Mutex<Size>,
    pace: Mutex<Pace>,
}

/// All slots of a process fill within so long.
const FILL_WITHIN: Duration = Duration::from_secs(1);
/// The longest time between two sessions that begin while slots fill.
const LONGEST_GAP: Duration = Duration::from_millis(16);

/// When sessions begin that find most slots free: one after the other. Hundreds of key exchanges at one moment keep
/// every processor busy and leave it idle thereafter, time and again, and all log-ins reach a TACACS+ or RADIUS server at
/// once.
#[derive(Debug)]
struct Pace {
    /// Sessions that began since none was on.
    begun: usize,
    /// The next one begins then at the earliest.
    next: Instant,
}

impl Pace {
    /// When a session that has its slot `now` begins, where so many `others` are on and so many may be.
    fn begin(&mut self, now: Instant, others: usize, limit: usize) -> Instant {
        if others == 0 {
            self.begun = 0;
        }
        self.begun += 1;
        if self.begun > limit {
            // From here on each begins when another one ends.
            return now;
        }
        let at = self.next.max(now);
        let slots = u32::try_from(limit).unwrap_or(u32::MAX).max(1);
        self.next = at + (FILL_WITHIN / slots).min(LONGEST_GAP);
        at
    }
}

#[derive(Debug)]
struct Size {
    limit: usize,
    /// Slots that were taken when the limit sank; each goes when its session ends.
    surplus: usize,
}

/// One slot; free again when it is dropped.
#[derive(Debug)]
pub struct Slot<'a> {
    slots: &'a Slots,
    permit: Option<SemaphorePermit<'a>>,
}

impl Slots {
    /// So many slots.
    pub fn new(limit: u32) -> Self {
        let limit = limit as usize;
        Self {
            free: Semaphore::new(limit),
            size: Mutex::new(Size { limit, surplus: 0 }),
            pace: Mutex::new(Pace { begun: 0, next: Instant::now() }),
        }
    }

    /// How many sessions may be on at once now.
    pub fn limit(&self) -> usize {
        self.size.lock().unwrap_or_else(PoisonError::into_inner).limit
    }

    /// How many are taken now.
    pub fn taken(&self) -> usize {
        let size = self.size.lock().unwrap_or_else(PoisonError::into_inner);
        (size.limit + size.surplus).saturating_sub(self.free.available_permits())
    }

    /// Waits, with a slot, until its session may begin: a second at most.
    pub async fn pace(&self) {
        let (others, limit) = (self.taken().saturating_sub(1), self.limit());
        let at = {
            let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
            pace.begin(Instant::now(), others, limit)
        };
        sleep_until(at).await;
    }

    /// Changes the limit. A higher one lets waiting sessions begin at once; a lower one ends none.
    pub fn resize(&self, limit: u32) {
        let limit = limit as usize;
        let mut size = self.size.lock().unwrap_or_else(PoisonError::into_inner);
        if limit < size.limit {
            let fewer = size.limit - limit;
            size.surplus += fewer - self.free.forget_permits(fewer);
        } else {
            let more = limit - size.limit;
            let kept = more.min(size.surplus);
            size.surplus -= kept;
            self.free.add_permits(more - kept);
        }
        size.limit = limit;
    }

    /// Waits for a slot.
    pub async fn take(&self) -> Slot<'_> {
        // The semaphore is never closed, so there is always a permit in the end.
        Slot { slots: self, permit: self.free.acquire().await.ok() }
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        let mut size = self.slots.size.lock().unwrap_or_else(PoisonError::into_inner);
        if size.surplus > 0 {
            size.surplus -= 1;
            if let Some(permit) = self.permit.take() {
                permit.forget();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[test]
    fn slots_that_are_all_free_fill_one_after_the_other_and_later_sessions_begin_at_once() {
        let now = Instant::now();
        let mut pace = Pace { begun: 0, next: now };
        let begun: Vec<Instant> = (0..100).map(|others| pace.begin(now, others, 100)).collect();
        assert_eq!(begun[0], now, "a single session waits for nothing");
        assert!(begun.windows(2).all(|pair| pair[1] - pair[0] == FILL_WITHIN / 100));
        assert_eq!(pace.begin(now, 99, 100), now, "it has the slot of one that ended");
        let later = now + FILL_WITHIN;
        assert_eq!(pace.begin(later, 0, 100), later, "after a rest the first one begins at once again");
        assert_eq!(pace.begin(later, 1, 100), later + FILL_WITHIN / 100);
        assert_eq!(pace.begin(later, 2, 2), later, "a limit that sank holds up nobody");
    }

    async fn is_full(slots: &Slots) -> bool {
        timeout(Duration::from_millis(20), slots.take()).await.is_err()
    }

    #[tokio::test]
    async fn a_raised_limit_lets_more_sessions_begin_while_others_are_on() {
        let slots = Slots::new(1);
        let first = slots.take().await;
        assert!(is_full(&slots).await);
        slots.resize(2);
        let second = slots.take().await;
        assert!(is_full(&slots).await);
        drop((first, second));
    }

    #[tokio::test]
    async fn a_lowered_limit_holds_once_the_sessions_that_were_on_have_ended() {
        let slots = Slots::new(3);
        let (first, second, third) = tokio::join!(slots.take(), slots.take(), slots.take());
        slots.resize(1);
        drop((first, second));
        assert!(is_full(&slots).await, "two slots went with their sessions, the third is still taken");
        drop(third);
        let only = slots.take().await;
        assert!(is_full(&slots).await);
        drop(only);
    }
}
