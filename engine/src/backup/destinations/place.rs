//! The seam between copies and the places that hold them: a few verbs that every kind of destination knows.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use thiserror::Error;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

/// A place that takes no byte and gives none for so long is given up.
const LONGEST_SILENCE: Duration = Duration::from_mins(2);
/// How long an upload may take to undo what it began when the program stops.
const UNDO_WITHIN: Duration = Duration::from_secs(2);

/// Whether trying again may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlook {
    /// Later, by itself.
    Temporary,
    /// Only once a person has changed something.
    Permanent,
    /// It is about this one file; others may well go.
    OneFile,
}

/// Why a place did not do what it was asked for: one sentence for a person, without a secret in it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct PlaceError {
    /// Whether trying again may help.
    pub outlook: Outlook,
    /// The sentence.
    pub message: String,
}

impl PlaceError {
    /// Trying again later may help.
    pub fn temporary(message: impl Into<String>) -> Self {
        Self { outlook: Outlook::Temporary, message: message.into() }
    }

    /// A person has to change something first.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self { outlook: Outlook::Permanent, message: message.into() }
    }

    /// Other files may well go.
    pub fn one_file(message: impl Into<String>) -> Self {
        Self { outlook: Outlook::OneFile, message: message.into() }
    }
}

/// What a verb of a place gives, in the end.
pub type Doing<'a, T> = BoxFuture<'a, Result<T, PlaceError>>;
/// A file's bytes, piece by piece.
pub type Pieces<'a> = BoxStream<'a, Result<Vec<u8>, PlaceError>>;

/// A folder, a bucket, a server: names of files with bytes behind them. Names have no slash in them.
pub trait Place: Send + Sync {
    /// Whether a file can be written under another name first. Where it cannot, a write is whole or not there at all.
    fn can_rename(&self) -> bool;

    /// Writes a local file under `name`, in place of what has that name.
    fn write<'a>(&'a self, name: &'a str, file: &'a Path, headway: &'a Headway) -> Doing<'a, ()>;

    /// Gives a file another name, unless that is taken: then false, and nothing happened.
    fn rename<'a>(&'a self, from: &'a str, to: &'a str) -> Doing<'a, bool>;

    /// The size of a file; none where there is none of this name.
    fn size_of<'a>(&'a self, name: &'a str) -> Doing<'a, Option<u64>>;

    /// Reads a whole file.
    fn read<'a>(&'a self, name: &'a str) -> Doing<'a, Pieces<'a>>;

    /// Deletes a file; one that is not there is deleted already.
    fn delete<'a>(&'a self, name: &'a str) -> Doing<'a, ()>;
}

/// How an upload or a download gets on, and whether it is still wanted.
#[derive(Debug)]
pub struct Headway {
    last: Mutex<Instant>,
    patience: Duration,
    stop: CancellationToken,
}

impl Headway {
    /// It begins now, and ends when `stop` is cancelled.
    pub fn new(stop: &CancellationToken) -> Self {
        Self { last: Mutex::new(Instant::now()), patience: LONGEST_SILENCE, stop: stop.clone() }
    }

    /// Notes that some bytes went; an error when they are not wanted any more.
    pub fn step(&self) -> Result<(), PlaceError> {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        if self.stop.is_cancelled() { Err(stopped()) } else { Ok(()) }
    }

    /// Ends as soon as it is not wanted any more.
    pub async fn unwanted(&self) -> PlaceError {
        self.stop.cancelled().await;
        stopped()
    }

    /// Gives `work` up when nothing moves any more, and a moment after it is not wanted: it may first undo what it began.
    pub async fn watch<T>(&self, work: impl Future<Output = Result<T, PlaceError>>) -> Result<T, PlaceError> {
        let silent = async {
            loop {
                let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
                let until = last + self.patience;
                if until <= Instant::now() {
                    break;
                }
                sleep_until(until).await;
            }
        };
        let unwanted = async {
            self.stop.cancelled().await;
            sleep(UNDO_WITHIN).await;
        };
        tokio::select! {
            done = work => done,
            () = silent => {
                let seconds = self.patience.as_secs();
                Err(PlaceError::temporary(format!("Nothing moved for {seconds} seconds, so it was given up.")))
            }
            () = unwanted => Err(stopped()),
        }
    }
}

fn stopped() -> PlaceError {
    PlaceError::temporary("The program was stopping.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_does_not_move_is_given_up_and_what_moves_slowly_is_not() {
        let patience = Duration::from_secs(1);
        let headway = || Headway { patience, ..Headway::new(&CancellationToken::new()) };
        let hung = headway().watch(std::future::pending::<Result<(), PlaceError>>()).await.unwrap_err();
        assert_eq!((hung.outlook, hung.message.contains("1 seconds")), (Outlook::Temporary, true));
        let headway = headway();
        let slow = headway.watch(async {
            for _ in 0..12 {
                sleep(patience / 10).await;
                headway.step()?;
            }
            Ok(7)
        });
        assert_eq!(slow.await, Ok(7));
    }

    #[tokio::test]
    async fn what_is_stopped_may_undo_what_it_began() {
        let stop = CancellationToken::new();
        let headway = Headway::new(&stop);
        stop.cancel();
        let undoing = headway.watch(async {
            let error = headway.unwanted().await;
            Err::<(), _>(PlaceError::temporary(format!("{error} All was undone.")))
        });
        assert!(undoing.await.unwrap_err().message.ends_with("All was undone."));
        let hung = headway.watch(std::future::pending::<Result<(), PlaceError>>()).await;
        assert_eq!(hung, Err(stopped()));
    }
}
