//! Why a device's collection ended without a text.

use etiqa_model::class::Class;
use etiqa_model::shown::misleads;

/// A class and one sentence. Every step of a session ends in one of these or goes on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    /// What kind of end it is; says whether a retry makes sense.
    pub(crate) class: Class,
    /// What happened, naming the command or the part.
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(class: Class, message: impl Into<String>) -> Self {
        Self { class, message: message.into() }
    }
}

/// What a step of a session gives.
pub(crate) type Step<T> = Result<T, Failure>;

/// At most `limit` characters of the first non-blank line of `text`, for messages; without what a terminal or a page would
/// obey.
pub(crate) fn excerpt(text: &str, limit: usize) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let mut short: String = line.chars().filter(|c| !misleads(*c)).take(limit).collect();
    if short.len() < line.len() {
        short.push('…');
    }
    short
}
