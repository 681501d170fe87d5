//! Writes a zip on a thread of its own, fed piece by piece: memory stays flat whatever the archive's size.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use etiqa_model::Timestamp;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::manifest::{Counts, MANIFEST, Manifest, ManifestEntry};
use crate::error::{Error, Result};
use crate::hex::to_hex;

/// Pieces that may wait for the thread: a few megabytes at most.
const WAITING_PIECES: usize = 32;
/// Bytes per piece of a streamed file.
pub(super) const PIECE: usize = 64 * 1024;

enum Piece {
    Entry { name: String, original: Option<String>, is_packed: bool },
    Bytes(Vec<u8>),
    Manifest(Box<Manifest>),
}

/// The end of the pipe into an archive that is being written.
pub(super) struct ArchiveWriter {
    pieces: mpsc::Sender<Piece>,
    thread: JoinHandle<io::Result<()>>,
}

impl ArchiveWriter {
    /// Begins an archive in a new file. `modified` is the time that its entries show, as local time.
    pub(super) fn create(file: PathBuf, modified: zip::DateTime) -> Self {
        let (pieces, receiver) = mpsc::channel(WAITING_PIECES);
        let thread = tokio::task::spawn_blocking(move || write(&file, modified, receiver));
        Self { pieces, thread }
    }

    /// Begins an entry; the bytes that follow are its.
    pub(super) async fn entry(&self, name: impl Into<String>) -> Result<()> {
        self.send(Piece::Entry { name: name.into(), original: None, is_packed: false }).await
    }

    /// Begins an entry whose bytes are packed already: they are stored as they are.
    pub(super) async fn stored_entry(&self, name: impl Into<String>) -> Result<()> {
        self.send(Piece::Entry { name: name.into(), original: None, is_packed: true }).await
    }

    /// Begins an entry that is the file `original` of a folder; the manifest says so where the names differ.
    pub(super) async fn entry_from(&self, name: String, original: &Path) -> Result<()> {
        let original = original.to_string_lossy().into_owned();
        let differs = name.split_once('/').is_none_or(|(_, below)| below != original);
        self.send(Piece::Entry { name, original: differs.then_some(original), is_packed: false }).await
    }

    /// More bytes of the entry.
    pub(super) async fn bytes(&self, bytes: Vec<u8>) -> Result<()> {
        self.send(Piece::Bytes(bytes)).await
    }

    /// Adds the manifest and ends the archive; its bytes are on the disk when this returns.
    pub(super) async fn finish(self, manifest: Manifest) -> Result<()> {
        let sent = self.pieces.send(Piece::Manifest(Box::new(manifest))).await;
        drop(self.pieces);
        let written = self.thread.await.map_err(io::Error::other).and_then(|written| written);
        written.map_err(Error::io("writing an archive"))?;
        sent.map_err(|_| Error::io("writing an archive")(io::ErrorKind::BrokenPipe.into()))
    }

    /// Ends the thread and says why it could not go on.
    pub(super) async fn abandon(self) -> Option<Error> {
        drop(self.pieces);
        match self.thread.await {
            Ok(Err(error)) if error.kind() != io::ErrorKind::UnexpectedEof => {
                Some(Error::io("writing an archive")(error))
            }
            _ => None,
        }
    }

    async fn send(&self, piece: Piece) -> Result<()> {
        let broken = |_| Error::io("writing an archive")(io::ErrorKind::BrokenPipe.into());
        self.pieces.send(piece).await.map_err(broken)
    }
}

/// The time of a zip entry: local, to two seconds, from 1980 on.
pub(super) fn zip_time(at: Timestamp, zone: chrono_tz::Tz) -> zip::DateTime {
    use chrono::{Datelike, Timelike};
    let local = at.to_utc().with_timezone(&zone);
    let part = |value: u32| u8::try_from(value).unwrap_or(0);
    zip::DateTime::from_date_and_time(
        u16::try_from(local.year()).unwrap_or(1980),
        part(local.month()),
        part(local.day()),
        part(local.hour()),
        part(local.minute()),
        part(local.second()),
    )
    .unwrap_or_default()
}

struct Open {
    name: String,
    original: Option<String>,
    size: u64,
    hash: Sha256,
}

fn write(path: &Path, modified: zip::DateTime, mut pieces: mpsc::Receiver<Piece>) -> io::Result<()> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut zip = ZipWriter::new(BufWriter::with_capacity(1 << 18, options.open(path)?));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(modified)
        .unix_permissions(0o600)
        // Sizes are not known beforehand; this allows entries beyond 4 GB.
        .large_file(true);
    let mut entries: Vec<ManifestEntry> = Vec::new();
    let mut open: Option<Open> = None;
    while let Some(piece) = pieces.blocking_recv() {
        match piece {
            Piece::Entry { name, original, is_packed } => {
                entries.extend(open.take().map(close));
                let method = if is_packed { CompressionMethod::Stored } else { CompressionMethod::Deflated };
                zip.start_file(name.as_str(), options.compression_method(method))?;
                open = Some(Open { name, original, size: 0, hash: Sha256::new() });
            }
            Piece::Bytes(bytes) => {
                if let Some(entry) = &mut open {
                    entry.size += bytes.len() as u64;
                    entry.hash.update(&bytes);
                }
                zip.write_all(&bytes)?;
            }
            Piece::Manifest(mut manifest) => {
                entries.extend(open.take().map(close));
                manifest.entries = std::mem::take(&mut entries);
                zip.start_file(MANIFEST, options)?;
                zip.write_all(&serde_json::to_vec_pretty(&*manifest)?)?;
                let file = zip.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
                return file.sync_all();
            }
        }
    }
    // Whoever fed it gave up: nothing here may look like an archive.
    Err(io::ErrorKind::UnexpectedEof.into())
}

fn close(entry: Open) -> ManifestEntry {
    ManifestEntry {
        name: entry.name,
        original: entry.original,
        size: entry.size,
        sha256: to_hex(&entry.hash.finalize()),
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.devices += other.devices;
        self.stale_devices += other.stale_devices;
        self.configs += other.configs;
        self.artifacts += other.artifacts;
        self.artifacts_missing += other.artifacts_missing;
        self.database_rows += other.database_rows;
        self.files += other.files;
    }
}
