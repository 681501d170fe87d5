//! Reads an archive back against its manifest: every byte of every entry, on all cores.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::num::NonZero;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use sha2::{Digest, Sha256};

use super::manifest::{MANIFEST, Manifest, ManifestEntry};
use super::reader::{Archive, Entry, Refusal, Zip, is_trouble, is_unreadable};
use super::seal::Key;
use crate::hex::to_hex;

/// Bytes read at once.
const PIECE: usize = 1 << 17;

/// An archive that was read back whole.
#[derive(Debug, Clone)]
pub struct Verified {
    /// Its manifest.
    pub manifest: Manifest,
    /// SHA-256 of the file, lower-case hex.
    pub sha256: String,
    /// Bytes of the file.
    pub size_bytes: u64,
    /// Bytes of all entries, unpacked.
    pub unpacked_bytes: u64,
}

/// Reads every byte of an archive back. The outer error means that it could not be read at all for a reason that is
/// not the archive's own. Blocks; call it off the runtime.
pub fn read_back(path: &Path, key: Key) -> io::Result<Result<Verified, Refusal>> {
    let archive = Archive::new(path, key);
    thread::scope(|scope| {
        let hashed = scope.spawn(|| hash_file(path));
        let checked = check(&archive);
        let hashed = hashed.join().map_err(|_| io::Error::other("hashing panicked"))?;
        let checked = checked?;
        let (sha256, size_bytes) = match hashed {
            // What an entry says names the place.
            Err(error) if is_unreadable(&error) => {
                let damage = format!("The disk cannot read it: {error}.");
                return Ok(Err(checked.err().unwrap_or(Refusal::Damaged(damage))));
            }
            hashed => hashed?,
        };
        Ok(checked.map(|(manifest, unpacked_bytes)| Verified {
            manifest,
            sha256,
            size_bytes,
            unpacked_bytes,
        }))
    })
}

/// SHA-256 and size of a file.
pub(crate) fn hash_file(path: &Path) -> io::Result<(String, u64)> {
    let (size, sha256) = hash_bytes(&mut File::open(path)?, u64::MAX, &mut vec![0; PIECE])?;
    Ok((sha256, size))
}

/// Whether a file still has the bytes of this hash.
pub(crate) async fn is_as_it_was(path: &Path, sha256: &str) -> bool {
    let path = path.to_owned();
    let hashed = tokio::task::spawn_blocking(move || hash_file(&path)).await.map_err(io::Error::other);
    matches!(hashed, Ok(Ok((found, _))) if found == sha256)
}

fn check(archive: &Archive) -> io::Result<Result<(Manifest, u64), Refusal>> {
    let mut zip = match archive.open()? {
        Ok(zip) => zip,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let manifest = match archive.manifest(&mut zip) {
        Ok(manifest) => manifest,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let listed = match pair(&zip, &manifest) {
        Ok(listed) => listed,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if let Err(error) = zip.validate_header_consistency() {
        let damage = format!("Its list of entries does not agree with the entries: {error}.");
        return Ok(Err(Refusal::Damaged(damage)));
    }
    drop(zip);
    Ok(check_entries(archive, &listed)?.map(|unpacked| (manifest, unpacked)))
}

/// Each entry of the zip beside what the manifest says of it; the manifest itself is listed by neither.
fn pair(zip: &Zip, manifest: &Manifest) -> Result<Vec<(usize, ManifestEntry)>, Refusal> {
    let damaged = |sentence: String| Err(Refusal::Damaged(sentence));
    let mut expected: HashMap<&str, &ManifestEntry> = HashMap::with_capacity(manifest.entries.len());
    for entry in &manifest.entries {
        if expected.insert(&entry.name, entry).is_some() {
            return damaged(format!("The manifest lists {} twice.", entry.name));
        }
    }
    let mut listed = Vec::with_capacity(manifest.entries.len());
    for index in 0..zip.len() {
        let Some(Ok(name)) = zip.name_for_index(index) else {
            return damaged(format!("The name of entry {index} cannot be read."));
        };
        if name == MANIFEST {
            continue;
        }
        match expected.remove(&*name) {
            Some(entry) => listed.push((index, entry.clone())),
            None => return damaged(format!("{name} is not in the manifest.")),
        }
    }
    match expected.keys().min() {
        Some(missing) => damaged(format!("{missing} is missing.")),
        None => Ok(listed),
    }
}

/// Reads the listed entries, a thread per core; gives their unpacked bytes or what is wrong with the first that is.
fn check_entries(archive: &Archive, listed: &[(usize, ManifestEntry)]) -> io::Result<Result<u64, Refusal>> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(listed.len().max(1));
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let first_wrong: Mutex<Option<(usize, Refusal)>> = Mutex::new(None);
    let note = |index: usize, refusal: Refusal| {
        stop.store(true, Ordering::Relaxed);
        if let Ok(mut first) = first_wrong.lock()
            && first.as_ref().is_none_or(|(known, _)| index < *known)
        {
            *first = Some((index, refusal));
        }
    };
    let work = || -> io::Result<u64> {
        let mut zip = match archive.open()? {
            Ok(zip) => zip,
            Err(refusal) => {
                note(0, refusal);
                return Ok(0);
            }
        };
        let (mut unpacked, mut buffer) = (0, vec![0; PIECE]);
        while !stop.load(Ordering::Relaxed)
            && let Some((index, entry)) = listed.get(next.fetch_add(1, Ordering::Relaxed))
        {
            match check_entry(archive, &mut zip, *index, entry, &mut buffer)? {
                Ok(()) => unpacked += entry.size,
                Err(damage) => note(*index, Refusal::Damaged(damage)),
            }
        }
        Ok(unpacked)
    };
    let unpacked = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut unpacked = 0;
        for worker in workers {
            unpacked += worker.join().map_err(|_| io::Error::other("verifying panicked"))??;
        }
        io::Result::Ok(unpacked)
    })?;
    let wrong = first_wrong.into_inner().map_err(|_| io::Error::other("verifying panicked"))?;
    Ok(wrong.map_or(Ok(unpacked), |(_, refusal)| Err(refusal)))
}

fn check_entry(
    archive: &Archive,
    zip: &mut Zip,
    index: usize,
    listed: &ManifestEntry,
    buffer: &mut [u8],
) -> io::Result<Result<(), String>> {
    let name = &listed.name;
    let mut entry: Entry<'_> = match archive.entry(zip, index) {
        Ok(entry) => entry,
        // The manifest opened with the same key: what does not is damaged.
        Err(Refusal::WrongPassphrase | Refusal::NeedsPassphrase) => {
            return Ok(Err(format!("{name} is damaged: its seal is not the archive's.")));
        }
        Err(refusal) => return Ok(Err(format!("{name} is damaged. {refusal}"))),
    };
    let (size, sha256) = match hash_bytes(&mut entry, listed.size, buffer) {
        Ok(read) => read,
        Err(error) if is_trouble(&error) => return Err(error),
        Err(error) => return Ok(Err(format!("{name} is damaged: {error}."))),
    };
    Ok(if size != listed.size {
        Err(format!("{name} has {size} bytes, the manifest says {}.", listed.size))
    } else if sha256 != listed.sha256 {
        Err(format!("{name} is not what was written: its SHA-256 differs."))
    } else {
        Ok(())
    })
}

/// Size and SHA-256 of what `source` gives. Stops soon after `limit`: an entry that unpacks to more is wrong, however
/// much more.
fn hash_bytes(source: &mut impl Read, limit: u64, buffer: &mut [u8]) -> io::Result<(u64, String)> {
    let mut hash = Sha256::new();
    let mut size = 0;
    loop {
        let read = source.read(buffer)?;
        if read == 0 || size > limit {
            return Ok((size, to_hex(&hash.finalize())));
        }
        hash.update(&buffer[..read]);
        size += read as u64;
    }
}
