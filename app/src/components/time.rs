//! Points in time and countdowns, in the viewer's zone.

use etiqa_model::Timestamp;
use leptos::prelude::*;

use super::part::text;
use crate::clock::Clock;
use crate::format;

/// `today 02:00`, with the exact time as a tooltip.
#[component]
pub(crate) fn Time(at: Timestamp) -> AnyView {
    stamp(at, None, |at, clock| format::when(at, clock.minute.get(), clock.zone.get()))
}

/// `5 min ago`, with the exact time as a tooltip.
#[component]
pub(crate) fn Ago(at: Timestamp) -> AnyView {
    stamp(at, None, |at, clock| format::ago(at, clock.minute.get()))
}

/// `in 3 h 12 min`, by the second.
#[component]
pub(crate) fn Countdown(to: Timestamp) -> AnyView {
    stamp(to, Some("mono"), |to, clock| format::until(to, clock.second.get()))
}

fn stamp(at: Timestamp, class: Option<&'static str>, words: fn(Timestamp, Clock) -> String) -> AnyView {
    let clock = expect_context::<Clock>();
    let exact = Signal::derive(move || format::exact(at, clock.zone.get()));
    view! { <time class=class datetime=at.to_string() title=exact>{text(move || words(at, clock))}</time> }
        .into_any()
}

/// A point in time, or a dash.
pub(crate) fn time_or_dash(at: Option<Timestamp>) -> AnyView {
    match at {
        Some(at) => view! { <Time at/> }.into_any(),
        None => view! { <span class="muted">"–"</span> }.into_any(),
    }
}
