//! A rule as a person fills it in, and its checks. What is a regular expression and what is none, the engine says.

use serde::{Deserialize, Serialize};

use super::{Severity, Target, Wants};
use crate::UserError;
use crate::device::DeviceType;
use crate::field::{Fields, optional_text, short_text};

/// Characters of a name.
pub const LONGEST_NAME: usize = 100;
/// Characters of one pattern, and of the expression that matches the headers of blocks.
pub const LONGEST_PATTERN: usize = 500;
/// Patterns of one rule.
pub const MOST_PATTERNS: usize = 20;
/// Characters of the sentence of what to do.
pub const LONGEST_ADVICE: usize = 500;
/// Rules of an instance.
pub const MOST_RULES: usize = 200;

/// A rule as a person fills it in: a form, flags of the command line, a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RuleInput {
    /// Its name.
    pub name: String,
    /// A name of [`Wants`]; empty: `contain`.
    pub wants: String,
    /// A pattern a line.
    pub patterns: String,
    /// Upper and lower case are two things.
    pub match_case: bool,
    /// A regular expression that matches the headers of blocks; empty: the whole text is looked into.
    pub block: String,
    /// Only texts of this driver.
    pub platform: String,
    /// Only devices of this type; a [`DeviceType`] name or alias.
    pub device_type: String,
    /// Only devices of this site.
    pub site: String,
    /// Only devices with this tag.
    pub tag: String,
    /// Only this part.
    pub part: String,
    /// A name of [`Severity`]; empty: `warning`.
    pub severity: String,
    /// A sentence of what to do.
    pub advice: String,
    /// Whether anything is held against it.
    pub enabled: bool,
}

/// A rule that can be stored; made only by [`RuleInput::parse`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewRule {
    /// Its name.
    pub name: String,
    /// What it wants.
    pub wants: Wants,
    /// One at least.
    pub patterns: Vec<String>,
    /// Whether upper and lower case are two things.
    pub match_case: bool,
    /// A regular expression that matches the headers of blocks.
    pub block: Option<String>,
    /// Which texts it is about.
    pub target: Target,
    /// How grave it is that it is broken.
    pub severity: Severity,
    /// A sentence of what to do.
    pub advice: String,
    /// Whether anything is held against it.
    pub enabled: bool,
}

impl RuleInput {
    /// Checks every field but the regular expressions themselves; the error names each wrong one.
    pub fn parse(&self) -> Result<NewRule, UserError> {
        let mut fields = Fields::default();
        let name = fields.check("name", short_text("The name", &self.name, LONGEST_NAME));
        let wants = match self.wants.trim() {
            "" => Some(Wants::Contain),
            name => fields.check("wants", Wants::parse(name)),
        };
        let patterns = fields.check("patterns", checked_patterns(&self.patterns));
        let block = fields.check("block", checked_block(&self.block));
        let mut named = |field: &str, what: &str, value: &str| {
            let checked = fields.check(field, optional_text(what, value, 100)).unwrap_or_default();
            Some(checked).filter(|name| !name.is_empty())
        };
        let platform = named("platform", "The platform", &self.platform);
        let site = named("site", "The site", &self.site);
        let tag = named("tag", "The tag", &self.tag);
        let part = named("part", "The part", &self.part);
        let device_type = match self.device_type.trim() {
            "" => None,
            name => fields.check("device_type", DeviceType::parse(name)),
        };
        let severity = match self.severity.trim() {
            "" => Some(Severity::Warning),
            name => fields.check("severity", Severity::parse(name)),
        };
        let advice =
            fields.check("advice", optional_text("The sentence of what to do", &self.advice, LONGEST_ADVICE));
        fields.finish()?;
        Ok(NewRule {
            name: name.unwrap_or_default(),
            wants: wants.unwrap_or(Wants::Contain),
            patterns: patterns.unwrap_or_default(),
            match_case: self.match_case,
            block: block.unwrap_or_default(),
            target: Target { platform, device_type, site, tag, part },
            severity: severity.unwrap_or(Severity::Warning),
            advice: advice.unwrap_or_default(),
            enabled: self.enabled,
        })
    }
}

impl NewRule {
    /// Whether the other one asks the same of the same texts, whatever it is called and whatever comes of it.
    pub fn asks_the_same(&self, other: &Self) -> bool {
        let question = |rule: &Self| {
            let Self { wants, patterns, match_case, block, target, .. } = rule.clone();
            (wants, patterns, match_case, block, target)
        };
        question(self) == question(other)
    }
}

/// The lines that are not empty. Spaces at the beginning of one are part of it: a line of a block begins with some.
fn checked_patterns(text: &str) -> Result<Vec<String>, String> {
    let lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
    let patterns: Vec<String> = lines.map(str::to_owned).collect();
    if patterns.is_empty() {
        return Err("Say what to look for, a line each.".into());
    }
    if patterns.len() > MOST_PATTERNS {
        return Err(format!(
            "A rule has at most {MOST_PATTERNS} lines to look for; make another rule of the rest."
        ));
    }
    for pattern in &patterns {
        checked_pattern(pattern)?;
    }
    Ok(patterns)
}

fn checked_pattern(pattern: &str) -> Result<(), String> {
    if pattern.chars().count() > LONGEST_PATTERN {
        return Err(format!("A line to look for is longer than {LONGEST_PATTERN} characters."));
    }
    if pattern.chars().any(|c| c.is_control() && c != '\t') {
        return Err("A line to look for has a control character in it.".into());
    }
    Ok(())
}

fn checked_block(text: &str) -> Result<Option<String>, String> {
    let text = text.trim_end();
    if text.contains(['\n', '\r']) {
        return Err("The header of a block is one line.".into());
    }
    checked_pattern(text)?;
    Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input() -> RuleInput {
        RuleInput { name: " NTP ".into(), patterns: "ntp server 10.0.0.1".into(), ..RuleInput::default() }
    }

    fn refused(change: impl FnOnce(&mut RuleInput)) -> (String, String) {
        let mut input = input();
        change(&mut input);
        let error = input.parse().unwrap_err();
        (error.fields[0].field.clone(), error.fields[0].message.clone())
    }

    #[test]
    fn a_rule_has_a_pattern_a_line_and_keeps_the_spaces_that_a_block_begins_with() {
        let mut input = input();
        input.patterns = "\r\n  transport input ssh \r\n\n  exec-timeout 10 0\n".into();
        let rule = input.parse().unwrap();
        assert_eq!(rule.name, "NTP");
        assert_eq!(rule.patterns, ["  transport input ssh", "  exec-timeout 10 0"]);
        assert_eq!((rule.wants, rule.severity, rule.enabled), (Wants::Contain, Severity::Warning, false));
        assert_eq!(rule.target, Target::default());
    }

    #[test]
    fn what_is_wrong_is_told_at_its_field_in_one_sentence() {
        assert_eq!(refused(|rule| rule.name = " ".into()), ("name".into(), "The name is missing.".into()));
        assert_eq!(refused(|rule| rule.patterns = " \n".into()).0, "patterns");
        assert!(refused(|rule| rule.patterns = "x\n".repeat(21)).1.contains("at most 20 lines"));
        assert!(refused(|rule| rule.patterns = "x".repeat(501)).1.contains("longer than 500"));
        assert!(refused(|rule| rule.patterns = "a\u{1b}b".into()).1.contains("control character"));
        assert!(refused(|rule| rule.block = "a\nb".into()).1.contains("one line"));
        assert_eq!(refused(|rule| rule.wants = "be".into()).0, "wants");
        assert_eq!(refused(|rule| rule.severity = "grave".into()).0, "severity");
        assert_eq!(refused(|rule| rule.device_type = "toaster".into()).0, "device_type");
        assert_eq!(refused(|rule| rule.site = "a\u{7}".into()).0, "site");
    }

    #[test]
    fn another_name_or_severity_asks_the_same_and_another_site_does_not() {
        let rule = input().parse().unwrap();
        let renamed = NewRule { name: "x".into(), severity: Severity::Info, enabled: true, ..rule.clone() };
        assert!(rule.asks_the_same(&renamed));
        let site = Target { site: Some("vienna".into()), ..Target::default() };
        assert!(!rule.asks_the_same(&NewRule { target: site, ..rule.clone() }));
    }
}
