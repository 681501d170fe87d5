//! Whom to talk to, as whom, and for how long.

use std::net::IpAddr;
use std::time::Duration;

use etiqa_model::device::Transport;
use etiqa_model::{CredentialId, Secret};

/// Where a device is, and the way to it.
#[derive(Debug, Clone)]
pub struct Target {
    /// Where the device itself listens.
    pub endpoint: Endpoint,
    /// SSH or telnet.
    pub transport: Transport,
    /// Jump hosts, the one that is reached first in front.
    pub via: Vec<Hop>,
}

/// A server's address, and what is known of its SSH.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// IPv4, IPv6 (without brackets) or a DNS name.
    pub address: String,
    /// Where `address` led when it was judged: the connection goes there, and to nothing that the name leads to later. None:
    /// it is resolved for the connection.
    pub judged: Option<Vec<IpAddr>>,
    /// TCP port.
    pub port: u16,
    /// The remembered host key as one line of OpenSSH text (`ssh-ed25519 AAAA…`); none: the first one is taken.
    pub host_key: Option<String>,
    /// Also offer algorithms that today's SSH leaves out.
    pub legacy: bool,
}

/// A jump host: an SSH server that passes connections on.
#[derive(Debug, Clone)]
pub struct Hop {
    /// Its name, for messages.
    pub name: String,
    /// Where it listens.
    pub endpoint: Endpoint,
    /// Its own credential.
    pub login: Login,
    /// Tried on the same connection where it refuses `login`: the other secrets of a credential that is being rotated.
    pub other: Option<Login>,
}

/// A credential, opened.
#[derive(Debug, Clone, Default)]
pub struct Login {
    /// The credential's row, for who remembers which one a device took.
    pub credential: Option<CredentialId>,
    /// Which secrets of the credential these are, for the same purpose: how often they had been rotated.
    pub generation: u32,
    /// These are the secrets from before the rotation.
    pub is_previous: bool,
    /// The credential's name, for messages.
    pub name: String,
    /// The login name.
    pub username: String,
    /// Answers the SSH password and keyboard-interactive methods.
    pub password: Option<Secret>,
    /// A private key as OpenSSH, PKCS#1, PKCS#8 or PuTTY text.
    pub private_key: Option<Secret>,
    /// Opens `private_key` where it is encrypted.
    pub key_passphrase: Option<Secret>,
    /// Answers the password question of the driver's `[enable]`.
    pub enable_password: Option<Secret>,
    /// What an appliance's API takes instead of a password: FortiOS' API token, PAN-OS' API key.
    pub api_token: Option<Secret>,
    /// What a device encrypts its own backups with, where it can.
    pub backup_passphrase: Option<Secret>,
}

impl Login {
    /// Every secret it holds, for masking; a key is masked by its form, not by its text.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        let Self { password, key_passphrase, enable_password, api_token, backup_passphrase, .. } = self;
        [password, key_passphrase, enable_password, api_token, backup_passphrase]
            .into_iter()
            .flatten()
            .map(Secret::reveal)
            .filter(|secret| !secret.is_empty())
    }
}

/// How long and how much.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The longest wait for TCP, and again for SSH's key exchange and login.
    pub connect: Duration,
    /// The longest silence while an answer is awaited.
    pub step: Duration,
    /// The longest session, from the first packet to the last.
    pub deadline: Duration,
    /// The most bytes that a device may send in one session.
    pub max_bytes: usize,
}

/// The usual longest silence.
const USUAL_STEP: Duration = Duration::from_secs(30);

impl Limits {
    /// The longest silence for a command whose driver gives it `timeout`, which is meant beside the usual 30 seconds:
    /// where the usual silence is shorter or longer, so is this one.
    pub(crate) fn silence(&self, timeout: Option<Duration>) -> Duration {
        timeout
            .map_or(self.step, |timeout| self.step.mul_f64(timeout.as_secs_f64() / USUAL_STEP.as_secs_f64()))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            step: USUAL_STEP,
            deadline: Duration::from_mins(5),
            max_bytes: 64 * 1024 * 1024,
        }
    }
}
