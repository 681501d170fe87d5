//! Trying a connection: the way, the login, the prompt, enable, paging. No configuration is asked for.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::driver::{Driver, Mode};
use super::evidence::Evidence;
use super::failure::Step;
use super::outcome::Outcome;
use super::runner::{Errand, Opened, finished, no_commands_over_telnet, on_errand, ready_shell};
use super::session::Session;
use super::target::{Limits, Login, Target};
use super::transport::{AnyLine, Line};

/// Tries `target` with `logins`, up to where a collection would send its first command; `steps` hears what is being
/// done and what was found, in words for a person and without secrets. Ends as [`super::collect`] does.
pub async fn try_connection(
    target: &Target,
    driver: &Driver,
    logins: &[Login],
    limits: &Limits,
    cancel: &CancellationToken,
    steps: mpsc::UnboundedSender<String>,
) -> Outcome {
    let mut evidence = Evidence { steps: Some(steps), ..Evidence::default() };
    let result = on_errand(&Trial(driver), target, logins, limits, cancel, &mut evidence).await;
    let mut outcome = finished(result, evidence, driver, logins);
    if outcome.class.is_good() {
        outcome.message = "The device can be reached, takes the login and shows its prompt.".into();
    }
    outcome
}

struct Trial<'a>(&'a Driver);

impl Errand for Trial<'_> {
    type Gives = ();

    fn driver(&self) -> &Driver {
        self.0
    }

    async fn run(
        &self,
        opened: &mut Opened,
        login: &Login,
        limits: &Limits,
        evidence: &mut Evidence,
    ) -> Step<()> {
        let driver = self.0;
        match (&driver.mode, &mut *opened) {
            // A server that opens a channel runs commands; which ones is for a collection to find out.
            (Mode::Exec, Opened::Ssh(_)) => {
                evidence.found("the login is taken; commands run one by one");
                Ok(())
            }
            (Mode::Exec, Opened::Telnet(_)) => Err(no_commands_over_telnet(driver)),
            (Mode::Shell(shell), _) => {
                evidence.doing("opening a shell");
                match opened.line(&shell.terminal, limits).await? {
                    AnyLine::Ssh(line) => prompt(line, driver, login, limits, evidence).await,
                    AnyLine::Telnet(line) => prompt(line, driver, login, limits, evidence).await,
                }
            }
        }
    }
}

async fn prompt<L: Line>(
    line: L,
    driver: &Driver,
    login: &Login,
    limits: &Limits,
    evidence: &mut Evidence,
) -> Step<()> {
    let Mode::Shell(shell) = &driver.mode else { return Ok(()) };
    let mut session = Session::new(line, driver, shell, limits, evidence);
    ready_shell(&mut session, shell, login).await?;
    session.doing("logging out");
    session.log_out(shell.logout.first().map_or("", String::as_str)).await?;
    Ok(())
}
