//! The bench on a driver's page: the driver, as it is or edited, against a session that somebody pastes.

use etiqa_model::bench::{Bench, BenchCheck, BenchPart, BenchPosted, BenchStep, StepKind};
use leptos::prelude::*;

use crate::api::AppError;
#[cfg(feature = "ssr")]
use crate::api::drivers::Posted;
use crate::api::drivers::TryDriver;
use crate::ask::{Asked, ask_with};
use crate::components::part::{nothing, part};
use crate::components::table::{Column, table};
use crate::components::{Field, Problem, Tone, card, chip, fact, submit};
use crate::format;
use crate::post::{Post, PostForm};

/// What a browser without JavaScript posted to this page, handed on to the browser within it.
pub(super) fn posted() -> Asked<Option<BenchPosted>> {
    ask_with(&[], String::new, {
        let json = posted_json();
        move || std::future::ready(json.clone())
    })
}

#[cfg(feature = "ssr")]
fn posted_json() -> Result<String, AppError> {
    let posted = use_context::<Posted>().map(|posted| posted.0);
    serde_json::to_string(&posted).map_err(|_| AppError(etiqa_model::UserError::internal()))
}

#[cfg(not(feature = "ssr"))]
#[expect(clippy::unnecessary_wraps, reason = "as on the server")]
fn posted_json() -> Result<String, AppError> {
    Ok("null".to_owned())
}

/// The form, and what came of it. `text` is the driver's TOML as it is in use.
pub(super) fn view(
    name: &str,
    text: String,
    posted: Option<BenchPosted>,
    attempt: Post<TryDriver>,
) -> AnyView {
    let (text, transcript, answer) = match posted {
        Some(posted) => (posted.text, posted.transcript, Some(posted.answer)),
        None => (text, String::new(), None),
    };
    let (first, refused) = match answer {
        Some(Ok(bench)) => (Some(bench), None),
        Some(Err(error)) => (None, Some(AppError(error))),
        None => (None, None),
    };
    let (now, answers) = (attempt.problem(), attempt.version());
    let problem = Signal::derive(move || {
        // What was posted before is over as soon as there is an answer here.
        if answers.get() == 0 { refused.clone() } else { now.get() }
    });
    let found = part(move || {
        let bench = if answers.get() == 0 { first.clone() } else { attempt.answer() };
        bench.map_or_else(nothing, result)
    });
    let (page, name) = (format!("/admin/drivers/{name}"), name.to_owned());
    let form = view! {
        <div class="pad form bench">
            <p class="muted">"Paste what the device printed, with its prompts and what was typed, or put each command as «command» on a line of its own above its answer. Nothing is stored, and no device is asked. Leave real secrets out."</p>
            <PostForm to=attempt plain=page>
                <Problem problem/>
                <input type="hidden" name="name" value=name/>
                <Field name="transcript" label="Pasted session" kind="textarea" value=transcript problem hint="At most 512 KiB. A recorded session as docs/drivers.md has it is taken as well."/>
                <Field name="text" label="Driver" kind="textarea" value=text problem hint="TOML. What you change here is tried, not saved: that is a file in the folder drivers of the data directory."/>
                <div class="actions">{submit("Try it", attempt.pending())}</div>
            </PostForm>
        </div>
    }
    .into_any();
    view! { <div class="stack after">{card("Try it", "against a pasted session", form)}{found}</div> }
        .into_any()
}

fn result(bench: Bench) -> AnyView {
    let Bench { class, message, pasted_as, warnings, steps, more_steps, parts, left_out, facts } = bench;
    let notes = warnings.into_iter().map(|warning| notice("notice warn", warning)).collect_view();
    let left_out = (!left_out.is_empty())
        .then(|| notice("notice", format!("Left out by the device: {}.", left_out.join(", "))));
    let facts: Vec<AnyView> = facts
        .into_iter()
        .map(|(name, value)| view! { <div><dt>{name}</dt><dd class="mono">{value}</dd></div> }.into_any())
        .collect();
    let facts = (!facts.is_empty()).then(|| view! { <dl class="facts">{facts}</dl> }.into_any());
    let more = (more_steps > 0).then(|| {
        let words = format!("and {}", format::plural(more_steps, "more step"));
        view! { <p class="quiet">{words}</p> }.into_any()
    });
    let outcome = view! {
        <div class="pad stack" role="status">
            <p>{chip::class(class)}" "{message}</p>
            <p class="muted">{format!("The paste was {}.", pasted_as.label())}</p>
            {notes}
            {left_out}
        </div>
        {facts}
    }
    .into_any();
    let columns = &[Column::Number("Step"), Column::Text("What"), Column::Text("Which")];
    let steps = steps.into_iter().enumerate().map(|(index, step)| row(index + 1, step)).collect();
    view! {
        {card("Result", "as a collection would end", outcome)}
        {parts.into_iter().map(part_card).collect_view()}
        {card("Steps", "in order", view! { {table(columns, steps)}{more} }.into_any())}
    }
    .into_any()
}

fn notice(class: &'static str, words: String) -> AnyView {
    view! { <p class=class>{words}</p> }.into_any()
}

fn row(number: usize, step: BenchStep) -> AnyView {
    let tone = match step.kind {
        StepKind::Sent => Tone::Run,
        StepKind::Seen => Tone::On,
        StepKind::Cut => Tone::Off,
        StepKind::Kept => Tone::Ok,
    };
    view! {
        <tr>
            <td class="num muted">{number.to_string()}</td>
            <td>{chip(tone, step.kind.label())}</td>
            <td class="mono">{step.text}</td>
        </tr>
    }
    .into_any()
}

fn part_card(part: BenchPart) -> AnyView {
    let BenchPart {
        part,
        text,
        lines,
        is_shortened,
        cut,
        cut_lines,
        volatile,
        volatile_spans,
        masked,
        checks,
    } = part;
    let is_whole = checks.iter().all(|check| check.problem.is_none());
    let state = match (checks.is_empty(), is_whole) {
        (true, _) => chip(Tone::Off, "Not checked"),
        (false, true) => chip(Tone::Ok, "Whole"),
        (false, false) => chip(Tone::Bad, "Not whole"),
    };
    let checks = checks.into_iter().map(check).collect_view();
    let shortened =
        is_shortened.then(|| view! { <p class="quiet">"Only the beginning is shown."</p> }.into_any());
    let label = format!("The text of {part}");
    let body = view! {
        <dl class="facts">
            {fact("Lines", format::count(lines))}
            {fact("Cut around it", format::plural(cut_lines, "line"))}
            {fact("Masked for viewers", format::plural(masked, "secret"))}
            {fact("Changes by itself", format::plural(volatile_spans, "span"))}
        </dl>
        <ul class="checks pad">{checks}</ul>
        {spans("Cut around it", cut)}
        {spans("Changes by itself, and makes no version", volatile)}
        <pre class="text-view" tabindex="0" aria-label=label>{text}</pre>
        {shortened}
    }
    .into_any();
    card(format!("Part {part}"), state, body)
}

fn check(check: BenchCheck) -> AnyView {
    let (tone, words) = match check.problem {
        None => (Tone::Ok, "holds".to_owned()),
        Some(problem) => (Tone::Bad, problem),
    };
    view! { <li>{chip(tone, check.rule)}" "{words}</li> }.into_any()
}

fn spans(title: &'static str, lines: Vec<String>) -> AnyView {
    if lines.is_empty() {
        return nothing();
    }
    view! {
        <details class="pad">
            <summary>{title}</summary>
            <pre class="mono">{lines.join("\n")}</pre>
        </details>
    }
    .into_any()
}
