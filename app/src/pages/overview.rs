//! The first page: is everything backed up, and what needs a hand?

use etiqa_model::Timestamp;
use etiqa_model::backup::{BackupConfigRow, ConfigState};
use etiqa_model::class::Class;
use etiqa_model::device::DeviceStatus;
use etiqa_model::event::Topic;
use etiqa_model::overview::{
    DayCounts, DeviceCounts, FirstSteps, Hand, HandGroup, Overview, Reason, RecentChange, StoredDay,
};
use etiqa_model::run::Run;
use etiqa_model::user::Role;
use leptos::prelude::*;

use crate::api::archives::{ResumeSchedules, UnpauseSchedules};
use crate::api::backups::{CancelRun, RunBackup};
use crate::api::devices::CollectDevice;
use crate::api::overview::GetOverview;
use crate::ask::ask;
use crate::components::chart::{self, Bar};
use crate::components::list::version_address;
use crate::components::part::nothing;
use crate::components::rows::Rows;
use crate::components::{
    Ago, Countdown, GetForm, Loaded, PageHeader, Problem, Time, Tone, act, card, chip, diff, empty, paused,
    run,
};
use crate::format;
use crate::live::touch_after;
use crate::post::{Post, PostForm};

/// Changed lines in a peek.
const PEEK_LINES: usize = 6;

/// What it tells of; jobs, because one of them may be the collection that somebody asked for.
const TOPICS: &[Topic] = &[Topic::Runs, Topic::BackupConfigs, Topic::Devices, Topic::Jobs];

/// What a person can do from here.
#[derive(Clone, Copy)]
struct Actions {
    run: Post<RunBackup>,
    cancel: Post<CancelRun>,
    collect: Post<CollectDevice>,
    resume: Post<ResumeSchedules>,
    unpause: Post<UnpauseSchedules>,
}

#[component]
pub(crate) fn OverviewPage() -> AnyView {
    let overview = ask(TOPICS, || GetOverview {}).each_minute();
    let actions = Actions {
        run: Post::<RunBackup>::new(),
        cancel: Post::<CancelRun>::new(),
        collect: Post::<CollectDevice>::new(),
        resume: Post::<ResumeSchedules>::new(),
        unpause: Post::<UnpauseSchedules>::new(),
    };
    touch_after(actions.unpause, &[Topic::BackupConfigs]);
    touch_after(actions.resume, &[Topic::BackupConfigs]);
    touch_after(actions.run, &[Topic::Runs]);
    touch_after(actions.cancel, &[Topic::Runs]);
    touch_after(actions.collect, &[Topic::Devices]);
    view! {
        <PageHeader title="Overview">
            <div class="find" role="search"><GetForm action="/devices/">
                <input type="search" name="q" placeholder="Find a device" aria-label="Find a device"/>
                <kbd aria-hidden="true">"/"</kbd>
            </GetForm></div>
        </PageHeader>
        <Problem problem=actions.run.problem()/>
        <Problem problem=actions.cancel.problem()/>
        <Problem problem=actions.collect.problem()/>
        <Loaded from=move || overview.get() view=move |overview, role| content(overview, role, actions)/>
    }
    .into_any()
}

fn content(overview: Overview, role: Role, actions: Actions) -> AnyView {
    let counts = &overview.devices;
    let is_running = !overview.running.is_empty();
    let steps = overview.first_steps.as_ref();
    let is_empty = counts.total + counts.disabled == 0 && overview.configs.is_empty();
    let steps = match steps {
        Some(steps) if role >= Role::Operator => first_steps(steps, is_running, role, actions),
        Some(_) if is_empty => {
            empty("Nothing is backed up yet", "Ask an operator to add devices and a backup.", ())
        }
        _ => nothing(),
    };
    if is_empty && overview.first_steps.is_some() {
        return steps;
    }
    let hero = hero(&overview);
    let pause = overview.pause.map(|pause| match pause.by {
        None => restored(pause.at, role, actions),
        Some(by) => paused(by, pause.at, role, actions.unpause),
    });
    let damaged = overview.damaged.iter().map(damaged).collect_view();
    let next = next(&overview.configs, role, actions);
    let devices = devices(counts);
    view! {
        <div class="stack">
            {pause}
            {damaged}
            {hero}
            {steps}
            <div class="grid">
                <div class="stack">
                    {needs_hand(overview.needs_hand, role, actions)}
                    {running(overview.running, role, actions)}
                    {changes(overview.recent_changes)}
                    {recent(overview.recent_runs)}
                </div>
                <div class="stack">
                    {next}
                    {days(&overview.days)}
                    {storage(&overview.stored, overview.archive_bytes, overview.archives)}
                    {devices}
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

/// What to do until there is a first backup: what is done, what is next, and where.
fn first_steps(steps: &FirstSteps, is_running: bool, role: Role, actions: Actions) -> AnyView {
    let done = [steps.device.is_some(), steps.has_credential, steps.is_tested, steps.backup.is_some(), false];
    let next = done.iter().position(|is_done| !is_done).unwrap_or(done.len());
    let class = move |index: usize| if index == next { "btn primary" } else { "btn" };
    let link = move |index: usize, to: String, words: &'static str| {
        view! { <a class=class(index) href=to>{words}</a> }.into_any()
    };
    let step = |index: usize, heading: &'static str, words: AnyView, action: AnyView| {
        let (class, sign) =
            if done[index] { ("step done", "✓".to_owned()) } else { ("step", (index + 1).to_string()) };
        let current = (index == next).then_some("step");
        let action = if done[index] { chip(Tone::Ok, "Done") } else { action };
        view! {
            <li aria-current=current>
                <span class=class aria-hidden="true">{sign}</span>
                <div><h3>{heading}</h3><p class="muted">{words}</p></div>
                {action}
            </li>
        }
        .into_any()
    };
    let add_devices =
        view! { "Import a CSV or JSON file, or "<a href="/devices/new">"add one"</a>"." }.into_any();
    let (credential, add_credential) = if role >= Role::Admin {
        (
            "The user name and password, or key, that logs in to your devices. Read-only is enough.",
            link(1, "/admin/credentials".to_owned(), "Add credential"),
        )
    } else {
        ("An admin adds the login to your devices.", nothing())
    };
    let test = steps
        .device
        .map_or_else(nothing, |id| link(2, format!("/devices/{id}?tab=connection"), "Test a device"));
    let run = match steps.backup {
        _ if is_running => chip(Tone::Run, "Running"),
        Some(id) => {
            view! { <PostForm to=actions.run>{act(&[("id", id.to_string())], "Run now", class(4))}</PostForm> }
                .into_any()
        }
        None => nothing(),
    };
    let body = view! {
        <ol class="steps">
            {step(0, "Add your devices", add_devices, link(0, "/devices/import".to_owned(), "Import devices"))}
            {step(1, "Add a credential", credential.into_any(), add_credential)}
            {step(2, "Test the connection", "Logs in to one device and asks for no configuration.".into_any(), test)}
            {step(3, "Say when to back up", "Hourly, daily, weekly or monthly, in your own time zone.".into_any(), link(3, "/backup/new".to_owned(), "New backup"))}
            {step(4, "Run it once", "The first archive shows that all of it works.".into_any(), run)}
        </ol>
    }
    .into_any();
    card(
        "To your first backup",
        format!("{} of 5 done", done.iter().filter(|is_done| **is_done).count()),
        body,
    )
}

fn headline(counts: &DeviceCounts, need: u64) -> String {
    let devices = format::plural(counts.total, "device");
    let hand = match need {
        0 => String::new(),
        1 => " 1 needs a hand.".to_owned(),
        need => format!(" {} need a hand.", format::count(need)),
    };
    match counts {
        DeviceCounts { total: 0, .. } => "No device is enabled.".to_owned(),
        DeviceCounts { total, never, .. } if never == total => {
            format!("{devices} added, none backed up yet.")
        }
        DeviceCounts { total: 1, covered: 1, .. } => {
            format!("The device has a good backup within its schedule.{hand}")
        }
        DeviceCounts { total, covered, .. } if covered == total => {
            format!("All {devices} have a good backup within their schedule.{hand}")
        }
        DeviceCounts { covered, .. } => {
            let have = if *covered == 1 { "has" } else { "have" };
            let covered = format::count(*covered);
            format!("{covered} of {devices} {have} a good backup within schedule.{hand}")
        }
    }
}

fn hero(overview: &Overview) -> AnyView {
    let counts = &overview.devices;
    // A circle of 1,000 units.
    let share = |part: u64| (part * 1_000).checked_div(counts.total).unwrap_or(0);
    // What is to be expected of a device that was never backed up is not known yet.
    let (good, known) = (share(counts.covered), share(counts.total - counts.never));
    let need: u64 = overview.needs_hand.iter().map(|group| group.count).sum();
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
                <h2>{headline(counts, need)}</h2>
                <p class="dots">{last}{next}</p>
            </div>
        </section>
    }
    .into_any()
}

fn needs_hand(groups: Vec<HandGroup>, role: Role, actions: Actions) -> AnyView {
    if groups.is_empty() {
        return nothing();
    }
    let link = |group: &HandGroup, words: String, class: &'static str| {
        view! { <a class=class href=list_of(group.reason)>{words}</a> }.into_any()
    };
    let counts = groups
        .iter()
        .map(|group| link(group, format!("{} {}", group.reason.label(), format::count(group.count)), ""));
    let counts = counts.collect_view();
    let rows = groups.into_iter().flat_map(|group| {
        let more = group.count.saturating_sub(group.devices.len() as u64);
        let label = group.reason.label();
        let more = (more > 0).then(|| {
            let words = format!("{label}: {} more", format::count(more));
            (label.to_owned(), link(&group, words, "row more"))
        });
        let hands = group.devices.into_iter();
        hands.map(move |hand| (hand.id.to_string(), hand_row(hand, role, actions))).chain(more)
    });
    let rows = rows.collect::<Rows>().into_any();
    card("Needs a hand", counts, view! { <div>{rows}</div> }.into_any())
}

/// Where all devices of a reason are listed.
fn list_of(reason: Reason) -> &'static str {
    match reason {
        Reason::Failing => "/devices/?state=failing&enabled=true",
        Reason::Suspect => "/devices/?class=suspect&enabled=true",
        Reason::HostKeyChanged => "/devices/?class=host_key_changed&enabled=true",
        Reason::NeverBackedUp => "/devices/?state=never&enabled=true",
        Reason::Overdue => "/devices/?state=overdue",
        Reason::NoBackup => "/devices/?state=no_backup",
    }
}

fn hand_row(hand: Hand, role: Role, actions: Actions) -> AnyView {
    let to = format!("/devices/{}", hand.id);
    let class = hand.class.filter(|class| !class.is_good());
    let state = match (class, hand.reason) {
        (Some(class), _) => chip::class(class),
        (None, Reason::Overdue) => chip(Tone::Warn, hand.reason.label()),
        (None, reason) => chip(Tone::Off, reason.label()),
    };
    // Where a person has to look before anything is done, a link; the rest is tried again from here.
    let link = match (hand.reason, class) {
        (Reason::Suspect, _) => Some(("Compare", to.clone())),
        (Reason::HostKeyChanged, _) => Some(("Check key", to.clone())),
        (Reason::NoBackup, _) => (role >= Role::Operator).then(|| ("New backup", "/backup/new".to_owned())),
        (_, Some(Class::AuthFailed)) => {
            (role >= Role::Admin).then(|| ("Fix credential", "/admin/credentials".to_owned()))
        }
        (_, Some(Class::Incomplete | Class::PromptNotFound | Class::CommandRejected)) => {
            Some(("See session", format!("{to}?tab=results")))
        }
        _ => None,
    };
    let link = link.map(|(words, to)| view! { <a class="btn small" href=to>{words}</a> }.into_any());
    let is_tried_again = !matches!(hand.reason, Reason::Suspect | Reason::HostKeyChanged | Reason::NoBackup);
    let collect = if hand.collecting {
        chip(Tone::Run, "Collecting")
    } else if is_tried_again && role >= Role::Operator {
        let button = act(&[("id", hand.id.to_string())], "Back up now", "btn small");
        view! { <PostForm to=actions.collect done=format!("{} is backed up as soon as a session is free.", hand.hostname)>{button}</PostForm> }.into_any()
    } else {
        nothing()
    };
    view! {
        <div class="row hand">
            <a class="mono strong" href=to>{hand.hostname.clone()}</a>
            {state}
            <span class="why muted">{why(&hand, class)}</span>
            <span class="actions">{link}{collect}</span>
        </div>
    }
    .into_any()
}

/// What is the matter, since when, and what a person should do about it.
fn why(hand: &Hand, class: Option<Class>) -> AnyView {
    let good = match hand.last_good_at {
        Some(at) => view! { " Last good backup "<Ago at/>"." }.into_any(),
        None => " Never backed up.".into_any(),
    };
    let at = hand.at;
    match (hand.reason, class) {
        (_, Some(class)) => view! {
            {hand.message.clone()}" Tried "<Ago at/>"."{good}<small>{class.advice()}</small>
        }
        .into_any(),
        (Reason::Overdue, None) => view! { "Not taken when it was due."{good} }.into_any(),
        (Reason::NoBackup, None) => view! { "No enabled backup covers it."{good} }.into_any(),
        (_, None) => {
            let planned = if hand.is_covered { "" } else { " No enabled backup covers it." };
            view! { "Added "<Ago at/>"."{planned} }.into_any()
        }
    }
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
                view! { <PostForm to=actions.run done=format!("{} is queued.", config.name)>{act(&[("id", id.to_string())], "Run", "btn small")}</PostForm> }.into_any()
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

fn storage(stored: &[StoredDay], bytes: u64, archives: u64) -> AnyView {
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
fn devices(counts: &DeviceCounts) -> AnyView {
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
    use super::*;

    #[test]
    fn the_headline_says_how_many_are_backed_up_in_time_and_how_many_need_a_hand() {
        let counts =
            |total, covered, never| DeviceCounts { total, covered, never, ..DeviceCounts::default() };
        assert_eq!(
            headline(&counts(128, 125, 0), 3),
            "125 of 128 devices have a good backup within schedule. 3 need a hand."
        );
        assert_eq!(
            headline(&counts(2, 1, 0), 1),
            "1 of 2 devices has a good backup within schedule. 1 needs a hand."
        );
        assert_eq!(headline(&counts(4, 4, 0), 0), "All 4 devices have a good backup within their schedule.");
        // It failed just now, and what there is of it is still young enough.
        assert_eq!(
            headline(&counts(1, 1, 0), 1),
            "The device has a good backup within its schedule. 1 needs a hand."
        );
        assert_eq!(headline(&counts(4, 0, 4), 4), "4 devices added, none backed up yet.");
        assert_eq!(headline(&counts(0, 0, 0), 0), "No device is enabled.");
    }

    #[test]
    fn one_bad_run_among_many_is_seen_in_the_bar_of_its_day() {
        let day = |good, partial, failed| shares(&DayCounts { day: Timestamp(0), good, partial, failed });
        assert_eq!(day(3, 0, 0), [("", 40)]);
        assert_eq!(day(99, 0, 1), [("", 35), ("failed", 5)]);
        assert_eq!(day(2, 1, 1), [("", 20), ("partial", 10), ("failed", 10)]);
        assert_eq!(day(0, 0, 0), [("none", 40)]);
    }
}
