//! Whether the answers of an HTTP/2 connection are taken. There whoever asks says how much of each answer may be sent: an answer
//! that nothing of may be sent is written to no socket, so that the patience of the stream beneath does not end it, and the
//! connection itself is alive, for somebody answers its pings.
//!
//! So each answer is handed on in pieces, and it is noted since when the next one has not been asked for.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// Bytes that are handed on at once: so much at most of an answer is counted as taken and is not.
const PIECE: usize = 16 << 10;

/// The answers of one connection that are under way.
#[derive(Debug, Default)]
pub(super) struct Answers {
    all: Mutex<Known>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Known {
    next: u64,
    standing: HashMap<u64, Arc<Standing>>,
}

impl Answers {
    /// The body of one more.
    pub(super) fn hand_on(self: &Arc<Self>, body: Body) -> Taken {
        let standing = Arc::new(Standing(Mutex::new(Some(Instant::now()))));
        let mut known = self.known();
        let number = known.next;
        known.next += 1;
        known.standing.insert(number, Arc::clone(&standing));
        drop(known);
        self.changed.notify_waiters();
        Taken { body, rest: Bytes::new(), standing, told: None, answers: Arc::clone(self), number }
    }

    /// Returns once one of them has stood for so long, though there was more of it.
    pub(super) async fn untaken_for(&self, longest: Duration) {
        loop {
            let changed = self.changed.notified();
            let Some(since) = self.oldest() else {
                changed.await;
                continue;
            };
            let until = since + longest;
            if until <= Instant::now() {
                return;
            }
            sleep_until(until).await;
        }
    }

    /// Since when the one that has stood the longest stands: now, where all of them are waited for here. None where there is
    /// none at all.
    fn oldest(&self) -> Option<Instant> {
        let now = Instant::now();
        self.known().standing.values().map(|standing| standing.since().unwrap_or(now)).min()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Since when an answer stands; none while it is waited for what comes next of it here.
#[derive(Debug)]
struct Standing(Mutex<Option<Instant>>);

impl Standing {
    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn since(&self) -> Option<Instant> {
        *self.lock()
    }

    /// There is more from now on.
    fn stand(&self) {
        *self.lock() = Some(Instant::now());
    }

    /// Somebody asks for more.
    fn go_on(&self) {
        *self.lock() = None;
    }
}

/// Who waited for more of an answer is told that there is some.
struct Told {
    standing: Arc<Standing>,
    waiting: Waker,
}

impl Wake for Told {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.standing.lock().get_or_insert_with(Instant::now);
        self.waiting.wake_by_ref();
    }
}

/// An answer's body, in pieces.
pub(super) struct Taken {
    body: Body,
    /// What came of the body and was not handed on yet.
    rest: Bytes,
    standing: Arc<Standing>,
    /// Who waited last, and what wakes them.
    told: Option<(Waker, Waker)>,
    answers: Arc<Answers>,
    number: u64,
}

impl Taken {
    fn waker(&mut self, waiting: &Waker) -> Waker {
        if let Some((known, waker)) = &self.told
            && known.will_wake(waiting)
        {
            return waker.clone();
        }
        let told = Told { standing: Arc::clone(&self.standing), waiting: waiting.clone() };
        let waker = Waker::from(Arc::new(told));
        self.told = Some((waiting.clone(), waker.clone()));
        waker
    }

    /// The last byte of what came goes by itself. Of a piece only a part may be allowed to be sent, and the one after it is
    /// asked for all the same; of one byte all is, and then of everything before it.
    fn piece(&mut self) -> Bytes {
        let length = match self.rest.len() {
            short @ (0 | 1) => short,
            longer => (longer - 1).min(PIECE),
        };
        self.rest.split_to(length)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.answers.known().standing.remove(&self.number);
    }
}

impl HttpBody for Taken {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        this.standing.go_on();
        if this.rest.is_empty() {
            let waker = this.waker(cx.waker());
            match Pin::new(&mut this.body).poll_frame(&mut Context::from_waker(&waker)) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => this.rest = data,
                    Err(frame) => {
                        this.standing.stand();
                        return Poll::Ready(Some(Ok(frame)));
                    }
                },
                ended_or_waiting => return ended_or_waiting,
            }
        }
        let piece = this.piece();
        this.standing.stand();
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (mut hint, rest) = (self.body.size_hint(), self.rest.len() as u64);
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + rest);
        }
        hint.set_lower(hint.lower() + rest);
        hint
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;
    use futures::stream;
    use http_body_util::BodyExt;
    use tokio::sync::mpsc;
    use tokio::time::timeout;

    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    async fn next(body: &mut Taken) -> Option<Bytes> {
        Some(body.frame().await?.unwrap().into_data().unwrap())
    }

    /// Whether an answer stands for a minute within the next ten.
    async fn stands(answers: &Answers) -> bool {
        timeout(MINUTE * 10, answers.untaken_for(MINUTE)).await.is_ok()
    }

    #[tokio::test]
    async fn an_answer_comes_whole_and_in_pieces() {
        let text: Vec<u8> = (0..100_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let answers = Arc::new(Answers::default());
        let mut body = answers.hand_on(Body::from(text.clone()));
        assert_eq!(body.size_hint().exact(), Some(100_000));
        let mut taken = Vec::new();
        while let Some(piece) = next(&mut body).await {
            assert!(piece.len() <= PIECE);
            taken.extend_from_slice(&piece);
            assert_eq!(body.size_hint().exact(), Some(100_000 - taken.len() as u64));
            assert_eq!(body.is_end_stream(), taken.len() == 100_000);
        }
        assert_eq!(taken, text);
        assert!(answers.hand_on(Body::empty()).is_end_stream());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_stands_from_when_it_was_last_asked_for_more() {
        let answers = Arc::new(Answers::default());
        assert!(!stands(&answers).await, "there is none");
        let mut body = answers.hand_on(Body::from(vec![0_u8; 1 << 20]));
        for _ in 0..10 {
            let slow = timeout(MINUTE / 2, answers.untaken_for(MINUTE)).await;
            assert!(slow.is_err(), "it is slow, and goes on");
            next(&mut body).await.unwrap();
        }
        assert!(stands(&answers).await);
        drop(body);
        assert!(!stands(&answers).await);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_has_nothing_more_to_say_yet_does_not_stand() {
        let answers = Arc::new(Answers::default());
        let (say, heard) = mpsc::unbounded_channel::<&str>();
        let words = stream::unfold(heard, |mut heard| async move {
            let word = heard.recv().await?;
            Some((word, heard))
        });
        let mut body = answers.hand_on(Body::from_stream(words.map(Ok::<_, std::io::Error>)));
        assert!(timeout(MINUTE, next(&mut body)).await.is_err());
        assert!(!stands(&answers).await, "nothing has happened that it could tell");
        say.send("x").unwrap();
        assert!(stands(&answers).await, "there is something, and nobody takes it");
        assert_eq!(next(&mut body).await.unwrap(), "x");
    }
}
