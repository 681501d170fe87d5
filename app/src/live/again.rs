//! Asking again by itself: for what could not be had, and for what time alone changes.
//!
//! A question waits for one time only, however often it was answered with a failure meanwhile.

use std::cell::RefCell;

use gloo_timers::callback::Timeout;
use leptos::prelude::*;
use web_sys::js_sys::Math;

use super::heard::{HELD_MS, is_deciding};

/// The first wait after a failure; each that follows is twice as long, up to the longest.
const FIRST_WAIT_MS: u32 = 5_000;
const LONGEST_WAIT_MS: u32 = 30_000;
/// Clocks turn together. Pages that look each minute do so within so many milliseconds of it.
const SPREAD_MS: u32 = 10_000;

/// A question that is asked again.
struct Waiting {
    /// Counted up, it is asked.
    question: RwSignal<u32>,
    /// How often it was asked again in a row and came to nothing.
    failures: u32,
    /// The next time; dropping it calls it off. None while the answer is under way.
    timer: Option<Timeout>,
}

thread_local! {
    static WAITING: RefCell<Vec<Waiting>> = const { RefCell::new(Vec::new()) };
}

/// Asks again after a failure, the later the more there were.
pub(crate) fn ask_later(question: RwSignal<u32>) {
    plan(question, |failures| {
        let wait = FIRST_WAIT_MS.saturating_mul(1 << (*failures).min(5)).min(LONGEST_WAIT_MS);
        *failures += 1;
        // Whatever failed, failed for everybody at once.
        wait - random_below(wait / 4)
    });
}

/// Asks again within seconds.
pub(crate) fn ask_soon(question: RwSignal<u32>) {
    plan(question, |_| random_below(SPREAD_MS));
}

/// Does not ask again: there is an answer, or nobody waits for one.
pub(crate) fn call_off(question: RwSignal<u32>) {
    WAITING.with_borrow_mut(|waiting| waiting.retain(|other| other.question != question));
}

/// Waits for as long as `wait` says of the failures so far, unless the question waits already.
fn plan(question: RwSignal<u32>, wait: fn(&mut u32) -> u32) {
    WAITING.with_borrow_mut(|waiting| {
        let at = waiting.iter().position(|other| other.question == question).unwrap_or_else(|| {
            waiting.push(Waiting { question, failures: 0, timer: None });
            waiting.len() - 1
        });
        if let Some(Waiting { failures, timer: timer @ None, .. }) = waiting.get_mut(at) {
            *timer = Some(ask_after(wait(failures), question));
        }
    });
}

/// Asks after `wait_ms`, as soon as nobody decides.
fn ask_after(wait_ms: u32, question: RwSignal<u32>) -> Timeout {
    Timeout::new(wait_ms, move || {
        let is_held = is_deciding();
        WAITING.with_borrow_mut(|waiting| {
            if let Some(this) = waiting.iter_mut().find(|other| other.question == question) {
                this.timer = is_held.then(|| ask_after(HELD_MS, question));
            }
        });
        if !is_held {
            // The page may have been left meanwhile.
            question.try_update(|times| *times = times.wrapping_add(1));
        }
    })
}

fn random_below(most: u32) -> u32 {
    (Math::random() * f64::from(most)) as u32
}
