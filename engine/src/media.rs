//! Files that people attach to a device. They lie under `media/<device id>/<file name>`, where archives take them from
//! and a restore puts them back.
//!
//! A file is whole on the disk before a row names it, and a row is gone before its file is: what is cut off in between
//! leaves a file that nothing names, never a row without its file.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use etiqa_model::class::Class;
use etiqa_model::event::Topic;
use etiqa_model::media::{DeviceMedia, Media, Refused};
use etiqa_model::{DeviceId, ErrorKind, MediaId, UserError};
use tokio::task::spawn_blocking;

use crate::backup::{is_as_it_was, safe_name};
use crate::collect::{INCOMING_PREFIX, Incoming, Received};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::files::{Disk, rename_without_replacing, sync_folder};
use crate::inventory;
use crate::store::media::{
    NewMedia, media_delete_in_txn, media_fetch, media_insert_in_txn, media_list, media_list_all,
};
use crate::time::now;

/// No upload goes on for longer; what is older was cut off with its process.
const LONGEST_INCOMING: Duration = Duration::from_hours(24);

/// The files of a device, by name.
pub async fn list(engine: &Engine, device: DeviceId) -> Result<DeviceMedia> {
    let mut files = media_list(&engine.db, device).await?;
    for file in &mut files {
        file.is_missing = !path_of(engine, device, &file.file_name).is_file();
    }
    Ok(DeviceMedia { files, limit_mib: engine.settings().await?.max_media_mib })
}

/// How many attached files are not here as they were attached; each is named in the log.
pub(crate) async fn count_missing(engine: &Engine) -> Result<u64> {
    let mut missing = 0;
    for media in media_list_all(&engine.db).await? {
        let path = path_of(engine, media.device_id, &media.file_name);
        if !is_as_it_was(&path, &media.sha256).await {
            let (device, file) = (media.device_id, &media.file_name);
            tracing::error!(%device, %file, "the attached file {file} of device {device} is missing or damaged");
            missing += 1;
        }
    }
    Ok(missing)
}

/// A file, and where it is.
pub async fn open(engine: &Engine, id: MediaId) -> Result<(Media, PathBuf)> {
    let media = media_fetch(&engine.db, id).await?;
    let media = media.ok_or_else(|| UserError::not_found("attached file of this number"))?;
    let path = path_of(engine, media.device_id, &media.file_name);
    Ok((media, path))
}

/// The file of this name that is attached to a device.
pub async fn find(engine: &Engine, device: DeviceId, name: &str) -> Result<Media> {
    let found = media_list(&engine.db, device).await?.into_iter().find(|media| media.file_name == name);
    Ok(found.ok_or_else(|| UserError::not_found(format!("file named \"{name}\" at this device")))?)
}

/// A file that is being attached, piece by piece.
#[derive(Debug)]
pub struct Attaching<'a> {
    engine: &'a Engine,
    device: DeviceId,
    name: String,
    incoming: Incoming,
    /// Bytes that the disk had room for when it began.
    room: u64,
    size: u64,
}

impl<'a> Attaching<'a> {
    /// Begins to attach a file; `name` is what its owner calls it.
    pub async fn begin(engine: &'a Engine, device: DeviceId, name: &str) -> Result<Self> {
        inventory::fetch(engine, device).await?;
        let folder = folder_of(engine, device);
        let made = {
            let (folder, media) = (folder.clone(), engine.dir.media());
            spawn_blocking(move || make_folder(&folder, &media)).await
        };
        made.map_err(io::Error::other)
            .and_then(|made| made)
            .map_err(Error::io("making a folder for files"))?;
        let room = Disk::of(&folder).map_err(Error::io("looking for free space"))?.room();
        let limit = u64::from(engine.settings().await?.max_media_mib) << 20;
        let incoming = Incoming::create(&folder, limit).await.map_err(Error::io("storing a file"))?;
        // What comes before the last slash, of either kind, is somebody else's folder.
        let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
        Ok(Self { engine, device, name: safe_name(name), incoming, room, size: 0 })
    }

    /// Puts the next piece to it; refused as soon as it is too large for the limit or the disk.
    pub async fn write(&mut self, piece: &[u8]) -> Result<(), Refused> {
        self.size += piece.len() as u64;
        if self.size > self.room {
            return Err(Refused::DiskFull);
        }
        self.incoming.write(piece).await.map_err(|failure| match failure.class {
            Class::TooLarge => Refused::TooLarge,
            _ => Refused::DiskFull,
        })
    }

    /// Whether nothing came yet.
    pub fn is_empty(&self) -> bool {
        self.size == 0
    }

    /// Keeps it, under its name or, where that is taken, with a number.
    pub async fn finish(self, by: &str) -> Result<Media> {
        if self.is_empty() {
            return Err(refused(Refused::Empty));
        }
        let Self { engine, device, name, incoming, .. } = self;
        let received = incoming.finish().await.map_err(|_| refused(Refused::DiskFull))?;
        let (size_bytes, sha256) = (received.size_bytes, received.sha256.clone());
        let folder = folder_of(engine, device);
        // A row whose file went missing keeps its name as well.
        let known = media_list(&engine.db, device).await?;
        let known: HashSet<String> = known.into_iter().map(|media| media.file_name).collect();
        let named = spawn_blocking(move || give_name(&received, &folder, &name, &known)).await;
        let named = named.map_err(io::Error::other).and_then(|named| named);
        let file_name = named.map_err(Error::io("keeping a file"))?;
        let new = NewMedia {
            device_id: device,
            file_name,
            size_bytes,
            sha256,
            uploaded_by: by.to_owned(),
            uploaded_at: now(),
        };
        let mut tx = engine.db.write().await?;
        let id = media_insert_in_txn(&mut tx, &new).await?;
        tx.commit().await?;
        engine.events.send(Topic::Devices, device.0);
        Ok(open(engine, id).await?.0)
    }
}

/// Why a file was not taken, for a person.
pub fn refused(reason: Refused) -> Error {
    let kind = match reason {
        Refused::DiskFull => ErrorKind::Unavailable,
        Refused::Empty | Refused::TooLarge | Refused::BrokenOff => ErrorKind::Invalid,
    };
    UserError::new(kind, reason.sentence()).into()
}

/// Deletes an attached file.
pub async fn remove(engine: &Engine, id: MediaId) -> Result<Media> {
    let (media, path) = open(engine, id).await?;
    let mut tx = engine.db.write().await?;
    media_delete_in_txn(&mut tx, id).await?;
    tx.commit().await?;
    remove_file(&path).await;
    engine.events.send(Topic::Devices, media.device_id.0);
    Ok(media)
}

/// Deletes the files of a device that is gone, and its folder where nothing else is in it.
pub(crate) async fn forget_device(engine: &Engine, device: DeviceId, files: &[Media]) {
    for file in files {
        remove_file(&path_of(engine, device, &file.file_name)).await;
    }
    // What somebody put there by hand is theirs: then it stays.
    let _ = tokio::fs::remove_dir(folder_of(engine, device)).await;
}

async fn remove_file(path: &Path) {
    match tokio::fs::remove_file(path).await {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(file = %path.display(), %error, "{} could not be removed", path.display());
        }
        _ => {}
    }
}

fn folder_of(engine: &Engine, device: DeviceId) -> PathBuf {
    engine.dir.media().join(device.to_string())
}

fn path_of(engine: &Engine, device: DeviceId, name: &str) -> PathBuf {
    folder_of(engine, device).join(safe_name(name))
}

fn make_folder(folder: &Path, media: &Path) -> io::Result<()> {
    match std::fs::create_dir(folder) {
        Ok(()) => sync_folder(media),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Renames a whole file to the first free name: `plan.pdf`, `plan_2.pdf`, … On the disk when this returns.
fn give_name(file: &Received, folder: &Path, name: &str, known: &HashSet<String>) -> io::Result<String> {
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => (stem, format!(".{extension}")),
        _ => (name, String::new()),
    };
    let numbered = (2_u32..).map(|number| format!("{stem}_{number}{extension}"));
    for free in std::iter::once(name.to_owned()).chain(numbered).filter(|free| !known.contains(free)) {
        match rename_without_replacing(&file.path, &folder.join(&free)) {
            Ok(()) => {
                sync_folder(folder)?;
                return Ok(free);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Removes what was on its way in when its process ended. Blocks.
pub(crate) fn sweep(media: &Path) -> io::Result<()> {
    for device in std::fs::read_dir(media)? {
        let device = device?;
        if !device.file_type()?.is_dir() {
            continue;
        }
        for entry in std::fs::read_dir(device.path())? {
            let entry = entry?;
            let is_incoming = entry.file_name().to_string_lossy().starts_with(INCOMING_PREFIX);
            let age = entry.metadata()?.modified()?.elapsed().unwrap_or_default();
            if is_incoming && age > LONGEST_INCOMING {
                std::fs::remove_file(entry.path())?;
            }
        }
    }
    Ok(())
}
