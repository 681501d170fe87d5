//! Backup configs, where each stands, and the newest runs.

use etiqa_model::RunId;
use etiqa_model::backup::{BackupConfigRow, BackupKind, ConfigState};
use etiqa_model::event::Topic;
use etiqa_model::history::{Outcome, RunFilter, RunPage};
use etiqa_model::run::Trigger;
use etiqa_model::schedule::Pause;
use etiqa_model::user::Role;
use etiqa_model::view::ViewPage;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use leptos_router::params::ParamsMap;

use super::history::{days, none_of, pager, total};
use crate::api::archives::{GetPause, PauseSchedules, UnpauseSchedules};
use crate::api::backups::{EnableBackupConfig, ListBackupConfigs, ListRuns, RunBackup};
use crate::ask::ask;
use crate::components::form::choice;
use crate::components::list;
use crate::components::part::{later, nothing};
use crate::components::table::{Column, list_card};
use crate::components::{
    Countdown, GetForm, Loaded, PageHeader, Problem, Time, Views, act, card, chip, empty, paused, run,
    skeleton,
};
use crate::format;
use crate::live::touch_after;
use crate::post::{Post, PostForm};
use crate::session::Allowed;

const PATH: &str = "/backup/";

/// Which runs the address asks for.
#[derive(Clone, PartialEq, Eq)]
struct Asked {
    filter: RunFilter,
    before: Option<RunId>,
}

impl Asked {
    fn of_query(query: &ParamsMap) -> Self {
        let before = query.get("before").and_then(|id| id.parse().ok());
        Self { filter: RunFilter::of_query(|name| query.get(name)), before }
    }

    fn is_narrowed(&self) -> bool {
        self.filter != RunFilter::default()
    }
}

#[derive(Clone, Copy)]
struct Actions {
    run: Post<RunBackup>,
    enable: Post<EnableBackupConfig>,
    pause: Post<PauseSchedules>,
}

#[component]
pub(crate) fn BackupsPage() -> AnyView {
    let query = use_query_map();
    let asked = Memo::new(move |_| query.with(Asked::of_query));
    let configs =
        ask(&[Topic::Runs, Topic::BackupConfigs, Topic::Devices], || ListBackupConfigs {}).each_minute();
    let runs = ask(&[Topic::Runs], move || {
        let Asked { filter, before } = asked.get();
        ListRuns { filter, before }
    });
    let actions = Actions {
        run: Post::<RunBackup>::new(),
        enable: Post::<EnableBackupConfig>::new(),
        pause: Post::<PauseSchedules>::new(),
    };
    let view_query = Memo::new(move |_| asked.with(|asked| list::query(&asked.filter.to_query())));
    let unpause = Post::<UnpauseSchedules>::new();
    let pause = ask(&[Topic::BackupConfigs], || GetPause {});
    touch_after(actions.pause, &[Topic::BackupConfigs]);
    touch_after(unpause, &[Topic::BackupConfigs]);
    touch_after(actions.run, &[Topic::Runs, Topic::BackupConfigs]);
    touch_after(actions.enable, &[Topic::BackupConfigs]);
    view! {
        <PageHeader title="Backups">
            <Allowed role=Role::Operator of_all=true>
                {later(nothing, move || async move {
                    let runs = pause.get().await.is_ok_and(|pause| pause.is_none());
                    if runs { pause_button(actions.pause) } else { nothing() }
                })}
                <a class="btn primary" href="/backup/new">"New backup"</a>
            </Allowed>
        </PageHeader>
        <Problem problem=actions.run.problem()/>
        <Problem problem=actions.enable.problem()/>
        <div class="stack">
            <Loaded waiting=nothing from=move || pause.get() view=move |pause, role| match pause {
                Some(Pause { at, by: Some(by) }) => paused(by, at, role, unpause),
                Some(Pause { by: None, .. }) | None => nothing(),
            }/>
            <Loaded from=move || configs.get() view=move |configs, role| list(configs, role, actions)/>
            <div id="runs">
                <Views page=ViewPage::Runs query=view_query/>
                <Loaded waiting=skeleton::line from=move || configs.get() view=move |configs, _| filters(configs, &asked.get_untracked())/>
            </div>
            <Loaded from=move || runs.get() view=move |runs, _| history(runs, &asked.get_untracked())/>
        </div>
    }
    .into_any()
}

fn pause_button(pause: Post<PauseSchedules>) -> AnyView {
    view! { <PostForm to=pause>{act(&[], "Pause all schedules", "btn")}</PostForm> }.into_any()
}

fn list(configs: Vec<BackupConfigRow>, role: Role, actions: Actions) -> AnyView {
    let none = configs.is_empty().then(|| {
        let new = (role >= Role::Operator)
            .then(|| view! { <a class="btn primary" href="/backup/new">"New backup"</a> }.into_any());
        let words = "A backup says which devices to log in to, when, and how many archives to keep.";
        empty("No backup is planned yet", words, new)
    });
    let columns = &[
        Column::Text("Backup"),
        Column::Text("State"),
        Column::Text("Next run"),
        Column::Text("Last run"),
        Column::Actions,
    ];
    list_card(
        columns,
        configs.into_iter().map(|row_of| (row_of.config.id, row(row_of, role, actions))).collect(),
        none,
        nothing(),
    )
}

fn row(row: BackupConfigRow, role: Role, actions: Actions) -> AnyView {
    let state = chip::config_state(&row);
    let config = row.config;
    let id = config.id;
    let devices = if config.kind == BackupKind::Data {
        "no devices".to_owned()
    } else {
        format!("{} ({})", config.devices.words(), format::count(row.devices))
    };
    let running = row.last_run.as_ref().filter(|run| !run.status.is_over()).map(run::progress);
    let last = row.last_run.as_ref().map_or_else(
        || view! { <span class="muted">"–"</span> }.into_any(),
        |last| {
            view! {
                <a href=format!("/backup/run/{}", last.id)><Time at=last.finished_at.or(last.started_at).unwrap_or(last.queued_at)/></a>
                <small>{run::outcome(last)}</small>
            }
            .into_any()
        },
    );
    let next = config.next_run_at.filter(|_| config.enabled).map_or_else(
        || view! { <span class="muted">"–"</span> }.into_any(),
        |at| view! { <Countdown to=at/><small><Time at/></small> }.into_any(),
    );
    let buttons = (role >= Role::Operator).then(|| {
        let run = (row.state != ConfigState::Running).then(|| {
            view! { <PostForm to=actions.run done=format!("{} is queued.", config.name)>{act(&[("id", id.to_string())], "Run now", "btn small")}</PostForm> }.into_any()
        });
        let (words, target) = if config.enabled { ("Disable", "false") } else { ("Enable", "true") };
        let done = format!("{} is {}.", config.name, if config.enabled { "disabled" } else { "enabled" });
        let undo = format!("id={id}&enabled={}", config.enabled);
        view! {
            <div class="actions">
                {run}
                <a class="btn small" href=format!("/backup/config/{id}/edit")>"Edit"</a>
                <a class="btn small" href=format!("/backup/new?like={id}")>"Duplicate"</a>
                <PostForm to=actions.enable done undo>{act(&[("id", id.to_string()), ("enabled", target.to_owned())], words, "btn small")}</PostForm>
            </div>
        }.into_any()
    });
    view! {
        <tr>
            <td>
                <a class="strong" href=format!("/backup/config/{id}")>{config.name}</a>
                <small>{config.schedule.words()}" · "{devices}</small>
            </td>
            <td>{state}{running}</td>
            <td data-label="Next">{next}</td>
            <td data-label="Last">{last}</td>
            <td class="end">{buttons}</td>
        </tr>
    }
    .into_any()
}

/// What narrows the runs: a plain form to this address, sent by every choice where there is JavaScript.
fn filters(configs: Vec<BackupConfigRow>, asked: &Asked) -> AnyView {
    let filter = asked.filter.clone();
    let configs = configs.into_iter().map(|row| (row.config.id.to_string(), row.config.name)).collect();
    let kinds =
        BackupKind::ALL.iter().map(|kind| (kind.as_str().to_owned(), kind.label().to_owned())).collect();
    let outcomes = Outcome::ALL
        .iter()
        .map(|outcome| (outcome.as_str().to_owned(), outcome.label().to_owned()))
        .collect();
    let triggers = Trigger::ALL
        .iter()
        .map(|trigger| (trigger.as_str().to_owned(), trigger.label().to_owned()))
        .collect();
    // A full load, so that the fields are empty again too.
    let clear = asked
        .is_narrowed()
        .then(|| view! { <a class="btn" href="/backup/#runs" rel="external">"Clear"</a> }.into_any());
    view! {
        <div class="filters" role="search">
            <GetForm action=PATH replace=true>
                {choice("config", "Any backup", configs, filter.config.map(|id| id.to_string()))}
                {choice("outcome", "Any outcome", outcomes, filter.outcome.map(|outcome| outcome.as_str().to_owned()))}
                {choice("kind", "Any kind", kinds, filter.kind.map(|kind| kind.as_str().to_owned()))}
                {choice("trigger", "However started", triggers, filter.trigger.map(|trigger| trigger.as_str().to_owned()))}
                {days(filter.from, filter.to)}
                <button class="btn" type="submit">"Find"</button>
                {clear}
            </GetForm>
        </div>
    }
    .into_any()
}

fn history(page: RunPage, asked: &Asked) -> AnyView {
    let is_older = asked.before.is_some();
    let fields = asked.filter.to_query();
    let remark = total(&page, "run");
    let pager = pager(PATH, fields, "runs", page.older, is_older);
    if page.rows.is_empty() {
        let words = if asked.is_narrowed() || is_older {
            none_of(&page, "run", is_older)
        } else {
            "Nothing has run yet.".to_owned()
        };
        return card("Runs", (), view! { <p class="quiet">{words}</p>{pager} }.into_any());
    }
    card("Runs", remark, view! { <div>{run::runs(page.rows, true)}{pager}</div> }.into_any())
}
