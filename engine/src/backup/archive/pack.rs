//! One entry, packed by itself: compressed, hashed, sealed, ready to be copied into the archive as it is.
//!
//! That is what lets entries be packed on all cores while the archive has one order. What is packed is a zip of one
//! entry, in memory while it is small, in a nameless file of the archive's folder when it is not.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use sha2::{Digest, Sha256};
use tempfile::SpooledTempFile;
use zip::write::SimpleFileOptions;
use zip::{AesMode, CompressionMethod, ZipArchive, ZipWriter};

use super::manifest::ManifestEntry;
use super::seal::Seal;
use crate::hex::to_hex;

/// Bytes per piece of what is read.
pub(in crate::backup) const PIECE: usize = 64 * 1024;
/// What is larger, packed, waits on the disk.
const LARGEST_IN_MEMORY: usize = 512 << 10;
/// A smaller file is compressed without a look at it; else looks at so many bytes in three places.
const SMALL: u64 = 256 << 10;
const SAMPLE: u64 = 32 << 10;
/// From here on an entry's header has room for sizes beyond 4 GB, whatever it compresses to.
const LARGE: u64 = 3 << 30;

/// What an entry holds.
pub(in crate::backup) enum Content {
    /// The text of these bytes of zstd, and its SHA-256: another one is `InvalidData`.
    Zstd(Vec<u8>, String),
    /// All of a file.
    File(File),
}

/// An entry's name and where it is from.
pub(super) struct Head {
    /// Its name in the zip.
    pub(super) name: String,
    /// The path that it was taken from, where the name is not that.
    pub(super) original: Option<String>,
}

/// An entry that only needs to be copied.
pub(super) struct PackedEntry {
    /// What the manifest says of it.
    pub(super) listed: ManifestEntry,
    zip: SpooledTempFile,
}

impl PackedEntry {
    /// Copies it to the end of `archive`.
    pub(super) fn append_to<W: Write + Seek>(mut self, archive: &mut ZipWriter<W>) -> io::Result<()> {
        self.zip.seek(SeekFrom::Start(0))?;
        let mut zip = ZipArchive::new(self.zip)?;
        Ok(archive.raw_copy_file(zip.by_index_raw(0)?)?)
    }
}

/// Packs one entry.
pub(super) fn pack(
    head: Head,
    content: Content,
    options: SimpleFileOptions,
    seal: &Seal,
    folder: &Path,
) -> io::Result<PackedEntry> {
    let spool = tempfile::spooled_tempfile_in(LARGEST_IN_MEMORY, folder);
    let (listed, zip) = match seal {
        // Written from front to end, the library keeps to AE-2, which tells no checksum of the plain bytes.
        Seal::Passphrase(_) => {
            let mut zip = ZipWriter::new_stream(spool);
            let listed = fill(&mut zip, head, content, options, seal)?;
            (listed, zip.finish()?.into_inner())
        }
        Seal::None | Seal::Recipients(_) => {
            let mut zip = ZipWriter::new(spool);
            let listed = fill(&mut zip, head, content, options, seal)?;
            (listed, zip.finish()?)
        }
    };
    Ok(PackedEntry { listed, zip })
}

fn fill<W: Write + Seek>(
    zip: &mut ZipWriter<W>,
    head: Head,
    content: Content,
    options: SimpleFileOptions,
    seal: &Seal,
) -> io::Result<ManifestEntry> {
    match content {
        Content::Zstd(packed, sha256) => {
            let text = crate::history::unpack_bytes(&packed).map_err(|_| io::ErrorKind::InvalidData)?;
            start(zip, &head.name, options, seal, text.len() as u64)?;
            let listed = copy(&mut text.as_slice(), zip, head)?;
            if listed.sha256 == sha256 { Ok(listed) } else { Err(io::ErrorKind::InvalidData.into()) }
        }
        Content::File(mut file) => {
            start(zip, &head.name, options, seal, file.metadata()?.len())?;
            copy(&mut file, zip, head)
        }
    }
}

/// Whether a file is worth compressing, by a look at its beginning, its middle and its end: what is packed or encrypted
/// already does not shrink, and trying costs more than everything else.
pub(super) fn shrinks(file: &mut File) -> io::Result<bool> {
    let size = file.metadata()?.len();
    if size < SMALL {
        return Ok(true);
    }
    let mut sample = Vec::new();
    for place in [0, size / 2, size - SAMPLE] {
        file.seek(SeekFrom::Start(place))?;
        Read::by_ref(file).take(SAMPLE).read_to_end(&mut sample)?;
    }
    file.seek(SeekFrom::Start(0))?;
    let mut packed = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&sample)?;
    Ok(packed.finish()?.len() < sample.len() / 100 * 97)
}

/// Begins an entry of about `size` bytes.
pub(super) fn start<W: Write + Seek>(
    zip: &mut ZipWriter<W>,
    name: &str,
    options: SimpleFileOptions,
    seal: &Seal,
    size: u64,
) -> io::Result<()> {
    let options = options.large_file(size >= LARGE);
    match seal {
        Seal::Passphrase(passphrase) => {
            zip.start_file(name, options.with_aes_encryption(AesMode::Aes256, passphrase.reveal()))?;
        }
        Seal::None | Seal::Recipients(_) => zip.start_file(name, options)?,
    }
    Ok(())
}

/// Options for an entry that is compressed, or stored where its bytes do not shrink any more.
pub(super) fn options(modified: zip::DateTime, is_packed: bool) -> SimpleFileOptions {
    let method = if is_packed { CompressionMethod::Stored } else { CompressionMethod::Deflated };
    SimpleFileOptions::default()
        .compression_method(method)
        .last_modified_time(modified)
        .unix_permissions(0o600)
}

/// All of `source` into the entry that was begun; gives what the manifest says of it.
pub(super) fn copy<W: Write + Seek>(
    source: &mut impl Read,
    zip: &mut ZipWriter<W>,
    head: Head,
) -> io::Result<ManifestEntry> {
    let mut hashing = Hashing::new(head);
    let mut piece = vec![0; PIECE];
    loop {
        match source.read(&mut piece)? {
            0 => return Ok(hashing.finish()),
            read => hashing.write(zip, &piece[..read])?,
        }
    }
}

/// An entry that is being written, piece by piece.
pub(super) struct Hashing {
    head: Head,
    size: u64,
    hash: Sha256,
}

impl Hashing {
    pub(super) fn new(head: Head) -> Self {
        Self { head, size: 0, hash: Sha256::new() }
    }

    pub(super) fn write(&mut self, zip: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
        self.size += bytes.len() as u64;
        self.hash.update(bytes);
        zip.write_all(bytes)
    }

    pub(super) fn finish(self) -> ManifestEntry {
        ManifestEntry {
            name: self.head.name,
            original: self.head.original,
            size: self.size,
            sha256: to_hex(&self.hash.finalize()),
        }
    }
}
