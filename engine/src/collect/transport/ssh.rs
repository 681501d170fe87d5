//! SSH: connecting, host keys, shells and single commands.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use etiqa_model::class::Class;
use russh::client::{self, DisconnectReason, Handle, Msg};
use russh::keys::ssh_key::PublicKey;
use russh::keys::{HashAlg, PublicKeyOrCertificate};
use russh::{Channel, ChannelMsg, Disconnect, Names};
use tokio::io::{AsyncRead, AsyncWrite, BufReader};
use tokio::time::timeout;

use super::ssh_algorithms::config;
use super::{Closed, Line};
use crate::collect::driver::TerminalSettings;
use crate::collect::failure::{Failure, Step};
use crate::collect::outcome::HostKeySeen;
use crate::collect::target::{Endpoint, Limits};

/// How long a device may take to say goodbye.
const GOODBYE: Duration = Duration::from_millis(300);

/// Bytes that are read at once where more than asked for have come.
const READ_AHEAD: usize = 4 * 1024;

/// A connection whose host key was checked.
pub(in crate::collect) struct Connection {
    pub(super) handle: Handle<HostKeyCheck>,
    pub(super) seen: Arc<Mutex<Seen>>,
}

/// What the other side said while the SSH library was at work.
#[derive(Default)]
pub(super) struct Seen {
    key: Option<PublicKey>,
    pub(super) key_changed: bool,
    /// Its version string.
    version: Option<String>,
    /// The reason with which the device ended the connection.
    pub(super) goodbye: Option<(Disconnect, String)>,
}

/// Decides on the host key before anything secret is sent.
pub(super) struct HostKeyCheck {
    remembered: Option<PublicKey>,
    seen: Arc<Mutex<Seen>>,
}

impl client::Handler for HostKeyCheck {
    type Error = russh::Error;

    async fn check_server_key(&mut self, offered: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = offered else {
            return Ok(false);
        };
        let is_known =
            self.remembered.as_ref().is_none_or(|remembered| remembered.key_data() == key.key_data());
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.key = Some(key.clone());
        seen.key_changed = !is_known;
        Ok(is_known)
    }

    async fn kex_done(
        &mut self,
        _secret: Option<&[u8]>,
        _names: &Names,
        session: &mut client::Session,
    ) -> Result<(), russh::Error> {
        let version: String = String::from_utf8_lossy(session.remote_sshid()).chars().take(255).collect();
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).version = Some(version);
        Ok(())
    }

    async fn disconnected(&mut self, reason: DisconnectReason<russh::Error>) -> Result<(), russh::Error> {
        match reason {
            DisconnectReason::ReceivedDisconnect(info) => {
                let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
                seen.goodbye = Some((info.reason_code, info.message));
                Ok(())
            }
            DisconnectReason::Error(error) => Err(error),
        }
    }
}

impl Connection {
    /// Exchanges keys over `stream` and checks the host key, within `limits.connect`. No secret is sent. What the server
    /// showed of itself is in `seen`, whether it succeeds or not.
    pub(super) async fn over(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        endpoint: &Endpoint,
        limits: &Limits,
        seen: &Arc<Mutex<Seen>>,
    ) -> Step<Self> {
        let remembered = endpoint.host_key.as_deref().map(PublicKey::from_openssh).transpose();
        let Ok(remembered) = remembered else {
            let message = "The remembered host key cannot be read; accept the device's key anew.";
            return Err(Failure::new(Class::HostKeyChanged, message));
        };
        let config = Arc::new(config(remembered.as_ref(), endpoint.legacy));
        // The library reads four bytes, then the packet that they announce: most packets are small.
        let stream = BufReader::with_capacity(READ_AHEAD, stream);
        let check = HostKeyCheck { remembered, seen: Arc::clone(seen) };
        match timeout(limits.connect, client::connect_stream(config, stream, check)).await {
            Ok(Ok(handle)) => Ok(Self { handle, seen: Arc::clone(seen) }),
            Ok(Err(error)) => Err(before_login(&error, endpoint, seen)),
            Err(_) => {
                let seconds = limits.connect.as_secs_f32();
                let message =
                    format!("Port {} is open, but no SSH server answered within {seconds} s.", endpoint.port);
                Err(Failure::new(Class::ConnectTimeout, message))
            }
        }
    }

    /// Whether the other side has ended the connection.
    pub(super) fn is_closed(&self) -> bool {
        self.handle.is_closed()
    }

    /// Opens an interactive shell.
    pub(in crate::collect) async fn shell(
        &self,
        terminal: &TerminalSettings,
        limits: &Limits,
    ) -> Step<SshLine> {
        let open = async {
            let mut channel = self.handle.channel_open_session().await?;
            let TerminalSettings { kind, width, height, .. } = terminal;
            channel.request_pty(false, kind, *width, *height, 0, 0, &[]).await?;
            channel.request_shell(true).await?;
            loop {
                match channel.wait().await {
                    Some(ChannelMsg::Success) => return Ok(Some(SshLine { channel, ahead: None })),
                    // A server that does not confirm, but talks, has opened the shell.
                    Some(ChannelMsg::Data { data }) => {
                        return Ok(Some(SshLine { channel, ahead: Some(data.to_vec()) }));
                    }
                    Some(ChannelMsg::Failure | ChannelMsg::Close | ChannelMsg::Eof) => return Ok(None),
                    Some(_) => {}
                    None => return Err(russh::Error::Disconnect),
                }
            }
        };
        let refused = || Failure::new(Class::CommandRejected, "The device opens no shell for this user.");
        answered(timeout(limits.step, open).await, "opening a shell", limits)?.ok_or_else(refused)
    }

    /// Opens a channel that runs `command`.
    pub(in crate::collect) async fn exec(&self, command: &str, limits: &Limits) -> Step<Channel<Msg>> {
        let open = async {
            let channel = self.handle.channel_open_session().await?;
            channel.exec(true, command).await?;
            Ok(channel)
        };
        answered(timeout(limits.step, open).await, "opening a channel", limits)
    }

    /// Says goodbye; a device that does not answer is cut.
    pub(in crate::collect) async fn close(self) {
        self.handle.disconnect(Disconnect::ByApplication, "", "").await.ok();
        timeout(GOODBYE, self.handle).await.ok();
    }
}

/// An interactive shell.
pub(in crate::collect) struct SshLine {
    channel: Channel<Msg>,
    ahead: Option<Vec<u8>>,
}

impl Line for SshLine {
    async fn receive(&mut self) -> Option<Vec<u8>> {
        if let Some(ahead) = self.ahead.take() {
            return Some(ahead);
        }
        loop {
            match self.channel.wait().await? {
                ChannelMsg::Data { data } | ChannelMsg::ExtendedData { data, .. } if !data.is_empty() => {
                    return Some(data.to_vec());
                }
                ChannelMsg::Eof | ChannelMsg::Close => return None,
                _ => {}
            }
        }
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), Closed> {
        self.channel.data(bytes).await.map_err(|_| Closed)
    }
}

fn host_key_seen(key: &PublicKey) -> Option<HostKeySeen> {
    let mut key = key.clone();
    key.set_comment("");
    let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
    Some(HostKeySeen { openssh: key.to_openssh().ok()?.trim().to_owned(), fingerprint })
}

impl Seen {
    /// The key that was offered.
    pub(super) fn host_key(&self) -> Option<HostKeySeen> {
        self.key.as_ref().and_then(host_key_seen)
    }

    /// The server's version string.
    pub(super) fn version(&self) -> Option<String> {
        self.version.clone()
    }
}

fn before_login(error: &russh::Error, endpoint: &Endpoint, seen: &Mutex<Seen>) -> Failure {
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    match error {
        _ if seen.key_changed => {
            let offered = seen.host_key().map_or("of an unknown kind".to_owned(), |key| key.fingerprint);
            let message = format!("The device shows another host key than the remembered one: {offered}.");
            Failure::new(Class::HostKeyChanged, message)
        }
        russh::Error::NoCommonAlgo { kind, theirs, .. } => {
            // Extensions of the protocol stand in the same list as the key exchanges (RFC 8308, section 2.1).
            let is_algorithm =
                |name: &&str| !["ext-info-", "kex-strict-"].iter().any(|prefix| name.starts_with(prefix));
            let offered: Vec<&str> = theirs.iter().map(String::as_str).filter(is_algorithm).collect();
            let offered = offered.join(", ");
            let advice =
                if endpoint.legacy { "" } else { " Allow old algorithms for this device if you trust it." };
            let message =
                format!("No common SSH algorithm ({kind:?}); the device offers only: {offered}.{advice}");
            Failure::new(Class::AlgorithmMismatch, message)
        }
        russh::Error::UnknownKey => Failure::new(
            Class::AlgorithmMismatch,
            "The device identifies itself by a certificate, which is not supported.",
        ),
        russh::Error::Version => {
            let message = format!("What answers at {} port {} is not SSH.", endpoint.address, endpoint.port);
            Failure::new(Class::Unreachable, message)
        }
        _ => Failure::new(Class::Disconnected, "The device closed the connection before login."),
    }
}

/// The failure of a request that the device did not answer as the protocol wants it.
pub(super) fn answered<T>(
    result: Result<Result<T, russh::Error>, tokio::time::error::Elapsed>,
    doing: &str,
    limits: &Limits,
) -> Step<T> {
    match result {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(russh::Error::ChannelOpenFailure(reason))) => {
            let message = format!("The device refuses a session: {reason:?}.");
            Err(Failure::new(Class::CommandRejected, message))
        }
        Ok(Err(_)) => {
            let message = format!("The device closed the connection while {doing}.");
            Err(Failure::new(Class::Disconnected, message))
        }
        Err(_) => {
            let seconds = limits.step.as_secs_f32();
            let message = format!("The device was silent for {seconds} s while {doing}.");
            Err(Failure::new(Class::Timeout, message))
        }
    }
}
