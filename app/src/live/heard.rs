//! What a tab does about what the stream said, whether it heard it itself or another tab repeated it.

use std::cell::Cell;

use etiqa_model::event::{Event, Topic};
use gloo_timers::callback::Timeout;
use leptos::prelude::*;

use super::{Link, Live, slot};
use crate::browser::now_ms;

/// At most one look again per so many milliseconds.
const COLLAPSE_MS: i64 = 300;
/// What belongs together comes within so many milliseconds.
const TOGETHER_MS: i64 = 20;
/// How often is looked whether a person still decides.
pub(super) const HELD_MS: u32 = 400;
/// What a person is in the middle of: a question that is open, a field within a row, a form that leads away. The rows around it
/// must not move, or the answer would be another row's, and what was just deleted must not be asked for. A browser that knows no
/// popovers passes over that part of `:is`.
const DECIDING: &str = "main :is(.ask:popover-open, form[data-leaving], .drop[open], table.rows form :is(input:not([type=checkbox]), textarea, select):focus)";
const EVERYTHING: [Topic; 7] = [
    Topic::Runs,
    Topic::BackupConfigs,
    Topic::Devices,
    Topic::Admin,
    Topic::Jobs,
    Topic::Views,
    Topic::Rules,
];

thread_local! {
    /// Topics that changed since the last look, by slot.
    static CHANGED: Cell<[bool; 7]> = const { Cell::new([false; 7]) };
    static IS_WAITING: Cell<bool> = const { Cell::new(false) };
    /// When was looked last, in milliseconds since the epoch.
    static LOOKED_AT: Cell<i64> = const { Cell::new(0) };
}

/// Takes in an event of the stream, called as the stream calls it.
pub(super) fn hear(live: Live, name: &str, data: &str) {
    match name {
        "open" => {
            // Whatever happened while nobody listened is not told again.
            if live.link.get_untracked() == Link::Down {
                note(live, &EVERYTHING);
            }
            live.link.set(Link::Up);
            live.has_ended.set(false);
        }
        "error" => live.link.set(Link::Down),
        "ended" => live.has_ended.set(true),
        "hello" => live.build.set(Some(data.to_owned())),
        "again" => note(live, &EVERYTHING),
        "message" => {
            if let Some(event) = crate::json::parsed::<Event>(data) {
                note(live, &[event.topic]);
            }
        }
        // A tab with a newer build may say more.
        _ => {}
    }
}

/// Has the topics looked at again: nearly at once after a rest, else together with what comes meanwhile.
pub(super) fn note(live: Live, topics: &[Topic]) {
    let mut changed = CHANGED.get();
    for topic in topics {
        changed[slot(*topic)] = true;
    }
    CHANGED.set(changed);
    if IS_WAITING.replace(true) {
        return;
    }
    let wait = (LOOKED_AT.get() + COLLAPSE_MS - now_ms()).clamp(TOGETHER_MS, COLLAPSE_MS);
    look_after(live, u32::try_from(wait).unwrap_or_default());
}

fn look_after(live: Live, wait_ms: u32) {
    Timeout::new(wait_ms, move || look(live)).forget();
}

/// Whether a person is in the middle of something that must not move.
pub(super) fn is_deciding() -> bool {
    document().query_selector(DECIDING).is_ok_and(|found| found.is_some())
}

fn look(live: Live) {
    let is_held = is_deciding();
    if live.is_held.get_untracked() != is_held {
        live.is_held.set(is_held);
    }
    if is_held {
        look_after(live, HELD_MS);
        return;
    }
    IS_WAITING.set(false);
    LOOKED_AT.set(now_ms());
    for (signal, has_changed) in live.beats.iter().zip(CHANGED.take()) {
        if has_changed {
            signal.update(|beats| *beats = beats.wrapping_add(1));
        }
    }
}
