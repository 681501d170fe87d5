//! Running a driver in an interactive shell.

use etiqa_model::class::Class;

use super::parts::Collected;
use super::plan::{Ask, Said, run_commands};
use crate::collect::driver::{Command, Driver, Enable, Shell, WithoutPassword};
use crate::collect::evidence::Evidence;
use crate::collect::failure::{Failure, Step};
use crate::collect::prompt::Level;
use crate::collect::session::Session;
use crate::collect::target::{Limits, Login};
use crate::collect::transport::Line;

/// The whole conversation over an open shell.
pub(in crate::collect) async fn converse<L: Line>(
    line: L,
    driver: &Driver,
    shell: &Shell,
    login: &Login,
    limits: &Limits,
    evidence: &mut Evidence,
) -> Step<Collected> {
    let mut session = Session::new(line, driver, shell, limits, evidence);
    ready_shell(&mut session, shell, login).await?;
    let mut answers = run_commands(&mut session, driver).await?;
    session.doing("logging out");
    let goodbye = shell.logout.first().map_or("", String::as_str);
    let leftover = session.log_out(goodbye).await?;
    answers.append_to_last(&leftover);
    drop(session);
    answers.into_collected(driver, evidence)
}

/// Up to where commands can be sent: the prompt, the privileged one, no more paging.
pub(in crate::collect) async fn ready_shell<L: Line>(
    session: &mut Session<'_, L>,
    shell: &Shell,
    login: &Login,
) -> Step<()> {
    session.doing("waiting for the first prompt");
    let level = session.log_in(login).await?;
    if let (Level::User, Some(enable)) = (level, &shell.enable) {
        privileged(session, enable, login).await?;
    }
    session.found_prompt();
    // A device that refuses this pages, and its pager is answered.
    for command in &shell.paging_disable {
        session.doing(format!("running `{command}`"));
        session.command(command, None).await?;
    }
    Ok(())
}

impl<L: Line> Ask for Session<'_, L> {
    async fn ask(&mut self, command: &Command, line: &str) -> Step<Said> {
        self.doing(format!("running `{line}`"));
        let answer = self.command(line, command.timeout).await?;
        Ok(Said { leftover: answer.leftover, answer: Ok(answer.text) })
    }

    async fn step(&mut self, line: &str) -> Step<Said> {
        self.doing(format!("running `{line}`"));
        let answer = self.command(line, None).await?;
        Ok(Said { leftover: answer.leftover, answer: Ok(answer.text) })
    }
}

async fn privileged<L: Line>(session: &mut Session<'_, L>, enable: &Enable, login: &Login) -> Step<()> {
    session.doing(format!("running `{}`", enable.command));
    let own = login.enable_password.as_ref().filter(|password| !password.is_empty());
    let empty = etiqa_model::Secret::default();
    let password = own.or(match enable.without_password {
        WithoutPassword::Refuse => None,
        WithoutPassword::Empty => Some(&empty),
        WithoutPassword::Login => login.password.as_ref(),
    });
    let reached = session.enable(enable, login, password).await?;
    if reached == Some(Level::Privileged) {
        return Ok(());
    }
    let message = match own {
        None if reached.is_some() => format!("The device refused `{}`.", enable.command),
        Some(_) => format!("The device refused the enable password of the credential {}.", login.name),
        None => {
            format!("The device asks for an enable password, and the credential {} has none.", login.name)
        }
    };
    Err(Failure::new(Class::AuthFailed, message))
}
