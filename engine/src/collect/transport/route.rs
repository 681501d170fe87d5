//! The way to a device: straight, or through jump hosts, each with its own key and credential.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use etiqa_model::class::Class;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_util::sync::DropGuard;

use super::socket;
use super::ssh::{Connection, Seen};
use crate::collect::evidence::Evidence;
use crate::collect::failure::{Failure, Step};
use crate::collect::outcome::HopKeySeen;
use crate::collect::target::{Endpoint, Hop, Limits, Target};

/// A two-way byte stream, whatever carries it.
pub(in crate::collect) trait Stream:
    AsyncRead + AsyncWrite + Unpin + Send + 'static
{
}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for T {}

/// What keeps a way open; dropping it cuts the first TCP connection, and all that runs through it.
pub(in crate::collect) struct Way {
    _hops: Vec<Connection>,
    _cut: DropGuard,
}

impl Way {
    /// Of a connection that is there already.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn none() -> Self {
        Self { _hops: Vec::new(), _cut: tokio_util::sync::CancellationToken::new().drop_guard() }
    }
}

/// Connects to the device's port, through its jump hosts.
pub(in crate::collect) async fn open(
    target: &Target,
    limits: &Limits,
    evidence: &mut Evidence,
) -> Step<(Box<dyn Stream>, Way)> {
    // The way is gone anew for every credential of the device.
    evidence.hop_keys.clear();
    evidence.hop_logins.clear();
    let first = target.via.first().map_or(&target.endpoint, |hop| &hop.endpoint);
    let opened = socket::connect(first, limits.connect).await;
    let (socket, cut) = opened.map_err(|failure| match target.via.first() {
        Some(hop) => at_hop(hop, failure),
        None => failure,
    })?;
    let mut stream: Box<dyn Stream> = Box::new(socket);
    let mut hops = Vec::with_capacity(target.via.len());
    for (index, hop) in target.via.iter().enumerate() {
        evidence.doing(format!("logging in to the jump host {}", hop.name));
        let next = target.via.get(index + 1).map_or(&target.endpoint, |hop| &hop.endpoint);
        let connection =
            log_in(stream, hop, limits, evidence).await.map_err(|failure| at_hop(hop, failure))?;
        stream = forward(&connection, hop, next, limits.connect).await?;
        hops.push(connection);
    }
    Ok((stream, Way { _hops: hops, _cut: cut }))
}

/// Opens SSH to the device itself over `stream`, and notes what it shows of itself.
pub(in crate::collect) async fn ssh(
    stream: Box<dyn Stream>,
    endpoint: &Endpoint,
    limits: &Limits,
    evidence: &mut Evidence,
) -> Step<Connection> {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let connected = Connection::over(stream, endpoint, limits, &seen).await;
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    evidence.host_key = seen.host_key();
    evidence.ssh_version = seen.version();
    connected
}

async fn log_in(
    stream: Box<dyn Stream>,
    hop: &Hop,
    limits: &Limits,
    evidence: &mut Evidence,
) -> Step<Connection> {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let connected = Connection::over(stream, &hop.endpoint, limits, &seen).await;
    {
        let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        let key = seen.host_key();
        let seen = key.map(|key| HopKeySeen { name: hop.name.clone(), key, is_changed: seen.key_changed });
        evidence.hop_keys.extend(seen);
    }
    let mut connection = connected?;
    let mut refused = None;
    for login in [Some(&hop.login), hop.other.as_ref()].into_iter().flatten() {
        let what =
            format!("logging in to the jump host {} as {} with {}", hop.name, login.username, login.name);
        evidence.transcript.note(&what);
        match connection.login(login, limits).await {
            Ok(()) => {
                evidence.hop_logins.push((hop.name.clone(), login.name.clone()));
                return Ok(connection);
            }
            Err(failure) if failure.class == Class::AuthFailed => refused = Some(failure),
            // A server may end the connection instead of looking at a second try.
            Err(failure) => return Err(refused.unwrap_or(failure)),
        }
    }
    Err(refused.unwrap_or_else(|| Failure::new(Class::AuthFailed, "It has no credential.")))
}

async fn forward(
    connection: &Connection,
    hop: &Hop,
    next: &Endpoint,
    longest: Duration,
) -> Step<Box<dyn Stream>> {
    let Endpoint { address, port, .. } = next;
    // What a name leads to is known over there alone.
    if let Ok(literal) = address.parse() {
        socket::judge(address, literal).map_err(|refused| Failure::new(Class::Unreachable, refused))?;
    }
    let open =
        connection.handle.channel_open_direct_tcpip(address.as_str(), u32::from(*port), "127.0.0.1", 0);
    let name = &hop.name;
    match timeout(longest, open).await {
        Ok(Ok(channel)) => Ok(Box::new(channel.into_stream())),
        Ok(Err(russh::Error::ChannelOpenFailure(russh::ChannelOpenFailure::ConnectFailed))) => {
            let message = format!("The jump host {name} cannot connect to {address} port {port}.");
            Err(Failure::new(Class::Unreachable, message))
        }
        Ok(Err(_)) if connection.is_closed() => {
            Err(Failure::new(Class::Disconnected, format!("The jump host {name} closed the connection.")))
        }
        Ok(Err(_)) => {
            let message =
                format!("The jump host {name} does not pass connections on to {address} port {port}.");
            Err(Failure::new(Class::Unreachable, message))
        }
        Err(_) => {
            let seconds = longest.as_secs_f32();
            let message = format!(
                "The jump host {name} had no connection to {address} port {port} within {seconds} s."
            );
            Err(Failure::new(Class::ConnectTimeout, message))
        }
    }
}

/// A failure on the way says nothing of the device: only the way is broken. A changed key and old algorithms keep
/// their class, for a person has to act on them.
fn at_hop(hop: &Hop, failure: Failure) -> Failure {
    let class = match failure.class {
        Class::AuthFailed => Class::Unreachable,
        class => class,
    };
    let mut message = failure.message;
    for (device, it) in [("The device", "It"), ("the device", "it"), ("this device", "it")] {
        message = message.replace(device, it);
    }
    Failure::new(class, format!("Jump host {}: {message}", hop.name))
}
