//! Texts of devices as a page may show them. What is stored, compared, searched and downloaded is what the device sent.

use etiqa_model::config::{DiffSpan, TextDiff};
use etiqa_model::shown::misleads;

/// Whether a character does something else in a page than being read; a browser takes a carriage return for a blank.
fn deceives(c: char) -> bool {
    misleads(c) && !matches!(c, '\n' | '\r' | '\t')
}

/// `text` with U+FFFD for what would turn the direction of a line or is obeyed: a rule that permits must not read as one that
/// denies.
pub(super) fn shown(text: String) -> String {
    if text.contains(deceives) {
        return text.chars().map(|c| if deceives(c) { '\u{fffd}' } else { c }).collect();
    }
    text
}

/// The same for pieces of lines.
pub(super) fn spans_shown<'a>(spans: impl IntoIterator<Item = &'a mut DiffSpan>) {
    for span in spans {
        span.text = shown(std::mem::take(&mut span.text));
    }
}

/// The same for a difference.
pub(super) fn diff_shown(mut diff: TextDiff) -> TextDiff {
    spans_shown(diff.hunks.iter_mut().flat_map(|hunk| &mut hunk.lines).flat_map(|line| &mut line.spans));
    diff
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::diff::{DiffView, diff};

    #[test]
    fn a_page_shows_no_line_turned_around() {
        assert_eq!(shown("permit \u{202e}yned\r\n\tend\n".into()), "permit \u{fffd}yned\r\n\tend\n");
        let changed = diff_shown(diff("a\n", "a\u{2066}\u{9b}b\n", DiffView::default()));
        let text: String = changed
            .hunks
            .iter()
            .flat_map(|hunk| &hunk.lines)
            .flat_map(|line| &line.spans)
            .map(|span| span.text.as_str())
            .collect();
        assert_eq!(text, "aa\u{fffd}\u{fffd}b");
    }
}
