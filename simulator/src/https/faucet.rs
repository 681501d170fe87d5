//! What befalls an answer on its way out, between HTTP and TLS: every byte of its body is counted here.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;

use crate::cable::Cable;
use crate::faults::WireFault;

/// Bytes that drip between two pauses.
const DRIP: usize = 256;
const DRIP_PAUSE: Duration = Duration::from_millis(1);

/// What stands between an answer's headers and its body.
const END_OF_HEADERS: &[u8] = b"\r\n\r\n";

/// What is to befall the next answer.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Order {
    /// This, after so many bytes of the body.
    pub(super) wire: Option<(u64, WireFault)>,
    /// The body drips.
    pub(super) drips: bool,
}

/// Where orders for the next answer are left.
#[derive(Default)]
pub(super) struct Orders(Mutex<Option<Order>>);

impl Orders {
    /// The next answer is given like this.
    pub(super) fn give(&self, order: Order) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(order);
    }

    fn take(&self) -> Option<Order> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A TLS connection whose answers are befallen as ordered.
pub(super) struct Faucet {
    tls: TlsStream<Cable>,
    orders: Arc<Orders>,
    order: Order,
    place: Place,
    pause: Option<Pin<Box<tokio::time::Sleep>>>,
}

/// Where in an answer the next byte is.
#[derive(Clone, Copy)]
enum Place {
    /// In the headers, behind so many bytes of their end.
    Headers(usize),
    /// Behind so many bytes of the body.
    Body(u64),
    /// Nothing more is heard of it.
    Silence,
    /// The connection is closed.
    Closed,
}

impl Faucet {
    pub(super) fn new(tls: TlsStream<Cable>, orders: Arc<Orders>) -> Self {
        Self { tls, orders, order: Order::default(), place: Place::Headers(0), pause: None }
    }

    fn cable(&mut self) -> &mut Cable {
        self.tls.get_mut().0
    }

    /// The fault whose place is reached, where there is one.
    fn due(&self) -> Option<WireFault> {
        match (self.place, self.order.wire) {
            (Place::Body(sent), Some((at, fault))) if sent >= at => Some(fault),
            _ => None,
        }
    }

    /// Lets the fault happen; what was written before it is on its way.
    fn befall(&mut self, cx: &mut Context<'_>, fault: WireFault) -> Poll<io::Result<()>> {
        match fault {
            WireFault::Hang => {
                self.place = Place::Silence;
                return Poll::Ready(Ok(()));
            }
            WireFault::Garble => {
                self.order.wire = None;
                self.cable().garble();
                return Poll::Ready(Ok(()));
            }
            WireFault::Cut => ready!(Pin::new(&mut self.tls).poll_shutdown(cx))?,
            WireFault::Reset => self.cable().reset_at_close()?,
        }
        self.place = Place::Closed;
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }

    fn write_body(&mut self, cx: &mut Context<'_>, buf: &[u8], sent: u64) -> Poll<io::Result<usize>> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        if let Some(fault) = self.due() {
            ready!(Pin::new(&mut self.tls).poll_flush(cx))?;
            ready!(self.befall(cx, fault))?;
            if fault == WireFault::Hang {
                return Poll::Ready(Ok(buf.len()));
            }
        }
        let drop = if self.order.drips { DRIP } else { usize::MAX };
        let left = self.order.wire.map_or(u64::MAX, |(at, _)| at - sent);
        let count = buf.len().min(drop).min(usize::try_from(left).unwrap_or(usize::MAX));
        let written = ready!(Pin::new(&mut self.tls).poll_write(cx, &buf[..count]))?;
        self.place = Place::Body(sent + written as u64);
        if self.order.drips {
            self.pause = Some(Box::pin(tokio::time::sleep(DRIP_PAUSE)));
        }
        Poll::Ready(Ok(written))
    }
}

/// How many bytes of `buf` belong to the headers, and how many bytes of their end are seen then.
fn headers_in(buf: &[u8], mut seen: usize) -> (usize, usize) {
    for (at, byte) in buf.iter().enumerate() {
        if *byte == END_OF_HEADERS[seen] {
            seen += 1;
        } else {
            seen = usize::from(*byte == END_OF_HEADERS[0]);
        }
        if seen == END_OF_HEADERS.len() {
            return (at + 1, seen);
        }
    }
    (buf.len(), seen)
}

impl AsyncRead for Faucet {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_read(cx, buf)
    }
}

impl AsyncWrite for Faucet {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(order) = self.orders.take() {
            self.order = order;
            self.place = Place::Headers(0);
        }
        match self.place {
            Place::Headers(seen) => {
                let (headers, _) = headers_in(buf, seen);
                let written = ready!(Pin::new(&mut self.tls).poll_write(cx, &buf[..headers]))?;
                let (_, seen) = headers_in(&buf[..written], seen);
                self.place = if seen == END_OF_HEADERS.len() { Place::Body(0) } else { Place::Headers(seen) };
                Poll::Ready(Ok(written))
            }
            Place::Body(sent) => self.write_body(cx, buf, sent),
            Place::Silence => Poll::Ready(Ok(buf.len())),
            Place::Closed => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.tls).poll_flush(cx))?;
        match self.due() {
            // A garbled byte needs one to be garbled.
            None | Some(WireFault::Garble) => Poll::Ready(Ok(())),
            Some(fault) => self.befall(cx, fault),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if matches!(self.place, Place::Silence) {
            // Not even an end is heard.
            return Poll::Pending;
        }
        Pin::new(&mut self.tls).poll_shutdown(cx)
    }
}
