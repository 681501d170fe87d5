//! What a driver makes of a session that somebody pasted, step by step.

use serde::{Deserialize, Serialize};

use crate::UserError;
use crate::class::Class;

/// How a paste was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PastedAs {
    /// A recorded session, as `docs/drivers.md` describes it.
    Recording,
    /// What a terminal showed: lines that begin with a prompt are what was typed.
    Terminal,
    /// Single commands with their answers.
    Answers,
}

impl PastedAs {
    /// For a person.
    pub fn label(self) -> &'static str {
        match self {
            Self::Recording => "read as a recorded session",
            Self::Terminal => "read as what a terminal showed",
            Self::Answers => "read as commands with their answers; prompts, echoes and pagers are not tried",
        }
    }
}

/// What kind of step it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// It was sent to the device.
    Sent,
    /// It was seen on the device's last line: a prompt or a question.
    Seen,
    /// It was cut from the text.
    Cut,
    /// It was kept as an answer.
    Kept,
}

impl StepKind {
    /// For a person.
    pub fn label(self) -> &'static str {
        match self {
            Self::Sent => "Sent",
            Self::Seen => "Seen",
            Self::Cut => "Cut",
            Self::Kept => "Kept",
        }
    }
}

/// One step of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BenchStep {
    /// What kind it is.
    pub kind: StepKind,
    /// What was sent, seen, cut or kept; short, and one line.
    pub text: String,
}

/// One demand of a completeness rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BenchCheck {
    /// Its name in the driver, such as `end_marker`.
    pub rule: String,
    /// Why it does not hold; none: it does.
    pub problem: Option<String>,
}

/// What became of one part, whether it is whole or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BenchPart {
    /// Its name in the driver, such as `running`.
    pub part: String,
    /// Its text, or the beginning of it.
    pub text: String,
    /// Lines of the whole text.
    pub lines: u64,
    /// Whether `text` is only the beginning.
    pub is_shortened: bool,
    /// Lines that `strip_before` and `strip_after` cut, the first of them.
    pub cut: Vec<String>,
    /// How many these are in all.
    pub cut_lines: u64,
    /// Spans that are left aside when versions are compared, the first of them.
    pub volatile: Vec<String>,
    /// How many of them there are in all.
    pub volatile_spans: u64,
    /// Secrets that are masked for viewers.
    pub masked: u64,
    /// The demands of its completeness rule, in the order they are checked; none where it has no rule and is not empty.
    pub checks: Vec<BenchCheck>,
}

/// What a driver made of a paste.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bench {
    /// The class that a collection would end in.
    pub class: Class,
    /// Its sentence.
    pub message: String,
    /// How the paste was read.
    pub pasted_as: PastedAs,
    /// What in the driver is worth a second look, with the line.
    pub warnings: Vec<String>,
    /// The first steps, in order.
    pub steps: Vec<BenchStep>,
    /// How many more there were.
    pub more_steps: u64,
    /// Every part that was looked at, in the driver's order.
    pub parts: Vec<BenchPart>,
    /// Parts that the device may leave out and did, by name.
    pub left_out: Vec<String>,
    /// What the device says of itself: names and values.
    pub facts: Vec<(String, String)>,
}

/// What was posted by a browser without JavaScript, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BenchPosted {
    /// The driver's TOML.
    pub text: String,
    /// The paste.
    pub transcript: String,
    /// What the driver made of it, or why nothing.
    pub answer: Result<Bench, UserError>,
}
