//! The command line as it is read: what the types say, each command under its underscore name as well, each option as an
//! environment variable.

use clap::{Command, CommandFactory};

use super::{Cli, environment};

/// All of it, without what a file of settings says.
pub(super) fn tree() -> Command {
    environment::with_variables(with_underscores(Cli::command()))
}

/// `run-backups` is `run_backups`, too: as it is called elsewhere, and as people type it.
fn with_underscores(command: Command) -> Command {
    command.mut_subcommands(|below| {
        let below = with_underscores(below);
        let underscored = below.get_name().replace('-', "_");
        if underscored == below.get_name() || below.get_all_aliases().any(|alias| alias == underscored) {
            return below;
        }
        below.alias(underscored)
    })
}

#[cfg(test)]
mod tests;
