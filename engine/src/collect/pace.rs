//! How long a device must rest at a prompt before it is taken for one: longer for a device that pauses within its
//! answers.

use std::time::Duration;

use tokio::time::Instant;

/// The shortest and the longest pause after which a resting prompt is taken for one.
const SETTLE_MIN: Duration = Duration::from_millis(20);
pub(super) const SETTLE_MAX: Duration = Duration::from_secs(1);
/// At login banners come in pieces, and nothing is known of the device's pace yet.
const SETTLE_LOGIN: Duration = Duration::from_millis(40);

/// How long the device pauses within an answer.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// The longest pause since the last thing was sent, the wait for its beginning aside.
    slowest: Duration,
    last_heard: Option<Instant>,
}

impl Pace {
    /// A device that has not shown its pace yet may pause between its banners.
    pub(super) fn expect_banners(&mut self) {
        self.slowest = SETTLE_LOGIN;
    }

    /// Something was sent: the wait for the answer's beginning says nothing of its pauses.
    pub(super) fn restart(&mut self) {
        self.last_heard = None;
        self.slowest = Duration::ZERO;
    }

    /// Something came.
    pub(super) fn heard(&mut self) {
        let now = Instant::now();
        if let Some(last) = self.last_heard.replace(now) {
            self.slowest = self.slowest.max(now - last);
        }
    }

    /// How long a prompt must rest to be taken for one.
    pub(super) fn settle(&self) -> Duration {
        (self.slowest * 2).clamp(SETTLE_MIN, SETTLE_MAX)
    }
}
