//! What is sent to the server: so much at most, and not slower than so.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::header;
use hyper::body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::LARGEST_BODY;
use super::uploads::LARGEST_UPLOAD;

/// Bytes of what somebody sends who has not signed in: names, passwords and codes.
const LARGEST_OF_STRANGERS: usize = 16 << 10;
/// What the form around an uploaded file takes.
const FORM: usize = 64 << 10;
/// At least [`LEAST`] bytes come within this time, of which only that counts in which they were waited for.
const WITHIN: Duration = Duration::from_secs(30);
const LEAST: usize = 16 << 10;

/// The most bytes that may be sent to a path; none where whoever takes them looks at the room on the disk, or at a setting.
fn largest(path: &str, is_known: bool) -> Option<usize> {
    let is_media = path.starts_with("/devices/") && path.ends_with("/media");
    match path {
        "/setup/restore" => None,
        _ if !is_known => Some(LARGEST_OF_STRANGERS),
        "/devices/import" => Some(LARGEST_UPLOAD + FORM),
        _ if is_media => None,
        _ => Some(LARGEST_BODY),
    }
}

/// The request with a body that ends in an error where it is too long or too slow. None where it says itself that it is too
/// long.
pub(super) fn bounded(request: Request, is_known: bool) -> Option<Request> {
    let left = largest(request.uri().path(), is_known);
    let said =
        request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if said.zip(left).is_some_and(|(said, left): (u64, usize)| said > left as u64) {
        return None;
    }
    Some(request.map(|body| if body.is_end_stream() { body } else { Body::new(Bounded::new(body, left)) }))
}

struct Bounded {
    body: Body,
    left: Option<usize>,
    /// Since when nothing comes, and when that has lasted for too long.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
    /// How long bytes were waited for, and how many came, since the last time that there were enough.
    waited: Duration,
    come: usize,
}

impl Bounded {
    fn new(body: Body, left: Option<usize>) -> Self {
        Self { body, left, waiting: None, waited: Duration::ZERO, come: 0 }
    }

    fn note(&mut self, bytes: usize) -> Result<(), axum::Error> {
        if let Some((since, _)) = self.waiting.take() {
            self.waited += since.elapsed();
        }
        self.come += bytes;
        if self.come >= LEAST {
            (self.waited, self.come) = (Duration::ZERO, 0);
        }
        if let Some(left) = &mut self.left {
            *left = left
                .checked_sub(bytes)
                .ok_or_else(|| axum::Error::new(io::Error::from(io::ErrorKind::FileTooLarge)))?;
        }
        Ok(())
    }
}

impl HttpBody for Bounded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                Poll::Ready(Some(this.note(bytes).map(|()| frame)))
            }
            Poll::Ready(end) => Poll::Ready(end),
            Poll::Pending => {
                let left = WITHIN.saturating_sub(this.waited);
                let (_, timer) = this.waiting.get_or_insert_with(|| {
                    let now = Instant::now();
                    (now, Box::pin(sleep_until(now + left)))
                });
                let too_slow = || axum::Error::new(io::Error::from(io::ErrorKind::TimedOut));
                timer.as_mut().poll(cx).map(|()| Some(Err(too_slow())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use futures::stream;
    use tokio::time::sleep;

    use super::*;

    /// So many pieces of so many bytes, each after a pause.
    fn body(pieces: usize, bytes: usize, pause: Duration) -> Body {
        Body::from_stream(stream::unfold(pieces, move |left| async move {
            let left = left.checked_sub(1)?;
            sleep(pause).await;
            Some((Ok::<_, io::Error>(vec![0_u8; bytes]), left))
        }))
    }

    async fn read(body: Body, left: Option<usize>) -> Option<usize> {
        let read = to_bytes(Body::new(Bounded::new(body, left)), usize::MAX).await;
        read.ok().map(|bytes| bytes.len())
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_too_slowly_is_not_waited_for() {
        let second = Duration::from_secs(1);
        assert_eq!(read(body(1_000, 1, second), None).await, None, "a byte a second");
        assert_eq!(read(body(1, 1, WITHIN * 2), None).await, None, "nothing at all");
        assert_eq!(read(body(500, LEAST, second * 20), None).await, Some(500 * LEAST), "a slow line");
        assert_eq!(read(body(10, 1, second), None).await, Some(10), "a short form");
    }

    #[tokio::test]
    async fn what_is_too_long_ends_there() {
        let of = |pieces| body(pieces, 100, Duration::ZERO);
        assert_eq!(read(of(10), Some(1_000)).await, Some(1_000));
        assert_eq!(read(of(11), Some(1_000)).await, None);
    }

    #[test]
    fn who_has_not_signed_in_sends_little() {
        assert_eq!(largest("/rpc/sign_in", false), Some(LARGEST_OF_STRANGERS));
        assert_eq!(largest("/devices/import", false), Some(LARGEST_OF_STRANGERS));
        assert_eq!(largest("/setup/restore", false), None);
        assert_eq!(largest("/devices/7/media", true), None);
        assert_eq!(largest("/rpc/save_device", true), Some(LARGEST_BODY));
    }
}
