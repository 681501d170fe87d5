//! The record of a session that a person reads when it failed: bounded, secrets masked.

use std::collections::VecDeque;
use std::sync::LazyLock;

use etiqa_model::shown::misleads;
use regex::Regex;

use super::driver::Driver;
use super::redact::redact;

/// The beginning of a session shows the login, its end what went wrong; the middle can be left out. Every session that
/// is on holds so much, and most of them for nothing.
const HEAD: usize = 8 * 1024;
const TAIL: usize = 24 * 1024;

/// A line that is only base64 is very likely a key, even where its first line was left out.
static BASE64_LINE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?m)^\s*[A-Za-z0-9+/]{40,}={0,2}\s*$").ok());

/// What was sent and received, in order. Never holds more than `HEAD` + `TAIL` bytes.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    left_out: usize,
}

impl Transcript {
    /// What the device sent.
    pub(super) fn received(&mut self, bytes: &[u8]) {
        self.push(bytes);
    }

    /// A line of our own about the session, such as what was sent; never a secret.
    pub(super) fn note(&mut self, text: &str) {
        let is_at_line_start = self.tail.back().or(self.head.last()).is_none_or(|byte| *byte == b'\n');
        if !is_at_line_start {
            self.push(b"\n");
        }
        self.push(format!("[etiqa] {text}\n").as_bytes());
    }

    /// The record as text, with the driver's secrets and `secrets` masked; control characters are shown by their
    /// pictures (U+2400 and on), and what turns the direction of writing as U+FFFD.
    pub(super) fn render<'a>(&self, driver: &Driver, secrets: impl Iterator<Item = &'a str>) -> String {
        let mut text = String::from_utf8_lossy(&self.head).into_owned();
        let tail: Vec<u8> = self.tail.iter().copied().collect();
        let tail = String::from_utf8_lossy(&tail);
        if self.left_out > 0 {
            // Both sides of the gap are cut to whole lines: half a secret would not be recognised.
            text.truncate(text.rfind('\n').map_or(0, |at| at + 1));
            let rest = tail.find('\n').map_or("", |at| &tail[at + 1..]);
            let left_out = self.left_out + tail.len() - rest.len();
            text = format!("{text}[etiqa] … about {left_out} bytes left out …\n{rest}");
        } else {
            text.push_str(&tail);
        }
        let mut text = redact(driver, &text.replace("\r\n", "\n"));
        for secret in secrets {
            text = text.replace(secret, "<removed>");
        }
        if let Some(line) = BASE64_LINE.as_ref() {
            text = line.replace_all(&text, "<removed>").into_owned();
        }
        text.chars().map(picture).collect()
    }

    fn push(&mut self, bytes: &[u8]) {
        let to_head = bytes.len().min(HEAD - self.head.len());
        self.head.extend_from_slice(&bytes[..to_head]);
        let rest = &bytes[to_head..];
        let kept = &rest[rest.len().saturating_sub(TAIL)..];
        // Room first, so that it never takes more memory than the tail has.
        let excess = (self.tail.len() + kept.len()).saturating_sub(TAIL);
        self.tail.drain(..excess);
        self.tail.extend(kept);
        self.left_out += rest.len() - kept.len() + excess;
    }
}

fn picture(c: char) -> char {
    match c {
        '\n' | '\t' => c,
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(c)).unwrap_or(c),
        '\x7f' => '\u{2421}',
        // These have no pictures.
        _ if misleads(c) => '\u{fffd}',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::DriverSet;
    use proptest::prelude::*;

    fn rendered(transcript: &Transcript, secrets: &[&str]) -> String {
        transcript.render(&DriverSet::built_in().get("ios").unwrap(), secrets.iter().copied())
    }

    #[test]
    fn an_endless_session_keeps_its_beginning_and_its_end() {
        let mut transcript = Transcript::default();
        transcript.note("connected");
        for number in 0..100_000 {
            transcript.received(format!("line {number}\r\n").as_bytes());
        }
        let text = rendered(&transcript, &[]);
        assert!(text.starts_with("[etiqa] connected\nline 0\n") && text.ends_with("line 99999\n"));
        assert!(text.contains("bytes left out") && text.len() < HEAD + TAIL + 200);
    }

    #[test]
    fn control_characters_are_visible() {
        let mut transcript = Transcript::default();
        transcript.received(b"--More--\x08\x1b[K");
        assert_eq!(rendered(&transcript, &[]), "--More--\u{2408}\u{241b}[K");
    }

    #[test]
    fn what_turns_a_line_around_is_visible() {
        let mut transcript = Transcript::default();
        transcript.received("a\u{202e}b\u{9b}c\n".as_bytes());
        assert_eq!(rendered(&transcript, &[]), "a\u{fffd}b\u{fffd}c\n");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn a_password_is_never_in_a_transcript(before in 0_usize..(HEAD + 100), after in 0_usize..(TAIL + 100)) {
            let mut transcript = Transcript::default();
            let line = "x".repeat(60) + "\n";
            transcript.received(line.repeat(before / 61 + 1).as_bytes());
            transcript.received(b"Password: hunter2hunter2\n");
            transcript.received(line.repeat(after / 61 + 1).as_bytes());
            let text = rendered(&transcript, &["hunter2hunter2"]);
            prop_assert!(!text.contains("unter2hun") && !text.contains("hunter2"), "leaked");
        }
    }
}
