//! One backup config: where it stands, when it runs next, and what its runs came to.

use etiqa_model::BackupConfigId;
use etiqa_model::backup::{BackupConfig, BackupConfigDetail, BackupKind, ConfigState};
use etiqa_model::destination::DestinationName;
use etiqa_model::event::Topic;
use etiqa_model::run::{Run, RunStatus};
use etiqa_model::selector::Selector;
use etiqa_model::user::Role;
use leptos::prelude::*;

use super::id_of_path;
use crate::api::backups::{DeleteBackupConfig, EnableBackupConfig, GetBackupConfig, RunBackup};
use crate::ask::ask;
use crate::components::chart::{self, Bar};
use crate::components::part::nothing;
use crate::components::{Countdown, Loaded, PageHeader, Problem, Time, act, card, chip, confirm, fact, run};
use crate::format;
use crate::live::touch_after;
use crate::post::{Post, PostForm};

#[derive(Clone, Copy)]
struct Actions {
    run: Post<RunBackup>,
    enable: Post<EnableBackupConfig>,
    delete: Post<DeleteBackupConfig>,
}

#[component]
pub(crate) fn BackupConfigPage() -> AnyView {
    let id = id_of_path();
    let detail =
        ask(&[Topic::Runs, Topic::BackupConfigs], move || GetBackupConfig { id: BackupConfigId(id.get()) })
            .each_minute();
    let actions = Actions {
        run: Post::<RunBackup>::new(),
        enable: Post::<EnableBackupConfig>::new(),
        delete: Post::<DeleteBackupConfig>::new(),
    };
    touch_after(actions.run, &[Topic::Runs]);
    touch_after(actions.enable, &[Topic::BackupConfigs]);
    view! {
        <Problem problem=actions.run.problem()/>
        <Problem problem=actions.enable.problem()/>
        <Problem problem=actions.delete.problem()/>
        <Loaded is_page=true from=move || detail.get() view=move |detail, role| content(detail, role, actions)/>
    }
    .into_any()
}

fn content(detail: BackupConfigDetail, role: Role, actions: Actions) -> AnyView {
    let row = detail.row;
    let chips = chip::config_state(&row);
    let running = row.last_run.as_ref().filter(|run| !run.status.is_over()).map(running);
    let buttons = (role >= Role::Operator).then(|| buttons(&row.config, row.state, actions));
    let covers = covers(&row.config, row.devices, &detail.chosen);
    let next = next_times(&row.config, detail.next_times);
    let sends_to = sends_to(&row.destinations);
    let config = row.config;
    let archives = format!("/backup/config/{}/retention", config.id);
    let kept = view! { {keeps(&config)}" "<a href=archives>"What stays and why"</a> }.into_any();
    let facts = view! {
        <section class="card">
            <dl class="facts">
                {fact("Makes", config.kind.label())}
                {fact("When", config.schedule.words())}
                {fact("By itself", chip::enabled(config.enabled))}
                {fact("Covers", covers)}
                {fact("Takes in", takes_in(&config))}
                {fact("Keeps", kept)}
                {fact("Sends to", sends_to)}
            </dl>
        </section>
    }
    .into_any();
    let charts = charts(&detail.runs);
    let to_all = format!("/backup/?config={}#runs", config.id);
    let all = view! { <a href=to_all>"All of its runs"</a> }.into_any();
    let history = if detail.runs.is_empty() {
        view! { <p class="quiet">"It has not run yet."</p> }.into_any()
    } else {
        run::runs(detail.runs, false)
    };
    view! {
        <PageHeader title=config.name above=&[("Backups", "/backup/")] chips>
            {buttons}
        </PageHeader>
        <div class="stack">
            {running}
            {facts}
            {next}
            {charts}
            {card("Runs", all, history)}
        </div>
    }
    .into_any()
}

/// Sizes and durations of the newest runs that ended, the newest at the right. One alone has nothing to be held against.
fn charts(runs: &[Run]) -> AnyView {
    let ended: Vec<&Run> = runs.iter().rev().filter(|run| run.status.is_over()).collect();
    let (Some(first), Some(last), true) = (ended.first(), ended.last(), ended.len() > 1) else {
        return nothing();
    };
    let chart =
        |title: &'static str, remark: Option<String>, value: fn(&Run) -> u64, words: fn(u64) -> String| {
            let bar = |run: &&Run| Bar {
                name: format!("#{}, {}", run.id, format::day(run.queued_at)),
                words: words(value(run)),
                parts: vec![(tone(run), value(run))],
            };
            let label = format!("{title} of the last {}", format::plural(ended.len() as u64, "run"));
            let ends = (format::day(first.queued_at), format::day(last.queued_at));
            card(title, remark, chart::bars(label, ended.iter().map(bar).collect(), ends))
        };
    let size = last.size_bytes.map(format::size);
    view! {
        <div class="halves">
            {chart("Size", size, |run| run.size_bytes.unwrap_or(0), format::size)}
            {chart("Duration", run::took(last), duration_ms, |ms| format::took(ms.try_into().unwrap_or(i64::MAX)))}
        </div>
    }
    .into_any()
}

/// The class of its bar's colour.
fn tone(run: &Run) -> &'static str {
    match run.status {
        RunStatus::Cancelled => "cancelled",
        RunStatus::Completed if run.devices_failed + run.artifacts_failed == 0 => "",
        RunStatus::Completed => "partial",
        _ => "failed",
    }
}

fn duration_ms(run: &Run) -> u64 {
    let (Some(began), Some(ended)) = (run.started_at, run.finished_at) else { return 0 };
    u64::try_from(ended.since(began).as_millis()).unwrap_or(0)
}

fn buttons(config: &BackupConfig, state: ConfigState, actions: Actions) -> AnyView {
    let id = config.id;
    let (words, target) = if config.enabled { ("Disable", "false") } else { ("Enable", "true") };
    let done = format!("{} is {}.", config.name, if config.enabled { "disabled" } else { "enabled" });
    let undo = format!("id={id}&enabled={}", config.enabled);
    let run = (state != ConfigState::Running).then(|| {
        view! { <PostForm to=actions.run done=format!("{} is queued.", config.name)>{act(&[("id", id.to_string())], "Run now", "btn primary")}</PostForm> }.into_any()
    });
    let delete = view! {
        <PostForm to=actions.delete>
            {act(&[("id", id.to_string())], "Delete", "btn danger")}
        </PostForm>
    }
    .into_any();
    let question =
        format!("Delete {}? It will not run any more. Its archives and its history stay.", config.name);
    view! {
        {confirm("backup", "Delete…", question, delete)}
        <a class="btn" href=format!("/backup/config/{id}/edit")>"Edit"</a>
        <a class="btn" href=format!("/backup/new?like={id}")>"Duplicate"</a>
        <PostForm to=actions.enable done undo>
            {act(&[("id", id.to_string()), ("enabled", target.to_owned())], words, "btn")}
        </PostForm>
        {run}
    }
    .into_any()
}

fn running(going: &Run) -> AnyView {
    let link = view! { <a href=format!("/backup/run/{}", going.id)>"Watch it"</a> }.into_any();
    card(
        "Running now",
        link,
        view! { <div class="pad">{chip::run_status(going)}{run::progress(going)}</div> }.into_any(),
    )
}

fn covers(config: &BackupConfig, devices: u64, chosen: &[String]) -> String {
    match (&config.kind, &config.devices) {
        (BackupKind::Data, _) => "no devices".to_owned(),
        (_, Selector::Chosen(_)) if !chosen.is_empty() && chosen.len() <= 8 => chosen.join(", "),
        (_, selector) => format!("{} ({})", selector.words(), format::count(devices)),
    }
}

fn takes_in(config: &BackupConfig) -> String {
    let mut parts = Vec::new();
    if config.kind != BackupKind::Data {
        parts.push("device configs");
    }
    let include = config.include;
    for (is_in, words) in [(include.database, "database"), (include.media, "media"), (include.logs, "logs")] {
        if is_in {
            parts.push(words);
        }
    }
    parts.join(", ")
}

fn sends_to(destinations: &[DestinationName]) -> String {
    if destinations.is_empty() {
        return "nowhere else".to_owned();
    }
    let names: Vec<&str> = destinations.iter().map(|destination| destination.name.as_str()).collect();
    names.join(", ")
}

fn keeps(config: &BackupConfig) -> String {
    let keep = config.retention;
    let mut words = vec![format!("the newest {}", keep.max_backups)];
    for (number, unit) in [
        (keep.keep_hourly, "hourly"),
        (keep.keep_daily, "daily"),
        (keep.keep_weekly, "weekly"),
        (keep.keep_monthly, "monthly"),
        (keep.keep_yearly, "yearly"),
    ] {
        if number > 0 {
            words.push(format!("{number} {unit}"));
        }
    }
    words.join(", ")
}

fn next_times(config: &BackupConfig, times: Vec<etiqa_model::Timestamp>) -> AnyView {
    let Some(first) = times.first().copied().filter(|_| config.enabled) else {
        let words = if config.enabled {
            "It has no next time."
        } else {
            "It is disabled and will not run by itself."
        };
        return card("Next", (), view! { <p class="quiet">{words}</p> }.into_any());
    };
    let times = times.into_iter().map(|at| view! { <li><Time at/></li> }.into_any()).collect_view();
    card(
        "Next",
        view! { <Countdown to=first/> }.into_any(),
        view! { <ol class="times">{times}</ol> }.into_any(),
    )
}
