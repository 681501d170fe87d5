//! Logs go to stderr, and from what works for long to `logs/` of the data directory: a file a day, two weeks of them.
//! Everything worth knowing from a server, only warnings from a command.

use std::io::{self, IsTerminal};

use etiqa_engine::data_dir::DataDir;
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::cli::{Cli, Command};

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
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false);
    let file = file_of(cli)
        .map(|file| tracing_subscriber::fmt::layer().with_writer(file).with_ansi(false).with_target(false));
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
