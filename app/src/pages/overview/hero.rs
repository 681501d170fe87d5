//! One sentence and one number: how many devices have a good backup within their schedule.

use etiqa_model::backup::ConfigState;
use etiqa_model::overview::{DeviceCounts, Overview};
use leptos::prelude::*;

use crate::components::{Countdown, Time, run};
use crate::format;

pub(super) fn hero(overview: &Overview) -> AnyView {
    let counts = &overview.devices;
    // A circle of 1,000 units.
    let share = |part: u64| (part * 1_000).checked_div(counts.total).unwrap_or(0);
    // What is to be expected of a device that was never backed up is not known yet.
    let (good, known) = (share(counts.covered), share(counts.total - counts.never));
    let need: u64 = overview.needs_hand.iter().map(|group| group.count).sum();
    let in_need = in_need(counts, need)
        .map(|words| view! { " "<a href="/devices/?state=needs_hand">{words}</a> }.into_any());
    let percent = format::percent(counts.covered, counts.total);
    let last = overview.recent_runs.first().map(|run| {
        let changed =
            overview.recent_changes.iter().filter(|change| change.version.run_id == Some(run.id)).count();
        let took = run::took(run).map(|took| format!(", took {took}"));
        let changed =
            (changed > 0).then(|| format!(", {} changed", format::plural(changed as u64, "config")));
        view! {
            <span>
                "Last run "<a href=format!("/backup/run/{}", run.id)>{run.name.clone()}</a>" "
                <Time at=run.finished_at.unwrap_or(run.queued_at)/>
                {took}{changed}
            </span>
        }
        .into_any()
    });
    let waiting = overview.configs.iter().filter(|row| row.state != ConfigState::Due);
    let due = waiting.filter_map(|row| row.config.next_run_at).min();
    let next = due.map(|due| view! { <span>"Next run "<Countdown to=due/></span> }.into_any());
    view! {
        <section class="card hero">
            <svg class="ring" viewBox="0 0 36 36" role="img" aria-label=format!("{percent} of devices have a good backup within their schedule")>
                <circle class="rest" cx="18" cy="18" r="15.9" pathLength="1000"/>
                <circle class="part bad" cx="18" cy="18" r="15.9" pathLength="1000" stroke-dasharray=format!("{known} 1000")/>
                <circle class="part good" cx="18" cy="18" r="15.9" pathLength="1000" stroke-dasharray=format!("{good} 1000")/>
                <text x="18" y="18" dy="0.35em" text-anchor="middle">{percent.clone()}</text>
            </svg>
            <div>
                <h2>{headline(counts)}{in_need}</h2>
                <p class="dots">{last}{next}</p>
            </div>
        </section>
    }
    .into_any()
}

fn headline(counts: &DeviceCounts) -> String {
    let devices = format::plural(counts.total, "device");
    match counts {
        DeviceCounts { total: 0, .. } => "No device is enabled.".to_owned(),
        DeviceCounts { total, never, .. } if never == total => {
            format!("{devices} added, none backed up yet.")
        }
        DeviceCounts { total: 1, covered: 1, .. } => {
            "The device has a good backup within its schedule.".to_owned()
        }
        DeviceCounts { total, covered, .. } if covered == total => {
            format!("All {devices} have a good backup within their schedule.")
        }
        DeviceCounts { covered, .. } => {
            let have = if *covered == 1 { "has" } else { "have" };
            let covered = format::count(*covered);
            format!("{covered} of {devices} {have} a good backup within schedule.")
        }
    }
}

/// How many need a hand, where the headline does not say so of all of them.
fn in_need(counts: &DeviceCounts, need: u64) -> Option<String> {
    if counts.never == counts.total {
        return None;
    }
    match need {
        0 => None,
        1 => Some("1 needs a hand.".to_owned()),
        need => Some(format!("{} need a hand.", format::count(need))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headline_says_how_many_are_backed_up_in_time_and_how_many_need_a_hand() {
        let words = |total, covered, never, need| {
            let counts = DeviceCounts { total, covered, never, ..DeviceCounts::default() };
            (headline(&counts), in_need(&counts, need).unwrap_or_default())
        };
        let pair = |headline: &str, in_need: &str| (headline.to_owned(), in_need.to_owned());
        assert_eq!(
            words(128, 125, 0, 3),
            pair("125 of 128 devices have a good backup within schedule.", "3 need a hand.")
        );
        assert_eq!(
            words(2, 1, 0, 1),
            pair("1 of 2 devices has a good backup within schedule.", "1 needs a hand.")
        );
        assert_eq!(words(4, 4, 0, 0), pair("All 4 devices have a good backup within their schedule.", ""));
        // It failed just now, and what there is of it is still young enough.
        assert_eq!(
            words(1, 1, 0, 1),
            pair("The device has a good backup within its schedule.", "1 needs a hand.")
        );
        assert_eq!(words(4, 0, 4, 4), pair("4 devices added, none backed up yet.", ""));
        assert_eq!(words(0, 0, 0, 0), pair("No device is enabled.", ""));
    }
}
