//! The queue: what goes on, what was given up, what waits.

use etiqa_model::event::Topic;
use etiqa_model::job::{JobRow, JobState};
use leptos::prelude::*;

use super::ABOVE;
use crate::api::jobs::{ForgetJob, ListJobs, RetryJob};
use crate::ask::ask;
use crate::components::part::nothing;
use crate::components::table::{Column, list_card};
use crate::components::{Ago, Countdown, Loaded, PageHeader, Problem, Tone, act, chip, confirm, empty};
use crate::live::touch_after;
use crate::post::{Post, PostForm};

#[derive(Clone, Copy)]
struct Actions {
    retry: Post<RetryJob>,
    forget: Post<ForgetJob>,
}

#[component]
pub(crate) fn JobsPage() -> AnyView {
    let jobs = ask(&[Topic::Jobs, Topic::Runs], || ListJobs {});
    let actions = Actions { retry: Post::<RetryJob>::new(), forget: Post::<ForgetJob>::new() };
    touch_after(actions.retry, &[Topic::Jobs]);
    touch_after(actions.forget, &[Topic::Jobs]);
    view! {
        <PageHeader title="Jobs" above=ABOVE/>
        <Problem problem=actions.retry.problem()/>
        <Problem problem=actions.forget.problem()/>
        <Loaded from=move || jobs.get() view=move |jobs, _| list(jobs, actions)/>
    }
    .into_any()
}

fn list(jobs: Vec<JobRow>, actions: Actions) -> AnyView {
    let words =
        "Runs, checks of archives, copies to destinations and what else goes on behind the pages shows here.";
    let none = jobs.is_empty().then(|| empty("Nothing waits and nothing went wrong", words, ()));
    let columns = &[
        Column::Text("Job"),
        Column::Text("State"),
        Column::Text("Queued"),
        Column::Text("Begins"),
        Column::Number("Attempts"),
        Column::Actions,
    ];
    list_card(columns, jobs.into_iter().map(|job| (job.id, row(job, actions))).collect(), none, nothing())
}

fn row(job: JobRow, actions: Actions) -> AnyView {
    let tone = match job.state {
        JobState::Running => Tone::Run,
        JobState::Waiting => Tone::Off,
        JobState::Retrying => Tone::Warn,
        JobState::Dead => Tone::Bad,
    };
    let title = match job.href {
        Some(href) => view! { <a href=href><b>{job.title.clone()}</b></a> }.into_any(),
        None => view! { <b>{job.title.clone()}</b> }.into_any(),
    };
    let remark = job.error.or_else(|| job.worker.map(|worker| format!("by {worker}")));
    let begins = match job.state {
        JobState::Waiting | JobState::Retrying => view! { <Countdown to=job.due_at/> }.into_any(),
        JobState::Running | JobState::Dead => view! { <span class="muted">"–"</span> }.into_any(),
    };
    view! {
        <tr>
            <td>{title}<small>{remark}</small></td>
            <td>{chip(tone, job.state.label())}</td>
            <td class="muted"><Ago at=job.created_at/></td>
            <td class="muted">{begins}</td>
            <td class="num">{job.attempts}</td>
            <td class="end">{buttons(job.id.to_string(), job.state, job.title, actions)}</td>
        </tr>
    }
    .into_any()
}

fn buttons(id: String, state: JobState, title: String, actions: Actions) -> AnyView {
    let retry = matches!(state, JobState::Dead | JobState::Retrying).then(|| {
        let press = act(&[("id", id.clone())], "Try now", "btn small");
        view! { <PostForm to=actions.retry>{press}</PostForm> }.into_any()
    });
    let forget = (state == JobState::Dead).then(|| {
        let press = act(&[("id", id.clone())], "Forget", "btn danger");
        let form = view! { <PostForm to=actions.forget>{press}</PostForm> }.into_any();
        confirm("Forget…", format!("Forget \"{title}\"? It is not done then."), form)
    });
    view! { <span class="actions">{retry}{forget}</span> }.into_any()
}
