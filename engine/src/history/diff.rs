//! The difference of two texts, line by line, with the changed words marked.
//!
//! Lines are compared with their line ends, as `diff` and `git` do: a text that lost its last newline has changed. The
//! algorithm is histogram, whose hunks read better than Myers' in configurations full of equal lines (`!`, `exit`).

use std::ops::Range;

use etiqa_model::config::{DiffHunk, DiffLine, DiffSpan, LineKind, TextDiff};
use etiqa_model::opened::Opened;
use imara_diff::{Algorithm, Diff, InternedInput};

mod unified;
mod words;

#[cfg(test)]
mod tests;

pub use unified::unified;

/// Ends a changed line that is the last of its text and has no newline.
pub const NO_LINE_END: &str = " (no line end)";

/// How much of a difference is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiffView {
    /// Unchanged lines around each change.
    pub context: u32,
    /// Lines in all hunks together, at most; what is beyond is counted, not shown.
    pub max_lines: u32,
}

impl Default for DiffView {
    fn default() -> Self {
        Self { context: 3, max_lines: 5_000 }
    }
}

/// What changed from `old` to `new`, for a page.
///
/// `added` and `removed` count the whole difference, shown or not. The unchanged lines shown, those folded before the
/// hunks and those folded after the last one are together all unchanged lines of the text. A hunk that does not fit in
/// `view.max_lines` is cut there and, like those behind it, counted in `hunks_left_out`.
pub fn diff(old: &str, new: &str, view: DiffView) -> TextDiff {
    diff_opened(old, new, view, &Opened::default())
}

/// The same with unchanged lines that a person opened: `view.max_lines` of them at most, beside the others.
pub fn diff_opened(old: &str, new: &str, view: DiffView, opened: &Opened) -> TextDiff {
    let changes = Changes::between(old, new);
    let opened = changes.opened(opened, view.max_lines);
    let mut shown = TextDiff { added: changes.added(), removed: changes.removed(), ..TextDiff::default() };
    let mut room = view.max_lines as usize + opened.iter().map(ExactSizeIterator::len).sum::<usize>();
    let mut unseen = changes.unchanged();
    let mut old_line = 0;

    for hunk in changes.hunks(view.context, &opened) {
        // Opened lines alone are no changed place.
        let is_change = u32::from(!hunk.changes.is_empty());
        if room == 0 {
            shown.hunks_left_out += is_change;
            continue;
        }
        let folded_before = hunk.old.start - old_line;
        let lines = changes.lines(&hunk, room);
        if lines.len() < hunk.length() {
            shown.hunks_left_out += is_change;
        }
        room -= lines.len();
        unseen -= folded_before + lines.iter().filter(|line| line.kind == LineKind::Same).count() as u32;
        old_line = hunk.old.end;
        shown.hunks.push(DiffHunk { folded_before, lines });
    }
    shown.folded_after = unseen;
    shown
}

/// How many lines were added and removed: the same figures as [`diff`] gives, for less work.
pub fn count(old: &str, new: &str) -> (u32, u32) {
    let input = InternedInput::new(old, new);
    let diff = Diff::compute(Algorithm::Histogram, &input);
    (diff.count_additions(), diff.count_removals())
}

/// Two texts, compared.
struct Changes<'a> {
    input: InternedInput<&'a str>,
    diff: Diff,
}

/// Changes that share their context, with it. Line numbers count from 0.
struct Hunk {
    old: Range<u32>,
    new: Range<u32>,
    /// The changed places in it: these lines of the old text became those of the new one.
    changes: Vec<imara_diff::Hunk>,
}

impl Hunk {
    /// How many lines it takes to show it.
    fn length(&self) -> usize {
        self.old.len() + self.changes.iter().map(|change| change.after.len()).sum::<usize>()
    }
}

impl<'a> Changes<'a> {
    fn between(old: &'a str, new: &'a str) -> Self {
        let input = InternedInput::new(old, new);
        let mut diff = Diff::compute(Algorithm::Histogram, &input);
        diff.postprocess_lines(&input);
        Self { input, diff }
    }

    fn added(&self) -> u32 {
        self.diff.count_additions()
    }

    fn removed(&self) -> u32 {
        self.diff.count_removals()
    }

    fn unchanged(&self) -> u32 {
        self.old_lines() - self.removed()
    }

    fn old_lines(&self) -> u32 {
        self.input.before.len() as u32
    }

    /// A line of the old text with its line end.
    fn old_line(&self, number: u32) -> &'a str {
        self.input.interner[self.input.before[number as usize]]
    }

    /// A line of the new text with its line end.
    fn new_line(&self, number: u32) -> &'a str {
        self.input.interner[self.input.after[number as usize]]
    }

    /// The opened lines that there are, `most` of them at most. Line numbers count from 0.
    fn opened(&self, opened: &Opened, most: u32) -> Vec<Range<u32>> {
        let mut room = most;
        let mut ranges = Vec::new();
        for (first, last) in opened.ranges() {
            let start = first.saturating_sub(1);
            let end = (*last).min(self.old_lines()).min(start.saturating_add(room));
            if start < end {
                room -= end - start;
                ranges.push(start..end);
            }
        }
        ranges
    }

    /// Changes whose contexts touch or overlap are one hunk, and so are opened lines with what they touch.
    fn hunks(&self, context: u32, opened: &[Range<u32>]) -> Vec<Hunk> {
        let around = |change: imara_diff::Hunk| {
            let end = change.before.end.saturating_add(context).min(self.old_lines());
            change.before.start.saturating_sub(context)..end
        };
        let mut shown: Vec<Range<u32>> =
            self.diff.hunks().map(around).chain(opened.iter().cloned()).collect();
        shown.sort_unstable_by_key(|range| range.start);
        let mut apart: Vec<Range<u32>> = Vec::new();
        for range in shown {
            match apart.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => apart.push(range),
            }
        }
        let mut changes = self.diff.hunks().peekable();
        // Where the last change ended, in both texts: from there on lines correspond one by one.
        let (mut old_end, mut new_end) = (0, 0);
        apart
            .into_iter()
            .map(|old| {
                let new_start = new_end + (old.start - old_end);
                let mut within = Vec::new();
                // No range touches the next one, so that a change that begins in it is all in it.
                while let Some(change) = changes.next_if(|change| change.before.start <= old.end) {
                    (old_end, new_end) = (change.before.end, change.after.end);
                    within.push(change);
                }
                let new = new_start..new_end + (old.end - old_end);
                Hunk { old, new, changes: within }
            })
            .collect()
    }

    /// The first `most` lines of a hunk in reading order: of each change first what was removed, then what was added.
    fn lines(&self, hunk: &Hunk, most: usize) -> Vec<DiffLine> {
        let mut lines = Vec::new();
        let (mut old, mut new) = (hunk.old.start, hunk.new.start);
        let same = |lines: &mut Vec<DiffLine>, old: Range<u32>, new: u32| {
            lines.extend(old.zip(new..).map(|(old, new)| DiffLine {
                kind: LineKind::Same,
                old: Some(old + 1),
                new: Some(new + 1),
                spans: vec![span(content(self.old_line(old)), false)],
            }));
        };
        for change in &hunk.changes {
            // Marking words is what costs, so nothing is marked that will not be shown.
            if lines.len() >= most {
                break;
            }
            same(&mut lines, old..change.before.start, new);
            lines.extend(self.changed_lines(change));
            (old, new) = (change.before.end, change.after.end);
        }
        same(&mut lines, old..hunk.old.end, new);
        lines.truncate(most);
        lines
    }

    fn changed_lines(&self, change: &imara_diff::Hunk) -> Vec<DiffLine> {
        let removed: Vec<&str> = change.before.clone().map(|line| self.old_line(line)).collect();
        let added: Vec<&str> = change.after.clone().map(|line| self.new_line(line)).collect();
        let marked = words::mark(&strip(&removed), &strip(&added));
        let removed =
            change.before.clone().zip(marked.removed).zip(removed).map(|((number, spans), line)| DiffLine {
                kind: LineKind::Removed,
                old: Some(number + 1),
                new: None,
                spans: ended(spans, line),
            });
        let added = change.after.clone().zip(marked.added).zip(added).map(|((number, spans), line)| {
            DiffLine { kind: LineKind::Added, old: None, new: Some(number + 1), spans: ended(spans, line) }
        });
        removed.chain(added).collect()
    }
}

fn span(text: &str, marked: bool) -> DiffSpan {
    DiffSpan { text: text.to_owned(), marked }
}

/// A line without its newline.
fn content(line: &str) -> &str {
    line.strip_suffix('\n').unwrap_or(line)
}

fn strip<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    lines.iter().map(|line| content(line)).collect()
}

/// Adds the remark that a person needs where the missing newline may be the only difference.
fn ended(mut spans: Vec<DiffSpan>, line: &str) -> Vec<DiffSpan> {
    if !line.ends_with('\n') {
        spans.push(span(NO_LINE_END, true));
    }
    spans
}
