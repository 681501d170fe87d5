//! Files that people name for a command to read, and why one could not be.

use std::io::{self, Read};
use std::path::Path;

use etiqa_model::UserError;

use crate::owner::has_given_up_root;

/// All of a file, or of standard input where that is a hyphen.
pub(super) async fn read(file: &Path) -> Result<Vec<u8>, UserError> {
    let read = if file.as_os_str() == "-" {
        let read = tokio::task::spawn_blocking(|| {
            let mut content = Vec::new();
            io::stdin().lock().read_to_end(&mut content).map(|_| content)
        });
        read.await.map_err(io::Error::other).and_then(|content| content)
    } else {
        tokio::fs::read(file).await
    };
    read.map_err(|error| unread("file", file, &error))
}

/// Refuses a file that cannot be opened, before somebody else reads it.
pub(super) async fn check(file: &Path) -> Result<(), UserError> {
    tokio::fs::File::open(file).await.map(drop).map_err(|error| unread("file", file, &error))
}

/// Says that a file, which is `what`, cannot be read.
pub(super) fn unread(what: &str, file: &Path, error: &io::Error) -> UserError {
    let why = as_owner(error);
    UserError::invalid(format!("The {what} {} cannot be read: {error}.{why}", file.display()))
}

/// What whoever is root would else wonder about.
pub(super) fn as_owner(error: &io::Error) -> &'static str {
    if error.kind() == io::ErrorKind::PermissionDenied && has_given_up_root() {
        " It was asked for as the owner of the data directory: see \"As root\" in command-line.md."
    } else {
        ""
    }
}
