//! Differences of texts.

use etiqa_model::config::LineKind;

use crate::history::diff::{self, DiffView, unified};

/// Longer ones take time and find nothing new.
const LONGEST: usize = 64 << 10;

/// Two texts with a NUL between them.
///
/// A difference shows each line of both texts once, counts what it shows, and is empty for equal texts alone; a unified one
/// has the same lines and no name that begins a line of its own.
///
/// # Panics
/// Where one of these does not hold.
pub fn diff(input: &[u8]) {
    let text = String::from_utf8_lossy(&input[..input.len().min(LONGEST)]);
    let (old, new) = text.split_once('\0').unwrap_or((&*text, ""));
    let shown = diff::diff(old, new, DiffView { context: u32::MAX, max_lines: u32::MAX });
    let unified = unified(old, new, old, new);
    assert_eq!(shown.hunks.is_empty(), old == new);
    assert_eq!(unified.is_empty(), old == new);
    assert_eq!(diff::count(old, new), (shown.added, shown.removed), "two counts of one difference");
    if old == new {
        return;
    }
    let lines = || shown.hunks.iter().flat_map(|hunk| &hunk.lines);
    let count = |kind| lines().filter(|line| line.kind == kind).count();
    let (same, removed, added) = (count(LineKind::Same), count(LineKind::Removed), count(LineKind::Added));
    let lines_of = |text: &str| text.split_inclusive('\n').count();
    assert_eq!(same + removed, lines_of(old), "lines of the older text");
    assert_eq!(same + added, lines_of(new), "lines of the newer text");
    assert_eq!((added, removed), (shown.added as usize, shown.removed as usize));

    let mut head = unified.split('\n');
    assert!(head.next().is_some_and(|line| line.starts_with("--- ")));
    assert!(head.next().is_some_and(|line| line.starts_with("+++ ")));
    assert!(head.next().is_some_and(|line| line.starts_with("@@ -")), "a name with a line's end in it");
}
