//! One device from the first packet to the last.

mod exec;
mod parts;
mod plan;
mod shell;
#[cfg(test)]
mod shell_tests;

use etiqa_model::class::Class;
use etiqa_model::device::Transport;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::driver::{Driver, Mode, TerminalSettings};
use super::evidence::Evidence;
use super::failure::{Failure, Step};
use super::outcome::{Facts, Outcome};
use super::target::{Endpoint, Limits, Login, Target};
use super::transport::AnyLine;
use super::transport::route::{self, Stream};
use super::transport::ssh::Connection;
use super::transport::telnet::TelnetLine;
pub(super) use exec::wrong_status;
pub(super) use parts::Collected;
pub(super) use plan::{Ask, Said, rejected, run_commands};
pub(super) use shell::{converse, ready_shell};

/// Collects every part of `target`, trying `logins` in order; only a refused login leads to the next one.
///
/// Ends within `limits.deadline`, and within a second after `cancel`, whatever the device does. Never fails: how it
/// ended is in the [`Outcome`].
pub async fn collect(
    target: &Target,
    driver: &Driver,
    logins: &[Login],
    limits: &Limits,
    cancel: &CancellationToken,
) -> Outcome {
    let mut evidence = Evidence::default();
    let result = on_errand(&Collect(driver), target, logins, limits, cancel, &mut evidence).await;
    collected(result, evidence, driver, logins)
}

/// What a session is opened for.
pub(super) trait Errand: Sync {
    /// What it brings back.
    type Gives: Send;

    /// The driver that says which SSH and which terminal the device gets.
    fn driver(&self) -> &Driver;

    /// Does it, over an open connection that `login` was taken on (or will be asked for, on telnet).
    fn run(
        &self,
        opened: &mut Opened,
        login: &Login,
        limits: &Limits,
        evidence: &mut Evidence,
    ) -> impl Future<Output = Step<Self::Gives>> + Send;
}

/// An open connection to a device.
pub(super) enum Opened {
    Ssh(Connection),
    /// None: its line was taken.
    Telnet(Option<Box<dyn Stream>>),
}

impl Opened {
    /// Opens the shell.
    pub(super) async fn line(&mut self, terminal: &TerminalSettings, limits: &Limits) -> Step<AnyLine> {
        match self {
            Self::Ssh(connection) => Ok(AnyLine::Ssh(connection.shell(terminal, limits).await?)),
            Self::Telnet(stream) => {
                let gone = || Failure::new(Class::Disconnected, "The connection has only one shell.");
                Ok(AnyLine::Telnet(TelnetLine::new(stream.take().ok_or_else(gone)?, terminal)))
            }
        }
    }
}

/// Runs `errand` with the first of `logins` that the device takes.
pub(super) async fn on_errand<E: Errand>(
    errand: &E,
    target: &Target,
    logins: &[Login],
    limits: &Limits,
    cancel: &CancellationToken,
    evidence: &mut Evidence,
) -> Step<E::Gives> {
    let hops = target.via.iter().flat_map(|hop| [Some(&hop.login), hop.other.as_ref()]).flatten();
    evidence.hush.add_logins(logins.iter().chain(hops));
    let work = timeout(limits.deadline, with_logins(errand, target, logins, limits, evidence));
    let ended = tokio::select! {
        biased;
        () = cancel.cancelled() => None,
        ended = work => Some(ended),
    };
    match ended {
        Some(Ok(result)) => result,
        Some(Err(_)) => {
            let seconds = limits.deadline.as_secs_f32();
            let message = format!("The deadline of {seconds} s passed while {}.", evidence.doing);
            Err(Failure::new(Class::Timeout, message))
        }
        None => {
            let message = format!("The collection was stopped while {}.", evidence.doing);
            Err(Failure::new(Class::Cancelled, message))
        }
    }
}

async fn with_logins<E: Errand>(
    errand: &E,
    target: &Target,
    logins: &[Login],
    limits: &Limits,
    evidence: &mut Evidence,
) -> Step<E::Gives> {
    let mut refused =
        Failure::new(Class::AuthFailed, "No credential is set for this device; add one or name one.");
    for login in logins {
        match with_login(errand, target, login, limits, evidence).await {
            Err(failure) if failure.class == Class::AuthFailed => refused = failure,
            ended => return ended,
        }
    }
    if logins.len() > 1 {
        let names: Vec<&str> = logins.iter().map(|login| login.name.as_str()).collect();
        refused.message = format!("The device refused every credential: {}.", names.join(", "));
    }
    Err(refused)
}

/// A connection of its own for each login: servers do not accept a second user name on one (RFC 4252, section 5).
async fn with_login<E: Errand>(
    errand: &E,
    target: &Target,
    login: &Login,
    limits: &Limits,
    evidence: &mut Evidence,
) -> Step<E::Gives> {
    evidence.doing(format!("connecting to {} port {}", target.endpoint.address, target.endpoint.port));
    let (stream, _way) = route::open(target, limits, evidence).await?;
    let mut opened = match target.transport {
        Transport::Telnet => {
            log_in_next(login, evidence);
            Opened::Telnet(Some(stream))
        }
        Transport::Ssh => {
            let legacy = target.endpoint.legacy || errand.driver().legacy_ssh;
            let endpoint = Endpoint { legacy, ..target.endpoint.clone() };
            evidence.doing("opening SSH");
            let mut connection = route::ssh(stream, &endpoint, limits, evidence).await?;
            if let (Some(version), Some(key)) = (&evidence.ssh_version, &evidence.host_key) {
                evidence.found(&format!("{version}, host key {}", key.fingerprint));
            }
            log_in_next(login, evidence);
            connection.login(login, limits).await?;
            evidence.found(&format!("the credential {} is taken", login.name));
            evidence.login = Some(login.name.clone());
            Opened::Ssh(connection)
        }
    };
    let given = errand.run(&mut opened, login, limits, evidence).await?;
    evidence.login = Some(login.name.clone());
    if let Opened::Ssh(connection) = opened {
        connection.close().await;
    }
    Ok(given)
}

/// Only after the host key was checked is a login spoken of, let alone sent.
fn log_in_next(login: &Login, evidence: &mut Evidence) {
    let what = format!("logging in as {} with the credential {}", login.username, login.name);
    evidence.transcript.note(&what);
    evidence.doing(what);
}

/// Collecting by a driver.
struct Collect<'a>(&'a Driver);

impl Errand for Collect<'_> {
    type Gives = Collected;

    fn driver(&self) -> &Driver {
        self.0
    }

    async fn run(
        &self,
        opened: &mut Opened,
        login: &Login,
        limits: &Limits,
        evidence: &mut Evidence,
    ) -> Step<Collected> {
        let driver = self.0;
        match (&driver.mode, &mut *opened) {
            (Mode::Exec, Opened::Ssh(connection)) => exec::run(connection, driver, limits, evidence).await,
            (Mode::Exec, Opened::Telnet(_)) => Err(no_commands_over_telnet(driver)),
            (Mode::Shell(shell), _) => match opened.line(&shell.terminal, limits).await? {
                AnyLine::Ssh(line) => converse(line, driver, shell, login, limits, evidence).await,
                AnyLine::Telnet(line) => converse(line, driver, shell, login, limits, evidence).await,
            },
        }
    }
}

/// Telnet is one shell; a driver of single commands has nothing to say to it.
pub(super) fn no_commands_over_telnet(driver: &Driver) -> Failure {
    let message =
        format!("The driver {} runs single commands over SSH; telnet has none of these.", driver.name());
    Failure::new(Class::Unsupported, message)
}

/// The outcome of a collection.
pub(super) fn collected(
    result: Step<Collected>,
    evidence: Evidence,
    driver: &Driver,
    logins: &[Login],
) -> Outcome {
    match result {
        Ok(Collected { parts, left_out, facts }) => {
            let names: Vec<&str> = parts.iter().map(|part| part.part.as_str()).collect();
            let message = format!("Whole texts were taken: {}.", names.join(", "));
            Outcome { message, parts, left_out, facts, ..finished(Ok(()), evidence, driver, logins) }
        }
        Err(failure) => finished(Err(failure), evidence, driver, logins),
    }
}

/// The outcome of any errand, without parts.
pub(super) fn finished(result: Step<()>, evidence: Evidence, driver: &Driver, logins: &[Login]) -> Outcome {
    let Evidence { mut transcript, host_key, hop_keys, login, hop_logins, bytes, mut hush, .. } = evidence;
    hush.add_logins(logins);
    let mut outcome = Outcome {
        class: Class::Ok,
        message: String::new(),
        note: None,
        parts: Vec::new(),
        left_out: Vec::new(),
        facts: Facts::default(),
        host_key,
        hop_keys,
        login,
        hop_logins,
        transcript: None,
        bytes: u64::try_from(bytes).unwrap_or(u64::MAX),
    };
    if let Err(failure) = result {
        outcome.class = failure.class;
        outcome.message = hush.masked(&failure.message);
        transcript.note(&outcome.message);
        outcome.transcript = Some(transcript.render(driver, hush.forms()));
    }
    outcome
}
