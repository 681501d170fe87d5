//! The inventory: filters and order in the address, so that every view of it can be linked to.

mod bulk;

use etiqa_model::admin::DeviceChoices;
use etiqa_model::class::Class;
use etiqa_model::device::{Device, DeviceFilter, DeviceOrder, DeviceSort, DeviceType};
use etiqa_model::event::Topic;
use etiqa_model::page::{Page, Paged};
use etiqa_model::user::Role;
use etiqa_model::view::ViewPage;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use leptos_router::params::ParamsMap;

use self::bulk::Bulk;
use super::options;
use crate::api::devices::{GetDeviceChoices, ListDevices};
use crate::ask::ask;
use crate::components::columns::{Choosable, Shown, columns_fold};
use crate::components::form::{choice, send_form, send_when_rested};
use crate::components::list::{self, address};
use crate::components::part::{nothing, part};
use crate::components::table::{Column, list_card};
use crate::components::{Ago, GetForm, Loaded, PageHeader, Pager, Tone, Views, chip, empty, skeleton};
use crate::format;
use crate::post::PostForm;
use crate::session::Allowed;

const PATH: &str = "/devices/";

/// The columns. What one is called in addresses is what the rows are ordered by, where they can be.
const COLUMNS: &[Choosable] = &[
    Choosable { name: "name", words: "Device", is_usual: true },
    Choosable { name: "type", words: "Type", is_usual: true },
    Choosable { name: "site", words: "Site", is_usual: true },
    Choosable { name: "status", words: "Answers", is_usual: true },
    Choosable { name: "backup", words: "Backup", is_usual: true },
    Choosable { name: "last_good", words: "Last good", is_usual: true },
    Choosable { name: "description", words: "Description", is_usual: false },
    Choosable { name: "credential", words: "Credential", is_usual: false },
];

/// What the address says.
#[derive(Clone, PartialEq, Eq)]
struct Asked {
    filter: DeviceFilter,
    order: DeviceOrder,
    shown: Shown,
    page: u32,
}

impl Asked {
    fn of_query(query: &ParamsMap) -> Self {
        let order = query.get("sort").map(|sort| DeviceOrder::parse(&sort)).unwrap_or_default();
        let page = query.get("page").and_then(|page| page.parse().ok()).filter(|page| *page > 0).unwrap_or(1);
        let shown = Shown::of_query(query, COLUMNS);
        Self { filter: DeviceFilter::of_query(|name| query.get(name)), order, shown, page }
    }

    /// Which devices, in this order.
    fn fields(&self, order: DeviceOrder) -> Vec<(&'static str, String)> {
        let mut fields = self.filter.to_query();
        fields.push(("sort", order.to_field()));
        fields
    }

    /// The query of a view of them, with the columns.
    fn query(&self) -> String {
        let mut fields = self.fields(self.order);
        fields.push(self.shown.to_field(COLUMNS));
        list::query(&fields)
    }

    /// The same devices in another order, on another page.
    fn address(&self, order: DeviceOrder, page: u32) -> String {
        let mut fields = self.fields(order);
        fields.extend([self.shown.to_field(COLUMNS), page_field(page)]);
        address(PATH, &fields)
    }

    fn to_address(&self, page: u32) -> String {
        self.address(self.order, page)
    }

    /// What the columns are chosen by.
    fn columns(&self) -> AnyView {
        let mut fields = self.fields(self.order);
        fields.push(page_field(self.page));
        columns_fold(PATH, COLUMNS, self.shown, fields)
    }

    fn headings(&self) -> Vec<Column> {
        let shown = COLUMNS.iter().enumerate().filter(|(place, _)| self.shown.has(*place));
        shown
            .map(|(_, column)| match DeviceSort::parse(column.name) {
                Some(sort) => self.heading(column.words, sort),
                None => Column::Text(column.words),
            })
            .collect()
    }

    fn heading(&self, words: &'static str, sort: DeviceSort) -> Column {
        let way = if self.order.descending { "descending" } else { "ascending" };
        Column::Sorted {
            words,
            to: self.address(self.order.toggled(sort), 1),
            order: (self.order.sort == sort).then_some(way),
        }
    }

    fn is_narrowed(&self) -> bool {
        self.filter != DeviceFilter::default()
    }
}

fn page_field(page: u32) -> (&'static str, String) {
    ("page", if page > 1 { page.to_string() } else { String::new() })
}

#[component]
pub(crate) fn DevicesPage() -> AnyView {
    let query = use_query_map();
    let asked = Memo::new(move |_| query.with(Asked::of_query));
    let devices = ask(&[Topic::Devices, Topic::BackupConfigs], move || {
        let asked = asked.get();
        ListDevices {
            filter: asked.filter,
            order: asked.order,
            page: Page { number: asked.page, ..Page::default() },
        }
    })
    .each_minute();
    let choices = ask(&[], || GetDeviceChoices {});
    let shown = move || async move { Ok((devices.get().await?, choices.get().await?)) };
    let columns = Memo::new(move |_| asked.with(|asked| asked.shown));
    let view_query = Memo::new(move |_| asked.with(Asked::query));
    let choose_columns = part(move || asked.with(Asked::columns));
    let bulk = Bulk::new();
    view! {
        <PageHeader title="Devices">
            <Allowed role=Role::Operator>
                <a class="btn" href="/devices/import">"Import"</a>
                <a class="btn primary" href="/devices/new">"New device"</a>
            </Allowed>
        </PageHeader>
        <Views page=ViewPage::Devices query=view_query beside=choose_columns/>
        <Loaded waiting=skeleton::line from=move || choices.get() view=move |choices, _| filters(asked, choices)/>
        {bulk.outcome()}
        <Loaded from=shown view=move |(devices, choices), role| {
            // Other columns need no other answer, only other cells.
            let asked = Asked { shown: columns.get(), ..asked.get_untracked() };
            list(devices, choices, role, asked, bulk)
        }/>
    }
    .into_any()
}

/// A plain form to this address; with JavaScript it is sent by every choice, and when typing rests.
fn filters(asked: Memo<Asked>, choices: DeviceChoices) -> AnyView {
    let filter = asked.get_untracked().filter;
    let named = |names: Vec<String>| names.into_iter().map(|name| (name.clone(), name)).collect::<Vec<_>>();
    let kinds =
        DeviceType::ALL.iter().map(|kind| (kind.as_str().to_owned(), kind.label().to_owned())).collect();
    let states = options(&[
        ("good", "Backed up"),
        ("needs_hand", "Needs a hand"),
        ("failing", "Failing"),
        ("suspect", "Suspect"),
        ("host_key_changed", "Host key changed"),
        ("never", "Never backed up"),
        ("overdue", "Overdue"),
        ("no_backup", "In no backup"),
    ]);
    let enabled = options(&[("true", "Enabled"), ("false", "Disabled")]);
    let statuses = options(&[("online", "Online"), ("offline", "Offline"), ("unknown", "Unknown")]);
    let classes =
        Class::ALL.iter().map(|class| (class.as_str().to_owned(), class.label().to_owned())).collect();
    // Those that a phone folds away, where one of them is set.
    let is_open = DeviceFilter { search: String::new(), ..filter.clone() } != DeviceFilter::default();
    let clear = part(move || asked.with(clear));
    view! {
        <div class="filters" role="search">
        <GetForm action=PATH replace=true>
            <input type="search" name="q" placeholder="Name, address or description" aria-label="Search" value=filter.search on:input=send_when_rested()/>
            <details class="fold" open=is_open>
                <summary class="btn">"Filters"</summary>
            </details>
            <div class="folded">
            {choice("type", "Any type", kinds, filter.device_type.map(|kind| kind.as_str().to_owned()))}
            {choice("platform", "Any platform", named(choices.platforms_in_use), filter.platform)}
            {choice("site", "Any site", named(choices.sites), filter.site)}
            {choice("tag", "Any tag", named(choices.tags), filter.tag)}
            {choice("status", "Answers or not", statuses, filter.status.map(|status| status.as_str().to_owned()))}
            {choice("state", "Any state", states, filter.state.map(|state| state.as_str().to_owned()))}
            {choice("class", "Any result", classes, filter.class.map(|class| class.as_str().to_owned()))}
            {choice("enabled", "Enabled or not", enabled, filter.enabled.map(|enabled| enabled.to_string()))}
            </div>
            {order(asked)}
            <input type="hidden" name="cols" value=move || asked.with(|asked| asked.shown.to_field(COLUMNS).1)/>
            <button class="btn" type="submit">"Find"</button>
            {clear}
        </GetForm>
        </div>
    }
    .into_any()
}

/// A full load, so that the fields are empty again too; the columns stay.
fn clear(asked: &Asked) -> AnyView {
    if !asked.is_narrowed() {
        return nothing();
    }
    let to = address(PATH, &[asked.shown.to_field(COLUMNS)]);
    view! { <a class="btn" href=to rel="external">"Clear"</a> }.into_any()
}

/// What the headings do, for phones, where none are shown.
fn order(asked: Memo<Asked>) -> AnyView {
    let now = asked.get_untracked().order;
    let sorted = COLUMNS.iter().filter_map(|column| Some((column.words, DeviceSort::parse(column.name)?)));
    let ways = sorted.flat_map(|(words, sort)| {
        [(false, "↑"), (true, "↓")].map(|(descending, arrow)| {
            let order = DeviceOrder { sort, descending };
            let (words, is_now) = (format!("{words} {arrow}"), order == now);
            view! { <option value=order.to_field() selected=is_now>{words}</option> }.into_any()
        })
    });
    view! {
        <select class="order" name="sort" aria-label="Order by" prop:value=move || asked.with(|asked| asked.order.to_field()) on:change=send_form>
            {ways.collect_view()}
        </select>
    }
    .into_any()
}

fn list(devices: Paged<Device>, choices: DeviceChoices, role: Role, asked: Asked, bulk: Bulk) -> AnyView {
    let (page, total) = (devices.page, devices.total);
    let none = (total == 0).then(|| nothing_here(role, asked.is_narrowed()));
    let columns = asked.headings();
    let may_change = role >= Role::Operator && !devices.rows.is_empty();
    let bar = may_change.then(|| {
        let ids = devices.rows.iter().map(|device| device.id).collect();
        bulk.bar(ids, choices.credentials)
    });
    let rows = devices
        .rows
        .into_iter()
        .map(|device| {
            let pick = may_change.then(|| bulk.pick(&device));
            (device.id, row(device, pick, asked.shown))
        })
        .collect();
    let export = address("/devices/export.csv", &asked.fields(asked.order));
    let to_page = Callback::new(move |page| asked.to_address(page));
    let below = view! {
        <div class="under">
            <Pager page total address=to_page/>
            {(total <= u64::from(page.size)).then(|| view! { <p class="quiet">{format::plural(total, "device")}</p> }.into_any())}
            <a class="btn small" href=export download="" rel="external">"Export CSV"</a>
        </div>
    }
    .into_any();
    let card = list_card(&columns, rows, none, below);
    match bar {
        Some(bar) => view! { <PostForm to=bulk.change>{bar}{card}</PostForm> }.into_any(),
        None => card,
    }
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

fn row(device: Device, pick: Option<AnyView>, shown: Shown) -> AnyView {
    let backup = chip::device_backup(&device);
    let address = format::place(&device);
    let failure = device
        .last_result
        .filter(|result| device.enabled && !result.class.is_good())
        .map(|result| view! { <small class="clip">{result.message}</small> }.into_any());
    let unsaved = device.unsaved.then(|| chip(Tone::Warn, "Not saved"));
    let tags =
        device.tags.into_iter().map(|tag| view! { <span class="tag">{tag}</span> }.into_any()).collect_view();
    // In the order of the columns, behind the first.
    let cells = [
        view! { <td>{device.device_type.label()}<small>{device.platform}</small></td> }.into_any(),
        view! { <td>{device.site}<div>{tags}</div></td> }.into_any(),
        view! { <td>{chip::device_status(device.status)}</td> }.into_any(),
        view! { <td><span class="chips">{backup}{unsaved}</span>{failure}</td> }.into_any(),
        view! { <td class="muted" data-label="Last good">{device.last_good_at.map(|at| view! { <Ago at/> }.into_any())}</td> }
            .into_any(),
        view! { <td class="muted">{device.description}</td> }.into_any(),
        view! { <td class="muted" data-label="Credential">{device.credential}</td> }.into_any(),
    ];
    let cells = (1..).zip(cells).filter(|(place, _)| shown.has(*place)).map(|(_, cell)| cell).collect_view();
    view! {
        <tr>
            <td>
                {pick}
                <a class="mono strong" href=format!("/devices/{}", device.id)>{device.hostname}</a>
                <small class="mono">{address}</small>
            </td>
            {cells}
        </tr>
    }
    .into_any()
}
