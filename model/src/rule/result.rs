//! What rules came to.

use serde::{Deserialize, Serialize};

use super::{Rule, RuleInput, Severity};
use crate::field::unknown_name;
use crate::page::Paged;
use crate::{ConfigVersionId, DeviceId, RuleId, Timestamp, UserError};

/// A rule with how many devices break it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleRow {
    /// The rule.
    pub rule: Rule,
    /// Enabled devices that break it, of those that the asker sees.
    pub broken: u64,
    /// Whether a text of any such device was held against it.
    pub held: bool,
}

/// What one rule came to with one part of one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleResult {
    /// Which rule.
    pub rule_id: RuleId,
    /// Its name.
    pub rule: String,
    /// How grave it is that it is broken.
    pub severity: Severity,
    /// Whose text.
    pub device_id: DeviceId,
    /// Its name.
    pub hostname: String,
    /// Its address.
    pub address: String,
    /// Where it is.
    pub site: String,
    /// The driver that took the text.
    pub platform: String,
    /// `running`, `startup`, …
    pub part: String,
    /// The version that was held against it last.
    pub version_id: ConfigVersionId,
    /// Its number.
    pub version: u32,
    /// Whether it is broken; otherwise it is kept.
    pub broken: bool,
    /// Whether it was kept before it was broken.
    pub newly: bool,
    /// Since when it is as it is.
    pub since: Timestamp,
    /// Numbers of the first lines that tell, from 1: those that must not be there, or the headers of blocks that lack
    /// something. None where the whole text lacks something.
    pub lines: Vec<u32>,
    /// How many lines tell in all.
    pub hits: u32,
    /// A sentence of what to do; may be empty.
    pub advice: String,
}

/// One rule with a page of what it came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulePage {
    /// The rule.
    pub rule: Rule,
    /// Texts that break it.
    pub broken: u64,
    /// Texts that keep it.
    pub kept: u64,
    /// Those that break it, or those that keep it, by device.
    pub results: Paged<RuleResult>,
    /// Names what its form is filled with: another one where a person changed that since.
    pub stamp: String,
}

/// A line of a text that tells why a rule is broken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleLine {
    /// Its number, from 1.
    pub number: u32,
    /// What it says, secrets masked; none where that cannot be told.
    pub text: Option<String>,
}

/// The rules that a device breaks, and those that it keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRules {
    /// Whose.
    pub device_id: DeviceId,
    /// Its name.
    pub hostname: String,
    /// Broken ones first, the gravest first, with the first lines that tell.
    pub broken: Vec<(RuleResult, Vec<RuleLine>)>,
    /// The others.
    pub kept: Vec<RuleResult>,
}

/// That rules are broken, for the first page and a device's page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokenRules {
    /// "3 devices break 2 rules".
    pub words: String,
    /// Whether one of them is critical.
    pub is_critical: bool,
}

/// What a rule would come to with one device, before it is saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulePreview {
    /// The device's name.
    pub hostname: String,
    /// Each part that the rule is about, whether it is broken there, and the first lines that tell.
    pub parts: Vec<PartPreview>,
}

/// What a rule would come to with one part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartPreview {
    /// `running`, `startup`, …
    pub part: String,
    /// The number of the version.
    pub version: u32,
    /// Whether it is broken.
    pub broken: bool,
    /// Blocks that were looked into; none: the whole text was.
    pub blocks: Option<u32>,
    /// Patterns that no line has, where all of them are wanted.
    pub missing: Vec<String>,
    /// How many lines tell in all.
    pub hits: u32,
    /// The first of them.
    pub lines: Vec<RuleLine>,
}

/// A rule that a browser without JavaScript has tried, and what came of it: what its page is rendered from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulePosted {
    /// As it was filled in.
    pub rule: RuleInput,
    /// The device that it was tried with.
    pub device: String,
    /// The stamp that its form had; empty for a new rule.
    pub stamp: String,
    /// What came of it.
    pub answer: Result<RulePreview, UserError>,
}

/// A rule of the starter set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StarterRule {
    /// The rule.
    pub rule: RuleInput,
    /// Where it comes from: a benchmark or a vendor's guide.
    pub source: String,
    /// Whether there is a rule of this name already.
    pub is_there: bool,
    /// Devices of its platform.
    pub devices: u64,
}

/// Which results a report has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReportFilter {
    /// Only of this rule.
    pub rule: Option<RuleId>,
    /// Only of this severity.
    pub severity: Option<Severity>,
    /// Also what is kept.
    pub all: bool,
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportFormat {
    /// A table for a spreadsheet (RFC 4180).
    Csv,
    /// An array of objects.
    Json,
}

impl ReportFormat {
    /// The format of this name.
    pub fn parse(name: &str) -> Result<Self, String> {
        match name.trim() {
            "csv" => Ok(Self::Csv),
            "json" => Ok(Self::Json),
            other => Err(unknown_name("format", other, ["csv", "json"])),
        }
    }
}

impl ReportFilter {
    /// The filter that an address's query asks for, given a way to read its fields. What cannot be read is an error: a report
    /// of everything must not be taken for one of some.
    pub fn of_query(field: impl Fn(&str) -> Option<String>) -> Result<Self, UserError> {
        let text = |name: &str| field(name).filter(|text| !text.is_empty());
        let rule = text("rule").map(|id| id.parse::<RuleId>()).transpose();
        let severity = text("severity").map(|name| Severity::parse(&name)).transpose();
        let all = match text("all").as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(UserError::invalid("all is true or false.")),
        };
        Ok(Self {
            rule: rule.map_err(|_| UserError::invalid("rule is the number of a rule."))?,
            severity: severity.map_err(UserError::invalid)?,
            all: all?,
        })
    }
}

impl BrokenRules {
    /// Of so many rules that so many devices break, so many of them critical; none where nothing is broken.
    pub fn of(devices: u64, rules: u64, critical: u64) -> Option<Self> {
        if rules == 0 {
            return None;
        }
        let (device, breaks) = if devices == 1 { ("device", "breaks") } else { ("devices", "break") };
        let words = format!("{devices} {device} {breaks} {}", rules_of(rules));
        Some(Self { words, is_critical: critical > 0 })
    }

    /// The same of one device.
    pub fn of_device(rules: u64, critical: u64) -> Option<Self> {
        (rules > 0).then(|| Self { words: format!("Breaks {}", rules_of(rules)), is_critical: critical > 0 })
    }
}

fn rules_of(count: u64) -> String {
    if count == 1 { "1 rule".to_owned() } else { format!("{count} rules") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_broken_is_told_in_one_line() {
        let words = |devices, rules| BrokenRules::of(devices, rules, 0).map(|broken| broken.words);
        assert_eq!(words(0, 0), None);
        assert_eq!(words(1, 1).as_deref(), Some("1 device breaks 1 rule"));
        assert_eq!(words(3, 2).as_deref(), Some("3 devices break 2 rules"));
        assert!(BrokenRules::of_device(2, 1).unwrap().is_critical);
    }

    #[test]
    fn a_report_is_narrowed_by_what_can_be_read_and_refuses_the_rest() {
        let of = |name: &'static str, value: &'static str| {
            ReportFilter::of_query(|field| (field == name).then(|| value.to_owned()))
        };
        assert_eq!(of("rule", "7").unwrap().rule, Some(RuleId(7)));
        assert_eq!(of("severity", "critical").unwrap().severity, Some(Severity::Critical));
        assert!(of("all", "true").unwrap().all);
        assert_eq!(of("rule", "").unwrap(), ReportFilter::default());
        for (name, value) in [("rule", "x"), ("severity", "grave"), ("all", "yes")] {
            assert!(of(name, value).is_err(), "{name}={value}");
        }
    }
}
