//! Telnet's own conversation.

use super::pieces;
use crate::collect::transport::telnet_protocol::{Heard, MOST_ANSWERS, Telnet};

/// What the longest answer to a single option adds: WILL, and the size of the window with doubled bytes.
const LONGEST_REPLY: usize = 32;

/// The first byte says how the rest is split.
///
/// The split never matters; what is not data never grows; every text comes through to a second telnet, whatever the first
/// one has agreed on; two of them never answer each other for ever.
///
/// # Panics
/// Where one of these does not hold.
pub fn telnet(input: &[u8]) {
    let Some((&seed, bytes)) = input.split_first() else { return };
    let telnet = || Telnet::new("vt100", 511, 1000);
    let (mut whole, mut split) = (telnet(), telnet());
    let heard = whole.hear(bytes);
    let mut joined = Heard::default();
    for piece in pieces(bytes, seed) {
        let heard = split.hear(piece);
        joined.data.extend(heard.data);
        joined.reply.extend(heard.reply);
    }
    assert_eq!(joined, heard, "the split matters");
    assert!(heard.data.len() <= bytes.len(), "data out of nothing");
    assert!(heard.reply.len() <= bytes.len() * LONGEST_REPLY, "an answer that grows");

    // In binary nothing is padded, and what looks like padding is dropped all the same: no NUL is ever text.
    let text: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != 0 || !whole.is_binary()).collect();
    let sent = whole.encode(&text);
    let arrived = telnet().hear(&sent);
    assert_eq!(arrived.data, with_newlines(&text, whole.is_binary()), "a text does not come through");
    assert_eq!(arrived.reply, b"", "a text is taken for a command");

    let (mut here, mut there) = (whole, telnet());
    let mut said = heard.reply;
    for _ in 0..=MOST_ANSWERS {
        said = there.hear(&said).reply;
        said = here.hear(&said).reply;
    }
    assert!(said.is_empty(), "two sides answer each other for ever");
}

/// `text` with each newline as this side sends it.
fn with_newlines(text: &[u8], is_binary: bool) -> Vec<u8> {
    let newline: &[u8] = if is_binary { b"\r" } else { b"\r\n" };
    let mut ended = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\n' => ended.extend(newline),
            b'\r' if bytes.next_if_eq(&b'\n').is_some() => ended.extend(newline),
            byte => ended.push(byte),
        }
    }
    ended
}
