//! Differences of two texts: unified or side by side, numbered, changed words marked, unchanged lines folded.

use etiqa_model::config::{DiffHunk, DiffLine, DiffSpan, LineKind, TextDiff};
use leptos::prelude::*;

use crate::format;

/// `+3 −1`.
pub(crate) fn counts(added: u32, removed: u32) -> AnyView {
    view! {
        <span class="pm">
            {(added > 0).then(|| view! { <span class="plus">{format!("+{}", format::count(added.into()))}</span> }.into_any())}
            " "
            {(removed > 0).then(|| view! { <span class="minus">{format!("−{}", format::count(removed.into()))}</span> }.into_any())}
        </span>
    }
    .into_any()
}

/// The whole difference.
pub(crate) fn diff(diff: &TextDiff, is_side_by_side: bool) -> AnyView {
    if diff.hunks.is_empty() {
        return view! { <p class="quiet">"No line differs."</p> }.into_any();
    }
    let columns = if is_side_by_side { "4" } else { "3" };
    let mut rows = Vec::new();
    for hunk in &diff.hunks {
        rows.extend(fold(hunk.folded_before, columns));
        if is_side_by_side {
            rows.extend(pairs(hunk).into_iter().map(|(old, new)| row_of_pair(old, new)));
        } else {
            rows.extend(hunk.lines.iter().map(row));
        }
    }
    rows.extend(fold(diff.folded_after, columns));
    // A fixed layout takes its widths from here; the first row is often a fold across all columns.
    let sides = is_side_by_side
        .then(|| view! { <colgroup><col class="no"/><col/><col class="no"/><col/></colgroup> }.into_any());
    let left_out = (diff.hunks_left_out > 0).then(|| {
        let places = format::plural(diff.hunks_left_out.into(), "more changed place");
        view! { <p class="quiet">{format!("{places} not shown: the difference is too long for a page.")}</p> }
            .into_any()
    });
    view! {
        <div class="diff" tabindex="0" role="region" aria-label="Difference">
            <table class=if is_side_by_side { "side-by-side" } else { "unified" }>
                {sides}
                <tbody>{rows}</tbody>
            </table>
        </div>
        {left_out}
    }
    .into_any()
}

/// The first changed lines, without numbers.
pub(crate) fn peek(diff: &TextDiff, most: usize) -> AnyView {
    let lines = diff.hunks.iter().flat_map(|hunk| &hunk.lines).filter(|line| line.kind != LineKind::Same);
    let lines = lines
        .take(most)
        .map(|line| {
            view! { <span class=class_of(line.kind)>{sign(line.kind)}{spans(&line.spans)}</span> }.into_any()
        })
        .collect_view();
    view! { <div class="peek">{lines}</div> }.into_any()
}

fn fold(lines: u32, columns: &'static str) -> Option<AnyView> {
    let words = format!("⋯ {} ⋯", format::plural(lines.into(), "unchanged line"));
    (lines > 0).then(|| view! { <tr class="fold"><td colspan=columns>{words}</td></tr> }.into_any())
}

fn class_of(kind: LineKind) -> &'static str {
    match kind {
        LineKind::Same => "same",
        LineKind::Added => "added",
        LineKind::Removed => "removed",
    }
}

/// Kept in the text, so that a copied difference and a colour-blind reader have it too.
fn sign(kind: LineKind) -> &'static str {
    match kind {
        LineKind::Same => " ",
        LineKind::Added => "+",
        LineKind::Removed => "−",
    }
}

/// The pieces of a line, some of them marked.
pub(crate) fn spans(spans: &[DiffSpan]) -> AnyView {
    // Adjoining pieces of text would become one text node in the browser's parser, so a plain line is one piece.
    if spans.iter().all(|span| !span.marked) {
        let text: String = spans.iter().map(|span| span.text.as_str()).collect();
        return text.into_any();
    }
    spans
        .iter()
        .map(|span| {
            if span.marked {
                view! { <mark>{span.text.clone()}</mark> }.into_any()
            } else {
                view! { <span>{span.text.clone()}</span> }.into_any()
            }
        })
        .collect_view()
        .into_any()
}

fn number(number: Option<u32>) -> AnyView {
    view! { <td class="no">{number.map(|number| number.to_string())}</td> }.into_any()
}

fn row(line: &DiffLine) -> AnyView {
    view! {
        <tr class=class_of(line.kind)>
            {number(line.old)}
            {number(line.new)}
            <td class="text"><i>{sign(line.kind)}</i>{spans(&line.spans)}</td>
        </tr>
    }
    .into_any()
}

/// Lines of a hunk beside each other: the n-th removed one of a change stands beside its n-th added one.
fn pairs(hunk: &DiffHunk) -> Vec<(Option<&DiffLine>, Option<&DiffLine>)> {
    let mut pairs = Vec::new();
    let (mut removed, mut added) = (Vec::new(), Vec::new());
    let flush = |removed: &mut Vec<_>, added: &mut Vec<_>, pairs: &mut Vec<_>| {
        for i in 0..removed.len().max(added.len()) {
            pairs.push((removed.get(i).copied(), added.get(i).copied()));
        }
        removed.clear();
        added.clear();
    };
    for line in &hunk.lines {
        match line.kind {
            LineKind::Removed => removed.push(line),
            LineKind::Added => added.push(line),
            LineKind::Same => {
                flush(&mut removed, &mut added, &mut pairs);
                pairs.push((Some(line), Some(line)));
            }
        }
    }
    flush(&mut removed, &mut added, &mut pairs);
    pairs
}

fn row_of_pair(old: Option<&DiffLine>, new: Option<&DiffLine>) -> AnyView {
    let side = |line: Option<&DiffLine>, is_old: bool| {
        let class = match line {
            None => "text gap",
            Some(line) if line.kind == LineKind::Added => "text added",
            Some(line) if line.kind == LineKind::Removed => "text removed",
            Some(_) => "text",
        };
        view! {
            {number(line.and_then(|line| if is_old { line.old } else { line.new }))}
            <td class=class>{line.map(|line| spans(&line.spans))}</td>
        }
        .into_any()
    };
    view! { <tr>{side(old, true)}{side(new, false)}</tr> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(kind: LineKind) -> DiffLine {
        DiffLine { kind, old: None, new: None, spans: Vec::new() }
    }

    #[test]
    fn side_by_side_puts_a_changed_line_beside_what_it_was() {
        let kinds = [LineKind::Same, LineKind::Removed, LineKind::Added, LineKind::Added, LineKind::Same];
        let hunk = DiffHunk { folded_before: 0, lines: kinds.map(line).to_vec() };
        let sides: Vec<_> =
            pairs(&hunk).into_iter().map(|(old, new)| (old.map(|l| l.kind), new.map(|l| l.kind))).collect();
        assert_eq!(
            sides,
            [
                (Some(LineKind::Same), Some(LineKind::Same)),
                (Some(LineKind::Removed), Some(LineKind::Added)),
                (None, Some(LineKind::Added)),
                (Some(LineKind::Same), Some(LineKind::Same)),
            ]
        );
    }
}
