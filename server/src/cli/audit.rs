//! `etiqa audit`.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use etiqa_engine::{Engine, Error, Result, audit};
use etiqa_model::audit::{AuditFilter, AuditFormat, AuditOutcome, AuditRow, ChainState};
use etiqa_model::shown::harmless;

use super::{exit, output};

/// Look at the audit log
#[derive(Debug, Subcommand)]
#[command(after_help = "Example: etiqa audit list --limit 20")]
pub(crate) enum Audit {
    /// Read all of it and say whether it is whole
    #[command(
        after_help = "It ends with 1 where a row was changed, removed or put there, and names the first one; and where the \
                      log was not signed by this instance.\n\nExample: etiqa audit check"
    )]
    Check {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Sign it as it is
    #[command(
        after_help = "For a log that was restored without its key: until a person signs it, nobody can tell it from one that \
                      was forged. One whose rows do not fit together is not signed.\n\nExample: etiqa audit sign"
    )]
    Sign {
        /// What was found before, as JSON
        #[arg(long)]
        json: bool,
    },
    /// List the newest acts
    #[command(after_help = "Example: etiqa audit list --who ada --what device --from 2026-11-01")]
    List {
        #[command(flatten)]
        narrowed: Narrowed,
        /// How many at most
        #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Write it out, oldest first
    #[command(after_help = "Example: etiqa audit export --format csv --from 2026-11-01 > audit.csv")]
    Export {
        #[command(flatten)]
        narrowed: Narrowed,
        /// csv or jsonl
        #[arg(long, default_value = "jsonl", value_parser = AuditFormat::parse)]
        format: AuditFormat,
    },
}

/// Which acts; days are UTC.
#[derive(Debug, Clone, Args)]
pub(crate) struct Narrowed {
    /// Only by this user, token or user of the operating system
    #[arg(long, value_name = "NAME")]
    who: Option<String>,
    /// Only on a kind of thing (device), or only one act (device.change)
    #[arg(long, value_name = "KIND")]
    what: Option<String>,
    /// Only on what has this name
    #[arg(long, value_name = "NAME")]
    on: Option<String>,
    /// done or refused
    #[arg(long, value_parser = AuditOutcome::parse)]
    result: Option<AuditOutcome>,
    /// From this day on, such as 2026-11-01
    #[arg(long, value_name = "DAY")]
    from: Option<String>,
    /// Up to this day
    #[arg(long, value_name = "DAY")]
    to: Option<String>,
    /// Only those with this text in them
    #[arg(long)]
    text: Option<String>,
}

impl Narrowed {
    fn filter(self) -> AuditFilter {
        AuditFilter {
            who: self.who.unwrap_or_default(),
            what: self.what.unwrap_or_default(),
            object: self.on.unwrap_or_default(),
            outcome: self.result,
            from: self.from,
            to: self.to,
            text: self.text.unwrap_or_default(),
        }
    }
}

impl Audit {
    pub(super) async fn run(self, engine: &Arc<Engine>) -> Result<ExitCode> {
        match self {
            Self::Check { json } => check(engine, json).await,
            Self::Sign { json } => sign(engine, json).await,
            Self::List { narrowed, limit, json } => list(engine, &narrowed.filter(), limit, json).await,
            Self::Export { narrowed, format } => export(engine, narrowed.filter(), format).await,
        }
    }
}

async fn check(engine: &Engine, json: bool) -> Result<ExitCode> {
    let chain = audit::check(engine).await?;
    if json {
        output::print_json(&chain)?;
    } else {
        output::print(&told(&chain));
    }
    Ok(exit(chain.is_whole()))
}

async fn sign(engine: &Engine, json: bool) -> Result<ExitCode> {
    let found = audit::sign(engine).await?;
    if json {
        output::print_json(&found)?;
    } else if found.is_whole() {
        output::print("The audit log is whole and signed by this instance: nothing to do.");
    } else {
        output::print(&format!("It was: {}", told(&found)));
        output::print(
            "✅ The audit log is signed as it is. `etiqa audit check` holds it to that from now on.",
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn told(chain: &ChainState) -> String {
    let foreign = match chain.foreign_checkpoints {
        0 => String::new(),
        count => format!(
            " Checkpoints that were signed with another key than this instance's, and prove nothing: {}. Whoever knows that \
             it was restored says `etiqa audit sign`.",
            output::count(count)
        ),
    };
    match &chain.broken {
        Some(broken) => {
            format!("❌ The audit log is not whole. Row {}: {}{foreign}", broken.row, broken.problem)
        }
        None if !chain.is_whole() => format!("❌ The audit log is not signed.{foreign}"),
        None => format!(
            "✅ The audit log is whole: {} rows up to row {}.",
            output::count(chain.checked),
            chain.up_to
        ),
    }
}

async fn list(engine: &Engine, filter: &AuditFilter, limit: u32, json: bool) -> Result<ExitCode> {
    let mut rows: Vec<AuditRow> = Vec::new();
    let mut before = None;
    while rows.len() < limit as usize {
        let page = audit::find(engine, filter, before, "UTC").await?;
        rows.extend(page.rows);
        before = page.older;
        if before.is_none() {
            break;
        }
    }
    rows.truncate(limit as usize);
    if json {
        output::print_json(&rows)?;
        return Ok(ExitCode::SUCCESS);
    }
    let head = ["ROW", "WHEN", "WHO", "HOW", "FROM", "WHAT", "ON WHAT", "RESULT"];
    let mut table = vec![head.map(str::to_owned).to_vec()];
    for row in rows {
        let words = row.words.map(|words| format!(": {words}")).unwrap_or_default();
        table.push(vec![
            row.id.to_string(),
            output::time(Some(row.at)),
            row.who,
            row.means,
            row.address.unwrap_or_default(),
            row.action,
            row.object,
            format!("{}{words}", row.outcome.as_str()),
        ]);
    }
    output::print_table(&table);
    Ok(ExitCode::SUCCESS)
}

async fn export(engine: &Arc<Engine>, filter: AuditFilter, format: AuditFormat) -> Result<ExitCode> {
    let mut pieces = audit::export(engine, filter, "UTC", format).await?;
    let is_shown = io::stdout().is_terminal();
    while let Some(piece) = pieces.recv().await {
        let mut piece = piece?;
        if is_shown {
            // A piece ends with a line. A table has no way to write what a terminal would obey but as it is.
            let text = String::from_utf8_lossy(&piece).replace("\r\n", "\n");
            piece = harmless(&text).into_bytes();
        }
        match io::stdout().lock().write_all(&piece) {
            Ok(()) => {}
            // Nobody reads any more.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break,
            Err(error) => return Err(Error::io("writing the audit log")(error)),
        }
    }
    Ok(ExitCode::SUCCESS)
}
