//! Messages within a stream (RFC 6587): each with its length before it, or each on a line of its own.

/// A message may be longer than what is looked at, but a stream that goes on for so long without an end has none.
const MOST_BYTES: usize = 64 << 10;
/// Digits of a length.
const MOST_DIGITS: usize = 5;

/// Bytes that came in and belong to messages that have not ended yet.
#[derive(Debug, Default)]
pub(super) struct Frames {
    buffer: Vec<u8>,
}

/// A stream whose message has no end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Endless;

/// How the next message ends.
enum End {
    /// After so many bytes, which begin at `start`.
    Counted { start: usize, length: usize },
    /// With its line.
    Line,
    /// That is yet to come.
    NotKnown,
}

impl Frames {
    /// Takes in what was received.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next message that is whole; none: more has to come.
    pub(super) fn take_next(&mut self) -> Result<Option<Vec<u8>>, Endless> {
        let blank = self.buffer.iter().take_while(|byte| matches!(byte, b'\n' | b'\r' | b' ' | 0)).count();
        self.buffer.drain(..blank);
        match end(&self.buffer) {
            End::Counted { length, .. } if length > MOST_BYTES => Err(Endless),
            End::Counted { start, length } if self.buffer.len() >= start + length => {
                let rest = self.buffer.split_off(start + length);
                let mut message = std::mem::replace(&mut self.buffer, rest);
                message.drain(..start);
                Ok(Some(message))
            }
            End::Line => match self.buffer.iter().position(|byte| matches!(byte, b'\n' | 0)) {
                Some(at) => {
                    let rest = self.buffer.split_off(at + 1);
                    Ok(Some(std::mem::replace(&mut self.buffer, rest)))
                }
                None if self.buffer.len() > MOST_BYTES => Err(Endless),
                None => Ok(None),
            },
            End::Counted { .. } | End::NotKnown => Ok(None),
        }
    }

    /// What came last, where its sender has hung up without ending it.
    pub(super) fn rest(self) -> Vec<u8> {
        self.buffer
    }
}

fn end(buffer: &[u8]) -> End {
    let digits = buffer.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 || digits > MOST_DIGITS || buffer.first() == Some(&b'0') {
        return End::Line;
    }
    match buffer.get(digits) {
        None => End::NotKnown,
        Some(b' ') => {
            let length = buffer[..digits].iter().fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0'));
            End::Counted { start: digits + 1, length }
        }
        Some(_) => End::Line,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All messages of a stream that comes in pieces.
    fn messages(pieces: &[&[u8]]) -> Result<Vec<String>, Endless> {
        let mut frames = Frames::default();
        let mut found = Vec::new();
        for piece in pieces {
            frames.push(piece);
            while let Some(message) = frames.take_next()? {
                let message = String::from_utf8_lossy(&message);
                found.push(message.trim_end_matches(['\n', '\r', '\0']).to_owned());
            }
        }
        Ok(found)
    }

    #[test]
    fn messages_with_their_length_and_on_lines_are_taken_apart_however_they_come() {
        let stream = b"<1>one\n<2>two\r\n\n13 <3>has\na line<4>four\0 5 <5>xy";
        let expected = ["<1>one", "<2>two", "<3>has\na line", "<4>four", "<5>xy"];
        assert_eq!(messages(&[stream]).unwrap(), expected);
        let single: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(messages(&single).unwrap(), expected);
    }

    #[test]
    fn what_has_not_ended_waits_and_is_the_rest_when_its_sender_hangs_up() {
        let mut frames = Frames::default();
        frames.push(b"<1>one\n<2>two");
        assert_eq!(frames.take_next(), Ok(Some(b"<1>one\n".to_vec())));
        assert_eq!(frames.take_next(), Ok(None));
        assert_eq!(frames.rest(), b"<2>two");
    }

    #[test]
    fn a_stream_without_an_end_is_given_up() {
        let piece = [b'x'; 4096];
        let endless: Vec<&[u8]> = std::iter::repeat_n(&piece[..], 17).collect();
        assert_eq!(messages(&endless), Err(Endless));
        assert_eq!(messages(&[b"99999 <1>x"]), Err(Endless));
        assert_eq!(messages(&[b"123456 <1>x\n"]).unwrap(), ["123456 <1>x"], "no length is so long");
    }

    proptest! {
        #[test]
        fn whatever_comes_is_taken_apart_within_bounds(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..20),
        ) {
            let mut frames = Frames::default();
            for piece in &pieces {
                frames.push(piece);
                while let Ok(Some(message)) = frames.take_next() {
                    prop_assert!(message.len() <= MOST_BYTES + 1);
                }
            }
        }
    }
}
