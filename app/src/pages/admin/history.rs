//! What ran, when, and how it ended: the runs of all backups.

use etiqa_model::event::Topic;
use etiqa_model::run::{Run, RunStatus};
use leptos::prelude::*;
use leptos_router::components::Form;

use super::ABOVE;
use crate::api::backups::FindRuns;
use crate::ask::ask;
use crate::components::form::{send_form, send_when_rested};
use crate::components::list::address;
use crate::components::part::nothing;
use crate::components::{Loaded, PageHeader, card, empty, run};
use crate::pages::query_field;

const PATH: &str = "/admin/history";
/// Runs of a page, as the server function gives them.
const PER_PAGE: usize = 50;

/// What the address asks.
#[derive(Clone, Copy)]
struct Asked {
    text: Memo<String>,
    status: Memo<String>,
    before: Memo<String>,
}

#[component]
pub(crate) fn HistoryPage() -> AnyView {
    let asked =
        Asked { text: query_field("q"), status: query_field("status"), before: query_field("before") };
    let runs = ask(&[Topic::Runs], move || FindRuns {
        text: asked.text.get(),
        status: RunStatus::parse(&asked.status.get()).ok(),
        before: asked.before.get().parse().ok(),
    });
    view! {
        <PageHeader title="History" above=ABOVE/>
        {filters(asked)}
        <Loaded from=move || runs.get() view=move |runs, _| list(runs, asked)/>
    }
    .into_any()
}

/// A plain form to this address; with JavaScript it is sent by every choice, and when typing rests.
fn filters(asked: Asked) -> AnyView {
    let chosen = asked.status.get_untracked();
    let states = RunStatus::ALL
        .iter()
        .map(|status| {
            let name = status.as_str();
            let is_chosen = chosen == name;
            view! { <option value=name selected=is_chosen>{name}</option> }.into_any()
        })
        .collect_view();
    view! {
        <div class="filters" role="search">
            <Form action=PATH method="GET" replace=true>
                <input type="search" name="q" placeholder="Name of the backup" aria-label="Search" value=asked.text.get_untracked() on:input=send_when_rested()/>
                <select name="status" aria-label="Any state" on:change=send_form>
                    <option value="">"Any state"</option>
                    {states}
                </select>
                <button class="btn" type="submit">"Find"</button>
            </Form>
        </div>
    }
    .into_any()
}

fn list(runs: Vec<Run>, asked: Asked) -> AnyView {
    let (text, status) = (asked.text.get_untracked(), asked.status.get_untracked());
    let is_older = asked.before.with_untracked(|before| !before.is_empty());
    if runs.is_empty() && !is_older {
        let none = if text.is_empty() && status.is_empty() {
            empty("Nothing has run yet", "A run shows here as soon as a backup has begun.", ())
        } else {
            // A full load, so that the fields are empty again too.
            let all = view! { <a class="btn" href=PATH rel="external">"Show all"</a> };
            empty("Nothing was found", "A search looks into the newest 5,000 runs.", all)
        };
        return card("Runs", (), none);
    }
    let to = |before: String| {
        address(PATH, &[("q", text.clone()), ("status", status.clone()), ("before", before)])
    };
    let older = runs.last().filter(|_| runs.len() >= PER_PAGE).map_or_else(nothing, |last| {
        view! { <a class="btn small" rel="next" href=to(last.id.to_string())>"Older"</a> }.into_any()
    });
    let newest = if is_older {
        view! { <a class="btn small" rel="prev" href=to(String::new())>"Newest"</a> }.into_any()
    } else {
        nothing()
    };
    let body = if runs.is_empty() {
        view! { <p class="quiet">"There are no older runs."</p> }.into_any()
    } else {
        run::runs(runs, true)
    };
    card("Runs", (), view! { <div>{body}<nav class="pager" aria-label="Pages">{newest}{older}</nav></div> })
}
