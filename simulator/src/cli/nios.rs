//! Infoblox NIOS: its administrative shell.

use std::sync::Arc;

use super::words::is_command;
use super::{Answer, Cli};
use crate::state::State;
use crate::terminal::Pager;
use crate::text;

pub(super) struct Nios {
    state: Arc<State>,
    rows: usize,
}

impl Nios {
    pub(super) fn new(state: Arc<State>) -> Self {
        Self { state, rows: 24 }
    }
}

impl Cli for Nios {
    fn greeting(&self) -> String {
        text::nios::GREETING.to_owned()
    }

    fn prompt(&self) -> String {
        "Infoblox > ".to_owned()
    }

    fn pager(&self) -> Option<Pager> {
        (self.rows > 0).then_some(Pager { rows: self.rows, prompt: "--More--", erase: "\r        \r" })
    }

    fn answer(&mut self, line: &str) -> Answer {
        let line = line.trim();
        let is = |command| is_command(line, command);
        if line.is_empty() {
            return Answer::default();
        }
        if is("exit") || is("quit") {
            return Answer { text: super::Text::Plain("Good Bye\n".to_owned()), ..Answer::exit() };
        }
        // netmiko turns paging off by `set lines 0`.
        if let Some(rows) = line.strip_prefix("set lines ").and_then(|rows| rows.trim().parse().ok()) {
            self.rows = rows;
            return Answer::default();
        }
        if !self.state.faults().reject_commands {
            let spec = &self.state.spec;
            if is("show network") {
                return Answer::config(self.state.show_config());
            }
            if is("show version") {
                return Answer::text(text::nios::version(spec));
            }
            if is("show license") {
                return Answer::text(text::nios::license(spec));
            }
            if is("show date") {
                return Answer::text(text::nios::date(self.state.next_moment()));
            }
        }
        let error = format!("unknown command '{line}'\ntype 'help' for more information\n");
        Answer { status: 1, ..Answer::text(error) }
    }
}
