//! Points in time and countdowns, in the viewer's zone.

use etiqa_model::Timestamp;
use leptos::prelude::*;

use crate::clock::Clock;
use crate::format;

/// `today 02:00`, with the exact time as a tooltip.
#[component]
pub(crate) fn Time(at: Timestamp) -> AnyView {
    let clock = expect_context::<Clock>();
    view! {
        <time datetime=at.to_string() title=move || format::exact(at, clock.zone.get())>
            {move || format::when(at, clock.minute.get(), clock.zone.get())}
        </time>
    }
    .into_any()
}

/// `5 min ago`, with the exact time as a tooltip.
#[component]
pub(crate) fn Ago(at: Timestamp) -> AnyView {
    let clock = expect_context::<Clock>();
    view! {
        <time datetime=at.to_string() title=move || format::exact(at, clock.zone.get())>
            {move || format::ago(at, clock.minute.get())}
        </time>
    }
    .into_any()
}

/// `in 3 h 12 min`, by the second.
#[component]
pub(crate) fn Countdown(to: Timestamp) -> AnyView {
    let clock = expect_context::<Clock>();
    view! {
        <time class="mono" datetime=to.to_string() title=move || format::exact(to, clock.zone.get())>
            {move || format::until(to, clock.second.get())}
        </time>
    }
    .into_any()
}

/// A point in time, or a dash.
pub(crate) fn time_or_dash(at: Option<Timestamp>) -> AnyView {
    match at {
        Some(at) => view! { <Time at/> }.into_any(),
        None => view! { <span class="muted">"–"</span> }.into_any(),
    }
}
