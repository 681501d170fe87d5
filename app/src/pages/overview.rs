//! The first page: is everything backed up, and what needs a hand?

use etiqa_model::Timestamp;
use etiqa_model::backup::{BackupConfigRow, ConfigState};
use etiqa_model::device::Device;
use etiqa_model::event::Topic;
use etiqa_model::overview::{DayCounts, DeviceCounts, Overview, RecentChange};
use etiqa_model::run::Run;
use etiqa_model::user::Role;
use leptos::prelude::*;
use leptos_router::components::Form;

use crate::api::archives::{ResumeSchedules, UnpauseSchedules};
use crate::api::backups::{CancelRun, RunBackup};
use crate::api::overview::GetOverview;
use crate::ask::ask;
use crate::components::list::version_address;
use crate::components::rows::Rows;
use crate::components::{
    Ago, Countdown, Loaded, PageHeader, Problem, Time, act, card, chip, diff, empty, paused, run,
};
use crate::format;
use crate::live::touch_after;
use crate::post::{Post, PostForm};

/// Changed lines in a peek.
const PEEK_LINES: usize = 6;

/// The height of a day's bar, in the units of its drawing.
const DAY_HEIGHT: u32 = 40;

/// What a person can do from here.
#[derive(Clone, Copy)]
struct Actions {
    run: Post<RunBackup>,
    cancel: Post<CancelRun>,
    resume: Post<ResumeSchedules>,
    unpause: Post<UnpauseSchedules>,
}

#[component]
pub(crate) fn OverviewPage() -> AnyView {
    let overview = ask(&[Topic::Runs, Topic::BackupConfigs, Topic::Devices], || GetOverview {});
    let actions = Actions {
        run: Post::<RunBackup>::new(),
        cancel: Post::<CancelRun>::new(),
        resume: Post::<ResumeSchedules>::new(),
        unpause: Post::<UnpauseSchedules>::new(),
    };
    touch_after(actions.unpause, &[Topic::BackupConfigs]);
    touch_after(actions.resume, &[Topic::BackupConfigs]);
    touch_after(actions.run, &[Topic::Runs]);
    touch_after(actions.cancel, &[Topic::Runs]);
    view! {
        <PageHeader title="Overview">
            <div class="find" role="search"><Form action="/devices/" method="GET">
                <input type="search" name="q" placeholder="Find a device" aria-label="Find a device"/>
                <kbd aria-hidden="true">"/"</kbd>
            </Form></div>
        </PageHeader>
        <Problem problem=actions.run.problem()/>
        <Problem problem=actions.cancel.problem()/>
        <Loaded from=move || overview.get() view=move |overview, role| content(overview, role, actions)/>
    }
    .into_any()
}

fn content(overview: Overview, role: Role, actions: Actions) -> AnyView {
    let counts = &overview.devices;
    if counts.total + counts.disabled == 0 && overview.configs.is_empty() {
        return first_steps(role);
    }
    let hero = hero(&overview);
    let pause = overview.pause.map(|pause| match pause.by {
        None => restored(pause.at, role, actions),
        Some(by) => paused(by, pause.at, role, actions.unpause),
    });
    let damaged = overview.damaged.iter().map(damaged).collect_view();
    let hand = needs_hand(overview.needs_hand, counts.failing, role);
    let next = next(&overview.configs, role, actions);
    let by_type = by_type(counts);
    view! {
        <div class="stack">
            {pause}
            {damaged}
            {hero}
            <div class="grid">
                <div class="stack">
                    {hand}
                    {running(overview.running, role, actions)}
                    {changes(overview.recent_changes)}
                    {recent(overview.recent_runs)}
                </div>
                <div class="stack">
                    {next}
                    {days(&overview.days)}
                    {storage(overview.archive_bytes, overview.archives)}
                    {by_type}
                </div>
            </div>
        </div>
    }
    .into_any()
}

/// A restored instance waits for a person.
fn restored(at: Timestamp, role: Role, actions: Actions) -> AnyView {
    let resume = (role >= Role::Admin).then(|| {
        view! { <PostForm to=actions.resume>{act(&[], "Run schedules again", "btn small")}</PostForm> }
            .into_any()
    });
    view! {
        <div class="notice warn" role="status">
            <p>"Restored from an archive "<Ago at/>". Nothing runs by itself until an admin confirms that the instance it came from does not run any more."</p>
            {resume}
        </div>
    }
    .into_any()
}

fn damaged(run: &Run) -> AnyView {
    let href = format!("/backup/run/{}/archive", run.id);
    let name = run.file.clone();
    view! { <p class="notice bad" role="alert">"Damaged archive: "<a href=href>{name}</a></p> }.into_any()
}

/// What to do where there is nothing yet.
fn first_steps(role: Role) -> AnyView {
    if role < Role::Operator {
        return empty("Nothing is backed up yet", "Ask an operator to add devices and a backup.", ());
    }
    let step = |number: &'static str,
                heading: &'static str,
                words: &'static str,
                to: &'static str,
                button: &'static str,
                class: &'static str| {
        view! {
            <li>
                <span class="step" aria-hidden="true">{number}</span>
                <div><h2>{heading}</h2><p class="muted">{words}</p></div>
                <a class=class href=to>{button}</a>
            </li>
        }
        .into_any()
    };
    view! {
        <section class="card">
            <ol class="steps">
                {(role >= Role::Admin).then(|| step("1", "Add a credential", "The user name and password, or key, that logs in to your devices. Read-only is enough.", "/admin/credentials", "Add credential", "btn"))}
                {step("2", "Add your devices", "Import a CSV or JSON file, or add them one by one.", "/devices/import", "Import devices", "btn primary")}
                {step("3", "Say when to back up", "Hourly, daily, weekly or monthly, in your own time zone.", "/backup/new", "New backup", "btn")}
            </ol>
        </section>
    }
    .into_any()
}

fn headline(counts: &DeviceCounts) -> String {
    let devices = format::plural(counts.total, "device");
    match counts {
        DeviceCounts { total: 0, .. } => "No device is enabled.".to_owned(),
        DeviceCounts { total, good, .. } if good == total => {
            if *total == 1 {
                "The device has a good backup.".to_owned()
            } else {
                format!("All {devices} have a good backup.")
            }
        }
        DeviceCounts { failing: 0, never, .. } if never == &counts.total => {
            format!("{devices} added, none backed up yet.")
        }
        DeviceCounts { good, failing, never, .. } => {
            let have = if *good == 1 { "has" } else { "have" };
            let need = if *failing == 1 { "needs" } else { "need" };
            let mut sentences = vec![format!("{} of {devices} {have} a good backup.", format::count(*good))];
            if *failing > 0 {
                sentences.push(format!("{} {need} a hand.", format::count(*failing)));
            }
            if *never > 0 {
                sentences.push(format!("{} not backed up yet.", format::count(*never)));
            }
            sentences.join(" ")
        }
    }
}

fn hero(overview: &Overview) -> AnyView {
    let counts = &overview.devices;
    let share = |part: u64| {
        // A circle of 1,000 units; a sliver of what failed stays visible.
        (part * 1_000).checked_div(counts.total).unwrap_or(0)
    };
    let (good, failing) = (share(counts.good), share(counts.good + counts.failing));
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
            <svg class="ring" viewBox="0 0 36 36" role="img" aria-label=format!("{} of devices have a good backup", format::percent(counts.good, counts.total))>
                <circle class="rest" cx="18" cy="18" r="15.9" pathLength="1000"/>
                <circle class="part bad" cx="18" cy="18" r="15.9" pathLength="1000" stroke-dasharray=format!("{failing} 1000")/>
                <circle class="part good" cx="18" cy="18" r="15.9" pathLength="1000" stroke-dasharray=format!("{good} 1000")/>
                <text x="18" y="18" dy="0.35em" text-anchor="middle">{format::percent(counts.good, counts.total)}</text>
            </svg>
            <div>
                <h2>{headline(counts)}</h2>
                <p class="dots">{last}{next}</p>
            </div>
        </section>
    }
    .into_any()
}

fn needs_hand(devices: Vec<Device>, failing: u64, role: Role) -> AnyView {
    if devices.is_empty() {
        return ().into_any();
    }
    let more = failing.saturating_sub(devices.len() as u64);
    let rows: Rows = devices.into_iter().map(|device| (device.id, hand_row(device, role))).collect();
    let rows = rows.into_any();
    let all = (more > 0).then(|| {
        view! { <a class="row more" href="/devices/?state=failing">{format!("{} more", format::count(more))}</a> }.into_any()
    });
    card("Needs a hand", format::count(failing), view! { <div>{rows}{all}</div> }.into_any())
}

fn hand_row(device: Device, role: Role) -> AnyView {
    use etiqa_model::class::Class;
    let to = format!("/devices/{}", device.id);
    let class = device.last_result.as_ref().map(|result| result.class);
    // The one thing that most likely helps.
    let (words, target) = match class {
        Some(Class::AuthFailed) if role >= Role::Admin => ("Fix credential", "/admin/credentials".to_owned()),
        Some(Class::Suspect) => ("Compare", to.clone()),
        Some(Class::HostKeyChanged) => ("Check key", format!("{to}?tab=settings")),
        Some(Class::Incomplete | Class::PromptNotFound | Class::CommandRejected) => {
            ("See session", format!("{to}?tab=results"))
        }
        _ => ("Look", format!("{to}?tab=results")),
    };
    let why = device.last_result.map(|result| result.message);
    let since = device.last_good_at.map_or_else(
        || view! { " Never backed up." }.into_any(),
        |at| view! { " Last good backup "<Ago at/>"." }.into_any(),
    );
    view! {
        <div class="row hand">
            <a class="mono strong" href=to>{device.hostname}</a>
            {class.map(chip::class)}
            <span class="why muted">{why}{since}</span>
            <a class="btn small" href=target>{words}</a>
        </div>
    }
    .into_any()
}

fn running(runs: Vec<Run>, role: Role, actions: Actions) -> AnyView {
    if runs.is_empty() {
        return ().into_any();
    }
    let remark = format::plural(runs.len() as u64, "run");
    let rows: Rows = runs
        .into_iter()
        .map(|run| {
            let id = run.id;
            let cancel = (role >= Role::Operator && !run.cancelling).then(|| {
                view! { <PostForm to=actions.cancel>{act(&[("id", id.to_string())], "Cancel", "btn small")}</PostForm> }.into_any()
            });
            let row = view! {
                <div class="row run-row">
                    <div>
                        <a class="strong" href=format!("/backup/run/{}", run.id)>{run.name.clone()}</a>
                        " "
                        {chip::run_status(&run)}
                        {run::progress(&run)}
                    </div>
                    {cancel}
                </div>
            }
            .into_any();
            (id, row)
        })
        .collect();
    let rows = rows.into_any();
    card("Running now", remark, view! { <div>{rows}</div> }.into_any())
}

fn changes(changes: Vec<RecentChange>) -> AnyView {
    if changes.is_empty() {
        return card(
            "Recent changes",
            (),
            view! { <p class="quiet">"No configuration has changed yet."</p> }.into_any(),
        );
    }
    let rows = changes
        .into_iter()
        .map(|change| {
            let version = change.version;
            let to = version_address(change.device_id, &version.part, version.version);
            let peek =
                change.peek.filter(|diff| !diff.hunks.is_empty()).map(|peek| diff::peek(&peek, PEEK_LINES));
            let is_first = version.version == 1;
            view! {
                <div class="row change">
                    <div>
                        <a class="mono strong" href=to>{change.hostname}</a>
                        " "
                        <small><Time at=version.collected_at/>" · "{version.part}</small>
                    </div>
                    {if is_first {
                        view! { <small class="muted">"first version"</small> }.into_any()
                    } else {
                        diff::counts(version.added, version.removed)
                    }}
                    {peek}
                </div>
            }
            .into_any()
        })
        .collect_view();
    card(
        "Recent changes",
        view! { <a href="/configs/">"All configs"</a> }.into_any(),
        view! { <div>{rows}</div> }.into_any(),
    )
}

fn recent(runs: Vec<Run>) -> AnyView {
    if runs.is_empty() {
        return ().into_any();
    }
    let rows = runs
        .into_iter()
        .map(|run| {
            view! {
                <div class="row recent">
                    <a class="strong" href=format!("/backup/run/{}", run.id)>{run.name.clone()}</a>
                    {chip::run_status(&run)}
                    <span class="muted clip">{run::outcome(&run)}</span>
                    <small><Time at=run.finished_at.unwrap_or(run.queued_at)/></small>
                </div>
            }
            .into_any()
        })
        .collect_view();
    card(
        "Recent runs",
        view! { <a href="/backup/">"All runs"</a> }.into_any(),
        view! { <div>{rows}</div> }.into_any(),
    )
}

fn next(configs: &[BackupConfigRow], role: Role, actions: Actions) -> AnyView {
    if configs.is_empty() {
        let new = (role >= Role::Operator)
            .then(|| view! { <a class="btn" href="/backup/new">"New backup"</a> }.into_any());
        return card("Next", (), empty("No backup is planned", "Say what to back up, and when.", new));
    }
    let rows: Rows = configs
        .iter()
        .map(|row| {
            let config = &row.config;
            let id = config.id;
            let run_now = (role >= Role::Operator && row.state == ConfigState::Due).then(|| {
                view! { <PostForm to=actions.run>{act(&[("id", id.to_string())], "Run", "btn small")}</PostForm> }.into_any()
            });
            let state = (!matches!(row.state, ConfigState::Ok)).then(|| chip::config_state(row));
            let due = match (row.state, config.next_run_at) {
                (ConfigState::Disabled | ConfigState::Running, _) | (_, None) => ().into_any(),
                (_, Some(due)) => view! { <Countdown to=due/> }.into_any(),
            };
            let next = view! {
                <div class="row next">
                    <div>
                        <a class="strong" href=format!("/backup/config/{}", config.id)>{config.name.clone()}</a>
                        " "{state}
                        <small>{config.schedule.frequency.words()}</small>
                    </div>
                    <span class="end">{due}{run_now}</span>
                </div>
            }
            .into_any();
            (id, next)
        })
        .collect();
    let rows = rows.into_any();
    card(
        "Next",
        view! { <a href="/backup/">"All backups"</a> }.into_any(),
        view! { <div>{rows}</div> }.into_any(),
    )
}

/// A bar per day: green what was good, yellow what left devices out, red what failed.
fn days(days: &[DayCounts]) -> AnyView {
    let (Some(first), Some(_)) = (days.first(), days.last()) else { return ().into_any() };
    let sum = |of: fn(&DayCounts) -> u32| days.iter().map(|day| u64::from(of(day))).sum::<u64>();
    let (good, all) = (sum(|day| day.good), sum(|day| day.good + day.partial + day.failed));
    let remark = if all == 0 {
        "no runs yet".to_owned()
    } else {
        format!("{} of runs all good", format::percent(good, all))
    };
    let bars = days.iter().enumerate().map(|(i, day)| day_bar(i, day)).collect_view();
    let width = days.len() * 10;
    card(
        "Last 30 days",
        remark,
        view! {
            <div class="days">
                <svg viewBox=format!("0 0 {width} 40") preserveAspectRatio="none" role="img" aria-label="Ended runs per day">{bars}</svg>
                <div class="ends"><span>{format::day(first.day)}</span><span>"today"</span></div>
            </div>
        }.into_any(),
    )
}

fn day_bar(index: usize, day: &DayCounts) -> AnyView {
    let all = day.good + day.partial + day.failed;
    let words = if all == 0 {
        format!("{}: no runs", format::day(day.day))
    } else {
        format!(
            "{}: {} good, {} with failed devices, {} failed",
            format::day(day.day),
            day.good,
            day.partial,
            day.failed
        )
    };
    // One bad run among many must still be seen.
    let height = |count: u32| if count == 0 { 0 } else { (count * DAY_HEIGHT / all).max(5) };
    let failed = height(day.failed);
    let partial = height(day.partial).min(DAY_HEIGHT - failed);
    let good = if day.good == 0 { 0 } else { DAY_HEIGHT - failed - partial };
    let x = (index * 10 + 1).to_string();
    let part = |class: &'static str, y: u32, height: u32| {
        (height > 0).then(|| {
            view! { <rect class=class x=x.clone() y=y.to_string() width="8" height=height.to_string()/> }
                .into_any()
        })
    };
    view! {
        <g>
            <title>{words}</title>
            {(all == 0).then(|| view! { <rect class="none" x=x.clone() y="0" width="8" height="40"/> }.into_any())}
            {part("failed", 0, failed)}
            {part("partial", failed, partial)}
            {part("good", failed + partial, good)}
        </g>
    }
    .into_any()
}

fn storage(bytes: u64, archives: u64) -> AnyView {
    card(
        "Storage",
        (),
        view! {
            <dl class="facts">
                <div><dt>"Archives kept"</dt><dd>{format::count(archives)}</dd></div>
                <div><dt>"Size"</dt><dd>{format::size(bytes)}</dd></div>
            </dl>
        }
        .into_any(),
    )
}

fn by_type(counts: &DeviceCounts) -> AnyView {
    let most = counts.by_type.iter().map(|(_, number)| *number).max().unwrap_or(0);
    if most == 0 {
        return ().into_any();
    }
    let rows = counts
        .by_type
        .iter()
        .filter(|(_, number)| *number > 0)
        .map(|(kind, number)| {
            view! {
                <a class="row type" href=format!("/devices/?type={kind}")>
                    <span>{kind.label()}</span>
                    <meter min="0" max=most value=*number aria-label=kind.label()></meter>
                    <span class="end">{format::count(*number)}</span>
                </a>
            }
            .into_any()
        })
        .collect_view();
    let disabled = (counts.disabled > 0).then(|| format!("{} disabled", format::count(counts.disabled)));
    card("Devices by type", disabled, view! { <div>{rows}</div> }.into_any())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headline_says_how_many_are_good_and_how_many_need_a_hand() {
        let counts = |total, good, failing, never| DeviceCounts {
            total,
            good,
            failing,
            never,
            ..DeviceCounts::default()
        };
        assert_eq!(
            headline(&counts(128, 125, 3, 0)),
            "125 of 128 devices have a good backup. 3 need a hand."
        );
        assert_eq!(headline(&counts(2, 1, 1, 0)), "1 of 2 devices has a good backup. 1 needs a hand.");
        assert_eq!(headline(&counts(4, 4, 0, 0)), "All 4 devices have a good backup.");
        assert_eq!(headline(&counts(4, 0, 0, 4)), "4 devices added, none backed up yet.");
        assert_eq!(headline(&counts(0, 0, 0, 0)), "No device is enabled.");
    }
}
