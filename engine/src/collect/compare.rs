//! The text that is compared: spans that change by themselves are replaced, so that they make no version.

use std::borrow::Cow;

use super::driver::{Driver, is_part_of};
use super::redact::replace_groups;

pub(super) const PLACEHOLDER: &str = "<volatile>";

/// `text` of `part` with the driver's volatile spans replaced. Two collections whose compared texts are equal differ
/// in nothing that a person configured.
pub fn compare_text<'a>(driver: &Driver, part: &str, text: &'a str) -> Cow<'a, str> {
    let rules =
        driver.volatile.iter().filter(|rule| rule.part.as_deref().is_none_or(|only| is_part_of(only, part)));
    let mut compared = Cow::Borrowed(text);
    for rule in rules {
        if let Some(replaced) = replace_groups(&rule.pattern, &compared, |text, span| {
            // Whole lines leave nothing behind, so that a line may come and go.
            let with = if text[span.clone()].ends_with('\n') { "" } else { PLACEHOLDER };
            (span, with)
        }) {
            compared = Cow::Owned(replaced);
        }
    }
    compared
}
