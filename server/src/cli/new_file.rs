//! Files that commands write: new ones, which only their owner reads.

use std::io;
use std::path::Path;

use etiqa_engine::{Error, Result};
use etiqa_model::UserError;
use tokio::fs::File;

use super::given_file::as_owner;

/// A file that was not there before.
pub(super) async fn create(path: &Path) -> Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    options.open(path).await.map_err(|error| {
        let message = match error.kind() {
            io::ErrorKind::AlreadyExists => format!("{} exists already: name a new file.", path.display()),
            _ => format!("{} cannot be written: {error}.{}", path.display(), as_owner(&error)),
        };
        UserError::invalid(message).into()
    })
}

/// Copies a file into a new one, which is on the disk when this returns.
pub(super) async fn copy(from: &Path, to: &Path) -> Result<()> {
    let mut source = File::open(from).await.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => UserError::not_found(format!("file {}", from.display())).into(),
        _ => Error::io("opening a file")(error),
    })?;
    let mut target = create(to).await?;
    let copied = async {
        tokio::io::copy(&mut source, &mut target).await?;
        target.sync_all().await
    };
    if let Err(error) = copied.await {
        // Half a file is worth nothing.
        let _ = tokio::fs::remove_file(to).await;
        return Err(UserError::invalid(format!("{} cannot be written: {error}.", to.display())).into());
    }
    Ok(())
}
