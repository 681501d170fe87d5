//! The audit log: who did what, newest first, and whether it is whole.

use etiqa_model::audit::{AuditChange, AuditFilter, AuditOutcome, AuditPage, AuditRow, ChainState, KINDS};
use etiqa_model::event::Topic;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use leptos_router::params::ParamsMap;

use super::ABOVE;
use crate::api::audit::ListAudit;
use crate::ask::ask;
use crate::components::form::choice;
use crate::components::list::address;
use crate::components::table::{Column, table};
use crate::components::{GetForm, Loaded, PageHeader, Time, Tone, card, chip};
use crate::format;
use crate::pages::history::{days, none_of, pager, total};
use crate::pages::options;

const PATH: &str = "/admin/audit";

/// Which rows the address asks for.
#[derive(Clone, PartialEq, Eq)]
struct Asked {
    filter: AuditFilter,
    before: Option<i64>,
}

impl Asked {
    fn of_query(query: &ParamsMap) -> Self {
        let before = query.get("before").and_then(|id| id.parse().ok());
        Self { filter: AuditFilter::of_query(|name| query.get(name)), before }
    }
}

#[component]
pub(crate) fn AuditLogPage() -> AnyView {
    let query = use_query_map();
    let asked = Memo::new(move |_| query.with(Asked::of_query));
    let page = ask(&[Topic::Admin], move || {
        let Asked { filter, before } = asked.get();
        ListAudit { filter, before }
    });
    view! {
        <PageHeader title="Audit log" above=ABOVE/>
        <div class="stack">
            {filters(asked.get_untracked().filter)}
            <Loaded from=move || page.get() view=move |page, _| content(page, &asked.get_untracked())/>
        </div>
    }
    .into_any()
}

/// A plain form to this address, sent by every choice where there is JavaScript.
fn filters(filter: AuditFilter) -> AnyView {
    let field = |name: &'static str, words: &'static str, value: String| {
        view! { <input type="search" name=name value=value placeholder=words aria-label=words/> }.into_any()
    };
    let outcomes = AuditOutcome::ALL
        .iter()
        .map(|outcome| (outcome.as_str().to_owned(), outcome.label().to_owned()))
        .collect();
    let outcome = filter.outcome.map(|outcome| outcome.as_str().to_owned());
    let mut kinds = options(&KINDS);
    if !filter.what.is_empty() && !kinds.iter().any(|(name, _)| *name == filter.what) {
        kinds.push((filter.what.clone(), filter.what.clone()));
    }
    view! {
        <div class="filters" role="search">
            <GetForm action=PATH replace=true>
                {field("who", "Who", filter.who)}
                {choice("what", "Anything", kinds, Some(filter.what))}
                {field("object", "On what (its name)", filter.object)}
                {choice("outcome", "Done or refused", outcomes, outcome)}
                {field("text", "Any text", filter.text)}
                {days(filter.from, filter.to)}
                <button class="btn" type="submit">"Find"</button>
            </GetForm>
        </div>
    }
    .into_any()
}

fn content(page: AuditPage, asked: &Asked) -> AnyView {
    let AuditPage { rows: page, chain } = page;
    let is_older = asked.before.is_some();
    let fields = asked.filter.to_query();
    let export = |format: &str, words: &'static str| {
        let mut fields = fields.clone();
        fields.push(("format", format.to_owned()));
        let to = address("/admin/audit/export", &fields);
        view! { <a class="btn small" href=to rel="external" download="">{words}</a> }.into_any()
    };
    let below = view! {
        <div class="pad actions">{export("csv", "CSV")}{export("jsonl", "JSON lines")}</div>
    };
    let remark = total(&page, "row");
    let pager = pager(PATH, fields.clone(), "log", page.older, is_older);
    let body = if page.rows.is_empty() {
        view! { <p class="quiet">{none_of(&page, "row", is_older)}</p> }.into_any()
    } else {
        let columns = [
            Column::Text("When"),
            Column::Text("Who"),
            Column::Text("What"),
            Column::Text("On what"),
            Column::Text("Result"),
        ];
        table(&columns, page.rows.into_iter().map(|act| (act.id, row(act))).collect())
    };
    view! {
        {state(&chain)}
        <div id="log">{card("Acts", remark, view! { <div>{body}{pager}{below}</div> }.into_any())}</div>
    }
    .into_any()
}

/// Whether the log is whole, as far as a page can tell.
fn state(chain: &ChainState) -> AnyView {
    let (tone, label, words) = match &chain.broken {
        Some(broken) => (
            Tone::Bad,
            "Not whole",
            format!("Row {}: {} Run “etiqa audit check” on the server.", broken.row, broken.problem),
        ),
        None if !chain.is_whole() => {
            let words = "The newest checkpoint was signed with another key and proves nothing. Whoever knows that the log was \
                         restored says “etiqa audit sign” on the server.";
            (Tone::Bad, "Not signed", words.to_owned())
        }
        None => {
            let more = if chain.is_partial { " Newer rows were not looked at." } else { "" };
            let words = format!(
                "The newest {} since the last signed checkpoint fit together, up to row {}.{more} “etiqa audit \
                 check” looks at all of them.",
                format::plural(chain.checked, "row"),
                chain.up_to
            );
            (Tone::Ok, "Whole", words)
        }
    };
    view! { <p class="quiet">{chip(tone, label)}" "{words}</p> }.into_any()
}

fn row(act: AuditRow) -> AnyView {
    let tone = match act.outcome {
        AuditOutcome::Done => Tone::Ok,
        AuditOutcome::Refused => Tone::Warn,
    };
    let who = if act.who.is_empty() { "nobody who is known".to_owned() } else { act.who };
    let from = match act.address {
        Some(address) => format!("{} from {address}", act.means),
        None => act.means,
    };
    let number = act.object_id.map(|id| format!("number {id}"));
    let object = if act.object.is_empty() { "–".to_owned() } else { act.object };
    view! {
        <tr>
            <td data-label="When"><Time at=act.at/><small>{format!("row {}", act.id)}</small></td>
            <td data-label="Who"><b>{who}</b><small>{from}</small></td>
            <td class="mono" data-label="What">{act.action}</td>
            <td data-label="On what">{object}<small>{number}</small>{changes(act.changes)}</td>
            <td data-label="Result">{chip(tone, act.outcome.label())}<small>{act.words}</small></td>
        </tr>
    }
    .into_any()
}

/// Before and after, folded.
fn changes(changes: Vec<AuditChange>) -> AnyView {
    if changes.is_empty() {
        return ().into_any();
    }
    let words = format::plural(changes.len() as u64, "field");
    let lines: Vec<AnyView> = changes
        .into_iter()
        .map(|change| {
            let told = if change.secret {
                "changed".to_owned()
            } else {
                let [before, after] =
                    [change.before, change.after].map(|value| value.unwrap_or_else(|| "–".to_owned()));
                format!("{before} → {after}")
            };
            view! { <div><dt>{change.field}</dt><dd>{told}</dd></div> }.into_any()
        })
        .collect();
    view! { <details class="figures"><summary>{words}</summary><dl class="facts">{lines}</dl></details> }
        .into_any()
}
