//! Commands: what is sent, when, how often, and the part that each answer belongs to.

use std::time::Duration;

use super::{Checked, check_name, line, lines};
use crate::collect::driver::file::{self, File, Reference, Text};
use crate::collect::driver::regexes::Source;
use crate::collect::driver::shape::{AnswerRule, Command, Condition, ITEM};

/// Nobody waits longer for a single sign of life.
const LONGEST_TIMEOUT_S: u64 = 3_600;

pub(super) fn commands(source: &Source, file: &File) -> Checked<Vec<Command>> {
    let is_shell = *file.mode.get_ref() == file::Mode::Shell;
    let mut commands = Vec::with_capacity(file.command.len());
    for given in &file.command {
        let command = command(source, given, is_shell, &commands)?;
        commands.push(command);
    }
    Ok(commands)
}

fn command(source: &Source, given: &file::Command, is_shell: bool, earlier: &[Command]) -> Checked<Command> {
    if let (true, Some(exit)) = (is_shell, &given.exit) {
        return Err(source.error(exit, "A shell's commands have no exit status."));
    }
    if let (false, Some(step)) = (is_shell, given.enter.first().or(given.leave.first())) {
        return Err(source.error(step, "`enter` and `leave` belong to mode = \"shell\"."));
    }
    if given.file && is_shell {
        return Err(source.error(&given.send, "A `file` belongs to mode = \"exec\"."));
    }
    if let (true, Some(exit)) = (given.file, &given.exit) {
        return Err(source.error(exit, "A file has no exit status."));
    }
    if let Some(part) = &given.part {
        check_name(&part.get_ref().replacen(ITEM, "", 1))
            .map_err(|_| source.error(part, "A part's name is made of a-z, 0-9, _ and -."))?;
    }
    items_only_in_loops(source, given)?;
    let timeout = given.timeout.as_ref().map(|timeout| seconds(source, timeout)).transpose()?;
    let send = |text: &Text| if is_shell { line(source, text) } else { script(source, text) };
    let conditions =
        [(&given.when, true), (&given.unless, false)].into_iter().filter_map(|(rule, on_match)| {
            let rule = rule.as_ref()?;
            Some(answer_rule(source, rule, earlier).map(|rule| Condition { rule, on_match }))
        });
    Ok(Command {
        send: send(&given.send)?,
        is_file: given.file,
        alternatives: given.alternatives.iter().map(send).collect::<Checked<_>>()?,
        part: given.part.as_ref().map(|part| part.get_ref().clone()),
        optional: given.optional,
        exit: given.exit.as_ref().map_or_else(|| vec![0], |exit| exit.get_ref().clone()),
        timeout,
        strip_before: given.strip_before.as_ref().map(|regex| source.search(regex)).transpose()?,
        strip_after: given.strip_after.as_ref().map(|regex| source.search(regex)).transpose()?,
        conditions: conditions.collect::<Checked<_>>()?,
        each: given.each.as_ref().map(|each| group_rule(source, each, earlier, "An item's")).transpose()?,
        enter: lines(source, &given.enter)?,
        leave: lines(source, &given.leave)?,
    })
}

/// `{item}` means something in a loop only, and the parts of a loop need it to be told apart.
fn items_only_in_loops(source: &Source, given: &file::Command) -> Checked<()> {
    let texts = given
        .part
        .iter()
        .chain([&given.send])
        .chain(&given.alternatives)
        .chain(&given.enter)
        .chain(&given.leave);
    if given.each.is_none() {
        return match texts.into_iter().find(|text| text.get_ref().contains(ITEM)) {
            Some(text) => {
                Err(source.error(text, "{item} needs an `each` that says where the items come from."))
            }
            None => Ok(()),
        };
    }
    match &given.part {
        Some(part) if part.get_ref().matches(ITEM).count() != 1 => Err(source
            .error(part, "The part of an `each` needs {item} once in its name, one part for each item.")),
        _ => Ok(()),
    }
}

fn seconds(source: &Source, timeout: &toml::Spanned<u64>) -> Checked<Duration> {
    if !(1..=LONGEST_TIMEOUT_S).contains(timeout.get_ref()) {
        return Err(source.error(timeout, format!("A timeout is 1 to {LONGEST_TIMEOUT_S} seconds.")));
    }
    Ok(Duration::from_secs(*timeout.get_ref()))
}

/// Resolves a reference to one of `commands`.
pub(super) fn answer_rule(source: &Source, rule: &Reference, commands: &[Command]) -> Checked<AnswerRule> {
    let named = rule.command.get_ref();
    let Some(command) = commands.iter().position(|command| command.send == *named) else {
        return Err(source.error(&rule.command, format!("No [[command]] before this one sends `{named}`.")));
    };
    Ok(AnswerRule { command, pattern: source.search(&rule.pattern)? })
}

/// [`answer_rule`] whose regex must have a group.
pub(super) fn group_rule(
    source: &Source,
    rule: &Reference,
    commands: &[Command],
    whose: &str,
) -> Checked<AnswerRule> {
    let resolved = answer_rule(source, rule, commands)?;
    if resolved.pattern.captures_len() < 2 {
        return Err(source.error(&rule.pattern, format!("{whose} regex needs a group around the value.")));
    }
    Ok(resolved)
}

/// The names of the parts, in the order of the commands.
pub(super) fn parts(commands: &[Command]) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for part in commands.iter().filter_map(|command| command.part.as_ref()) {
        if !parts.contains(part) {
            parts.push(part.clone());
        }
    }
    parts
}

/// What an exec channel runs: the remote shell takes several lines as well.
fn script(source: &Source, text: &Text) -> Checked<String> {
    if text.get_ref().trim().is_empty() || text.get_ref().contains('\0') {
        return Err(source.error(text, "The command is empty."));
    }
    Ok(text.get_ref().trim().to_owned())
}
