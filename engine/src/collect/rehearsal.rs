//! Rehearsing a driver against a recorded session, without a network: what `etiqa drivers test` does.

use std::collections::VecDeque;
#[cfg(test)]
use std::{collections::BTreeSet, time::Duration};

use etiqa_model::Secret;
use etiqa_model::bench::StepKind;
use etiqa_model::class::Class;
use etiqa_model::recording::{Player, Reaction, Recording};

use super::clean::exec_text;
use super::driver::{Command, Driver, DriverSet, Mode};
use super::evidence::Evidence;
use super::failure::{Failure, Step};
use super::identify;
use super::outcome::Outcome;
use super::runner::{Ask, Collected, Said, collected, converse, run_commands, wrong_status};
use super::target::{Limits, Login};
use super::trace::Trace;
use super::transport::{Closed, Line};

/// The device of a recording, as a shell.
pub(super) struct Played<'a> {
    player: Player<'a>,
    said: VecDeque<u8>,
    is_over: bool,
}

impl<'a> Played<'a> {
    pub(super) fn new(recording: &'a Recording) -> Self {
        let (player, reaction) = Player::begin(recording);
        let mut device = Self { player, said: VecDeque::new(), is_over: false };
        device.take(&reaction);
        device
    }

    fn take(&mut self, reaction: &Reaction) {
        self.said.extend(reaction.say.as_bytes());
        self.is_over |= reaction.ends;
    }

    /// What the device has said and nobody has heard yet.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn said(&mut self) -> Vec<u8> {
        self.said.drain(..).collect()
    }
}

impl Line for Played<'_> {
    async fn receive(&mut self) -> Option<Vec<u8>> {
        if !self.said.is_empty() {
            return Some(self.said.drain(..).collect());
        }
        if self.is_over {
            return None;
        }
        std::future::pending().await
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), Closed> {
        if self.is_over {
            return Err(Closed);
        }
        let reaction = self.player.hear(bytes);
        self.take(&reaction);
        Ok(())
    }
}

/// The same device over a network that splits what it says at these places, with a pause at each.
#[cfg(test)]
struct Split<'a> {
    played: Played<'a>,
    waiting: VecDeque<u8>,
    at: usize,
    places: BTreeSet<usize>,
    pause: Duration,
}

#[cfg(test)]
impl Line for Split<'_> {
    async fn receive(&mut self) -> Option<Vec<u8>> {
        if self.waiting.is_empty() {
            self.waiting.extend(self.played.receive().await?);
        } else {
            tokio::time::sleep(self.pause).await;
        }
        let next = self.places.range(self.at + 1..).next().map_or(usize::MAX, |place| place - self.at);
        let piece: Vec<u8> = self.waiting.drain(..next.min(self.waiting.len())).collect();
        self.at += piece.len();
        Some(piece)
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), Closed> {
        self.played.send(bytes).await
    }
}

/// Rehearses a shell of which everything that the device says is split at `places`; none for single commands.
#[cfg(test)]
pub(super) async fn rehearse_split(
    driver: &Driver,
    recording: &Recording,
    limits: &Limits,
    places: BTreeSet<usize>,
    pause: Duration,
) -> Option<Outcome> {
    let Mode::Shell(shell) = &driver.mode else { return None };
    let login = login(recording);
    let mut evidence = Evidence::default();
    let played = Played::new(recording);
    let line = Split { played, waiting: VecDeque::new(), at: 0, places, pause };
    let result = converse(line, driver, shell, &login, limits, &mut evidence).await;
    Some(collected(result, evidence, driver, &[login]))
}

/// The device of a recording, as single commands.
struct Commands<'a> {
    driver: &'a Driver,
    recording: &'a Recording,
    evidence: &'a mut Evidence,
}

impl Commands<'_> {
    /// Whether these are single answers of a platform that has a shell.
    fn is_of_a_shell(&self) -> bool {
        matches!(self.driver.mode, Mode::Shell(_))
    }
}

impl Ask for Commands<'_> {
    async fn ask(&mut self, command: &Command, line: &str) -> Step<Said> {
        self.evidence.transcript.note(&format!("exec: {line}"));
        self.evidence.step(StepKind::Sent, || format!("`{line}`"));
        let (output, status) = self.recording.run(line);
        self.evidence.transcript.received(output.as_bytes());
        self.evidence.transcript.note(&format!("exit status {status}"));
        // The answers that a shell gave have no exit status.
        let answer = if command.exit.contains(&status) || self.is_of_a_shell() {
            self.evidence.step(StepKind::Kept, || format!("{} lines of `{line}`", output.lines().count()));
            Ok(exec_text(output.as_bytes()))
        } else {
            Err(wrong_status(self.driver, line, &output, status))
        };
        Ok(Said { leftover: String::new(), answer })
    }

    async fn step(&mut self, line: &str) -> Step<Said> {
        if !self.is_of_a_shell() {
            return Err(Failure::new(Class::Unsupported, format!("`{line}` needs a shell.")));
        }
        self.evidence.step(StepKind::Sent, || format!("`{line}`"));
        Ok(Said { leftover: String::new(), answer: Ok(String::new()) })
    }
}

/// Runs `driver` against `recording`; ends as a collection from that device would.
pub async fn rehearse(driver: &Driver, recording: &Recording, limits: &Limits) -> Outcome {
    rehearse_with(driver, recording, limits, None).await.0
}

/// The same, with every step written down.
pub async fn rehearse_traced(driver: &Driver, recording: &Recording, limits: &Limits) -> (Outcome, Trace) {
    let (outcome, trace) = rehearse_with(driver, recording, limits, Some(Box::default())).await;
    (outcome, trace.map(|trace| *trace).unwrap_or_default())
}

async fn rehearse_with(
    driver: &Driver,
    recording: &Recording,
    limits: &Limits,
    trace: Option<Box<Trace>>,
) -> (Outcome, Option<Box<Trace>>) {
    let login = login(recording);
    let mut evidence = Evidence { trace, ..Evidence::default() };
    let work = session(driver, recording, &login, limits, &mut evidence);
    let result = match tokio::time::timeout(limits.deadline, work).await {
        Ok(result) => result,
        Err(_) => Err(Failure::new(Class::Timeout, "The rehearsal did not end.")),
    };
    let trace = evidence.trace.take();
    (collected(result, evidence, driver, &[login]), trace)
}

async fn session(
    driver: &Driver,
    recording: &Recording,
    login: &Login,
    limits: &Limits,
    evidence: &mut Evidence,
) -> Step<Collected> {
    match &driver.mode {
        Mode::Shell(shell) if !recording.is_exec => {
            converse(Played::new(recording), driver, shell, login, limits, evidence).await
        }
        Mode::Shell(_) | Mode::Exec => {
            let mut device = Commands { driver, recording, evidence };
            let answers = run_commands(&mut device, driver).await?;
            answers.into_collected(driver, device.evidence)
        }
    }
}

/// The platform that a recorded device is taken for; none where it is not recognised.
pub async fn rehearse_identification(
    drivers: &DriverSet,
    recording: &Recording,
    limits: &Limits,
) -> Option<String> {
    let mut evidence = Evidence { ssh_version: recording.ssh_version.clone(), ..Evidence::default() };
    let login = login(recording);
    let line = Played::new(recording);
    let looking = identify::recognise(line, drivers, &login, limits, &mut evidence);
    let found = tokio::time::timeout(limits.deadline, looking).await;
    found.ok()?.ok().flatten().map(|driver| driver.name().to_owned())
}

pub(super) fn login(recording: &Recording) -> Login {
    let given = |text: &str| Some(Secret::new(text));
    Login {
        name: "rehearsal".into(),
        username: "etiqa".into(),
        password: given("the-password"),
        enable_password: given("the-enable-password").filter(|_| recording.has_enable),
        ..Login::default()
    }
}
