//! `etiqa completions`.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;
use clap_complete::{Shell, generate};

use super::tree;

/// Print what makes a shell complete commands and options
///
/// Where it goes is each shell's own matter; docs/command-line.md has a line for each.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples: etiqa completions bash > ~/.local/share/bash-completion/completions/etiqa\n          \
                  etiqa completions zsh > ~/.zfunc/_etiqa\n          \
                  etiqa completions fish > ~/.config/fish/completions/etiqa.fish\n          \
                  etiqa completions powershell >> $PROFILE"
)]
pub(crate) struct Completions {
    /// For which shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(super) fn print(&self) -> ExitCode {
        // The library panics where its writer fails, as a closed pipe does.
        let mut script = Vec::new();
        generate(self.shell, &mut tree::tree(), "etiqa", &mut script);
        let _ = io::stdout().lock().write_all(&script);
        ExitCode::SUCCESS
    }
}
