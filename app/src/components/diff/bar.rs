//! What stands above a difference and stays in sight: which change this is, the ways to the others, and what can be copied.

use etiqa_model::config::{DiffLine, LineKind, TextDiff};
use leptos::prelude::*;

use super::{Reading, counts, id_of, sign};
use crate::browser;
use crate::components::part::{part, text};
use crate::format;

/// `changes` are the lines of each change, in their order; `more` stands at the end.
pub(super) fn bar(diff: &TextDiff, changes: &[&[DiffLine]], reading: &Reading, more: AnyView) -> AnyView {
    let total = changes.len() as u32;
    if total == 0 {
        return ().into_any();
    }
    let texts = StoredValue::new(changes.iter().map(|lines| text_of(lines)).collect::<Vec<_>>());
    let copied = RwSignal::new(0);
    let (at_copy, at_words, at_steps) = (reading.clone(), reading.clone(), reading.clone());
    let copy = move |_| {
        let change = untrack(|| at_copy.current()).clamp(1, total);
        texts.with_value(|texts| {
            if let Some(lines) = texts.get(change as usize - 1) {
                browser::copy_text(lines);
            }
        });
        copied.set(change);
    };
    let words = move || {
        let is_copied = copied.get() == at_words.current().clamp(1, total);
        if is_copied { "Copied" } else { "Copy change" }
    };
    let steps = part(move || steps(&at_steps, total));
    view! {
        <div class="diff-bar">
            {steps}
            {counts(diff.added, diff.removed)}
            <span class="remark">
                <button class="btn small" type="button" on:click=copy>{text(words)}</button>
                {more}
            </span>
        </div>
    }
    .into_any()
}

/// Which change this is, and links to those beside it; behind the last one comes the first. They work without JavaScript,
/// and the keys press them.
fn steps(reading: &Reading, total: u32) -> AnyView {
    let current = reading.current().min(total);
    let words = match current {
        0 => format::plural(total.into(), "change"),
        current => format!("Change {} of {}", format::count(current.into()), format::count(total.into())),
    };
    let before = if current > 1 { current - 1 } else { total };
    let next = if current < total { current + 1 } else { 1 };
    view! {
        <span class="muted" role="status">{words}</span>
        {step(reading, before, "p", "Previous")}
        {step(reading, next, "n", "Next")}
    }
    .into_any()
}

fn step(reading: &Reading, change: u32, key: &'static str, words: &'static str) -> AnyView {
    let (went_to, of) = (reading.went_to, reading.key);
    let go = move |event: leptos::ev::MouseEvent| {
        event.prevent_default();
        went_to.set((of, change));
        browser::go_to(&id_of(change));
    };
    let to = format!("{}#{}", reading.to(&reading.opened, change), id_of(change));
    let said = format!("{words} change");
    view! { <a class="btn small" href=to data-key=key aria-label=said on:click=go>{words}" "<kbd aria-hidden="true">{key}</kbd></a> }
        .into_any()
}

/// The lines of a change, each behind its sign.
fn text_of(lines: &[DiffLine]) -> String {
    let mut text = String::new();
    for line in lines {
        // Programs that read differences know no other sign.
        text.push_str(if line.kind == LineKind::Removed { "-" } else { sign(line.kind) });
        text.extend(line.spans.iter().map(|span| span.text.as_str()));
        text.push('\n');
    }
    text
}
