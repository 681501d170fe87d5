//! Cisco IOS: user and privileged mode, a pager, errors with a caret.

use std::sync::Arc;

use super::words::is_command;
use super::{Answer, Cli, Next};
use crate::spec::DeviceSpec;
use crate::state::State;
use crate::terminal::Pager;
use crate::text;

/// A password may be typed wrong so often before `enable` gives up.
const ENABLE_ATTEMPTS: usize = 3;

pub(super) struct Ios {
    state: Arc<State>,
    is_privileged: bool,
    rows: usize,
    wrong_secrets: usize,
    /// What the running and the saved configuration have in common, of which revision: nearly always the same one.
    body: Option<(u64, String)>,
}

impl Ios {
    pub(super) fn new(state: Arc<State>) -> Self {
        let is_privileged = state.spec.enable_password.is_none();
        Self { state, is_privileged, rows: 24, wrong_secrets: 0, body: None }
    }

    fn enable(&mut self) -> Answer {
        if self.is_privileged || self.state.spec.enable_password.is_none() {
            self.is_privileged = true;
            return Answer::default();
        }
        self.wrong_secrets = 0;
        Answer { next: Next::Secret("Password: "), ..Answer::default() }
    }

    fn running_config(&mut self) -> Answer {
        let Self { state, body, .. } = self;
        Answer::config(state.show_config_by(|revision, moment| {
            text::ios::running_config(&state.spec, body_of(body, &state.spec, revision), moment)
        }))
    }

    fn startup_config(&mut self) -> Answer {
        let saved = self.state.revision().saturating_sub(1);
        Answer::text(text::ios::startup_config(body_of(&mut self.body, &self.state.spec, saved)))
    }

    fn terminal(&mut self, line: &str) -> Option<Answer> {
        let (command, number) = line.trim().rsplit_once(' ')?;
        let number = number.parse().ok()?;
        if is_command(command, "terminal length") {
            self.rows = number;
        } else if !is_command(command, "terminal width") {
            return None;
        }
        Some(Answer::default())
    }

    /// The caret stands under the first word that is not understood.
    fn invalid(&self, line: &str) -> Answer {
        let known_first_words: &[&str] =
            if self.is_privileged { &["show", "terminal", "enable"] } else { &["show", "terminal"] };
        let indent = line.len() - line.trim_start().len();
        let first = line.split_whitespace().next().unwrap_or_default();
        let is_known = known_first_words.iter().any(|known| known.starts_with(&first.to_lowercase()));
        let column = if is_known {
            let rest = &line[indent + first.len()..];
            line.len() - rest.trim_start().len()
        } else {
            indent
        };
        let spaces = " ".repeat(self.prompt().len() + column);
        Answer::text(format!("{spaces}^\n% Invalid input detected at '^' marker.\n\n"))
    }
}

/// The body of this revision, made where it is not at hand.
fn body_of<'a>(body: &'a mut Option<(u64, String)>, spec: &DeviceSpec, revision: u64) -> &'a str {
    if body.as_ref().is_none_or(|(of, _)| *of != revision) {
        *body = None;
    }
    &body.get_or_insert_with(|| (revision, text::ios::body(spec, revision))).1
}

impl Cli for Ios {
    fn greeting(&self) -> String {
        text::ios::MOTD.to_owned()
    }

    fn prompt(&self) -> String {
        format!("{}{}", self.state.spec.hostname, if self.is_privileged { '#' } else { '>' })
    }

    fn pager(&self) -> Option<Pager> {
        // The text that removes the prompt was recorded on IOS 15: back, blank, back.
        (self.rows > 0).then_some(Pager {
            rows: self.rows,
            prompt: " --More-- ",
            erase: "\x08\x08\x08\x08\x08\x08\x08\x08\x08        \x08\x08\x08\x08\x08\x08\x08\x08\x08",
        })
    }

    fn answer(&mut self, line: &str) -> Answer {
        let is = |command| is_command(line, command);
        if line.trim().is_empty() {
            return Answer::default();
        }
        if is("exit") || is("logout") || is("quit") {
            return Answer::exit();
        }
        if is("enable") {
            return self.enable();
        }
        if is("disable") {
            self.is_privileged = self.state.spec.enable_password.is_none();
            return Answer::default();
        }
        if let Some(answer) = self.terminal(line) {
            return answer;
        }
        if self.state.faults().reject_commands {
            return self.invalid(line);
        }
        if is("show version") {
            return Answer::text(text::ios::version(&self.state.spec, self.state.next_moment()));
        }
        if self.is_privileged && is("show running-config") {
            return self.running_config();
        }
        if self.is_privileged && is("show startup-config") {
            return self.startup_config();
        }
        self.invalid(line)
    }

    fn secret(&mut self, typed: &str) -> Answer {
        if self.state.spec.enable_password.as_ref().is_some_and(|secret| secret.reveal() == typed) {
            self.is_privileged = true;
            return Answer::default();
        }
        self.wrong_secrets += 1;
        if self.wrong_secrets < ENABLE_ATTEMPTS {
            return Answer { next: Next::Secret("Password: "), ..Answer::default() };
        }
        Answer::text("% Bad secrets\n\n")
    }
}
