//! Reading the file.

use std::fmt;

use super::{Exchange, RecordedPager, Recording, Typed};
use crate::class::Class;
use crate::device::Transport;

/// Lines of a page, where the head does not say.
const PAGE: usize = 22;

/// Why a recording is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordingError {
    /// Counted from 1.
    pub line: usize,
    /// One sentence.
    pub message: String,
}

impl fmt::Display for RecordingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for RecordingError {}

fn error(line: usize, message: impl Into<String>) -> RecordingError {
    RecordingError { line, message: message.into() }
}

pub(super) fn parse(text: &str) -> Result<Recording, RecordingError> {
    let text = text.replace("\r\n", "\n");
    let Some((head, body)) = text.split_once("\n---\n") else {
        return Err(error(
            1,
            "A recording has a head of `name: value` lines, a line `---`, and the session.",
        ));
    };
    let mut recording = Recording {
        platform: String::new(),
        source: String::new(),
        transport: Transport::Ssh,
        is_exec: false,
        ssh_version: None,
        unknown: String::new(),
        pager: None,
        paging_off: Vec::new(),
        expect: Class::Ok,
        has_enable: true,
        greeting: String::new(),
        exchanges: Vec::new(),
    };
    let (mut question, mut erase, mut lines) = (None, None, PAGE);
    for (index, line) in head.lines().enumerate() {
        let number = index + 1;
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((name, value)) = line.split_once(':') else {
            return Err(error(number, "A line of the head is `name: value`."));
        };
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name.trim() {
            "platform" => value.trim().clone_into(&mut recording.platform),
            "source" => value.trim().clone_into(&mut recording.source),
            "transport" => {
                recording.transport = Transport::parse(value).map_err(|message| error(number, message))?;
            }
            "mode" => match value.trim() {
                "shell" => recording.is_exec = false,
                "exec" => recording.is_exec = true,
                other => return Err(error(number, format!("\"{other}\" is no mode; use shell or exec."))),
            },
            "ssh" => recording.ssh_version = Some(value.trim().to_owned()),
            "unknown" => recording.unknown = control_characters(value),
            "pager" => question = Some(control_characters(value)),
            "erase" => erase = Some(control_characters(value)),
            "page" => {
                let count = value.trim().parse().ok().filter(|count| *count > 1);
                lines = count.ok_or_else(|| error(number, "A page has a number of lines, at least 2."))?;
            }
            "paging off" => {
                recording.paging_off = value.split(';').map(|command| command.trim().to_owned()).collect();
            }
            "expect" => {
                recording.expect = Class::parse(value.trim()).map_err(|message| error(number, message))?;
            }
            "credential" if value.trim() == "no enable" => recording.has_enable = false,
            "credential" => return Err(error(number, "The only credential that is known is `no enable`.")),
            other => return Err(error(number, format!("\"{other}\" is no name of the head."))),
        }
    }
    if recording.platform.is_empty() {
        return Err(error(1, "The head has no platform."));
    }
    recording.pager = question.map(|question| {
        let erase = erase.unwrap_or_else(|| format!("\r{}\r", " ".repeat(question.chars().count())));
        RecordedPager { question, erase, lines }
    });
    let first_line = head.lines().count() + 2;
    if recording.is_exec {
        commands(&mut recording, body, first_line)?;
    } else {
        dialogue(&mut recording, body, first_line)?;
    }
    if recording.exchanges.is_empty() {
        return Err(error(first_line, "Nothing is typed in this session: put what was typed into «…»."));
    }
    Ok(recording)
}

/// A shell's session: what is typed stands in «…», and everything else is said by the device.
fn dialogue(recording: &mut Recording, body: &str, first_line: usize) -> Result<(), RecordingError> {
    let mut rest = body;
    while let Some(at) = rest.find('«') {
        let line = || first_line + body[..body.len() - rest.len() + at].matches('\n').count();
        say(recording, &rest[..at]);
        let typed_on = &rest[at + '«'.len_utf8()..];
        let Some(end) = typed_on.find('»').filter(|end| !typed_on[..*end].contains('\n')) else {
            return Err(error(line(), "« has no » on its line."));
        };
        let after = &typed_on[end + '»'.len_utf8()..];
        let Some(next) = after.strip_prefix('\n').or(after.is_empty().then_some("")) else {
            return Err(error(line(), "What is typed ends its line; nothing stands behind »."));
        };
        let typed = match &typed_on[..end] {
            "*" => Typed::Secret,
            " " => Typed::Key,
            line => Typed::Line(line.to_owned()),
        };
        recording.exchanges.push(Exchange { typed, answer: String::new(), status: 0 });
        rest = next;
    }
    say(recording, rest);
    Ok(())
}

/// Adds to what the device says: to its last answer, or to its greeting.
fn say(recording: &mut Recording, text: &str) {
    let said = match recording.exchanges.last_mut() {
        Some(exchange) => &mut exchange.answer,
        None => &mut recording.greeting,
    };
    said.push_str(&control_characters(text));
}

/// Single commands: `$ «command»` on a line of its own, its output, and `[exit N]` where it failed.
fn commands(recording: &mut Recording, body: &str, first_line: usize) -> Result<(), RecordingError> {
    let mut rest = body.strip_prefix("$ «").or_else(|| body.split_once("\n$ «").map(|(_, rest)| rest));
    while let Some(text) = rest {
        let line = || first_line + body[..body.len() - text.len()].matches('\n').count();
        let Some((command, output)) =
            text.split_once("»\n").or(text.strip_suffix('»').map(|command| (command, "")))
        else {
            return Err(error(line(), "« has no » at the end of a line."));
        };
        let (output, next) = match output.strip_prefix("$ «") {
            Some(next) => ("", Some(next)),
            None => match output.split_once("\n$ «") {
                Some((_, next)) => (&output[..output.len() - next.len() - "$ «".len()], Some(next)),
                None => (output, None),
            },
        };
        let (output, status) = exit_status(output);
        let (typed, answer) = (Typed::Line(command.to_owned()), control_characters(output));
        recording.exchanges.push(Exchange { typed, answer, status });
        rest = next;
    }
    Ok(())
}

/// Splits `[exit N]` off the end of a command's output.
fn exit_status(output: &str) -> (&str, u32) {
    let trimmed = output.trim_end_matches('\n');
    let start = trimmed.rfind('\n').map_or(0, |at| at + 1);
    let status =
        trimmed[start..].strip_prefix("[exit ").and_then(|rest| rest.strip_suffix(']')?.parse().ok());
    status.map_or((output, 0), |status| (&output[..start], status))
}

/// Pictures of control characters (U+2400 and on) as the characters themselves.
fn control_characters(text: &str) -> String {
    let character = |c: char| match c {
        '\u{2424}' => '\n',
        '\u{2400}'..='\u{241f}' => char::from_u32(u32::from(c) - 0x2400).unwrap_or(c),
        c => c,
    };
    text.chars().map(character).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "platform: x\n---\nsw>«show a»\none\nsw>«exit»\n";

    #[test]
    fn a_session_has_a_greeting_and_what_is_said_to_each_typed_line() {
        let recording = parse(SMALL).unwrap();
        assert_eq!(recording.greeting, "sw>");
        assert_eq!(recording.answer_to("show a"), Some("one\n"));
        assert_eq!(recording.answer_to("show b"), None);
    }

    #[test]
    fn single_commands_have_an_exit_status() {
        let recording =
            parse("platform: x\nmode: exec\nunknown: sh: not found\n---\n$ «a»\none\ntwo\n$ «b»\n$ «c»\nno\n[exit 3]\n")
                .unwrap();
        assert_eq!(recording.run("a"), ("one\ntwo\n".into(), 0));
        assert_eq!(recording.run("b"), (String::new(), 0));
        assert_eq!(recording.run("c"), ("no\n".into(), 3));
        assert_eq!(recording.run("d"), ("sh: not found\n".into(), 127));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, line, reason) in [
            ("platform: x\n", 1, "a line `---`"),
            ("platform: x\ncolour: red\n---\na>«b»\n", 2, "no name of the head"),
            ("platform: x\n---\nhello\n", 3, "Nothing is typed"),
            ("platform: x\n---\na>«b\n", 3, "has no »"),
            ("platform: x\n---\na>«b» c\n", 3, "ends its line"),
            ("platform: x\nexpect: fine\n---\na>«b»\n", 2, "class"),
            ("source: x\n---\na>«b»\n", 1, "no platform"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.message.contains(reason) && error.line == line, "{error}");
        }
    }
}
