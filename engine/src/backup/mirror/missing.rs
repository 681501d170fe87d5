//! What a remote lacks, as one pack in a file that has no name: its length is known, and no thread waits for a network.

use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};
use std::path::Path;

use git2::{Oid, Repository};

use crate::files::folder_of;

/// Branches and tags of the remote that are looked at to find out what it has.
const MOST_KNOWN: usize = 1_000;

/// Why there is no pack.
pub(super) enum NoPack {
    Git(git2::Error),
    Io(io::Error),
}

impl From<git2::Error> for NoPack {
    fn from(error: git2::Error) -> Self {
        Self::Git(error)
    }
}

/// Everything that the commit `new` needs and those in `theirs` do not; the file is at its beginning.
pub(super) fn pack_missing(
    repo: &Repository,
    new: Oid,
    theirs: impl Iterator<Item = Oid>,
) -> Result<(File, u64), NoPack> {
    let mut walk = repo.revwalk()?;
    walk.push(new)?;
    for known in theirs.take(MOST_KNOWN) {
        // Those that are not here, or are no commits, say nothing.
        if repo.find_commit(known).is_ok() {
            walk.hide(known)?;
        }
    }
    let mut builder = repo.packbuilder()?;
    builder.set_threads(0);
    builder.insert_walk(&mut walk)?;
    let mut file = BufWriter::new(unnamed_beside(repo.path()).map_err(NoPack::Io)?);
    let mut failed = None;
    let built = builder.foreach(|bytes| match file.write_all(bytes) {
        Ok(()) => true,
        Err(error) => {
            failed = Some(error);
            false
        }
    });
    if let Some(error) = failed {
        return Err(NoPack::Io(error));
    }
    built?;
    let mut file = file.into_inner().map_err(|error| NoPack::Io(error.into_error()))?;
    let length = file.stream_position().and_then(|length| file.rewind().map(|()| length));
    Ok((file, length.map_err(NoPack::Io)?))
}

/// The system removes it with its last handle.
fn unnamed_beside(repository: &Path) -> io::Result<File> {
    tempfile::tempfile_in(folder_of(repository))
}
