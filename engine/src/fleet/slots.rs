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

/// Slots that are all free fill within so long.
const FILL_WITHIN: Duration = Duration::from_secs(1);
/// The longest time between two sessions that begin.
const LONGEST_GAP: Duration = Duration::from_millis(16);

/// When sessions begin that find slots free: one after the other, the closer together the fewer are free. Hundreds of key
/// exchanges at one moment keep every processor busy and leave it idle thereafter, time and again, and all log-ins reach a
/// TACACS+ or RADIUS server at once.
#[derive(Debug)]
struct Pace {
    /// The next one begins then at the earliest.
    next: Instant,
}

impl Pace {
    /// When a session that has its slot `now` begins, where so many `others` are on and so many may be.
    fn begin(&mut self, now: Instant, others: usize, limit: usize) -> Instant {
        let at = self.next.clamp(now, now + FILL_WITHIN);
        let count = |slots: usize| u32::try_from(slots).unwrap_or(u32::MAX);
        let (slots, free) = (count(limit).max(1), count(limit.saturating_sub(others)));
        // The mean of the gaps is half of the longest.
        let longest = (FILL_WITHIN * 2 / (slots + 1)).min(LONGEST_GAP);
        self.next = at + longest * free / slots;
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
            pace: Mutex::new(Pace { next: Instant::now() }),
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
    fn slots_that_are_free_fill_one_after_the_other_also_beside_a_straggler_and_within_a_second() {
        let now = Instant::now();
        for stragglers in [0, 1] {
            let mut pace = Pace { next: now };
            let begun: Vec<Instant> =
                (stragglers..1000).map(|others| pace.begin(now, others, 1000)).collect();
            assert_eq!(begun[0], now, "a single session waits for nothing");
            assert!(begun.windows(2).all(|pair| pair[0] < pair[1]), "no two begin at once");
            assert!(*begun.last().unwrap() <= now + FILL_WITHIN);
        }
    }

    #[test]
    fn where_nearly_all_slots_are_taken_a_session_begins_when_another_one_ends() {
        let now = Instant::now();
        let mut pace = Pace { next: now };
        let begun: Vec<Instant> = (0..64).map(|_| pace.begin(now, 63, 64)).collect();
        assert!(*begun.last().unwrap() - now <= LONGEST_GAP);
    }

    #[test]
    fn who_begins_and_is_cancelled_again_and_again_makes_nobody_wait_for_longer() {
        let now = Instant::now();
        let mut pace = Pace { next: now };
        let last = (0..10_000).map(|_| pace.begin(now, 0, 4)).last().unwrap();
        assert!(last <= now + FILL_WITHIN);
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
