//! The unified format, which `patch` and every reviewer's tool understand.

use std::fmt::{self, Write};

use etiqa_model::shown::misleads;

use super::{Changes, Hunk};

/// Unchanged lines around each change, as `diff -u` has them.
const CONTEXT: u32 = 3;

/// What changed from `old` to `new` as a unified diff that `patch` applies; empty for equal texts.
///
/// The format is that of GNU diffutils (its manual, "Detailed Description of Unified Format").
pub fn unified(old_name: &str, new_name: &str, old: &str, new: &str) -> String {
    let changes = Changes::between(old, new);
    let mut text = String::new();
    let hunks = changes.hunks(CONTEXT, &[]);
    if !hunks.is_empty() {
        // Writing to a String does not fail.
        let _ = write(&mut text, old_name, new_name, &changes, &hunks);
    }
    text
}

fn write(
    text: &mut String,
    old_name: &str,
    new_name: &str,
    changes: &Changes<'_>,
    hunks: &[Hunk],
) -> fmt::Result {
    writeln!(text, "--- {}", file_name(old_name))?;
    writeln!(text, "+++ {}", file_name(new_name))?;
    for hunk in hunks {
        let start =
            |range: &std::ops::Range<u32>| if range.is_empty() { range.start } else { range.start + 1 };
        let (old_start, new_start) = (start(&hunk.old), start(&hunk.new));
        writeln!(text, "@@ -{old_start},{} +{new_start},{} @@", hunk.old.len(), hunk.new.len())?;
        let mut old = hunk.old.start;
        for change in &hunk.changes {
            (old..change.before.start).for_each(|line| push(text, ' ', changes.old_line(line)));
            change.before.clone().for_each(|line| push(text, '-', changes.old_line(line)));
            change.after.clone().for_each(|line| push(text, '+', changes.new_line(line)));
            old = change.before.end;
        }
        (old..hunk.old.end).for_each(|line| push(text, ' ', changes.old_line(line)));
    }
    Ok(())
}

fn push(text: &mut String, sign: char, line: &str) {
    text.push(sign);
    text.push_str(line);
    if !line.ends_with('\n') {
        text.push_str("\n\\ No newline at end of file\n");
    }
}

/// `patch` reads a name up to a tab, so a tab behind it lets it have spaces. Control characters would end the line or
/// hide in it.
fn file_name(name: &str) -> String {
    let name: String = name.chars().map(|c| if misleads(c) { '_' } else { c }).collect();
    if name.contains(' ') { name + "\t" } else { name }
}
