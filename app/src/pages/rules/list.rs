//! All rules, and how many devices break each.

use std::cmp::Reverse;

use etiqa_model::event::Topic;
use etiqa_model::rule::RuleRow;
use etiqa_model::user::Role;
use leptos::prelude::*;

use super::{PATH, severity, tone};
use crate::api::rules::{EnableRule, ListRules};
use crate::ask::ask;
use crate::components::table::{Column, list_card};
use crate::components::{Loaded, PageHeader, Problem, Tone, act, chip, empty};
use crate::format;
use crate::live::touch_after;
use crate::post::{Post, PostForm};
use crate::session::{Allowed, Session};

#[component]
pub(crate) fn RulesPage() -> AnyView {
    let rules = ask(&[Topic::Rules], || ListRules {});
    let enable = Post::<EnableRule>::new();
    touch_after(enable, &[Topic::Rules]);
    let session = expect_context::<Session>();
    let from = move || async move { Ok((rules.get().await?, session.may_change_all().await)) };
    view! {
        <PageHeader title="Rules" above=&[("Configs", "/configs/")]>
            <a class="btn" href="/rules/report.csv" rel="external" download="">"CSV"</a>
            <a class="btn" href="/rules/report.json" rel="external" download="">"JSON"</a>
            <Allowed role=Role::Operator of_all=true>
                <a class="btn" href="/configs/rules/starter">"Starter set"</a>
                <a class="btn primary" href="/configs/rules/new">"New rule"</a>
            </Allowed>
        </PageHeader>
        <p class="lead muted">"A rule says what configurations must hold, or must not. Each active configuration is held against the rules that are about it when it changes, and when a rule does; devices are not asked and not changed."</p>
        <Problem problem=enable.problem()/>
        <Loaded from view=move |(rules, may_change), _| list(rules, may_change, enable)/>
    }
    .into_any()
}

fn list(mut rules: Vec<RuleRow>, may_change: bool, enable: Post<EnableRule>) -> AnyView {
    let columns = &[
        Column::Text("Rule"),
        Column::Text("About"),
        Column::Text("Severity"),
        Column::Text("State"),
        Column::Actions,
    ];
    let none = rules.is_empty().then(|| {
        let starter = may_change.then(|| {
            view! { <a class="btn primary" href="/configs/rules/starter">"Starter set"</a> }.into_any()
        });
        let words = "Choose some of the starter set, or write your own: what every configuration must hold, or must not.";
        empty("No rule yet", words, starter)
    });
    let count = rules.len() as u64;
    // What is broken first, the gravest first; within that by name, as they come.
    rules.sort_by_key(|row| (row.broken == 0, (row.broken > 0).then_some(Reverse(row.rule.severity))));
    let rows = rules.into_iter().map(|row| (row.rule.id, self::row(row, may_change, enable))).collect();
    let below = view! { <p class="quiet">{format::plural(count, "rule")}</p> }.into_any();
    list_card(columns, rows, none, below)
}

fn row(row: RuleRow, may_change: bool, enable: Post<EnableRule>) -> AnyView {
    let RuleRow { rule, broken, held } = row;
    let state = match broken {
        _ if !rule.enabled => chip(Tone::Disabled, "Off"),
        _ if !rule.is_checked => chip(Tone::Run, "Being checked"),
        0 if !held => chip(Tone::Off, "About no device"),
        0 => chip(Tone::Ok, "Kept"),
        count => chip(tone(rule.severity), format!("Broken by {}", format::plural(count, "device"))),
    };
    let to = format!("{PATH}/{}", rule.id);
    let (words, target) = if rule.enabled { ("Switch off", "false") } else { ("Switch on", "true") };
    let button = may_change.then(|| {
        let fields = [("id", rule.id.to_string()), ("enabled", target.to_owned())];
        view! { <PostForm to=enable>{act(&fields, words, "btn small")}</PostForm> }.into_any()
    });
    view! {
        <tr>
            <td><a class="strong" href=to>{rule.name}</a><small>{rule.wants.label()}</small></td>
            <td>{rule.target.words()}</td>
            <td>{severity(rule.severity)}</td>
            <td>{state}</td>
            <td class="end"><div class="actions">{button}</div></td>
        </tr>
    }
    .into_any()
}
