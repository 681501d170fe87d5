//! What opens an archive, as the command line says it.

use std::path::PathBuf;

use clap::Args;
use etiqa_engine::Result;
use etiqa_engine::backup::verify::Key;
use etiqa_model::{Secret, UserError};

use super::{given_file, output};

/// What opens an archive.
#[derive(Debug, Args)]
pub(crate) struct Unlock {
    /// Read the archive's passphrase from a line of standard input
    #[arg(long)]
    passphrase_stdin: bool,
    /// An age identity file, or an SSH private key, of one of the archive's recipients
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
}

impl Unlock {
    /// Whether anything was given.
    pub(super) fn is_given(&self) -> bool {
        self.passphrase_stdin || self.identity.is_some()
    }

    /// Reads what was named. With an identity, the passphrase is that of its SSH key.
    pub(super) async fn key(&self) -> Result<Key> {
        let passphrase =
            if self.passphrase_stdin { Some(output::read_secret("the passphrase").await?) } else { None };
        let Some(file) = &self.identity else {
            return Ok(passphrase.map_or(Key::None, Key::Passphrase));
        };
        let text = tokio::fs::read_to_string(file).await;
        let text = text.map_err(|error| given_file::unread("identity file", file, &error))?;
        Ok(Key::from_identity_file(&Secret::new(text), passphrase).map_err(UserError::invalid)?)
    }
}
