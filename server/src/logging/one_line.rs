//! One event, one line: nobody's words begin a line of their own.

use std::borrow::Cow;
use std::io::{self, Write};

use etiqa_model::shown::misleads;
use tracing_subscriber::fmt::MakeWriter;

/// Writes each event as one line that a terminal shows as it is. The library escapes what moves a cursor; it leaves newlines,
/// with which a name could begin a line of its own, and what turns the direction of writing.
pub(super) struct OnOneLine<M>(pub(super) M);

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for OnOneLine<M> {
    type Writer = Lines<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Lines(self.0.make_writer())
    }
}

/// Each write is a whole event.
pub(super) struct Lines<W>(W);

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        self.0.write_all(one_line(&String::from_utf8_lossy(event)).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// An event with the newline at its end and no other. The escape character colours what a terminal shows, and is the
/// library's own: it lets none through of what is logged.
fn one_line(event: &str) -> Cow<'_, str> {
    let text = event.strip_suffix('\n').unwrap_or(event);
    if !text.contains(|c: char| misleads(c) && c != '\u{1b}') {
        return Cow::Borrowed(event);
    }
    let shown = |c: char| match c {
        '\n' => '\u{23ce}',
        '\t' | '\u{1b}' => c,
        _ if misleads(c) => '\u{fffd}',
        _ => c,
    };
    let end = if text.len() < event.len() { "\n" } else { "" };
    Cow::Owned(text.chars().map(shown).collect::<String>() + end)
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn nobody_begins_a_line_of_the_log_with_their_own_words() {
        let event = "WARN refused: ada\nINFO ada is an admin\r now\n";
        assert_eq!(one_line(event), "WARN refused: ada\u{23ce}INFO ada is an admin\u{fffd} now\n");
    }

    #[test]
    fn what_turns_a_line_around_is_visible_and_colours_stay() {
        assert_eq!(
            one_line("\u{1b}[31mERROR\u{1b}[0m a\u{202e}b\n"),
            "\u{1b}[31mERROR\u{1b}[0m a\u{fffd}b\n"
        );
        assert_eq!(one_line("plain\n"), "plain\n");
    }

    #[test]
    fn a_line_of_json_stays_json() {
        let line = one_line("{\"message\":\"a\u{202e}b\"}\n");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap()["message"], "a\u{fffd}b");
    }
}
