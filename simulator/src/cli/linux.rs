//! A Linux server: a POSIX shell's view of a handful of files and programs.

use std::fmt::Write as _;
use std::sync::Arc;

use super::words::shell_words;
use super::{Answer, Cli, Text};
use crate::state::State;
use crate::text;

pub(super) struct Linux {
    state: Arc<State>,
}

impl Linux {
    pub(super) fn new(state: Arc<State>) -> Self {
        Self { state }
    }

    fn cat(&self, paths: &[String]) -> Answer {
        if let [path] = paths
            && path == text::linux::CONFIG_PATH
        {
            return Answer::config(self.state.show_config());
        }
        let mut answer = Answer::default();
        let mut content = String::new();
        for path in paths.iter().filter(|path| *path != "--") {
            if path == text::linux::CONFIG_PATH {
                content.push_str(&self.state.show_config());
            } else if let Some(file) = text::linux::file(&self.state.spec, path) {
                content.push_str(&file);
            } else {
                let _ = writeln!(answer.error, "cat: {path}: No such file or directory");
                answer.status = 1;
            }
        }
        answer.text = Text::Plain(content);
        answer
    }

    fn program(&self, words: &[String]) -> Answer {
        let Some((program, arguments)) = words.split_first() else { return Answer::default() };
        if self.state.faults().reject_commands {
            return Answer::failure(format!("{program}: Permission denied\n"), 1);
        }
        let spec = &self.state.spec;
        let hostname = &spec.hostname;
        match program.as_str() {
            "cat" | "/bin/cat" | "/usr/bin/cat" => self.cat(arguments),
            "sudo" => self.program(arguments.strip_prefix(&["-n".to_owned()]).unwrap_or(arguments)),
            "hostname" => Answer::text(format!("{hostname}\n")),
            "uname" => Answer::text(match arguments.first().map(String::as_str) {
                Some("-n") => format!("{hostname}\n"),
                Some("-r") => format!("{}\n", text::linux::KERNEL),
                Some(_) => format!(
                    "Linux {hostname} {} #1 SMP PREEMPT_DYNAMIC Debian 6.1.99-1 (2024-07-15) x86_64 GNU/Linux\n",
                    text::linux::KERNEL
                ),
                None => "Linux\n".to_owned(),
            }),
            "uptime" => Answer::text(text::linux::uptime(spec, self.state.next_moment())),
            "whoami" => Answer::text(format!("{}\n", spec.username)),
            "echo" => Answer::text(format!("{}\n", arguments.join(" "))),
            "true" | "stty" | "export" | "cd" => Answer::default(),
            "exit" | "logout" => Answer::exit(),
            _ => Answer::failure(format!("sh: 1: {program}: not found\n"), 127),
        }
    }
}

impl Cli for Linux {
    fn greeting(&self) -> String {
        text::linux::motd(&self.state.spec)
    }

    fn prompt(&self) -> String {
        format!("{}@{}:~$ ", self.state.spec.username, self.state.spec.hostname)
    }

    fn answer(&mut self, line: &str) -> Answer {
        let words = shell_words(line);
        let (redirections, words): (Vec<_>, Vec<_>) =
            words.into_iter().partition(|word| word.starts_with("2>"));
        let mut answer = self.program(&words);
        if redirections.iter().any(|redirection| redirection == "2>/dev/null") {
            answer.error.clear();
        }
        answer
    }
}
