//! The admin's pages: who may sign in, how devices are logged in to, and how the program behaves.

mod bench;
pub(crate) mod components;
pub(crate) mod credentials;
pub(crate) mod destinations;
pub(crate) mod drivers;
mod find;
pub(crate) mod jobs;
pub(crate) mod jump_hosts;
pub(crate) mod machines;
pub(crate) mod recovery;
mod rotation;
pub(crate) mod settings;
pub(crate) mod tokens;
pub(crate) mod users;
pub(crate) mod versions;

use etiqa_model::admin::AdminSection;
use etiqa_model::event::Topic;
use leptos::prelude::*;

use crate::api::admin::ListAdminSections;
use crate::ask::ask;
use crate::components::{Loaded, PageHeader, Tone, chip};

/// The way back from every admin page.
const ABOVE: &[(&str, &str)] = &[("Admin", "/admin/")];

#[component]
pub(crate) fn AdminPage() -> AnyView {
    let sections = ask(&[Topic::Admin, Topic::Jobs], || ListAdminSections {});
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
