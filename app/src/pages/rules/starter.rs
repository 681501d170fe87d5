//! The starter set: rules to begin with, off until somebody chooses them.

use etiqa_model::event::Topic;
use etiqa_model::rule::{Severity, StarterRule};
use leptos::prelude::*;

use super::{ABOVE, severity};
use crate::api::rules::{AddStarterRules, ListStarterRules};
use crate::ask::ask;
use crate::components::table::{Column, list_card};
use crate::components::{Loaded, PageHeader, Problem, Tone, chip, submit};
use crate::format;
use crate::live::touch_after;
use crate::post::{Post, PostForm};

#[component]
pub(crate) fn StarterRulesPage() -> AnyView {
    let set = ask(&[Topic::Rules], || ListStarterRules {});
    let add = Post::<AddStarterRules>::new();
    touch_after(add, &[Topic::Rules]);
    view! {
        <PageHeader title="Starter set" above=ABOVE/>
        <p class="lead muted">"Rules to begin with, each from a benchmark or a vendor's guide. Those that are chosen become rules of yours, to be changed and removed as any other. They are a beginning, not an audit."</p>
        <Loaded from=move || set.get() view=move |set, _| list(set, add)/>
    }
    .into_any()
}

/// Those first that are for platforms which are there.
fn list(mut set: Vec<StarterRule>, add: Post<AddStarterRules>) -> AnyView {
    set.sort_by_key(|starter| starter.devices == 0);
    let columns =
        &[Column::Text("Rule"), Column::Text("Severity"), Column::Text("Source"), Column::Number("Devices")];
    let rows = set.into_iter().map(|starter| (starter.rule.name.clone(), row(starter))).collect();
    view! {
        <PostForm to=add done="The chosen rules are on.">
            <Problem problem=add.problem()/>
            <div class="stack">
                {list_card(columns, rows, None, ().into_any())}
                <div class="actions">{submit("Add the chosen ones", add.pending())}</div>
            </div>
        </PostForm>
    }
    .into_any()
}

fn row(starter: StarterRule) -> AnyView {
    let StarterRule { rule, source, is_there, devices } = starter;
    let severity = severity(Severity::parse(&rule.severity).unwrap_or(Severity::Info));
    let name = rule.name.clone();
    let box_or_chip = if is_there {
        view! { <b>{rule.name}</b>" "{chip(Tone::On, "There")} }.into_any()
    } else {
        view! {
            <label class="check">
                <input type="checkbox" name="names[]" value=name/>
                <span>{rule.name}</span>
            </label>
        }
        .into_any()
    };
    view! {
        <tr>
            <td>{box_or_chip}<small>{rule.advice}</small></td>
            <td>{severity}</td>
            <td><small>{source}</small></td>
            <td class="num" data-label="Devices">{format::count(devices)}</td>
        </tr>
    }
    .into_any()
}
