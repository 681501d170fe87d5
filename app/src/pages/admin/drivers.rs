//! Drivers: which platforms can be backed up, and how each is talked to.

use etiqa_model::admin::{DriverRow, DriverText};
use etiqa_model::event::Topic;
use etiqa_model::user::Role;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::find::ListSearch;
use super::{ABOVE, bench};
use crate::api::admin::{GetDriver, ListDrivers};
use crate::api::drivers::TryDriver;
use crate::ask::ask;
use crate::components::part::nothing;
use crate::components::table::{Column, list_card};
use crate::components::{Loaded, PageHeader, Time, Tone, card, chip, fact};
use crate::format;
use crate::post::Post;

#[component]
pub(crate) fn DriversPage() -> AnyView {
    let lookup = ListSearch::at("/admin/drivers");
    let drivers = ask(&[Topic::Admin], || ListDrivers {});
    let from = move || {
        lookup.follow();
        drivers.get()
    };
    view! {
        <PageHeader title="Drivers" above=ABOVE/>
        <p class="lead muted">"A driver is a TOML file. Put your own into the folder drivers of the data directory; one of the same name takes the place of a built-in one."</p>
        {lookup.field("Platform, or where it is from")}
        <Loaded from view=move |drivers, _| list(drivers, lookup)/>
    }
    .into_any()
}

fn list(drivers: Vec<DriverRow>, lookup: ListSearch) -> AnyView {
    let columns = &[
        Column::Text("Platform"),
        Column::Text("State"),
        Column::Text("Checked against"),
        Column::Text("From"),
        Column::Number("Devices"),
    ];
    let found = lookup.rows(drivers, |driver| {
        let from = if driver.is_own { "your own" } else { "built in" };
        format!("{} {} {from} {}", driver.name, driver.title, driver.checked.as_str())
    });
    let none = lookup.none(found.total, nothing);
    let rows = found.rows.into_iter().map(row).collect();
    list_card(columns, rows, none, lookup.below(found.page, found.total, "driver"))
}

fn state(driver: &DriverRow) -> AnyView {
    if driver.problem.is_some() { chip(Tone::Bad, "Newest not used") } else { chip(Tone::Ok, "In use") }
}

fn row(driver: DriverRow) -> AnyView {
    let state = state(&driver);
    let warnings = match driver.warnings.len() {
        0 => None,
        n => Some(chip(Tone::Warn, format::plural(n as u64, "warning"))),
    };
    view! {
        <tr>
            <td>
                <a class="mono strong" href=format!("/admin/drivers/{}", driver.name)>{driver.name.clone()}</a>
                <small>{driver.title}</small>
            </td>
            <td><span class="chips">{state}{warnings}</span>{driver.problem.map(|problem| view! { <small>{problem}</small> }.into_any())}</td>
            <td data-label="Checked against">{driver.checked.as_str()}</td>
            <td>{if driver.is_own { "your own" } else { "built in" }}{driver.updated_at.map(|at| view! { <small>"read "<Time at/></small> }.into_any())}</td>
            <td class="num" data-label="Devices">{format::count(driver.devices)}</td>
        </tr>
    }
    .into_any()
}

#[component]
pub(crate) fn DriverPage() -> AnyView {
    let params = use_params_map();
    let name = Memo::new(move |_| params.with(|params| params.get("name")).unwrap_or_default());
    let driver = ask(&[Topic::Admin], move || GetDriver { name: name.get() });
    // Not live: nothing may change under the hands of a person who types.
    let tried = ask(&[], move || GetDriver { name: name.get() });
    let posted = bench::posted();
    let attempt = Post::<TryDriver>::new();
    // What is wrong with asking is said above already.
    let for_bench = move || async move { Ok((tried.get().await.ok(), posted.get().await?)) };
    view! {
        <Loaded from=move || driver.get() view=|driver, _| text(driver)/>
        <Loaded from=for_bench view=move |(driver, posted), role| match driver {
            Some(shown) if role >= Role::Operator => bench::view(&shown.driver.name, shown.text, posted, attempt),
            _ => nothing(),
        }/>
    }
    .into_any()
}

fn text(shown: DriverText) -> AnyView {
    let DriverText { driver, text } = shown;
    let problem =
        driver.problem.clone().map(|problem| view! { <p class="notice bad">{problem}</p> }.into_any());
    let chips = state(&driver);
    let warnings = driver
        .warnings
        .iter()
        .map(|warning| view! { <p class="notice warn">{warning.clone()}</p> }.into_any())
        .collect_view();
    let source = (!driver.checked_source.is_empty())
        .then(|| fact("Source", view! { <small>{driver.checked_source.clone()}</small> }.into_any()));
    view! {
        <PageHeader title=driver.title above=&[("Admin", "/admin/"), ("Drivers", "/admin/drivers")] chips/>
        <div class="stack">
            {problem}
            {warnings}
            <section class="card">
                <dl class="facts">
                    {fact("Name", view! { <span class="mono">{driver.name}</span> }.into_any())}
                    {fact("From", if driver.is_own { "your own" } else { "built in" })}
                    {fact("Devices", format::count(driver.devices))}
                    {fact("Checked against", driver.checked.as_str())}
                    {source}
                    {fact("SHA-256", view! { <span class="mono hash">{driver.sha256}</span> }.into_any())}
                </dl>
            </section>
            {card("TOML", (), view! { <pre class="text-view" tabindex="0" aria-label="The driver's text">{text}</pre> }.into_any())}
        </div>
    }
    .into_any()
}
