//! Logs go to stderr, and from what works for long to `logs/` of the data directory: a file a day, two weeks of them.
//! Everything worth knowing from a server, only warnings from a command. An event is one line, whatever somebody else's words
//! within it are.

use std::borrow::Cow;
use std::io::{self, Write};

use etiqa_engine::data_dir::DataDir;
use etiqa_model::shown::misleads;
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::cli::progress::Stderr;
use crate::cli::{Cli, Command, output};

/// Files that are kept: one a day.
const DAYS: usize = 14;

/// What signs requests to object stores says its secret key when it is asked to say much; so it is never asked.
const SILENT: [&str; 2] = ["reqsign_core=off", "reqsign_aws_v4=off"];

/// Starts logging. `ETIQA_LOG` chooses what is logged (`debug`, `etiqa_engine=trace`, …).
pub(crate) fn start(cli: &Cli) {
    let usual = match cli.command {
        Command::Serve(_) => "info,russh=warn,sqlx=warn",
        _ => "warn,russh=error,sqlx=error",
    };
    let mut filter = EnvFilter::try_from_env("ETIQA_LOG").unwrap_or_else(|_| EnvFilter::new(usual));
    for silent in SILENT.iter().filter_map(|silent| silent.parse().ok()) {
        filter = filter.add_directive(silent);
    }
    let console = tracing_subscriber::fmt::layer()
        .with_writer(OnOneLine(|| Stderr))
        .with_ansi(output::has_colours())
        .with_target(false);
    let file = file_of(cli).map(|file| {
        tracing_subscriber::fmt::layer().with_writer(OnOneLine(file)).with_ansi(false).with_target(false)
    });
    tracing_subscriber::registry().with(filter).with(console).with(file).init();
}

/// None where nothing is kept, or where the data directory cannot be used: the command itself says that, and what to do.
fn file_of(cli: &Cli) -> Option<RollingFileAppender> {
    let dir = DataDir::open(cli.keeps_logs_in()?).ok()?;
    RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("etiqa")
        .filename_suffix("log")
        .max_log_files(DAYS)
        .build(dir.logs())
        .ok()
}

/// Writes each event as one line that a terminal shows as it is. The library escapes what moves a cursor; it leaves newlines,
/// with which a name could begin a line of its own, and what turns the direction of writing.
struct OnOneLine<M>(M);

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for OnOneLine<M> {
    type Writer = Lines<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Lines(self.0.make_writer())
    }
}

/// Each write is a whole event.
struct Lines<W>(W);

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
}
