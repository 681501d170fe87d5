//! How many errands are on that clear up behind themselves when they are told to stop.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Errands that are on in this process.
#[derive(Debug, Default)]
pub struct Errands(AtomicUsize);

/// An errand that is on; over when it is dropped.
#[derive(Debug)]
pub struct Errand<'a>(&'a Errands);

impl Errands {
    /// Counts one from now on.
    pub fn begin(&self) -> Errand<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Errand(self)
    }

    /// Whether any is on.
    pub fn are_on(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

impl Drop for Errand<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}
