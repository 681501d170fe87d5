//! `etiqa token`.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;
use etiqa_engine::access::{token_create, token_find, token_list, token_revoke};
use etiqa_engine::{Engine, Result};
use etiqa_model::user::Role;

use super::output;

/// Manage API tokens
#[derive(Debug, Subcommand)]
#[command(after_help = "Example: etiqa token list")]
pub(crate) enum Token {
    /// Make a token and print it; it is never shown again
    #[command(after_help = "Example: etiqa token create monitoring --role viewer --expires 365")]
    Create {
        /// Its name
        name: String,
        /// viewer, operator or admin
        #[arg(long, value_parser = Role::parse)]
        role: Role,
        /// Devices that it sees and acts on, site:NAME or tag:NAME; again for more, all of them when not given
        #[arg(long, value_name = "SCOPE")]
        scope: Vec<String>,
        /// Days until it stops working; never when not given
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3650))]
        expires: Option<u32>,
        /// The token with its secret, as JSON
        #[arg(long)]
        json: bool,
    },
    /// List the tokens
    #[command(after_help = "Example: etiqa token list --json")]
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a token useless at once
    #[command(after_help = "Example: etiqa token revoke monitoring")]
    Revoke {
        /// Its name
        name: String,
    },
}

impl Token {
    pub(super) async fn run(self, engine: &Arc<Engine>) -> Result<ExitCode> {
        let db = &engine.db;
        match self {
            Self::Create { name, role, scope, expires, json } => {
                let token = token_create(db, &name, super::reach(role, &scope)?, expires).await?;
                if json {
                    output::print_json(&token)?;
                } else {
                    output::print(token.secret.reveal());
                }
            }
            Self::List { json: true } => output::print_json(&token_list(db).await?)?,
            Self::List { json: false } => {
                let mut table =
                    vec![["NAME", "ROLE", "SCOPE", "EXPIRES", "LAST USED"].map(str::to_owned).to_vec()];
                for token in token_list(db).await? {
                    let expires =
                        token.expires_at.map_or_else(|| "never".to_owned(), |at| output::time(Some(at)));
                    table.push(vec![
                        token.name,
                        token.role.to_string(),
                        token.scope.words(),
                        expires,
                        output::time(token.last_used_at),
                    ]);
                }
                output::print_table(&table);
            }
            Self::Revoke { name } => token_revoke(db, token_find(db, &name).await?.id).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
