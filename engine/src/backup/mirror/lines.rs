//! Git's packet lines (gitprotocol-common(5), "pkt-line format"), as they come from a remote that may be anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

use super::words::plain;

/// The longest line, with the four digits of its length.
const LONGEST: usize = 65_520;

/// A line, or the mark that ends a group of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    Data(Vec<u8>),
    Flush,
}

/// Why there is no further line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Broken {
    /// The stream ended between two lines.
    Ended,
    /// It ended within a line, or the connection was lost.
    Lost,
    /// Nothing came for as long as one waits.
    Silent,
    /// More came than such an answer can be long.
    TooMuch,
    /// This is no packet line; how it begins.
    Garbled(String),
    /// The remote says no, in these words.
    Refused(String),
}

/// Reads lines.
pub(super) struct Lines<R> {
    from: R,
    silence: Duration,
    /// Bytes that may still come.
    left: usize,
    /// While this side sends, the other one has no reason to speak.
    is_sending: Arc<AtomicBool>,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// Reads at most `most` bytes, and waits no longer than `silence` for the next ones.
    pub(super) fn new(from: R, silence: Duration, most: usize) -> Self {
        Self { from, silence, left: most, is_sending: Arc::default() }
    }

    /// While it is set, silence is no failure.
    pub(super) fn is_sending(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_sending)
    }

    /// The next line.
    pub(super) async fn next(&mut self) -> Result<Line, Broken> {
        let mut head = [0_u8; 4];
        let mut filled = 0;
        while filled < head.len() {
            match self.read(&mut head[filled..]).await? {
                0 if filled == 0 => return Err(Broken::Ended),
                0 => return Err(garbled(&head[..filled])),
                read => filled += read,
            }
        }
        let length =
            std::str::from_utf8(&head).ok().filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()));
        let length = length.and_then(|text| usize::from_str_radix(text, 16).ok());
        match length {
            Some(0) => return Ok(Line::Flush),
            Some(4..=LONGEST) => {}
            // What comes instead is most often a sentence for a person.
            _ => return Err(self.garbled_from(&head).await),
        }
        let mut data = vec![0; length.unwrap_or(4) - head.len()];
        let mut filled = 0;
        while filled < data.len() {
            match self.read(&mut data[filled..]).await? {
                0 => return Err(Broken::Lost),
                read => filled += read,
            }
        }
        Ok(Line::Data(data))
    }

    async fn read(&mut self, into: &mut [u8]) -> Result<usize, Broken> {
        loop {
            match timeout(self.silence, self.from.read(into)).await {
                Ok(Ok(read)) => {
                    self.left = self.left.checked_sub(read).ok_or(Broken::TooMuch)?;
                    return Ok(read);
                }
                Ok(Err(_)) => return Err(Broken::Lost),
                Err(_) if self.is_sending.load(Ordering::Relaxed) => {}
                Err(_) => return Err(Broken::Silent),
            }
        }
    }

    async fn garbled_from(&mut self, head: &[u8]) -> Broken {
        let mut begin = head.to_vec();
        let mut more = [0_u8; 256];
        // Whatever is there already; a sentence comes at once.
        if let Ok(read) = self.read(&mut more).await {
            begin.extend_from_slice(&more[..read]);
        }
        garbled(&begin)
    }
}

fn garbled(begin: &[u8]) -> Broken {
    Broken::Garbled(plain(&String::from_utf8_lossy(begin), 120))
}

/// Appends `data`, which is shorter than a line can be, as a line.
pub(super) fn write_line(to: &mut Vec<u8>, data: &[u8]) {
    to.extend_from_slice(format!("{:04x}", data.len() + 4).as_bytes());
    to.extend_from_slice(data);
}

/// Ends a group of lines.
pub(super) const FLUSH: &[u8] = b"0000";

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(bytes: &[u8]) -> (Vec<Line>, Broken) {
        let mut lines = Lines::new(bytes, Duration::from_mins(1), 1 << 20);
        let mut read = Vec::new();
        loop {
            match lines.next().await {
                Ok(line) => read.push(line),
                Err(broken) => return (read, broken),
            }
        }
    }

    #[tokio::test]
    async fn lines_come_as_they_were_written() {
        let mut bytes = Vec::new();
        write_line(&mut bytes, b"one\n");
        write_line(&mut bytes, b"");
        bytes.extend_from_slice(FLUSH);
        write_line(&mut bytes, &vec![7; LONGEST - 4]);
        let expected = vec![
            Line::Data(b"one\n".to_vec()),
            Line::Data(Vec::new()),
            Line::Flush,
            Line::Data(vec![7; LONGEST - 4]),
        ];
        assert_eq!(all(&bytes).await, (expected, Broken::Ended));
    }

    #[tokio::test]
    async fn what_is_no_line_is_told_apart() {
        for (bytes, broken) in [
            (&b"000"[..], Broken::Garbled("000".into())),
            (b"0001", Broken::Garbled("0001".into())),
            (b"fff1", Broken::Garbled("fff1".into())),
            (b"+0a1x", Broken::Garbled("+0a1x".into())),
            (b"Wel\x1b[1mcome\x1b[0m, friend\r\n", Broken::Garbled("Welcome, friend".into())),
            (b"0010short", Broken::Lost),
        ] {
            assert_eq!(all(bytes).await, (Vec::new(), broken));
        }
    }

    #[tokio::test]
    async fn no_more_is_read_than_an_answer_can_be_long() {
        let mut lines = Lines::new(tokio::io::repeat(b'f'), Duration::from_mins(1), 1 << 20);
        assert!(matches!(lines.next().await, Err(Broken::Garbled(_))));
        let endless = b"0008abcd".repeat(1_000);
        let mut lines = Lines::new(&endless[..], Duration::from_mins(1), 100);
        let mut read = 0;
        let broken = loop {
            match lines.next().await {
                Ok(_) => read += 1,
                Err(broken) => break broken,
            }
        };
        assert_eq!((read, broken), (12, Broken::TooMuch));
    }
}
