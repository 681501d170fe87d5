//! Files of an archive, written where they belong. Where that is we say; the archive only names them.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Component, Path, PathBuf};

use etiqa_model::UserError;
use sha2::{Digest, Sha256};

use super::super::archive::manifest::{Manifest, ManifestEntry};
use super::super::archive::reader::Archive;
use super::database::refused;
use crate::error::{Error, Result};
use crate::files::sync_folder;
use crate::hex::to_hex;

/// Deflate shrinks nothing to less than a thousandth (RFC 1951, 3.2.5: 258 bytes in two bits); what says it did is made to
/// fill a disk.
const HIGHEST_RATIO: u64 = 1_100;

/// Where an entry of a full restore goes, below the data directory; none: it is in the database already.
pub(super) fn place_of(entry: &ManifestEntry) -> Result<Option<PathBuf>, UserError> {
    let (folder, below) = entry.name.split_once('/').unwrap_or((&entry.name, ""));
    match folder {
        "artifacts" => {
            let sha256 = &entry.sha256;
            let is_hash = sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
            let path = Path::new("artifacts").join(sha256.get(..2).unwrap_or_default()).join(sha256);
            if is_hash { Ok(Some(path)) } else { Err(unsafe_name(&entry.name)) }
        }
        "media" | "logs" => {
            let below = match &entry.original {
                Some(original) => own_path(original)?,
                None => safe_path(below)?,
            };
            Ok(Some(Path::new(folder).join(below)))
        }
        _ => Ok(None),
    }
}

/// The path that a file had here, which this system took once: only what leads elsewhere is refused.
fn own_path(path: &str) -> Result<PathBuf, UserError> {
    if cfg!(unix) {
        let plain: String = path.chars().map(|c| if matches!(c, '\\' | ':') { '_' } else { c }).collect();
        return safe_path(&plain).map(|_| PathBuf::from(path));
    }
    safe_path(path)
}

/// A path that stays below wherever it is put: no root, no `..`, nothing that another system would take for either.
pub(super) fn safe_path(path: &str) -> Result<PathBuf, UserError> {
    let is_plain = |component: Component<'_>| matches!(component, Component::Normal(_));
    let relative = Path::new(path);
    let is_safe =
        !path.is_empty() && !path.contains(['\\', ':', '\0']) && relative.components().all(is_plain);
    if is_safe { Ok(relative.to_owned()) } else { Err(unsafe_name(path)) }
}

fn unsafe_name(name: &str) -> UserError {
    let shown: String = name.chars().take(80).flat_map(char::escape_default).collect();
    UserError::invalid(format!(
        "The archive names a file \"{shown}\", which no archive of this program does."
    ))
}

/// Writes the entries that `place_of` has a place for below `root`; every folder and file is on the disk when this
/// returns. Blocks. Gives how many.
pub(super) fn write_files(
    archive: &Archive,
    manifest: &Manifest,
    root: &Path,
    place_of: impl Fn(&ManifestEntry) -> Result<Option<PathBuf>, UserError>,
) -> Result<u64> {
    let mut zip = archive.open().map_err(Error::io("reading an archive"))?.map_err(refused)?;
    fs::create_dir_all(root).map_err(Error::io("making a folder"))?;
    let mut written = 0;
    for listed in &manifest.entries {
        let Some(place) = place_of(listed)? else { continue };
        let index = zip.index_for_name(&listed.name).ok_or_else(|| unsafe_name(&listed.name))?;
        let mut entry = archive.entry(&mut zip, index).map_err(refused)?;
        if entry.is_symlink() || entry.is_dir() {
            return Err(unsafe_name(&listed.name).into());
        }
        if listed.size / HIGHEST_RATIO > entry.compressed_size().max(1) {
            let message = format!("{} of the archive unpacks to more than it can hold.", listed.name);
            return Err(UserError::invalid(message).into());
        }
        write_file(&mut entry, listed, root, &place)?;
        written += 1;
    }
    Ok(written)
}

fn write_file(entry: &mut impl Read, listed: &ManifestEntry, root: &Path, place: &Path) -> Result<()> {
    let what = || format!("writing {}", place.display());
    let path = root.join(place);
    let folder = path.parent().unwrap_or(root);
    create_folders(root, folder).map_err(Error::io(what()))?;
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = match options.open(&path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // Two devices may have given the same bytes.
            if path.file_name().is_some_and(|name| name == listed.sha256.as_str()) {
                return Ok(());
            }
            let message = format!("{} is there already: name an empty folder.", path.display());
            return Err(UserError::conflict(message).into());
        }
        opened => opened.map_err(Error::io(what()))?,
    };
    let mut file = BufWriter::with_capacity(1 << 17, file);
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 17];
    let mut size = 0;
    loop {
        let read = entry.read(&mut buffer).map_err(Error::io("reading an archive"))?;
        if read == 0 {
            break;
        }
        size += read as u64;
        if size > listed.size {
            break;
        }
        hash.update(&buffer[..read]);
        file.write_all(&buffer[..read]).map_err(Error::io(what()))?;
    }
    if size != listed.size || to_hex(&hash.finalize()) != listed.sha256 {
        let message = format!("{} of the archive is not what the manifest says.", listed.name);
        return Err(UserError::invalid(message).into());
    }
    let file = file.into_inner().map_err(io::IntoInnerError::into_error).map_err(Error::io(what()))?;
    file.sync_all().map_err(Error::io(what()))?;
    sync_folder(folder).map_err(Error::io(what()))
}

/// Makes the folders from `root` down to `folder`, each on the disk.
fn create_folders(root: &Path, folder: &Path) -> io::Result<()> {
    if folder == root || folder.is_dir() {
        return Ok(());
    }
    let above = folder.parent().unwrap_or(root);
    create_folders(root, above)?;
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    sync_folder(above)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_leads_out_of_its_folder_is_refused() {
        for path in [
            "../x",
            "a/../../x",
            "/etc/passwd",
            "",
            ".",
            "C:\\x",
            "a\\..\\b",
            "c:x",
            "a/\0",
            "..",
            "a/./b/../../..",
        ] {
            assert!(safe_path(path).is_err(), "{path:?}");
        }
        for path in ["a", "a/b.txt", "größe/ä b.pdf", "..a", "a..b/c"] {
            assert_eq!(safe_path(path).unwrap(), Path::new(path));
        }
    }
}
