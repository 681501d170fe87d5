//! A door for others than devices: an SFTP session with an SSH server, logged in as devices are.

use etiqa_model::class::Class;
use etiqa_model::device::Transport;
use russh_sftp::client::SftpSession;
use tokio::time::timeout;

use super::route::{self, Way};
use super::ssh::{Connection, answered};
use crate::collect::evidence::Evidence;
use crate::collect::failure::{Failure, Step};
use crate::collect::outcome::HostKeySeen;
use crate::collect::target::{Endpoint, Limits, Login, Target};

/// An open session; the connection ends with it.
pub(crate) struct SftpConnection {
    /// Version 3 of the protocol.
    pub(crate) session: SftpSession,
    _connection: Connection,
    _way: Way,
}

/// Connects, checks the host key, logs in and opens SFTP. The key that the server showed comes back in any case.
pub(crate) async fn open_sftp(
    endpoint: &Endpoint,
    login: &Login,
    limits: &Limits,
) -> (Step<SftpConnection>, Option<HostKeySeen>) {
    let mut evidence = Evidence::default();
    let opened = open(endpoint, login, limits, &mut evidence).await;
    (opened, evidence.host_key)
}

async fn open(
    endpoint: &Endpoint,
    login: &Login,
    limits: &Limits,
    evidence: &mut Evidence,
) -> Step<SftpConnection> {
    let target = Target { endpoint: endpoint.clone(), transport: Transport::Ssh, via: Vec::new() };
    let (stream, way) = route::open(&target, limits, evidence).await?;
    let mut connection = route::ssh(stream, endpoint, limits, evidence).await?;
    connection.login(login, limits).await?;
    let channel = timeout(limits.step, async {
        let channel = connection.handle.channel_open_session().await?;
        channel.request_subsystem(true, "sftp").await?;
        Ok(channel)
    });
    let channel = answered(channel.await, "opening SFTP", limits)?;
    let refused = || Failure::new(Class::CommandRejected, "The server gives this user no SFTP.");
    match timeout(limits.step, SftpSession::new(channel.into_stream())).await {
        Ok(Ok(session)) => {
            session.set_timeout(limits.step.as_secs().max(1));
            Ok(SftpConnection { session, _connection: connection, _way: way })
        }
        _ => Err(refused()),
    }
}
