//! What collections and vendor backups came to, in tables.

use etiqa_model::RunId;
use etiqa_model::Timestamp;
use etiqa_model::artifact::ArtifactResult;
use etiqa_model::class::Class;
use etiqa_model::device::DeviceResult;
use etiqa_model::rule::BrokenRules;
use leptos::prelude::*;

use super::chip::{self, Tone, chip};
use super::session_view::Transcript;
use super::table::{Column, table};
use super::time::Time;
use crate::format;

/// That rules are broken, and the way to see which.
pub(crate) fn broken_rules(broken: BrokenRules, to: String) -> AnyView {
    let class = if broken.is_critical { "notice bad" } else { "notice warn" };
    view! { <p class=class><a href=to>{broken.words}</a></p> }.into_any()
}

/// What collections came to, a row each; `with_names` where they are of different devices.
pub(crate) fn results_table(results: Vec<DeviceResult>, with_names: bool) -> AnyView {
    let first = if with_names { "Device" } else { "When" };
    let columns = [
        Column::Text(first),
        Column::Text("Result"),
        Column::Text("What happened"),
        Column::Number("Size"),
        Column::Number("Took"),
    ];
    table(&columns, results.into_iter().map(|result| (result.id, result_row(result, with_names))).collect())
}

fn result_row(result: DeviceResult, with_names: bool) -> AnyView {
    let first = if with_names {
        view! {
            <a class="mono strong" href=format!("/devices/{}", result.device_id)>{result.hostname.clone()}</a>
            <small class="mono">{result.address.clone()}</small>
        }
        .into_any()
    } else {
        when(result.finished_at, result.run_id)
    };
    let advice = (!result.class.is_good()).then(|| result.class.advice()).filter(|advice| !advice.is_empty());
    let transcript = result.has_transcript.then(|| view! { <Transcript id=result.id/> }.into_any());
    let is_plain = matches!(result.class, Class::Ok | Class::Unchanged);
    view! {
        <tr>
            <td>{first}</td>
            <td>{chip::class(result.class)}</td>
            <td class:muted=is_plain>
                {result.message}
                {advice.map(|advice| view! { <small>{advice}</small> }.into_any())}
                {transcript}
            </td>
            <td class="num muted">{(result.size_bytes > 0).then(|| format::size(result.size_bytes))}</td>
            <td class="num muted">{format::took(result.finished_at.millis() - result.started_at.millis())}</td>
        </tr>
    }
    .into_any()
}

/// Attempts at vendor backups, a row each; `with_names` where they are of different devices. `below` stands under what
/// happened.
pub(crate) fn attempts_table(
    results: Vec<ArtifactResult>,
    with_names: bool,
    below: &dyn Fn(&ArtifactResult) -> Option<AnyView>,
) -> AnyView {
    let first = if with_names { "Device" } else { "When" };
    let columns =
        [Column::Text(first), Column::Text("Result"), Column::Text("What happened"), Column::Number("Took")];
    let rows = results
        .into_iter()
        .map(|result| {
            let below = below(&result);
            (result.id, attempt_row(result, with_names, below))
        })
        .collect();
    table(&columns, rows)
}

fn attempt_row(result: ArtifactResult, with_names: bool, below: Option<AnyView>) -> AnyView {
    let first = if with_names {
        let to = format!("/devices/{}?tab=artifacts", result.device_id);
        view! { <a class="mono strong" href=to>{result.hostname}</a><small>{result.kind.label()}</small> }
            .into_any()
    } else {
        when(result.finished_at, result.run_id)
    };
    let is_good = result.class.is_good();
    let state = if is_good { chip(Tone::Ok, "Whole") } else { chip::class(result.class) };
    let advice = (!is_good).then(|| view! { <small>{result.class.advice()}</small> }.into_any());
    view! {
        <tr>
            <td>{first}</td>
            <td>{state}</td>
            <td class:muted=is_good>{result.message}{advice}{below}</td>
            <td class="num muted">{format::took(result.finished_at.millis() - result.started_at.millis())}</td>
        </tr>
    }
    .into_any()
}

/// When it was, and what asked for it.
fn when(at: Timestamp, run: Option<RunId>) -> AnyView {
    let by = match run {
        Some(run) => view! { <a href=format!("/backup/run/{run}")>{format!("run #{run}")}</a> }.into_any(),
        None => "by hand".into_any(),
    };
    view! { <Time at/><small>{by}</small> }.into_any()
}
