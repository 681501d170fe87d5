//! The one place that asks what time it is.

use std::sync::atomic::{AtomicI64, Ordering};

use etiqa_model::Timestamp;

/// What is added to this machine's clock, in milliseconds: where several machines share a database, its clock counts.
static CORRECTION: AtomicI64 = AtomicI64::new(0);

/// The current time.
pub fn now() -> Timestamp {
    Timestamp(now_uncorrected().millis().saturating_add(CORRECTION.load(Ordering::Relaxed)))
}

/// What this machine's clock shows.
pub(crate) fn now_uncorrected() -> Timestamp {
    Timestamp::from(chrono::Utc::now())
}

/// Adds so many milliseconds to what this machine's clock shows, from now on, in this process.
pub(crate) fn correct_by(milliseconds: i64) {
    CORRECTION.store(milliseconds, Ordering::Relaxed);
}
