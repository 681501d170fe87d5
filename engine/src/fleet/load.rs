//! How many devices of shared runs a process has taken on: as many as it has sessions for, since other machines may have
//! some to spare.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Devices that this process has taken on and that have no result yet.
#[derive(Debug, Default)]
pub struct Load(AtomicUsize);

/// Some of them. What is left of them when it is dropped is taken on no more.
#[derive(Debug)]
pub struct Share {
    load: Arc<Load>,
    left: AtomicUsize,
}

impl Load {
    /// How many there are.
    pub fn devices(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Whether they keep so many sessions busy without a pause: one in four waits, with all that it needs at hand, for a
    /// session that ends.
    pub fn is_enough_for(&self, sessions: usize) -> bool {
        self.devices() >= sessions + sessions / 4
    }

    /// Takes on some more.
    pub fn take_on(self: &Arc<Self>, devices: usize) -> Share {
        self.0.fetch_add(devices, Ordering::Relaxed);
        Share { load: Arc::clone(self), left: AtomicUsize::new(devices) }
    }
}

impl Share {
    /// Only so many are still to be done.
    pub fn sink_to(&self, left: usize) {
        let before = self.left.fetch_min(left, Ordering::Relaxed);
        self.load.0.fetch_sub(before.saturating_sub(left), Ordering::Relaxed);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.sink_to(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_of_a_share_and_what_is_dropped_with_it_makes_room() {
        let load = Arc::new(Load::default());
        let (one, other) = (load.take_on(8), load.take_on(4));
        assert_eq!(load.devices(), 12);
        one.sink_to(5);
        one.sink_to(7);
        assert_eq!(load.devices(), 9, "what is done stays done");
        drop(one);
        assert_eq!(load.devices(), 4);
        drop(other);
        assert_eq!(load.devices(), 0);
    }
}
