//! The last 30 days as bars, and devices by type and by whether they answer.

use etiqa_model::device::DeviceStatus;
use etiqa_model::overview::{DayCounts, DeviceCounts, StoredDay};
use leptos::prelude::*;

use crate::components::card;
use crate::components::chart::{self, Bar};
use crate::components::part::nothing;
use crate::format;

/// A bar per day: green what was good, yellow what left devices out, red what failed.
pub(super) fn days(days: &[DayCounts]) -> AnyView {
    let Some(first) = days.first() else { return nothing() };
    let sum = |of: fn(&DayCounts) -> u32| days.iter().map(|day| u64::from(of(day))).sum::<u64>();
    let (good, all) = (sum(|day| day.good), sum(ended));
    let remark = if all == 0 {
        "no runs yet".to_owned()
    } else {
        format!("{} of runs all good", format::percent(good, all))
    };
    let bars = days.iter().map(|day| {
        let words = if ended(day) == 0 {
            "no runs".to_owned()
        } else {
            format!("{} good, {} with failed devices, {} failed", day.good, day.partial, day.failed)
        };
        Bar { name: format::day(day.day), words, parts: shares(day) }
    });
    let ends = (format::day(first.day), "today".to_owned());
    card("Last 30 days", remark, chart::bars("Ended runs per day".to_owned(), bars.collect(), ends))
}

fn ended(day: &DayCounts) -> u32 {
    day.good + day.partial + day.failed
}

/// The parts of a day's bar, all bars being of one height.
fn shares(day: &DayCounts) -> Vec<(&'static str, u64)> {
    let all = u64::from(ended(day));
    if all == 0 {
        return vec![("none", chart::HEIGHT)];
    }
    // One bad run among many must still be seen.
    let share = |count: u32| if count == 0 { 0 } else { (u64::from(count) * chart::HEIGHT / all).max(5) };
    let failed = share(day.failed);
    let partial = share(day.partial).min(chart::HEIGHT - failed);
    let good = if day.good == 0 { 0 } else { chart::HEIGHT - failed - partial };
    let parts = [("", good), ("partial", partial), ("failed", failed)];
    parts.into_iter().filter(|(_, height)| *height > 0).collect()
}

pub(super) fn storage(stored: &[StoredDay], bytes: u64, archives: u64) -> AnyView {
    let remark = format!("{} in {}", format::size(bytes), format::plural(archives, "archive"));
    let Some(first) = stored.first().filter(|_| stored.iter().any(|day| day.bytes > 0)) else {
        return card("Storage", remark, view! { <p class="quiet">"No archive is kept yet."</p> }.into_any());
    };
    let bars = stored.iter().map(|day| Bar {
        name: format::day(day.day),
        words: format::size(day.bytes),
        parts: if day.bytes > 0 { vec![("size", day.bytes)] } else { Vec::new() },
    });
    let ends = (format::day(first.day), "today".to_owned());
    card(
        "Storage",
        remark,
        chart::bars("Size of all archives kept, per day".to_owned(), bars.collect(), ends),
    )
}

/// Devices by type and by whether they answer, each a way into the list.
pub(super) fn devices(counts: &DeviceCounts) -> AnyView {
    if counts.total == 0 {
        return nothing();
    }
    let disabled = (counts.disabled > 0).then(|| {
        let words = format!("{} disabled", format::count(counts.disabled));
        view! { <a href="/devices/?enabled=false">{words}</a> }.into_any()
    });
    let row = |to: String, label: &'static str, number: u64| {
        view! {
            <a class="row type" href=to>
                <span>{label}</span>
                <meter min="0" max=counts.total value=number aria-label=label></meter>
                <span class="end">{format::count(number)}</span>
            </a>
        }
        .into_any()
    };
    let types = counts
        .by_type
        .iter()
        .map(|(kind, number)| row(format!("/devices/?type={kind}&enabled=true"), kind.label(), *number));
    let statuses = counts.by_status.iter().filter(|(_, number)| *number > 0).map(|(status, number)| {
        let label = match status {
            DeviceStatus::Online => "Online",
            DeviceStatus::Offline => "Offline",
            DeviceStatus::Unknown => "Unknown",
        };
        row(format!("/devices/?status={}&enabled=true", status.as_str()), label, *number)
    });
    let (types, statuses) = (types.collect_view(), statuses.collect_view());
    view! {
        {card("Devices by type", disabled, view! { <div>{types}</div> }.into_any())}
        {card("Devices by status", (), view! { <div>{statuses}</div> }.into_any())}
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use etiqa_model::Timestamp;

    use super::*;

    #[test]
    fn one_bad_run_among_many_is_seen_in_the_bar_of_its_day() {
        let day = |good, partial, failed| shares(&DayCounts { day: Timestamp(0), good, partial, failed });
        assert_eq!(day(3, 0, 0), [("", 40)]);
        assert_eq!(day(99, 0, 1), [("", 35), ("failed", 5)]);
        assert_eq!(day(2, 1, 1), [("", 20), ("partial", 10), ("failed", 10)]);
        assert_eq!(day(0, 0, 0), [("none", 40)]);
    }
}
