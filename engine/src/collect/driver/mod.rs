//! A driver: how to talk to one platform, read from TOML. `docs/drivers.md` is the reference of the language.

mod built_in;
mod check;
mod file;
mod regexes;
mod set;
mod shape;

use std::fmt::Write as _;

use etiqa_model::artifact::ArtifactKind;
use etiqa_model::device::DeviceType;
use regex::Regex;
use sha2::{Digest, Sha256};

pub use set::DriverSet;
pub use shape::{Against, Checked};
pub(crate) use shape::{
    AnswerRule, Block, Command, Completeness, Condition, Enable, FactRules, ITEM, Identify, Mode, Shell,
    TerminalSettings, Unsaved, Volatile, WithoutPassword, is_part_of,
};

/// A platform, parsed and validated: every regex compiles, every name that it refers to exists.
#[derive(Debug)]
pub struct Driver {
    name: String,
    text: String,
    sha256: String,
    title: String,
    checked: Option<Checked>,
    default_for: Vec<DeviceType>,
    artifact: Option<ArtifactKind>,
    parts: Vec<String>,
    warnings: Vec<DriverWarning>,
    pub(crate) identify: Identify,
    /// Whether old SSH algorithms are offered.
    pub(crate) legacy_ssh: bool,
    pub(crate) mode: Mode,
    pub(crate) commands: Vec<Command>,
    pub(crate) rejections: Vec<Regex>,
    pub(crate) complete: Vec<Completeness>,
    pub(crate) unsaved: Option<Unsaved>,
    pub(crate) volatile: Vec<Volatile>,
    pub(crate) secrets: Vec<Regex>,
    pub(crate) facts: FactRules,
    /// What the platform logs when its configuration was changed.
    pub(crate) changes: Vec<Regex>,
}

/// Why a driver's text is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", line.map(|line| format!("Line {line}: ")).unwrap_or_default())]
pub struct DriverError {
    /// Counted from 1; none where the whole file is meant.
    pub line: Option<usize>,
    /// One sentence.
    pub message: String,
}

/// What is valid and yet not what its author may want.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriverWarning {
    /// Counted from 1.
    pub line: usize,
    /// One sentence.
    pub message: String,
}

impl Driver {
    /// Reads and checks a driver. `name` is the platform's, such as `ios`: the file's name without `.toml`.
    pub fn parse(name: &str, text: &str) -> Result<Self, DriverError> {
        check::check(name, text)
    }

    /// The platform's name, such as `ios`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The platform's name for a person.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// SHA-256 of the text, lower-case hex.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The TOML that it was read from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The device types that take this driver where no platform is named.
    pub fn default_for(&self) -> &[DeviceType] {
        &self.default_for
    }

    /// How the platform makes a backup of its own; none: it has none that is known here.
    pub fn artifact(&self) -> Option<ArtifactKind> {
        self.artifact
    }

    /// What it was checked against; none where its author does not say.
    pub fn checked(&self) -> Option<&Checked> {
        self.checked.as_ref()
    }

    /// Commands that may change a device, and other things to look at again.
    pub fn warnings(&self) -> &[DriverWarning] {
        &self.warnings
    }

    /// Whether a line of the platform's log says that its configuration was changed.
    pub fn tells_of_change(&self, message: &str) -> bool {
        self.changes.iter().any(|pattern| pattern.is_match(message))
    }

    /// Percent by which the text of `part` may be shorter than the one before.
    pub(crate) fn max_shrink(&self, part: &str) -> u64 {
        let rule = self.complete.iter().find(|rule| is_part_of(&rule.part, part));
        rule.map_or(shape::MAX_SHRINK, |rule| rule.max_shrink)
    }

    /// The parts that a collection may give, in the order of the commands; one of a loop has `{item}` in its name.
    pub fn parts(&self) -> &[String] {
        &self.parts
    }
}

fn hex_sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod changes_tests;
#[cfg(test)]
mod tests;
