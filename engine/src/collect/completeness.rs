//! Whether a part's text is whole.

use super::driver::Completeness;
use super::failure::excerpt;

/// Checks `text` against its rule; the error is one sentence that says what is missing.
pub(super) fn check(rule: &Completeness, text: &str) -> Result<(), String> {
    let part = &rule.part;
    let lines = text.lines().filter(|line| !line.trim().is_empty()).count();
    if lines < rule.min_lines.max(1) {
        let least = rule.min_lines.max(1);
        return Err(format!("The part {part} has {lines} lines, and at least {least} are expected."));
    }
    if let Some(marker) = &rule.end_marker {
        let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        if !marker.is_match(last.trim_end()) {
            let last = excerpt(last, 60);
            return Err(format!(
                "The part {part} does not end with its end marker; its last line is “{last}”."
            ));
        }
    }
    if rule.braces {
        let depth = brace_depth(text);
        if depth != 0 {
            let what = if depth > 0 { "are not closed" } else { "are closed too often" };
            return Err(format!("The part {part} was cut: {} braces {what}.", depth.unsigned_abs()));
        }
    }
    if let Some(missing) = rule.required.iter().find(|regex| !regex.is_match(text)) {
        return Err(format!("The part {part} lacks what must be in it: `{missing}`."));
    }
    if let Some(found) = rule.forbidden.iter().find_map(|regex| regex.find(text)) {
        let found = excerpt(found.as_str(), 80);
        return Err(format!("The part {part} holds what must not be in it: “{found}”."));
    }
    Ok(())
}

/// How many braces are open at the end. Those in quotes or behind a backslash are text; a quote reaches across
/// lines, as in F5's iRules and Junos' messages.
fn brace_depth(text: &str) -> i64 {
    let (mut depth, mut is_quoted, mut is_escaped) = (0_i64, false, false);
    for byte in text.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b'{' if !is_quoted => depth += 1,
            b'}' if !is_quoted => depth -= 1,
            _ => {}
        }
    }
    depth
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
            required: Vec::new(),
            forbidden: Vec::new(),
        }
    }

    fn ends_with_end() -> Completeness {
        Completeness { end_marker: Regex::new(r"\A(?:end)\z").ok(), ..rule() }
    }

    #[test]
    fn a_text_without_its_end_marker_is_incomplete() {
        assert!(check(&ends_with_end(), "hostname a\nend\n\n").is_ok());
        let message = check(&ends_with_end(), "hostname a\ninterface Gi0/1\n").unwrap_err();
        assert_eq!(
            message,
            "The part running does not end with its end marker; its last line is “interface Gi0/1”."
        );
        assert!(check(&ends_with_end(), "hostname a\n description the end\n").is_err());
    }

    #[test]
    fn an_empty_text_is_never_complete() {
        assert!(check(&Completeness { min_lines: 0, ..rule() }, " \n\n").is_err());
    }

    #[test]
    fn braces_in_quotes_are_text() {
        let rule = Completeness { braces: true, ..rule() };
        assert!(check(&rule, "ltm pool p {\n description \"a } \\\" {\"\n}\n").is_ok());
        assert!(
            check(&rule, "ltm pool p {\n members {\n }\n").unwrap_err().contains("1 braces are not closed")
        );
    }

    #[test]
    fn forbidden_text_anywhere_is_refused_and_required_text_must_be_there() {
        let forbidden = Completeness { forbidden: vec![Regex::new("(?m)^%Error").unwrap()], ..rule() };
        assert!(check(&forbidden, "a\n%Error reading nvram\nb\n").is_err());
        let required = Completeness { required: vec![Regex::new("(?m)^version ").unwrap()], ..rule() };
        assert!(check(&required, "hostname a\n").is_err());
        assert!(check(&required, "version 15\nhostname a\n").is_ok());
    }

    proptest! {
        #[test]
        fn a_text_cut_anywhere_before_its_end_marker_is_incomplete(
            lines in proptest::collection::vec("[a-z ]{1,20}", 1..10), cut in 0_usize..200,
        ) {
            let whole = format!("{}\nend\n", lines.iter().map(|line| format!("!{line}")).collect::<Vec<_>>().join("\n"));
            // What is missing must be more than the newline at the end.
            let cut = cut.min(whole.len() - 2);
            prop_assert!(check(&ends_with_end(), &whole).is_ok());
            prop_assert!(check(&ends_with_end(), &whole[..cut]).is_err());
        }
    }
}
