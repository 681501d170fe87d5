//! Bytes to text: UTF-8 piece by piece, and the answers of exec channels, which know no terminal.

/// Decodes UTF-8 byte by byte; what is invalid becomes U+FFFD, one for each maximal invalid piece, as
/// [`String::from_utf8_lossy`] does it.
#[derive(Debug, Default)]
pub(super) struct Utf8 {
    bytes: [u8; 4],
    len: usize,
}

impl Utf8 {
    /// Whether no character is half read.
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The characters that `byte` completes.
    pub(super) fn push(&mut self, byte: u8) -> impl Iterator<Item = char> + use<> {
        self.bytes[self.len] = byte;
        self.len += 1;
        let mut found = [None; 4];
        let mut count = 0;
        while self.len > 0 {
            let (c, used) = match std::str::from_utf8(&self.bytes[..self.len]) {
                Ok(text) => (text.chars().next(), text.chars().next().map_or(self.len, char::len_utf8)),
                Err(error) if error.valid_up_to() > 0 => {
                    let text = std::str::from_utf8(&self.bytes[..error.valid_up_to()]).unwrap_or_default();
                    (text.chars().next(), text.chars().next().map_or(1, char::len_utf8))
                }
                Err(error) => match error.error_len() {
                    Some(len) => (Some(char::REPLACEMENT_CHARACTER), len),
                    None => break,
                },
            };
            found[count] = c;
            count += 1;
            self.bytes.copy_within(used..self.len, 0);
            self.len -= used;
        }
        found.into_iter().flatten()
    }
}

/// What an exec channel sent, as it is: only carriage returns before newlines and NUL characters go, and invalid
/// UTF-8 is replaced.
pub(super) fn exec_text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut cleaned = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        match line.strip_suffix('\n') {
            Some(content) => {
                cleaned.push_str(content.trim_end_matches(['\r', '\0']));
                cleaned.push('\n');
            }
            None => cleaned.push_str(line),
        }
    }
    if cleaned.contains('\0') { cleaned.replace('\0', "") } else { cleaned }
}

/// How much of a part's text is kept: up to the end of its last line with text, whose newline is added again. How many
/// blank lines stand before a prompt is no configuration.
pub(super) fn without_blank_end(text: &str) -> &str {
    let mut kept = text.trim_end_matches(['\n', ' ', '\t']).len();
    if kept > 0 {
        // Blanks at the end of the last line with text belong to it.
        kept += text[kept..].find('\n').unwrap_or(text.len() - kept);
    }
    &text[..kept]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn exec_output_keeps_all_but_carriage_returns_at_line_ends() {
        assert_eq!(exec_text(b"a\r\nb\rc\n\x1b[0m\xff\0d"), "a\nb\rc\n\x1b[0m\u{fffd}d");
    }

    #[test]
    fn blank_lines_at_the_end_are_no_text() {
        assert_eq!(without_blank_end("a\nend\n\n \n"), "a\nend");
        assert_eq!(without_blank_end("a  \n"), "a  ");
        assert_eq!(without_blank_end("a  "), "a  ");
        assert_eq!(without_blank_end(" \n\n"), "");
    }

    proptest! {
        #[test]
        fn decoding_byte_by_byte_equals_decoding_at_once(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let mut utf8 = Utf8::default();
            let mut pieces: String = bytes.iter().flat_map(|byte| utf8.push(*byte)).collect();
            if !utf8.is_empty() {
                pieces.push(char::REPLACEMENT_CHARACTER);
            }
            prop_assert_eq!(pieces, String::from_utf8_lossy(&bytes));
        }
    }
}
