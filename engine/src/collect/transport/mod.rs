//! How bytes reach a device.

pub(super) mod files;
pub(super) mod https;
pub(super) mod route;
pub(super) mod sftp;
mod socket;
pub(super) mod ssh;
mod ssh_algorithms;
pub(super) mod ssh_login;
pub(super) mod telnet;
pub(super) mod telnet_protocol;
pub(super) mod tls;

/// A two-way byte stream to a device's shell: the seam between transports and the session above them.
pub(super) trait Line: Send {
    /// The next bytes, at least one; none: the device ended the stream. Dropping the future loses nothing.
    fn receive(&mut self) -> impl Future<Output = Option<Vec<u8>>> + Send;

    /// Sends all of `bytes`.
    fn send(&mut self, bytes: &[u8]) -> impl Future<Output = Result<(), Closed>> + Send;

    /// Whether what a device sends last, such as the echo of a logout, comes out before the end of the stream.
    fn keeps_last_words(&self) -> bool {
        true
    }
}

/// The stream is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Closed;

/// A shell, whatever carries it.
pub(super) enum AnyLine {
    Ssh(ssh::SshLine),
    Telnet(telnet::TelnetLine),
}
