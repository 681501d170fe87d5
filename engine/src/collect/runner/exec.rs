//! Running a driver's commands, each in a channel of its own.

use etiqa_model::class::Class;
use russh::ChannelMsg;
use tokio::time::timeout;

use super::parts::{Answers, Collected};
use crate::collect::clean::exec_text;
use crate::collect::driver::{Command, Driver};
use crate::collect::evidence::Evidence;
use crate::collect::failure::{Failure, Step, excerpt};
use crate::collect::redact::redact;
use crate::collect::target::Limits;
use crate::collect::transport::ssh::Connection;

/// Complaints beyond this are not read; the device may still send them.
const MOST_COMPLAINTS: usize = 64 * 1024;

/// How a command ended on the device.
struct Ended {
    output: Vec<u8>,
    complaints: Vec<u8>,
    status: u32,
}

pub(super) async fn run(
    connection: &Connection,
    driver: &Driver,
    limits: &Limits,
    evidence: &mut Evidence,
) -> Step<Collected> {
    let mut answers = Answers::default();
    for command in &driver.commands {
        evidence.doing(format!("running `{}`", excerpt(&command.send, 60)));
        evidence.transcript.note(&format!("exec: {}", command.send));
        let ended = run_one(connection, command, limits, evidence).await?;
        evidence.transcript.note(&format!("exit status {}", ended.status));
        if command.exit.contains(&ended.status) {
            answers.push(exec_text(&ended.output));
        } else if command.optional {
            answers.push_nothing();
        } else {
            return Err(wrong_status(driver, command, &ended));
        }
    }
    answers.into_collected(driver)
}

/// Runs one command to its exit status: without one nobody knows whether the output is whole.
async fn run_one(
    connection: &Connection,
    command: &Command,
    limits: &Limits,
    evidence: &mut Evidence,
) -> Step<Ended> {
    let mut channel = connection.exec(&command.send, limits).await?;
    let (mut output, mut complaints, mut status) = (Vec::new(), Vec::new(), None);
    loop {
        let Ok(message) = timeout(limits.step, channel.wait()).await else {
            let seconds = limits.step.as_secs_f32();
            let message = format!("The device was silent for {seconds} s while {}.", evidence.doing);
            return Err(Failure::new(Class::Timeout, message));
        };
        match message {
            Some(ChannelMsg::Data { data }) => {
                count(&data, limits, evidence)?;
                output.extend_from_slice(&data);
            }
            Some(ChannelMsg::ExtendedData { data, .. }) => {
                count(&data, limits, evidence)?;
                complaints.extend(data.iter().take(MOST_COMPLAINTS - complaints.len().min(MOST_COMPLAINTS)));
            }
            Some(ChannelMsg::ExitStatus { exit_status }) => status = Some(exit_status),
            Some(ChannelMsg::ExitSignal { signal_name, .. }) => {
                let message =
                    format!("The device ended the command by {signal_name:?} while {}.", evidence.doing);
                return Err(Failure::new(Class::Incomplete, message));
            }
            Some(ChannelMsg::Failure) => {
                let message = format!("The device runs no commands for this user, while {}.", evidence.doing);
                return Err(Failure::new(Class::CommandRejected, message));
            }
            Some(ChannelMsg::Close) => break,
            Some(_) => {}
            None => {
                let message = format!("The connection was lost while {}.", evidence.doing);
                return Err(Failure::new(Class::Disconnected, message));
            }
        }
    }
    let message = || format!("The command ended without an exit status while {}.", evidence.doing);
    let status = status.ok_or_else(|| Failure::new(Class::Incomplete, message()))?;
    Ok(Ended { output, complaints, status })
}

fn count(data: &[u8], limits: &Limits, evidence: &mut Evidence) -> Step<()> {
    evidence.bytes += data.len();
    evidence.transcript.received(data);
    if evidence.bytes <= limits.max_bytes {
        return Ok(());
    }
    let message = format!("The device sent more than {} bytes while {}.", limits.max_bytes, evidence.doing);
    Err(Failure::new(Class::TooLarge, message))
}

fn wrong_status(driver: &Driver, command: &Command, ended: &Ended) -> Failure {
    let complaint = redact(driver, &String::from_utf8_lossy(&ended.complaints));
    let complaint = excerpt(&complaint, 120);
    let what = excerpt(&command.send, 60);
    let message = if complaint.is_empty() {
        format!("`{what}` ended with exit status {}.", ended.status)
    } else {
        format!("`{what}` ended with exit status {}: “{complaint}”.", ended.status)
    };
    Failure::new(Class::CommandRejected, message)
}
