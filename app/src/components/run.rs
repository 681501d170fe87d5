//! Runs in lists, and how far a running one is.

use etiqa_model::run::{Phase, Run};
use leptos::prelude::*;

use super::chip::{self, chip};
use super::table::{Column, table};
use super::time::Time;
use crate::format;

/// The bar of a run that is going on. It stands still, with its phase in words, where nothing can be counted.
pub(crate) fn progress(run: &Run) -> AnyView {
    let (done, total) = (run.progress.done, run.progress.total);
    let is_counted = matches!(run.phase, Phase::Collecting | Phase::Artifacts) && total > 0;
    let words = match run.phase {
        Phase::Waiting => "Waiting for its turn".to_owned(),
        Phase::Collecting if total > 0 => format!("{done} of {}", format::plural(u64::from(total), "device")),
        Phase::Collecting => "Logging in to devices".to_owned(),
        Phase::Artifacts => format!("Vendor backups: {done} of {total}"),
        Phase::Packing => "Writing the archive".to_owned(),
        Phase::Verifying => "Reading the archive back".to_owned(),
    };
    let name = format!("{}: {}", run.name, run.phase.label());
    // Packing and verifying follow when every device is done.
    let (value, max) = if is_counted {
        (Some(done), total)
    } else if matches!(run.phase, Phase::Packing | Phase::Verifying) && total > 0 {
        (Some(total), total)
    } else {
        (None, 1)
    };
    view! {
        <div class="going">
            <progress value=value max=max aria-label=name></progress>
            <span class="muted">{words}</span>
        </div>
    }
    .into_any()
}

/// Where the archive of a run stands.
pub(crate) fn archive_state(run: &Run) -> AnyView {
    if let Some(at) = run.removed_at {
        return view! { "Removed by retention "<Time at/> }.into_any();
    }
    if run.missing_at.is_some() {
        return chip(chip::Tone::Warn, "Not here");
    }
    match (run.damaged, run.verified_at) {
        (true, _) => chip(chip::Tone::Bad, "Damaged"),
        (false, Some(at)) => {
            view! { {chip(chip::Tone::Ok, "Verified")}" "<small><Time at/></small> }.into_any()
        }
        (false, None) => chip(chip::Tone::Off, "Not verified"),
    }
}

/// What a run came to, in a few words.
pub(crate) fn outcome(run: &Run) -> String {
    if let Some(error) = &run.error {
        return error.clone();
    }
    let mut words = Vec::new();
    let (ok, failed) = (u64::from(run.devices_ok), u64::from(run.devices_failed));
    if ok + failed > 0 {
        words.push(if failed == 0 {
            format::plural(ok, "device")
        } else {
            format!("{} of {}", format::count(ok), format::plural(ok + failed, "device"))
        });
    }
    if run.artifacts_failed > 0 {
        words.push(format::plural(run.artifacts_failed.into(), "vendor backup") + " failed");
    }
    if let Some(size) = run.size_bytes {
        words.push(format::size(size));
    }
    if run.removed_at.is_some() {
        words.push("archive removed".to_owned());
    }
    words.join(" · ")
}

/// How long a run took, once it is over.
pub(crate) fn took(run: &Run) -> Option<String> {
    let (start, end) = (run.started_at?, run.finished_at?);
    Some(format::took(end.millis() - start.millis()))
}

/// Runs as a table, newest first.
pub(crate) fn runs(runs: Vec<Run>, with_names: bool) -> AnyView {
    let columns = &[
        Column::Text("Run"),
        Column::Text("State"),
        Column::Text("Started"),
        Column::Text("Outcome"),
        Column::Actions,
    ];
    table(columns, runs.into_iter().map(|run| (run.id, row(run, with_names))).collect())
}

fn row(run: Run, with_names: bool) -> AnyView {
    let page = format!("/backup/run/{}", run.id);
    let name = if with_names { format!("{} #{}", run.name, run.id) } else { format!("#{}", run.id) };
    let at = run.started_at.unwrap_or(run.queued_at);
    let how = match took(&run) {
        Some(took) => format!("{}, took {took}", run.trigger.label()),
        None => run.trigger.label().to_owned(),
    };
    let outcome = if run.status.is_over() {
        view! { <span class="clip">{outcome(&run)}</span> }.into_any()
    } else {
        progress(&run)
    };
    let download = run.has_archive().then(|| {
        let label = format!("Download the archive of {} #{}", run.name, run.id);
        view! { <a class="btn small" href=format!("/backup/download/{}/", run.id) download="" rel="external" aria-label=label>"Download"</a> }.into_any()
    });
    view! {
        <tr>
            <td><a class="strong" href=page>{name}</a></td>
            <td>{chip::run_status(&run)}</td>
            <td><Time at/><small>{how}</small></td>
            <td class="muted">{outcome}</td>
            <td class="end">{download}</td>
        </tr>
    }
    .into_any()
}
