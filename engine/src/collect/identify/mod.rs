//! Recognising a platform by itself: by the SSH server's version, the banner, the prompt, and what the device answers
//! to commands that only read.

mod score;

use std::sync::{Arc, LazyLock};

use tokio_util::sync::CancellationToken;

use self::score::Scores;
use super::driver::{Driver, DriverSet, Mode, Shell};
use super::evidence::Evidence;
use super::failure::Step;
use super::outcome::Outcome;
use super::runner::{Errand, Opened, finished, on_errand};
use super::session::Session;
use super::target::{Limits, Login, Target};
use super::transport::Line;

/// More commands are not tried: a device that nobody knows would only be annoyed.
const MOST_COMMANDS: usize = 24;

/// A shell of a platform that is not known yet.
static ANY_SHELL: LazyLock<Option<Driver>> = LazyLock::new(|| {
    Driver::parse("any-shell", include_str!("any-shell.toml"))
        .inspect_err(|error| tracing::error!(%error, "the driver for unknown shells is broken"))
        .ok()
});

/// What came of it.
#[derive(Debug)]
pub struct Identified {
    /// The platform's driver; none where the device was not recognised.
    pub driver: Option<Arc<Driver>>,
    /// How the session ended: `ok`, recognised or not, or what went wrong. It has no parts.
    pub outcome: Outcome,
}

/// Logs in to `target` and looks what it is. Ends within `limits.deadline`, and soon after `cancel`. None: the program
/// itself is broken.
pub async fn identify(
    target: &Target,
    drivers: &DriverSet,
    logins: &[Login],
    limits: &Limits,
    cancel: &CancellationToken,
) -> Option<Identified> {
    let any = ANY_SHELL.as_ref()?;
    let mut evidence = Evidence::default();
    let errand = Look { any, drivers };
    let result = on_errand(&errand, target, logins, limits, cancel, &mut evidence).await;
    let (driver, result) = match result {
        Ok(driver) => (driver, Ok(())),
        Err(failure) => (None, Err(failure)),
    };
    let mut outcome = finished(result, evidence, any, logins);
    if outcome.class.is_good() {
        outcome.message = match &driver {
            Some(driver) => format!("This is {}.", driver.title()),
            None => "The platform was not recognised.".into(),
        };
    }
    Some(Identified { driver, outcome })
}

/// Looking what a device is.
struct Look<'a> {
    any: &'a Driver,
    drivers: &'a DriverSet,
}

impl Errand for Look<'_> {
    type Gives = Option<Arc<Driver>>;

    fn driver(&self) -> &Driver {
        self.any
    }

    async fn run(
        &self,
        opened: &mut Opened,
        login: &Login,
        limits: &Limits,
        evidence: &mut Evidence,
    ) -> Step<Self::Gives> {
        let Mode::Shell(shell) = &self.any.mode else { return Ok(None) };
        match opened.line(&shell.terminal, limits).await? {
            super::transport::AnyLine::Ssh(line) => {
                recognise(line, self.drivers, login, limits, evidence).await
            }
            super::transport::AnyLine::Telnet(line) => {
                recognise(line, self.drivers, login, limits, evidence).await
            }
        }
    }
}

/// The driver of the device behind `line`; none where none, or more than one, fits.
pub(super) async fn recognise<L: Line>(
    line: L,
    drivers: &DriverSet,
    login: &Login,
    limits: &Limits,
    evidence: &mut Evidence,
) -> Step<Option<Arc<Driver>>> {
    let Some(any) = ANY_SHELL.as_ref() else { return Ok(None) };
    let Some(shell) = &any_shell(any, drivers) else { return Ok(None) };
    let version = evidence.ssh_version.clone();
    let mut session = Session::new(line, any, shell, limits, evidence);
    session.doing("looking what the device is");
    session.log_in(login).await?;
    let mut scores = Scores::at_login(drivers, version.as_deref(), session.banner(), session.prompt());
    for command in scores.commands(drivers).into_iter().take(MOST_COMMANDS) {
        if scores.is_sure() && scores.best(drivers).is_some() {
            break;
        }
        session.doing(format!("looking what the device is by `{command}`"));
        // A shell that cannot be followed is not the end: what was seen until now may be enough.
        let Ok(answer) = session.command(command, None).await else { break };
        scores.answered(drivers, command, &answer.text);
    }
    Ok(scores.best(drivers))
}

/// The unknown shell, with the questions at login that any of the platforms may ask.
fn any_shell(any: &Driver, drivers: &DriverSet) -> Option<Shell> {
    let shell_of = |driver: &Driver| match &driver.mode {
        Mode::Shell(shell) => Some((**shell).clone()),
        Mode::Exec => None,
    };
    let mut shell = shell_of(any)?;
    let known = drivers.iter().filter_map(|driver| shell_of(driver));
    let questions = known.flat_map(|shell| shell.login.questions);
    // Those first that say more than "press any key".
    let own = std::mem::take(&mut shell.login.questions);
    shell.login.questions = questions.chain(own).collect();
    Some(shell)
}
