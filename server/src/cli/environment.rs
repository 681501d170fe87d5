//! Every option is an environment variable as well: `--data-dir` is `ETIQA_DATA_DIR`, and `--zone` of
//! `backup-config add` is `ETIQA_BACKUP_CONFIG_ADD_ZONE`.
//!
//! The options of a command have the command in their names: what is set for one command must not change another.

use clap::Command;

/// The command line with a variable for every option that names none itself.
pub(super) fn with_variables(command: Command) -> Command {
    named(command, "ETIQA")
}

fn named(command: Command, prefix: &str) -> Command {
    let command = command.mut_args(|argument| {
        let Some(option) = argument.get_long().map(upper) else { return argument };
        if argument.get_env().is_some() || matches!(option.as_str(), "HELP" | "VERSION") {
            return argument;
        }
        // It is a line of README, not of every option's help.
        argument.env(format!("{prefix}_{option}")).hide_env(true)
    });
    let prefix = prefix.to_owned();
    command.mut_subcommands(move |below| {
        let name = upper(below.get_name());
        named(below, &format!("{prefix}_{name}"))
    })
}

fn upper(name: &str) -> String {
    name.replace('-', "_").to_uppercase()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn every_option_is_a_variable_and_no_two_are_the_same() {
        let mut command = with_variables(Cli::command());
        command.build();
        let (mut options, mut names) = (0, std::collections::BTreeSet::new());
        visit(&command, &mut |argument, is_global| {
            if argument.get_long().is_some_and(|long| !matches!(long, "help" | "version")) && !is_global {
                options += 1;
                names.insert(argument.get_env().unwrap().to_owned());
            }
        });
        assert!(options > 50, "{options}");
        assert_eq!(names.len(), options);
        assert!(names.contains(std::ffi::OsStr::new("ETIQA_BACKUP_CONFIG_ADD_ZONE")));
        assert!(names.contains(std::ffi::OsStr::new("ETIQA_LISTEN")));
    }

    /// Global options are repeated in every command; they count where they are first.
    fn visit(command: &Command, see: &mut dyn FnMut(&clap::Arg, bool)) {
        let is_root = command.get_name() == "etiqa";
        for argument in command.get_arguments() {
            see(argument, argument.is_global_set() && !is_root);
        }
        for below in command.get_subcommands() {
            visit(below, see);
        }
    }
}
