//! The TCP connection of one session, which can be pulled out from the outside.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::state::{SessionGuard, State};

/// A connection that ends when its device stops; while it exists, the session counts as open.
///
/// The SSH library keeps a session in a task of its own that nothing can abort, so ending its connection is
/// the one way to end it.
pub(crate) struct Cable {
    tcp: TcpStream,
    /// Ends when the device stops; none once it has.
    running: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    _guard: SessionGuard,
}

impl Cable {
    pub(crate) fn new(tcp: TcpStream, state: &Arc<State>, mut stop: watch::Receiver<bool>) -> Self {
        let running: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async move {
            // An error means that the device itself is gone, which is a stop too.
            let _ = stop.wait_for(|stop| *stop).await;
        });
        Self { tcp, running: Some(running), _guard: State::session_guard(state) }
    }

    /// Whether the device has stopped; wakes the task when it does.
    fn is_stopped(&mut self, cx: &mut Context<'_>) -> bool {
        if self.running.as_mut().is_some_and(|running| running.as_mut().poll(cx).is_ready()) {
            self.running = None;
        }
        self.running.is_none()
    }
}

impl AsyncRead for Cable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_stopped(cx) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Pin::new(&mut self.tcp).poll_read(cx, buf)
    }
}

impl AsyncWrite for Cable {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.is_stopped(cx) {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        Pin::new(&mut self.tcp).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
