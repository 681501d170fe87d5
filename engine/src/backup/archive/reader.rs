//! Opening an archive, whatever it is sealed with; what it says of itself is not believed yet.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use thiserror::Error;
use zip::ZipArchive;
use zip::result::ZipError;

use super::manifest::{FORMAT, MANIFEST, Manifest};
use super::near::Near;
use super::seal::Key;

/// A manifest of a million entries is far below this.
const LARGEST_MANIFEST: u64 = 256 << 20;
/// What a manifest says beside its entries, and of each of them, at most: a path has 4,096 bytes.
const LARGEST_HEAD: u64 = 1 << 20;
const LARGEST_LISTED: u64 = 5 << 10;
/// How every age file begins (<https://age-encryption.org/v1>).
const AGE_MAGIC: &[u8] = b"age-encryption.org/v1\n";

/// Why an archive cannot be opened, or what is wrong with it; one sentence.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// It is no archive of ours.
    #[error("{0}")]
    Foreign(String),
    /// It is sealed with a passphrase, and none was given.
    #[error("It is sealed with a passphrase: give it.")]
    NeedsPassphrase,
    /// Another passphrase than the one that was given.
    #[error("The passphrase does not open it: give the one that it was made with.")]
    WrongPassphrase,
    /// It is sealed for recipients, and no identity was given.
    #[error("It is sealed for age recipients: give the identity file of one of them.")]
    NeedsIdentity,
    /// None of the identities is of one of its recipients.
    #[error("The identity does not open it: it was sealed for other recipients.")]
    WrongIdentity,
    /// A newer version of the program made it.
    #[error("It has format {found}, which is newer than this program knows ({FORMAT}): use a newer version.")]
    Newer {
        /// The archive's format.
        found: u32,
    },
    /// Something in it is not as it was written.
    #[error("{0}")]
    Damaged(String),
}

impl Refusal {
    /// Whether the archive itself is broken, rather than what it was asked with.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Foreign(_) | Self::Damaged(_))
    }
}

/// What an opened archive is read from.
pub(crate) trait Source: Read + Seek + Send {}

impl<T: Read + Seek + Send> Source for T {}

/// An opened archive.
pub(crate) type Zip = ZipArchive<Box<dyn Source>>;

/// An archive that can be opened as often as there are threads to read it.
#[derive(Debug, Clone)]
pub(crate) struct Archive {
    path: PathBuf,
    key: Key,
}

/// An entry that is being read.
pub(crate) type Entry<'a> = zip::read::ZipFile<'a, Box<dyn Source>>;

impl Archive {
    pub(crate) fn new(path: &Path, key: Key) -> Self {
        Self { path: path.to_owned(), key }
    }

    /// Opens it and reads its list of entries. The outer error means that the file could not be read at all.
    pub(crate) fn open(&self) -> io::Result<Result<Zip, Refusal>> {
        let mut file = Near::new(File::open(&self.path)?);
        let is_age = begins_with(&mut file, AGE_MAGIC)?;
        let source: Box<dyn Source> = match (&self.key, is_age) {
            (_, false) => Box::new(file),
            (Key::Identities(identities), true) => {
                let opened = age::Decryptor::new_buffered(file).and_then(|sealed| {
                    sealed.decrypt(identities.iter().map(|identity| &**identity as &dyn age::Identity))
                });
                match opened {
                    Ok(source) => Box::new(source),
                    Err(error) => return told_by_age(error),
                }
            }
            (Key::None | Key::Passphrase(_), true) => return Ok(Err(Refusal::NeedsIdentity)),
        };
        match ZipArchive::new(source) {
            Ok(zip) => Ok(Ok(zip)),
            Err(ZipError::Io(error)) if is_trouble(&error) => Err(error),
            Err(error) => Ok(Err(Refusal::Foreign(format!("It is not a whole zip file: {error}.")))),
        }
    }

    /// The entry at `index`, opened. The refusal does not name it.
    pub(crate) fn entry<'a>(&self, zip: &'a mut Zip, index: usize) -> Result<Entry<'a>, Refusal> {
        let opened = match &self.key {
            Key::Passphrase(passphrase) => zip.by_index_decrypt(index, passphrase.reveal().as_bytes()),
            Key::None | Key::Identities(_) => zip.by_index(index),
        };
        opened.map_err(|error| told_by_zip(&error))
    }

    /// The manifest, as it stands.
    pub(crate) fn manifest(&self, zip: &mut Zip) -> Result<Manifest, Refusal> {
        let index = zip.index_for_name(MANIFEST).ok_or_else(|| {
            Refusal::Foreign("It has no manifest.json; it is not one of our archives.".to_owned())
        })?;
        let damaged = |error: &dyn std::fmt::Display| {
            Refusal::Damaged(format!("manifest.json cannot be read: {error}."))
        };
        // A small file must not unpack to a list that fills the memory: it is as long as there are entries.
        let largest = LARGEST_HEAD.saturating_add(LARGEST_LISTED.saturating_mul(zip.len() as u64));
        let largest = largest.min(LARGEST_MANIFEST);
        let entry = self.entry(zip, index)?;
        if entry.size() > largest {
            return Err(Refusal::Damaged("manifest.json is larger than any manifest.".into()));
        }
        let mut text = Vec::new();
        entry.take(largest).read_to_end(&mut text).map_err(|error| damaged(&error))?;
        // A newer format may have other fields: its number is looked at before anything else is.
        let format: FormatAlone = serde_json::from_slice(&text).map_err(|error| damaged(&error))?;
        if format.format > FORMAT {
            return Err(Refusal::Newer { found: format.format });
        }
        serde_json::from_slice(&text).map_err(|error| damaged(&error))
    }
}

#[derive(serde::Deserialize)]
struct FormatAlone {
    format: u32,
}

/// Whether an error is the system's, and says nothing about the archive. What the disk cannot read (EIO) is lost with
/// the archive: that is damage.
pub(super) fn is_trouble(error: &io::Error) -> bool {
    error.raw_os_error().is_some() && !is_unreadable(error)
}

/// Whether the disk could not read what is there.
pub(in crate::backup) fn is_unreadable(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
}

fn begins_with(file: &mut Near<File>, magic: &[u8]) -> io::Result<bool> {
    let mut head = Vec::new();
    file.by_ref().take(magic.len() as u64).read_to_end(&mut head)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(head == magic)
}

fn told_by_age<T>(error: age::DecryptError) -> io::Result<Result<T, Refusal>> {
    use age::DecryptError::{Io, KeyDecryptionFailed, NoMatchingKeys};
    Ok(Err(match error {
        Io(error) if is_trouble(&error) => return Err(error),
        NoMatchingKeys => Refusal::WrongIdentity,
        KeyDecryptionFailed => Refusal::WrongPassphrase,
        _ => Refusal::Damaged("Its age header is damaged.".into()),
    }))
}

fn told_by_zip(error: &ZipError) -> Refusal {
    match error {
        ZipError::InvalidPassword => Refusal::WrongPassphrase,
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => Refusal::NeedsPassphrase,
        other => Refusal::Damaged(format!("It cannot be opened: {other}.")),
    }
}
