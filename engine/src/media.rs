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

use crate::audit::{Act, action, record_in_txn};
use crate::backup::destinations::shared::{self, Fetch, SharedFile, media_name};
use crate::backup::{is_as_it_was, safe_name};
use crate::collect::{INCOMING_PREFIX, Incoming, Received};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::files::{Disk, rename_without_replacing, sync_folder};
use crate::inventory;
use crate::store::media::{
    NewMedia, media_delete_in_txn, media_fetch, media_hash_is_used, media_insert_in_txn, media_list,
    media_list_all,
};
use crate::time::now;

/// So many files of other machines may fail to come before an archive is made without the rest.
const FAILED_ENOUGH: u32 = 3;
/// No upload goes on for longer; what is older was cut off with its process.
const LONGEST_INCOMING: Duration = Duration::from_hours(24);

/// The files of a device, by name.
pub async fn list(engine: &Engine, device: DeviceId) -> Result<DeviceMedia> {
    let mut files = media_list(&engine.db, device).await?;
    for file in &mut files {
        let there = tokio::fs::metadata(path_of(engine, device, &file.file_name)).await;
        file.is_missing = !there.is_ok_and(|there| there.is_file() && there.len() == file.size_bytes);
    }
    // What another machine has is where all of them keep theirs.
    let not_here = files.iter().filter(|file| file.is_missing).map(|file| media_name(&file.sha256));
    let absent = shared::absent(engine, &not_here.collect::<Vec<_>>()).await?;
    for file in &mut files {
        file.is_missing = file.is_missing && absent.contains(&media_name(&file.sha256));
    }
    Ok(DeviceMedia { files, limit_mib: engine.settings().await?.max_media_mib })
}

/// Attached files that only another machine has, fetched from where all of them keep theirs: where each would be below the
/// folder of attached files, and where it is. One that does not come is left out.
pub(crate) async fn fetch_others(engine: &Engine) -> Result<Vec<(PathBuf, PathBuf)>> {
    let mut others = Vec::new();
    let mut failed = 0;
    if shared::named(engine).await?.is_none() {
        return Ok(others);
    }
    for media in media_list_all(&engine.db).await? {
        if is_here(engine, &media).await {
            continue;
        }
        match fetch(engine, &media).await {
            Ok(Some(path)) => others.push((relative(media.device_id, &media.file_name), path)),
            Ok(None) => {}
            Err(Error::User(error)) => {
                tracing::warn!(device = %media.device_id, file = %media.file_name, %error, "{error}");
                failed += 1;
                if failed == FAILED_ENOUGH {
                    break;
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(others)
}

/// Whether the file of a row is here: another machine may have given its name to another file.
async fn is_here(engine: &Engine, media: &Media) -> bool {
    is_as_it_was(&path_of(engine, media.device_id, &media.file_name), &media.sha256).await
}

/// Where a file that only another machine has is here for now; none: it is not to be had.
async fn fetch(engine: &Engine, media: &Media) -> Result<Option<PathBuf>> {
    let name = media_name(&media.sha256);
    shared::fetched(engine, &shared_file(&name, media.size_bytes, &media.sha256), Fetch::Once).await
}

fn shared_file<'a>(name: &'a str, size: u64, sha256: &'a str) -> SharedFile<'a> {
    SharedFile { what: "The attached file", name, size, sha256 }
}

/// How many attached files are neither here as they were attached, nor were fetched; each is named in the log.
pub(crate) async fn count_missing(engine: &Engine) -> Result<u64> {
    let mut missing = 0;
    for media in media_list_all(&engine.db).await? {
        let fetched = shared::fetched_path(engine, &media.sha256);
        if !is_here(engine, &media).await && !is_as_it_was(&fetched, &media.sha256).await {
            let (device, file) = (media.device_id, &media.file_name);
            tracing::error!(%device, %file, "the attached file {file} of device {device} is missing or damaged");
            missing += 1;
        }
    }
    Ok(missing)
}

/// A file, and where it is; what another machine has is fetched from where all of them keep theirs.
pub async fn open(engine: &Engine, id: MediaId) -> Result<(Media, PathBuf)> {
    let media = one(engine, id).await?;
    let path = path_of(engine, media.device_id, &media.file_name);
    if is_here(engine, &media).await {
        return Ok((media, path));
    }
    let fetched = fetch(engine, &media).await?;
    Ok((media, fetched.unwrap_or(path)))
}

async fn one(engine: &Engine, id: MediaId) -> Result<Media> {
    let media = media_fetch(&engine.db, id).await?;
    Ok(media.ok_or_else(|| UserError::not_found("attached file of this number"))?)
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
        let disk = Disk::look_at(folder.clone()).await.map_err(Error::io("looking for free space"))?;
        let room = disk.room();
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
        let (path, name) = (path_of(engine, device, &file_name), media_name(&sha256));
        let put = shared::put_at_once(engine, &shared_file(&name, size_bytes, &sha256), &path).await;
        if let Err(error) = put {
            remove_file(&path).await;
            return Err(error);
        }
        let new = NewMedia {
            device_id: device,
            file_name,
            size_bytes,
            sha256,
            uploaded_by: by.to_owned(),
            uploaded_at: now(),
        };
        let inserted = insert(engine, &new).await;
        if inserted.is_err() {
            // Another machine gave the name to another file just now, say: it must not be taken for that.
            remove_file(&path).await;
        }
        let id = inserted?;
        engine.events.send(Topic::Devices, device.0);
        one(engine, id).await
    }
}

async fn insert(engine: &Engine, new: &NewMedia) -> Result<MediaId> {
    let mut tx = engine.db.write().await?;
    let id = media_insert_in_txn(&mut tx, new).await?;
    let words = format!("To device {}.", new.device_id);
    record_in_txn(&mut tx, Act::new(action::MEDIA_ATTACH).on(id.0, &new.file_name).saying(words)).await?;
    tx.commit().await?;
    Ok(id)
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
    let media = one(engine, id).await?;
    let mut tx = engine.db.write().await?;
    media_delete_in_txn(&mut tx, id).await?;
    let words = format!("Of device {}.", media.device_id);
    record_in_txn(&mut tx, Act::new(action::MEDIA_REMOVE).on(id.0, &media.file_name).saying(words)).await?;
    tx.commit().await?;
    remove_all(engine, &media).await?;
    engine.events.send(Topic::Devices, media.device_id.0);
    Ok(media)
}

/// Deletes the files of a device that is gone, and its folder where nothing else is in it.
pub(crate) async fn forget_device(engine: &Engine, device: DeviceId, files: &[Media]) -> Result<()> {
    for file in files {
        remove_all(engine, file).await?;
    }
    // What somebody put there by hand is theirs: then it stays.
    let _ = tokio::fs::remove_dir(folder_of(engine, device)).await;
    Ok(())
}

/// Removes the file of a row that is gone, here and, unless another row has the same, where all machines keep theirs. What
/// cannot be removed is said in the log.
async fn remove_all(engine: &Engine, media: &Media) -> Result<()> {
    remove_file(&path_of(engine, media.device_id, &media.file_name)).await;
    if media_hash_is_used(&engine.db, &media.sha256).await? {
        return Ok(());
    }
    remove_file(&shared::fetched_path(engine, &media.sha256)).await;
    shared::remove(engine, &media_name(&media.sha256)).await?;
    Ok(())
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

/// Where the file of this name is, or would be.
pub(crate) fn path_of(engine: &Engine, device: DeviceId, name: &str) -> PathBuf {
    engine.dir.media().join(relative(device, name))
}

fn relative(device: DeviceId, name: &str) -> PathBuf {
    PathBuf::from(device.to_string()).join(safe_name(name))
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
