//! A driver: how to talk to one platform, read from TOML. `docs/drivers.md` is the reference of the language.

mod built_in;
mod check;
mod file;
mod regexes;
mod set;

use std::fmt::Write as _;

use etiqa_model::device::DeviceType;
use regex::Regex;
use sha2::{Digest, Sha256};

use super::prompt::PromptRule;

pub use set::DriverSet;

/// A platform, parsed and validated: every regex compiles, every name that it refers to exists.
#[derive(Debug)]
pub struct Driver {
    name: String,
    text: String,
    sha256: String,
    title: String,
    default_for: Vec<DeviceType>,
    parts: Vec<String>,
    pub(crate) mode: Mode,
    pub(crate) commands: Vec<Command>,
    pub(crate) rejections: Vec<Regex>,
    pub(crate) complete: Vec<Completeness>,
    pub(crate) volatile: Vec<Volatile>,
    pub(crate) secrets: Vec<Regex>,
    pub(crate) facts: FactRules,
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

/// How commands reach the device.
#[derive(Debug)]
pub(crate) enum Mode {
    /// One interactive shell.
    Shell(Shell),
    /// A channel of its own for each command.
    Exec,
}

/// What an interactive shell looks like.
#[derive(Debug)]
pub(crate) struct Shell {
    pub(crate) prompt: PromptRule,
    pub(crate) paging_disable: Vec<String>,
    pub(crate) pagers: Vec<Pager>,
    pub(crate) enable: Option<Enable>,
    pub(crate) logout: Vec<String>,
}

/// A question that a device asks between two pages.
#[derive(Debug)]
pub(crate) struct Pager {
    /// Matches the whole unfinished line.
    pub(crate) pattern: Regex,
    pub(crate) answer: String,
    /// Whether the device wipes the question from the screen before it goes on.
    pub(crate) erases: bool,
}

/// How to get from the user's to the privileged prompt.
#[derive(Debug)]
pub(crate) struct Enable {
    pub(crate) command: String,
    /// Matches the whole unfinished line.
    pub(crate) password_prompt: Regex,
}

/// One command and what becomes of its answer.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) send: String,
    /// None: the answer is read for facts only.
    pub(crate) part: Option<String>,
    /// A rejection leaves the answer out instead of failing the device.
    pub(crate) optional: bool,
    /// Exec only: the exit statuses that count as success.
    pub(crate) exit: Vec<u32>,
    pub(crate) strip_before: Option<Regex>,
}

/// When a part's text is whole.
#[derive(Debug)]
pub(crate) struct Completeness {
    pub(crate) part: String,
    pub(crate) end_marker: Option<Regex>,
    pub(crate) min_lines: usize,
    pub(crate) braces: bool,
    pub(crate) required: Vec<Regex>,
    pub(crate) forbidden: Vec<Regex>,
}

/// A span that changes by itself.
#[derive(Debug)]
pub(crate) struct Volatile {
    /// None: in every part.
    pub(crate) part: Option<String>,
    pub(crate) pattern: Regex,
}

/// Where facts stand.
#[derive(Debug, Default)]
pub(crate) struct FactRules {
    pub(crate) model: Option<FactRule>,
    pub(crate) serial: Option<FactRule>,
    pub(crate) os_version: Option<FactRule>,
}

/// The first group of the first match in a command's answer.
#[derive(Debug)]
pub(crate) struct FactRule {
    pub(crate) command: String,
    pub(crate) pattern: Regex,
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

    /// The parts that a collection may give, in the order of the commands.
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
mod tests;
