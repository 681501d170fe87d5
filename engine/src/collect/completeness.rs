//! Whether a part's text is whole.

use super::driver::{Block, Completeness};
use super::failure::excerpt;

/// One demand of a rule: its key in the driver, whether the rule has it, and how it is checked.
struct Demand {
    key: &'static str,
    is_made: fn(&Completeness) -> bool,
    check: fn(&Completeness, &str, &str) -> Result<(), String>,
}

const DEMANDS: [Demand; 6] = [
    Demand { key: "min_lines", is_made: |_| true, check: enough_lines },
    Demand { key: "end_marker", is_made: |rule| rule.end_marker.is_some(), check: end_marker },
    Demand { key: "braces", is_made: |rule| rule.braces, check: braces },
    Demand { key: "blocks", is_made: |rule| !rule.blocks.is_empty(), check: blocks },
    Demand { key: "required", is_made: |rule| !rule.required.is_empty(), check: required },
    Demand { key: "forbidden", is_made: |rule| !rule.forbidden.is_empty(), check: forbidden },
];

/// Checks the text of `part` against its rule; the error is one sentence that says what is missing.
pub(super) fn check(rule: &Completeness, part: &str, text: &str) -> Result<(), String> {
    DEMANDS.iter().try_for_each(|demand| (demand.check)(rule, part, text))
}

/// What is demanded of every part, whether it has a rule or not.
pub(super) fn not_empty(part: &str, text: &str) -> Result<(), String> {
    if text.is_empty() { Err(format!("The part {part} is empty.")) } else { Ok(()) }
}

/// Every demand that `rule` makes, and why it does not hold where it does not.
pub(super) fn findings(rule: &Completeness, part: &str, text: &str) -> Vec<(&'static str, Option<String>)> {
    let made = DEMANDS.iter().filter(|demand| (demand.is_made)(rule));
    made.map(|demand| (demand.key, (demand.check)(rule, part, text).err())).collect()
}

fn enough_lines(rule: &Completeness, part: &str, text: &str) -> Result<(), String> {
    let needed = rule.min_lines.max(1);
    let lines = text.lines().filter(|line| !line.trim().is_empty()).take(needed).count();
    if lines < needed {
        return Err(format!("The part {part} has {lines} lines, and at least {needed} are expected."));
    }
    Ok(())
}

fn end_marker(rule: &Completeness, part: &str, text: &str) -> Result<(), String> {
    let Some(marker) = &rule.end_marker else { return Ok(()) };
    let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if !marker.is_match(last.trim_end()) {
        let last = excerpt(last, 60);
        return Err(format!("The part {part} does not end with its end marker; its last line is “{last}”."));
    }
    Ok(())
}

fn braces(rule: &Completeness, part: &str, text: &str) -> Result<(), String> {
    let depth = if rule.braces { brace_depth(text) } else { 0 };
    if depth != 0 {
        let what = if depth > 0 { "are not closed" } else { "are closed too often" };
        return Err(format!("The part {part} was cut: {} braces {what}.", depth.unsigned_abs()));
    }
    Ok(())
}

fn blocks(rule: &Completeness, part: &str, text: &str) -> Result<(), String> {
    rule.blocks.iter().try_for_each(|block| check_blocks(block, part, text))
}

fn required(rule: &Completeness, part: &str, text: &str) -> Result<(), String> {
    match rule.required.iter().find(|regex| !regex.is_match(text)) {
        Some(missing) => Err(format!("The part {part} lacks what must be in it: `{missing}`.")),
        None => Ok(()),
    }
}

fn forbidden(rule: &Completeness, part: &str, text: &str) -> Result<(), String> {
    match rule.forbidden.iter().find_map(|regex| regex.find(text)) {
        Some(found) => {
            let found = excerpt(found.as_str(), 80);
            Err(format!("The part {part} holds what must not be in it: “{found}”."))
        }
        None => Ok(()),
    }
}

/// Every block that is opened is closed, and none is closed that was not opened.
fn check_blocks(block: &Block, part: &str, text: &str) -> Result<(), String> {
    let mut depth = 0_u64;
    for line in text.lines() {
        if block.open.is_match(line) {
            depth += 1;
        } else if block.close.is_match(line) {
            depth = depth.checked_sub(1).ok_or_else(|| {
                format!("The part {part} closes a block that was never opened: “{}”.", excerpt(line, 60))
            })?;
        }
    }
    if depth == 0 { Ok(()) } else { Err(format!("The part {part} was cut: {depth} blocks are not closed.")) }
}

/// How many blocks are open at the end: a line that ends in `{` opens one, and each `}` at the beginning of a line closes
/// one. What stands within lines is text: quotes, escapes and comments differ from platform to platform, and within the
/// scripts of an F5 they need not even be closed.
fn brace_depth(text: &str) -> i64 {
    text.lines()
        .map(str::trim)
        .map(|line| {
            let closed = line.bytes().take_while(|byte| *byte == b'}').count();
            i64::from(line.ends_with('{')) - i64::try_from(closed).unwrap_or(i64::MAX)
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use regex::Regex;

    fn rule() -> Completeness {
        Completeness {
            part: "running".into(),
            end_marker: None,
            min_lines: 1,
            braces: false,
            blocks: Vec::new(),
            max_shrink: 50,
            required: Vec::new(),
            forbidden: Vec::new(),
        }
    }

    fn ends_with_end() -> Completeness {
        Completeness { end_marker: Regex::new(r"\A(?:end)\z").ok(), ..rule() }
    }

    #[test]
    fn a_text_without_its_end_marker_is_incomplete() {
        assert!(check(&ends_with_end(), "running", "hostname a\nend\n\n").is_ok());
        let message = check(&ends_with_end(), "running", "hostname a\ninterface Gi0/1\n").unwrap_err();
        assert_eq!(
            message,
            "The part running does not end with its end marker; its last line is “interface Gi0/1”."
        );
        assert!(check(&ends_with_end(), "running", "hostname a\n description the end\n").is_err());
    }

    #[test]
    fn an_empty_text_is_never_complete() {
        assert!(check(&Completeness { min_lines: 0, ..rule() }, "running", " \n\n").is_err());
    }

    #[test]
    fn braces_within_lines_are_text() {
        let rule = Completeness { braces: true, ..rule() };
        let script = "ltm rule r {\n if { [x] } {\n # a lone \" and { here\n } else {\n }\n}\n";
        assert!(check(&rule, "running", script).is_ok());
        assert!(check(&rule, "running", "bof {\n path \"cf3:\\timos\\\"\n}\n").is_ok());
        assert!(check(&rule, "running", "ltm pool p {\n description \"a } \\\" {\"\n}\n").is_ok());
        assert!(
            check(&rule, "running", "ltm pool p {\n members {\n }\n")
                .unwrap_err()
                .contains("1 braces are not closed")
        );
    }

    #[test]
    fn every_block_is_closed_and_none_too_often() {
        let block = Block { open: Regex::new("^ *config ").unwrap(), close: Regex::new("^ *end$").unwrap() };
        let rule = Completeness { blocks: vec![block], ..rule() };
        assert!(check(&rule, "running", "config a\n config b\n end\nend\n").is_ok());
        assert!(
            check(&rule, "running", "config a\n config b\n end\n").unwrap_err().contains("1 blocks are not")
        );
        assert!(check(&rule, "running", "config a\nend\nend\n").unwrap_err().contains("never opened"));
    }

    #[test]
    fn forbidden_text_anywhere_is_refused_and_required_text_must_be_there() {
        let forbidden = Completeness { forbidden: vec![Regex::new("(?m)^%Error").unwrap()], ..rule() };
        assert!(check(&forbidden, "running", "a\n%Error reading nvram\nb\n").is_err());
        let required = Completeness { required: vec![Regex::new("(?m)^version ").unwrap()], ..rule() };
        assert!(check(&required, "running", "hostname a\n").is_err());
        assert!(check(&required, "running", "version 15\nhostname a\n").is_ok());
    }

    proptest! {
        #[test]
        fn a_text_cut_anywhere_before_its_end_marker_is_incomplete(
            lines in proptest::collection::vec("[a-z ]{1,20}", 1..10), cut in 0_usize..200,
        ) {
            let whole = format!("{}\nend\n", lines.iter().map(|line| format!("!{line}")).collect::<Vec<_>>().join("\n"));
            // What is missing must be more than the newline at the end.
            let cut = cut.min(whole.len() - 2);
            prop_assert!(check(&ends_with_end(), "running", &whole).is_ok());
            prop_assert!(check(&ends_with_end(), "running", &whole[..cut]).is_err());
        }
    }
}
