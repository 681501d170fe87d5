//! Another folder of this machine, such as a mounted share.
//!
//! A share that is not mounted looks like an empty folder, and copies would fill the local disk. So a small file is left
//! in the folder the first time; where it is missing later, nothing is written.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use tokio::task::spawn_blocking;

use super::place::{Doing, Headway, Pieces, Place, PlaceError};
use crate::files::{rename_without_replacing, sync_folder};
use crate::hex::to_hex;

/// The file that tells one folder from another.
const MARKER: &str = ".etiqa-destination";
/// Bytes of that file that are read; ours has 33.
const LONGEST_MARKER: u64 = 256;
/// Bytes that are copied at once.
const PIECE: usize = 1 << 18;

/// A folder that is there.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Looks whether the folder is the one that copies were sent to before, where that is known. Gives what marks it; none:
    /// it is another one.
    pub(super) async fn open(path: &str, known: Option<&str>) -> Result<Option<(Self, String)>, PlaceError> {
        let (path, known) = (PathBuf::from(path), known.map(str::to_owned));
        off_runtime(move || {
            let marker = mark(&path, known.as_deref())?;
            Ok(marker.map(|marker| (Self { path }, marker)))
        })
        .await
    }
}

/// Why nothing is written to a folder that is not the known one.
pub(super) fn other_folder(path: &str) -> PlaceError {
    PlaceError::temporary(format!(
        "{path} is not the folder that copies were sent to before: the file {MARKER} is missing in it or another one. Is \
         the share mounted? If this folder is to take its place, an admin accepts it: on the page of the destinations, or \
         by `etiqa destination accept`."
    ))
}

/// What marks the folder; none where that is something else than what is known. One that is not known yet is marked.
fn mark(path: &Path, known: Option<&str>) -> Result<Option<String>, PlaceError> {
    let shown = path.display();
    if !path.is_dir() {
        return Err(PlaceError::temporary(format!("The folder {shown} is not there. Is the share mounted?")));
    }
    let file = path.join(MARKER);
    let found = match read_marker(&file) {
        Ok(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(trouble(&error, "The folder cannot be read")),
    };
    match (found, known) {
        (found, Some(known)) => Ok(found.filter(|found| found == known)),
        (Some(found), None) => Ok(Some(found)),
        (None, None) => {
            let mut unique = [0_u8; 16];
            rand::fill(&mut unique);
            let unique = to_hex(&unique);
            let written = File::create_new(&file).and_then(|mut file| {
                file.write_all(format!("{unique}\n").as_bytes())?;
                file.sync_all()
            });
            written.map_err(|error| trouble(&error, "The folder cannot be written to"))?;
            Ok(Some(unique))
        }
    }
}

fn read_marker(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(file)?.take(LONGEST_MARKER).read_to_string(&mut text)?;
    Ok(text)
}

/// A new file that nobody else may read, in place of what has its name: a link there is not followed.
fn create_anew(path: &Path) -> io::Result<File> {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

impl Place for Folder {
    fn can_rename(&self) -> bool {
        true
    }

    fn write<'a>(&'a self, name: &'a str, file: &'a Path, headway: &'a Headway) -> Doing<'a, ()> {
        Box::pin(async move {
            let (from, to) = (file.to_owned(), self.path.join(name));
            // In pieces, each off the runtime: a share that hangs holds up one thread, and a stop is heard in between.
            let (mut from, mut to) = off_runtime(move || {
                let from = File::open(from).map_err(|error| {
                    PlaceError::one_file(format!("The archive cannot be read here: {error}."))
                })?;
                let to =
                    create_anew(&to).map_err(|error| trouble(&error, "The folder cannot be written to"))?;
                Ok((from, to))
            })
            .await?;
            loop {
                headway.step()?;
                let (read, rest) = off_runtime(move || {
                    let mut piece = Vec::with_capacity(PIECE);
                    let read = (&mut from).take(PIECE as u64).read_to_end(&mut piece).map_err(|error| {
                        PlaceError::one_file(format!("The archive cannot be read here: {error}."))
                    })?;
                    to.write_all(&piece).map_err(|error| trouble(&error, "The copy could not be written"))?;
                    if read == 0 {
                        to.sync_all().map_err(|error| trouble(&error, "The copy could not be written"))?;
                    }
                    Ok((read, (from, to)))
                })
                .await?;
                if read == 0 {
                    return Ok(());
                }
                (from, to) = rest;
            }
        })
    }

    fn rename<'a>(&'a self, from: &'a str, to: &'a str) -> Doing<'a, bool> {
        let (from, to) = (self.path.join(from), self.path.join(to));
        let folder = self.path.clone();
        Box::pin(off_runtime(move || match rename_without_replacing(&from, &to) {
            Ok(()) => {
                sync_folder(&folder)
                    .map_err(|error| trouble(&error, "The folder could not be written to"))?;
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(trouble(&error, "The copy could not be given its name")),
        }))
    }

    fn size_of<'a>(&'a self, name: &'a str) -> Doing<'a, Option<u64>> {
        let path = self.path.join(name);
        Box::pin(off_runtime(move || match fs::symlink_metadata(path) {
            Ok(found) => Ok(Some(found.len())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(trouble(&error, "The folder cannot be read")),
        }))
    }

    fn read<'a>(&'a self, name: &'a str) -> Doing<'a, Pieces<'a>> {
        let path = self.path.join(name);
        Box::pin(async move {
            let file = off_runtime(move || {
                File::open(path).map_err(|error| trouble(&error, "The copy cannot be read"))
            });
            let pieces = futures::stream::try_unfold(file.await?, |mut file| {
                off_runtime(move || {
                    let mut piece = Vec::with_capacity(PIECE);
                    let read = (&mut file).take(PIECE as u64).read_to_end(&mut piece);
                    read.map_err(|error| trouble(&error, "The copy cannot be read"))?;
                    Ok((!piece.is_empty()).then_some((piece, file)))
                })
            });
            Ok(Box::pin(pieces) as Pieces<'a>)
        })
    }

    fn delete<'a>(&'a self, name: &'a str) -> Doing<'a, ()> {
        let path = self.path.join(name);
        Box::pin(off_runtime(move || match fs::remove_file(path) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(trouble(&error, "The copy cannot be deleted")),
        }))
    }
}

async fn off_runtime<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PlaceError> + Send + 'static,
) -> Result<T, PlaceError> {
    spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(PlaceError::temporary(format!("It broke off: {error}."))))
}

fn trouble(error: &io::Error, what: &str) -> PlaceError {
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => PlaceError::permanent(format!(
            "{what}: this user may not. Make the folder writable for the user that the program runs as."
        )),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            PlaceError::temporary(format!("{what}: there is no room left."))
        }
        _ => PlaceError::temporary(format!("{what}: {error}.")),
    }
}
