//! All rules that are about one device: those that it breaks, with the lines that tell, and those that it keeps.

use etiqa_model::DeviceId;
use etiqa_model::event::Topic;
use etiqa_model::rule::{DeviceRules, RuleLine, RuleResult};
use leptos::prelude::*;

use super::{PATH, lines, severity};
use crate::api::rules::GetDeviceRules;
use crate::ask::ask;
use crate::components::list::version_address;
use crate::components::table::{Column, list_card};
use crate::components::{Ago, Loaded, PageHeader, Tone, card, chip, empty};
use crate::format;
use crate::pages::id_of_path;

#[component]
pub(crate) fn DeviceRulesPage() -> AnyView {
    let id = id_of_path();
    let rules = ask(&[Topic::Rules, Topic::Devices], move || GetDeviceRules { id: DeviceId(id.get()) });
    view! { <Loaded is_page=true from=move || rules.get() view=move |rules, _| content(rules)/> }.into_any()
}

fn content(rules: DeviceRules) -> AnyView {
    let DeviceRules { device_id, hostname, broken, kept } = rules;
    let none = (broken.is_empty() && kept.is_empty()).then(|| {
        let all = view! { <a class="btn" href=PATH>"All rules"</a> };
        empty("No rule is about this device", "Or none was held against it yet.", all)
    });
    let count = kept.len() as u64;
    let kept = (count > 0).then(|| {
        let columns = &[Column::Text("Kept"), Column::Text("Configuration"), Column::Text("Since")];
        let rows = kept.into_iter().map(|result| (key(&result), row(result)));
        let below = view! { <p class="quiet">{format::plural(count, "rule")}</p> }.into_any();
        list_card(columns, rows.collect(), None, below)
    });
    let title = format!("Rules of {hostname}");
    view! {
        <PageHeader title above=&[("Devices", "/devices/")]>
            <a class="btn" href=format!("/devices/{device_id}")>"The device"</a>
        </PageHeader>
        <div class="stack">
            {none}
            {broken.into_iter().map(|(result, told)| broken_card(result, &told)).collect_view()}
            {kept}
        </div>
    }
    .into_any()
}

fn key(result: &RuleResult) -> String {
    format!("{}/{}", result.rule_id, result.part)
}

fn configuration(result: &RuleResult) -> AnyView {
    let to = format!("{}&view=text", version_address(result.device_id, &result.part, result.version));
    view! { <a href=to>{format!("{} v{}", result.part, result.version)}</a> }.into_any()
}

fn broken_card(result: RuleResult, told: &[RuleLine]) -> AnyView {
    let text = configuration(&result);
    let newly = result.newly.then(|| chip(Tone::Warn, "Kept before"));
    let hidden = (result.hits as usize).saturating_sub(told.len()) as u64;
    let hidden = (hidden > 0).then(|| {
        view! { <p class="quiet">{format!("and {}", format::plural(hidden, "more line"))}</p> }.into_any()
    });
    let to = format!("{PATH}/{}", result.rule_id);
    let label = format!("Lines that tell why {} is broken", result.rule);
    let remark = view! { <span class="chips">{severity(result.severity)}{newly}</span> }.into_any();
    let body = view! {
        <p class="pad">{text}", since "<Ago at=result.since/>". "{result.advice}" "<a href=to>"The rule"</a></p>
        {lines(told, label)}
        {hidden}
    }
    .into_any();
    card(result.rule, remark, body)
}

fn row(result: RuleResult) -> AnyView {
    let to = format!("{PATH}/{}", result.rule_id);
    let text = configuration(&result);
    view! {
        <tr>
            <td><a class="strong" href=to>{result.rule}</a></td>
            <td>{text}</td>
            <td><Ago at=result.since/></td>
        </tr>
    }
    .into_any()
}
