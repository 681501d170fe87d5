//! One run: how far it is, what each device came to, and its archive.

use etiqa_model::RunId;
use etiqa_model::artifact::ArtifactResult;
use etiqa_model::destination::{ArchiveCopy, CopyState, DestinationKind};
use etiqa_model::device::DeviceResult;
use etiqa_model::event::Topic;
use etiqa_model::page::Paged;
use etiqa_model::run::{Run, RunDetail, Trigger};
use etiqa_model::user::Role;
use leptos::prelude::*;

use super::{id_of_path, page_of_query, query_field};
use crate::api::backups::{CancelRun, GetRun, RunBackup};
use crate::api::destinations::{BringBack, RetryCopy};
use crate::ask::ask;
use crate::components::list::{Pager, address};
use crate::components::part::nothing;
use crate::components::result::{attempts_table, results_table};
use crate::components::session_view::OpenSession;
use crate::components::table::{Column, table};
use crate::components::time::time_or_dash;
use crate::components::{Loaded, PageHeader, Problem, Time, act, card, chip, confirm, fact, run};
use crate::format;
use crate::live::touch_after;
use crate::post::{Post, PostForm};

/// What the address says where only failed devices are shown.
const FAILED: &str = "failed";

#[derive(Clone, Copy)]
struct Actions {
    cancel: Post<CancelRun>,
    again: Post<RunBackup>,
    retry: Post<RetryCopy>,
    bring_back: Post<BringBack>,
}

#[component]
pub(crate) fn RunPage() -> AnyView {
    let id = id_of_path();
    let (page, only) = (page_of_query(), query_field("results"));
    let detail = ask(&[Topic::Runs], move || GetRun {
        id: RunId(id.get()),
        failed: only.get() == FAILED,
        page: page.get(),
    });
    OpenSession::provide();
    let actions = Actions {
        cancel: Post::<CancelRun>::new(),
        again: Post::<RunBackup>::new(),
        retry: Post::<RetryCopy>::new(),
        bring_back: Post::<BringBack>::new(),
    };
    touch_after(actions.cancel, &[Topic::Runs]);
    touch_after(actions.again, &[Topic::Runs]);
    touch_after(actions.retry, &[Topic::Runs]);
    touch_after(actions.bring_back, &[Topic::Runs]);
    view! {
        <Problem problem=actions.cancel.problem()/>
        <Problem problem=actions.again.problem()/>
        <Problem problem=actions.retry.problem()/>
        <Problem problem=actions.bring_back.problem()/>
        <Loaded is_page=true from=move || detail.get() view=move |detail, role| content(detail, only.get_untracked() == FAILED, role, actions)/>
    }
    .into_any()
}

fn content(detail: RunDetail, only_failed: bool, role: Role, actions: Actions) -> AnyView {
    let going = &detail.run;
    let chips = chip::run_status(going);
    let title = format!("{} #{}", going.name, going.id);
    let buttons = buttons(going, role, actions);
    let bar = (!going.status.is_over()).then(|| {
        view! { <section class="card pad run-bar" aria-live="polite">{run::progress(going)}</section> }
            .into_any()
    });
    let error = going.error.clone().map(|error| view! { <p class="notice bad">{error}</p> }.into_any());
    let brought = (going.trigger == Trigger::Import).then(|| {
        let words =
            "Another program made this run. Its archive was not brought here, and nothing here verified it.";
        view! { <p class="notice">{words}</p> }.into_any()
    });
    let facts = facts(going);
    let archive = archive(going);
    let copies = copies(&detail.copies, going, role, actions);
    let counts = (detail.results_total, detail.results_failed);
    let results = results(detail.results, counts, only_failed, &detail.run);
    let artifacts = artifacts(detail.artifacts);
    view! {
        <PageHeader title above=&[("Backups", "/backup/")] chips>
            {buttons}
        </PageHeader>
        <div class="stack">
            {bar}
            {error}
            {brought}
            {facts}
            {archive}
            {copies}
            {results}
            {artifacts}
        </div>
    }
    .into_any()
}

fn buttons(going: &Run, role: Role, actions: Actions) -> AnyView {
    let id = going.id;
    let may = role >= Role::Operator;
    let cancel = (may && !going.status.is_over() && !going.cancelling).then(|| {
        let form = view! {
            <PostForm to=actions.cancel>{act(&[("id", id.to_string())], "Cancel the run", "btn danger")}</PostForm>
        }.into_any();
        let question = "Stop this run? Devices that are done keep their new versions; no archive is made.";
        confirm("run", "Cancel…", question, form)
    });
    let look = (may && going.file.is_some())
        .then(|| view! { <a class="btn" href=format!("/backup/run/{id}/archive")>"Archive"</a> }.into_any());
    let again = going.backup_config_id.filter(|_| may && going.status.is_over()).map(|config| {
        view! { <PostForm to=actions.again>{act(&[("id", config.to_string())], "Run again", "btn")}</PostForm> }.into_any()
    });
    let download = (may && going.has_archive()).then(|| {
        view! { <a class="btn primary" href=format!("/backup/download/{id}/") rel="external" download="">"Download"</a> }.into_any()
    });
    view! { {cancel}{again}{look}{download} }.into_any()
}

fn facts(going: &Run) -> AnyView {
    let config = going.backup_config_id.map_or_else(
        || view! { <span>{format!("{} (deleted)", going.name)}</span> }.into_any(),
        |id| view! { <a href=format!("/backup/config/{id}")>{going.name.clone()}</a> }.into_any(),
    );
    let devices = match (going.devices_ok, going.devices_failed) {
        (0, 0) => "–".to_owned(),
        (ok, 0) => format!("{ok} good"),
        (ok, failed) => format!("{ok} good, {failed} failed"),
    };
    view! {
        <section class="card">
            <dl class="facts">
                {fact("Backup", config)}
                {fact("Started", view! { {time_or_dash(going.started_at)}" "<small>{going.trigger.label()}</small> }.into_any())}
                {fact("Ended", time_or_dash(going.finished_at))}
                {fact("Took", run::took(going).unwrap_or_else(|| "–".to_owned()))}
                {fact("Devices", devices)}
                {vendor_backups(going)}
            </dl>
        </section>
    }
    .into_any()
}

/// How many vendors' backups came; nothing where none was due.
fn vendor_backups(going: &Run) -> AnyView {
    match (going.artifacts_ok, going.artifacts_failed) {
        (0, 0) => nothing(),
        (ok, 0) => fact("Vendor backups", format!("{ok} whole")),
        (ok, failed) => fact(
            "Vendor backups",
            view! { {format!("{ok} whole, ")}{chip(chip::Tone::Warn, format!("{failed} failed"))} }
                .into_any(),
        ),
    }
}

fn archive(going: &Run) -> AnyView {
    let Some(file) = going.file.clone() else { return ().into_any() };
    card(
        "Archive",
        (),
        view! {
            <dl class="facts">
                {fact("File", view! { <span class="mono">{file}</span> }.into_any())}
                {fact("Size", going.size_bytes.map_or_else(|| "–".to_owned(), format::size))}
                {fact("State", run::archive_state(going))}
            </dl>
        }
        .into_any(),
    )
}

/// What destinations have of the archive; nothing where none is meant to have it.
fn copies(copies: &[ArchiveCopy], going: &Run, role: Role, actions: Actions) -> AnyView {
    if copies.is_empty() {
        return nothing();
    }
    let columns =
        [Column::Text("Destination"), Column::Text("State"), Column::Text("What happened"), Column::Actions];
    // What is whole here needs none of them.
    let is_lost = going.damaged || going.missing_at.is_some();
    let may_bring_back = is_lost && going.removed_at.is_none();
    let rows = copies.iter().map(|copy| (copy.id, copy_row(copy, may_bring_back, role, actions))).collect();
    card("Copies", format::plural(copies.len() as u64, "destination"), table(&columns, rows))
}

fn copy_row(copy: &ArchiveCopy, may_bring_back: bool, role: Role, actions: Actions) -> AnyView {
    let is_open = matches!(copy.state, CopyState::Waiting | CopyState::Leaving);
    let next = (is_open && copy.problem.is_some())
        .then(|| view! { <small>"Tried again "<Time at=copy.due_at/></small> }.into_any());
    let what = match (&copy.problem, copy.state, &copy.remote_name) {
        (Some(problem), _, _) => problem.clone().into_any(),
        (None, CopyState::Sent, Some(name)) => {
            view! { <span class="mono hash">{name.clone()}</span> }.into_any()
        }
        _ => nothing(),
    };
    let at = copy.sent_at.filter(|_| copy.state == CopyState::Sent);
    let at = at.map(|at| view! { <small><Time at/></small> }.into_any());
    let (run, destination) = (copy.run_id, copy.destination_id);
    let fields = move || [("id", run.to_string()), ("destination", destination.to_string())];
    let retry = (is_open && role >= Role::Operator).then(|| {
        view! { <PostForm to=actions.retry>{act(&fields(), "Try now", "btn small")}</PostForm> }.into_any()
    });
    let is_there = copy.state == CopyState::Sent && copy.kind != DestinationKind::Git;
    let bring_back = (is_there && may_bring_back && role >= Role::Operator).then(|| {
        view! { <PostForm to=actions.bring_back>{act(&fields(), "Bring back", "btn small")}</PostForm> }
            .into_any()
    });
    view! {
        <tr>
            <td><b>{copy.destination.clone()}</b><small>{copy.kind.label()}</small></td>
            <td>{chip::copy_state(copy)}{at}</td>
            <td class="muted">{what}{next}</td>
            <td class="end"><div class="actions">{retry}{bring_back}</div></td>
        </tr>
    }
    .into_any()
}

/// A page of the results; `total` and `failed` count all of them.
fn results(
    results: Paged<DeviceResult>,
    (total, failed): (u64, u64),
    only_failed: bool,
    going: &Run,
) -> AnyView {
    if total == 0 {
        let words =
            if going.status.is_over() { "This run contacted no device." } else { "No device is done yet." };
        return card("Devices", (), view! { <p class="quiet">{words}</p> }.into_any());
    }
    let path = format!("/backup/run/{}", going.id);
    let link = |words: String, is_current: bool, only: &str| {
        let to = address(&path, &[("results", only.to_owned())]);
        view! { <a class="btn small" href=to data-noscroll="true" aria-current=is_current.then_some("true")>{words}</a> }
            .into_any()
    };
    let ways = view! {
        <span class="seg">
            {link(format!("All {}", format::count(total)), !only_failed, "")}
            {link(format!("Failed {}", format::count(failed)), only_failed, FAILED)}
        </span>
    }
    .into_any();
    let (page, shown) = (results.page, results.total);
    let only = if only_failed { FAILED } else { "" };
    let to_page = Callback::new(move |page: u32| {
        address(&path, &[("results", only.to_owned()), ("page", page.to_string())])
    });
    let list = if results.rows.is_empty() {
        let words = if shown == 0 { "No device failed." } else { "There are no more." };
        view! { <p class="quiet">{words}</p> }.into_any()
    } else {
        results_table(results.rows, true)
    };
    card("Devices", ways, view! { <div>{list}<Pager page total=shown address=to_page/></div> }.into_any())
}

fn artifacts(results: Vec<ArtifactResult>) -> AnyView {
    if results.is_empty() {
        return nothing();
    }
    let remark = format::plural(results.len() as u64, "attempt");
    card("Vendor backups", remark, attempts_table(results, true, &|_| None))
}
