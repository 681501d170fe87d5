//! SSH: connecting, host keys, shells and single commands. Old algorithms are off.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use etiqa_model::class::Class;
use russh::client::{self, DisconnectReason, Handle, Msg};
use russh::keys::ssh_key::PublicKey;
use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PublicKeyOrCertificate};
use russh::{Channel, ChannelMsg, Disconnect, Preferred, SshId, compression};
use tokio::time::timeout;
use tokio_util::sync::DropGuard;

use super::{Closed, Line, socket};
use crate::collect::evidence::Evidence;
use crate::collect::failure::{Failure, Step};
use crate::collect::outcome::HostKeySeen;
use crate::collect::target::{Limits, Target};

/// Host keys that we accept, best first. Signatures with SHA-1 (`ssh-rsa`) are not among them.
const HOST_KEYS: [Algorithm; 6] = [
    Algorithm::Ed25519,
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
    Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
    Algorithm::Rsa { hash: Some(HashAlg::Sha256) },
];

/// Idle connections are kept open by a packet this often, and given up after three without an answer.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// How long a device may take to say goodbye.
const GOODBYE: Duration = Duration::from_millis(300);

/// A connection whose host key was checked. Dropping it cuts the TCP connection.
pub(in crate::collect) struct Connection {
    pub(super) handle: Handle<HostKeyCheck>,
    pub(super) seen: Arc<Mutex<Seen>>,
    _cut: DropGuard,
}

/// What the other side said while the SSH library was at work.
#[derive(Default)]
pub(super) struct Seen {
    key: Option<PublicKey>,
    key_changed: bool,
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
    /// Connects, exchanges keys and checks the host key. No secret is sent.
    pub(in crate::collect) async fn open(
        target: &Target,
        limits: &Limits,
        evidence: &mut Evidence,
    ) -> Step<Self> {
        let remembered = target.host_key.as_deref().map(PublicKey::from_openssh).transpose();
        let Ok(remembered) = remembered else {
            let message = "The remembered host key cannot be read; accept the device's key anew.";
            return Err(Failure::new(Class::HostKeyChanged, message));
        };
        let config = Arc::new(config(remembered.as_ref()));
        let (socket, cut) = socket::connect(&target.address, target.port, limits.connect).await?;
        let seen = Arc::new(Mutex::new(Seen::default()));
        let check = HostKeyCheck { remembered, seen: Arc::clone(&seen) };
        let connected = timeout(limits.connect, client::connect_stream(config, socket, check)).await;
        let key_changed = {
            let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            evidence.host_key = seen.key.as_ref().and_then(host_key_seen);
            seen.key_changed
        };
        match connected {
            Ok(Ok(handle)) => Ok(Self { handle, seen, _cut: cut }),
            Ok(Err(_)) if key_changed => Err(changed_key(evidence)),
            Ok(Err(error)) => Err(before_login(&error, target)),
            Err(_) => {
                let seconds = limits.connect.as_secs_f32();
                let message =
                    format!("Port {} is open, but no SSH server answered within {seconds} s.", target.port);
                Err(Failure::new(Class::ConnectTimeout, message))
            }
        }
    }

    /// Opens an interactive shell on a wide terminal.
    pub(in crate::collect) async fn shell(&self, limits: &Limits) -> Step<SshLine> {
        let open = async {
            let mut channel = self.handle.channel_open_session().await?;
            // Wide and high, so that lines are not wrapped and some platforms do not page.
            channel.request_pty(false, "vt100", 511, 1000, 0, 0, &[]).await?;
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

fn config(remembered: Option<&PublicKey>) -> client::Config {
    let mut keys = HOST_KEYS.to_vec();
    if let Some(remembered) = remembered {
        // Ask for the kind of key that is remembered first, as OpenSSH does: a key of another kind that the device
        // has as well would look like a changed one.
        let is_other = |key: &Algorithm| match (key, remembered.algorithm()) {
            (Algorithm::Rsa { .. }, Algorithm::Rsa { .. }) => false,
            (key, kind) => *key != kind,
        };
        keys.sort_by_key(is_other);
    }
    client::Config {
        client_id: SshId::Standard(Cow::Borrowed("SSH-2.0-etiqa")),
        preferred: Preferred {
            key: Cow::Owned(keys),
            compression: Cow::Borrowed(&[compression::NONE]),
            ..Preferred::DEFAULT
        },
        window_size: 512 * 1024,
        channel_buffer_size: 32,
        keepalive_interval: Some(KEEPALIVE),
        nodelay: true,
        ..client::Config::default()
    }
}

fn host_key_seen(key: &PublicKey) -> Option<HostKeySeen> {
    let mut key = key.clone();
    key.set_comment("");
    let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
    Some(HostKeySeen { openssh: key.to_openssh().ok()?.trim().to_owned(), fingerprint })
}

fn changed_key(evidence: &Evidence) -> Failure {
    let offered = evidence.host_key.as_ref().map_or("of an unknown kind", |key| key.fingerprint.as_str());
    let message = format!("The device shows another host key than the remembered one: {offered}.");
    Failure::new(Class::HostKeyChanged, message)
}

fn before_login(error: &russh::Error, target: &Target) -> Failure {
    match error {
        russh::Error::NoCommonAlgo { kind, theirs, .. } => {
            let offered = theirs.join(", ");
            let message = format!("No common SSH algorithm ({kind:?}); the device offers only: {offered}.");
            Failure::new(Class::AlgorithmMismatch, message)
        }
        russh::Error::UnknownKey => Failure::new(
            Class::AlgorithmMismatch,
            "The device identifies itself by a certificate, which is not supported.",
        ),
        russh::Error::Version => {
            let message = format!("What answers at {} port {} is not SSH.", target.address, target.port);
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
