//! The time and zone that pages show.
//!
//! The first rendering is the same on the server and in the browser: both use the server's `now` and the offset that
//! the `tz` cookie remembers (UTC, and said so, where there is none). Once hydrated, the browser's own clock and zone
//! take over.

use etiqa_model::Timestamp;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::browser;

/// Where the viewer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zone {
    /// Not known yet.
    Utc,
    /// Remembered from the last visit, in minutes east of UTC.
    Offset(i32),
    /// Asked of the browser for each time, so that summer and winter come out right.
    Browser,
}

impl Zone {
    /// Minutes east of UTC at `at`.
    pub(crate) fn offset_at(self, at: Timestamp) -> i32 {
        match self {
            Self::Utc => 0,
            Self::Offset(minutes) => minutes,
            Self::Browser => browser::offset_at(at.millis()),
        }
    }
}

/// The ticking time, as a context.
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    /// Moves every second.
    pub(crate) second: ReadSignal<Timestamp>,
    /// Moves every minute.
    pub(crate) minute: Memo<Timestamp>,
    /// The viewer's zone.
    pub(crate) zone: ReadSignal<Zone>,
    /// That zone's name, once the browser has said it.
    pub(crate) zone_name: ReadSignal<Option<String>>,
}

#[derive(Serialize, Deserialize)]
struct Seed {
    now: i64,
    offset: Option<i32>,
}

impl Clock {
    /// Starts the clock and provides it to everything below.
    pub(crate) fn provide() -> Self {
        let seed = SharedValue::new(|| Seed { now: browser::now_ms(), offset: browser::offset_of_request() })
            .into_inner();
        let (second, set_second) = signal(Timestamp(seed.now));
        let (zone, set_zone) = signal(seed.offset.map_or(Zone::Utc, Zone::Offset));
        let (zone_name, set_zone_name) = signal(None);
        let minute = Memo::new(move |_| Timestamp(second.get().millis().div_euclid(60_000) * 60_000));
        Effect::new(move || {
            let now = browser::now_ms();
            browser::set_cookie("tz", &browser::offset_at(now).to_string());
            set_zone.set(Zone::Browser);
            let name = browser::zone_name();
            if let Some(name) = &name {
                browser::set_cookie("zone", name);
            }
            set_zone_name.set(name);
            tick(set_second);
        });
        let clock = Self { second, minute, zone, zone_name };
        provide_context(clock);
        clock
    }
}

#[cfg(feature = "hydrate")]
fn tick(second: WriteSignal<Timestamp>) {
    second.set(Timestamp(browser::now_ms()));
    // For as long as the page is open.
    gloo_timers::callback::Interval::new(1_000, move || second.set(Timestamp(browser::now_ms()))).forget();
}

#[cfg(not(feature = "hydrate"))]
fn tick(_second: WriteSignal<Timestamp>) {}
