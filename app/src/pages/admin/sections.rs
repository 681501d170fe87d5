//! What there is to administer, each with its number and what it needs.

use etiqa_model::admin::AdminSection;
use etiqa_model::event::Topic;
use leptos::prelude::*;

use crate::api::admin::ListAdminSections;
use crate::ask::ask;
use crate::components::{Loaded, PageHeader, Tone, chip};

/// Something of everything.
const TOPICS: &[Topic] = &[Topic::Admin, Topic::Jobs, Topic::Runs, Topic::BackupConfigs, Topic::Devices];

#[component]
pub(crate) fn AdminPage() -> AnyView {
    let sections = ask(TOPICS, || ListAdminSections {}).each_minute();
    view! {
        <PageHeader title="Admin"/>
        <Loaded from=move || sections.get() view=|sections, _| tiles(sections)/>
    }
    .into_any()
}

fn tiles(sections: Vec<AdminSection>) -> AnyView {
    let tiles = sections.into_iter().map(tile).collect_view();
    view! { <div class="tiles">{tiles}</div> }.into_any()
}

fn tile(section: AdminSection) -> AnyView {
    let AdminSection { name, to, count, words, needs } = section;
    view! {
        <a class="card tile" href=to>
            <span class="tile-top"><b>{name}</b><small>{count}</small></span>
            {needs.map(|needs| chip(Tone::Warn, needs))}
            <span class="muted">{words}</span>
        </a>
    }
    .into_any()
}
