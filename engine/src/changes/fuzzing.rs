//! Syslog, by UDP and by TCP, for the fuzzers.

use super::frames::Frames;
use super::message::{MOST_BYTES, Message};

/// A stream whose messages may all be taken for endless, depending on how it comes.
const LONGEST: usize = 60 << 10;

/// The first byte says how the rest is split.
///
/// As a stream: the split never matters, and no message is longer than the stream. As one message: its text is no longer than
/// what is looked at of one, and its senders are words that may be names.
///
/// # Panics
/// Where one of these does not hold.
pub fn syslog(input: &[u8]) {
    let Some((&seed, bytes)) = input.split_first() else { return };
    let bytes = &bytes[..bytes.len().min(LONGEST)];
    message(bytes);
    let whole = messages([bytes].into_iter());
    let split = messages(bytes.chunks(usize::from(seed).max(1)));
    assert_eq!(split, whole, "the split matters");
    for each in whole.iter().flatten() {
        assert!(each.len() <= bytes.len(), "a message out of nothing");
        message(each);
    }
}

/// None: it has no end.
fn messages<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Option<Vec<Vec<u8>>> {
    let mut frames = Frames::default();
    let mut found = Vec::new();
    for piece in pieces {
        frames.push(piece);
        while let Some(message) = frames.take_next().ok()? {
            found.push(message);
        }
    }
    Some(found)
}

fn message(bytes: &[u8]) {
    let read = Message::read(bytes);
    // A byte that is no UTF-8 becomes a character of three.
    assert!(read.text.len() <= MOST_BYTES * 3, "a text that is too long");
    for sender in &read.senders {
        assert!(!sender.is_empty() && !sender.contains(char::is_whitespace), "{sender:?} is no name");
    }
}
