//! Characters of others' texts that do something instead of being read.

use std::fmt::Write;

/// Whether a character is obeyed by a terminal, ends a line, or makes what stands around it read otherwise than it is: control
/// characters, separators of lines, and what turns the direction of writing (Unicode Bidirectional Algorithm, 2; "Trojan
/// Source", CVE-2021-42574).
pub fn misleads(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
        )
}

/// `text` with each such character replaced by U+FFFD, but for newlines and tabs.
pub fn harmless(text: &str) -> String {
    text.chars().map(|c| if misleads(c) && !matches!(c, '\n' | '\t') { '\u{fffd}' } else { c }).collect()
}

/// JSON with every misleading character written as JSON writes it (RFC 8259, section 7); outside of its strings there are
/// none but newlines.
pub fn escaped(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        if misleads(c) && c != '\n' {
            // All of them are within the first plane. Writing to a String never fails.
            let _ = write!(escaped, "\\u{:04x}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_device_commands_a_terminal() {
        assert_eq!(harmless("a\u{1b}[2Jb\tc\r\n"), "a\u{fffd}[2Jb\tc\u{fffd}\n");
        assert_eq!(harmless("\u{9b}2J\u{7f}"), "\u{fffd}2J\u{fffd}");
    }

    #[test]
    fn nothing_of_a_device_turns_a_line_around() {
        assert_eq!(harmless("permit \u{202e}yna\u{202c} any"), "permit \u{fffd}yna\u{fffd} any");
        assert_eq!(harmless("a\u{2028}b\u{2066}c"), "a\u{fffd}b\u{fffd}c");
    }

    #[test]
    fn what_people_write_stays() {
        for text in ["Zürich – “core”", "日本語", "שלום", "e\u{301} 👩\u{200d}🔧"] {
            assert_eq!(harmless(text), text);
        }
    }
}
