//! The TCP connection of one session, which can be pulled out from the outside, and the faults that befall it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::faults::WireFault;
use crate::state::{SessionGuard, State};

/// Bytes that drip between two pauses; a timer is too coarse for one after each.
const DRIP: usize = 16;
const DRIP_PAUSE: Duration = Duration::from_millis(1);

/// A connection that ends when its device stops; while it exists, the session counts as open.
///
/// The SSH library keeps a session in a task of its own that nothing can abort, so ending its connection is
/// the one way to end it.
pub(crate) struct Cable {
    tcp: TcpStream,
    /// Ends when the device stops; none once it has.
    running: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    is_logged_in: Arc<AtomicBool>,
    /// From the login on; none before it.
    faulty: Option<Faulty>,
    /// The last bit of what is written next is another one.
    garbles: bool,
    guard: SessionGuard,
}

/// What befalls the stream, and how far it is.
struct Faulty {
    wire: Option<(usize, WireFault)>,
    drips: bool,
    pause: Option<Pin<Box<tokio::time::Sleep>>>,
    sent: usize,
    is_over: bool,
}

impl Cable {
    pub(crate) fn new(tcp: TcpStream, state: &Arc<State>, mut stop: watch::Receiver<bool>) -> Self {
        let running: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async move {
            // An error means that the device itself is gone, which is a stop too.
            let _ = stop.wait_for(|stop| *stop).await;
        });
        let guard = State::session_guard(state);
        Self {
            tcp,
            running: Some(running),
            is_logged_in: Arc::default(),
            faulty: None,
            garbles: false,
            guard,
        }
    }

    /// To be set when the user is in: faults and counted bytes begin there.
    pub(crate) fn is_logged_in(&self) -> Arc<AtomicBool> {
        self.is_logged_in.clone()
    }

    /// From the outside: one bit of what is written next becomes another one.
    pub(crate) fn garble(&mut self) {
        self.garbles = true;
    }

    /// From the outside: once it is dropped, the client is told that it was reset.
    pub(crate) fn reset_at_close(&self) -> io::Result<()> {
        self.tcp.set_zero_linger()
    }

    /// Whether the device has stopped; wakes the task when it does.
    fn is_stopped(&mut self, cx: &mut Context<'_>) -> bool {
        if self.running.as_mut().is_some_and(|running| running.as_mut().poll(cx).is_ready()) {
            self.running = None;
        }
        self.running.is_none()
    }

    fn is_over(&self) -> bool {
        self.faulty.as_ref().is_some_and(|faulty| faulty.is_over)
    }
}

impl AsyncRead for Cable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_stopped(cx) || self.is_over() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Pin::new(&mut self.tcp).poll_read(cx, buf)
    }
}

impl AsyncWrite for Cable {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.is_stopped(cx) || self.is_over() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let Self { tcp, is_logged_in, faulty, guard, garbles, .. } = &mut *self;
        if *garbles && let [rest @ .., last] = buf {
            // The last byte: a wrong length in TLS's head would only keep the client waiting.
            let written = ready!(Pin::new(tcp).poll_write(cx, &[rest, &[last ^ 1]].concat()))?;
            *garbles = written < buf.len();
            return Poll::Ready(Ok(written));
        }
        if !is_logged_in.load(Ordering::Relaxed) {
            return Pin::new(tcp).poll_write(cx, buf);
        }
        let faulty = faulty.get_or_insert_with(|| {
            let faults = guard.state().faults();
            Faulty { wire: faults.wire, drips: faults.drip, pause: None, sent: 0, is_over: false }
        });
        if let Some(pause) = &mut faulty.pause {
            ready!(pause.as_mut().poll(cx));
            faulty.pause = None;
        }
        let mut piece = if faulty.drips { &buf[..buf.len().min(1)] } else { buf };
        let garbled = [buf.first().map_or(0, |byte| byte ^ 1)];
        if let Some((at, fault)) = faulty.wire {
            if faulty.sent < at {
                piece = &piece[..piece.len().min(at - faulty.sent)];
            } else {
                match fault {
                    WireFault::Hang => return Poll::Ready(Ok(buf.len())),
                    WireFault::Garble if faulty.sent == at => piece = &garbled,
                    WireFault::Garble => {}
                    WireFault::Cut | WireFault::Reset => {
                        faulty.is_over = true;
                        if fault == WireFault::Reset {
                            tcp.set_zero_linger()?;
                        } else {
                            ready!(Pin::new(tcp).poll_shutdown(cx))?;
                        }
                        return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
                    }
                }
            }
        }
        let written = ready!(Pin::new(tcp).poll_write(cx, piece))?;
        faulty.sent += written;
        guard.state().count_bytes(written);
        if faulty.drips && faulty.sent.is_multiple_of(DRIP) {
            faulty.pause = Some(Box::pin(tokio::time::sleep(DRIP_PAUSE)));
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
