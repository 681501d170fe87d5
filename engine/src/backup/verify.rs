//! Reads an archive back against its manifest.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use etiqa_model::admin::VerifyOutcome;
use etiqa_model::event::Topic;
use etiqa_model::run::Run;
use etiqa_model::{RunId, UserError};
use sha2::{Digest, Sha256};
use zip::ZipArchive;

use super::manifest::{FORMAT, MANIFEST, Manifest, ManifestEntry};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::hex::to_hex;
use crate::store::run::run_fetch;
use crate::store::run_write::run_set_verified;
use crate::time::now;

/// A manifest of a million entries is far below this.
const LARGEST_MANIFEST: u64 = 512 << 20;

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

/// What is wrong with an archive; one sentence that names the entry.
pub type Damage = String;

/// Reads every byte of an archive back. The outer error means that it could not be read at all for a reason that is
/// not the archive's own. Blocks; call it off the runtime.
pub fn verify_file(path: &Path) -> io::Result<Result<Verified, Damage>> {
    let (sha256, size_bytes) = hash_file(path)?;
    let file = BufReader::with_capacity(1 << 18, File::open(path)?);
    Ok(verify_zip(file).map(|(manifest, unpacked_bytes)| Verified {
        manifest,
        sha256,
        size_bytes,
        unpacked_bytes,
    }))
}

fn hash_file(path: &Path) -> io::Result<(String, u64)> {
    let (size, sha256) = hash_bytes(&mut File::open(path)?, u64::MAX, &mut vec![0; 1 << 18])?;
    Ok((sha256, size))
}

fn verify_zip(file: BufReader<File>) -> Result<(Manifest, u64), Damage> {
    let mut zip = ZipArchive::new(file).map_err(|error| format!("It is not a whole zip file: {error}."))?;
    let manifest = read_manifest(&mut zip)?;
    let mut expected: HashMap<&str, &ManifestEntry> = HashMap::with_capacity(manifest.entries.len());
    for entry in &manifest.entries {
        if expected.insert(&entry.name, entry).is_some() {
            return Err(format!("The manifest lists {} twice.", entry.name));
        }
    }
    let mut unpacked = 0;
    let mut buffer = vec![0; 1 << 16];
    for index in 0..zip.len() {
        let mut entry =
            zip.by_index(index).map_err(|error| format!("Entry {index} cannot be opened: {error}."))?;
        let name = match entry.name() {
            Ok(name) => name.into_owned(),
            Err(error) => return Err(format!("The name of entry {index} cannot be read: {error}.")),
        };
        if name == MANIFEST {
            continue;
        }
        let Some(listed) = expected.remove(name.as_str()) else {
            return Err(format!("{name} is not in the manifest."));
        };
        let (size, sha256) = hash_bytes(&mut entry, listed.size, &mut buffer)
            .map_err(|error| format!("{name} is damaged: {error}."))?;
        if size != listed.size {
            return Err(format!("{name} has {size} bytes, the manifest says {}.", listed.size));
        }
        if sha256 != listed.sha256 {
            return Err(format!("{name} is not what was written: its SHA-256 differs."));
        }
        unpacked += size;
    }
    match expected.keys().min() {
        Some(missing) => Err(format!("{missing} is missing.")),
        None => Ok((manifest, unpacked)),
    }
}

fn read_manifest(zip: &mut ZipArchive<BufReader<File>>) -> Result<Manifest, Damage> {
    let entry = zip
        .by_name(MANIFEST)
        .map_err(|_| "It has no manifest.json; it is not one of our archives.".to_owned())?;
    let mut text = Vec::new();
    entry
        .take(LARGEST_MANIFEST)
        .read_to_end(&mut text)
        .map_err(|error| format!("manifest.json is damaged: {error}."))?;
    let manifest: Manifest =
        serde_json::from_slice(&text).map_err(|error| format!("manifest.json cannot be read: {error}."))?;
    if manifest.format > FORMAT {
        return Err(format!(
            "It has format {}, which is newer than this program knows ({FORMAT}).",
            manifest.format
        ));
    }
    Ok(manifest)
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

/// Reads a run's archive back, and notes what was found.
pub async fn verify_run(engine: &Engine, id: RunId) -> Result<VerifyOutcome> {
    let run = run_fetch(&engine.db, id).await?.ok_or_else(|| UserError::not_found(format!("run {id}")))?;
    let path = archive_path(engine, &run)?;
    let outcome = match verify_path(path).await? {
        Ok(verified) if run.sha256.as_ref().is_some_and(|sha256| *sha256 != verified.sha256) => {
            damaged("It is not the file that this run wrote: its SHA-256 differs.".into())
        }
        Ok(verified) => VerifyOutcome {
            entries: verified.manifest.entries.len() as u64,
            bytes: verified.unpacked_bytes,
            damage: None,
        },
        Err(damage) => damaged(damage),
    };
    if let Some(damage) = &outcome.damage {
        tracing::error!(run = %id, %damage, "the archive of run {id} is damaged");
    }
    run_set_verified(&engine.db, id, outcome.damage.is_some(), now()).await?;
    engine.events.send(Topic::Runs, id.0);
    Ok(outcome)
}

/// Reads any archive back, off the runtime. A file that is gone is damage, too.
pub async fn verify_path(path: PathBuf) -> Result<Result<Verified, Damage>> {
    let verified = tokio::task::spawn_blocking(move || verify_file(&path))
        .await
        .map_err(|error| Error::io("verifying an archive")(io::Error::other(error)))?;
    match verified {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Err("The file is gone.".into())),
        other => other.map_err(Error::io("verifying an archive")),
    }
}

/// Where a run's archive is; the error says why there is none.
pub fn archive_path(engine: &Engine, run: &Run) -> Result<PathBuf, UserError> {
    match &run.file {
        Some(file) if run.has_archive() => Ok(engine.dir.backups().join(file)),
        Some(_) if run.removed_at.is_some() => {
            Err(UserError::not_found(format!("archive of run {} any more: retention removed it", run.id)))
        }
        _ => Err(UserError::not_found(format!("archive of run {}", run.id))),
    }
}

fn damaged(damage: Damage) -> VerifyOutcome {
    VerifyOutcome { entries: 0, bytes: 0, damage: Some(damage) }
}
