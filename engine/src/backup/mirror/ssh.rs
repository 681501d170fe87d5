//! A remote behind SSH: `git-receive-pack` as a command, over the same SSH as the devices.

use std::path::Path;

use etiqa_model::class::Class;
use etiqa_model::device::Transport;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use super::exchange::{Advertised, MOST_ADVERTISED, MOST_REPORTED, Todo, prepare, send_and_hear};
use super::lines::{Broken, FLUSH, Lines};
use super::push::{PushError, PushErrorKind, Remote, Sent};
use super::words::plain;
use crate::collect::{Command, CommandFailure, Endpoint, HostKeySeen, Login, Target, run_command};
use crate::outgoing::NoWay;

/// How its credential is called in messages.
const NAME: &str = "of the Git mirror";

/// Pushes `branch` to the repository at host, port and path. The key that the server shows is left in `host_key`.
pub(super) async fn push(
    repository: &Path,
    remote: &Remote,
    (host, port, path): (&str, u16, &str),
    branch: &str,
    host_key: &mut Option<HostKeySeen>,
) -> Result<Sent, PushError> {
    let addresses = remote.outgoing.resolve(host).await.map_err(|error| {
        let kind = match error {
            NoWay::Refused(_) => PushErrorKind::Address,
            NoWay::Unknown(_) => PushErrorKind::Unreachable,
        };
        PushError::new(kind, error.to_string())
    })?;
    let login = Login {
        name: NAME.to_owned(),
        username: remote.username().to_owned(),
        password: remote.login.password.clone(),
        private_key: remote.login.private_key.clone(),
        key_passphrase: remote.login.key_passphrase.clone(),
        ..Login::default()
    };
    let limits = &remote.limits;
    let command = format!("git-receive-pack {}", quoted(path));
    let mut opened = Err(PushError::new(PushErrorKind::Unreachable, format!("{host} has no address.")));
    for address in addresses {
        let host_key_known = remote.host_key.clone();
        let endpoint = Endpoint {
            address: address.to_string(),
            judged: Some(vec![address]),
            port,
            host_key: host_key_known,
            legacy: false,
        };
        let target = Target { endpoint, transport: Transport::Ssh, via: Vec::new() };
        let tried = run_command(&target, &login, &command, limits, host_key).await;
        let is_silent =
            |failure: &CommandFailure| matches!(failure.class, Class::Unreachable | Class::ConnectTimeout);
        let is_over = !tried.as_ref().is_err_and(is_silent);
        opened = tried.map_err(|failure| refused(&failure));
        if is_over {
            break;
        }
    }
    let mut command = opened?;
    let mut lines = Lines::new(&mut command.output, limits.step, MOST_ADVERTISED + MOST_REPORTED);
    let advertised = match Advertised::read(&mut lines).await {
        Ok(advertised) => advertised,
        Err(broken) => return Err(not_opened(broken, &command, path)),
    };
    match prepare(repository, branch, advertised).await? {
        Todo::Nothing(commit) => {
            // "Nothing to do" in Git's words; the server's log would else speak of a client that hung up.
            timeout(limits.step, command.input.write_all(FLUSH)).await.ok();
            command.close().await;
            Ok(Sent { commit, was_there: true, said: String::new() })
        }
        Todo::Send(sending) => {
            let commit = sending.new;
            let sent = send_and_hear(sending, branch, &mut lines, &mut command.input, limits.step).await;
            let said = match sent {
                Err(error) if error.kind == PushErrorKind::Lost && !command.said().is_empty() => {
                    return Err(PushError::broken(Broken::Lost, command.said().as_bytes()));
                }
                sent => sent?,
            };
            command.close().await;
            Ok(Sent { commit, was_there: false, said })
        }
    }
}

/// For a POSIX shell, and for what servers like Gerrit, GitLab and Gitea take apart themselves.
fn quoted(path: &str) -> String {
    format!("'{}'", path.replace('\'', r"'\''"))
}

/// The command did not begin as Git does.
fn not_opened(broken: Broken, command: &Command, path: &str) -> PushError {
    let said = plain(&command.said(), 200);
    match broken {
        Broken::Ended | Broken::Lost if command.was_refused() => {
            let message = "The remote runs no commands for this user; it has to allow git-receive-pack.";
            PushError::new(PushErrorKind::NoRepository, message)
        }
        Broken::Ended | Broken::Lost if said.is_empty() => {
            let message =
                format!("The remote ended the connection instead of opening the repository {path}.");
            PushError::new(PushErrorKind::Lost, message)
        }
        Broken::Ended | Broken::Lost => {
            let message = format!(
                "The remote did not open the repository {path} for a push: “{said}”. Check the address, and that the user \
                 may write there."
            );
            PushError::new(PushErrorKind::NoRepository, message)
        }
        broken => PushError::broken(broken, said.as_bytes()),
    }
}

/// A failure on the way, in words for a server that is no device.
fn refused(failure: &CommandFailure) -> PushError {
    let kind = match failure.class {
        Class::AuthFailed => PushErrorKind::Login,
        Class::HostKeyChanged => PushErrorKind::HostKey,
        Class::AlgorithmMismatch | Class::CommandRejected => PushErrorKind::Unsupported,
        Class::Timeout | Class::ConnectTimeout => PushErrorKind::Timeout,
        Class::Disconnected => PushErrorKind::Lost,
        _ => PushErrorKind::Unreachable,
    };
    let mut message = failure.message.clone();
    for (device, remote) in [
        ("The device", "The remote"),
        ("the device", "the remote"),
        (" Allow old algorithms for this device if you trust it.", ""),
    ] {
        message = message.replace(device, remote);
    }
    if kind == PushErrorKind::HostKey {
        message.push_str(" Accept it only if the server was really replaced.");
    }
    PushError::new(kind, message)
}
