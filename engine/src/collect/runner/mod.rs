//! One device from the first packet to the last.

mod exec;
mod parts;
mod shell;
#[cfg(test)]
mod shell_tests;

use etiqa_model::class::Class;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::driver::{Driver, Mode};
use super::evidence::Evidence;
use super::failure::{Failure, Step};
use super::outcome::Outcome;
use super::target::{Limits, Login, Target};
use super::transport::ssh::Connection;
use parts::Collected;

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
    evidence.doing("connecting");
    let work = timeout(limits.deadline, with_logins(target, driver, logins, limits, &mut evidence));
    let ended = tokio::select! {
        biased;
        () = cancel.cancelled() => None,
        ended = work => Some(ended),
    };
    let result = match ended {
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
    };
    outcome(result, evidence, driver, logins)
}

async fn with_logins(
    target: &Target,
    driver: &Driver,
    logins: &[Login],
    limits: &Limits,
    evidence: &mut Evidence,
) -> Step<Collected> {
    let mut refused =
        Failure::new(Class::AuthFailed, "No credential is set for this device; add one or name one.");
    for login in logins {
        match with_login(target, driver, login, limits, evidence).await {
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
async fn with_login(
    target: &Target,
    driver: &Driver,
    login: &Login,
    limits: &Limits,
    evidence: &mut Evidence,
) -> Step<Collected> {
    evidence.doing("connecting");
    let mut connection = Connection::open(target, limits, evidence).await?;
    evidence.doing("logging in");
    evidence.transcript.note(&format!("logging in as {} with the credential {}", login.username, login.name));
    connection.login(login, limits).await?;
    evidence.login = Some(login.name.clone());
    let collected = match &driver.mode {
        Mode::Shell(shell) => shell::run(&connection, driver, shell, login, limits, evidence).await,
        Mode::Exec => exec::run(&connection, driver, limits, evidence).await,
    }?;
    connection.close().await;
    Ok(collected)
}

fn outcome(result: Step<Collected>, evidence: Evidence, driver: &Driver, logins: &[Login]) -> Outcome {
    let Evidence { mut transcript, host_key, login, bytes, .. } = evidence;
    let secrets = || logins.iter().flat_map(Login::secrets);
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    match result {
        Ok(Collected { parts, facts }) => {
            let names: Vec<&str> = parts.iter().map(|part| part.part.as_str()).collect();
            let message = format!("Whole texts were taken: {}.", names.join(", "));
            Outcome { class: Class::Ok, message, parts, facts, host_key, login, transcript: None, bytes }
        }
        Err(failure) => {
            let message = secrets().fold(failure.message, |text, secret| text.replace(secret, "<removed>"));
            transcript.note(&message);
            let transcript = Some(transcript.render(driver, secrets()));
            let (parts, facts) = <_>::default();
            Outcome { class: failure.class, message, parts, facts, host_key, login, transcript, bytes }
        }
    }
}
