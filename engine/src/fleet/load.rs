//! How many devices of shared runs a process has taken on: as many as it has sessions for, since other machines may have
//! some to spare.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Devices that this process has taken on and that have a session, or wait for nothing but a slot.
#[derive(Debug, Default)]
pub struct Load(AtomicUsize);

/// Some of them; none any more when it is dropped.
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
    /// So many of them have a session now, or wait for nothing but a slot: not those that are done, and not those that wait
    /// for their site, their jump host or another try.
    pub fn follow(&self, begun: usize) {
        let before = self.left.swap(begun, Ordering::Relaxed);
        if begun > before {
            self.load.0.fetch_add(begun - before, Ordering::Relaxed);
        } else {
            self.load.0.fetch_sub(before - begun, Ordering::Relaxed);
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.follow(0);
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
        one.follow(5);
        assert_eq!(load.devices(), 9);
        one.follow(7);
        assert_eq!(load.devices(), 11, "who waited for another try has a session again");
        drop(one);
        assert_eq!(load.devices(), 4);
        drop(other);
        assert_eq!(load.devices(), 0);
    }
}
