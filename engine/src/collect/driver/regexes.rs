//! Compiling a driver's regexes: bounded in size, with the line of a wrong one.

use regex::{Regex, RegexBuilder};

use super::DriverError;
use super::file::Text;

/// A compiled regex may take this much memory; a person's driver must not exhaust the program.
const SIZE_LIMIT: usize = 1 << 20;

/// Turns places in a driver's text into line numbers.
pub(super) struct Source<'a>(pub(super) &'a str);

impl Source<'_> {
    /// The line of byte `offset`, counted from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.0.bytes().zip(0..offset).filter(|(byte, _)| *byte == b'\n').count() + 1
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
        let regex = RegexBuilder::new(pattern)
            .multi_line(true)
            .size_limit(SIZE_LIMIT)
            .build()
            .map_err(|error| self.error(place, format!("The regex is wrong: {}.", reason(&error))))?;
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
