//! How long a device must rest at a prompt before it is taken for one: longer for a device that pauses within its
//! answers.

use std::time::Duration;

use tokio::time::Instant;

/// The shortest and the longest pause after which a resting prompt is taken for one.
const SETTLE_MIN: Duration = Duration::from_millis(20);
pub(super) const SETTLE_MAX: Duration = Duration::from_secs(1);
/// At login banners come in pieces, and nothing is known of the device's pace yet.
const SETTLE_LOGIN: Duration = Duration::from_millis(40);

/// How many pauses long a prompt must rest, and which part of the time that the device thought before it began to
/// answer: a device that thinks for long may pause within the answer as well, but need not.
const SETTLE_PAUSES: u32 = 2;
const SETTLE_THOUGHT: u32 = 8;

/// How long the device pauses within an answer.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// The longest pause since the last thing was sent, the wait for its beginning aside.
    slowest: Duration,
    /// The time between the echo of what was sent and the beginning of the answer.
    thought: Duration,
    is_thinking: bool,
    last_heard: Option<Instant>,
    /// How late this process was with its last timer: with many sessions and few processors, it hears as late.
    lag: Duration,
}

impl Pace {
    /// A device that has not shown its pace yet may pause between its banners.
    pub(super) fn expect_banners(&mut self) {
        self.slowest = SETTLE_LOGIN;
    }

    /// Something was sent: the wait for the answer's beginning says nothing of its pauses.
    pub(super) fn restart(&mut self) {
        *self = Self { lag: self.lag, ..Self::default() };
    }

    /// A prompt rested for this much longer than it had to.
    pub(super) fn was_late(&mut self, by: Duration) {
        self.lag = by;
    }

    /// What was sent is echoed, and nothing of the answer came with it.
    pub(super) fn echoed(&mut self) {
        self.is_thinking = true;
    }

    /// Something came.
    pub(super) fn heard(&mut self, now: Instant) {
        let is_thinking = std::mem::take(&mut self.is_thinking);
        let Some(last) = self.last_heard.replace(now) else { return };
        let pause = now - last;
        if is_thinking {
            self.thought = pause;
        } else {
            // What is this process's own delay is not the device's; a prompt must still rest for as long as anything
            // that was seen.
            self.slowest = self.slowest.max(pause.saturating_sub(self.lag.min(pause / SETTLE_PAUSES)));
        }
    }

    /// How long a prompt must rest to be taken for one.
    pub(super) fn settle(&self) -> Duration {
        (self.slowest * SETTLE_PAUSES).max(self.thought / SETTLE_THOUGHT).clamp(SETTLE_MIN, SETTLE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_device_that_pauses_within_its_answer_is_given_twice_that_time() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        for ms in [300, 400, 450] {
            pace.heard(start + ms * MS);
        }
        assert_eq!(pace.settle(), 200 * MS);
        pace.restart();
        pace.heard(start + 900 * MS);
        assert_eq!(pace.settle(), SETTLE_MIN, "the wait for the beginning is no pause");
    }

    #[test]
    fn what_this_process_is_late_by_is_no_pause_of_the_device() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        pace.was_late(80 * MS);
        pace.restart();
        pace.heard(start);
        pace.heard(start + 300 * MS);
        assert_eq!(pace.settle(), 440 * MS);
        pace.restart();
        pace.heard(start);
        pace.heard(start + 100 * MS);
        assert_eq!(pace.settle(), 100 * MS, "never less than what was seen");
    }

    #[test]
    fn a_device_that_thinks_before_it_answers_is_given_a_part_of_that_time() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        pace.heard(start);
        pace.echoed();
        pace.heard(start + 800 * MS);
        assert_eq!(pace.settle(), 100 * MS);
        pace.heard(start + 880 * MS);
        assert_eq!(pace.settle(), 160 * MS, "it paused within its answer as well");
    }
}
