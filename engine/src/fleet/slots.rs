//! Slots for device sessions: so many at once in one process, and the number can change while sessions are on.

use std::sync::{Mutex, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};

/// Slots for device sessions.
#[derive(Debug)]
pub struct Slots {
    free: Semaphore,
    size: Mutex<Size>,
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
        Self { free: Semaphore::new(limit), size: Mutex::new(Size { limit, surplus: 0 }) }
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
