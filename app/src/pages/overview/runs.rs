//! What runs now, what ran last, and what runs next.

use etiqa_model::backup::{BackupConfigRow, ConfigState};
use etiqa_model::run::Run;
use etiqa_model::user::Role;
use leptos::prelude::*;

use super::Actions;
use crate::components::rows::Rows;
use crate::components::{Countdown, Time, act, card, chip, empty, run};
use crate::format;
use crate::post::PostForm;

pub(super) fn running(runs: Vec<Run>, role: Role, actions: Actions) -> AnyView {
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

pub(super) fn recent(runs: Vec<Run>) -> AnyView {
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

pub(super) fn next(configs: &[BackupConfigRow], role: Role, actions: Actions) -> AnyView {
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
