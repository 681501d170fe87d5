//! Differences of two texts: unified or side by side, numbered, changed words marked, unchanged lines folded until they are
//! opened, with a bar that leads from change to change.

mod bar;

use etiqa_model::config::{DiffLine, DiffSpan, LineKind, TextDiff};
use etiqa_model::opened::Opened;
use leptos::prelude::*;

use super::part::View;
use crate::{browser, format};

/// So many lines a fold gives at a time.
const MORE: u32 = 20;

/// Which change of which difference was gone to last: a key of the difference, and the change's number from 1.
pub(crate) type WentTo = RwSignal<((i64, i64), u32)>;

/// How a difference is read.
#[derive(Clone)]
pub(crate) struct Reading {
    /// Side by side, not unified.
    pub(crate) is_side_by_side: bool,
    /// Unchanged lines that are shown although they are far from every change.
    pub(crate) opened: Opened,
    /// The address of this page with all that it asks for but opened lines and the change; it has a query.
    pub(crate) address: String,
    /// Which difference this is among those that the page shows one after the other.
    pub(crate) key: (i64, i64),
    /// The change that the address names; 0: none.
    pub(crate) change: u32,
    /// What the page remembers of it while it is open.
    pub(crate) went_to: WentTo,
}

impl Reading {
    /// The change that was gone to last, from 1; 0: none yet.
    fn current(&self) -> u32 {
        current(self.went_to, self.key, self.change)
    }

    /// The address of this page with these lines opened, and a change that is gone to (0: none).
    fn to(&self, opened: &Opened, change: u32) -> String {
        let open = opened.to_string();
        let open = if open.is_empty() { open } else { format!("&open={open}") };
        let change = if change == 0 { String::new() } else { format!("&change={change}") };
        format!("{}{open}{change}", self.address)
    }
}

fn current(went_to: WentTo, key: (i64, i64), otherwise: u32) -> u32 {
    let (of, change) = went_to.get();
    if of == key { change } else { otherwise }
}

/// The id of a change's first row.
fn id_of(change: u32) -> String {
    format!("change-{change}")
}

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

/// The whole difference, below a bar that stays in sight; `more` stands at the bar's end.
pub(crate) fn diff(diff: &TextDiff, reading: &Reading, more: AnyView) -> AnyView {
    if diff.hunks.is_empty() {
        return view! { <p class="quiet">"No line differs."</p> }.into_any();
    }
    let is_side_by_side = reading.is_side_by_side;
    let mut rows = Vec::new();
    let mut changes: Vec<&[DiffLine]> = Vec::new();
    // The line of the older text that comes next.
    let mut next = 1;
    for hunk in &diff.hunks {
        let fold =
            Fold { first: next, lines: hunk.folded_before, change: changes.len() as u32 + 1, is_last: false };
        rows.extend(fold.row(reading, true));
        next += hunk.folded_before;
        for lines in hunk.lines.chunk_by(|one, other| is_same(one) == is_same(other)) {
            let mut mark = None;
            if lines.first().is_some_and(|line| !is_same(line)) {
                changes.push(lines);
                mark = Some(changes.len() as u32);
            }
            next += lines.iter().filter(|line| line.old.is_some()).count() as u32;
            if is_side_by_side {
                let pairs = pairs(lines).into_iter();
                rows.extend(pairs.map(|(old, new)| row("", mark.take(), reading, cells_of_pair(old, new))));
            } else {
                let row_of = |line: &DiffLine| row(class_of(line.kind), mark.take(), reading, cells(line));
                rows.extend(lines.iter().map(row_of));
            }
        }
    }
    // What was left out is among the lines after the last hunk, and cannot be opened with them.
    let is_whole = diff.hunks_left_out == 0;
    let fold = Fold { first: next, lines: diff.folded_after, change: changes.len() as u32, is_last: true };
    rows.extend(fold.row(reading, is_whole));
    // A fixed layout takes its widths from here; the first row is often a fold across all columns.
    let sides = is_side_by_side
        .then(|| view! { <colgroup><col class="no"/><col/><col class="no"/><col/></colgroup> }.into_any());
    let left_out = (!is_whole).then(|| {
        let places = format::plural(diff.hunks_left_out.into(), "more changed place");
        view! { <p class="quiet">{format!("{places} not shown: the difference is too long for a page.")}</p> }
            .into_any()
    });
    view! {
        {bar::bar(diff, &changes, reading, more)}
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

fn is_same(line: &DiffLine) -> bool {
    line.kind == LineKind::Same
}

/// Unchanged lines that are not shown.
struct Fold {
    /// The first of them, in the older text.
    first: u32,
    /// How many.
    lines: u32,
    /// The change behind them; where they are the last lines, the one before them.
    change: u32,
    /// Whether they are the last lines.
    is_last: bool,
}

impl Fold {
    /// How many there are, and links that open some or all of them; nothing where there are none.
    fn row(&self, reading: &Reading, can_open: bool) -> Option<AnyView> {
        if self.lines == 0 {
            return None;
        }
        let (first, last) = (self.first, self.first + self.lines - 1);
        let words = format!("⋯ {} ⋯", format::plural(self.lines.into(), "unchanged line"));
        let link = |shown: &'static str, said: &'static str, first: u32, last: u32| {
            let to = reading.to(&reading.opened.with(first, last), reading.change);
            // Loaded anew, the page would begin at its top; changed in place, it stays where it is.
            let to = format!("{to}#{}", id_of(self.change));
            view! { <a href=to data-noscroll="true" aria-label=said on:click=browser::drop_hash>{shown}</a>" " }
                .into_any()
        };
        let is_long = self.lines > MORE;
        let above = (can_open && is_long && first > 1).then(|| {
            link("↓ 20 more", "Show 20 more lines below the change before", first, first + MORE - 1)
        });
        let below = (can_open && is_long && !self.is_last)
            .then(|| link("↑ 20 more", "Show 20 more lines above the next change", last + 1 - MORE, last));
        let all = can_open.then(|| link("Show all", "Show all of these lines", first, last));
        let columns = if reading.is_side_by_side { "4" } else { "3" };
        Some(
            view! { <tr class="fold"><td colspan=columns>{words}" "{above}{below}{all}</td></tr> }.into_any(),
        )
    }
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

/// A row; where it is the first of a change, addresses lead to it, and it says when it was gone to.
fn row(class: &'static str, change: Option<u32>, reading: &Reading, cells: AnyView) -> AnyView {
    let Some(change) = change else { return view! { <tr class=class>{cells}</tr> }.into_any() };
    let (went_to, key, otherwise) = (reading.went_to, reading.key, reading.change);
    let is_current: View<Option<&'static str>> =
        Box::new(move || (current(went_to, key, otherwise) == change).then_some("true"));
    view! { <tr class=class id=id_of(change) tabindex="-1" aria-current=is_current>{cells}</tr> }.into_any()
}

fn cells(line: &DiffLine) -> AnyView {
    view! {
        {number(line.old)}
        {number(line.new)}
        <td class="text"><i>{sign(line.kind)}</i>{spans(&line.spans)}</td>
    }
    .into_any()
}

/// Lines beside each other: the n-th removed one of a change stands beside its n-th added one.
fn pairs(lines: &[DiffLine]) -> Vec<(Option<&DiffLine>, Option<&DiffLine>)> {
    let mut pairs = Vec::new();
    let (mut removed, mut added) = (Vec::new(), Vec::new());
    let flush = |removed: &mut Vec<_>, added: &mut Vec<_>, pairs: &mut Vec<_>| {
        for i in 0..removed.len().max(added.len()) {
            pairs.push((removed.get(i).copied(), added.get(i).copied()));
        }
        removed.clear();
        added.clear();
    };
    for line in lines {
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

fn cells_of_pair(old: Option<&DiffLine>, new: Option<&DiffLine>) -> AnyView {
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
    view! { {side(old, true)}{side(new, false)} }.into_any()
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
        let lines = kinds.map(line);
        let sides: Vec<_> =
            pairs(&lines).into_iter().map(|(old, new)| (old.map(|l| l.kind), new.map(|l| l.kind))).collect();
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
