//! Texts as files: one, those of a device, or those of the whole network, as they are or as they were at a time.
//!
//! Many are a zip that is made while it is sent: nothing is kept on disk, and one text at a time is in memory.

use std::io::{self, Write};
use std::sync::Arc;

use chrono_tz::Tz;
use etiqa_model::compare::Moment;
use etiqa_model::config::ConfigVersion;
use etiqa_model::device::Device;
use etiqa_model::user::Reach;
use etiqa_model::{ConfigVersionId, DeviceId, Timestamp};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::compare::instant;
use super::read::fetch;
use super::reader::Reader;
use crate::backup::{UniqueNames, safe_name, zip_time};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::inventory;
use crate::schedule::due::zone_or_utc;
use crate::store::config_version::{version_list_active, version_list_as_of};
use crate::time::now;

/// Bytes that are handed on at once, and how many such pieces may wait.
const PIECE: usize = 64 * 1024;
const WAITING: usize = 8;

/// Whose texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Of one device.
    Device(DeviceId),
    /// Of every device that is seen.
    Network,
}

/// A file that is being made.
pub struct Export {
    /// Its name: letters, digits, `.`, `_` and `-`.
    pub file_name: String,
    /// Its bytes; an error where it broke off.
    pub pieces: mpsc::Receiver<io::Result<Vec<u8>>>,
}

/// One text, with its file name.
pub async fn text_file(engine: &Engine, id: ConfigVersionId, reader: Reader) -> Result<(String, String)> {
    let version = fetch(engine, id).await?;
    let device = inventory::fetch(engine, version.device_id).await?;
    let name =
        format!("{}_{}_v{}.cfg", safe_name(&device.hostname), safe_name(&version.part), version.version);
    Ok((name, reader.read(engine, &version).await?))
}

/// A zip of texts of devices that somebody of this reach sees: the active ones, or of each part the one that was active at a time; `<hostname>/<part>.cfg` and
/// `texts.json`, which says what each one is. Devices that were deleted since are not in it. Local times are those of
/// `zone`, an IANA name.
pub async fn texts_zip(
    engine: &Arc<Engine>,
    reach: &Reach,
    whose: Whose,
    at: Option<Moment>,
    reader: Reader,
    zone: &str,
) -> Result<Export> {
    let at = at.map(|moment| instant(moment, zone)).transpose()?;
    let (devices, name) = match whose {
        Whose::Device(id) => {
            let device = inventory::fetch(engine, id).await?;
            let name = safe_name(&device.hostname);
            (vec![device], name)
        }
        Whose::Network => (inventory::seen(engine, reach).await?, "network".to_owned()),
    };
    let (pieces, received) = mpsc::channel(WAITING);
    let (files, to_pack) = mpsc::channel(2);
    let asked = Asked { engine: Arc::clone(engine), at, reader };
    tokio::spawn(async move { asked.give(devices, files).await });
    let zone = zone_or_utc(zone);
    spawn_blocking(move || {
        if let Err(error) = pack(to_pack, zone, &pieces) {
            // Whoever asked for it went away, or is told that it broke off.
            let _ = pieces.blocking_send(Err(error));
        }
    });
    let stamp = at.unwrap_or_else(now).to_utc().format("%Y%m%d_%H%M%SZ");
    Ok(Export { file_name: format!("{name}_{stamp}.zip"), pieces: received })
}

/// What is asked for of every device.
struct Asked {
    engine: Arc<Engine>,
    at: Option<Timestamp>,
    reader: Reader,
}

/// A file on its way into the zip, or why there will be no more.
type ToPack = std::result::Result<(String, Timestamp, String), ()>;

impl Asked {
    /// Gives every text, then `texts.json`.
    async fn give(self, devices: Vec<Device>, files: mpsc::Sender<ToPack>) {
        let mut folders = UniqueNames::default();
        let mut listed = String::from("{\"texts\":[");
        for device in devices {
            let folder = folders.take(&safe_name(&device.hostname));
            let versions = match self.versions(device.id).await {
                Ok(versions) => versions,
                Err(error) => return broken_off(error, &files).await,
            };
            let mut names = UniqueNames::default();
            for version in versions {
                let name = format!("{folder}/{}.cfg", names.take(&safe_name(&version.part)));
                let read = self.reader.read(&self.engine, &version).await;
                let comma = if listed.ends_with('[') { "\n" } else { ",\n" };
                listed.push_str(comma);
                listed.push_str(&said_of(&device, &version, &name, read.as_ref().err()));
                match read {
                    Ok(text) => {
                        if files.send(Ok((name, version.collected_at, text))).await.is_err() {
                            return;
                        }
                    }
                    // It cannot be masked; that is said in the list.
                    Err(Error::User(_)) => {}
                    Err(error) => return broken_off(error, &files).await,
                }
            }
        }
        listed.push_str("\n]}\n");
        let at = self.at.unwrap_or_else(now);
        // Nobody waits for it where this fails.
        let _ = files.send(Ok(("texts.json".to_owned(), at, listed))).await;
    }

    async fn versions(&self, device: DeviceId) -> Result<Vec<ConfigVersion>> {
        Ok(match self.at {
            Some(at) => version_list_as_of(&self.engine.db, device, at).await?,
            None => version_list_active(&self.engine.db, device).await?,
        })
    }
}

async fn broken_off(error: Error, files: &mpsc::Sender<ToPack>) {
    tracing::error!(%error, "a download of texts broke off");
    let _ = files.send(Err(())).await;
}

fn said_of(device: &Device, version: &ConfigVersion, file: &str, problem: Option<&Error>) -> String {
    let problem = problem.map(|error| match error {
        Error::User(error) => error.message.clone(),
        _ => "It could not be read.".to_owned(),
    });
    json!({
        "hostname": device.hostname,
        "address": device.address,
        "port": device.port,
        "site": device.site,
        "part": version.part,
        "version": version.version,
        "collected_at": version.collected_at,
        "label": version.label,
        "file": file,
        "problem": problem,
    })
    .to_string()
}

/// Packs what comes, until it ends.
fn pack(
    mut files: mpsc::Receiver<ToPack>,
    zone: Tz,
    pieces: &mpsc::Sender<io::Result<Vec<u8>>>,
) -> io::Result<()> {
    let out = Pieces { waiting: Vec::with_capacity(PIECE), pieces: pieces.clone() };
    let mut zip = ZipWriter::new_stream(out);
    while let Some(file) = files.blocking_recv() {
        let (name, at, text) = file.map_err(|()| io::Error::other("the texts could not be read"))?;
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(zip_time(at, zone));
        zip.start_file(name, options)?;
        zip.write_all(text.as_bytes())?;
    }
    let mut out = zip.finish()?.into_inner();
    out.flush()
}

/// Hands bytes on in pieces.
struct Pieces {
    waiting: Vec<u8>,
    pieces: mpsc::Sender<io::Result<Vec<u8>>>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.waiting, Vec::with_capacity(PIECE));
        self.pieces.blocking_send(Ok(piece)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
