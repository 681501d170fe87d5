//! From TOML to a [`Driver`]: what is wrong is said with its line and reason.

mod commands;
mod parts;
mod session;
mod warnings;

use etiqa_model::artifact::ArtifactKind;
use etiqa_model::device::DeviceType;

use super::file::{File, Text};
use super::regexes::Source;
use super::shape::{Checked as CheckedAgainst, Identify, Probe};
use super::{Driver, DriverError, hex_sha256};

type Checked<T> = Result<T, DriverError>;

pub(super) fn check(name: &str, text: &str) -> Checked<Driver> {
    check_name(name).map_err(|message| DriverError { line: None, message })?;
    let source = Source::new(text);
    let file: File = toml::from_str(text).map_err(|error| DriverError {
        line: error.span().map(|span| source.line(span.start)),
        message: sentence(error.message()),
    })?;
    if file.title.get_ref().trim().is_empty() {
        return Err(source.error(&file.title, "The title is empty."));
    }
    let commands = commands::commands(&source, &file)?;
    let parts = commands::parts(&commands);
    if parts.is_empty() {
        let message = "No [[command]] has a part, so nothing would be kept.".to_owned();
        return Err(DriverError { line: None, message });
    }
    let changes = source.searches(&file.change.messages)?;
    Ok(Driver {
        name: name.to_owned(),
        sha256: hex_sha256(text),
        text: text.to_owned(),
        default_for: default_for(&source, &file.default_for)?,
        artifact: artifact(&source, file.artifact.as_ref())?,
        identify: identify(&source, &file)?,
        legacy_ssh: file.ssh.legacy,
        mode: session::mode(&source, &file)?,
        rejections: source.searches(&file.errors.patterns)?,
        complete: parts::complete(&source, &file.complete, &parts)?,
        unsaved: parts::unsaved(&source, file.unsaved.as_ref(), &parts, &commands)?,
        volatile: parts::volatile(&source, &file.volatile, &parts)?,
        secrets: file.secret.iter().map(|secret| source.search(&secret.pattern)).collect::<Checked<_>>()?,
        facts: parts::facts(&source, &file.facts, &commands)?,
        warnings: warnings::warnings(&source, &file, &changes),
        changes,
        checked: file
            .checked
            .map(|checked| CheckedAgainst { against: checked.against, source: checked.source }),
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

fn default_for(source: &Source, names: &[Text]) -> Checked<Vec<DeviceType>> {
    names
        .iter()
        .map(|name| DeviceType::parse(name.get_ref()).map_err(|message| source.error(name, message)))
        .collect()
}

fn artifact(source: &Source, name: Option<&Text>) -> Checked<Option<ArtifactKind>> {
    name.map(|name| ArtifactKind::parse(name.get_ref()).map_err(|message| source.error(name, message)))
        .transpose()
}

fn identify(source: &Source, file: &File) -> Checked<Identify> {
    let rules = &file.identify;
    let probe = |probe: &super::file::Probe| {
        Ok(Probe { send: line(source, &probe.send)?, pattern: source.search(&probe.pattern)? })
    };
    Ok(Identify {
        ssh: source.searches(&rules.ssh)?,
        banner: source.searches(&rules.banner)?,
        prompt: rules.prompt.iter().map(|pattern| source.whole_line(pattern)).collect::<Checked<_>>()?,
        commands: rules.command.iter().map(probe).collect::<Checked<_>>()?,
    })
}

/// What is typed into a shell: one line.
fn line(source: &Source, text: &Text) -> Checked<String> {
    if text.get_ref().trim().is_empty() || text.get_ref().chars().any(char::is_control) {
        return Err(source.error(text, "A command is one line of text, without control characters."));
    }
    Ok(text.get_ref().trim().to_owned())
}

fn lines(source: &Source, texts: &[Text]) -> Checked<Vec<String>> {
    texts.iter().map(|text| line(source, text)).collect()
}

/// The parser's reasons start in lower case and have no full stop.
fn sentence(reason: &str) -> String {
    let reason = reason.trim().trim_end_matches('.').replace('\n', "; ");
    let mut chars = reason.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}
