//! The difference, applied to the old text, must give the new one.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const WHOLE: DiffView = DiffView { context: 3, max_lines: u32::MAX };

/// Texts of a few different lines, so that many are equal, moved or doubled; with and without a last newline.
fn any_text() -> impl Strategy<Value = String> {
    let line =
        select(&["!", "", "interface Gi0/1", " no shutdown", " mtu 9000", " mtu 1500", "end", "ä\r"][..]);
    (prop::collection::vec(line, 0..40), any::<bool>()).prop_map(|(lines, ended)| {
        let mut text = lines.join("\n");
        if ended && !lines.is_empty() {
            text.push('\n');
        }
        text
    })
}

/// The text of one side of a line, with its line end.
fn line_text(line: &DiffLine) -> String {
    let text: String = line.spans.iter().map(|span| span.text.as_str()).collect();
    match text.strip_suffix(NO_LINE_END) {
        Some(text) => text.to_owned(),
        None => text + "\n",
    }
}

/// Lines with their line ends.
fn lines(text: &str) -> Vec<String> {
    text.split_inclusive('\n').map(str::to_owned).collect()
}

/// Builds the new text from the old one and the difference alone, checking that its line numbers and its unchanged
/// lines are true.
fn apply(diff: &TextDiff, old: &str) -> String {
    let old = lines(old);
    let mut new: Vec<String> = Vec::new();
    let mut at = 0;
    for hunk in &diff.hunks {
        let folded = at + hunk.folded_before as usize;
        new.extend_from_slice(&old[at..folded]);
        at = folded;
        for line in &hunk.lines {
            if line.kind != LineKind::Added {
                assert_eq!(line.old, Some(at as u32 + 1));
                assert_eq!(line_text(line).trim_end_matches('\n'), old[at].trim_end_matches('\n'));
                at += 1;
            }
            if line.kind != LineKind::Removed {
                assert_eq!(line.new, Some(new.len() as u32 + 1));
                // Only changed lines say whether they end with a newline.
                new.push(if line.kind == LineKind::Same { old[at - 1].clone() } else { line_text(line) });
            }
        }
    }
    assert_eq!(diff.folded_after as usize, old.len() - at);
    new.extend_from_slice(&old[at..]);
    new.concat()
}

/// What `patch` does with a unified diff.
fn patch(patch: &str, old: &str) -> String {
    let old = lines(old);
    let mut new: Vec<String> = Vec::new();
    let mut at = 0;
    let mut patch = patch.split_inclusive('\n').skip(2).peekable();
    while let Some(line) = patch.next() {
        let (sign, text) = line.split_at(1);
        let is_last = patch.peek().is_some_and(|next| next.starts_with('\\'));
        let text = if is_last { text.trim_end_matches('\n') } else { text };
        match sign {
            "@" => {
                let (start, count) = line[4..].split_once(' ').unwrap().0.split_once(',').unwrap();
                let start: usize = start.parse().unwrap();
                let start = if count == "0" { start } else { start - 1 };
                new.extend_from_slice(&old[at..start]);
                at = start;
            }
            "+" => new.push(text.to_owned()),
            "\\" => {}
            _ => {
                assert_eq!(text, old[at]);
                at += 1;
                if sign == " " {
                    new.push(text.to_owned());
                }
            }
        }
    }
    new.extend_from_slice(&old[at..]);
    new.concat()
}

proptest! {
    #[test]
    fn the_difference_applied_to_the_old_text_gives_the_new_one(
        old in any_text(),
        new in any_text(),
        context in 0..5_u32,
    ) {
        let diff = diff(&old, &new, DiffView { context, max_lines: u32::MAX });
        prop_assert_eq!(apply(&diff, &old), new);
    }

    #[test]
    fn opened_lines_change_what_is_shown_and_not_what_differs(
        old in any_text(),
        new in any_text(),
        ranges in prop::collection::vec((0..45_u32, 0..45_u32), 0..4),
    ) {
        let opened = ranges.iter().fold(Opened::default(), |opened, (first, last)| opened.with(*first, *last));
        let shown = diff_opened(&old, &new, WHOLE, &opened);
        prop_assert_eq!(apply(&shown, &old), new.clone());
        prop_assert_eq!((shown.added, shown.removed), count(&old, &new));
        let numbers: Vec<u32> =
            shown.hunks.iter().flat_map(|hunk| &hunk.lines).filter_map(|line| line.old).collect();
        let wanted = opened.ranges().iter().flat_map(|(first, last)| *first..=*last);
        for number in wanted.filter(|number| *number <= lines(&old).len() as u32) {
            prop_assert!(numbers.contains(&number), "line {number} is opened");
        }
        let changed = |diff: &TextDiff| diff.hunks.iter().flat_map(|hunk| &hunk.lines)
            .filter(|line| line.kind != LineKind::Same).cloned().collect::<Vec<_>>();
        prop_assert_eq!(changed(&shown), changed(&diff(&old, &new, WHOLE)));
    }

    #[test]
    fn every_line_is_counted_once(old in any_text(), new in any_text(), context in 0..5_u32, max_lines in 0..30_u32) {
        let diff = diff(&old, &new, DiffView { context, max_lines });
        prop_assert_eq!(count(&old, &new), (diff.added, diff.removed));
        let (old_lines, new_lines) = (lines(&old).len() as u32, lines(&new).len() as u32);
        prop_assert_eq!(old_lines + diff.added, new_lines + diff.removed);

        let shown = |kind| diff.hunks.iter().flat_map(|hunk| &hunk.lines).filter(|line| line.kind == kind).count();
        let folded: u32 = diff.hunks.iter().map(|hunk| hunk.folded_before).sum();
        prop_assert_eq!(shown(LineKind::Same) as u32 + folded + diff.folded_after, old_lines - diff.removed);
        prop_assert!(diff.hunks.iter().map(|hunk| hunk.lines.len()).sum::<usize>() <= max_lines as usize);
        if diff.hunks_left_out == 0 {
            prop_assert_eq!(shown(LineKind::Added) as u32, diff.added);
            prop_assert_eq!(shown(LineKind::Removed) as u32, diff.removed);
        }
    }

    #[test]
    fn a_unified_diff_patches_the_old_text(old in any_text(), new in any_text()) {
        prop_assert_eq!(patch(&unified("old", "new", &old, &new), &old), new);
    }
}

#[test]
fn opening_a_long_fold_shows_no_more_of_it_than_a_page_holds_and_no_change_less() {
    let old = (1..=100).map(|line| format!("line {line}\n")).collect::<Vec<_>>().concat();
    let new = old.replace("line 90\n", "line ninety\n");
    let view = DiffView { context: 3, max_lines: 10 };
    let shown = diff_opened(&old, &new, view, &Opened::parse("1-80"));
    assert_eq!(shown.hunks_left_out, 0);
    let lengths: Vec<_> = shown.hunks.iter().map(|hunk| (hunk.folded_before, hunk.lines.len())).collect();
    assert_eq!(lengths, [(0, 10), (76, 8)]);
    assert_eq!(shown.folded_after, 7);
}

fn changed(diff: &TextDiff) -> Vec<String> {
    let mark = |span: &DiffSpan| if span.marked { format!("[{}]", span.text) } else { span.text.clone() };
    diff.hunks
        .iter()
        .flat_map(|hunk| &hunk.lines)
        .filter(|line| line.kind != LineKind::Same)
        .map(|line| {
            let sign = if line.kind == LineKind::Added { '+' } else { '-' };
            line.spans.iter().fold(String::from(sign), |text, span| text + &mark(span))
        })
        .collect()
}

#[test]
fn the_words_that_changed_are_marked() {
    let old = "interface Gi0/1\n description to core\n ip address 10.0.0.1 255.255.255.0\n no shutdown\n";
    let new = "interface Gi0/1\n description to edge\n ip address 10.0.0.2 255.255.255.0\n shutdown\n";
    assert_eq!(
        changed(&diff(old, new, WHOLE)),
        [
            "- description to [core]",
            "- ip address [10.0.0.1] 255.255.255.0",
            "- [no ]shutdown",
            "+ description to [edge]",
            "+ ip address [10.0.0.2] 255.255.255.0",
            "+ shutdown",
        ]
    );
}

#[test]
fn lines_with_little_in_common_are_not_marked() {
    assert_eq!(
        changed(&diff("hostname core\n", "ntp server 10.0.0.9\n", WHOLE)),
        ["-hostname core", "+ntp server 10.0.0.9"]
    );
}

#[test]
fn a_line_put_before_a_changed_one_does_not_take_its_place() {
    let old = "logging host 10.0.0.1\n";
    let new = "banner motd hello\nlogging host 10.0.0.2\n";
    assert_eq!(
        changed(&diff(old, new, WHOLE)),
        ["-logging host [10.0.0.1]", "+banner motd hello", "+logging host [10.0.0.2]"]
    );
}

#[test]
fn a_change_of_indentation_shows() {
    assert_eq!(changed(&diff(" vlan 7\n", "  vlan 7\n", WHOLE)), ["-[ ]vlan 7", "+[  ]vlan 7"]);
}

#[test]
fn a_lost_last_newline_is_a_change_that_shows() {
    assert_eq!(changed(&diff("end\n", "end", WHOLE)), ["-end", "+end[ (no line end)]"]);
}

#[test]
fn equal_texts_have_no_difference() {
    let text = "a\nb\nc";
    assert_eq!(diff(text, text, WHOLE), TextDiff { folded_after: 3, ..TextDiff::default() });
    assert_eq!(diff("", "", WHOLE), TextDiff::default());
    assert_eq!(unified("a", "b", text, text), "");
}

#[test]
fn a_first_version_is_all_new() {
    let diff = diff("", "a\nb\n", WHOLE);
    assert_eq!((diff.added, diff.removed), (2, 0));
    assert_eq!(changed(&diff), ["+a", "+b"]);
    assert_eq!(unified("/dev/null", "b", "", "a\nb\n"), "--- /dev/null\n+++ b\n@@ -0,0 +1,2 @@\n+a\n+b\n");
}

#[test]
fn changes_far_apart_are_folded_between() {
    let numbered = |changed: &[u32]| {
        let line = |n| if changed.contains(&n) { format!("{n} x") } else { n.to_string() };
        (1..=40).map(line).collect::<Vec<_>>().join("\n")
    };
    let diff = diff(&numbered(&[]), &numbered(&[10, 30]), WHOLE);
    let folds: Vec<u32> = diff.hunks.iter().map(|hunk| hunk.folded_before).collect();
    assert_eq!((folds, diff.folded_after), (vec![6, 13], 7));
    assert_eq!(diff.hunks[1].lines[0].old, Some(27));
}

#[test]
fn what_does_not_fit_on_a_page_is_counted() {
    let old = (0..100).map(|n| format!("line {n}")).collect::<Vec<_>>().join("\n") + "\n";
    let new = old.replace("0\n", "0 changed\n");
    let diff = diff(&old, &new, DiffView { context: 0, max_lines: 5 });
    assert_eq!((diff.added, diff.removed), (10, 10));
    assert_eq!(diff.hunks.iter().map(|hunk| hunk.lines.len()).sum::<usize>(), 5);
    // The third is cut in two, seven are not shown at all.
    assert_eq!((diff.hunks.len(), diff.hunks_left_out), (3, 8));
}

#[test]
fn a_unified_diff_says_where_a_newline_is_missing() {
    assert_eq!(
        unified("core 1/running", "b\nc", "a\nend\n", "a\nend"),
        "--- core 1/running\t\n+++ b_c\n@@ -1,2 +1,2 @@\n a\n-end\n+end\n\\ No newline at end of file\n"
    );
}
