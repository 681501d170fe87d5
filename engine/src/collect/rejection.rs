//! Answers that are an error message instead of what was asked for.

use regex::Regex;

/// A device rejects a command in the first or the last lines of its answer. Further inside, the same words are
/// text: a banner may well quote an error.
const FIRST_LINES: usize = 8;
const LAST_LINES: usize = 4;

/// The line of `answer` that rejects the command.
pub(super) fn rejecting_line<'a>(patterns: &[Regex], answer: &'a str) -> Option<&'a str> {
    let is_rejection = |line: &&str| patterns.iter().any(|pattern| pattern.is_match(line));
    let lines = || answer.lines().filter(|line| !line.trim().is_empty());
    lines().take(FIRST_LINES).find(is_rejection).or_else(|| lines().rev().take(LAST_LINES).find(is_rejection))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_a_rejection_at_the_edges_of_an_answer_only() {
        let patterns = [Regex::new(r"^% Invalid input").unwrap()];
        let filler = "! text\n".repeat(20);
        let found = |answer: &str| rejecting_line(&patterns, answer).is_some();
        assert!(found("            ^\n% Invalid input detected at '^' marker.\n"));
        assert!(found(&format!("{filler}% Invalid input\n\n")));
        assert!(!found(&format!("{filler}% Invalid input\n{filler}")));
    }
}
