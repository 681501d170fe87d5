//! Collects what is wrong with each field of a form, so that a person sees all of it at once.

use crate::error::{FieldError, UserError};

/// The field errors found so far.
#[derive(Default)]
pub(crate) struct Fields(Vec<FieldError>);

impl Fields {
    /// Notes that `field` is wrong.
    pub(crate) fn wrong(&mut self, field: &str, message: impl Into<String>) {
        self.0.push(FieldError { field: field.to_owned(), message: message.into() });
    }

    /// The value, or its message noted against `field`.
    pub(crate) fn check<T>(&mut self, field: &str, value: Result<T, String>) -> Option<T> {
        value.map_err(|message| self.wrong(field, message)).ok()
    }

    /// `Ok` when nothing was wrong.
    pub(crate) fn finish(self) -> Result<(), UserError> {
        if self.0.is_empty() { Ok(()) } else { Err(UserError::in_fields(self.0)) }
    }
}

/// A required short text: trimmed, not empty, at most `longest` characters, no control characters.
pub(crate) fn short_text(what: &str, value: &str, longest: usize) -> Result<String, String> {
    let value = value.trim();
    if value.is_empty() {
        return Err(format!("{what} is missing."));
    }
    optional_text(what, value, longest)
}

/// Like [`short_text`], but may be empty.
pub(crate) fn optional_text(what: &str, value: &str, longest: usize) -> Result<String, String> {
    text(what, value, longest, |c| !c.is_control())
}

/// Free text, which may have lines and tabs.
pub(crate) fn long_text(what: &str, value: &str, longest: usize) -> Result<String, String> {
    text(what, value, longest, |c| !c.is_control() || matches!(c, '\n' | '\r' | '\t'))
}

fn text(what: &str, value: &str, longest: usize, allowed: impl Fn(char) -> bool) -> Result<String, String> {
    let value = value.trim();
    if value.chars().count() > longest {
        return Err(format!("{what} is longer than {longest} characters."));
    }
    if !value.chars().all(allowed) {
        return Err(format!("{what} has a control character in it."));
    }
    Ok(value.to_owned())
}

/// A whole number within `range`; an empty text is `default`.
pub(crate) fn number(
    what: &str,
    value: &str,
    range: std::ops::RangeInclusive<u32>,
    default: Option<u32>,
) -> Result<u32, String> {
    let wrong = || format!("{what} takes a whole number from {} to {}.", range.start(), range.end());
    match (value.trim(), default) {
        ("", Some(default)) => Ok(default),
        (value, _) => value.parse().ok().filter(|number| range.contains(number)).ok_or_else(wrong),
    }
}

/// The one of `all` whose `as_str` is this name, in any case.
pub(crate) fn by_name<T: Copy>(
    what: &str,
    name: &str,
    all: &[T],
    as_str: fn(T) -> &'static str,
) -> Result<T, String> {
    let folded = name.trim().to_lowercase();
    all.iter()
        .copied()
        .find(|one| as_str(*one) == folded)
        .ok_or_else(|| unknown_name(what, name, all.iter().map(|one| as_str(*one))))
}

/// The sentence for a name that is not among the known ones.
pub(crate) fn unknown_name<'a>(what: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    format!("\"{}\" is not a {what}; use one of: {}.", shortened(name.trim()), known.join(", "))
}

/// At most 60 characters of `text`, for messages.
pub(crate) fn shortened(text: &str) -> String {
    if text.chars().count() <= 60 {
        return text.to_owned();
    }
    text.chars().take(59).chain(['…']).collect()
}
