//! `etiqa key` and `etiqa recovery-kit`.

use std::process::ExitCode;

use clap::Subcommand;
use etiqa_engine::db::DbKind;
use etiqa_engine::{Engine, Error, Result, machines, recovery};
use etiqa_model::UserError;

use super::output;

/// Manage the key that seals every secret
#[derive(Debug, Subcommand)]
#[command(after_help = "Example: etiqa key rotate")]
pub(crate) enum Key {
    /// Replace the key and seal every secret anew; needs the server stopped
    #[command(
        after_help = "Take a new recovery kit afterwards: `etiqa recovery-kit`.\n\nExample: etiqa key rotate"
    )]
    Rotate {
        /// Where the old key is, as JSON
        #[arg(long)]
        json: bool,
    },
}

impl Key {
    pub(super) async fn run(self, engine: &Engine) -> Result<ExitCode> {
        let Self::Rotate { json } = self;
        // Held to the end: no server may start meanwhile with the old key.
        let lock = engine.dir.lock_for_server().map_err(Error::io("taking the server's lock"))?;
        let is_served = match engine.db.kind() {
            DbKind::Sqlite => lock.is_none(),
            DbKind::Postgres => machines::is_any_alive(engine).await?,
        };
        if is_served {
            let message = "A server or a worker uses this database, and holds the old key: stop it first, then rotate the key.";
            return Err(UserError::conflict(message).into());
        }
        if !engine.is_alone()? {
            let message = "Another command of etiqa is running, and holds the old key: let it end first, then rotate the key.";
            return Err(UserError::conflict(message).into());
        }
        let old = recovery::rotate_key(engine).await?;
        if json {
            output::print_json(&serde_json::json!({ "old_key": old.display().to_string() }))?;
            return Ok(ExitCode::SUCCESS);
        }
        output::print(&format!(
            "The key was replaced, and every secret is sealed anew. The old key is {}: archives made before need it. Take a \
             new recovery kit: `etiqa recovery-kit`.",
            old.display()
        ));
        Ok(ExitCode::SUCCESS)
    }
}

/// Prints the recovery kit on stdout, and nothing else there.
pub(super) async fn recovery_kit(engine: &Engine) -> Result<ExitCode> {
    let kit = recovery::take_kit(engine, "the command line").await?;
    output::print_text(kit.reveal());
    output::say("Keep it where neither this machine nor its archives are.");
    Ok(ExitCode::SUCCESS)
}
