//! The processes that work on the database: which machines they are on, and what they do.

use etiqa_model::event::Topic;
use etiqa_model::machine::{MachineRow, MachineState};
use leptos::prelude::*;

use super::ABOVE;
use super::find::ListSearch;
use crate::api::machines::{ForgetMachine, ListMachines};
use crate::ask::ask;
use crate::components::table::{Column, list_card};
use crate::components::{Ago, Loaded, PageHeader, Problem, Tone, act, chip, confirm, empty};
use crate::format;
use crate::live::touch_after;
use crate::post::{Post, PostForm};

const PATH: &str = "/admin/machines";

/// From here on a clock that differs is worth a word, in milliseconds.
const WRONG_FROM: u64 = 5_000;

#[component]
pub(crate) fn MachinesPage() -> AnyView {
    let lookup = ListSearch::at(PATH);
    let machines = ask(&[Topic::Jobs], || ListMachines {});
    let forget = Post::<ForgetMachine>::new();
    touch_after(forget, &[Topic::Jobs]);
    let from = move || {
        lookup.follow();
        machines.get()
    };
    view! {
        <PageHeader title="Machines" above=ABOVE/>
        <Problem problem=forget.problem()/>
        {lookup.field("Name, site or state")}
        <Loaded from view=move |machines, _| list(machines, lookup, forget)/>
    }
    .into_any()
}

fn list(machines: Vec<MachineRow>, lookup: ListSearch, forget: Post<ForgetMachine>) -> AnyView {
    let found = lookup.rows(machines, |MachineRow { machine, state, .. }| {
        let site = machine.site.as_deref().unwrap_or_default();
        let (role, state) = (machine.role.as_str(), state.label());
        format!("{} {role} {site} {} {state}", machine.host, machine.version)
    });
    let none = lookup
        .none(found.total, || empty("No machine works yet", "etiqa serve is one as soon as it runs.", ()));
    let columns = &[
        Column::Text("Machine"),
        Column::Text("State"),
        Column::Text("Heard of"),
        Column::Number("Sessions"),
        Column::Text("Works on"),
        Column::Actions,
    ];
    list_card(
        columns,
        found.rows.into_iter().map(|row| (row.machine.owner.clone(), machine(row, forget))).collect(),
        none,
        lookup.below(found.page, found.total, "machine"),
    )
}

fn machine(row: MachineRow, forget: Post<ForgetMachine>) -> AnyView {
    let MachineRow { machine, state, leads, jobs } = row;
    let tone = match state {
        MachineState::Alive => Tone::On,
        MachineState::Vanished => Tone::Bad,
        MachineState::Stopped => Tone::Off,
    };
    let place = machine.site.as_ref().map_or_else(String::new, |site| format!(", site {site}"));
    let remark = format!("{}{place}, version {}", machine.role.as_str(), machine.version);
    let leads = leads.then(|| chip(Tone::Ok, "Schedules"));
    let clock = (machine.clock_ahead_ms.unsigned_abs() >= WRONG_FROM).then(|| {
        let seconds = machine.clock_ahead_ms / 1000;
        let words = format!(
            "Its clock is {} s {}; the database's counts.",
            seconds.abs(),
            if seconds > 0 { "ahead" } else { "behind" }
        );
        view! { <small>{words}</small> }.into_any()
    });
    let syslog = machine.syslog.as_ref().map(|syslog| {
        let words = format!(
            "Hears syslog at {}: {} messages, {} of a change.",
            syslog.address,
            format::count(syslog.messages),
            format::count(syslog.changes)
        );
        view! { <small>{words}</small> }.into_any()
    });
    let work = match jobs.len() {
        0 => "nothing".to_owned(),
        1..=3 => jobs.join(", "),
        more => format!("{}, and {} more", jobs[..2].join(", "), more - 2),
    };
    let button = (state != MachineState::Alive).then(|| {
        let press = act(&[("owner", machine.owner.clone())], "Forget", "btn danger");
        let form = view! { <PostForm to=forget>{press}</PostForm> }.into_any();
        let question = format!("Forget {}? If it comes back, it is listed again.", machine.host);
        confirm(&format!("machine-{}", machine.owner), "Forget…", question, form)
    });
    view! {
        <tr>
            <td><b>{machine.host}</b><small>{remark}</small>{syslog}{clock}</td>
            <td>{chip(tone, state.label())}{leads}</td>
            <td class="muted" data-label="Heard of"><Ago at=machine.seen_at/></td>
            <td class="num" data-label="Sessions">{format!("{} of {}", machine.sessions, machine.max_sessions)}</td>
            <td class="muted" data-label="Works on">{work}</td>
            <td class="end">{button}</td>
        </tr>
    }
    .into_any()
}
