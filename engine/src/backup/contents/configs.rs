//! `configs/`, `artifacts/` and `network_configs.json`: what the devices gave.

use std::io;

use etiqa_model::config::ConfigVersion;
use etiqa_model::device::Device;
use etiqa_model::{RunId, Timestamp};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use super::super::archive::manifest::Counts;
use super::super::archive::names::{UniqueNames, safe_name};
use super::super::archive::pack::Content;
use super::super::archive::read_back::is_as_it_was;
use super::super::archive::writer::ArchiveWriter;
use crate::artifacts::{bring, path_of};
use crate::engine::Engine;
use crate::error::{DamagedText, Error, Result};
use crate::hex::sha256_hex;
use crate::history::unpack_bytes;
use crate::store::artifact::artifact_fetch_newest;
use crate::store::config_version::{text_fetch, version_distrust, version_list_active};
use crate::store::device::device_fetch;
use crate::store::result::result_list_good_of_run;

/// `configs/<hostname>/<part>.cfg` and, after them, `network_configs.json`.
pub(super) async fn write_configs(
    engine: &Engine,
    archive: &ArchiveWriter,
    run: RunId,
    devices: &[Device],
    started_at: Timestamp,
) -> Result<Counts> {
    let mut counts = Counts { devices: devices.len() as u64, ..Counts::default() };
    let mut failed = 0;
    let good = result_list_good_of_run(&engine.db, run).await?;
    let mut folders = UniqueNames::default();
    let mut listed = Vec::with_capacity(devices.len());
    for device in devices {
        let name = folders.take(&safe_name(&device.hostname));
        let folder = format!("configs/{name}");
        let versions = version_list_active(&engine.db, device.id).await?;
        let mut packed = Vec::with_capacity(versions.len());
        for version in &versions {
            packed.push(text_fetch(&engine.db, &version.sha256).await?);
        }
        // Deleted while this archive was made: its texts went with it.
        if packed.contains(&None) && device_fetch(&engine.db, device.id).await?.is_none() {
            counts.devices -= 1;
            continue;
        }
        let is_stale = !good.contains(&device.id);
        counts.stale_devices += u64::from(is_stale && !versions.is_empty());
        let mut parts = UniqueNames::default();
        let mut texts = Vec::with_capacity(versions.len());
        for (version, text) in versions.iter().zip(packed) {
            let file = format!("{folder}/{}.cfg", parts.take(&safe_name(&version.part)));
            let damaged = DamagedText { device: device.id, part: version.part.clone(), file: file.clone() };
            let Some(text) = text else { return Err(damaged.into()) };
            let content = Content::Zstd(text, version.sha256.clone());
            archive.add(file.as_str(), None, content, |error| explained(damaged, error)).await?;
            counts.configs += 1;
            texts.push(version_json(version, &file));
        }
        let artifact = write_artifact(engine, archive, device, &name, &mut counts, &mut failed).await?;
        let mut json = device_json(device, is_stale, started_at, texts);
        json["artifact"] = artifact;
        listed.push(json);
    }
    write_list(archive, &listed).await?;
    Ok(counts)
}

/// So many files of other machines may fail to come before an archive is made without the rest.
const FAILED_ENOUGH: u32 = 3;

/// A text that is not what was collected is the text's trouble, all else is the archive's.
fn explained(damaged: DamagedText, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::InvalidData => Error::DamagedText(damaged),
        _ => Error::io("packing a text")(error),
    }
}

/// Has every active text of `devices` that is damaged stored anew when its device is collected next.
pub(in crate::backup) async fn distrust_damaged(engine: &Engine, devices: &[Device]) -> Result<()> {
    for device in devices {
        for version in version_list_active(&engine.db, device.id).await? {
            let text = text_fetch(&engine.db, &version.sha256).await?.unwrap_or_default();
            let hashed = spawn_blocking(move || unpack_bytes(&text).map(|text| sha256_hex(&text))).await;
            if !matches!(hashed, Ok(Ok(found)) if found == version.sha256) {
                tracing::error!(device = %device.id, part = %version.part, "a stored text of {} is damaged", device.hostname);
                version_distrust(&engine.db, device.id, &version.part).await?;
            }
        }
    }
    Ok(())
}

/// The newest own backup of a device, where there is one: `artifacts/<hostname>/<file name>`. One whose file is not here, or
/// is not what it was, is left out and named: it is no reason to archive nothing else.
async fn write_artifact(
    engine: &Engine,
    archive: &ArchiveWriter,
    device: &Device,
    name: &str,
    counts: &mut Counts,
    failed: &mut u32,
) -> Result<Value> {
    let Some(newest) = artifact_fetch_newest(&engine.db, device.id).await? else { return Ok(Value::Null) };
    let mut listed = json!({
        "kind": newest.kind,
        "sha256": newest.sha256,
        "size": newest.size_bytes,
        "encrypted": newest.is_encrypted,
        "collected_at": newest.collected_at,
    });
    // A place that does not answer is not asked for the file of every device.
    let brought = match *failed {
        FAILED_ENOUGH.. => Ok(path_of(engine, &newest.sha256)),
        _ => bring(engine, &newest.sha256, newest.size_bytes).await,
    };
    let path = match brought {
        Err(Error::User(error)) => {
            *failed += 1;
            tracing::warn!(device = %device.id, sha256 = %newest.sha256, %error, "{error}");
            path_of(engine, &newest.sha256)
        }
        path => path?,
    };
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
    let blob = tokio::fs::File::open(&path).await.map_err(Error::io("packing a vendor backup"))?;
    let blob = blob.into_std().await;
    archive.add_file(file.as_str(), None, blob, Error::io("packing a vendor backup")).await?;
    counts.artifacts += 1;
    listed["file"] = file.into();
    Ok(listed)
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

/// `network_configs.json`: `{"devices":[…]}`, an element a line.
async fn write_list(archive: &ArchiveWriter, devices: &[Value]) -> Result<()> {
    let entry = archive.stream("network_configs.json").await?;
    entry.bytes(b"{\"devices\":[".to_vec()).await?;
    for (index, device) in devices.iter().enumerate() {
        let comma = if index == 0 { "\n" } else { ",\n" };
        entry.bytes(format!("{comma}{device}").into_bytes()).await?;
    }
    entry.bytes(b"\n]}\n".to_vec()).await
}
