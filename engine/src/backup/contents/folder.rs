//! `media/` and `logs/`: a folder's files under names that are safe on every system.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use etiqa_model::{ErrorKind, UserError};
use tokio::task::spawn_blocking;

use super::super::archive::names::PathNames;
use super::super::archive::writer::ArchiveWriter;
use crate::collect::INCOMING_PREFIX;
use crate::error::{Error, Result};
use crate::hex::to_hex;

/// Every plain file below `folder`, and `others` as if they were there (where each would be, and where it is), under
/// `prefix/`; gives how many. Links are not followed; a file that vanishes is passed over, one that cannot be read is said:
/// an archive without it would look whole.
pub(super) async fn write_folder(
    archive: &ArchiveWriter,
    folder: &Path,
    prefix: &'static str,
    others: Vec<(PathBuf, PathBuf)>,
) -> Result<u64> {
    let mut count = 0;
    let root = folder.to_owned();
    let files = spawn_blocking(move || plain_files(&root)).await.map_err(io::Error::other);
    let mut names = PathNames::default();
    let files = files.map_err(Error::io("listing files for an archive"))??;
    let here = files.into_iter().map(|relative| {
        let path = folder.join(&relative);
        (relative, path)
    });
    let mut files: Vec<(PathBuf, PathBuf)> = here.chain(others).collect();
    files.sort();
    for (relative, path) in files {
        let file = match tokio::fs::File::open(&path).await {
            Ok(file) => file.into_std().await,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(unreadable(prefix, &relative, &error).into()),
        };
        let name = names.take(prefix, &relative);
        let original = in_words(&relative);
        let differs = name.split_once('/').is_none_or(|(_, below)| below != original);
        let explain = move |error| explained(prefix, &relative, error);
        archive.add_file(name, differs.then_some(original), file, explain).await?;
        count += 1;
    }
    Ok(count)
}

/// A full disk is the archive's trouble, all else is the file's.
fn explained(prefix: &str, relative: &Path, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::StorageFull => Error::io("packing a file")(error),
        _ => unreadable(prefix, relative, &error).into(),
    }
}

fn unreadable(prefix: &str, relative: &Path, error: &io::Error) -> UserError {
    let message = format!(
        "{prefix}/{} cannot be read: {error}. Make it readable for the program, or leave {prefix} out of this backup.",
        relative.display()
    );
    UserError::new(ErrorKind::Unavailable, message)
}

/// A path as the manifest says it, and as it comes back: itself. Of one that is no text, each byte that is none is
/// written as `%ff`, so that two of them do not come back as one.
fn in_words(path: &Path) -> String {
    if let Some(text) = path.to_str() {
        return text.to_owned();
    }
    let mut words = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        words.push_str(&chunk.valid().replace('%', "%25"));
        for byte in chunk.invalid() {
            words.push('%');
            words.push_str(&to_hex(&[*byte]));
        }
    }
    words
}

/// Paths of plain files below `root`, relative to it, sorted.
fn plain_files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let failed = |error: io::Error| {
            let message =
                format!("{} cannot be read: {error}. Make it readable for the program.", folder.display());
            UserError::new(ErrorKind::Unavailable, message)
        };
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(failed(error).into()),
        };
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file()
                && !is_incoming(&entry.file_name())
                && let Ok(relative) = entry.path().strip_prefix(root)
            {
                files.push(relative.to_owned());
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Whether a file is still on its way in: nobody has half of it in an archive.
fn is_incoming(name: &OsStr) -> bool {
    name.to_string_lossy().starts_with(INCOMING_PREFIX)
}
