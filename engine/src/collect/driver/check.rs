//! From TOML to a [`Driver`]: what is wrong is said with its line and reason.

use std::collections::BTreeMap;

use etiqa_model::device::DeviceType;

use super::file::{self, File, Text};
use super::regexes::Source;
use super::{
    Command, Completeness, Driver, DriverError, Enable, FactRule, FactRules, Mode, Pager, Shell, Volatile,
    hex_sha256,
};
use crate::collect::prompt::PromptRule;

type Checked<T> = Result<T, DriverError>;

pub(super) fn check(name: &str, text: &str) -> Checked<Driver> {
    check_name(name).map_err(|message| DriverError { line: None, message })?;
    let source = Source(text);
    let file: File = toml::from_str(text).map_err(|error| DriverError {
        line: error.span().map(|span| source.line(span.start)),
        message: sentence(error.message()),
    })?;
    if file.title.get_ref().trim().is_empty() {
        return Err(source.error(&file.title, "The title is empty."));
    }
    let commands = commands(&source, &file)?;
    let parts = parts(&commands);
    if parts.is_empty() {
        let message = "No [[command]] has a part, so nothing would be kept.".to_owned();
        return Err(DriverError { line: None, message });
    }
    Ok(Driver {
        name: name.to_owned(),
        sha256: hex_sha256(text),
        text: text.to_owned(),
        default_for: default_for(&source, &file.default_for)?,
        mode: mode(&source, &file)?,
        rejections: source.searches(&file.errors.patterns)?,
        complete: complete(&source, &file.complete, &parts)?,
        volatile: volatile(&source, &file.volatile, &parts)?,
        secrets: file.secret.iter().map(|secret| source.search(&secret.pattern)).collect::<Checked<_>>()?,
        facts: facts(&source, &file.facts, &commands)?,
        title: file.title.into_inner(),
        commands,
        parts,
    })
}

/// A name is part of URLs, file names and command lines.
fn check_name(name: &str) -> Result<(), String> {
    let is_valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    if name.is_empty() || name.len() > 60 || !name.bytes().all(is_valid) {
        return Err(format!("\"{name}\" is no driver name: use a-z, 0-9, _ and -, at most 60 of them."));
    }
    Ok(())
}

fn default_for(source: &Source<'_>, names: &[Text]) -> Checked<Vec<DeviceType>> {
    names
        .iter()
        .map(|name| DeviceType::parse(name.get_ref()).map_err(|message| source.error(name, message)))
        .collect()
}

fn mode(source: &Source<'_>, file: &File) -> Checked<Mode> {
    match file.mode.get_ref() {
        file::Mode::Shell => Ok(Mode::Shell(shell(source, file)?)),
        file::Mode::Exec => {
            let only_shell = "belongs to mode = \"shell\"; with \"exec\" there is no prompt.";
            if let Some(at) = &file.prompt {
                return Err(source.error(at, format!("[prompt] {only_shell}")));
            }
            if let Some(at) = &file.paging {
                return Err(source.error(at, format!("[paging] {only_shell}")));
            }
            if let Some(at) = &file.enable {
                return Err(source.error(at, format!("[enable] {only_shell}")));
            }
            if let Some(at) = file.logout.first() {
                return Err(source.error(at, format!("logout {only_shell}")));
            }
            Ok(Mode::Exec)
        }
    }
}

fn shell(source: &Source<'_>, file: &File) -> Checked<Shell> {
    let Some(prompt) = &file.prompt else {
        return Err(source.error(&file.mode, "mode = \"shell\" needs a [prompt]."));
    };
    let whole_line =
        |pattern: &Option<Text>| pattern.as_ref().map(|pattern| source.whole_line(pattern)).transpose();
    let rule = PromptRule {
        user: whole_line(&prompt.get_ref().user)?,
        privileged: whole_line(&prompt.get_ref().privileged)?,
    };
    if rule.privileged.is_none() {
        return Err(
            source.error(prompt, "[prompt] needs `privileged`: the prompt at which commands are sent.")
        );
    }
    let enable = file.enable.as_ref().map(|enable| self::enable(source, enable.get_ref())).transpose()?;
    if rule.user.is_some() && enable.is_none() {
        return Err(
            source.error(prompt, "A `user` prompt needs an [enable] that leads to the privileged one.")
        );
    }
    let (paging_disable, pagers) = match &file.paging {
        Some(paging) => (lines(source, &paging.get_ref().disable)?, pagers(source, &paging.get_ref().pager)?),
        None => (Vec::new(), Vec::new()),
    };
    Ok(Shell { prompt: rule, paging_disable, pagers, enable, logout: lines(source, &file.logout)? })
}

fn enable(source: &Source<'_>, enable: &file::Enable) -> Checked<Enable> {
    Ok(Enable {
        command: line(source, &enable.command)?,
        password_prompt: source.whole_line(&enable.password_prompt)?,
    })
}

fn pagers(source: &Source<'_>, pagers: &[file::Pager]) -> Checked<Vec<Pager>> {
    pagers
        .iter()
        .map(|pager| {
            Ok(Pager {
                pattern: source.whole_line(&pager.pattern)?,
                answer: pager.answer.clone(),
                erases: pager.erases,
            })
        })
        .collect()
}

fn commands(source: &Source<'_>, file: &File) -> Checked<Vec<Command>> {
    let is_shell = *file.mode.get_ref() == file::Mode::Shell;
    file.command
        .iter()
        .map(|command| {
            if let (true, Some(exit)) = (is_shell, &command.exit) {
                return Err(source.error(exit, "A shell's commands have no exit status."));
            }
            if let Some(part) = &command.part {
                check_name(part.get_ref())
                    .map_err(|_| source.error(part, "A part's name is made of a-z, 0-9, _ and -."))?;
            }
            let send = if is_shell { line(source, &command.send)? } else { script(source, &command.send)? };
            Ok(Command {
                send,
                part: command.part.as_ref().map(|part| part.get_ref().clone()),
                optional: command.optional,
                exit: command.exit.as_ref().map_or_else(|| vec![0], |exit| exit.get_ref().clone()),
                strip_before: command.strip_before.as_ref().map(|regex| source.search(regex)).transpose()?,
            })
        })
        .collect()
}

fn parts(commands: &[Command]) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for part in commands.iter().filter_map(|command| command.part.as_ref()) {
        if !parts.contains(part) {
            parts.push(part.clone());
        }
    }
    parts
}

fn complete(
    source: &Source<'_>,
    rules: &BTreeMap<Text, file::Complete>,
    parts: &[String],
) -> Checked<Vec<Completeness>> {
    rules
        .iter()
        .map(|(part, rule)| {
            known_part(source, part, parts)?;
            Ok(Completeness {
                part: part.get_ref().clone(),
                end_marker: rule.end_marker.as_ref().map(|regex| source.whole_line(regex)).transpose()?,
                min_lines: rule.min_lines,
                braces: rule.braces,
                required: source.searches(&rule.required)?,
                forbidden: source.searches(&rule.forbidden)?,
            })
        })
        .collect()
}

fn volatile(source: &Source<'_>, rules: &[file::Volatile], parts: &[String]) -> Checked<Vec<Volatile>> {
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

fn facts(source: &Source<'_>, facts: &file::Facts, commands: &[Command]) -> Checked<FactRules> {
    let rule = |fact: &Option<file::Fact>| {
        let Some(fact) = fact else { return Ok(None) };
        if !commands.iter().any(|command| command.send == *fact.command.get_ref()) {
            let message = format!("No [[command]] sends `{}`.", fact.command.get_ref());
            return Err(source.error(&fact.command, message));
        }
        let pattern = source.search(&fact.pattern)?;
        if pattern.captures_len() < 2 {
            return Err(source.error(&fact.pattern, "A fact's regex needs a group around the value."));
        }
        Ok(Some(FactRule { command: fact.command.get_ref().clone(), pattern }))
    };
    Ok(FactRules {
        model: rule(&facts.model)?,
        serial: rule(&facts.serial)?,
        os_version: rule(&facts.os_version)?,
    })
}

fn known_part(source: &Source<'_>, part: &Text, parts: &[String]) -> Checked<()> {
    if parts.contains(part.get_ref()) {
        return Ok(());
    }
    let known = parts.join(", ");
    Err(source
        .error(part, format!("No [[command]] has the part \"{}\"; there are: {known}.", part.get_ref())))
}

/// What is typed into a shell: one line.
fn line(source: &Source<'_>, text: &Text) -> Checked<String> {
    if text.get_ref().trim().is_empty() || text.get_ref().chars().any(char::is_control) {
        return Err(source.error(text, "A command is one line of text, without control characters."));
    }
    Ok(text.get_ref().trim().to_owned())
}

fn lines(source: &Source<'_>, texts: &[Text]) -> Checked<Vec<String>> {
    texts.iter().map(|text| line(source, text)).collect()
}

/// What an exec channel runs: the remote shell takes several lines as well.
fn script(source: &Source<'_>, text: &Text) -> Checked<String> {
    if text.get_ref().trim().is_empty() || text.get_ref().contains('\0') {
        return Err(source.error(text, "The command is empty."));
    }
    Ok(text.get_ref().trim().to_owned())
}

/// The parser's reasons start in lower case and have no full stop.
fn sentence(reason: &str) -> String {
    let reason = reason.trim().trim_end_matches('.').replace('\n', "; ");
    let mut chars = reason.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}
