//! JSON in which no single value is longer than a bound: whoever parses it holds a value in memory until its end.

use std::io::{self, Read};

/// What any value may take. All but packed texts are far below.
const PLAIN: u64 = 16 << 20;
/// The largest text that is ever unpacked (1 GiB) as base64, were it not to shrink at all.
const LARGEST: u64 = (1 << 30) / 3 * 4 + (1 << 20);

/// How long a value of `database.json` may be that takes `packed` bytes in the archive. What is longer than a few MiB is
/// zstd as base64, which deflate makes a quarter smaller and no more: a value twice as long as everything that is packed
/// was made to fill a memory.
pub(super) fn longest_value(packed: u64) -> u64 {
    packed.saturating_mul(2).clamp(PLAIN, LARGEST)
}

/// Refuses to read on where a value is longer than the bound.
pub(super) struct Bounded<R> {
    source: R,
    bound: u64,
    length: u64,
    is_in_text: bool,
    is_escaped: bool,
}

impl<R> Bounded<R> {
    pub(super) fn new(source: R, bound: u64) -> Self {
        Self { source, bound, length: 0, is_in_text: false, is_escaped: false }
    }

    /// Whether the value that this byte belongs to is still within the bound.
    fn passes(&mut self, byte: u8) -> bool {
        self.length += 1;
        if self.is_in_text {
            let is_plain = std::mem::take(&mut self.is_escaped);
            match byte {
                _ if is_plain => {}
                b'\\' => self.is_escaped = true,
                b'"' => self.is_in_text = false,
                _ => {}
            }
        } else {
            match byte {
                b'"' => self.is_in_text = true,
                b',' | b':' | b'[' | b']' | b'{' | b'}' => self.length = 0,
                _ => {}
            }
        }
        self.length <= self.bound
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        if buffer[..read].iter().all(|byte| self.passes(*byte)) {
            return Ok(read);
        }
        let message = format!(
            "it holds a value of more than {} MiB, which was made to fill a memory",
            self.bound >> 20
        );
        Err(io::Error::new(io::ErrorKind::InvalidData, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: u64 = 1 << 20;

    fn read(json: impl Read) -> io::Result<u64> {
        io::copy(&mut Bounded::new(json, BOUND), &mut io::sink())
    }

    #[test]
    fn a_value_without_an_end_is_refused_whatever_it_is() {
        for (before, endless) in [
            ("[\"", b'x'),
            ("{\"a\":{\"base64\":\"", b'A'),
            ("[1", b'1'),
            ("[", b' '),
            ("[\"\\\"", b'\\'),
            ("{\"", b'k'),
        ] {
            let refused = read(before.as_bytes().chain(io::repeat(endless))).unwrap_err();
            assert!(refused.to_string().contains("more than 1 MiB"), "{before}: {refused}");
        }
    }

    #[test]
    fn many_values_may_take_any_length_together() {
        let half = "x".repeat(BOUND as usize / 2);
        for value in [format!("\"{half}\","), format!("\"\\\",{half}\","), "null,".to_owned()] {
            let times = 5 * BOUND as usize / value.len();
            let json = format!("[{}0]", value.repeat(times));
            assert_eq!(read(json.as_bytes()).unwrap(), json.len() as u64);
        }
        // What ends a value does not do so within a text.
        let commas = format!("[\"{}\"]", ",".repeat(BOUND as usize));
        assert!(read(commas.as_bytes()).is_err());
    }

    #[test]
    fn a_value_may_be_as_long_as_a_packed_text_can_be_in_that_archive() {
        assert_eq!(longest_value(100), 16 << 20);
        assert_eq!(longest_value(100 << 20), 200 << 20);
        assert!(longest_value(u64::MAX) > (1 << 30) / 3 * 4 && longest_value(u64::MAX) < 2 << 30);
    }
}
