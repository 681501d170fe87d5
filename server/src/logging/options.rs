//! How logs are told on the command line.

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

use super::files::Limits;
use super::traces::checked_endpoint;

/// What is logged, how, and what is kept of it; the same for every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Logs and traces")]
pub(crate) struct LogOptions {
    /// How much is logged: error, warn, info, debug or trace, or by part of the program, such as warn,etiqa_engine=debug
    #[arg(long, global = true, env = "ETIQA_LOG", value_name = "LEVEL", value_parser = checked_level)]
    log: Option<String>,
    /// How lines of the log are written
    #[arg(long, global = true, env = "ETIQA_LOG_FORMAT", value_enum, default_value_t = Format::Text)]
    log_format: Format,
    /// Files of the log are kept for so many days
    #[arg(long, global = true, env = "ETIQA_LOG_DAYS", value_name = "DAYS", default_value_t = 14,
          value_parser = clap::value_parser!(u16).range(1..=3650))]
    log_days: u16,
    /// So many files of the log are kept at most
    #[arg(long, global = true, env = "ETIQA_LOG_FILES", value_name = "NUMBER", default_value_t = 30,
          value_parser = clap::value_parser!(u16).range(1..=10_000))]
    log_files: u16,
    /// A file of the log that is larger is followed by another one
    #[arg(long, global = true, env = "ETIQA_LOG_FILE_MIB", value_name = "MIB", default_value_t = 32,
          value_parser = clap::value_parser!(u16).range(1..=4096))]
    log_file_mib: u16,
    /// Send traces to this collector of OpenTelemetry, by OTLP over HTTP: http://127.0.0.1:4318
    #[arg(long, global = true, env = "ETIQA_OTLP_ENDPOINT", value_name = "URL",
          value_parser = checked_endpoint)]
    otlp_endpoint: Option<String>,
}

/// How an event is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Text,
    /// For programs: an object on each line
    Json,
}

impl LogOptions {
    /// How much is logged, where that was said.
    pub(super) fn level(&self) -> Option<&str> {
        self.log.as_deref().filter(|level| !level.trim().is_empty())
    }

    pub(super) fn format(&self) -> Format {
        self.log_format
    }

    /// What is kept of files.
    pub(super) fn limits(&self) -> Limits {
        Limits {
            days: self.log_days,
            files: usize::from(self.log_files),
            bytes: u64::from(self.log_file_mib) << 20,
        }
    }

    /// Where traces go, if anywhere.
    pub(super) fn otlp_endpoint(&self) -> Option<&str> {
        self.otlp_endpoint.as_deref().filter(|endpoint| !endpoint.is_empty())
    }
}

/// A level that cannot be read would silently log nothing of what was asked for.
fn checked_level(level: &str) -> Result<String, String> {
    match EnvFilter::try_new(level) {
        Ok(_) => Ok(level.to_owned()),
        Err(error) => Err(format!("{error}; write error, warn, info, debug or trace")),
    }
}
