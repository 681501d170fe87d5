//! The terminal, and what is done with its text behind it.

use super::pieces;
use crate::collect::clean::{exec_text, without_blank_end};
use crate::collect::terminal::{LONGEST_LINE, Terminal};

/// Bytes that are never part of UTF-8 stand for what a session does in between.
const TAKE: u8 = 0xfc;
const BREAK: u8 = 0xfd;
const WIPE: u8 = 0xfe;
const WIPE_AS_THE_DEVICE_DOES: u8 = 0xff;

/// Characters of a prompt behind a text without a newline.
const PROMPT: usize = 3;

/// A character that is invalid becomes one of three bytes.
const LONGEST_REPLACEMENT: usize = 3;

/// The first byte says how the rest is split.
///
/// The split never matters; lines hold no control characters and are no longer than what was sent and what a cursor may
/// jump over; nothing is lost or kept when lines are handed over.
///
/// # Panics
/// Where one of these does not hold.
pub fn terminal(input: &[u8]) {
    let Some((&seed, bytes)) = input.split_first() else { return };
    let (mut whole, mut split) = (Terminal::default(), Terminal::default());
    let mut taken = 0;
    for fed in bytes.split_inclusive(|byte| *byte >= TAKE) {
        let (text, act) = match fed.split_last() {
            Some((act, text)) if *act >= TAKE => (text, Some(*act)),
            _ => (fed, None),
        };
        whole.feed(text);
        pieces(text, seed).for_each(|piece| split.feed(piece));
        assert_same(&whole, &split);
        let (before, rest) = (whole.lines().to_owned(), whole.unfinished());
        for terminal in [&mut whole, &mut split] {
            match act {
                Some(TAKE) => {
                    assert_eq!(terminal.take_all(), before, "lines change while they are handed over");
                }
                Some(BREAK) => terminal.break_before_last(PROMPT),
                Some(WIPE) => terminal.wipe(false),
                Some(WIPE_AS_THE_DEVICE_DOES) => terminal.wipe(true),
                _ => {}
            }
        }
        assert_same(&whole, &split);
        match act {
            Some(TAKE) => taken += before.len(),
            Some(BREAK) => {
                let shown = whole.lines().to_owned() + &whole.unfinished();
                assert_eq!(shown.len(), before.len() + rest.len() + 1, "a broken line loses text");
            }
            _ => {}
        }
        assert_plain(&whole);
        let most = bytes.len() * LONGEST_REPLACEMENT + LONGEST_LINE;
        assert!(taken + whole.lines().len() + whole.unfinished().len() <= most, "text out of nothing");
    }
    text(bytes);
}

fn assert_same(whole: &Terminal, split: &Terminal) {
    assert_eq!(split.lines(), whole.lines(), "the split matters");
    assert_eq!(split.unfinished(), whole.unfinished(), "the split matters");
}

fn assert_plain(terminal: &Terminal) {
    let lines = terminal.lines();
    assert!(lines.is_empty() || lines.ends_with('\n'), "a finished line does not end");
    let unfinished = terminal.unfinished();
    assert!(!unfinished.contains('\n'), "an unfinished line ends");
    assert_eq!(unfinished.chars().count(), terminal.unfinished_len());
    let is_control = |c: char| c.is_ascii_control() && !"\n\t".contains(c);
    assert!(!lines.contains(is_control) && !unfinished.contains(is_control), "a control character is text");
}

/// What single commands sent, and the end of any text.
fn text(bytes: &[u8]) {
    let cleaned = exec_text(bytes);
    assert!(!cleaned.contains("\r\n") && !cleaned.contains('\0'), "a line's end is text");
    let ended = without_blank_end(&cleaned);
    assert!(cleaned.starts_with(ended.trim_end_matches('\n')), "another text");
    assert_eq!(without_blank_end(ended), ended, "an end that is never reached");
}
