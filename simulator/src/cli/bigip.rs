//! F5 BIG-IP: bash, in which `tmsh` commands run; `tmsh` may be the login shell too, so its commands are
//! understood without that word.

use std::sync::Arc;

use super::words::shell_words;
use super::{Answer, Cli};
use crate::state::State;
use crate::text;

pub(super) struct BigIp {
    state: Arc<State>,
}

impl BigIp {
    pub(super) fn new(state: Arc<State>) -> Self {
        Self { state }
    }

    /// Runs one command of tmsh; a command given by `-c` may be several, separated by semicolons.
    fn tmsh(&self, command: &str) -> Answer {
        let command = command.rsplit(';').next().unwrap_or_default();
        let words: Vec<&str> = command.split_whitespace().collect();
        let is_rejected = self.state.faults().reject_commands;
        match words.as_slice() {
            [] | ["cd" | "modify" | "save", ..] => Answer::default(),
            ["quit" | "exit"] => Answer::exit(),
            ["show", "sys", "version"] if !is_rejected => Answer::text(text::bigip::version()),
            ["show", "running-config"]
            | ["show", "running-config", "recursive"]
            | ["list"]
            | ["list", "recursive"]
                if !is_rejected =>
            {
                Answer::config(self.state.show_config())
            }
            ["show" | "list", unexpected @ ..] => {
                let argument = unexpected.first().copied().unwrap_or(words[0]);
                Answer::failure(format!("Syntax Error: unexpected argument \"{argument}\"\n"), 1)
            }
            [unexpected, ..] => {
                Answer::failure(format!("Syntax Error: unexpected argument \"{unexpected}\"\n"), 1)
            }
        }
    }
}

impl Cli for BigIp {
    fn prompt(&self) -> String {
        let spec = &self.state.spec;
        format!("{}@({})(cfg-sync Standalone)(Active)(/Common)(tmos)# ", spec.username, spec.hostname)
    }

    fn answer(&mut self, line: &str) -> Answer {
        let words = shell_words(line);
        let Some((program, arguments)) = words.split_first() else { return Answer::default() };
        match program.as_str() {
            "tmsh" | "/usr/bin/tmsh" => {
                let command: Vec<&str> = arguments
                    .iter()
                    .map(String::as_str)
                    .skip_while(|word| matches!(*word, "-q" | "-c"))
                    .collect();
                self.tmsh(&command.join(" "))
            }
            "show" | "list" | "cd" | "modify" | "save" | "quit" | "exit" => self.tmsh(&words.join(" ")),
            "cat" if arguments == ["/config/version"] => Answer::text("Product: BIG-IP\nVersion: 16.1.3.1\n"),
            _ => Answer::failure(format!("-bash: {program}: command not found\n"), 127),
        }
    }
}
