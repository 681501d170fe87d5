//! What goes into an archive, in the order it is written.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use etiqa_model::backup::{BackupConfig, BackupKind};
use etiqa_model::config::ConfigVersion;
use etiqa_model::device::Device;
use etiqa_model::{ErrorKind, RunId, Timestamp, UserError};
use futures::TryStreamExt;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;

use super::archive::{ArchiveWriter, PIECE};
use super::manifest::Counts;
use super::names::{PathNames, UniqueNames, safe_name};
use crate::artifacts::path_of;
use crate::db::Tx;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::hex::to_hex;
use crate::history::text_read;
use crate::store::artifact::artifact_fetch_newest;
use crate::store::config_version::version_list_active;
use crate::store::dump::{TABLES, table_dump_end, table_dump_in_txn};
use crate::store::result::result_list_good_of_run;

/// Writes everything that `config` asks for. `devices` are those that it covers; `run` began at `started_at`.
pub(super) async fn write_contents(
    engine: &Engine,
    archive: &ArchiveWriter,
    config: &BackupConfig,
    run: RunId,
    devices: &[Device],
    started_at: Timestamp,
) -> Result<Counts> {
    let mut counts = Counts::default();
    if config.kind != BackupKind::Config && config.include.database {
        counts += write_database(engine, archive).await?;
    }
    if config.kind != BackupKind::Data {
        counts += write_configs(engine, archive, run, devices, started_at).await?;
    }
    if config.include.media {
        counts += write_folder(archive, &engine.dir.media(), "media").await?;
    }
    if config.include.logs {
        counts += write_folder(archive, &engine.dir.logs(), "logs").await?;
    }
    Ok(counts)
}

/// `configs/<hostname>/<part>.cfg` and, after them, `network_configs.json`.
async fn write_configs(
    engine: &Engine,
    archive: &ArchiveWriter,
    run: RunId,
    devices: &[Device],
    started_at: Timestamp,
) -> Result<Counts> {
    let mut counts = Counts { devices: devices.len() as u64, ..Counts::default() };
    let good = result_list_good_of_run(&engine.db, run).await?;
    let mut folders = UniqueNames::default();
    let mut listed = Vec::with_capacity(devices.len());
    for device in devices {
        let name = folders.take(&safe_name(&device.hostname));
        let folder = format!("configs/{name}");
        let versions = version_list_active(&engine.db, device.id).await?;
        let is_stale = !good.contains(&device.id);
        counts.stale_devices += u64::from(is_stale && !versions.is_empty());
        let mut parts = UniqueNames::default();
        let mut texts = Vec::with_capacity(versions.len());
        for version in &versions {
            let file = format!("{folder}/{}.cfg", parts.take(&safe_name(&version.part)));
            archive.entry(file.as_str()).await?;
            archive.bytes(text_read(&engine.db, &version.sha256).await?.into_bytes()).await?;
            counts.configs += 1;
            texts.push(version_json(version, &file));
        }
        let artifact = write_artifact(engine, archive, device, &name, &mut counts).await?;
        let mut json = device_json(device, is_stale, started_at, texts);
        json["artifact"] = artifact;
        listed.push(json);
    }
    archive.entry("network_configs.json").await?;
    write_json_array(archive, "devices", &listed).await?;
    Ok(counts)
}

/// The newest own backup of a device, where there is one: `artifacts/<hostname>/<file name>`. One whose file is not here, or
/// is not what it was, is left out and named: it is no reason to archive nothing else.
async fn write_artifact(
    engine: &Engine,
    archive: &ArchiveWriter,
    device: &Device,
    name: &str,
    counts: &mut Counts,
) -> Result<Value> {
    let Some(newest) = artifact_fetch_newest(&engine.db, device.id).await? else { return Ok(Value::Null) };
    let mut listed = json!({
        "kind": newest.kind,
        "sha256": newest.sha256,
        "size": newest.size_bytes,
        "encrypted": newest.is_encrypted,
        "collected_at": newest.collected_at,
    });
    let path = path_of(engine, &newest.sha256);
    if !is_as_it_was(&path, &newest.sha256).await {
        tracing::error!(
            device = %device.id, sha256 = %newest.sha256,
            "the vendor backup {} of {} is missing or damaged; no archive holds it", newest.file_name, device.hostname
        );
        counts.artifacts_missing += 1;
        listed["problem"] = "The file is missing or damaged; fetch it again on the device's page.".into();
        return Ok(listed);
    }
    let file = format!("artifacts/{name}/{}", safe_name(&newest.file_name));
    let unreadable = |error: io::Error| unreadable("artifacts", Path::new(&newest.file_name), &error);
    let mut blob = tokio::fs::File::open(&path).await.map_err(unreadable)?;
    let is_text =
        Path::new(&file).extension().is_some_and(|extension| extension == "conf" || extension == "xml");
    if is_text {
        archive.entry(file.as_str()).await?;
    } else {
        archive.stored_entry(file.as_str()).await?;
    }
    copy(&mut blob, archive).await.map_err(unreadable)??;
    counts.artifacts += 1;
    listed["file"] = file.into();
    Ok(listed)
}

/// Whether a file still has the bytes that it is named by.
async fn is_as_it_was(path: &Path, sha256: &str) -> bool {
    let path = path.to_owned();
    let hashed = tokio::task::spawn_blocking(move || {
        let mut hash = Sha256::new();
        let mut file = std::fs::File::open(path)?;
        let mut piece = vec![0; PIECE];
        loop {
            match file.read(&mut piece)? {
                0 => return io::Result::Ok(to_hex(&hash.finalize())),
                read => hash.update(&piece[..read]),
            }
        }
    });
    matches!(hashed.await, Ok(Ok(found)) if found == sha256)
}

/// All of a file, piece by piece: what reading it came to, and within that what the archive said.
async fn copy(file: &mut tokio::fs::File, archive: &ArchiveWriter) -> io::Result<Result<()>> {
    loop {
        let mut piece = vec![0; PIECE];
        let read = file.read(&mut piece).await?;
        if read == 0 {
            return Ok(Ok(()));
        }
        piece.truncate(read);
        if let Err(error) = archive.bytes(piece).await {
            return Ok(Err(error));
        }
    }
}

fn device_json(device: &Device, is_stale: bool, started_at: Timestamp, configs: Vec<Value>) -> Value {
    let age = device.last_good_at.filter(|_| is_stale).map(|good| started_at.since(good).as_secs());
    json!({
        "hostname": device.hostname,
        "address": device.address,
        "port": device.port,
        "site": device.site,
        "device_type": device.device_type,
        "platform": device.platform,
        "description": device.description,
        "tags": device.tags,
        "status": device.status,
        "last_result": device.last_result,
        "last_good_at": device.last_good_at,
        "stale": is_stale,
        "stale_seconds": age,
        "configs": configs,
    })
}

fn version_json(version: &ConfigVersion, file: &str) -> Value {
    json!({
        "part": version.part,
        "version": version.version,
        "collected_at": version.collected_at,
        "size": version.size_bytes,
        "lines": version.lines,
        "sha256": version.sha256,
        "driver": version.driver,
        "file": file,
    })
}

/// `{"NAME":[…]}`, an element a line.
async fn write_json_array(archive: &ArchiveWriter, name: &str, elements: &[Value]) -> Result<()> {
    archive.bytes(format!("{{\"{name}\":[").into_bytes()).await?;
    for (index, element) in elements.iter().enumerate() {
        let comma = if index == 0 { "\n" } else { ",\n" };
        archive.bytes(format!("{comma}{element}").into_bytes()).await?;
    }
    archive.bytes(b"\n]}\n".to_vec()).await
}

/// `database.json`: the tables as they stood at one moment, while the program goes on.
async fn write_database(engine: &Engine, archive: &ArchiveWriter) -> Result<Counts> {
    let mut counts = Counts::default();
    archive.entry("database.json").await?;
    archive.bytes(b"{\"format\":1,\"tables\":{".to_vec()).await?;
    let mut snapshot = engine.db.snapshot().await?;
    for (index, table) in TABLES.iter().enumerate() {
        let comma = if index == 0 { "\n" } else { ",\n" };
        archive.bytes(format!("{comma}\"{table}\":").into_bytes()).await?;
        counts.database_rows += write_table(snapshot.tx(), archive, table).await?;
    }
    snapshot.end().await?;
    archive.bytes(b"\n}}\n".to_vec()).await?;
    Ok(counts)
}

/// One table of `database.json`; gives its rows.
async fn write_table(snapshot: &mut Tx, archive: &ArchiveWriter, table: &'static str) -> Result<u64> {
    let mut rows = table_dump_in_txn(snapshot, table);
    let mut count = 0;
    let mut piece = Vec::with_capacity(PIECE * 2);
    while let Some(row) = rows.try_next().await? {
        piece.extend_from_slice(&row);
        count += 1;
        if piece.len() >= PIECE {
            archive.bytes(std::mem::replace(&mut piece, Vec::with_capacity(PIECE * 2))).await?;
        }
    }
    piece.extend_from_slice(table_dump_end(count).as_bytes());
    archive.bytes(piece).await?;
    Ok(count)
}

/// Every plain file below `folder`, under `prefix/`. Links are not followed; a file that vanishes is passed over, one
/// that cannot be read is said: an archive without it would look whole.
async fn write_folder(archive: &ArchiveWriter, folder: &Path, prefix: &str) -> Result<Counts> {
    let mut counts = Counts::default();
    let root = folder.to_owned();
    let files = tokio::task::spawn_blocking(move || plain_files(&root))
        .await
        .map_err(|error| Error::io("listing files for an archive")(io::Error::other(error)))??;
    let mut names = PathNames::default();
    for relative in files {
        let path = folder.join(&relative);
        let mut file = match tokio::fs::File::open(&path).await {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(unreadable(prefix, &relative, &error).into()),
        };
        archive.entry_from(names.take(prefix, &relative), &relative).await?;
        copy(&mut file, archive).await.map_err(|error| unreadable(prefix, &relative, &error))??;
        counts.files += 1;
    }
    Ok(counts)
}

fn unreadable(prefix: &str, relative: &Path, error: &io::Error) -> UserError {
    let message = format!(
        "{prefix}/{} cannot be read: {error}. Make it readable for the program, or leave {prefix} out of this backup.",
        relative.display()
    );
    UserError::new(ErrorKind::Unavailable, message)
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
                && let Ok(relative) = entry.path().strip_prefix(root)
            {
                files.push(relative.to_owned());
            }
        }
    }
    files.sort();
    Ok(files)
}
