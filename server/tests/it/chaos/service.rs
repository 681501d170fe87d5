//! A process that somebody starts again whenever it has ended, as a service manager does.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;
use tokio::time::Instant;

use crate::harness::World;

/// One of the four.
pub(super) struct Service {
    arguments: Vec<String>,
    data: PathBuf,
    log: PathBuf,
    child: Child,
    stands_until: Option<Instant>,
}

impl Service {
    /// Starts it on a data directory of its own, with the key of the world.
    pub(super) fn start(world: &World, name: &str, data: PathBuf, arguments: &[&str]) -> Self {
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let log = world.place().join(format!("{name}.log"));
        let child = spawn(world, &arguments, &data, &log);
        Self { arguments, data, log, child, stands_until: None }
    }

    /// Everything that it and those before it have said.
    pub(super) fn log(&self) -> PathBuf {
        self.log.clone()
    }

    /// What it said that was no mere news.
    pub(super) fn warnings(&self) -> String {
        let said = std::fs::read_to_string(&self.log).unwrap();
        let lines =
            said.lines().filter(|line| [" WARN ", " ERROR ", "etiqa: "].iter().any(|w| line.contains(w)));
        let name = self.log.file_stem().unwrap().to_str().unwrap();
        lines.map(|line| format!("{name}: {line}")).collect::<Vec<_>>().join("\n")
    }

    /// Ends it as a power cut would; false where it has ended by itself.
    pub(super) fn kill(&mut self) -> bool {
        self.signal(Signal::KILL)
    }

    /// It stands still for so long; false where it has ended, or stands still already.
    pub(super) fn pause(&mut self, length: Duration) -> bool {
        let is_new = self.stands_until.is_none() && self.signal(Signal::STOP);
        if is_new {
            self.stands_until = Some(Instant::now() + length);
        }
        is_new
    }

    /// It goes on where it stood still.
    pub(super) fn resume(&mut self) {
        if self.stands_until.take().is_some() {
            self.signal(Signal::CONT);
        }
    }

    /// Starts it again where it has ended, and lets it go on where it stood still for long enough.
    pub(super) fn look_after(&mut self, world: &World) {
        if self.stands_until.is_some_and(|until| Instant::now() >= until) {
            self.resume();
        }
        if self.child.try_wait().unwrap().is_some() {
            self.child = spawn(world, &self.arguments, &self.data, &self.log);
            self.stands_until = None;
        }
    }

    /// Asks it to end, and waits until it has.
    pub(super) async fn stop(mut self) {
        self.signal(Signal::TERM);
        let status = self.child.wait().await.unwrap();
        assert!(
            status.success(),
            "{} did not end in order: {status}\n{}",
            self.log.display(),
            self.warnings()
        );
    }

    /// Only while it is our child: a number that nobody has any more may soon be somebody else's.
    fn signal(&self, signal: Signal) -> bool {
        let pid = self.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        pid.is_some_and(|pid| kill_process(pid, signal).is_ok())
    }
}

fn spawn(world: &World, arguments: &[String], data: &Path, log: &Path) -> Child {
    let log = File::options().create(true).append(true).open(log).unwrap();
    let mut command = world.command(arguments);
    command.env("ETIQA_DATA_DIR", data).env("ETIQA_SECRET_KEY_FILE", world.data().join("secret.key"));
    command.stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

/// Where the server listens that wrote to a log last.
pub(super) fn address_in(log: &Path) -> Option<String> {
    let said = std::fs::read_to_string(log).ok()?;
    let (_, rest) = said.rsplit_once("Serving http://")?;
    Some(rest.split(' ').next()?.to_owned())
}
