//! Running a driver in an interactive shell.

use etiqa_model::class::Class;

use super::parts::{Answers, Collected};
use crate::collect::driver::{Driver, Enable, Shell};
use crate::collect::evidence::Evidence;
use crate::collect::failure::{Failure, Step};
use crate::collect::prompt::Level;
use crate::collect::session::Session;
use crate::collect::target::{Limits, Login};
use crate::collect::transport::Line;
use crate::collect::transport::ssh::Connection;

pub(super) async fn run(
    connection: &Connection,
    driver: &Driver,
    shell: &Shell,
    login: &Login,
    limits: &Limits,
    evidence: &mut Evidence,
) -> Step<Collected> {
    let line = connection.shell(limits).await?;
    converse(line, driver, shell, login, limits, evidence).await
}

/// The whole conversation over an open shell.
pub(super) async fn converse<L: Line>(
    line: L,
    driver: &Driver,
    shell: &Shell,
    login: &Login,
    limits: &Limits,
    evidence: &mut Evidence,
) -> Step<Collected> {
    let mut session = Session::new(line, driver, shell, limits, evidence);
    session.doing("waiting for the first prompt");
    let level = session.first_prompt().await?;
    if let (Level::User, Some(enable)) = (level, &shell.enable) {
        privileged(&mut session, enable, login).await?;
    }
    // A device that refuses this pages, and its pager is answered.
    for command in &shell.paging_disable {
        session.doing(format!("running `{command}`"));
        session.command(command).await?;
    }
    let mut answers = Answers::default();
    for command in &driver.commands {
        session.doing(format!("running `{}`", command.send));
        let answer = session.command(&command.send).await?;
        answers.append_to_last(&answer.leftover);
        answers.push(answer.text);
    }
    session.doing("logging out");
    let goodbye = shell.logout.first().map_or("", String::as_str);
    let leftover = session.end(goodbye).await?;
    answers.append_to_last(&leftover);
    answers.into_collected(driver)
}

async fn privileged<L: Line>(session: &mut Session<'_, L>, enable: &Enable, login: &Login) -> Step<()> {
    session.doing(format!("running `{}`", enable.command));
    let password = login.enable_password.as_ref().filter(|password| !password.is_empty());
    if session.enable(&enable.command, password).await? == Some(Level::Privileged) {
        return Ok(());
    }
    let message = match password {
        Some(_) => format!("The device refused the enable password of the credential {}.", login.name),
        None => {
            format!("The device asks for an enable password, and the credential {} has none.", login.name)
        }
    };
    Err(Failure::new(Class::AuthFailed, message))
}
