//! An archive on its way back: it grows under a hidden name that nobody else has, and goes when nobody wants it any more.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

use etiqa_model::RunId;
use tempfile::{Builder, NamedTempFile};
use tokio::task::spawn_blocking;

use crate::engine::Engine;

const MIDDLE: &str = ".bring-";
const ENDING: &str = ".part";

/// Makes the file that the archive of a run grows in. It goes when this is dropped; where the process is killed before,
/// [`sweep`] removes it: only who lives holds its lock.
pub(super) fn make_part(folder: &Path, run: RunId) -> io::Result<NamedTempFile> {
    let begin = format!(".run-{run}{MIDDLE}");
    loop {
        let part = Builder::new().prefix(&begin).suffix(ENDING).tempfile_in(folder)?;
        // A sweep may have been faster than the lock. Where a file system knows no locks, nothing is swept either.
        let is_swept = matches!(part.as_file().try_lock(), Err(TryLockError::WouldBlock));
        if !is_swept && part.path().exists() {
            return Ok(part);
        }
    }
}

/// Removes what killed processes left. What cannot be removed just now is tried again the next time.
pub(super) async fn sweep(engine: &Engine) {
    let folder = engine.dir.backups();
    let swept = spawn_blocking(move || sweep_folder(&folder)).await.map_err(io::Error::other);
    if let Err(error) = swept.and_then(|swept| swept) {
        tracing::warn!(%error, "archives that were cut off on their way back could not be removed");
    }
}

fn sweep_folder(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if is_part(&entry.file_name().to_string_lossy()) {
            remove_unless_held(&entry.path())?;
        }
    }
    Ok(())
}

/// Whether a name is one of ours; what else a person put into the folder is theirs.
fn is_part(name: &str) -> bool {
    name.starts_with(".run-") && name.contains(MIDDLE) && name.ends_with(ENDING)
}

fn remove_unless_held(path: &Path) -> io::Result<()> {
    let gone_is_fine = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    };
    let file = match File::options().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) => return gone_is_fine(error),
    };
    match file.try_lock() {
        Ok(()) => fs::remove_file(path).or_else(gone_is_fine),
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn parts_of_the_dead_go_and_those_of_the_living_and_other_files_stay() {
        let folder = tempfile::tempdir().unwrap();
        for name in [".run-7.bring-dead.part", ".run-8.part", "daily.zip"] {
            fs::write(folder.path().join(name), "half").unwrap();
        }
        let living = make_part(folder.path(), RunId(7)).unwrap();
        let second = make_part(folder.path(), RunId(7)).unwrap();
        assert_ne!(living.path(), second.path(), "each has a name of its own");
        sweep_folder(folder.path()).unwrap();
        assert!(living.path().exists() && second.path().exists());
        drop((living, second));
        assert_eq!(names(folder.path()), [".run-8.part", "daily.zip"]);
    }
}
