//! A terminal of one endless line: turns what a shell sends into the lines that a person would see.
//!
//! Carriage returns, backspaces and cursor movements act as on a screen, so that echoes, wiped pager questions and
//! colours leave nothing behind; other control characters are dropped. Invalid UTF-8 becomes U+FFFD. The state
//! advances byte by byte, so the way in which the network splits the output never changes the result.

use super::clean::Utf8;

/// A line longer than this is no configuration; it bounds the memory of an endless one. Nor do cursors that jump to the
/// right leave more blanks than this behind, in all lines together: a few bytes must not become gigabytes.
pub(super) const LONGEST_LINE: usize = 1 << 22;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Terminal {
    /// Finished lines, each ended by `\n`.
    lines: String,
    line: Vec<char>,
    column: usize,
    /// Blanks that the cursor has jumped over.
    jumped: usize,
    is_endless: bool,
    /// A carriage return that came before nothing else yet: with a newline it is only a line end.
    pending_return: bool,
    state: State,
    utf8: Utf8,
    /// A wiped pager question; back it comes if a newline shows that it was text.
    wiped: Option<Vec<char>>,
    wiping: Wiping,
}

/// How far the device is in wiping a pager's question by a return, blanks and another return. That second return must
/// count at once: where an empty line follows, the blanks would else be taken for its text.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Wiping {
    #[default]
    No,
    /// The key was pressed.
    Begins,
    /// The first return came, and nothing but blanks since.
    Blanks,
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    #[default]
    Ground,
    /// Behind ESC.
    Escape,
    /// Behind ESC and a character set's designator: one more character belongs to it.
    Designator,
    /// In `ESC [`: whether it is private, the parameter so far, and how many came before it.
    Sequence { is_private: bool, parameters: [usize; 2], index: usize },
    /// In a title or another string that ends with BEL or `ESC \`.
    Text,
    /// Behind ESC in such a string.
    TextEscape,
}

impl Terminal {
    /// Takes the next bytes.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) {
        // Little more than is needed: doubling would hold twice a large text until its end.
        if self.lines.capacity() - self.lines.len() < bytes.len() {
            self.lines.reserve_exact(bytes.len().max(self.lines.len() / 4));
        }
        while !bytes.is_empty() {
            if !self.is_plain_place() {
                bytes = self.feed_one(bytes);
                continue;
            }
            let (plain, rest) = bytes.split_at(plain_run(bytes));
            self.is_endless |= self.line.len() + plain.len() > LONGEST_LINE;
            // A whole line of plain text goes where it belongs at once: nearly all of a configuration is such lines.
            if let Some(rest) = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n")) {
                if !self.line.is_empty() {
                    self.lines.extend(self.line.drain(..));
                }
                self.lines.push_str(std::str::from_utf8(plain).unwrap_or_default());
                self.lines.push('\n');
                self.column = 0;
                bytes = rest;
            } else if plain.is_empty() {
                bytes = self.feed_one(bytes);
            } else {
                self.line.extend(plain.iter().map(|byte| char::from(*byte)));
                self.column = self.line.len();
                bytes = rest;
            }
        }
    }

    /// Takes one byte of `bytes`, which has one, and gives the rest.
    fn feed_one<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        for c in self.utf8.push(bytes[0]) {
            self.take(c);
        }
        &bytes[1..]
    }

    /// The line that is not finished yet; where it rests, a prompt or a pager stands in it.
    pub(super) fn unfinished(&self) -> String {
        self.line.iter().collect()
    }

    /// Characters in the unfinished line.
    pub(super) fn unfinished_len(&self) -> usize {
        self.line.len()
    }

    /// Whether the device sends a line without end, or has jumped too far; what is shown then is not all that it sent.
    pub(super) fn is_endless(&self) -> bool {
        self.is_endless
    }

    /// Whether there is nothing to see.
    pub(super) fn is_blank(&self) -> bool {
        self.line.is_empty() && self.lines.is_empty()
    }

    /// The finished lines that were not taken yet.
    pub(super) fn lines(&self) -> &str {
        &self.lines
    }

    /// Hands over the finished lines up to byte `end`, which is the start of a line.
    pub(super) fn take_lines(&mut self, end: usize) -> String {
        let rest = self.lines.split_off(end);
        std::mem::replace(&mut self.lines, rest)
    }

    /// Hands over all finished lines, in no more memory than they take: an answer may be kept for long.
    pub(super) fn take_all(&mut self) -> String {
        let mut lines = std::mem::take(&mut self.lines);
        lines.shrink_to_fit();
        lines
    }

    /// Wipes the unfinished line, a pager's question. Where the device itself `erases` it, a newline as the very
    /// next thing shows that it was a line of text after all, and it comes back.
    pub(super) fn wipe(&mut self, erases: bool) {
        let line = std::mem::take(&mut self.line);
        self.wiped = erases.then_some(line);
        self.wiping = Wiping::Begins;
        self.column = 0;
        self.pending_return = false;
    }

    /// Finishes the line before its last `count` characters, which stay: a prompt behind a text without a newline.
    pub(super) fn break_before_last(&mut self, count: usize) {
        let end = self.line.len().saturating_sub(count);
        self.lines.extend(self.line.drain(..end));
        self.lines.push('\n');
        self.column = self.line.len();
    }

    /// Whether plain characters go to the end of the line, and a newline behind them only ends it.
    fn is_plain_place(&self) -> bool {
        matches!(self.state, State::Ground)
            && self.column == self.line.len()
            && !self.pending_return
            && self.wiped.is_none()
            && self.wiping == Wiping::No
            && self.utf8.is_empty()
    }

    fn take(&mut self, c: char) {
        match self.state {
            State::Ground => self.ground(c),
            State::Escape => self.escape(c),
            State::Designator => self.state = State::Ground,
            State::Sequence { is_private, parameters, index } => {
                self.sequence(c, is_private, parameters, index);
            }
            State::Text => match c {
                '\x07' => self.state = State::Ground,
                '\x1b' => self.state = State::TextEscape,
                // A newline never belongs to a title: the string was cut off.
                '\n' => {
                    self.state = State::Ground;
                    self.ground(c);
                }
                _ => {}
            },
            State::TextEscape => {
                self.state = State::Ground;
                if c != '\\' {
                    self.escape(c);
                }
            }
        }
    }

    fn ground(&mut self, c: char) {
        match c {
            '\n' => return self.newline(),
            '\r' => {
                self.pending_return = true;
                self.wiping = match self.wiping {
                    Wiping::No => Wiping::No,
                    Wiping::Begins | Wiping::Blanks if self.line.is_empty() => Wiping::Blanks,
                    Wiping::Begins | Wiping::Blanks => {
                        self.go_left(self.column);
                        Wiping::No
                    }
                };
                return;
            }
            '\0' => return,
            ' ' if self.wiping == Wiping::Blanks => {}
            _ => self.wiping = Wiping::No,
        }
        self.wiped = None;
        if self.pending_return {
            self.pending_return = false;
            self.go_left(self.column);
        }
        match c {
            '\x1b' => self.state = State::Escape,
            '\x08' => self.go_left(1),
            '\t' => self.put('\t'),
            c if c.is_ascii_control() => {}
            c => self.put(c),
        }
    }

    fn newline(&mut self) {
        if let Some(wiped) = self.wiped.take() {
            self.line = wiped;
        }
        self.lines.extend(self.line.drain(..));
        self.lines.push('\n');
        self.column = 0;
        self.pending_return = false;
        self.wiping = Wiping::No;
    }

    fn put(&mut self, c: char) {
        if self.column < self.line.len() {
            self.line[self.column] = c;
        } else {
            self.line.push(c);
        }
        self.column += 1;
        self.is_endless |= self.line.len() > LONGEST_LINE;
    }

    /// Moves left. Blanks at the end of the line that the cursor goes back over were written to wipe something,
    /// so they go too.
    fn go_left(&mut self, count: usize) {
        self.column = self.column.saturating_sub(count);
        while self.line.len() > self.column && self.line.last() == Some(&' ') {
            self.line.pop();
        }
    }

    fn go_right(&mut self, count: usize) {
        let column = self.column.saturating_add(count).min(LONGEST_LINE);
        let jumped = column.saturating_sub(self.line.len());
        self.jumped = self.jumped.saturating_add(jumped);
        if self.jumped > LONGEST_LINE {
            self.is_endless = true;
            return;
        }
        self.line.resize(self.line.len() + jumped, ' ');
        self.column = column;
    }

    fn escape(&mut self, c: char) {
        self.state = match c {
            '[' => State::Sequence { is_private: false, parameters: [0; 2], index: 0 },
            ']' | 'P' | '_' | '^' | 'X' => State::Text,
            '(' | ')' | '*' | '+' | '#' | '%' | ' ' => State::Designator,
            '\x1b' => State::Escape,
            _ => State::Ground,
        };
        if c == 'E' {
            self.newline();
        }
    }

    /// ECMA-48 control sequences; those that say nothing of a line's text are dropped.
    fn sequence(&mut self, c: char, is_private: bool, mut parameters: [usize; 2], mut index: usize) {
        match c {
            '0'..='9' => {
                if let (Some(parameter), Some(digit)) = (parameters.get_mut(index), c.to_digit(10)) {
                    *parameter = (*parameter * 10 + digit as usize).min(LONGEST_LINE);
                }
                self.state = State::Sequence { is_private, parameters, index };
            }
            ';' => {
                index += 1;
                self.state = State::Sequence { is_private, parameters, index };
            }
            '<'..='?' => self.state = State::Sequence { is_private: true, parameters, index },
            ' '..='/' => self.state = State::Sequence { is_private, parameters, index },
            '@'..='~' => {
                self.state = State::Ground;
                if !is_private {
                    self.act(c, parameters);
                }
            }
            // Anything else means that the sequence was cut off.
            _ => {
                self.state = State::Ground;
                self.ground(c);
            }
        }
    }

    fn act(&mut self, c: char, parameters: [usize; 2]) {
        let count = parameters[0].max(1);
        match c {
            'C' => self.go_right(count),
            'D' => self.go_left(count),
            'G' => {
                self.go_left(self.column);
                self.go_right(count - 1);
            }
            'H' | 'f' => {
                self.go_left(self.column);
                self.go_right(parameters[1].max(1) - 1);
            }
            'J' | 'K' => match parameters[0] {
                0 => self.line.truncate(self.column),
                1 => {
                    let end = self.column.saturating_add(1).min(self.line.len());
                    self.line[..end].fill(' ');
                }
                _ => {
                    self.line.clear();
                    self.column = 0;
                }
            },
            _ => {}
        }
    }
}

/// How many of the first bytes are plain; most of them in steps that a processor takes at once.
fn plain_run(bytes: &[u8]) -> usize {
    const AT_ONCE: usize = 16;
    let are_plain = |chunk: &&[u8]| chunk.iter().fold(true, |all, byte| all & is_plain(*byte));
    let sure = bytes.chunks_exact(AT_ONCE).take_while(are_plain).count() * AT_ONCE;
    sure + bytes[sure..].iter().take_while(|byte| is_plain(**byte)).count()
}

/// Whether a byte is a character that says nothing but itself.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b'\t' | 0x20..=0x7e)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(bytes: &[u8]) -> String {
        let mut terminal = Terminal::default();
        terminal.feed(bytes);
        terminal.take_all() + &terminal.unfinished()
    }

    #[test]
    fn every_kind_of_line_end_is_a_newline() {
        for text in ["a\nb\n", "a\r\nb\r\n", "a\r\r\nb\r\r\n", "a\n\rb\n\r", "a\0\r\0\nb\n"] {
            assert_eq!(shown(text.as_bytes()), "a\nb\n", "{text:?}");
        }
    }

    #[test]
    fn colours_titles_and_charsets_leave_nothing() {
        assert_eq!(shown(b"\x1b[1;32mhost\x1b[0m\x1b]0;title\x07# \x1b(B\x1b[?2004h"), "host# ");
        assert_eq!(shown(b"\x1b]0;title\x1b\\x\x07y"), "xy");
    }

    #[test]
    fn a_wiped_pager_leaves_no_blanks() {
        for wiping in [
            "\x08\x08\x08\x08\x08\x08\x08\x08\x08        \x08\x08\x08\x08\x08\x08\x08\x08\x08",
            "\r         \r",
            "\x1b[2K\r",
            "\r\x1b[K",
            "\x1b[9D         \x1b[9D",
        ] {
            let mut terminal = Terminal::default();
            terminal.feed(b"one\r\n --More-- ");
            terminal.wipe(true);
            terminal.feed(wiping.as_bytes());
            terminal.feed(b"two\r\n");
            assert_eq!(terminal.take_all(), "one\ntwo\n", "{wiping:?}");
        }
    }

    #[test]
    fn an_empty_line_behind_a_wiped_pager_stays_empty() {
        let wipings =
            ["\r        \r", "\x08\x08        \x08\x08\x08\x08\x08\x08\x08\x08", "\r\x1b[K", "\x1b[2K\r"];
        for (line, shown) in
            [("\r\n", "\n"), ("\n", "\n"), ("\r\r\n", "\n"), ("  \r\n", "  \n"), ("  x \r\n", "  x \n")]
        {
            for (wiping, erases) in wipings.into_iter().flat_map(|wiping| [(wiping, true), (wiping, false)]) {
                let mut terminal = Terminal::default();
                terminal.feed(b"one\r\n--More--");
                terminal.wipe(erases);
                terminal.feed(wiping.as_bytes());
                terminal.feed(line.as_bytes());
                assert_eq!(terminal.take_all(), format!("one\n{shown}"), "{wiping:?} {line:?}");
            }
        }
    }

    #[test]
    fn a_pager_that_was_text_comes_back() {
        let mut terminal = Terminal::default();
        terminal.feed(b"--More--");
        terminal.wipe(true);
        terminal.feed(b"\r\nx");
        assert_eq!(terminal.take_all(), "--More--\n");
    }

    #[test]
    fn a_cursor_that_jumps_far_again_and_again_takes_no_memory() {
        let mut terminal = Terminal::default();
        terminal.feed(b"\x1b[3000000Cx\n");
        assert!(!terminal.is_endless());
        for _ in 0..1_000 {
            terminal.feed(b"\x1b[3000000Cx\n");
        }
        assert!(terminal.is_endless() && terminal.lines().len() < 2 * LONGEST_LINE);
    }

    #[test]
    fn spaces_at_the_end_of_a_line_are_text() {
        assert_eq!(shown(b"banner   \r\n   \r\n"), "banner   \n   \n");
    }

    #[test]
    fn invalid_utf8_is_replaced_and_nothing_else_is_lost() {
        assert_eq!(shown(b"K\xf6ln \xc3\xb6\n\xe2\x82"), "K\u{fffd}ln ö\n");
    }

    proptest! {
        #[test]
        fn splitting_the_output_anywhere_changes_nothing(
            bytes in proptest::collection::vec(
                prop_oneof![4 => any::<u8>(), 4 => 0x20_u8..0x7f, 2 => prop_oneof![Just(b'\r'), Just(b'\n'), Just(0x1b), Just(b'['), Just(8_u8)]],
                0..200,
            ),
            splits in proptest::collection::vec(0_usize..200, 0..8),
        ) {
            let mut terminal = Terminal::default();
            let mut at = 0;
            let mut ends: Vec<usize> = splits.into_iter().map(|split| split.min(bytes.len())).collect();
            ends.sort_unstable();
            ends.push(bytes.len());
            for end in ends {
                terminal.feed(&bytes[at..end]);
                at = end;
            }
            prop_assert_eq!(terminal.take_all() + &terminal.unfinished(), shown(&bytes));
        }

        #[test]
        fn whole_lines_at_once_equal_bytes_one_by_one(text in "[ -~\t\r\n\x08\x1bäö]{0,120}") {
            let mut terminal = Terminal::default();
            text.bytes().for_each(|byte| terminal.feed(&[byte]));
            prop_assert_eq!(terminal.take_all() + &terminal.unfinished(), shown(text.as_bytes()));
        }

        #[test]
        fn plain_text_is_shown_as_it_is(text in "[ -~äöü\t]{0,40}(\n[ -~äöü\t]{0,40}){0,10}") {
            prop_assert_eq!(shown(text.replace('\n', "\r\n").as_bytes()), text);
        }
    }
}
