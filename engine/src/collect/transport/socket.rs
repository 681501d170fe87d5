//! The TCP connection beneath a session, which ends for certain when the session is dropped.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use etiqa_model::class::Class;
use rustix::net::sockopt::set_socket_oobinline;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard, WaitForCancellationFutureOwned};

use crate::collect::failure::{Failure, Step};
use crate::collect::target::Endpoint;
use crate::outgoing::{Kind, Refused, kind_of};

/// A TCP stream that is cut as soon as its [`DropGuard`] goes. The SSH library runs its protocol in a task of its
/// own, which would else wait for a hung device after everybody has lost interest.
pub(super) struct Socket {
    stream: TcpStream,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
}

/// Refuses an address where a cloud hands out its keys: nothing that is collected from is there.
pub(super) fn judge(host: &str, address: IpAddr) -> Result<(), String> {
    match kind_of(address) {
        kind @ Kind::Metadata => Err(Refused { host: host.to_owned(), address, kind }.to_string()),
        Kind::Public | Kind::Private | Kind::Special => Ok(()),
    }
}

/// Connects to the first address of an endpoint that answers, within `longest` for all of them: of those that were judged,
/// where there are such, or else of those that its name leads to.
pub(super) async fn connect(endpoint: &Endpoint, longest: Duration) -> Step<(Socket, DropGuard)> {
    let (host, port) = (endpoint.address.as_str(), endpoint.port);
    let deadline = Instant::now() + longest;
    let no_answer = || {
        let message = format!("Nothing answered at {host} port {port} within {} s.", longest.as_secs_f32());
        Failure::new(Class::ConnectTimeout, message)
    };
    let addresses: Vec<SocketAddr> = match &endpoint.judged {
        Some(judged) => judged.iter().map(|address| SocketAddr::new(*address, port)).collect(),
        None => match timeout_at(deadline, lookup_host((host, port))).await {
            Ok(found) => found.into_iter().flatten().collect(),
            Err(_) => return Err(no_answer()),
        },
    };
    let mut last = Failure::new(Class::Unreachable, format!("The name {host} cannot be resolved."));
    for address in addresses {
        if let Err(refused) = judge(host, address.ip()) {
            last = Failure::new(Class::Unreachable, refused);
            continue;
        }
        match timeout_at(deadline, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Keystrokes are small and waited for; Nagle's algorithm would only delay them.
                stream.set_nodelay(true).ok();
                // Telnet servers send one byte of a command as urgent, which the system would take out of the stream.
                set_socket_oobinline(&stream, true).ok();
                let token = CancellationToken::new();
                let cut = Box::pin(token.clone().cancelled_owned());
                return Ok((Socket { stream, cut }, token.drop_guard()));
            }
            Ok(Err(error)) if error.kind() == ErrorKind::TimedOut => last = no_answer(),
            Ok(Err(error)) => {
                let reason = reason(&error);
                let message = format!("The connection to {host} port {port} failed: {reason}.");
                last = Failure::new(Class::Unreachable, message);
            }
            Err(_) => return Err(no_answer()),
        }
    }
    Err(last)
}

fn reason(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::ConnectionRefused => "it was refused",
        ErrorKind::HostUnreachable => "the host is unreachable",
        ErrorKind::NetworkUnreachable => "the network is unreachable",
        ErrorKind::PermissionDenied => "the system does not allow it",
        ErrorKind::ConnectionReset => "it was reset",
        _ => "the system could not open it",
    }
}

impl Socket {
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.cut.as_mut().poll(cx) {
            Poll::Ready(()) => Err(ErrorKind::ConnectionAborted.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    fn endpoint(address: &str, judged: Option<&[&str]>, port: u16) -> Endpoint {
        let judged = judged.map(|judged| judged.iter().map(|address| address.parse().unwrap()).collect());
        Endpoint { address: address.to_owned(), judged, port, host_key: None, legacy: false }
    }

    #[tokio::test]
    async fn the_connection_goes_to_the_address_that_was_judged() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        // A label that no name may have (RFC 1035, section 2.3.4): whoever asks for it is told nothing.
        let name = "a".repeat(64);
        let judged = endpoint(&name, Some(&["127.0.0.1"]), port);
        assert!(connect(&judged, Duration::from_secs(10)).await.is_ok());
        for nowhere in [endpoint(&name, None, port), endpoint("127.0.0.1", Some(&[]), port)] {
            let failure = connect(&nowhere, Duration::from_secs(10)).await.err().unwrap();
            assert_eq!(failure.class, Class::Unreachable);
            assert!(failure.message.contains("cannot be resolved"), "{}", failure.message);
        }
    }

    #[tokio::test]
    async fn nothing_is_sent_where_a_cloud_hands_out_its_keys() {
        for there in
            [endpoint("core.lan", Some(&["169.254.169.254"]), 80), endpoint("169.254.169.254", None, 80)]
        {
            let failure = connect(&there, Duration::from_secs(10)).await.err().unwrap();
            assert_eq!(failure.class, Class::Unreachable);
            assert!(failure.message.contains("hands out its keys"), "{}", failure.message);
        }
    }
}
