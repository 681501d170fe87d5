//! Importing devices: upload, preview, then import.

use etiqa_model::event::Topic;
use etiqa_model::import::{ImportPreview, ImportReport, PreviewRow, RowFate};
use etiqa_model::{ErrorKind, UploadId};
use leptos::prelude::*;

use super::query_field;
use crate::api::AppError;
use crate::api::imports::{ApplyImport, GetImport};
use crate::ask::ask_if;
use crate::components::part::dimmed;
use crate::components::table::{Column, table};
use crate::components::{Loaded, PageHeader, Problem, Time, Tone, card, chip};
use crate::format;
use crate::live::touch_after;
use crate::post::{Post, PostForm, upload_problem};

/// What a file may look like.
const SAMPLE: &str = "ip,hostname,type,platform,site,tags,credential
10.20.0.1,core-rtr-1,router,ios,vienna,core,network-ro
10.20.0.7,fw-dc1-a,checkpoint,,vienna,\"dc1, edge\",
10.20.0.9,lb-edge-2,f5,,graz,,";

/// How far the import is.
enum Step {
    /// No file yet.
    Choose,
    /// A file that cannot be read at all, and why.
    Refused(String),
    /// A file that was read, before or after it was imported.
    Decide(ImportPreview),
}

#[component]
pub(crate) fn ImportPage() -> AnyView {
    let (upload, update) = (query_field("upload"), query_field("update"));
    let apply = Post::<ApplyImport>::new();
    touch_after(apply, &[Topic::Devices]);
    let preview = ask_if(&[Topic::Devices], move || {
        let id: UploadId = upload.get().parse().ok()?;
        Some(GetImport { id, update: update.get() == "true" })
    });
    let step = move || async move {
        match preview.get().await {
            Ok(None) => Ok(Step::Choose),
            Ok(Some(preview)) => Ok(Step::Decide(preview)),
            Err(AppError(error)) if error.kind == ErrorKind::Invalid => Ok(Step::Refused(error.message)),
            Err(error) => Err(error),
        }
    };
    view! {
        <PageHeader title="Import devices" above=&[("Devices", "/devices/")]/>
        <Problem problem=apply.problem()/>
        <Problem problem=upload_problem("/devices/import")/>
        <Loaded from=step view=move |step, _| match step {
            Step::Choose => choose_file(None),
            Step::Refused(reason) => choose_file(Some(reason)),
            Step::Decide(preview) => show(preview, update.get_untracked() == "true", apply),
        }/>
    }
    .into_any()
}

fn choose_file(refused: Option<String>) -> AnyView {
    let refused = refused.map(|reason| view! { <p class="notice bad" role="alert">{reason}</p> }.into_any());
    let column = |name: &'static str, words: &'static str| {
        view! { <tr><td class="mono">{name}</td><td>{words}</td></tr> }.into_any()
    };
    view! {
        {refused}
        <div class="halves">
            <section class="card pad form">
                <form action="/devices/import" method="post" enctype="multipart/form-data" rel="external">
                    <div class="field">
                        <label for="file">"File"</label>
                        <input id="file" type="file" name="file" accept=".csv,.tsv,.txt,.json,text/csv,application/json" required/>
                        <p class="hint">"CSV with commas, semicolons or tabs, or JSON: an array, or an array under devices. Nothing is written before you have seen what it would do."</p>
                    </div>
                    <div class="actions"><button class="btn primary" type="submit">"Upload and preview"</button></div>
                </form>
            </section>
            <section class="card">
                <header><h2>"Columns"</h2><span class="remark">"only ip is required"</span></header>
                <table class="rows dense">
                    <tbody>
                        {column("ip", "IP address or host name; ip_address is the same")}
                        {column("hostname", "the name for people")}
                        {column("type", "checkpoint, f5, infoblox, switch, router, other, and their usual aliases")}
                        {column("platform", "a driver such as ios; chosen by type when empty")}
                        {column("port", "22 when empty")}
                        {column("credential", "the name of one; the site's are tried when empty")}
                        {column("site, tags", "to group devices; tags separated by commas")}
                        {column("status", "online or offline, until it is measured")}
                        {column("description", "free text")}
                    </tbody>
                </table>
                <pre class="text-view sample" tabindex="0" aria-label="A sample file">{SAMPLE}</pre>
            </section>
        </div>
    }
    .into_any()
}

fn show(preview: ImportPreview, update: bool, apply: Post<ApplyImport>) -> AnyView {
    let report = preview.report.clone();
    let is_done = preview.imported_at.is_some();
    let numbers = numbers(&report, is_done);
    let unknown = (!report.unknown_columns.is_empty()).then(|| {
        let words = format!(
            "These columns mean nothing here and are left out: {}.",
            report.unknown_columns.join(", ")
        );
        view! { <p class="notice warn">{words}</p> }.into_any()
    });
    let head = match preview.imported_at {
        Some(at) => done(&preview.file_name, at, &report),
        None => before(preview.id, &preview.file_name, &report, update, apply),
    };
    let errors = errors(report);
    let rows = (!is_done && !preview.rows.is_empty()).then(|| rows(preview.rows));
    view! {
        <div class="stack">
            {head}
            {numbers}
            {unknown}
            {errors}
            {rows}
        </div>
    }
    .into_any()
}

fn done(file: &str, at: etiqa_model::Timestamp, report: &ImportReport) -> AnyView {
    let words = format!(
        "{file} is imported: {} new, {} changed, {} left as they were.",
        format::count(report.created),
        format::count(report.updated),
        format::count(report.skipped)
    );
    view! {
        <div class="notice good" role="status">
            <p>{words}" "<small><Time at/></small></p>
            <div class="actions">
                <a class="btn primary" href="/devices/">"See the devices"</a>
                <a class="btn" href="/devices/import">"Import another file"</a>
            </div>
        </div>
    }
    .into_any()
}

fn before(
    id: UploadId,
    file: &str,
    report: &ImportReport,
    update: bool,
    apply: Post<ApplyImport>,
) -> AnyView {
    let known = report.updated + report.skipped;
    let writes = report.created + report.updated;
    let toggle = (known > 0).then(|| {
        let (words, to) = if update {
            ("Leave known devices as they are", format!("/devices/import?upload={id}"))
        } else {
            ("Update known devices too", format!("/devices/import?upload={id}&update=true"))
        };
        let state = if update {
            format!(
                "{} in the file are known; those that differ will change.",
                format::plural(known, "device")
            )
        } else {
            format!("{} in the file are known and stay as they are.", format::plural(known, "device"))
        };
        view! { <p class="import-known">{state}" "<a class="btn small" href=to>{words}</a></p> }.into_any()
    });
    let hidden_update =
        update.then(|| view! { <input type="hidden" name="update" value="true"/> }.into_any());
    let button = if writes == 0 {
        view! { <p class="muted">"There is nothing to import."</p> }.into_any()
    } else {
        let words = format!("Import {}", format::plural(writes, "device"));
        view! {
            <PostForm to=apply>
                <input type="hidden" name="id" value=id.to_string()/>
                {hidden_update}
                <button class="btn primary" type="submit" aria-disabled=dimmed(apply.pending())>{words}</button>
            </PostForm>
        }
        .into_any()
    };
    view! {
        <section class="card pad form">
            <h2 class="mono">{file.to_owned()}</h2>
            {toggle}
            <div class="actions">
                {button}
                <a class="btn" href="/devices/import">"Choose another file"</a>
            </div>
        </section>
    }
    .into_any()
}

fn numbers(report: &ImportReport, is_done: bool) -> AnyView {
    let number = |name: &'static str, number: u64| {
        view! { <div><dt>{name}</dt><dd>{format::count(number)}</dd></div> }.into_any()
    };
    let (new, changed) = if is_done { ("Added", "Changed") } else { ("New", "To change") };
    view! {
        <section class="card">
            <dl class="facts">
                {number("Rows", report.rows)}
                {number(new, report.created)}
                {number(changed, report.updated)}
                {number("As they were", report.skipped)}
                {number("Refused", report.failed)}
            </dl>
        </section>
    }
    .into_any()
}

fn errors(report: ImportReport) -> AnyView {
    if report.errors.is_empty() {
        return ().into_any();
    }
    let remark = if (report.errors.len() as u64) < report.failed {
        format!("the first {} of {}", report.errors.len(), format::count(report.failed))
    } else {
        format::count(report.failed)
    };
    let rows = report
        .errors
        .into_iter()
        .map(|error| {
            view! { <tr><td class="mono">{format!("line {}", error.line)}</td><td>{error.reason}</td></tr> }
                .into_any()
        })
        .collect_view();
    card("Refused rows", remark, view! { <table class="rows dense"><tbody>{rows}</tbody></table> }.into_any())
}

fn rows(rows: Vec<PreviewRow>) -> AnyView {
    let remark = format!("the first {}", rows.len());
    let columns = &[
        Column::Text("Device"),
        Column::Text("Becomes"),
        Column::Text("Type"),
        Column::Text("Site"),
        Column::Text("Credential"),
        Column::Number("Where"),
    ];
    card("Preview", remark, table(columns, rows.into_iter().map(row).collect()))
}

fn row(row: PreviewRow) -> AnyView {
    let fate = match row.fate {
        RowFate::Create => chip(Tone::On, "New"),
        RowFate::Update => chip(Tone::Warn, "Changes"),
        RowFate::Skip => chip(Tone::Off, "Stays"),
    };
    let device = row.device;
    view! {
        <tr>
            <td><b class="mono">{if device.hostname.is_empty() { device.address.clone() } else { device.hostname }}</b><small class="mono">{device.address}</small></td>
            <td>{fate}</td>
            <td>{device.device_type}<small>{device.platform}</small></td>
            <td>{device.site}<small>{device.tags}</small></td>
            <td class="muted">{device.credential}</td>
            <td class="num muted">{format!("line {}", row.line)}</td>
        </tr>
    }
    .into_any()
}
