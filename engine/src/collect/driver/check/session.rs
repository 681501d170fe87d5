//! The shell: its terminal, questions at login, prompts, pagers, privilege.

use regex::Regex;

use super::{Checked, line, lines};
use crate::collect::driver::file::{self, File, Text};
use crate::collect::driver::regexes::Source;
use crate::collect::driver::shape::{Enable, LoginRules, Mode, Pager, Question, Shell, TerminalSettings};
use crate::collect::prompt::PromptRule;

/// How Unix, network devices and appliances ask for a name and a password.
const USERNAME_PROMPT: &str = r"(?i)(?:.*\s)?(?:user ?name|login|user)(?: name)?\s*:";
const PASSWORD_PROMPT: &str = r"(?i)(?:.*\s)?password\s*:";

/// Columns and lines that devices take; some refuse more than 16 bits hold.
const MOST_COLUMNS: u32 = 32_767;

pub(super) fn mode(source: &Source, file: &File) -> Checked<Mode> {
    match file.mode.get_ref() {
        file::Mode::Shell => Ok(Mode::Shell(Box::new(shell(source, file)?))),
        file::Mode::Exec => no_shell(source, file).map(|()| Mode::Exec),
    }
}

fn no_shell(source: &Source, file: &File) -> Checked<()> {
    let places = [
        file.prompt.as_ref().map(|at| (at.span(), "[prompt]")),
        file.paging.as_ref().map(|at| (at.span(), "[paging]")),
        file.enable.as_ref().map(|at| (at.span(), "[enable]")),
        file.login.as_ref().map(|at| (at.span(), "[login]")),
        file.terminal.as_ref().map(|at| (at.span(), "[terminal]")),
        file.logout.first().map(|at| (at.span(), "logout")),
    ];
    match places.into_iter().flatten().next() {
        Some((span, key)) => {
            let message = format!("{key} belongs to mode = \"shell\"; with \"exec\" there is no prompt.");
            Err(source.error_at(span.start, message))
        }
        None => Ok(()),
    }
}

fn shell(source: &Source, file: &File) -> Checked<Shell> {
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
    Ok(Shell {
        terminal: terminal(source, file)?,
        login: login(source, file)?,
        prompt: rule,
        paging_disable,
        pagers,
        enable,
        logout: lines(source, &file.logout)?,
    })
}

fn terminal(source: &Source, file: &File) -> Checked<TerminalSettings> {
    let mut settings =
        TerminalSettings { newline: "\n".to_owned(), width: 511, height: 1000, kind: "vt100".to_owned() };
    let Some(given) = file.terminal.as_ref().map(toml::Spanned::get_ref) else { return Ok(settings) };
    if let Some(newline) = &given.newline {
        if !["\n", "\r", "\r\n"].contains(&newline.get_ref().as_str()) {
            return Err(source.error(newline, r#"A newline is "\n", "\r" or "\r\n"."#));
        }
        settings.newline.clone_from(newline.get_ref());
    }
    for (size, given) in [(&mut settings.width, &given.width), (&mut settings.height, &given.height)] {
        let Some(given) = given else { continue };
        if *given.get_ref() > MOST_COLUMNS {
            return Err(
                source.error(given, format!("A terminal has at most {MOST_COLUMNS} columns and lines."))
            );
        }
        *size = *given.get_ref();
    }
    if let Some(kind) = &given.kind {
        settings.kind = line(source, kind)?;
    }
    Ok(settings)
}

fn login(source: &Source, file: &File) -> Checked<LoginRules> {
    let given = file.login.as_ref().map(toml::Spanned::get_ref);
    let or_usual = |pattern: Option<&Text>, usual: &'static str| match pattern {
        Some(pattern) => source.whole_line(pattern),
        None => source.usual(usual),
    };
    let questions = given.map_or(&[][..], |login| &login.question);
    Ok(LoginRules {
        username_prompt: or_usual(given.and_then(|login| login.username_prompt.as_ref()), USERNAME_PROMPT)?,
        password_prompt: or_usual(given.and_then(|login| login.password_prompt.as_ref()), PASSWORD_PROMPT)?,
        refused: given.map(|login| source.searches(&login.refused)).transpose()?.unwrap_or_default(),
        questions: questions
            .iter()
            .map(|question| {
                let pattern: Regex = source.whole_line(&question.pattern)?;
                Ok(Question { pattern, answer: question.answer.clone() })
            })
            .collect::<Checked<_>>()?,
    })
}

fn enable(source: &Source, enable: &file::Enable) -> Checked<Enable> {
    Ok(Enable {
        command: line(source, &enable.command)?,
        password_prompt: enable.password_prompt.as_ref().map(|regex| source.whole_line(regex)).transpose()?,
        without_password: enable.without_password,
    })
}

fn pagers(source: &Source, pagers: &[file::Pager]) -> Checked<Vec<Pager>> {
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
