//! What a tab does about what the stream said, whether it heard it itself or another tab repeated it.

use std::cell::Cell;

use etiqa_model::event::{Event, Topic};
use gloo_timers::callback::Timeout;
use leptos::prelude::*;

use super::{Link, Live, slot};

/// At most one look again per so many milliseconds.
const COLLAPSE_MS: u32 = 300;
const EVERYTHING: [Topic; 5] = [Topic::Runs, Topic::BackupConfigs, Topic::Devices, Topic::Admin, Topic::Jobs];

thread_local! {
    /// Topics that changed since the last look, by slot.
    static CHANGED: Cell<[bool; 5]> = const { Cell::new([false; 5]) };
    static IS_WAITING: Cell<bool> = const { Cell::new(false) };
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
        }
        "error" => live.link.set(Link::Down),
        "hello" => live.build.set(Some(data.to_owned())),
        "again" => note(live, &EVERYTHING),
        "message" => {
            if let Ok(event) = leptos::serde_json::from_str::<Event>(data) {
                note(live, &[event.topic]);
            }
        }
        // A tab with a newer build may say more.
        _ => {}
    }
}

/// Has the topics looked at again, soon and together.
fn note(live: Live, topics: &[Topic]) {
    let mut changed = CHANGED.get();
    for topic in topics {
        changed[slot(*topic)] = true;
    }
    CHANGED.set(changed);
    if IS_WAITING.replace(true) {
        return;
    }
    Timeout::new(COLLAPSE_MS, move || {
        IS_WAITING.set(false);
        for (signal, has_changed) in live.beats.iter().zip(CHANGED.take()) {
            if has_changed {
                signal.update(|beats| *beats = beats.wrapping_add(1));
            }
        }
    })
    .forget();
}
