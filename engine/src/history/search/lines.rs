//! The lines of one text that a search shows: those with hits, those around them, the hits marked.

use std::ops::Range;

use etiqa_model::config::DiffSpan;
use etiqa_model::search::HitLine;
use regex::Regex;

/// Bytes before the first hit that stay where a line is cut.
const BEFORE_HIT: usize = 100;

/// How much of a text is shown.
#[derive(Debug, Clone, Copy)]
pub struct Shown {
    /// Lines around each hit.
    pub context: u32,
    /// Lines with a hit, those around them aside.
    pub lines: usize,
    /// Bytes of a line; the rest of a longer one is cut, around the first hit.
    pub bytes: usize,
}

/// Lines with a hit, all of them, and what is shown of the text; none: there is no hit.
pub(super) fn hits_in(text: &str, regex: &Regex, shown: Shown) -> Option<(u64, Vec<HitLine>)> {
    let mut view = View { text, regex, longest: shown.bytes, next: 0, next_number: 1, lines: Vec::new() };
    let mut matching = 0;
    let mut at = 0;
    while let Some(hit) = regex.find_at(text, at) {
        // Behind the last line's end there is no line.
        if hit.start() == text.len() && (text.is_empty() || text.ends_with('\n')) {
            break;
        }
        matching += 1;
        let end = end_of_line(text, hit.start());
        if matching <= shown.lines as u64 {
            view.show_around(hit.start(), shown.context);
        }
        at = end + 1;
        if at > text.len() {
            break;
        }
    }
    (matching > 0).then_some((matching, view.lines))
}

/// What was shown so far, and where the next line begins that was not.
struct View<'a> {
    text: &'a str,
    regex: &'a Regex,
    longest: usize,
    next: usize,
    next_number: u32,
    lines: Vec<HitLine>,
}

impl View<'_> {
    /// Shows the line of a hit and those around it, as far as they were not shown yet.
    fn show_around(&mut self, hit: usize, context: u32) {
        let begin = self.text[..hit].rfind('\n').map_or(0, |end| end + 1);
        let first = (0..context).fold(begin, |line, _| {
            if line <= self.next { line } else { self.text[..line - 1].rfind('\n').map_or(0, |end| end + 1) }
        });
        if first > self.next {
            let skipped = self.text[self.next..first].bytes().filter(|byte| *byte == b'\n').count();
            self.next_number = self.next_number.saturating_add(skipped as u32);
            self.next = first;
        }
        let mut behind = context;
        while self.next < self.text.len() {
            if self.next > begin {
                if behind == 0 {
                    break;
                }
                behind -= 1;
            }
            let end = end_of_line(self.text, self.next);
            self.lines.push(self.line(self.next, end));
            self.next = end + 1;
            self.next_number = self.next_number.saturating_add(1);
        }
    }

    fn line(&self, begin: usize, end: usize) -> HitLine {
        // What a line ends with on some systems is no part of what is shown.
        let shown_end = if self.text[begin..end].ends_with('\r') { end - 1 } else { end };
        let first = self.hit_within(begin, end);
        let from = match &first {
            Some(hit) if shown_end - begin > self.longest => {
                let latest = shown_end - self.longest;
                self.text.floor_char_boundary(hit.start.saturating_sub(BEFORE_HIT).clamp(begin, latest))
            }
            _ => begin,
        };
        let to = self.text.floor_char_boundary(from.saturating_add(self.longest).min(shown_end));
        HitLine {
            number: self.next_number,
            is_hit: first.is_some(),
            cut_before: from > begin,
            cut_after: to < shown_end,
            spans: self.spans(begin, end, from, to),
        }
    }

    /// The first hit behind `at` that begins before the end of the line. Looked for in the whole text, because what is
    /// around a place says whether `^`, `$` and `\b` are there.
    fn hit_within(&self, at: usize, end: usize) -> Option<Range<usize>> {
        self.regex.find_at(self.text, at).map(|hit| hit.range()).filter(|hit| hit.start <= end)
    }

    /// The pieces of a line between two of its places, its hits marked.
    fn spans(&self, begin: usize, end: usize, from: usize, to: usize) -> Vec<DiffSpan> {
        let mut spans = Vec::new();
        let mut push = |from: usize, to: usize, marked: bool| {
            if from < to {
                spans.push(DiffSpan { text: self.text[from..to].to_owned(), marked });
            }
        };
        let (mut at, mut shown) = (begin, from);
        while at < to
            && let Some(hit) = self.hit_within(at, end)
        {
            push(shown, hit.start.min(to), false);
            push(hit.start.max(from), hit.end.min(to), true);
            shown = hit.end.clamp(shown, to);
            // An empty hit marks nothing, and the next one is behind it.
            at = if hit.is_empty() { self.text.ceil_char_boundary(hit.end + 1) } else { hit.end };
        }
        push(shown, to, false);
        spans
    }
}

fn end_of_line(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |length| at + length)
}

#[cfg(test)]
mod tests {
    use regex::RegexBuilder;

    use super::*;

    const LONGEST: usize = 500;

    /// The lines as they would be printed: a number, `:` for a hit and `-` for what is around it, hits in brackets.
    fn shown(text: &str, pattern: &str, context: u32, lines: usize) -> (u64, Vec<String>) {
        let regex = RegexBuilder::new(pattern).multi_line(true).build().unwrap();
        let (matching, lines) =
            hits_in(text, &regex, Shown { context, lines, bytes: LONGEST }).unwrap_or_default();
        let print = |line: &HitLine| {
            let mark =
                |span: &DiffSpan| if span.marked { format!("[{}]", span.text) } else { span.text.clone() };
            let text: String = line.spans.iter().map(mark).collect();
            let cut = |is_cut: bool| if is_cut { "…" } else { "" };
            let sign = if line.is_hit { ':' } else { '-' };
            format!("{}{sign}{}{text}{}", line.number, cut(line.cut_before), cut(line.cut_after))
        };
        (matching, lines.iter().map(print).collect())
    }

    #[test]
    fn lines_around_hits_are_shown_once_each() {
        let text = "a\nb\nhit 1\nc\nhit 2 hit\nd\ne\nf\nhit 3\n";
        assert_eq!(shown(text, "hit", 0, 9).1, ["3:[hit] 1", "5:[hit] 2 [hit]", "9:[hit] 3"]);
        assert_eq!(
            shown(text, "hit", 1, 9).1,
            ["2-b", "3:[hit] 1", "4-c", "5:[hit] 2 [hit]", "6-d", "8-f", "9:[hit] 3"]
        );
        assert_eq!(shown(text, "hit", 5, 9).1.len(), 9);
        assert_eq!(shown("hit", "hit", 5, 9).1, ["1:[hit]"], "the last line needs no end");
        assert_eq!(shown("a\r\nhit\r\n", "hit", 1, 9).1, ["1-a", "2:[hit]"]);
    }

    #[test]
    fn only_so_many_lines_with_hits_are_shown_and_all_are_counted() {
        let text = "hit\nno\n".repeat(1_000);
        let (matching, lines) = shown(&text, "hit", 1, 2);
        assert_eq!(
            (matching, lines),
            (1_000, vec!["1:[hit]".into(), "2-no".into(), "3:[hit]".into(), "4-no".into()])
        );
    }

    #[test]
    fn an_empty_match_is_a_hit_of_its_line_without_a_mark() {
        assert_eq!(shown("a\n\nb\n", "^$", 0, 9), (1, vec!["2:".into()]));
        assert_eq!(shown("a\nb\n", "$", 0, 9), (2, vec!["1:a".into(), "2:b".into()]));
        assert_eq!(shown("a\nb", "x*", 0, 9).0, 2);
        assert_eq!(shown("", "x*", 0, 9).0, 0);
    }

    #[test]
    fn a_very_long_line_is_cut_around_its_first_hit() {
        let line = format!("{}hit{}", "ä".repeat(2_000), "z".repeat(2_000));
        let (_, lines) = shown(&line, "hit", 0, 9);
        assert!(lines[0].starts_with("1:…ä") && lines[0].contains("ä[hit]z") && lines[0].ends_with("z…"));
        assert!(lines[0].len() < LONGEST + 20, "{}", lines[0].len());
        let (_, lines) = shown(&format!("hit{}", "z".repeat(2_000)), "hit", 0, 9);
        assert!(lines[0].starts_with("1:[hit]z") && lines[0].ends_with('…'));
        let (_, lines) = shown(&format!("{}hit", "z".repeat(2_000)), "hit", 0, 9);
        assert!(lines[0].starts_with("1:…z") && lines[0].ends_with("z[hit]"));
    }
}
