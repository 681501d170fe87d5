//! `etiqa notify`.

mod channel;
mod rule;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;
use etiqa_engine::notify;
use etiqa_engine::{Engine, Result};
use etiqa_model::notify::DeliveryState;
use etiqa_model::{DeliveryId, UserError};

pub(crate) use self::channel::Channel;
pub(crate) use self::rule::Rule;
use super::output;

/// Manage what is told to whom, and look at what was
#[derive(Debug, Subcommand)]
#[command(after_help = "Example: etiqa notify deliveries --state failed")]
pub(crate) enum Notify {
    /// Manage the places that messages are sent to
    #[command(subcommand)]
    Channel(Channel),
    /// Manage what is told to which channels
    #[command(subcommand)]
    Rule(Rule),
    /// List messages, newest first, each with its tries
    #[command(after_help = "Example: etiqa notify deliveries --state failed")]
    Deliveries {
        /// Only those that are waiting, sent, failed or dropped
        #[arg(long, value_name = "STATE")]
        state: Option<String>,
        /// Only those before this number
        #[arg(long, value_name = "NUMBER")]
        before: Option<i64>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Try a message again that was not sent
    #[command(after_help = "Example: etiqa notify retry 7")]
    Retry {
        /// Its number, as `etiqa notify deliveries` shows it
        number: i64,
    },
}

impl Notify {
    pub(super) async fn run(self, engine: &Arc<Engine>) -> Result<ExitCode> {
        match self {
            Self::Channel(command) => return command.run(engine).await,
            Self::Rule(command) => command.run(engine).await?,
            Self::Deliveries { state, before, json } => {
                deliveries(engine, state.as_deref(), before, json).await?;
            }
            Self::Retry { number } => notify::retry(engine, DeliveryId(number)).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn deliveries(engine: &Engine, state: Option<&str>, before: Option<i64>, json: bool) -> Result<()> {
    let state = state.map(DeliveryState::parse).transpose().map_err(UserError::invalid)?;
    let page = notify::list_deliveries(engine, state, before.map(DeliveryId)).await?;
    if json {
        return output::print_json(&page.rows);
    }
    for delivery in page.rows {
        output::print(&format!(
            "{}  {}  {}  {}: {}",
            delivery.id,
            output::time(Some(delivery.created_at)),
            delivery.state.label(),
            delivery.channel,
            delivery.title
        ));
        for attempt in &delivery.attempts {
            let outcome = if attempt.is_good { "taken" } else { "not taken" };
            output::print(&format!(
                "    {}  {outcome} after {} ms: {}",
                output::time(Some(attempt.at)),
                attempt.duration_ms,
                attempt.answer
            ));
        }
    }
    if let Some(next) = page.next {
        output::say(&format!("There are older ones: --before {next}."));
    }
    Ok(())
}
