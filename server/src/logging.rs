//! Logs go to stderr: everything worth knowing from a server, only warnings from a command.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use crate::cli::Command;

/// Starts logging. `ETIQA_LOG` chooses what is logged (`debug`, `etiqa_engine=trace`, …).
pub(crate) fn start(command: &Command) {
    let usual = match command {
        Command::Serve(_) => "info,russh=warn,sqlx=warn",
        _ => "warn,russh=error,sqlx=error",
    };
    let filter = EnvFilter::try_from_env("ETIQA_LOG").unwrap_or_else(|_| EnvFilter::new(usual));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .init();
}
