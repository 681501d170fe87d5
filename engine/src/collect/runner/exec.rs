//! Running a driver's commands, each in a channel of its own.

use std::time::Duration;

use etiqa_model::class::Class;
use russh::ChannelMsg;
use tokio::time::timeout;

use super::parts::Collected;
use super::plan::{Ask, Said, run_commands};
use crate::collect::clean::exec_text;
use crate::collect::driver::{Command, Driver};
use crate::collect::evidence::Evidence;
use crate::collect::failure::{Failure, Step, excerpt};
use crate::collect::redact::redact;
use crate::collect::target::Limits;
use crate::collect::transport::files::{self, Sink};
use crate::collect::transport::ssh::Connection;

/// Complaints beyond this are not read; the device may still send them.
const MOST_COMPLAINTS: usize = 64 * 1024;

/// How a command ended on the device.
struct Ended {
    output: Vec<u8>,
    complaints: Vec<u8>,
    status: u32,
}

/// A connection that runs single commands.
struct Exec<'a> {
    connection: &'a Connection,
    driver: &'a Driver,
    limits: &'a Limits,
    evidence: &'a mut Evidence,
}

pub(super) async fn run(
    connection: &Connection,
    driver: &Driver,
    limits: &Limits,
    evidence: &mut Evidence,
) -> Step<Collected> {
    let mut exec = Exec { connection, driver, limits, evidence };
    let answers = run_commands(&mut exec, driver).await?;
    answers.into_collected(driver, exec.evidence)
}

impl Ask for Exec<'_> {
    async fn ask(&mut self, command: &Command, line: &str) -> Step<Said> {
        if command.is_file {
            return self.fetch(line).await;
        }
        self.evidence.doing(format!("running `{}`", excerpt(line, 60)));
        self.evidence.transcript.note(&format!("exec: {line}"));
        let longest = self.limits.silence(command.timeout);
        let ended = run_one(self.connection, line, longest, self.limits, self.evidence).await?;
        self.evidence.transcript.note(&format!("exit status {}", ended.status));
        let answer = if command.exit.contains(&ended.status) {
            Ok(exec_text(&ended.output))
        } else {
            Err(wrong_status(self.driver, line, &String::from_utf8_lossy(&ended.complaints), ended.status))
        };
        Ok(Said { leftover: String::new(), answer })
    }

    async fn step(&mut self, line: &str) -> Step<Said> {
        // The driver's check refuses these: a channel's context ends with it.
        let message = format!("`{}` needs a shell.", excerpt(line, 60));
        Err(Failure::new(Class::Unsupported, message))
    }
}

impl Exec<'_> {
    /// A file of the device; one that it does not give is as a command that it refuses.
    async fn fetch(&mut self, path: &str) -> Step<Said> {
        self.evidence.doing(format!("fetching {}", excerpt(path, 60)));
        self.evidence.transcript.note(&format!("file: {path}"));
        let mut file = InMemory { bytes: Vec::new(), limits: self.limits, evidence: self.evidence };
        let fetched = files::fetch(self.connection, path, self.limits, &mut file).await;
        let text = exec_text(&file.bytes);
        match fetched {
            Ok(()) => Ok(Said { leftover: String::new(), answer: Ok(text) }),
            Err(failure) if failure.class == Class::CommandRejected => {
                Ok(Said { leftover: String::new(), answer: Err(failure) })
            }
            Err(failure) => Err(failure),
        }
    }
}

/// A file that is a part's text.
struct InMemory<'a> {
    bytes: Vec<u8>,
    limits: &'a Limits,
    evidence: &'a mut Evidence,
}

impl Sink for InMemory<'_> {
    async fn take(&mut self, piece: &[u8]) -> Step<()> {
        count(piece, self.limits, self.evidence)?;
        self.bytes.extend_from_slice(piece);
        Ok(())
    }
}

/// Runs one command to its exit status: without one nobody knows whether the output is whole.
async fn run_one(
    connection: &Connection,
    line: &str,
    longest: Duration,
    limits: &Limits,
    evidence: &mut Evidence,
) -> Step<Ended> {
    let mut channel = connection.exec(line, limits).await?;
    let (mut output, mut complaints, mut status) = (Vec::new(), Vec::new(), None);
    loop {
        let Ok(message) = timeout(longest, channel.wait()).await else {
            let seconds = longest.as_secs_f32();
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

/// The command `line` ended with a `status` that is not among those that count as success.
pub(in crate::collect) fn wrong_status(
    driver: &Driver,
    line: &str,
    complaints: &str,
    status: u32,
) -> Failure {
    let complaint = redact(driver, complaints);
    let complaint = excerpt(&complaint, 120);
    let what = excerpt(line, 60);
    let message = if complaint.is_empty() {
        format!("`{what}` ended with exit status {status}.")
    } else {
        format!("`{what}` ended with exit status {status}: “{complaint}”.")
    };
    Failure::new(Class::CommandRejected, message)
}
