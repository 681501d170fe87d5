//! What the commands write: results to stdout, all else to stderr, and nothing that a terminal would obey.

use std::io::{self, BufRead, IsTerminal, Write};

use etiqa_engine::{Error, Result};
use etiqa_model::shown::{escaped, harmless};
use etiqa_model::{Secret, Timestamp, UserError};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use serde::Serialize;
use zeroize::Zeroizing;

use super::progress::aside;

/// A line of the result.
pub(crate) fn print(line: &str) {
    // A closed pipe (`| head`) ends what we have to say; it is not an error.
    let _ = try_print(line);
}

/// A line of a result that may be long; false: nobody reads it any more.
pub(crate) fn try_print(line: &str) -> bool {
    aside(|| writeln!(io::stdout().lock(), "{}", harmless(line)).is_ok())
}

/// The result as it is, such as a device's text; made harmless on a terminal only.
pub(crate) fn print_text(text: &str) {
    let shown = if io::stdout().is_terminal() { harmless(text) } else { text.to_owned() };
    let _ = aside(|| io::stdout().lock().write_all(shown.as_bytes()));
}

/// The result as JSON; what a terminal would obey is escaped within it.
pub(crate) fn print_json(value: &impl Serialize) -> Result<()> {
    let text =
        serde_json::to_string_pretty(value).map_err(|error| Error::io("writing JSON")(error.into()))?;
    let _ = aside(|| writeln!(io::stdout().lock(), "{}", escaped(&text)));
    Ok(())
}

/// A line about what goes on.
pub(crate) fn say(line: &str) {
    let _ = aside(|| writeln!(io::stderr().lock(), "{}", harmless(line)));
}

/// Whether what goes to standard error may have colours: on a terminal that knows them, unless somebody wants none
/// (no-color.org). The command line's own library asks the same of its help and its errors.
pub(crate) fn has_colours() -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|kind| kind == "dumb");
    io::stderr().is_terminal() && !is_set("NO_COLOR") && !is_dumb
}

/// Why it did not work.
pub(crate) fn complain(sentence: &str) {
    say(&format!("etiqa: {sentence}"));
}

/// Why it did not work, field by field where there are several.
pub(crate) fn complain_about(error: &UserError) {
    if error.fields.len() < 2 {
        return complain(&error.message);
    }
    for field in &error.fields {
        complain(&format!("{}: {}", field.field.replace('_', "-"), field.message));
    }
}

/// A table with aligned columns; the first row is its head.
pub(crate) fn print_table(rows: &[Vec<String>]) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    for row in rows {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        print(cells.join("  ").trim_end());
    }
}

/// A time for a person, in UTC to the minute; a dash where there is none.
pub(crate) fn time(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "–".to_owned(), |at| at.to_utc().format("%Y-%m-%d %H:%M UTC").to_string())
}

/// `1 device`, `2 devices`.
pub(crate) fn devices(count: u64) -> String {
    format!("{count} device{}", if count == 1 { "" } else { "s" })
}

/// A count with commas between its thousands.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Reads one line from stdin, without its end: how secrets come in. At a terminal it is asked for, and not shown.
pub(crate) async fn read_secret(what: &str) -> Result<Secret> {
    let hidden = Hidden::stdin();
    if hidden.is_some() {
        say(&format!("Type {what}, then Enter; it is not shown."));
    }
    let read = tokio::task::spawn_blocking(|| {
        let mut line = Zeroizing::new(String::new());
        io::stdin().lock().read_line(&mut line).map(|_| line)
    });
    let line = tokio::select! {
        read = read => read.map_err(io::Error::other).and_then(|line| line),
        // The terminal must show again what is typed, however we end.
        _ = tokio::signal::ctrl_c(), if hidden.is_some() => {
            drop(hidden);
            return Err(UserError::invalid("Interrupted; nothing was changed.").into());
        }
    };
    drop(hidden);
    let line = line.map_err(Error::io(format!("reading {what}")))?;
    let secret = line.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        return Err(UserError::invalid(format!("Write {what} on a line of standard input.")).into());
    }
    Ok(Secret::new(secret))
}

/// A terminal that does not show what is typed, until this is dropped.
struct Hidden {
    before: Termios,
}

impl Hidden {
    /// None: standard input is no terminal.
    fn stdin() -> Option<Self> {
        let before = tcgetattr(io::stdin()).ok()?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        // The end of the line is shown: what follows begins on a line of its own.
        hidden.local_modes.insert(LocalModes::ECHONL);
        tcsetattr(io::stdin(), OptionalActions::Now, &hidden).ok()?;
        Some(Self { before })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // A terminal that is gone shows nothing anyway.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::{count, escaped};

    #[test]
    fn large_counts_are_easy_to_read() {
        assert_eq!(
            [0, 999, 1_000, 120_000, 1_234_567].map(count),
            ["0", "999", "1,000", "120,000", "1,234,567"]
        );
    }

    #[test]
    fn nothing_within_json_commands_the_terminal() {
        let text = serde_json::to_string_pretty(&["a\u{9b}2J\u{202e}b\u{7f}", "Zürich"]).unwrap();
        let shown = escaped(&text);
        assert_eq!(shown, "[\n  \"a\\u009b2J\\u202eb\\u007f\",\n  \"Zürich\"\n]");
        assert_eq!(serde_json::from_str::<[String; 2]>(&shown).unwrap()[0], "a\u{9b}2J\u{202e}b\u{7f}");
    }
}
