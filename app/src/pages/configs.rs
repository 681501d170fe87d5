//! The active configurations of all devices.

use etiqa_model::config::ConfigVersionRow;
use etiqa_model::event::Topic;
use etiqa_model::page::{Page, Paged};
use leptos::prelude::*;
use leptos_router::components::Form;

use super::{page_of_query, query_field};
use crate::api::configs::ListConfigs;
use crate::ask::ask;
use crate::components::list::{address, version_address};
use crate::components::{Ago, Loaded, PageHeader, Pager, Time, chip, diff, empty};
use crate::format;

#[component]
pub(crate) fn ConfigsPage() -> AnyView {
    let (search, page) = (query_field("q"), page_of_query());
    let configs = ask(&[Topic::Devices], move || ListConfigs {
        search: search.get(),
        page: Page { number: page.get(), ..Page::default() },
    });
    view! {
        <PageHeader title="Configs">
            <div class="find" role="search"><Form action="/configs/" method="GET">
                <input type="search" name="q" placeholder="Device name or address" aria-label="Find a config by device" value=search.get_untracked()/>
                <kbd aria-hidden="true">"/"</kbd>
            </Form></div>
        </PageHeader>
        <Loaded from=move || configs.get() view=move |configs, _| list(configs, search.get_untracked())/>
    }
    .into_any()
}

fn list(configs: Paged<ConfigVersionRow>, search: String) -> AnyView {
    if configs.total == 0 {
        let view = if search.is_empty() {
            empty(
                "No configuration yet",
                "The first one is here as soon as a device was backed up.",
                view! { <a class="btn" href="/devices/">"Devices"</a> }.into_any(),
            )
        } else {
            empty(
                "No device is called like this",
                "Look for another name or address.",
                view! { <a class="btn" href="/configs/">"All configs"</a> }.into_any(),
            )
        };
        return view! { <section class="card">{view}</section> }.into_any();
    }
    let (page, total) = (configs.page, configs.total);
    let to_page = Callback::new(move |page: u32| {
        address("/configs/", &[("q", search.clone()), ("page", page.to_string())])
    });
    view! {
        <section class="card">
            {versions_table(configs.rows)}
            <Pager page total address=to_page/>
        </section>
    }
    .into_any()
}

/// Versions across devices, a row each.
pub(crate) fn versions_table(rows: Vec<ConfigVersionRow>) -> AnyView {
    let rows = rows.into_iter().map(row).collect_view();
    view! {
        <table class="rows">
            <thead>
                <tr>
                    <th scope="col">"Device"</th>
                    <th scope="col">"Part"</th>
                    <th scope="col">"Version"</th>
                    <th scope="col">"Taken"</th>
                    <th scope="col">"Last seen"</th>
                    <th scope="col" class="num">"Lines"</th>
                    <th scope="col" class="num">"Change"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}

fn row(row: ConfigVersionRow) -> AnyView {
    let version = row.version;
    let to = version_address(version.device_id, &version.part, version.version);
    let text = format!("{to}&view=text");
    let change = if version.version == 1 {
        view! { <small>"first version"</small> }.into_any()
    } else {
        diff::counts(version.added, version.removed)
    };
    view! {
        <tr>
            <td>
                <a class="mono strong" href=text>{row.hostname}</a>
                <small class="mono">{row.address}</small>
            </td>
            <td>{version.part}</td>
            <td><a href=to>{format!("v{}", version.version)}</a>" "{chip::version_state(version.state)}</td>
            <td><Time at=version.collected_at/></td>
            <td class="muted"><Ago at=version.last_seen_at/></td>
            <td class="num muted">{format::count(version.lines.into())}<small>{format::size(version.size_bytes)}</small></td>
            <td class="num">{change}</td>
        </tr>
    }
    .into_any()
}
