//! What others wrote, made fit for one line: host names in commit messages, a remote's words in errors.

/// `text` as one line of at most `limit` characters, without control characters, terminal sequences and marks that turn the
/// direction of writing.
pub(super) fn plain(text: &str, limit: usize) -> String {
    let mut line = String::new();
    let mut length = 0;
    let mut is_apart = false;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            skip_sequence(&mut chars);
        } else if c.is_whitespace() || c.is_control() {
            is_apart = !line.is_empty();
        } else if !turns_direction(c) {
            if length + usize::from(is_apart) >= limit {
                line.push('…');
                break;
            }
            if is_apart {
                line.push(' ');
                length += 1;
            }
            is_apart = false;
            line.push(c);
            length += 1;
        }
    }
    line
}

/// What follows an escape character: `[`, parameters, and one byte that ends it; or a single byte (ECMA-48, 5.4).
fn skip_sequence(chars: &mut std::str::Chars<'_>) {
    if chars.next() == Some('[') {
        chars.find(|c| ('@'..='~').contains(c));
    }
}

/// Embeddings, overrides and isolates (Unicode Bidirectional Algorithm, 2), and what is no space but breaks lines.
fn turns_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_becomes_one_harmless_line() {
        for (text, line) in [
            ("core-1", "core-1"),
            ("a\nRun: 9\r\n\n b\t", "a Run: 9 b"),
            ("\u{1b}[31;1mred\u{1b}[0m \u{1b}cend\u{7}", "red end"),
            ("abc\u{202e}fed\u{2028}", "abcfed"),
            ("\u{0}\u{1b}[", ""),
            ("größe 夜", "größe 夜"),
        ] {
            assert_eq!(plain(text, 40), line, "{text:?}");
        }
        assert_eq!(plain(&"x".repeat(50), 5), "xxxxx…");
        assert_eq!(plain("xxxxx", 5), "xxxxx");
        assert_eq!(plain("ab cd", 3), "ab…", "a space counts, and is not passed over the limit");
    }
}
