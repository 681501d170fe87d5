//! What a use case of the engine can fail with. Edges turn it into a [`UserError`] and log the rest, once.

use std::io;

use etiqa_model::{DeviceId, ErrorKind, UserError};
use thiserror::Error;

use crate::db::DbError;
use crate::vault::VaultError;

/// Why a use case did not do what was asked.
#[derive(Debug, Error)]
pub enum Error {
    /// The person asked for something that cannot be; the sentence says what to do.
    #[error("{0}")]
    User(#[from] UserError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// A secret could not be sealed or opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// A file of the data directory.
    #[error("{what}: {source}")]
    Io {
        /// What was being done, for the log.
        what: String,
        /// The system's answer.
        source: io::Error,
    },
    /// A text in the database.
    #[error(transparent)]
    DamagedText(#[from] DamagedText),
}

/// A stored text that is not what its device gave: the database's file lost or changed some of it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "The stored text of {file} is damaged, so that no archive holds it. It is stored anew when its device is collected \
     next; run this backup again then."
)]
pub struct DamagedText {
    /// Whose.
    pub device: DeviceId,
    /// `running`, `startup`, …
    pub part: String,
    /// The entry of the archive that it was to be.
    pub file: String,
}

/// What use cases return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Db(error.into())
    }
}

impl Error {
    /// Says what was being done when a file failed.
    pub fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// Whether nothing can be read or stored any more.
    pub(crate) fn is_lost_database(&self) -> bool {
        matches!(self, Self::Db(error) if error.is_lost())
    }

    /// What a person is told. Everything that is not their doing is logged here, once, and becomes one sentence.
    pub fn into_user_error(self) -> UserError {
        match self {
            Self::User(error) => error,
            Self::Db(DbError::Open(message)) => UserError::new(ErrorKind::Unavailable, message),
            Self::Db(error) if error.is_lost() => {
                tracing::error!(%error, "the database does not answer");
                let message = "The database does not answer. Try again in a moment; if that goes on, see whether its \
                               server runs.";
                UserError::new(ErrorKind::Unavailable, message)
            }
            Self::Vault(error @ (VaultError::Foreign | VaultError::KeyFile { .. })) => {
                UserError::new(ErrorKind::Conflict, error.to_string())
            }
            Self::DamagedText(damaged) => {
                tracing::error!(device = %damaged.device, part = %damaged.part, "{damaged}");
                UserError::new(ErrorKind::Unavailable, damaged.to_string())
            }
            Self::Io { what, source } if source.kind() == io::ErrorKind::StorageFull => {
                tracing::error!(%what, error = %source, "the disk is full");
                UserError::new(ErrorKind::Unavailable, "The disk is full. Free some space, then try again.")
            }
            other => {
                tracing::error!(error = %other, "a request failed");
                UserError::internal()
            }
        }
    }
}
