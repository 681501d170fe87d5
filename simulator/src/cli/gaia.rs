//! Check Point Gaia: clish.

use std::sync::Arc;

use super::words::is_command;
use super::{Answer, Cli};
use crate::state::State;
use crate::terminal::Pager;
use crate::text;

pub(super) struct Gaia {
    state: Arc<State>,
    rows: usize,
}

impl Gaia {
    pub(super) fn new(state: Arc<State>) -> Self {
        Self { state, rows: 24 }
    }
}

impl Cli for Gaia {
    fn prompt(&self) -> String {
        format!("{}> ", self.state.spec.hostname)
    }

    fn pager(&self) -> Option<Pager> {
        (self.rows > 0).then_some(Pager { rows: self.rows, prompt: "-- More --", erase: "\r          \r" })
    }

    fn answer(&mut self, line: &str) -> Answer {
        // As the login shell of `ssh host command`, clish is given the command by `-c`.
        let line = line.trim();
        let line = line.strip_prefix("clish -c ").map_or(line, |command| command.trim_matches(['"', '\'']));
        let is = |command| is_command(line, command);
        if line.is_empty() {
            return Answer::default();
        }
        if is("exit") || is("quit") {
            return Answer::exit();
        }
        if let Some(rows) = line.strip_prefix("set clienv rows ").and_then(|rows| rows.trim().parse().ok()) {
            self.rows = rows;
            return Answer::default();
        }
        if is("lock database override") || is("unlock database") {
            return Answer::default();
        }
        if !self.state.faults().reject_commands {
            if is("show configuration") {
                return Answer::config(self.state.show_config());
            }
            if is("show version all") {
                return Answer::text(text::gaia::version());
            }
            if is("show asset all") {
                return Answer::text(text::gaia::asset(&self.state.spec));
            }
            if is("show uptime") {
                return Answer::text(text::gaia::uptime(self.state.next_moment()));
            }
        }
        Answer { status: 1, ..Answer::text(format!("CLINFR0329  Invalid command:'{line}'.\n")) }
    }
}
