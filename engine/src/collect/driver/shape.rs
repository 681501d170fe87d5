//! What a driver is once it was read: every regex compiled, every reference resolved.

use std::time::Duration;

use regex::Regex;
use serde::Deserialize;

use crate::collect::prompt::PromptRule;

/// A text that lost more than this percentage of its size waits for a person, unless its driver says otherwise.
pub(super) const MAX_SHRINK: u64 = 50;

/// What a driver was checked against, strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Against {
    /// The platform's own software, in the tests.
    Software,
    /// Recorded sessions that others published.
    Capture,
    /// The vendor's documents.
    Document,
    /// Nothing outside of this project.
    Unverified,
}

/// What a driver was checked against, and which of it.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The kind of source.
    pub against: Against,
    /// Which one, in words; may be empty.
    pub source: String,
}

/// How commands reach the device.
#[derive(Debug)]
pub(crate) enum Mode {
    /// One interactive shell.
    Shell(Box<Shell>),
    /// A channel of its own for each command.
    Exec,
}

/// What an interactive shell looks like.
#[derive(Debug, Clone)]
pub(crate) struct Shell {
    pub(crate) terminal: TerminalSettings,
    pub(crate) login: LoginRules,
    pub(crate) prompt: PromptRule,
    pub(crate) paging_disable: Vec<String>,
    pub(crate) pagers: Vec<Pager>,
    pub(crate) enable: Option<Enable>,
    pub(crate) logout: Vec<String>,
}

/// What the device is told of our terminal.
#[derive(Debug, Clone)]
pub(crate) struct TerminalSettings {
    /// What ends a typed line over SSH.
    pub(crate) newline: String,
    /// Columns. Wide, so that lines are not wrapped.
    pub(crate) width: u32,
    /// Lines. High, so that some platforms do not page.
    pub(crate) height: u32,
    /// `TERM`.
    pub(crate) kind: String,
}

/// Questions before the first prompt. Each regex matches the whole unfinished line.
#[derive(Debug, Clone)]
pub(crate) struct LoginRules {
    pub(crate) username_prompt: Regex,
    pub(crate) password_prompt: Regex,
    pub(crate) refused: Vec<Regex>,
    pub(crate) questions: Vec<Question>,
}

/// A question that always has the same answer.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) pattern: Regex,
    pub(crate) answer: String,
}

/// A question that a device asks between two pages.
#[derive(Debug, Clone)]
pub(crate) struct Pager {
    /// Matches the whole unfinished line.
    pub(crate) pattern: Regex,
    pub(crate) answer: String,
    /// Whether the device wipes the question from the screen before it goes on.
    pub(crate) erases: bool,
}

/// How to get from the user's to the privileged prompt.
#[derive(Debug, Clone)]
pub(crate) struct Enable {
    pub(crate) command: String,
    /// Matches the whole unfinished line; none where the command never asks.
    pub(crate) password_prompt: Option<Regex>,
    pub(crate) without_password: WithoutPassword,
}

/// What answers the enable question where the credential has no enable password.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WithoutPassword {
    /// Nothing: the device is not collected.
    #[default]
    Refuse,
    /// An empty line.
    Empty,
    /// The login's password.
    Login,
}

/// One command and what becomes of its answer. Texts may hold `{item}` where `each` is set.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) send: String,
    /// Exec only: it is the path of a file, which is fetched by SFTP or SCP.
    pub(crate) is_file: bool,
    /// Tried in order where the device rejects the one before.
    pub(crate) alternatives: Vec<String>,
    /// None: the answer is read for facts, conditions and lists only.
    pub(crate) part: Option<String>,
    /// A rejection leaves the answer out instead of failing the device.
    pub(crate) optional: bool,
    /// Exec only: the exit statuses that count as success.
    pub(crate) exit: Vec<u32>,
    /// The longest silence, where it is not the usual one.
    pub(crate) timeout: Option<Duration>,
    pub(crate) strip_before: Option<Regex>,
    pub(crate) strip_after: Option<Regex>,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) each: Option<AnswerRule>,
    pub(crate) enter: Vec<String>,
    pub(crate) leave: Vec<String>,
}

/// Whether a command is run at all.
#[derive(Debug)]
pub(crate) struct Condition {
    pub(crate) rule: AnswerRule,
    /// Run it where the rule matches, or where it does not.
    pub(crate) on_match: bool,
}

/// Something that is looked for in the answer to a command.
#[derive(Debug)]
pub(crate) struct AnswerRule {
    /// The command's place among the driver's.
    pub(crate) command: usize,
    pub(crate) pattern: Regex,
}

/// When a part's text is whole.
#[derive(Debug)]
pub(crate) struct Completeness {
    pub(crate) part: String,
    pub(crate) end_marker: Option<Regex>,
    pub(crate) min_lines: usize,
    pub(crate) braces: bool,
    pub(crate) blocks: Vec<Block>,
    pub(crate) required: Vec<Regex>,
    pub(crate) forbidden: Vec<Regex>,
    /// Percent by which a text may be shorter than the one before.
    pub(crate) max_shrink: u64,
}

/// Lines that open and close a block.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) open: Regex,
    pub(crate) close: Regex,
}

/// How to see that the running configuration was not saved.
#[derive(Debug)]
pub(crate) enum Unsaved {
    /// Two parts that should say the same.
    Parts { running: String, startup: String, ignore: Vec<Regex> },
    /// The answer says so.
    Answer(AnswerRule),
}

/// A span that changes by itself.
#[derive(Debug)]
pub(crate) struct Volatile {
    /// None: in every part.
    pub(crate) part: Option<String>,
    pub(crate) pattern: Regex,
}

/// Where facts stand: the first group of the first match.
#[derive(Debug, Default)]
pub(crate) struct FactRules {
    pub(crate) model: Option<AnswerRule>,
    pub(crate) serial: Option<AnswerRule>,
    pub(crate) os_version: Option<AnswerRule>,
}

/// How the platform is recognised.
#[derive(Debug, Default)]
pub(crate) struct Identify {
    pub(crate) ssh: Vec<Regex>,
    pub(crate) banner: Vec<Regex>,
    /// Each matches the whole prompt.
    pub(crate) prompt: Vec<Regex>,
    pub(crate) commands: Vec<Probe>,
}

/// A reading command, and what only this platform answers to it.
#[derive(Debug)]
pub(crate) struct Probe {
    pub(crate) send: String,
    pub(crate) pattern: Regex,
}

/// Where a part's name has the item of a loop.
pub(crate) const ITEM: &str = "{item}";

/// Whether `name` is `template`, or made of it.
pub(crate) fn is_part_of(template: &str, name: &str) -> bool {
    match template.split_once(ITEM) {
        Some((before, after)) => {
            name.len() > before.len() + after.len() && name.starts_with(before) && name.ends_with(after)
        }
        None => template == name,
    }
}
