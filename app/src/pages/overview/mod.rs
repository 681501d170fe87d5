//! The first page: is everything backed up, and what needs a hand?

mod changes;
mod charts;
mod first_steps;
mod hands;
mod hero;
mod runs;

use etiqa_model::Timestamp;
use etiqa_model::event::Topic;
use etiqa_model::overview::Overview;
use etiqa_model::run::Run;
use etiqa_model::user::Role;
use leptos::prelude::*;

use self::changes::changes;
use self::charts::{days, devices, storage};
use self::first_steps::first_steps;
use self::hands::needs_hand;
use self::hero::hero;
use self::runs::{next, recent, running};
use crate::api::archives::{ResumeSchedules, UnpauseSchedules};
use crate::api::backups::{CancelRun, RunBackup};
use crate::api::devices::CollectDevice;
use crate::api::overview::GetOverview;
use crate::ask::ask;
use crate::components::part::nothing;
use crate::components::result::broken_rules;
use crate::components::skeleton::blocks;
use crate::components::{Ago, GetForm, Loaded, PageHeader, Problem, act, empty, paused};
use crate::live::touch_after;
use crate::post::{Post, PostForm};

/// What it tells of; jobs, because one of them may be the collection that somebody asked for.
const TOPICS: &[Topic] = &[Topic::Runs, Topic::BackupConfigs, Topic::Devices, Topic::Jobs, Topic::Rules];

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
        <Loaded waiting=blocks from=move || overview.get() view=move |overview, role| content(overview, role, actions)/>
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
    let rules = overview.broken_rules.map(|broken| broken_rules(broken, "/configs/rules".to_owned()));
    let next = next(&overview.configs, role, actions);
    let devices = devices(counts);
    view! {
        <div class="stack">
            {pause}
            {damaged}
            {hero}
            {rules}
            {steps}
            <div class="grid columns">
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
