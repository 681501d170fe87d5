//! The active configurations of all devices.

use etiqa_model::Timestamp;
use etiqa_model::config::ConfigVersionRow;
use etiqa_model::event::Topic;
use etiqa_model::history::NetworkConfigs;
use etiqa_model::page::{Page, Paged};
use leptos::prelude::*;

use super::{page_of_query, query_field};
use crate::api::configs::ListConfigs;
use crate::ask::ask;
use crate::components::list::{address, version_address};
use crate::components::table::{Column, list_card};
use crate::components::{Ago, GetForm, Loaded, PageHeader, Pager, Time, chip, diff, empty};
use crate::format;

#[component]
pub(crate) fn ConfigsPage() -> AnyView {
    let (search, at, page) = (query_field("q"), query_field("at"), page_of_query());
    let configs = ask(&[Topic::Devices], move || ListConfigs {
        search: search.get(),
        at: at.get(),
        page: Page { number: page.get(), ..Page::default() },
    });
    view! {
        <PageHeader title="Configs">
            <div class="find" role="search"><GetForm action="/configs/">
                <input type="search" name="q" placeholder="Device name or address" aria-label="Find a config by device" value=search.get_untracked()/>
                <input type="hidden" name="at" value=move || at.get()/>
                <kbd aria-hidden="true">"/"</kbd>
            </GetForm></div>
            <a class="btn" href="/configs/rules">"Rules"</a>
            <a class="btn" href="/configs/compare">"Compare"</a>
            <a class="btn" href="/configs/compare#download">"Download"</a>
        </PageHeader>
        <div class="tools">
        <div class="filters" role="search">
            <form action="/configs/search">
                <input type="search" name="q" placeholder="Search in all configs" aria-label="Search in all active configurations" autocomplete="off" spellcheck="false"/>
                <button class="btn" type="submit">"Search"</button>
            </form>
        </div>
        <div class="filters">
            <GetForm action="/configs/">
                <label class="day">"As of "<input type="datetime-local" name="at" value=at.get_untracked()/></label>
                <input type="hidden" name="q" value=move || search.get()/>
                <button class="btn" type="submit">"Show"</button>
            </GetForm>
        </div>
        </div>
        <Loaded from=move || configs.get() view=move |configs, _| list(configs, search.get_untracked(), at.get_untracked())/>
    }
    .into_any()
}

fn list(configs: NetworkConfigs, search: String, at: String) -> AnyView {
    let NetworkConfigs { at: then, devices, versions } = configs;
    let then = then.map(|then| as_of(then, devices, &at));
    let none = if then.is_some() && !search.is_empty() {
        let to = address("/configs/", &[("at", at.clone())]);
        let all = view! { <a class="btn" href=to rel="external">"All configs from then"</a> };
        let words =
            "No device with a configuration from then is called like this. Look for another name or time.";
        empty("Nothing was found", words, all.into_any())
    } else if then.is_some() {
        empty("No configuration from then", "Nothing was stored yet at that time.", ())
    } else if search.is_empty() {
        let devices = view! { <a class="btn" href="/devices/">"Devices"</a> };
        let words = "The first one is here as soon as a device was backed up.";
        empty("No configuration yet", words, devices.into_any())
    } else {
        let all = view! { <a class="btn" href="/configs/">"All configs"</a> };
        empty("No device is called like this", "Look for another name or address.", all.into_any())
    };
    let list = versions_list(versions, "/configs/", vec![("q", search), ("at", at)], none);
    view! { {then}{list} }.into_any()
}

/// Says which time this is, and offers its texts as a file and the way back to now.
fn as_of(then: Timestamp, devices: u64, at: &str) -> AnyView {
    let download = address("/configs/download", &[("at", at.to_owned())]);
    view! {
        <div class="notice">
            <p>"The network as of "<b><Time at=then/></b>": "{format::plural(devices, "device")}". Devices that were deleted since are not in it."</p>
            <div class="actions">
                <a class="btn small" href=download rel="external" download="">"Download all of it"</a>
                <a class="btn small" href="/configs/" rel="external">"Back to now"</a>
            </div>
        </div>
    }
    .into_any()
}

/// Versions across devices, a row each, or `none` where there is no version. `path` is the page's own, with the fields that
/// narrow the list.
pub(crate) fn versions_list(
    versions: Paged<ConfigVersionRow>,
    path: &'static str,
    fields: Vec<(&'static str, String)>,
    none: AnyView,
) -> AnyView {
    let (page, total) = (versions.page, versions.total);
    let columns = &[
        Column::Text("Device"),
        Column::Text("Part"),
        Column::Text("Version"),
        Column::Text("Taken"),
        Column::Text("Last seen"),
        Column::Number("Lines"),
        Column::Number("Change"),
    ];
    let to_page = Callback::new(move |page: u32| {
        let mut fields = fields.clone();
        fields.push(("page", page.to_string()));
        address(path, &fields)
    });
    let pager = view! { <Pager page total address=to_page/> }.into_any();
    list_card(
        columns,
        versions.rows.into_iter().map(|version| (version.version.id, row(version))).collect(),
        (total == 0).then_some(none),
        pager,
    )
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
            <td class="muted" data-label="Seen"><Ago at=version.last_seen_at/></td>
            <td class="num muted" data-label="Lines">{format::count(version.lines.into())}<small>{format::size(version.size_bytes)}</small></td>
            <td class="num">{change}</td>
        </tr>
    }
    .into_any()
}
