//! The inventory: filters in the address, so that every view of it can be linked to.

use etiqa_model::admin::DeviceChoices;
use etiqa_model::device::{Device, DeviceFilter, DeviceState, DeviceType, Transport};
use etiqa_model::event::Topic;
use etiqa_model::page::{Page, Paged};
use etiqa_model::user::Role;
use leptos::prelude::*;
use leptos_router::components::Form;
use leptos_router::hooks::use_query_map;
use leptos_router::params::ParamsMap;

use super::options;
use crate::api::devices::{GetDeviceChoices, ListDevices};
use crate::ask::ask;
use crate::components::list::address;
use crate::components::part::only_if;
use crate::components::table::{Column, list_card};
use crate::components::{Ago, Loaded, PageHeader, Pager, Tone, chip, empty};
use crate::format;
use crate::session::Allowed;

/// What the address says.
#[derive(Clone, PartialEq, Eq)]
struct Asked {
    filter: DeviceFilter,
    page: u32,
}

impl Asked {
    fn of_query(query: &ParamsMap) -> Self {
        let text = |name: &str| query.get(name).filter(|text| !text.is_empty());
        let filter = DeviceFilter {
            search: text("q").unwrap_or_default(),
            device_type: text("type").and_then(|name| DeviceType::parse(&name).ok()),
            site: text("site"),
            tag: text("tag"),
            state: text("state").and_then(|name| DeviceState::parse(&name)),
            enabled: text("enabled").and_then(|text| text.parse().ok()),
        };
        let page = text("page").and_then(|page| page.parse().ok()).filter(|page| *page > 0).unwrap_or(1);
        Self { filter, page }
    }

    fn to_address(&self, page: u32) -> String {
        let filter = &self.filter;
        let some = |text: &Option<String>| text.clone().unwrap_or_default();
        let name = |name: Option<&'static str>| name.unwrap_or_default().to_owned();
        address(
            "/devices/",
            &[
                ("q", filter.search.clone()),
                ("type", name(filter.device_type.map(DeviceType::as_str))),
                ("site", some(&filter.site)),
                ("tag", some(&filter.tag)),
                ("state", name(filter.state.map(DeviceState::as_str))),
                ("enabled", filter.enabled.map(|enabled| enabled.to_string()).unwrap_or_default()),
                ("page", if page > 1 { page.to_string() } else { String::new() }),
            ],
        )
    }

    fn is_narrowed(&self) -> bool {
        self.filter != DeviceFilter::default()
    }
}

#[component]
pub(crate) fn DevicesPage() -> AnyView {
    let query = use_query_map();
    let asked = Memo::new(move |_| query.with(Asked::of_query));
    let devices = ask(&[Topic::Devices], move || {
        let asked = asked.get();
        ListDevices { filter: asked.filter, page: Page { number: asked.page, ..Page::default() } }
    });
    let choices = ask(&[], || GetDeviceChoices {});
    view! {
        <PageHeader title="Devices">
            <Allowed role=Role::Operator>
                <a class="btn" href="/devices/import">"Import"</a>
                <a class="btn primary" href="/devices/new">"New device"</a>
            </Allowed>
        </PageHeader>
        <Loaded from=move || choices.get() view=move |choices, _| filters(asked, choices)/>
        <Loaded from=move || devices.get() view=move |devices, role| list(devices, role, asked.get_untracked())/>
    }
    .into_any()
}

/// A plain form to this address; with JavaScript it is sent by every choice.
fn filters(asked: Memo<Asked>, choices: DeviceChoices) -> AnyView {
    let filter = asked.get_untracked().filter;
    let named = |names: Vec<String>| names.into_iter().map(|name| (name.clone(), name)).collect::<Vec<_>>();
    let kinds =
        DeviceType::ALL.iter().map(|kind| (kind.as_str().to_owned(), kind.label().to_owned())).collect();
    let states = options(&[("good", "Backed up"), ("failing", "Needs a hand"), ("never", "Never backed up")]);
    let enabled = options(&[("true", "Enabled"), ("false", "Disabled")]);
    // A full load, so that the fields are empty again too.
    let clear = only_if(
        move || asked.with(Asked::is_narrowed),
        || view! { <a class="btn" href="/devices/" rel="external">"Clear"</a> }.into_any(),
    );
    view! {
        <div class="filters" role="search">
        <Form action="/devices/" method="GET">
            <input type="search" name="q" placeholder="Name, address or description" aria-label="Search" value=filter.search/>
            {choice("type", "Any type", kinds, filter.device_type.map(|kind| kind.as_str().to_owned()))}
            {choice("site", "Any site", named(choices.sites), filter.site)}
            {choice("tag", "Any tag", named(choices.tags), filter.tag)}
            {choice("state", "Any state", states, filter.state.map(|state| state.as_str().to_owned()))}
            {choice("enabled", "Enabled or not", enabled, filter.enabled.map(|enabled| enabled.to_string()))}
            <button class="btn" type="submit">"Find"</button>
            {clear}
        </Form>
        </div>
    }
    .into_any()
}

fn choice(
    name: &'static str,
    any: &'static str,
    options: Vec<(String, String)>,
    value: Option<String>,
) -> AnyView {
    if options.is_empty() {
        return ().into_any();
    }
    let options = options
        .into_iter()
        .map(|(option, words)| {
            let is_chosen = value.as_ref() == Some(&option);
            view! { <option value=option selected=is_chosen>{words}</option> }.into_any()
        })
        .collect_view();
    view! {
        <select name=name aria-label=any on:change=send_form>
            <option value="">{any}</option>
            {options}
        </select>
    }
    .into_any()
}

#[cfg(feature = "hydrate")]
pub(crate) fn send_form(event: leptos::ev::Event) {
    use wasm_bindgen::JsCast;
    let select = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlSelectElement>().ok());
    if let Some(form) = select.and_then(|select| select.form()) {
        let _ = form.request_submit();
    }
}

#[cfg(not(feature = "hydrate"))]
pub(crate) fn send_form(_event: leptos::ev::Event) {}

fn list(devices: Paged<Device>, role: Role, asked: Asked) -> AnyView {
    let (page, total) = (devices.page, devices.total);
    let none = (total == 0).then(|| nothing_here(role, asked.is_narrowed()));
    let columns = &[
        Column::Text("Device"),
        Column::Text("Type"),
        Column::Text("Site"),
        Column::Text("Answers"),
        Column::Text("Backup"),
        Column::Text("Last good"),
    ];
    let to_page = Callback::new(move |page| asked.to_address(page));
    let below = view! {
        <div class="under">
            <Pager page total address=to_page/>
            {(total <= u64::from(page.size)).then(|| view! { <p class="quiet">{format::plural(total, "device")}</p> }.into_any())}
        </div>
    }
    .into_any();
    list_card(columns, devices.rows.into_iter().map(row).collect(), none, below)
}

fn nothing_here(role: Role, is_narrowed: bool) -> AnyView {
    if is_narrowed {
        return empty("No device is like this", "Take a filter away, or look for another name.", ());
    }
    if role < Role::Operator {
        return empty("No devices yet", "Ask an operator to add some.", ());
    }
    let ways = view! {
        <div class="actions">
            <a class="btn primary" href="/devices/import">"Import a file"</a>
            <a class="btn" href="/devices/new">"Add one by hand"</a>
        </div>
    };
    let words = "Import a CSV or JSON file of your devices, or add the first one by hand.";
    empty("No devices yet", words, ways.into_any())
}

/// Where a device answers: its address, and what of port and transport is not the usual.
pub(crate) fn place(device: &Device) -> String {
    let mut place = device.address.clone();
    if device.port != device.transport.default_port() {
        place = format!("{place} port {}", device.port);
    }
    match device.transport {
        Transport::Ssh => place,
        Transport::Telnet => place + ", telnet",
    }
}

fn row(device: Device) -> AnyView {
    let backup = chip::device_backup(&device);
    let address = place(&device);
    let failure = device
        .last_result
        .filter(|result| device.enabled && !result.class.is_good())
        .map(|result| view! { <small class="clip">{result.message}</small> }.into_any());
    let unsaved = device.unsaved.then(|| chip(Tone::Warn, "Not saved"));
    let tags =
        device.tags.into_iter().map(|tag| view! { <span class="tag">{tag}</span> }.into_any()).collect_view();
    view! {
        <tr>
            <td>
                <a class="mono strong" href=format!("/devices/{}", device.id)>{device.hostname}</a>
                <small class="mono">{address}</small>
            </td>
            <td>{device.device_type.label()}<small>{device.platform}</small></td>
            <td>{device.site}<div>{tags}</div></td>
            <td>{chip::device_status(device.status)}</td>
            <td><span class="chips">{backup}{unsaved}</span>{failure}</td>
            <td class="muted">{device.last_good_at.map(|at| view! { <Ago at/> }.into_any())}</td>
        </tr>
    }
    .into_any()
}
