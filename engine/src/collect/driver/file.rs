//! The TOML as it is written; every key of `docs/drivers.md` is a field here, and no other key is accepted.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

/// A text with its place, so that what is wrong with it can be shown with its line.
pub(super) type Text = Spanned<String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) title: Text,
    #[serde(default)]
    pub(super) default_for: Vec<Text>,
    pub(super) mode: Spanned<Mode>,
    #[serde(default)]
    pub(super) logout: Vec<Text>,
    pub(super) prompt: Option<Spanned<Prompt>>,
    pub(super) paging: Option<Spanned<Paging>>,
    pub(super) enable: Option<Spanned<Enable>>,
    #[serde(default)]
    pub(super) errors: Errors,
    #[serde(default)]
    pub(super) command: Vec<Command>,
    #[serde(default)]
    pub(super) complete: BTreeMap<Text, Complete>,
    #[serde(default)]
    pub(super) volatile: Vec<Volatile>,
    #[serde(default)]
    pub(super) secret: Vec<Secret>,
    #[serde(default)]
    pub(super) facts: Facts,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mode {
    Shell,
    Exec,
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
    pub(super) password_prompt: Text,
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
    pub(super) part: Option<Text>,
    #[serde(default)]
    pub(super) optional: bool,
    pub(super) exit: Option<Spanned<Vec<u32>>>,
    pub(super) strip_before: Option<Text>,
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
    pub(super) required: Vec<Text>,
    #[serde(default)]
    pub(super) forbidden: Vec<Text>,
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
    pub(super) model: Option<Fact>,
    pub(super) serial: Option<Fact>,
    pub(super) os_version: Option<Fact>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fact {
    pub(super) command: Text,
    pub(super) pattern: Text,
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
