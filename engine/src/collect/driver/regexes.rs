//! Compiling a driver's regexes: bounded in size, with the line of a wrong one.

use std::cell::Cell;

use regex::{Regex, RegexBuilder};

use super::DriverError;
use super::file::Text;

/// A compiled regex may take this much memory, the last of these; a person's driver must not exhaust the program. A small
/// one is compiled within a small limit, so that little is set down for it.
const SIZE_LIMITS: [usize; 3] = [1 << 16, 1 << 18, 1 << 20];

/// All regexes of a driver together may take this much. Compiling so many takes about a second.
const BUDGET: usize = 1 << 26;

/// Turns places in a driver's text into line numbers, and what is written there into regexes.
pub(super) struct Source {
    /// Where lines begin.
    lines: Vec<usize>,
    /// What is left of [`BUDGET`].
    budget: Cell<usize>,
}

impl Source {
    pub(super) fn new(text: &str) -> Self {
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines = std::iter::once(0).chain(newlines.map(|(at, _)| at + 1)).collect();
        Self { lines, budget: Cell::new(BUDGET) }
    }

    /// The line of byte `offset`, counted from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.lines.partition_point(|start| *start <= offset)
    }

    /// What is wrong with the text at `at`.
    pub(super) fn error<T>(&self, at: &toml::Spanned<T>, message: impl Into<String>) -> DriverError {
        self.error_at(at.span().start, message)
    }

    /// What is wrong with the text at byte `offset`.
    pub(super) fn error_at(&self, offset: usize, message: impl Into<String>) -> DriverError {
        DriverError { line: Some(self.line(offset)), message: message.into() }
    }

    /// [`Self::whole_line`] for a pattern of our own.
    #[expect(clippy::unused_self, reason = "stands beside the regexes of the file")]
    pub(super) fn usual(&self, pattern: &str) -> Result<Regex, DriverError> {
        Regex::new(&format!(r"\A(?:{pattern})\z")).map_err(|error| DriverError {
            line: None,
            message: format!("The regex is wrong: {}.", reason(&error)),
        })
    }

    /// A regex that is searched for in a whole text; `^` and `$` match at every line.
    pub(super) fn search(&self, pattern: &Text) -> Result<Regex, DriverError> {
        self.compile(pattern, pattern.get_ref())
    }

    /// A regex that must match one whole line.
    pub(super) fn whole_line(&self, pattern: &Text) -> Result<Regex, DriverError> {
        // The pattern alone first: "a)(b" must not become valid by our own parentheses.
        self.compile(pattern, pattern.get_ref())?;
        self.compile(pattern, &format!(r"\A(?:{})\z", pattern.get_ref()))
    }

    /// [`Self::search`] for each.
    pub(super) fn searches(&self, patterns: &[Text]) -> Result<Vec<Regex>, DriverError> {
        patterns.iter().map(|pattern| self.search(pattern)).collect()
    }

    fn compile(&self, place: &Text, pattern: &str) -> Result<Regex, DriverError> {
        let within = |limit: usize| RegexBuilder::new(pattern).multi_line(true).size_limit(limit).build();
        let [small, middle, large] = SIZE_LIMITS;
        let is_too_large =
            |tried: &Result<Regex, regex::Error>| matches!(tried, Err(regex::Error::CompiledTooBig(_)));
        let mut limit = small;
        let mut tried = within(limit);
        for larger in [middle, large] {
            if is_too_large(&tried) {
                limit = larger;
                tried = within(limit);
            }
        }
        let regex =
            tried.map_err(|error| self.error(place, format!("The regex is wrong: {}.", reason(&error))))?;
        let left = self.budget.get().checked_sub(limit).ok_or_else(|| {
            self.error(
                place,
                "The regexes up to here take too much memory together; use fewer or simpler ones.",
            )
        })?;
        self.budget.set(left);
        if regex.is_match("") {
            return Err(self.error(place, "The regex matches an empty text, so it would match everywhere."));
        }
        Ok(regex)
    }
}

/// The last line of a regex error says what is wrong; the lines before it draw the place.
fn reason(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.trim().trim_start_matches("error: ").trim_end_matches('.').to_owned()
}
