//! `etiqa user`.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;
use etiqa_engine::access::{second_factor_reset, user_add, user_change, user_find, user_list, user_remove};
use etiqa_engine::{Engine, Result};
use etiqa_model::UserError;
use etiqa_model::user::{Reach, Role};

use super::output;

/// Manage the people who can sign in
#[derive(Debug, Subcommand)]
#[command(after_help = "Example: etiqa user list")]
pub(crate) enum User {
    /// Add a user; the password comes from a line of standard input
    #[command(
        after_help = "Examples: printf '%s\\n' \"$PASSWORD\" | etiqa user add anna --role admin --password-stdin\n          \
                  etiqa user add bert --role operator --scope site:vienna --scope tag:core"
    )]
    Add {
        /// Their name
        name: String,
        /// viewer, operator or admin
        #[arg(long, value_parser = Role::parse)]
        role: Role,
        /// Devices that they see and act on, site:NAME or tag:NAME; again for more, all of them when not given
        #[arg(long, value_name = "SCOPE")]
        scope: Vec<String>,
        /// Changes nothing: the password comes from standard input anyway
        #[arg(long = "password-stdin")]
        _password_stdin: bool,
    },
    /// Change a user's password; their sessions end
    #[command(after_help = "Example: etiqa user passwd anna")]
    Passwd {
        /// Their name
        name: String,
        /// Changes nothing: the password comes from standard input anyway
        #[arg(long = "password-stdin")]
        _password_stdin: bool,
    },
    /// Forget a user's second factor, where their phone is lost; their sessions end
    #[command(alias = "reset_totp", after_help = "Example: etiqa user reset-totp anna")]
    ResetTotp {
        /// Their name
        name: String,
    },
    /// List the users
    #[command(after_help = "Example: etiqa user list --json")]
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove a user
    #[command(after_help = "Example: etiqa user remove anna")]
    Remove {
        /// Their name
        name: String,
    },
}

impl User {
    pub(super) async fn run(self, engine: &Arc<Engine>) -> Result<ExitCode> {
        let db = &engine.db;
        match self {
            Self::Add { name, role, scope, .. } => {
                let reach = super::reach(role, &scope)?;
                let password = output::read_secret(&format!("the password of {name}")).await?;
                user_add(db, &name, reach, &password).await?;
            }
            Self::Passwd { name, .. } => {
                let user = user_find(db, &name).await?;
                let password = output::read_secret(&format!("the new password of {}", user.name)).await?;
                if password.is_empty() {
                    return Err(UserError::invalid("The new password is empty.").into());
                }
                let reach = Reach::new(user.role, user.scope).map_err(UserError::invalid)?;
                user_change(db, user.id, reach, &password).await?;
            }
            Self::ResetTotp { name } => second_factor_reset(db, user_find(db, &name).await?.id).await?,
            Self::List { json: true } => output::print_json(&user_list(db).await?)?,
            Self::List { json: false } => {
                let head = ["NAME", "ROLE", "SCOPE", "TOTP", "LAST SIGN-IN"];
                let mut table = vec![head.map(str::to_owned).to_vec()];
                for user in user_list(db).await? {
                    let totp = if user.second_factor_since.is_some() { "yes" } else { "no" };
                    let (role, scope) = (user.role.to_string(), user.scope.words());
                    let last = output::time(user.last_sign_in_at);
                    table.push(vec![user.name, role, scope, totp.to_owned(), last]);
                }
                output::print_table(&table);
            }
            Self::Remove { name } => user_remove(db, user_find(db, &name).await?.id).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
