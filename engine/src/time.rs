//! The one place that asks what time it is.

use etiqa_model::Timestamp;

/// The current time.
pub fn now() -> Timestamp {
    Timestamp::from(chrono::Utc::now())
}
