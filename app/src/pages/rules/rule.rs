//! One rule: what it asks, and which configurations break it, or keep it.

use etiqa_model::RuleId;
use etiqa_model::event::Topic;
use etiqa_model::page::{Page, Paged};
use etiqa_model::rule::{Rule, RulePage as Shown, RuleResult};
use etiqa_model::user::Role;
use leptos::prelude::*;

use super::{ABOVE, PATH, severity};
use crate::api::rules::{EnableRule, GetRule, RemoveRule};
use crate::ask::ask;
use crate::components::list::{address, version_address};
use crate::components::table::{Column, list_card};
use crate::components::{
    Ago, Loaded, PageHeader, Pager, Problem, Tone, act, card, chip, confirm, empty, fact,
};
use crate::format;
use crate::live::touch_after;
use crate::pages::{id_of_path, page_of_query, query_field};
use crate::post::{Post, PostForm};
use crate::session::Session;

#[derive(Clone, Copy)]
struct Actions {
    enable: Post<EnableRule>,
    remove: Post<RemoveRule>,
}

#[component]
pub(crate) fn RulePage() -> AnyView {
    let (id, kept, page) = (id_of_path(), query_field("kept"), page_of_query());
    let shown = ask(&[Topic::Rules], move || GetRule {
        id: RuleId(id.get()),
        kept: kept.get() == "true",
        page: Page { number: page.get(), ..Page::default() },
    });
    let actions = Actions { enable: Post::<EnableRule>::new(), remove: Post::<RemoveRule>::new() };
    touch_after(actions.enable, &[Topic::Rules]);
    let session = expect_context::<Session>();
    let from = move || async move { Ok((shown.get().await?, session.may_change_all().await)) };
    view! {
        <Problem problem=actions.enable.problem().or(actions.remove.problem())/>
        <Loaded is_page=true from view=move |(shown, may_change), role| {
            content(shown, kept.get_untracked() == "true", (role, may_change), actions)
        }/>
    }
    .into_any()
}

fn content(shown: Shown, is_kept: bool, (reader, may_change): (Role, bool), actions: Actions) -> AnyView {
    let Shown { rule, broken, kept, results, stamp: _ } = shown;
    let state = match (rule.enabled, rule.is_checked) {
        (false, _) => chip(Tone::Disabled, "Off"),
        (true, false) => chip(Tone::Run, "Being checked"),
        (true, true) => ().into_any(),
    };
    let chips = view! { <span class="chips">{severity(rule.severity)}{state}</span> }.into_any();
    let report = format!("/rules/report.csv?rule={}", rule.id);
    let buttons = may_change.then(|| buttons(&rule, actions));
    let own = format!("{PATH}/{}", rule.id);
    let tab = |words: &str, count: u64, to: String, is_here: bool| {
        let words = format!("{words} {}", format::count(count));
        view! { <a href=to aria-current=is_here.then_some("page")>{words}</a> }.into_any()
    };
    let advice =
        (!rule.advice.is_empty()).then(|| view! { <p class="notice">{rule.advice.clone()}</p> }.into_any());
    view! {
        <PageHeader title=rule.name.clone() above=ABOVE chips>
            <a class="btn" href=report rel="external" download="">"CSV"</a>
            {buttons}
        </PageHeader>
        {advice}
        {question(&rule, reader)}
        <nav class="tabs" aria-label="Parts of this page">
            {tab("Broken", broken, own.clone(), !is_kept)}
            {tab("Kept", kept, format!("{own}?kept=true"), is_kept)}
        </nav>
        {list(results, &own, is_kept)}
    }
    .into_any()
}

fn buttons(rule: &Rule, actions: Actions) -> AnyView {
    let id = rule.id.to_string();
    let (words, target) = if rule.enabled { ("Switch off", "false") } else { ("Switch on", "true") };
    let question = format!("Remove {} and all that it came to?", rule.name);
    let remove = act(&[("id", id.clone())], "Remove", "btn danger");
    let form = view! { <PostForm to=actions.remove>{remove}</PostForm> }.into_any();
    let enable = act(&[("id", id), ("enabled", target.to_owned())], words, "btn");
    view! {
        <PostForm to=actions.enable>{enable}</PostForm>
        {confirm("rule", "Remove…", question, form)}
        <a class="btn primary" href=format!("{PATH}/{}/edit", rule.id)>"Edit"</a>
    }
    .into_any()
}

/// What it asks. A pattern may hold a secret: those are for operators.
fn question(rule: &Rule, reader: Role) -> AnyView {
    let block = rule.block.clone().map(|block| {
        fact("In each block whose header matches", view! { <span class="mono">{block}</span> }.into_any())
    });
    let case = rule.match_case.then(|| fact("Case", "upper and lower are two things"));
    let patterns = if reader >= Role::Operator {
        view! { <pre class="text-view" tabindex="0" aria-label="What is looked for">{rule.patterns.join("\n")}</pre> }
            .into_any()
    } else {
        view! { <p class="quiet">"What is looked for may hold a secret; operators see it."</p> }.into_any()
    };
    let body = view! {
        <dl class="facts">
            {fact("About", rule.target.words())}
            {block}
            {case}
            {fact("Changed", view! { <Ago at=rule.updated_at/> }.into_any())}
        </dl>
        {patterns}
    }
    .into_any();
    card(rule.wants.label(), (), body)
}

fn list(results: Paged<RuleResult>, own: &str, is_kept: bool) -> AnyView {
    let columns = &[
        Column::Text("Device"),
        Column::Text("Configuration"),
        Column::Text("Since"),
        Column::Text("Lines that tell"),
    ];
    let none = (results.total == 0).then(|| {
        let words = if is_kept { "No configuration keeps it." } else { "No configuration breaks it." };
        empty("Nothing here", words, ())
    });
    let (page, total, path) = (results.page, results.total, own.to_owned());
    let to_page = Callback::new(move |page: u32| {
        let kept = if is_kept { "true".to_owned() } else { String::new() };
        address(&path, &[("kept", kept), ("page", page.to_string())])
    });
    let rows =
        results.rows.into_iter().map(|result| (format!("{}/{}", result.device_id, result.part), row(result)));
    let below = view! { <Pager page total address=to_page/> }.into_any();
    list_card(columns, rows.collect(), none, below)
}

fn row(result: RuleResult) -> AnyView {
    let to = format!("/devices/{}/rules", result.device_id);
    let text = format!("{}&view=text", version_address(result.device_id, &result.part, result.version));
    let newly = result.newly.then(|| chip(Tone::Warn, "Kept before"));
    let lines: Vec<String> = result.lines.iter().map(u32::to_string).collect();
    let more = (result.hits as usize).saturating_sub(lines.len()) as u64;
    let more = (more > 0).then(|| format!(" and {}", format::plural(more, "more line")));
    view! {
        <tr>
            <td><a class="mono strong" href=to>{result.hostname}</a><small class="mono">{result.address}</small></td>
            <td><a href=text>{format!("{} v{}", result.part, result.version)}</a><small>{result.platform}</small></td>
            <td><Ago at=result.since/>" "{newly}</td>
            <td class="mono" data-label="Lines">{lines.join(", ")}{more}</td>
        </tr>
    }
    .into_any()
}
