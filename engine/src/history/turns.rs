//! Large texts wait for their turn: a few people who look at them leave processors and memory to everybody else.

use etiqa_model::UserError;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::error::Result;

/// Bytes from which on a text is a large one: below, it is done with in a few milliseconds.
const LARGE: u64 = 1 << 20;

/// Turns of one kind of work in this process.
#[derive(Debug)]
pub(crate) struct Turns(Semaphore);

/// A turn; whoever drops it lets the next one begin. It goes along with the work, which may outlive whoever asked for it.
pub(crate) type Turn = SemaphorePermit<'static>;

impl Turns {
    /// So many at once.
    pub(crate) const fn new(at_once: usize) -> Self {
        Self(Semaphore::const_new(at_once))
    }

    /// Waits for a turn.
    pub(crate) async fn take(&'static self) -> Result<Turn> {
        // Never closed.
        Ok(self.0.acquire().await.map_err(|_| UserError::internal())?)
    }

    /// Waits for a turn where texts of so many bytes are large; small ones need none.
    pub(crate) async fn take_for(&'static self, bytes: u64) -> Result<Option<Turn>> {
        if bytes < LARGE { Ok(None) } else { self.take().await.map(Some) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_large_text_waits_for_the_one_before_it_and_a_small_one_does_not() {
        static TURNS: Turns = Turns::new(1);
        let moment = Duration::from_millis(50);
        let first = TURNS.take_for(LARGE).await.unwrap();
        assert!(first.is_some());
        assert!(TURNS.take_for(LARGE - 1).await.unwrap().is_none());
        assert!(timeout(moment, TURNS.take_for(LARGE)).await.is_err(), "it waits");
        drop(first);
        assert!(timeout(moment, TURNS.take()).await.is_ok());
    }
}
