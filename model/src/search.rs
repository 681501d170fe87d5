//! Searching the active configurations of all devices: what a person asks, and what was found.

use serde::{Deserialize, Serialize};

use crate::config::DiffSpan;
use crate::device::DeviceType;
use crate::field::{Fields, number, optional_text};
use crate::{DeviceId, UserError};

/// Characters of what is searched for; a longer one is no line of a configuration.
const LONGEST: usize = 1_000;
/// Lines around a hit, at most.
pub const MOST_CONTEXT: u32 = 5;

/// A search as a person fills it in: a form, an address, flags of the command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SearchInput {
    /// What is searched for.
    pub text: String,
    /// It is a regular expression.
    pub regex: bool,
    /// Upper and lower case are two things.
    pub match_case: bool,
    /// Only devices of this type; a [`DeviceType`] name or alias.
    pub device_type: String,
    /// Only devices of this site.
    pub site: String,
    /// Only devices with this tag.
    pub tag: String,
    /// Only this part, such as `running`.
    pub part: String,
    /// Lines around each hit, 0 to [`MOST_CONTEXT`].
    pub context: String,
    /// Goes on after this device, where a page before ended.
    pub after: String,
}

impl Default for SearchInput {
    fn default() -> Self {
        let empty = String::new;
        Self {
            text: empty(),
            regex: false,
            match_case: false,
            device_type: empty(),
            site: empty(),
            tag: empty(),
            part: empty(),
            context: "1".into(),
            after: empty(),
        }
    }
}

/// What the text of a search is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern {
    /// Characters that stand in a line as they are.
    Text,
    /// A regular expression that matches within a line.
    Regex,
}

/// Whether upper and lower case are two things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// They are one.
    Any,
    /// They are two.
    Exact,
}

/// A search that can be done; made only by [`SearchInput::parse`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// What is searched for.
    pub text: String,
    /// What that is.
    pub pattern: Pattern,
    /// Whether upper and lower case are two things.
    pub case: Case,
    /// Only devices of this type.
    pub device_type: Option<DeviceType>,
    /// Only devices of this site.
    pub site: Option<String>,
    /// Only devices with this tag.
    pub tag: Option<String>,
    /// Only this part.
    pub part: Option<String>,
    /// Lines around each hit.
    pub context: u32,
    /// Goes on after this device.
    pub after: Option<DeviceId>,
}

impl SearchInput {
    /// Checks every field but the regular expression itself; the error names each wrong one.
    pub fn parse(&self) -> Result<Search, UserError> {
        let mut fields = Fields::default();
        fields.check("text", checked(&self.text));
        let device_type = match self.device_type.trim() {
            "" => None,
            name => fields.check("device_type", DeviceType::parse(name)),
        };
        let site = fields.check("site", optional_text("The site", &self.site, 100));
        let tag = fields.check("tag", optional_text("The tag", &self.tag, 100));
        let part = fields.check("part", optional_text("The part", &self.part, 100));
        let context =
            fields.check("context", number("Lines around a hit", &self.context, 0..=MOST_CONTEXT, Some(1)));
        let after = match self.after.trim() {
            "" => None,
            id => fields
                .check("after", id.parse().map_err(|_| "This page of the search begins nowhere.".into())),
        };
        fields.finish()?;
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        Ok(Search {
            text: self.text.clone(),
            pattern: if self.regex { Pattern::Regex } else { Pattern::Text },
            case: if self.match_case { Case::Exact } else { Case::Any },
            device_type,
            site: filled(site),
            tag: filled(tag),
            part: filled(part),
            context: context.unwrap_or_default(),
            after,
        })
    }
}

/// Spaces around it may be what is searched for, so nothing is trimmed.
fn checked(text: &str) -> Result<(), String> {
    // Counted in bytes first: a text of many megabytes is not walked to say so.
    if text.len() > 4 * LONGEST || text.chars().count() > LONGEST {
        return Err(format!(
            "What is searched for is longer than {LONGEST} characters; a part of it finds the same."
        ));
    }
    if text.is_empty() {
        return Err("Say what to search for.".into());
    }
    if text.contains(['\n', '\r']) {
        return Err("A search looks at one line at a time; leave the line break out.".into());
    }
    Ok(())
}

/// What was found, device by device in the order of their names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchResults {
    /// Devices with hits.
    pub devices: Vec<DeviceHits>,
    /// Goes on after this device; none: every text was searched.
    pub more_after: Option<DeviceId>,
    /// The time for a search was over before the page was full or every text was searched.
    pub stopped_early: bool,
    /// Texts that could not be masked for a viewer, because their driver is gone; all that the search is narrowed to, on
    /// whatever page, and whatever is searched for.
    pub left_out: u64,
    /// Masked texts were searched.
    pub redacted: bool,
}

/// The hits of one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceHits {
    /// Which device.
    pub device_id: DeviceId,
    /// Its name.
    pub hostname: String,
    /// Its address.
    pub address: String,
    /// Its texts with hits, by part.
    pub texts: Vec<TextHits>,
}

/// The hits of one active text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextHits {
    /// `running`, `startup`, …
    pub part: String,
    /// The number of the version.
    pub version: u32,
    /// Lines with a hit, also those that are not shown.
    pub matching_lines: u64,
    /// Lines to show, in reading order: those with hits, and those around them.
    pub lines: Vec<HitLine>,
}

/// One line of a text with hits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HitLine {
    /// Its number, from 1.
    pub number: u32,
    /// Whether there is a hit in it; otherwise it stands near one.
    pub is_hit: bool,
    /// Its beginning is left out, because it is very long.
    pub cut_before: bool,
    /// Its end is left out.
    pub cut_after: bool,
    /// Its text in pieces, the hits marked.
    pub spans: Vec<DiffSpan>,
}

impl TextHits {
    /// Lines with a hit that are not shown.
    pub fn hidden_lines(&self) -> u64 {
        self.matching_lines.saturating_sub(self.lines.iter().filter(|line| line.is_hit).count() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut SearchInput)) -> (String, String) {
        let mut input = SearchInput { text: "ntp".into(), ..SearchInput::default() };
        change(&mut input);
        let error = input.parse().unwrap_err();
        (error.fields[0].field.clone(), error.fields[0].message.clone())
    }

    #[test]
    fn a_search_keeps_the_spaces_around_its_text() {
        let input = SearchInput { text: " permit ".into(), ..SearchInput::default() };
        let search = input.parse().unwrap();
        assert_eq!((search.text.as_str(), search.context), (" permit ", 1));
        assert_eq!((search.pattern, search.case), (Pattern::Text, Case::Any));
    }

    #[test]
    fn what_cannot_be_searched_for_is_refused_in_one_sentence_at_its_field() {
        assert_eq!(refused(|search| search.text.clear()), ("text".into(), "Say what to search for.".into()));
        assert!(refused(|search| search.text = "a\nb".into()).1.contains("one line at a time"));
        assert!(refused(|search| search.text = "x".repeat(10_000_000)).1.contains("longer than 1000"));
        assert!(refused(|search| search.device_type = "toaster".into()).1.contains("device type"));
        assert!(refused(|search| search.context = "6".into()).1.contains("from 0 to 5"));
        assert_eq!(refused(|search| search.after = "x".into()).0, "after");
    }
}
