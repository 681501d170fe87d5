//! The components that pages are built of, each in its states, so that whoever changes one sees all of it at once.

use etiqa_model::Timestamp;
use etiqa_model::class::Class;
use etiqa_model::page::Page;
use etiqa_model::user::Role;
use etiqa_model::{ErrorKind, FieldError, UserError};
use leptos::prelude::*;

use super::ABOVE;
use crate::api::AppError;
use crate::browser;
use crate::components::loaded::error_view;
use crate::components::part::{later, nothing};
use crate::components::table::{Column, list_card};
use crate::components::{
    Ago, Check, Countdown, Field, PageHeader, Pager, Problem, Select, Time, Tone, card, chip, confirm, empty,
    fact, skeleton, submit,
};
use crate::format;
use crate::pages::options;
use crate::session::Session;

const HOUR_MS: i64 = 3_600_000;

#[component]
pub(crate) fn ComponentsPage() -> AnyView {
    let session = expect_context::<Session>();
    later(nothing, move || async move {
        if session.role().await >= Role::Admin {
            return all();
        }
        let message = "This page needs the role admin.";
        error_view(AppError(UserError::new(ErrorKind::Forbidden, message)))
    })
}

fn all() -> AnyView {
    view! {
        <PageHeader title="Components" above=ABOVE chips=chip(Tone::On, "A chip beside the heading")>
            <button class="btn" type="button">"An action"</button>
            <button class="btn primary" type="button">"The main action"</button>
        </PageHeader>
        <p class="lead muted">"What pages are built of, in its states. Nothing here does anything."</p>
        <div class="stack">
            {card("Colours", (), colours())}
            {card("States", "by shape, word and colour", states())}
            {card("Buttons", (), buttons())}
            {card("A form", "with what was wrong beside each field", form())}
            {card("Notices", (), notices())}
            {card("Progress", (), bars())}
            {card("Times and facts", "the exact time on hover", times())}
            {card("Tabs", (), tabs())}
            {table()}
            {card("Nothing there yet", (), empty("No devices yet", "Import a file of your devices, or add the first one by hand.",
                view! { <button class="btn primary" type="button">"Import a file"</button> }))}
            {card("While it loads", "after a moment", waiting())}
            {card("What could not be had", (), failures())}
        </div>
    }
    .into_any()
}

fn colours() -> AnyView {
    const NAMES: [&str; 16] = [
        "bg",
        "surface",
        "raised",
        "line",
        "edge",
        "text",
        "muted",
        "accent",
        "accent-soft",
        "good",
        "good-soft",
        "warn",
        "warn-soft",
        "bad",
        "bad-soft",
        "run",
    ];
    let colour = |name: &&'static str| {
        let fill = format!("var(--{name})");
        view! { <div class="swatch"><svg aria-hidden="true"><rect width="100%" height="100%" fill=fill/></svg><small class="mono">{*name}</small></div> }.into_any()
    };
    view! { <div class="swatches pad">{NAMES.iter().map(colour).collect_view()}</div> }.into_any()
}

fn states() -> AnyView {
    const TONES: [(Tone, &str); 7] = [
        (Tone::Ok, "OK"),
        (Tone::On, "Enabled"),
        (Tone::Disabled, "Disabled"),
        (Tone::Warn, "Due"),
        (Tone::Bad, "Failing"),
        (Tone::Run, "Running"),
        (Tone::Off, "Never run"),
    ];
    let tones = TONES.iter().map(|(tone, words)| chip(*tone, *words)).collect_view();
    let classes = Class::ALL.iter().map(|class| chip::class(*class)).collect_view();
    view! { <div class="pad stack"><span class="chips">{tones}</span><span class="chips">{classes}</span></div> }.into_any()
}

fn buttons() -> AnyView {
    const KINDS: [(&str, &str); 4] = [
        ("btn", "Usual"),
        ("btn primary", "Main"),
        ("btn small", "Small"),
        ("btn danger", "Cannot be undone"),
    ];
    let kinds = KINDS.iter().map(|(class, words)| {
        view! {
            <button class=*class type="button">{*words}</button>
            <button class=*class type="button" disabled=true>{*words}", not now"</button>
        }
        .into_any()
    });
    let sure = view! { <button class="btn danger" type="button">"Delete"</button> };
    view! {
        <div class="actions pad">
            {kinds.collect_view()}
            {confirm("sample", "Delete…", "Delete the device core-1 with all its versions?", sure)}
        </div>
    }
    .into_any()
}

fn form() -> AnyView {
    let wrong =
        FieldError { field: "address".to_owned(), message: "This is no address: 192.0.2.300.".to_owned() };
    let problem: Signal<Option<AppError>> =
        Signal::derive(move || Some(AppError(UserError::in_fields(vec![wrong.clone()]))));
    let kinds = options(&[("switch", "Switch"), ("router", "Router")]);
    view! {
        <div class="fields pad">
            <Field name="sample[hostname]" label="Host name" hint="As the device calls itself." value="core-1"/>
            <Field name="sample[address]" label="Address" value="192.0.2.300" problem/>
            <Field name="sample[password]" label="Password" kind="password" placeholder="unchanged"/>
            <Field name="sample[notes]" label="Notes" kind="textarea" value="In the cellar."/>
            <Select name="sample[kind]" label="Type" options=kinds value="router"/>
            <Check name="sample_on" label="Enabled" hint="Is collected by schedules." checked=true/>
            <Check name="sample_off" label="Old algorithms" checked=false/>
            <div class="actions">{submit("Save", false.into())}{submit("Saving…", true.into())}</div>
        </div>
    }
    .into_any()
}

fn notices() -> AnyView {
    let failed: Signal<Option<AppError>> =
        Signal::derive(|| Some(AppError(UserError::conflict("\"Nightly\" is running already."))));
    view! {
        <div class="pad stack">
            <div class="toast"><span>"core-1 is disabled."</span><button class="btn small" type="button">"Undo"</button><button class="btn small" type="button" aria-label="Close">"✕"</button></div>
            <p class="notice good" role="status">"Saved."</p>
            <p class="notice" role="status">"Etiqa was updated. "<button class="btn small" type="button">"Reload this page"</button></p>
            <p class="notice warn" role="status">"anna paused all schedules 5 min ago."</p>
            <Problem problem=failed/>
        </div>
    }
    .into_any()
}

fn bars() -> AnyView {
    view! {
        <div class="pad stack">
            <div class="going"><progress value="3" max="12" aria-label="Collecting"></progress><span class="muted">"3 of 12 devices"</span></div>
            <div class="going"><progress aria-label="Waiting"></progress><span class="muted">"Waiting for its turn"</span></div>
        </div>
    }
    .into_any()
}

fn times() -> AnyView {
    let from_now = |hours: i64| Timestamp(browser::now_ms() + hours * HOUR_MS);
    view! {
        <dl class="facts">
            {fact("Last run", view! { <Time at=from_now(-26)/> })}
            {fact("Last good", view! { <Ago at=from_now(-2)/> })}
            {fact("Next run", view! { <Countdown to=from_now(3)/> })}
            {fact("Size", format::size(12_345_678))}
        </dl>
    }
    .into_any()
}

fn tabs() -> AnyView {
    view! {
        <nav class="tabs pad" aria-label="Sample">
            <a href="/admin/components" aria-current="page">"Versions"</a>
            <a href="/admin/components">"Results"</a>
            <a href="/admin/components">"Files"</a>
        </nav>
    }
    .into_any()
}

fn table() -> AnyView {
    let columns = &[Column::Text("Device"), Column::Text("Backup"), Column::Number("Size"), Column::Actions];
    let row = |(name, tone, words, bytes): (&'static str, Tone, &'static str, u64)| {
        view! {
            <tr>
                <td><a class="mono strong" href="/admin/components">{name}</a><small class="mono">"192.0.2.1"</small></td>
                <td>{chip(tone, words)}</td>
                <td class="num">{format::size(bytes)}</td>
                <td class="end"><div class="actions"><button class="btn small" type="button">"Back up now"</button></div></td>
            </tr>
        }
        .into_any()
    };
    let rows =
        [("core-1", Tone::Ok, "Backed up", 48_213), ("sw-17.example.net", Tone::Bad, "Login refused", 0)];
    let below = view! { <Pager page=Page { number: 2, size: 2 } total=4120 address=Callback::new(|_| "/admin/components".to_owned())/> };
    list_card(columns, rows.into_iter().map(row).collect(), None, below.into_any())
}

fn waiting() -> AnyView {
    view! {
        <div class="pad stack">
            {skeleton::rows_saying("Loading the devices…")}
            {skeleton::blocks_saying("Loading a device…")}
        </div>
    }
    .into_any()
}

fn failures() -> AnyView {
    view! {
        <div class="empty" role="alert">
            <h2>"This could not be shown"</h2>
            <p>"The program's log says why."</p>
            <button class="btn" type="button">"Try again"</button>
        </div>
    }
    .into_any()
}
