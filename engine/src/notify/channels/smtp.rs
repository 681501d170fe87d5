//! The way to a mail server, to where SMTP is spoken: its address judged, TLS by the program's own trust.
//!
//! The mail library takes a connection that was made elsewhere, but only one that begins with the server's greeting. Behind
//! STARTTLS no server greets again: [`Wire`] says the greeting in its place.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use etiqa_model::notify::{EmailSettings, MailSecurity};
use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;

use super::http::untrusted;
use super::{Failure, To};
use crate::collect::certificate_problem;
use crate::outgoing::{Kind, kind_of};

/// The longest wait for a connection, for each address of a name.
const CONNECT: Duration = Duration::from_secs(10);
/// Bytes of a reply: RFC 5321 has lines of 512, and few of them.
const LONGEST_REPLY: usize = 16 << 10;
const IN_THE_CLEAR: &str = "The password would cross the internet in the clear: choose STARTTLS or TLS.";

/// A connection over which the server greets first.
pub(super) async fn open(
    to: &To<'_>,
    email: &EmailSettings,
    own_name: &str,
) -> Result<Box<dyn AsyncTokioStream>, Failure> {
    let mut addresses = to.engine.reach.outgoing(to.own_network).resolve(&email.host).await?;
    if email.security == MailSecurity::None && email.username.is_some() {
        addresses.retain(|address| kind_of(*address) != Kind::Public);
        if addresses.is_empty() {
            return Err(Failure::permanent(IN_THE_CLEAR));
        }
    }
    let mut tcp = connect_to(addresses, email.port).await?;
    let stream: Box<dyn AsyncTokioStream> = match email.security {
        MailSecurity::None => Box::new(Wire { inner: tcp, greeting: b"" }),
        MailSecurity::Tls => Box::new(Wire { inner: tls(to, &email.host, tcp).await?, greeting: b"" }),
        MailSecurity::Starttls => {
            go_over_to_tls(&mut tcp, own_name).await?;
            Box::new(Wire { inner: tls(to, &email.host, tcp).await?, greeting: b"220 again\r\n" })
        }
    };
    Ok(stream)
}

/// Connects to a server by the addresses that it may have.
pub(super) async fn connect(to: &To<'_>, host: &str, port: u16) -> Result<TcpStream, Failure> {
    connect_to(to.engine.reach.outgoing(to.own_network).resolve(host).await?, port).await
}

/// Connects to the first of these that answers.
async fn connect_to(addresses: Vec<IpAddr>, port: u16) -> Result<TcpStream, Failure> {
    let mut failure = None;
    for address in addresses {
        match timeout(CONNECT, TcpStream::connect((address, port))).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failure = Some(Failure::of_connection(&error)),
            Err(_) => {
                let seconds = CONNECT.as_secs();
                let message = format!("Nothing answered at port {port} within {seconds} s.");
                failure = Some(Failure::temporary(message));
            }
        }
    }
    Err(failure.unwrap_or_else(|| Failure::temporary("The server's name has no address.")))
}

/// Speaks TLS over a connection with the server of this name.
pub(super) async fn tls(to: &To<'_>, host: &str, tcp: TcpStream) -> Result<TlsStream<TcpStream>, Failure> {
    let unusable = || Failure::permanent("TLS cannot be set up for this server.");
    let config = to.engine.trust().client_config().ok_or_else(unusable)?;
    let name = ServerName::try_from(host.to_owned()).map_err(|_| unusable())?;
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await.map_err(|error| {
        match certificate_problem(&error) {
            Some(problem) => untrusted(problem),
            None => Failure::temporary(format!("TLS could not be set up: {error}. Is it the right port?")),
        }
    })
}

/// Has the server go over to TLS (RFC 3207). What it says besides was said in the clear by whoever is on the way: then
/// nothing is sent.
async fn go_over_to_tls(tcp: &mut TcpStream, own_name: &str) -> Result<(), Failure> {
    expect(tcp, "220").await?;
    say(tcp, &format!("EHLO {own_name}\r\n")).await?;
    let offers = expect(tcp, "250").await?;
    let has_it = offers
        .lines()
        .any(|line| line.get(4..).is_some_and(|keyword| keyword.trim().eq_ignore_ascii_case("STARTTLS")));
    if !has_it {
        return Err(Failure::permanent(
            "The server does not offer STARTTLS. Choose TLS, or none in a network that you trust.",
        ));
    }
    say(tcp, "STARTTLS\r\n").await?;
    expect(tcp, "220").await?;
    Ok(())
}

async fn say(tcp: &mut TcpStream, line: &str) -> Result<(), Failure> {
    tcp.write_all(line.as_bytes()).await.map_err(|error| Failure::of_connection(&error))
}

/// Reads one reply, which begins with this code.
async fn expect(tcp: &mut TcpStream, code: &str) -> Result<String, Failure> {
    let mut held = Vec::new();
    let mut piece = [0; 1_024];
    loop {
        match end_of_reply(&held) {
            Some(end) if end < held.len() => {
                return Err(Failure::permanent("The server spoke out of turn before TLS."));
            }
            Some(_) => break,
            None if held.len() > LONGEST_REPLY => {
                return Err(Failure::permanent("What answers on this port is no mail server."));
            }
            None => {}
        }
        let read = tcp.read(&mut piece).await.map_err(|error| Failure::of_connection(&error))?;
        if read == 0 {
            return Err(Failure::temporary("The server closed the connection."));
        }
        held.extend_from_slice(&piece[..read]);
    }
    let reply = String::from_utf8_lossy(&held).into_owned();
    if reply.starts_with(code) {
        return Ok(reply);
    }
    let words: String = reply.trim().chars().filter(|c| !c.is_control()).take(300).collect();
    // A code that begins with 5 is for good, any other may pass (RFC 5321, section 4.2.1).
    Err(if reply.starts_with('5') {
        Failure::permanent(format!("The mail server refuses: {words}"))
    } else {
        Failure::temporary(format!("The mail server cannot take it just now: {words}"))
    })
}

/// Where the first whole reply ends: behind the line whose code has no dash behind it.
fn end_of_reply(held: &[u8]) -> Option<usize> {
    let mut begin = 0;
    while let Some(length) = held[begin..].iter().position(|byte| *byte == b'\n') {
        let end = begin + length + 1;
        if held.get(begin + 3) != Some(&b'-') {
            return Some(end);
        }
        begin = end;
    }
    None
}

/// A connection that begins with a greeting of our own, where the server does not greet.
struct Wire<S> {
    inner: S,
    greeting: &'static [u8],
}

impl<S> fmt::Debug for Wire<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").finish_non_exhaustive()
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> AsyncTokioStream for Wire<S> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.greeting.is_empty() {
            return Pin::new(&mut self.inner).poll_read(context, buffer);
        }
        let (now, later) = self.greeting.split_at(self.greeting.len().min(buffer.remaining()));
        buffer.put_slice(now);
        self.greeting = later;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_ends_with_the_line_that_has_no_dash() {
        assert_eq!(end_of_reply(b"220 ready\r\n"), Some(11));
        assert_eq!(end_of_reply(b"250-a\r\n250 b\r\n"), Some(14));
        assert_eq!(end_of_reply(b"250-a\r\n250 b"), None);
        assert_eq!(end_of_reply(b"250-a\r\n"), None);
        assert_eq!(end_of_reply(b"220 a\r\nEHLO"), Some(7));
        assert_eq!(end_of_reply(b"\n"), Some(1));
        assert_eq!(end_of_reply(b""), None);
    }
}
