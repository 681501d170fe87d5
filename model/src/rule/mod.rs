//! Rules that configurations are held against: what they want of which devices, and what that came to.

mod input;
mod result;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::device::DeviceType;
use crate::field::by_name;
use crate::{RuleId, Timestamp};

pub use input::{
    LONGEST_ADVICE, LONGEST_NAME, LONGEST_PATTERN, MOST_PATTERNS, MOST_RULES, NewRule, RuleInput,
};
pub use result::{
    BrokenRules, DeviceRules, PartPreview, ReportFilter, ReportFormat, RuleLine, RulePage, RulePosted,
    RulePreview, RuleResult, RuleRow, StarterRule,
};

/// What a rule wants of a text, or of each block of it. Every pattern is looked for within one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wants {
    /// Each of these texts stands in some line.
    Contain,
    /// None of these texts stands in any line.
    NotContain,
    /// Each of these regular expressions matches some line.
    Match,
    /// None of these regular expressions matches any line.
    NotMatch,
}

impl Wants {
    /// All that there are, in the order of forms.
    pub const ALL: &[Self] = &[Self::Contain, Self::NotContain, Self::Match, Self::NotMatch];

    /// The name in the database, in JSON and in forms.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Contain => "contain",
            Self::NotContain => "not_contain",
            Self::Match => "match",
            Self::NotMatch => "not_match",
        }
    }

    /// For a person.
    pub fn label(self) -> &'static str {
        match self {
            Self::Contain => "must contain",
            Self::NotContain => "must not contain",
            Self::Match => "regex must match",
            Self::NotMatch => "regex must not match",
        }
    }

    /// Whether something is to be there; otherwise it is to be absent.
    pub fn is_presence(self) -> bool {
        matches!(self, Self::Contain | Self::Match)
    }

    /// Whether the patterns are regular expressions.
    pub fn is_regex(self) -> bool {
        matches!(self, Self::Match | Self::NotMatch)
    }

    /// What has this name, in any case.
    pub fn parse(name: &str) -> Result<Self, String> {
        by_name("kind of rule", name, Self::ALL, Self::as_str)
    }
}

/// How grave it is that a rule is broken; the gravest is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// To be looked at.
    Warning,
    /// To be mended; commands end with 1.
    Critical,
}

impl Severity {
    /// All that there are, the gravest first.
    pub const ALL: &[Self] = &[Self::Critical, Self::Warning, Self::Info];

    /// The name in the database, in JSON and in forms.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// For a person.
    pub fn label(self) -> &'static str {
        match self {
            Self::Info => "Info",
            Self::Warning => "Warning",
            Self::Critical => "Critical",
        }
    }

    /// The severity of this name, in any case.
    pub fn parse(name: &str) -> Result<Self, String> {
        by_name("severity", name, Self::ALL, Self::as_str)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which texts a rule is about; what is none narrows nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Target {
    /// Texts that this driver took.
    pub platform: Option<String>,
    /// Of devices of this type.
    pub device_type: Option<DeviceType>,
    /// Of devices of this site.
    pub site: Option<String>,
    /// Of devices with this tag.
    pub tag: Option<String>,
    /// This part, such as `running`.
    pub part: Option<String>,
}

/// A text of a device, as a rule is about it or not.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The driver that took it.
    pub platform: &'a str,
    /// What its device is.
    pub device_type: DeviceType,
    /// Where that is.
    pub site: &'a str,
    /// Its tags.
    pub tags: &'a [String],
    /// `running`, `startup`, …
    pub part: &'a str,
}

impl Target {
    /// Whether it is about this text.
    pub fn holds(&self, subject: Subject<'_>) -> bool {
        let Self { platform, device_type, site, tag, part } = self;
        let is =
            |wanted: &Option<String>, there: &str| wanted.as_deref().is_none_or(|wanted| wanted == there);
        is(platform, subject.platform)
            && device_type.is_none_or(|wanted| wanted == subject.device_type)
            && is(site, subject.site)
            && tag.as_ref().is_none_or(|tag| subject.tags.contains(tag))
            && is(part, subject.part)
    }

    /// In words: "all devices", "platform ios, site vienna, part running".
    pub fn words(&self) -> String {
        let named = |what: &str, name: &Option<String>| name.as_ref().map(|name| format!("{what} {name}"));
        let all = [
            named("platform", &self.platform),
            self.device_type.map(|kind| format!("type {}", kind.label())),
            named("site", &self.site),
            named("tag", &self.tag),
            named("part", &self.part),
        ];
        let words: Vec<String> = all.into_iter().flatten().collect();
        if words.is_empty() { "all devices".to_owned() } else { words.join(", ") }
    }
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Row id.
    pub id: RuleId,
    /// Unique.
    pub name: String,
    /// What it wants.
    pub wants: Wants,
    /// Texts or regular expressions, one at least; none are told to who may not see secrets, for one may hold some.
    pub patterns: Vec<String>,
    /// Whether upper and lower case are two things.
    pub match_case: bool,
    /// A regular expression that matches the headers of the blocks that it looks into; none: it looks into the whole text.
    pub block: Option<String>,
    /// Which texts it is about.
    pub target: Target,
    /// How grave it is that it is broken.
    pub severity: Severity,
    /// A sentence of what to do then; may be empty.
    pub advice: String,
    /// Whether anything is held against it.
    pub enabled: bool,
    /// Whether everything was held against it since it was last changed.
    pub is_checked: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When a person last changed it.
    pub updated_at: Timestamp,
}

impl Rule {
    /// The same without what may hold a secret.
    #[must_use]
    pub fn without_patterns(self) -> Self {
        Self { patterns: Vec::new(), block: None, ..self }
    }

    /// The same as it was stored last.
    pub fn to_new(&self) -> NewRule {
        NewRule {
            name: self.name.clone(),
            wants: self.wants,
            patterns: self.patterns.clone(),
            match_case: self.match_case,
            block: self.block.clone(),
            target: self.target.clone(),
            severity: self.severity,
            advice: self.advice.clone(),
            enabled: self.enabled,
        }
    }

    /// The same as a person would fill it in.
    pub fn to_input(&self) -> RuleInput {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        RuleInput {
            name: self.name.clone(),
            wants: self.wants.as_str().to_owned(),
            patterns: self.patterns.join("\n"),
            match_case: self.match_case,
            block: text(&self.block),
            platform: text(&self.target.platform),
            device_type: self.target.device_type.map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
            site: text(&self.target.site),
            tag: text(&self.target.tag),
            part: text(&self.target.part),
            severity: self.severity.as_str().to_owned(),
            advice: self.advice.clone(),
            enabled: self.enabled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject<'a>(platform: &'a str, part: &'a str, tags: &'a [String]) -> Subject<'a> {
        Subject { platform, device_type: DeviceType::Router, site: "vienna", tags, part }
    }

    #[test]
    fn a_rule_is_about_the_texts_that_every_part_of_its_target_names() {
        let core = ["core".to_owned()];
        let all = Target::default();
        assert!(all.holds(subject("ios", "running", &[])));
        assert_eq!(all.words(), "all devices");
        let text = |text: &str| Some(text.to_owned());
        let narrow = Target {
            platform: text("ios"),
            device_type: Some(DeviceType::Router),
            site: text("vienna"),
            tag: text("core"),
            part: text("running"),
        };
        assert!(narrow.holds(subject("ios", "running", &core)));
        assert!(!narrow.holds(subject("nxos", "running", &core)));
        assert!(!narrow.holds(subject("ios", "startup", &core)));
        assert!(!narrow.holds(subject("ios", "running", &[])));
        assert_eq!(narrow.words(), "platform ios, type Router, site vienna, tag core, part running");
    }

    #[test]
    fn the_gravest_severity_is_the_greatest() {
        assert!(Severity::Critical > Severity::Warning && Severity::Warning > Severity::Info);
        assert_eq!(Severity::parse("Critical"), Ok(Severity::Critical));
        assert!(Severity::parse("grave").unwrap_err().contains("critical"));
        assert_eq!(Wants::parse("not_match"), Ok(Wants::NotMatch));
    }
}
