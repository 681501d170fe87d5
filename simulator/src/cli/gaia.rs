//! Check Point Gaia: clish.
//!
//! Backups: the guided example of Check Point's Gaia Administration Guide ("Backing Up and Restoring the System", R80.40
//! to R81.20) for `add backup local`, `show backup status` while one is made, `show backups` and `delete backup`; a
//! public tool's notes of a live R81.20 for the status of one that is made, which names the file.

use std::fmt::Write as _;
use std::sync::Arc;

use super::words::is_command;
use super::{Answer, Cli};
use crate::backups::{self, Progress};
use crate::state::State;
use crate::terminal::Pager;
use crate::text;
use crate::transfer::GAIA_BACKUPS;

pub(super) struct Gaia {
    state: Arc<State>,
    rows: usize,
}

impl Gaia {
    pub(super) fn new(state: Arc<State>) -> Self {
        Self { state, rows: 24 }
    }

    /// The commands that make, show and delete backups.
    fn backup(&self, line: &str) -> Option<Answer> {
        if is_command(line, "add backup local") {
            return Some(self.add_backup());
        }
        if is_command(line, "show backup status") {
            return Some(Answer::text(self.backup_status()));
        }
        if is_command(line, "show backups") {
            return Some(Answer::text(self.backups()));
        }
        let name = line.strip_prefix("delete backup ")?.trim();
        let refused = |text| Answer { status: 1, ..Answer::text(text) };
        if self.state.faults().https.keeps_backups {
            return Some(refused(format!("Failed to delete backup {name}\n")));
        }
        Some(if self.state.backups.remove(name) {
            Answer::default()
        } else {
            refused(format!("Backup file {name} does not exist\n"))
        })
    }

    fn add_backup(&self) -> Answer {
        let mut newest = self.state.newest_backup();
        if newest.as_ref().is_some_and(|job| job.progress() == Progress::Running) {
            return Answer { status: 1, ..Answer::text("Another backup is running now. Try again later.\n") };
        }
        let name = text::gaia::backup_name(&self.state.spec, self.state.next_moment());
        *newest = Some(backups::begin(&self.state, &name, false));
        Answer::text(
            "Creating backup package. Use the command 'show backups' to monitor creation progress.\n",
        )
    }

    fn backup_status(&self) -> String {
        match self.state.newest_backup().as_ref().map(|job| (job.progress(), &job.name)) {
            None => "No backup was performed\n".to_owned(),
            Some((Progress::Running, _)) => "Performing local backup\n".to_owned(),
            Some((Progress::Failed, _)) => "Local backup failed.\n".to_owned(),
            Some((Progress::Done, name)) => format!(
                "Local backup succeeded.\nBackup file location: {GAIA_BACKUPS}{name}\n\
                 Backup process finished in 00:04 seconds\nBackup Date: 02-Mar-2026 08:00:00\n"
            ),
        }
    }

    fn backups(&self) -> String {
        if self.state.newest_backup().as_ref().is_some_and(|job| job.progress() == Progress::Running) {
            return "Backup package is under creation now.\n".to_owned();
        }
        let state = &self.state;
        let files =
            state.backups.names().into_iter().filter_map(|name| Some((state.backups.file(&name)?, name)));
        files.fold(String::new(), |mut list, (file, name)| {
            let megabytes = file.size() as f64 / 1_048_576.0;
            let _ = writeln!(list, "{name}    Mon, Mar  2, 2026    {megabytes:.2} MB");
            list
        })
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
        if let Some(answer) = self.backup(line) {
            return answer;
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
