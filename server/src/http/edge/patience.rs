//! The stream beneath a connection, which does not wait for ever: neither for the head of a request that comes byte by
//! byte, nor for somebody who does not take what was asked for.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::activity::Activity;

/// From the first byte of a request to the last one of its head; of a new connection from its beginning.
pub(super) const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// How long nothing may go out while there is something to send; how long nothing more of an answer may be asked for.
pub(super) const TAKEN_WITHIN: Duration = Duration::from_mins(1);

type Timer = Pin<Box<Sleep>>;

/// A stream with a clock.
pub(super) struct Patient<S> {
    stream: S,
    activity: Arc<Activity>,
    /// When the head that is coming is waited for no more, and how many had come before it.
    head: Option<(usize, Timer)>,
    /// Whether heads are timed here. In HTTP/2 bytes come that belong to no request.
    times_heads: bool,
    write: Option<Timer>,
    flush: Option<Timer>,
}

impl<S> Patient<S> {
    /// The head of the first request is waited for from now on, where heads are timed.
    pub(super) fn new(stream: S, activity: Arc<Activity>, times_heads: bool) -> Self {
        let head = times_heads.then(|| (0, Box::pin(sleep(HEAD_WITHIN))));
        Self { stream, activity, head, times_heads, write: None, flush: None }
    }

    /// Bytes have come: those of a new request, where none is under way.
    fn note_bytes(&mut self) {
        let begun = self.activity.begun();
        let is_new = self.head.as_ref().is_none_or(|(before, _)| *before != begun);
        if self.times_heads && is_new && self.activity.is_idle() {
            self.head = Some((begun, Box::pin(sleep(HEAD_WITHIN))));
        }
    }

    fn wait_for_head(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (begun, is_idle) = (self.activity.begun(), self.activity.is_idle());
        match &mut self.head {
            Some((before, timer)) if *before == begun && is_idle => {
                timer.as_mut().poll(cx).map(|()| Err(ErrorKind::TimedOut.into()))
            }
            _ => {
                self.head = None;
                Poll::Pending
            }
        }
    }
}

/// Waits for somebody who takes nothing, but not for ever.
fn wait_for_room<T>(timer: &mut Option<Timer>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
    let timer = timer.get_or_insert_with(|| Box::pin(sleep(TAKEN_WITHIN)));
    timer.as_mut().poll(cx).map(|()| Err(ErrorKind::TimedOut.into()))
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        match Pin::new(&mut this.stream).poll_read(cx, buffer) {
            Poll::Ready(read) => {
                if buffer.filled().len() > before {
                    this.note_bytes();
                }
                Poll::Ready(read)
            }
            Poll::Pending => this.wait_for_head(cx),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match Pin::new(&mut this.stream).poll_write(cx, bytes) {
            Poll::Ready(written) => {
                this.write = None;
                Poll::Ready(written)
            }
            Poll::Pending => wait_for_room(&mut this.write, cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match Pin::new(&mut this.stream).poll_write_vectored(cx, pieces) {
            Poll::Ready(written) => {
                this.write = None;
                Poll::Ready(written)
            }
            Poll::Pending => wait_for_room(&mut this.write, cx),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match Pin::new(&mut this.stream).poll_flush(cx) {
            Poll::Ready(flushed) => {
                this.flush = None;
                Poll::Ready(flushed)
            }
            Poll::Pending => wait_for_room(&mut this.flush, cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match Pin::new(&mut this.stream).poll_shutdown(cx) {
            Poll::Pending => wait_for_room(&mut this.flush, cx),
            ended @ Poll::Ready(_) => ended,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_head_that_comes_byte_by_byte_is_not_waited_for() {
        let (mut browser, stream) = duplex(64);
        let mut patient = Patient::new(stream, Arc::default(), true);
        let slow = tokio::spawn(async move {
            while browser.write_all(b"x").await.is_ok() {
                sleep(Duration::from_secs(2)).await;
            }
        });
        let error = patient.read_to_end(&mut Vec::new()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        drop(patient);
        slow.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn between_two_requests_nobody_is_hurried() {
        let (mut browser, stream) = duplex(64);
        let activity = Arc::new(Activity::default());
        let mut patient = Patient::new(stream, Arc::clone(&activity), true);
        browser.write_all(b"GET").await.unwrap();
        patient.read_exact(&mut [0; 3]).await.unwrap();
        drop(activity.begin());
        tokio::spawn(async move {
            sleep(HEAD_WITHIN * 3).await;
            browser.write_all(b"GET").await.unwrap();
            sleep(HEAD_WITHIN * 3).await;
        });
        patient.read_exact(&mut [0; 3]).await.unwrap();
        let error = patient.read_exact(&mut [0; 3]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut, "the second request had begun");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_takes_nothing_gets_nothing_more() {
        let (_browser, stream) = duplex(64);
        let mut patient = Patient::new(stream, Arc::default(), true);
        let error = patient.write_all(&[0; 1_000]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }
}
