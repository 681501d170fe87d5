//! The TOML as it is written; every key of `docs/drivers.md` is a field here, and no other key is accepted.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::shape::{Against, WithoutPassword};

/// A text with its place, so that what is wrong with it can be shown with its line.
pub(super) type Text = Spanned<String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) title: Text,
    pub(super) checked: Option<Checked>,
    #[serde(default)]
    pub(super) default_for: Vec<Text>,
    /// How the platform makes a backup of its own.
    pub(super) artifact: Option<Text>,
    pub(super) mode: Spanned<Mode>,
    #[serde(default)]
    pub(super) logout: Vec<Text>,
    #[serde(default)]
    pub(super) identify: Identify,
    pub(super) terminal: Option<Spanned<Terminal>>,
    #[serde(default)]
    pub(super) ssh: Ssh,
    pub(super) login: Option<Spanned<Login>>,
    pub(super) prompt: Option<Spanned<Prompt>>,
    pub(super) paging: Option<Spanned<Paging>>,
    pub(super) enable: Option<Spanned<Enable>>,
    #[serde(default)]
    pub(super) errors: Errors,
    #[serde(default)]
    pub(super) command: Vec<Command>,
    #[serde(default)]
    pub(super) complete: BTreeMap<Text, Complete>,
    pub(super) unsaved: Option<Spanned<Unsaved>>,
    #[serde(default)]
    pub(super) volatile: Vec<Volatile>,
    #[serde(default)]
    pub(super) secret: Vec<Secret>,
    #[serde(default)]
    pub(super) facts: Facts,
    #[serde(default)]
    pub(super) change: Change,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mode {
    Shell,
    Exec,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Checked {
    pub(super) against: Against,
    #[serde(default)]
    pub(super) source: String,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Identify {
    #[serde(default)]
    pub(super) ssh: Vec<Text>,
    #[serde(default)]
    pub(super) banner: Vec<Text>,
    #[serde(default)]
    pub(super) prompt: Vec<Text>,
    #[serde(default)]
    pub(super) command: Vec<Probe>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Probe {
    pub(super) send: Text,
    pub(super) pattern: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Terminal {
    pub(super) newline: Option<Text>,
    pub(super) width: Option<Spanned<u32>>,
    pub(super) height: Option<Spanned<u32>>,
    pub(super) kind: Option<Text>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Ssh {
    #[serde(default)]
    pub(super) legacy: bool,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Login {
    pub(super) username_prompt: Option<Text>,
    pub(super) password_prompt: Option<Text>,
    #[serde(default)]
    pub(super) refused: Vec<Text>,
    #[serde(default)]
    pub(super) question: Vec<Question>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    pub(super) pattern: Text,
    pub(super) answer: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Prompt {
    pub(super) user: Option<Text>,
    pub(super) privileged: Option<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Paging {
    #[serde(default)]
    pub(super) disable: Vec<Text>,
    #[serde(default)]
    pub(super) pager: Vec<Pager>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pager {
    pub(super) pattern: Text,
    #[serde(default = "space")]
    pub(super) answer: String,
    #[serde(default = "yes")]
    pub(super) erases: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Enable {
    pub(super) command: Text,
    pub(super) password_prompt: Option<Text>,
    #[serde(default)]
    pub(super) without_password: WithoutPassword,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Errors {
    #[serde(default)]
    pub(super) patterns: Vec<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Command {
    pub(super) send: Text,
    /// `send` is the path of a file that is fetched.
    #[serde(default)]
    pub(super) file: bool,
    #[serde(default)]
    pub(super) alternatives: Vec<Text>,
    pub(super) part: Option<Text>,
    #[serde(default)]
    pub(super) optional: bool,
    pub(super) exit: Option<Spanned<Vec<u32>>>,
    pub(super) timeout: Option<Spanned<u64>>,
    pub(super) strip_before: Option<Text>,
    pub(super) strip_after: Option<Text>,
    pub(super) when: Option<Reference>,
    pub(super) unless: Option<Reference>,
    pub(super) each: Option<Reference>,
    #[serde(default)]
    pub(super) enter: Vec<Text>,
    #[serde(default)]
    pub(super) leave: Vec<Text>,
}

/// An answer to a command, and what is looked for in it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reference {
    pub(super) command: Text,
    pub(super) pattern: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Complete {
    pub(super) end_marker: Option<Text>,
    #[serde(default = "one")]
    pub(super) min_lines: usize,
    #[serde(default)]
    pub(super) braces: bool,
    #[serde(default)]
    pub(super) blocks: Vec<Block>,
    #[serde(default)]
    pub(super) required: Vec<Text>,
    #[serde(default)]
    pub(super) forbidden: Vec<Text>,
    pub(super) max_shrink: Option<Spanned<u64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Block {
    pub(super) open: Text,
    pub(super) close: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Unsaved {
    pub(super) running: Option<Text>,
    pub(super) startup: Option<Text>,
    #[serde(default)]
    pub(super) ignore: Vec<Text>,
    pub(super) command: Option<Text>,
    pub(super) pattern: Option<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Volatile {
    pub(super) pattern: Text,
    pub(super) part: Option<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Secret {
    pub(super) pattern: Text,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Facts {
    pub(super) model: Option<Reference>,
    pub(super) serial: Option<Reference>,
    pub(super) os_version: Option<Reference>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    #[serde(default)]
    pub(super) messages: Vec<Text>,
}

fn space() -> String {
    " ".to_owned()
}

fn yes() -> bool {
    true
}

fn one() -> usize {
    1
}
