//! What the collections of a device came to: the newest as charts, and all of them as a list.

use etiqa_model::class::Class;
use etiqa_model::device::DeviceResult;
use etiqa_model::event::Topic;
use etiqa_model::history::{ResultFilter, ResultPage};
use etiqa_model::{DeviceId, DeviceResultId};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use leptos_router::params::ParamsMap;

use super::Detail;
use crate::api::devices::ListResults;
use crate::ask::ask;
use crate::components::chart::{self, Bar};
use crate::components::form::choice;
use crate::components::part::nothing;
use crate::components::result::results_table;
use crate::components::session_view::OpenSession;
use crate::components::{GetForm, Loaded, card};
use crate::format;
use crate::pages::history::{days, none_of, pager, total};
use crate::pages::options;

/// Which results the address asks for.
#[derive(Clone, PartialEq, Eq)]
struct Asked {
    filter: ResultFilter,
    before: Option<DeviceResultId>,
}

impl Asked {
    fn of_query(query: &ParamsMap) -> Self {
        let before = query.get("before").and_then(|id| id.parse().ok());
        Self { filter: ResultFilter::of_query(|name| query.get(name)), before }
    }

    fn is_narrowed(&self) -> bool {
        self.filter != ResultFilter::default()
    }
}

#[component]
pub(super) fn Results(id: Memo<i64>, detail: Detail) -> AnyView {
    OpenSession::provide();
    let query = use_query_map();
    let asked = Memo::new(move |_| query.with(Asked::of_query));
    let results = ask(&[Topic::Devices], move || {
        let Asked { filter, before } = asked.get();
        ListResults { device: DeviceId(id.get()), filter, before }
    });
    view! {
        <div class="stack">
            <Loaded waiting=nothing from=move || detail.get() view=|detail, _| charts(&detail.results)/>
            {filters(id.get_untracked(), &asked.get_untracked())}
            <Loaded from=move || results.get() view=move |page, _| list(id.get_untracked(), page, &asked.get_untracked())/>
        </div>
    }
    .into_any()
}

/// How long the newest sessions took and how much they gave, the newest at the right. One alone has nothing to be held
/// against.
fn charts(results: &[DeviceResult]) -> AnyView {
    let (Some(last), Some(first), true) = (results.first(), results.last(), results.len() > 1) else {
        return nothing();
    };
    let chart =
        |title: &'static str, remark: String, value: fn(&DeviceResult) -> u64, words: fn(u64) -> String| {
            let bar = |result: &DeviceResult| {
                let class = match result.class {
                    class if class.is_good() => "",
                    Class::Suspect => "partial",
                    Class::Cancelled => "cancelled",
                    _ => "failed",
                };
                Bar {
                    name: format!("{}, {}", format::day(result.finished_at), result.class.label()),
                    words: words(value(result)),
                    parts: vec![(class, value(result))],
                }
            };
            let label = format!("{title} of the last {}", format::plural(results.len() as u64, "session"));
            let ends = (format::day(first.finished_at), format::day(last.finished_at));
            card(title, remark, chart::bars(label, results.iter().rev().map(bar).collect(), ends))
        };
    view! {
        <div class="halves">
            {chart("Duration", took(took_ms(last)), took_ms, took)}
            {chart("Size", format::size(last.size_bytes), |result| result.size_bytes, format::size)}
        </div>
    }
    .into_any()
}

fn took_ms(result: &DeviceResult) -> u64 {
    u64::try_from(result.finished_at.millis() - result.started_at.millis()).unwrap_or(0)
}

fn took(ms: u64) -> String {
    format::took(ms.try_into().unwrap_or(i64::MAX))
}

fn path(device: i64) -> String {
    format!("/devices/{device}")
}

/// A plain form to this address, sent by every choice where there is JavaScript.
fn filters(device: i64, asked: &Asked) -> AnyView {
    let filter = asked.filter.clone();
    let states = options(&[("true", "Good"), ("false", "Not good")]);
    let classes =
        Class::ALL.iter().map(|class| (class.as_str().to_owned(), class.label().to_owned())).collect();
    view! {
        <div class="filters" id="results" role="search">
            <GetForm action=path(device) replace=true>
                <input type="hidden" name="tab" value="results"/>
                {choice("good", "Good or not", states, filter.good.map(|good| good.to_string()))}
                {choice("class", "Any result", classes, filter.class.map(|class| class.as_str().to_owned()))}
                {days(filter.from, filter.to)}
                <button class="btn" type="submit">"Find"</button>
            </GetForm>
        </div>
    }
    .into_any()
}

fn list(device: i64, page: ResultPage, asked: &Asked) -> AnyView {
    let is_older = asked.before.is_some();
    let mut fields = vec![("tab", "results".to_owned())];
    fields.extend(asked.filter.to_query());
    let remark = total(&page, "result");
    let pager = pager(&path(device), fields, "results", page.older, is_older);
    if page.rows.is_empty() {
        let words = if asked.is_narrowed() || is_older {
            none_of(&page, "result", is_older)
        } else {
            "It was never backed up. Back it up now, or wait for its schedule.".to_owned()
        };
        return card("Results", (), view! { <p class="quiet">{words}</p>{pager} }.into_any());
    }
    card("Results", remark, view! { <div>{results_table(page.rows, false)}{pager}</div> }.into_any())
}
