//! Telnet's own conversation (RFC 854, 855, 1143): what is data, and what we answer to options.
//!
//! We take the device's echo and its suppressed go-aheads, tell our terminal's kind (RFC 1091) and size (RFC 1073)
//! when asked, and refuse everything else. An answer is sent only where an option's state changes, and not for ever: two
//! changes of one option that are on the way at once would else go round and round between two sides that only answer.

use std::collections::BTreeMap;

const IAC: u8 = 255;
const DONT: u8 = 254;
const DO: u8 = 253;
const WONT: u8 = 252;
const WILL: u8 = 251;
const SB: u8 = 250;
const SE: u8 = 240;
/// End of file (RFC 1184); no command is lower.
const FIRST_COMMAND: u8 = 236;

const BINARY: u8 = 0;
const ECHO: u8 = 1;
const SUPPRESS_GO_AHEAD: u8 = 3;
const TERMINAL_TYPE: u8 = 24;
const WINDOW_SIZE: u8 = 31;

const TERMINAL_TYPE_IS: u8 = 0;
const TERMINAL_TYPE_SEND: u8 = 1;

/// Answers to a device that changes its mind; no session needs nearly as many.
pub(in crate::collect) const MOST_ANSWERS: u32 = 256;

/// A subnegotiation that is longer is not one of ours; the rest of it is dropped.
const LONGEST_SUBNEGOTIATION: usize = 64;

/// The state of one connection.
#[derive(Debug)]
pub(in crate::collect) struct Telnet {
    state: State,
    /// Options that we agreed on, by (whose side, option).
    agreed: BTreeMap<(Side, u8), bool>,
    answers: u32,
    /// A carriage return came as the last byte: a NUL behind it only pads it.
    after_return: bool,
    kind: String,
    width: u16,
    height: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Ours,
    Theirs,
}

#[derive(Debug)]
enum State {
    Data,
    Command,
    /// Behind WILL, WONT, DO or DONT.
    Option(u8),
    Subnegotiation(Vec<u8>),
    /// Behind IAC within a subnegotiation.
    SubnegotiationCommand(Vec<u8>),
}

/// What came of some bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::collect) struct Heard {
    /// For the terminal.
    pub(in crate::collect) data: Vec<u8>,
    /// To be sent back.
    pub(in crate::collect) reply: Vec<u8>,
}

impl Telnet {
    pub(in crate::collect) fn new(kind: &str, width: u32, height: u32) -> Self {
        let size = |size: u32| u16::try_from(size).unwrap_or(u16::MAX);
        Self {
            state: State::Data,
            agreed: BTreeMap::new(),
            answers: 0,
            after_return: false,
            kind: kind.to_owned(),
            width: size(width),
            height: size(height),
        }
    }

    /// Takes what the device sent. How it is split never matters.
    pub(in crate::collect) fn hear(&mut self, bytes: &[u8]) -> Heard {
        let mut heard = Heard::default();
        for byte in bytes {
            self.take(*byte, &mut heard);
        }
        heard
    }

    /// `text` as it goes over the line: IAC doubled, each newline as CR LF, a lone CR as CR NUL. Where the device asked
    /// for binary, nothing is put together again on its side (RFC 856), and a line ends as the key Enter ends it: by CR.
    pub(in crate::collect) fn encode(&self, text: &[u8]) -> Vec<u8> {
        let [newline, lone_return] = if self.is_binary() { ["\r", "\r"] } else { ["\r\n", "\r\0"] };
        let mut encoded = Vec::with_capacity(text.len() + 2);
        let mut bytes = text.iter().copied().peekable();
        while let Some(byte) = bytes.next() {
            match byte {
                IAC => encoded.extend([IAC, IAC]),
                b'\n' => encoded.extend(newline.bytes()),
                b'\r' => {
                    let is_line_end = bytes.next_if_eq(&b'\n').is_some();
                    encoded.extend(if is_line_end { newline } else { lone_return }.bytes());
                }
                byte => encoded.push(byte),
            }
        }
        encoded
    }

    /// Whether the device asked us for binary.
    pub(in crate::collect) fn is_binary(&self) -> bool {
        self.agreed.get(&(Side::Ours, BINARY)) == Some(&true)
    }

    fn take(&mut self, byte: u8, heard: &mut Heard) {
        match std::mem::replace(&mut self.state, State::Data) {
            State::Data => self.data(byte, heard),
            State::Command => match byte {
                IAC => self.text(IAC, heard),
                WILL | WONT | DO | DONT => self.state = State::Option(byte),
                SB => self.state = State::Subnegotiation(Vec::new()),
                // Go-ahead, break, no operation and the like say nothing.
                FIRST_COMMAND.. => {}
                // No command at all: it was an urgent one, and a jump host lost it (RFC 854, "synch"; TCP carries such a
                // byte beside the stream). What stands behind it is text again.
                byte => self.data(byte, heard),
            },
            State::Option(verb) => self.option(verb, byte, heard),
            State::Subnegotiation(sub) if byte == IAC => self.state = State::SubnegotiationCommand(sub),
            State::Subnegotiation(sub) => self.state = State::Subnegotiation(longer(sub, byte)),
            State::SubnegotiationCommand(sub) => match byte {
                IAC => self.state = State::Subnegotiation(longer(sub, IAC)),
                SE => self.subnegotiated(&sub, heard),
                // The end is missing: what follows is a command again.
                _ => {
                    self.state = State::Command;
                    self.take(byte, heard);
                }
            },
        }
    }

    fn data(&mut self, byte: u8, heard: &mut Heard) {
        match byte {
            IAC => self.state = State::Command,
            0 if self.after_return => self.after_return = false,
            byte => self.text(byte, heard),
        }
    }

    fn text(&mut self, byte: u8, heard: &mut Heard) {
        self.after_return = byte == b'\r';
        heard.data.push(byte);
    }

    fn option(&mut self, verb: u8, option: u8, heard: &mut Heard) {
        if self.answers >= MOST_ANSWERS {
            return;
        }
        let (side, wants) = match verb {
            WILL => (Side::Theirs, true),
            WONT => (Side::Theirs, false),
            DO => (Side::Ours, true),
            _ => (Side::Ours, false),
        };
        let agrees = wants
            && match side {
                Side::Theirs => matches!(option, BINARY | ECHO | SUPPRESS_GO_AHEAD),
                Side::Ours => matches!(option, BINARY | SUPPRESS_GO_AHEAD | TERMINAL_TYPE | WINDOW_SIZE),
            };
        let before = self.agreed.insert((side, option), agrees);
        // Off is where an option begins: a refusal is news only where it answers a wish.
        if before == Some(agrees) || (before.is_none() && !wants) {
            return;
        }
        let answer = match (side, agrees) {
            (Side::Theirs, true) => DO,
            (Side::Theirs, false) => DONT,
            (Side::Ours, true) => WILL,
            (Side::Ours, false) => WONT,
        };
        self.answers += 1;
        heard.reply.extend([IAC, answer, option]);
        if agrees && side == Side::Ours && option == WINDOW_SIZE {
            let [width, height] = [self.width, self.height].map(u16::to_be_bytes);
            self.tell(&[WINDOW_SIZE, width[0], width[1], height[0], height[1]], heard);
        }
    }

    fn subnegotiated(&self, sub: &[u8], heard: &mut Heard) {
        let has_agreed = self.agreed.get(&(Side::Ours, TERMINAL_TYPE)) == Some(&true);
        if has_agreed && sub == [TERMINAL_TYPE, TERMINAL_TYPE_SEND] {
            let kind = [&[TERMINAL_TYPE, TERMINAL_TYPE_IS], self.kind.as_bytes()].concat();
            self.tell(&kind, heard);
        }
    }

    #[expect(clippy::unused_self, reason = "a reply of this connection")]
    fn tell(&self, sub: &[u8], heard: &mut Heard) {
        heard.reply.extend([IAC, SB]);
        for byte in sub {
            heard.reply.push(*byte);
            if *byte == IAC {
                heard.reply.push(IAC);
            }
        }
        heard.reply.extend([IAC, SE]);
    }
}

fn longer(mut sub: Vec<u8>, byte: u8) -> Vec<u8> {
    if sub.len() < LONGEST_SUBNEGOTIATION {
        sub.push(byte);
    }
    sub
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn telnet() -> Telnet {
        Telnet::new("vt100", 511, 1000)
    }

    #[test]
    fn options_that_we_know_are_agreed_on_once_and_others_refused() {
        let mut telnet = telnet();
        let heard = telnet.hear(&[IAC, WILL, ECHO, IAC, WILL, SUPPRESS_GO_AHEAD, IAC, DO, 39, b'x']);
        let agreed = [IAC, DO, ECHO, IAC, DO, SUPPRESS_GO_AHEAD, IAC, WONT, 39];
        assert_eq!(heard, Heard { data: b"x".to_vec(), reply: agreed.to_vec() });
        assert_eq!(telnet.hear(&[IAC, WILL, ECHO, IAC, DO, 39]), Heard::default());
        assert_eq!(telnet.hear(&[IAC, WONT, ECHO]).reply, [IAC, DONT, ECHO]);
    }

    #[test]
    fn the_terminal_is_told_when_asked_for() {
        let mut telnet = telnet();
        let size = telnet.hear(&[IAC, DO, WINDOW_SIZE]).reply;
        // 511 is 0x01FF, and its 0xFF is doubled.
        assert_eq!(size, [IAC, WILL, 31, IAC, SB, 31, 1, IAC, IAC, 3, 232, IAC, SE]);
        assert_eq!(telnet.hear(&[IAC, SB, TERMINAL_TYPE, 1, IAC, SE]).reply, b"", "not agreed on yet");
        telnet.hear(&[IAC, DO, TERMINAL_TYPE]);
        let kind = telnet.hear(&[IAC, SB, TERMINAL_TYPE, 1, IAC, SE]).reply;
        assert_eq!(kind, [&[IAC, SB, TERMINAL_TYPE, 0][..], b"vt100", &[IAC, SE]].concat());
    }

    #[test]
    fn doubled_bytes_and_padded_returns_are_data() {
        assert_eq!(telnet().hear(&[b'a', IAC, IAC, b'\r', 0, b'b', 0]).data, [b'a', IAC, b'\r', b'b', 0]);
        assert_eq!(telnet().encode(b"show\n\xff\r"), b"show\r\n\xff\xff\r\0");
    }

    #[test]
    fn a_line_ends_by_a_lone_return_where_the_device_asked_for_binary() {
        let mut telnet = telnet();
        assert_eq!(telnet.hear(&[IAC, DO, BINARY]).reply, [IAC, WILL, BINARY]);
        assert_eq!(telnet.encode(b"a\nb\r\nc\r\xff"), b"a\rb\rc\r\xff\xff");
        telnet.hear(&[IAC, DONT, BINARY]);
        assert_eq!(telnet.encode(b"a\n"), b"a\r\n");
    }

    #[test]
    fn an_urgent_mark_that_was_lost_takes_no_text_with_it() {
        assert_eq!(telnet().hear(&[b'a', IAC, 242, b'b', IAC, b'c', IAC, b'\r', 0, b'd']).data, b"abc\rd");
    }

    #[test]
    fn an_endless_subnegotiation_takes_no_memory() {
        let mut telnet = telnet();
        telnet.hear(&[IAC, SB]);
        for _ in 0..10_000 {
            telnet.hear(&[7; 100]);
        }
        assert_eq!(telnet.hear(&[IAC, SE, b'x']).data, b"x");
    }

    #[test]
    fn two_changes_that_are_on_the_way_at_once_do_not_go_round_for_ever() {
        let (mut here, mut there) = (telnet(), telnet());
        let mut said = here.hear(&[IAC, WILL, BINARY, IAC, WONT, BINARY]).reply;
        let mut rounds = 0;
        while !said.is_empty() {
            said = there.hear(&said).reply;
            said = here.hear(&said).reply;
            rounds += 1;
            assert!(rounds <= MOST_ANSWERS);
        }
        assert_eq!(here.hear(&[b'a', IAC, IAC]).data, [b'a', IAC], "text comes through all the same");
    }

    proptest! {
        #[test]
        fn splitting_the_stream_anywhere_changes_nothing(
            bytes in proptest::collection::vec(prop_oneof![any::<u8>(), 240_u8..=255, Just(IAC), Just(b'\r'), Just(0)], 0..120),
            split in 0_usize..120,
        ) {
            let whole = telnet().hear(&bytes);
            let mut telnet = telnet();
            let (first, second) = bytes.split_at(split.min(bytes.len()));
            let (first, second) = (telnet.hear(first), telnet.hear(second));
            prop_assert_eq!([first.data, second.data].concat(), whole.data);
            prop_assert_eq!([first.reply, second.reply].concat(), whole.reply);
        }

        #[test]
        fn two_sides_never_answer_each_other_for_ever(
            bytes in proptest::collection::vec(prop_oneof![any::<u8>(), 251_u8..=254, Just(IAC), 0_u8..4], 0..60),
        ) {
            let (mut here, mut there) = (telnet(), telnet());
            let mut said = here.hear(&bytes).reply;
            for _ in 0..=MOST_ANSWERS {
                said = there.hear(&said).reply;
                said = here.hear(&said).reply;
            }
            prop_assert!(said.is_empty());
        }

        #[test]
        fn every_text_comes_through(text in proptest::collection::vec(any::<u8>(), 0..60)) {
            let text: Vec<u8> = text.into_iter().filter(|byte| ![b'\n', b'\r', 0].contains(byte)).collect();
            prop_assert_eq!(telnet().hear(&telnet().encode(&text)).data, text);
        }
    }
}
