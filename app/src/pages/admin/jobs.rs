//! The queue: what goes on, what was given up, what waits.

use etiqa_model::event::Topic;
use etiqa_model::job::{JOB_KINDS, JobRow, JobState};
use etiqa_model::page::{Page, Paged};
use leptos::prelude::*;

use super::ABOVE;
use crate::api::jobs::{ForgetJob, ListJobs, RetryJob};
use crate::ask::ask;
use crate::components::form::choice;
use crate::components::list::address;
use crate::components::table::{Column, list_card};
use crate::components::{
    Ago, Countdown, GetForm, Loaded, PageHeader, Pager, Problem, Tone, act, chip, confirm, empty,
};
use crate::format;
use crate::live::touch_after;
use crate::pages::{options, page_of_query, query_field};
use crate::post::{Post, PostForm};

const PATH: &str = "/admin/jobs";

#[derive(Clone, Copy)]
struct Actions {
    retry: Post<RetryJob>,
    forget: Post<ForgetJob>,
}

#[component]
pub(crate) fn JobsPage() -> AnyView {
    let asked = Asked { state: query_field("state"), kind: query_field("kind") };
    let page = page_of_query();
    let jobs = ask(&[Topic::Jobs, Topic::Runs], move || ListJobs {
        state: asked.state.get(),
        kind: asked.kind.get(),
        page: Page { number: page.get(), ..Page::default() },
    });
    let actions = Actions { retry: Post::<RetryJob>::new(), forget: Post::<ForgetJob>::new() };
    touch_after(actions.retry, &[Topic::Jobs]);
    touch_after(actions.forget, &[Topic::Jobs]);
    view! {
        <PageHeader title="Jobs" above=ABOVE/>
        <Problem problem=actions.retry.problem()/>
        <Problem problem=actions.forget.problem()/>
        {asked.filters()}
        <Loaded from=move || jobs.get() view=move |jobs, _| list(jobs, asked, actions)/>
    }
    .into_any()
}

/// What the address asks.
#[derive(Clone, Copy)]
struct Asked {
    state: Memo<String>,
    kind: Memo<String>,
}

impl Asked {
    /// A plain form to this address; with JavaScript it is sent by every choice.
    fn filters(self) -> AnyView {
        let states =
            JobState::ALL.iter().map(|state| (state.as_str().to_owned(), state.label().to_owned())).collect();
        view! {
            <div class="filters" role="search">
                <GetForm action=PATH replace=true>
                    {choice("state", "Any state", states, Some(self.state.get_untracked()))}
                    {choice("kind", "Any kind", options(&JOB_KINDS), Some(self.kind.get_untracked()))}
                    <button class="btn" type="submit">"Find"</button>
                </GetForm>
            </div>
        }
        .into_any()
    }

    fn to_page(self) -> Callback<u32, String> {
        let (state, kind) = (self.state.get_untracked(), self.kind.get_untracked());
        Callback::new(move |page: u32| {
            address(PATH, &[("state", state.clone()), ("kind", kind.clone()), ("page", page.to_string())])
        })
    }

    fn is_narrowed(self) -> bool {
        !self.state.with_untracked(String::is_empty) || !self.kind.with_untracked(String::is_empty)
    }
}

fn list(jobs: Paged<JobRow>, asked: Asked, actions: Actions) -> AnyView {
    let words =
        "Runs, checks of archives, copies to destinations and what else goes on behind the pages shows here.";
    let Paged { rows, total, page } = jobs;
    let none = (total == 0).then(|| {
        if asked.is_narrowed() {
            // A full load, so that the choices are open again too.
            let all = view! { <a class="btn" href=PATH rel="external">"Show all"</a> };
            return empty("Nothing was found", "Choose another state or kind, or show all.", all);
        }
        empty("Nothing waits and nothing went wrong", words, ())
    });
    let columns = &[
        Column::Text("Job"),
        Column::Text("State"),
        Column::Text("Queued"),
        Column::Text("Begins"),
        Column::Number("Attempts"),
        Column::Actions,
    ];
    let below = view! {
        <p class="quiet">{format::plural(total, "job")}</p>
        <Pager page total address=asked.to_page()/>
    }
    .into_any();
    list_card(columns, rows.into_iter().map(|job| (job.id, row(job, actions))).collect(), none, below)
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
            <td class="muted" data-label="Queued"><Ago at=job.created_at/></td>
            <td class="muted" data-label="Begins">{begins}</td>
            <td class="num" data-label="Tries">{job.attempts}</td>
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
        let question = format!("Forget \"{title}\"? It is not done then.");
        confirm(&format!("job-{id}"), "Forget…", question, form)
    });
    view! { <span class="actions">{retry}{forget}</span> }.into_any()
}
