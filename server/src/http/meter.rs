//! What this process answers over HTTP, counted.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use etiqa_engine::metrics::{Histogram, Kind, Page};

/// Seconds until an answer begins.
const SECONDS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// The classes of statuses (RFC 9110, section 15).
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// The process has one, whichever engine answers.
static ANSWERS: LazyLock<Answers> = LazyLock::new(|| Answers {
    by_class: std::array::from_fn(|_| AtomicU64::new(0)),
    seconds: Histogram::new(SECONDS),
});

struct Answers {
    by_class: [AtomicU64; CLASSES.len()],
    seconds: Histogram,
}

/// An answer of this status began after so long.
pub(super) fn answered(status: StatusCode, after: Duration) {
    let class = usize::from(status.as_u16() / 100).wrapping_sub(1);
    if let Some(count) = ANSWERS.by_class.get(class) {
        count.fetch_add(1, Ordering::Relaxed);
    }
    ANSWERS.seconds.add(after.as_secs_f64());
}

/// Writes what was counted.
pub(super) fn write(page: &mut Page) {
    page.metric(
        "etiqa_http_requests_total",
        Kind::Counter,
        "Requests that this process answered, by status.",
    );
    for (class, count) in CLASSES.iter().zip(&ANSWERS.by_class) {
        page.count(&[("status", class)], count.load(Ordering::Relaxed));
    }
    page.metric(
        "etiqa_http_request_duration_seconds",
        Kind::Histogram,
        "How long it took until answers of this process began.",
    );
    ANSWERS.seconds.write(page, &[]);
}
