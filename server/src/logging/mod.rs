//! Logs go to stderr, and from what works for long to `logs/` of the data directory: everything worth knowing from a server
//! or a worker, only warnings from a command. An event is one line of text or of JSON, whatever somebody else's words within it
//! are. Traces go to a collector of OpenTelemetry, where one is named.

mod files;
mod one_line;
mod options;
mod traces;

use std::path::PathBuf;

use etiqa_engine::data_dir::DataDir;
use tokio::runtime::Handle;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

pub(crate) use options::LogOptions;

use crate::cli::progress::Stderr;
use crate::cli::{Cli, Command, output};
use files::Files;
use one_line::OnOneLine;
use options::Format;
use traces::Traces;

/// What signs requests to object stores says its secret key when it is asked to say much; so it is never asked.
const SILENT: [&str; 2] = ["reqsign_core=off", "reqsign_aws_v4=off"];

/// Somewhere that events go.
type Place = Box<dyn Layer<Registry> + Send + Sync>;

/// What is to be ended with the program.
#[derive(Debug)]
pub(crate) struct Logs {
    traces: Option<Traces>,
}

impl Logs {
    /// Sends what is left of traces; for seconds at most.
    pub(crate) fn end(self) {
        if let Some(traces) = self.traces {
            traces.end();
        }
    }
}

/// Starts logging. What cannot be had of it is said, and done without: a backup does not fail for its log.
pub(crate) fn start(cli: &Cli, runtime: &Handle) -> Logs {
    let usual = match cli.command {
        Command::Serve(_) | Command::Worker(_) => "info,russh=warn,sqlx=warn",
        _ => "warn,russh=error,sqlx=error",
    };
    let options = &cli.logs;
    let mut places = vec![place(options, usual, || Stderr, output::has_colours())];
    if let Some(folder) = folder_of(cli) {
        places.push(place(options, usual, Files::new(folder, options.limits()), false));
    }
    let traces = options.otlp_endpoint().map(|endpoint| Traces::begin(endpoint, cli.ca_file(), runtime));
    let traces = traces.transpose().unwrap_or_else(|problem| {
        output::complain(&problem);
        None
    });
    places.extend(traces.as_ref().map(Traces::place));
    tracing_subscriber::registry().with(places).init();
    Logs { traces }
}

/// Somewhere that lines of events go, of those that are wanted.
fn place<W>(options: &LogOptions, usual: &str, writer: W, has_colours: bool) -> Place
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer::<Registry>()
        .with_writer(OnOneLine(writer))
        .with_ansi(has_colours && options.format() == Format::Text)
        // Who closed stderr hears of nothing, and that is no reason to end.
        .log_internal_errors(false);
    let filter = filter(options, usual);
    match options.format() {
        Format::Text => lines.with_target(false).with_filter(filter).boxed(),
        Format::Json => lines.json().flatten_event(true).with_span_list(false).with_filter(filter).boxed(),
    }
}

fn filter(options: &LogOptions, usual: &str) -> EnvFilter {
    let mut filter = EnvFilter::new(options.level().unwrap_or(usual));
    for silent in SILENT.iter().filter_map(|silent| silent.parse().ok()) {
        filter = filter.add_directive(silent);
    }
    filter
}

/// None where nothing is kept, or where the data directory cannot be used: the command itself says that, and what to do.
fn folder_of(cli: &Cli) -> Option<PathBuf> {
    let dir = DataDir::open(cli.keeps_logs_in()?).ok()?;
    Some(dir.logs())
}
