//! What makes a part whole, what changes in it by itself, and what it says of the device.

use std::collections::BTreeMap;

use toml::Spanned;

use super::Checked;
use super::commands::{answer_rule, group_rule};
use crate::collect::driver::file::{self, Reference, Text};
use crate::collect::driver::regexes::Source;
use crate::collect::driver::shape::{Block, Command, Completeness, FactRules, MAX_SHRINK, Unsaved, Volatile};

pub(super) fn complete(
    source: &Source,
    rules: &BTreeMap<Text, file::Complete>,
    parts: &[String],
) -> Checked<Vec<Completeness>> {
    let block = |block: &file::Block| {
        Ok(Block { open: source.search(&block.open)?, close: source.search(&block.close)? })
    };
    rules
        .iter()
        .map(|(part, rule)| {
            known_part(source, part, parts)?;
            Ok(Completeness {
                part: part.get_ref().clone(),
                end_marker: rule.end_marker.as_ref().map(|regex| source.whole_line(regex)).transpose()?,
                min_lines: rule.min_lines,
                braces: rule.braces,
                blocks: rule.blocks.iter().map(block).collect::<Checked<_>>()?,
                required: source.searches(&rule.required)?,
                forbidden: source.searches(&rule.forbidden)?,
                max_shrink: rule
                    .max_shrink
                    .as_ref()
                    .map_or(Ok(MAX_SHRINK), |given| percent(source, given))?,
            })
        })
        .collect()
}

fn percent(source: &Source, given: &Spanned<u64>) -> Checked<u64> {
    if !(1..=100).contains(given.get_ref()) {
        return Err(source.error(given, "max_shrink is 1 to 100 percent; 100 switches the check off."));
    }
    Ok(*given.get_ref())
}

pub(super) fn unsaved(
    source: &Source,
    given: Option<&Spanned<file::Unsaved>>,
    parts: &[String],
    commands: &[Command],
) -> Checked<Option<Unsaved>> {
    let Some(given) = given else { return Ok(None) };
    match given.get_ref() {
        file::Unsaved {
            running: Some(running),
            startup: Some(startup),
            ignore,
            command: None,
            pattern: None,
        } => {
            known_part(source, running, parts)?;
            known_part(source, startup, parts)?;
            Ok(Some(Unsaved::Parts {
                running: running.get_ref().clone(),
                startup: startup.get_ref().clone(),
                ignore: source.searches(ignore)?,
            }))
        }
        file::Unsaved {
            running: None,
            startup: None,
            ignore,
            command: Some(command),
            pattern: Some(pattern),
        } if ignore.is_empty() => {
            let rule = Reference { command: command.clone(), pattern: pattern.clone() };
            Ok(Some(Unsaved::Answer(answer_rule(source, &rule, commands)?)))
        }
        _ => Err(source.error(
            given,
            "[unsaved] has either `running` and `startup` (and `ignore`), or `command` and `pattern`.",
        )),
    }
}

pub(super) fn volatile(
    source: &Source,
    rules: &[file::Volatile],
    parts: &[String],
) -> Checked<Vec<Volatile>> {
    rules
        .iter()
        .map(|rule| {
            if let Some(part) = &rule.part {
                known_part(source, part, parts)?;
            }
            Ok(Volatile {
                part: rule.part.as_ref().map(|part| part.get_ref().clone()),
                pattern: source.search(&rule.pattern)?,
            })
        })
        .collect()
}

pub(super) fn facts(source: &Source, facts: &file::Facts, commands: &[Command]) -> Checked<FactRules> {
    let rule = |fact: &Option<Reference>| {
        fact.as_ref().map(|fact| group_rule(source, fact, commands, "A fact's")).transpose()
    };
    Ok(FactRules {
        model: rule(&facts.model)?,
        serial: rule(&facts.serial)?,
        os_version: rule(&facts.os_version)?,
    })
}

fn known_part(source: &Source, part: &Text, parts: &[String]) -> Checked<()> {
    if parts.contains(part.get_ref()) {
        return Ok(());
    }
    let known = parts.join(", ");
    Err(source
        .error(part, format!("No [[command]] has the part \"{}\"; there are: {known}.", part.get_ref())))
}
