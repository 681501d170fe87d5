//! Sending a branch of the mirror to a remote: never by force, within a deadline, and with one sentence for every ending.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use etiqa_model::Secret;
use git2::Oid;
use tokio::time::timeout;

use super::address::Address;
use super::exchange::quoted;
use super::lines::Broken;
use super::{CommitId, folder, http, ssh};
use crate::collect::{HostKeySeen, Hush, Limits, Trust};
use crate::outgoing::Outgoing;

/// A remote hooks scripts onto a push, and a large one takes its time to be checked.
const SILENCE: Duration = Duration::from_mins(2);
/// The first push of a large network over a slow line.
const WHOLE: Duration = Duration::from_hours(1);

/// Where to, and as whom.
#[derive(Debug, Clone)]
pub struct Remote {
    /// The repository.
    pub address: Address,
    /// What is shown to its server.
    pub login: RemoteLogin,
    /// The remembered host key of an SSH server as one line of OpenSSH text; none: the first one is taken.
    pub host_key: Option<String>,
    /// The authorities that an HTTPS server's certificate is verified against.
    pub trust: Arc<Trust>,
    /// Where connections to it may lead.
    pub outgoing: Outgoing,
    /// How long to connect, to wait in silence, and in all.
    pub limits: Limits,
}

/// A login for a remote, opened.
#[derive(Debug, Clone, Default)]
pub struct RemoteLogin {
    /// The login name; where there is none, that of the address, and without that `git`.
    pub username: Option<String>,
    /// A password or token.
    pub password: Option<Secret>,
    /// A private key as OpenSSH, PKCS#1, PKCS#8 or PuTTY text; for SSH.
    pub private_key: Option<Secret>,
    /// Opens `private_key` where it is encrypted.
    pub key_passphrase: Option<Secret>,
}

impl Remote {
    /// With the usual patience.
    pub fn new(
        address: Address,
        login: RemoteLogin,
        host_key: Option<String>,
        trust: Arc<Trust>,
        outgoing: Outgoing,
    ) -> Self {
        let limits = Limits { step: SILENCE, deadline: WHOLE, ..Limits::default() };
        Self { address, login, host_key, trust, outgoing, limits }
    }

    pub(super) fn username(&self) -> &str {
        let given = self.login.username.as_deref().filter(|name| !name.is_empty());
        given.or(self.address.user()).unwrap_or("git")
    }

    /// What its server is told and nobody else may read.
    fn hush(&self) -> Hush {
        let mut hush = Hush::default();
        if let Some(password) = &self.login.password {
            hush.add_password(self.username(), password);
        }
        hush
    }
}

/// A branch that is at the remote now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// Its last commit.
    pub commit: CommitId,
    /// Whether the remote had it before.
    pub was_there: bool,
    /// What the remote said to a person, as one line; empty where it said nothing.
    pub said: String,
    /// The host key that an SSH server showed: the caller remembers the first one.
    pub host_key: Option<HostKeySeen>,
}

/// Why a branch is not at the remote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PushError {
    /// What kind of ending; says whether a retry makes sense.
    pub kind: PushErrorKind,
    /// One sentence for a person, without secrets.
    pub message: String,
    /// The host key that an SSH server showed; with [`PushErrorKind::HostKey`] the one that waits for a person.
    pub host_key: Option<HostKeySeen>,
}

/// The kinds of failed pushes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PushErrorKind {
    /// The address or the branch cannot be used.
    Address,
    /// The remote refused the login, or there is none.
    Login,
    /// An SSH server shows another host key than the remembered one.
    HostKey,
    /// An HTTPS server's certificate is not trusted.
    Certificate,
    /// There is no such repository, or not for this user.
    NoRepository,
    /// The branch at the remote has commits that are not here.
    Diverged,
    /// A hook or a rule of the remote said no.
    Declined,
    /// What answers is not Git, or a Git that cannot do this.
    Unsupported,
    /// The mirror has no such branch yet.
    Nothing,
    /// The remote cannot be reached.
    Unreachable,
    /// The remote fell silent, or it took too long in all.
    Timeout,
    /// The connection was lost.
    Lost,
    /// Somebody else was just moving the branch.
    Busy,
    /// The remote had an error of its own.
    Remote,
    /// The repository here cannot be read, or there is no room for the pack.
    Here,
}

impl PushErrorKind {
    /// Whether it stays so until a person does something: a retry makes no sense.
    pub fn is_permanent(self) -> bool {
        match self {
            Self::Address
            | Self::Login
            | Self::HostKey
            | Self::Certificate
            | Self::NoRepository
            | Self::Diverged
            | Self::Declined
            | Self::Unsupported
            | Self::Nothing => true,
            Self::Unreachable | Self::Timeout | Self::Lost | Self::Busy | Self::Remote | Self::Here => false,
        }
    }
}

/// Brings `branch` at the remote to where it is in the repository here. Only ever forwards: what somebody else has put there
/// is neither fetched nor written over.
pub async fn push(repository: &Path, remote: &Remote, branch: &str) -> Result<Pushed, PushError> {
    // Outlives an attempt that is cut off at its deadline.
    let mut host_key = None;
    let sent = async {
        match &remote.address {
            Address::Ssh { host, port, path, .. } => {
                ssh::push(repository, remote, (host, *port, path), branch, &mut host_key).await
            }
            Address::Http { url, .. } => http::push(repository, remote, url, branch).await,
            Address::Folder(path) => folder::push(repository, path, branch).await,
        }
    };
    let sent = match timeout(remote.limits.deadline, sent).await {
        Ok(sent) => sent,
        Err(_) => {
            let message = format!(
                "The push was not finished within {} s and was cut off.",
                remote.limits.deadline.as_secs_f32()
            );
            Err(PushError::new(PushErrorKind::Timeout, message))
        }
    };
    // The remote may say back what it was told.
    let hush = remote.hush();
    match sent {
        Ok(Sent { commit, was_there, said }) => {
            Ok(Pushed { commit: commit.into(), was_there, said: hush.masked(&said), host_key })
        }
        Err(error) => Err(PushError { host_key, message: hush.masked(&error.message), ..error }),
    }
}

/// What came of a push that succeeded.
pub(super) struct Sent {
    pub(super) commit: Oid,
    pub(super) was_there: bool,
    pub(super) said: String,
}

impl PushError {
    pub(super) fn new(kind: PushErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), host_key: None }
    }

    /// The repository of the mirror itself, or its disk.
    pub(super) fn here(why: &str) -> Self {
        tracing::error!(error = why, "a mirror could not be packed for its remote");
        let message = "The mirror could not be packed for the push; the program's log says why.";
        Self::new(PushErrorKind::Here, message)
    }

    pub(super) fn lost() -> Self {
        Self::new(PushErrorKind::Lost, "The connection to the remote was lost during the push.")
    }

    pub(super) fn silent(silence: Duration) -> Self {
        let message = format!("The remote was silent for {} s.", silence.as_secs_f32());
        Self::new(PushErrorKind::Timeout, message)
    }

    /// An answer that broke off; `said` is what the remote had said to a person by then.
    pub(super) fn broken(broken: Broken, said: &[u8]) -> Self {
        match broken {
            Broken::Ended | Broken::Lost if said.is_empty() => Self::lost(),
            Broken::Ended | Broken::Lost => {
                let message = format!("The remote ended the push{}.", quoted(said));
                Self::new(PushErrorKind::Lost, message)
            }
            Broken::Silent => Self::new(
                PushErrorKind::Timeout,
                format!("The remote stopped answering during the push{}.", quoted(said)),
            ),
            Broken::TooMuch => {
                let message = "The remote answers with more than Git ever would; the push was given up.";
                Self::new(PushErrorKind::Unsupported, message)
            }
            Broken::Refused(why) => {
                let message = format!("The remote refuses the push: “{why}”.");
                Self::new(PushErrorKind::NoRepository, message)
            }
            Broken::Garbled(begin) if begin.is_empty() => {
                Self::new(PushErrorKind::Unsupported, "What the remote answers is not Git's protocol.")
            }
            Broken::Garbled(begin) => {
                let message = format!("What the remote answers is not Git's protocol: “{begin}”.");
                Self::new(PushErrorKind::Unsupported, message)
            }
        }
    }
}
