//! Check Point Gaia: `add backup local` in its shell, the file by SFTP or SCP over the same connection, `delete backup`.
//!
//! The commands and what they answer: Gaia administration guide, "System backup" (`add backup`, `show backup status`,
//! `delete backup`). The status of an earlier backup stays on show until a new one has begun, so only a file that
//! was not there before counts.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use etiqa_model::class::Class;
use regex::Regex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::talk::Patience;
use super::whole::Form;
use super::{Brought, CLEAN_UP, Fetched, Incoming, Order, kept};
use crate::collect::driver::{Driver, Mode, Shell};
use crate::collect::evidence::Evidence;
use crate::collect::failure::{Failure, Step, excerpt};
use crate::collect::rejection::rejecting_line;
use crate::collect::runner::{Errand, Opened, on_errand, ready_shell, rejected};
use crate::collect::session::Session;
use crate::collect::target::{Limits, Login};
use crate::collect::transport::files::{self, Sink};
use crate::collect::transport::ssh::Connection;
use crate::collect::transport::{AnyLine, Line};

const STATUS: &str = "show backup status";
const ADD: &str = "add backup local";
const LIST: &str = "show backups";

/// Where Gaia puts backups; nothing else is fetched or deleted, whatever a status says.
const FOLDER: &str = "/var/log/CPbackup/backups/";

/// A command that begins a backup may be silent for so long (it looks how much room there is first).
const LONGEST_SILENCE: Duration = Duration::from_mins(2);

pub(super) async fn fetch(
    order: &Order<'_>,
    file: Incoming,
    cancel: &CancellationToken,
    evidence: &mut Evidence,
) -> Step<Fetched> {
    let Mode::Shell(shell) = &order.driver.mode else {
        let message = format!("The driver {} opens no shell; a Gaia backup needs one.", order.driver.name());
        return Err(Failure::new(Class::Unsupported, message));
    };
    let deadline = Instant::now() + order.limits.deadline;
    let errand =
        Backup { driver: order.driver, shell, state: Mutex::default(), file: tokio::sync::Mutex::new(file) };
    let made = on_errand(&errand, order.target, order.logins, order.limits, cancel, evidence).await;
    let state = std::mem::take(&mut *errand.state.lock().unwrap_or_else(PoisonError::into_inner));
    let leftover = clean_up(order, shell, state, evidence).await.err();
    if let Err(failure) = made {
        let message =
            leftover.map_or_else(|| failure.message.clone(), |left| format!("{} {left}", failure.message));
        return Err(Failure::new(failure.class, message));
    }
    let file = errand.file.into_inner();
    let brought = Brought { form: Form::TarGz, extension: "tgz" };
    Ok((kept(file, &brought, &Login::default(), deadline, cancel, evidence).await?, leftover))
}

/// How far a backup has come; what it says has to be cleaned up.
#[derive(Default)]
enum State {
    #[default]
    Nothing,
    /// The device works on it; `before` is what its status said before.
    Begun { before: String },
    /// The file at this path is the device's own copy.
    There { path: String },
}

struct Backup<'a> {
    driver: &'a Driver,
    shell: &'a Shell,
    state: Mutex<State>,
    file: tokio::sync::Mutex<Incoming>,
}

impl Errand for Backup<'_> {
    type Gives = ();

    fn driver(&self) -> &Driver {
        self.driver
    }

    async fn run(
        &self,
        opened: &mut Opened,
        login: &Login,
        limits: &Limits,
        evidence: &mut Evidence,
    ) -> Step<()> {
        let line = opened.line(&self.shell.terminal, limits).await?;
        let Opened::Ssh(connection) = &*opened else {
            let message = "A Gaia backup is fetched over SSH; set the device's transport to SSH.";
            return Err(Failure::new(Class::Unsupported, message));
        };
        match line {
            AnyLine::Ssh(line) => self.talk(line, connection, login, limits, evidence).await,
            AnyLine::Telnet(line) => self.talk(line, connection, login, limits, evidence).await,
        }
    }
}

impl Backup<'_> {
    async fn talk<L: Line>(
        &self,
        line: L,
        connection: &Connection,
        login: &Login,
        limits: &Limits,
        evidence: &mut Evidence,
    ) -> Step<()> {
        let mut session = Session::new(line, self.driver, self.shell, limits, evidence);
        ready_shell(&mut session, self.shell, login).await?;
        let before = say(&mut session, self.driver, STATUS).await?;
        if let Status::Working = Status::read(&before) {
            let message = "The device is making a backup already; it is tried again with the next run.";
            return Err(Failure::new(Class::CommandRejected, message));
        }
        self.set(State::Begun { before: before.clone() });
        session.doing(format!("running `{ADD}`"));
        let said = say(&mut session, self.driver, ADD).await?;
        if !has_begun(&said) {
            // Somebody else's backup is neither fetched nor removed.
            self.set(State::Nothing);
            let message = format!("The device did not begin a backup: “{}”.", excerpt(&said, 120));
            return Err(Failure::new(Class::CommandRejected, message));
        }
        session.doing("waiting for the backup");
        let path = match finished_path(&mut session, self.driver, &before).await {
            Err(failure) if failure.class == Class::Incomplete => {
                // It says itself that there is none.
                self.set(State::Nothing);
                return Err(failure);
            }
            path => path?,
        };
        self.set(State::There { path: path.clone() });
        session.doing(format!("downloading {path}"));
        {
            let mut file = self.file.lock().await;
            file.begin_again().await?;
            files::fetch(connection, &path, limits, &mut *file).await?;
        }
        session.doing("removing the device's own copy");
        // The file is here: a copy that stays there as well is for a person to remove.
        if delete(&mut session, self.driver, &path).await.is_ok() {
            self.set(State::Nothing);
        }
        session.log_out(self.shell.logout.first().map_or("", String::as_str)).await.ok();
        Ok(())
    }

    fn set(&self, state: State) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

impl Sink for Incoming {
    async fn take(&mut self, piece: &[u8]) -> Step<()> {
        self.write(piece).await
    }
}

/// Takes away what is left on the device, over a connection of its own: the first one may be what broke.
async fn clean_up(
    order: &Order<'_>,
    shell: &Shell,
    state: State,
    evidence: &mut Evidence,
) -> Result<(), String> {
    let what = match &state {
        State::Nothing => return Ok(()),
        State::Begun { .. } => "the backup that it was told to make".to_owned(),
        State::There { path } => name_of(path).to_owned(),
    };
    evidence.doing("cleaning up on the device");
    let errand = Removal { driver: order.driver, shell, state };
    let limits = Limits { deadline: CLEAN_UP, ..order.limits.clone() };
    let never = CancellationToken::new();
    let mut own = Evidence::default();
    let removed = on_errand(&errand, order.target, order.logins, &limits, &never, &mut own).await;
    removed.map_err(|failure| {
        evidence.transcript.note(&format!("cleaning up: {failure}"));
        format!(
            "The device may still hold {what}: look at `show backups` and remove it with `delete backup`."
        )
    })
}

struct Removal<'a> {
    driver: &'a Driver,
    shell: &'a Shell,
    state: State,
}

impl Errand for Removal<'_> {
    type Gives = ();

    fn driver(&self) -> &Driver {
        self.driver
    }

    async fn run(
        &self,
        opened: &mut Opened,
        login: &Login,
        limits: &Limits,
        evidence: &mut Evidence,
    ) -> Step<()> {
        match opened.line(&self.shell.terminal, limits).await? {
            AnyLine::Ssh(line) => self.talk(line, login, limits, evidence).await,
            AnyLine::Telnet(line) => self.talk(line, login, limits, evidence).await,
        }
    }
}

impl Removal<'_> {
    async fn talk<L: Line>(
        &self,
        line: L,
        login: &Login,
        limits: &Limits,
        evidence: &mut Evidence,
    ) -> Step<()> {
        let mut session = Session::new(line, self.driver, self.shell, limits, evidence);
        ready_shell(&mut session, self.shell, login).await?;
        let path = match &self.state {
            State::Nothing => return Ok(()),
            State::There { path } => path.clone(),
            // It cannot be stopped; once it is there it can be removed.
            State::Begun { before } => finished_path(&mut session, self.driver, before).await?,
        };
        delete(&mut session, self.driver, &path).await
    }
}

/// What `show backup status` says.
enum Status {
    /// None was ever made, or the words are unknown.
    Idle,
    Working,
    Failed(String),
    Succeeded {
        path: String,
    },
}

impl Status {
    fn read(answer: &str) -> Self {
        let line = |words: &[&str]| {
            answer.lines().find(|line| {
                let line = line.to_lowercase();
                words.iter().any(|word| line.contains(word))
            })
        };
        if let Some(path) = path_in(answer)
            && line(&["succeeded", "successful"]).is_some()
        {
            return Self::Succeeded { path };
        }
        if let Some(failed) = line(&["failed", "error", "not enough"]) {
            return Self::Failed(excerpt(failed, 120));
        }
        if line(&["performing", "in progress", "creating", "running"]).is_some() {
            return Self::Working;
        }
        Self::Idle
    }
}

/// `Backup file location: /var/log/CPbackup/backups/backup_….tgz`, and only a name of its own kind in that folder.
fn path_in(answer: &str) -> Option<String> {
    let path = answer.lines().find_map(|line| line.split_once(&FOLDER[..4]).map(|(_, rest)| rest.trim()))?;
    let path = format!("{}{path}", &FOLDER[..4]);
    let name = path.strip_prefix(FOLDER)?;
    let is_name = Regex::new(r"^[\w.-]+\.(?:tgz|tar\.gz)$").ok()?.is_match(name);
    is_name.then_some(path)
}

fn name_of(path: &str) -> &str {
    path.strip_prefix(FOLDER).unwrap_or(path)
}

/// Waits until a backup that was begun after the status said `before` is finished.
async fn finished_path<L: Line>(session: &mut Session<'_, L>, driver: &Driver, before: &str) -> Step<String> {
    let mut patience = Patience::new();
    loop {
        patience.wait().await;
        let said = say(session, driver, STATUS).await?;
        // What was said of an earlier one, good or bad, is still on show.
        if said == before {
            continue;
        }
        match Status::read(&said) {
            Status::Succeeded { path } => return Ok(path),
            Status::Failed(said) => {
                let message = format!("The device could not make the backup: “{said}”.");
                return Err(Failure::new(Class::Incomplete, message));
            }
            Status::Working | Status::Idle => {}
        }
    }
}

/// Removes a backup, and looks whether it is gone: what a refusal says differs by release.
async fn delete<L: Line>(session: &mut Session<'_, L>, driver: &Driver, path: &str) -> Step<()> {
    let name = name_of(path);
    let said = say(session, driver, &format!("delete backup {name}")).await?;
    if say(session, driver, LIST).await?.contains(name) {
        let message = format!("The device did not remove {name}: “{}”.", excerpt(&said, 120));
        return Err(Failure::new(Class::CommandRejected, message));
    }
    Ok(())
}

/// Whether the answer to `add backup local` says that one is being made now.
fn has_begun(said: &str) -> bool {
    let said = said.to_lowercase();
    said.contains("creating backup") || said.contains("monitor creation progress")
}

async fn say<L: Line>(session: &mut Session<'_, L>, driver: &Driver, command: &str) -> Step<String> {
    let answer = session.command(command, Some(LONGEST_SILENCE)).await?.text;
    match rejecting_line(&driver.rejections, &answer) {
        Some(rejection) => Err(rejected(driver, command, rejection)),
        None => Ok(answer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_names_a_backup_only_within_the_folder_of_backups() {
        let said = |path: &str| {
            format!(
                "Local backup succeeded.\nBackup file location: {path}\nBackup process finished in 00:25 seconds\n"
            )
        };
        let good = "/var/log/CPbackup/backups/backup_gw1_31_Jan_2026_10_15.tgz";
        assert!(matches!(Status::read(&said(good)), Status::Succeeded { path } if path == good));
        for wrong in [
            "/var/log/CPbackup/backups/../../../etc/shadow.tgz",
            "/etc/passwd",
            "/var/log/CPbackup/backups/a b.tgz",
        ] {
            assert!(!matches!(Status::read(&said(wrong)), Status::Succeeded { .. }), "{wrong}");
        }
    }

    #[test]
    fn a_status_says_how_far_a_backup_is() {
        assert!(matches!(Status::read("Performing local backup\n"), Status::Working));
        assert!(matches!(Status::read("Local backup failed: Not enough disk space\n"), Status::Failed(_)));
        assert!(matches!(Status::read("No backup was performed\n"), Status::Idle));
    }
}
