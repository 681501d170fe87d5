//! Looking into an archive of this instance, taking single entries out of it, and keeping it for good.

use std::io::Read;

use etiqa_model::archive::{ArchiveDetail, ArchiveEntry, Contents, Encryption};
use etiqa_model::event::Topic;
use etiqa_model::run::Run;
use etiqa_model::{ErrorKind, RunId, UserError};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::archive::manifest::Manifest;
use super::archive::reader::{Archive, Refusal};
use super::find_run;
use super::restore::list;
use super::sealing::key_of;
use super::verify::{archive_file, archive_path};
use crate::audit::{Act, Changes, action, record_in_txn};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::store::after::archive_list_before;
use crate::store::drill::drill_fetch_newest;
use crate::store::run::run_is_protected;
use crate::store::run_note::{run_note_insert_in_txn, run_note_list};
use crate::store::run_write::run_protect_in_txn;
use crate::time::now;

/// Entries that a page shows.
const SHOWN: usize = 500;
/// Bytes of an entry that are read at once, and how many such pieces may wait.
const PIECE: usize = 64 * 1024;
const WAITING: usize = 8;

/// An archive, with those of its entries whose names hold `search`.
pub async fn archive_detail(engine: &Engine, id: RunId, search: &str) -> Result<ArchiveDetail> {
    let run = find_run(engine, id).await?;
    if run.file.is_none() {
        return Err(UserError::not_found(format!("archive of run {id}")).into());
    }
    let contents = match contents(engine, &run, search).await {
        Ok(contents) => Ok(contents),
        // Why it cannot be looked into is what the page is there to say.
        Err(Error::User(error)) => Err(error.message),
        Err(error) => return Err(error),
    };
    Ok(ArchiveDetail {
        protected: run_is_protected(&engine.db, id).await?,
        drill: drill_fetch_newest(&engine.db, id).await?,
        notes: run_note_list(&engine.db, id, 20).await?,
        contents,
        run,
    })
}

/// At most `limit` runs whose archives are there, with smaller numbers than `before`, newest first; each with whether a person
/// wants its archive kept for good.
pub async fn archives_before(engine: &Engine, before: Option<RunId>, limit: u32) -> Result<Vec<(Run, bool)>> {
    let archived = archive_list_before(&engine.db, before, limit).await?;
    Ok(archived.into_iter().map(|archived| (archived.run, archived.protected)).collect())
}

async fn contents(engine: &Engine, run: &Run, search: &str) -> Result<Contents> {
    archive_file(run)?;
    if run.encryption == Encryption::Age {
        return Err(UserError::conflict(sealed_for_others()).into());
    }
    let path = archive_path(engine, run).await?;
    let manifest = list(path, key_of(engine, run).await?).await?;
    Ok(found(manifest, search))
}

fn found(manifest: Manifest, search: &str) -> Contents {
    let search = search.trim().to_lowercase();
    let total = manifest.entries.len() as u64;
    let named = manifest.entries.into_iter().filter(|entry| entry.name.to_lowercase().contains(&search));
    let mut found = 0;
    let mut entries = Vec::new();
    for entry in named {
        found += 1;
        if entries.len() < SHOWN {
            entries.push(ArchiveEntry { name: entry.name, size: entry.size });
        }
    }
    Contents {
        made_by: manifest.made_by,
        devices: manifest.counts.devices,
        rows: manifest.counts.database_rows,
        total,
        found,
        entries,
    }
}

/// An entry that is being taken out of an archive.
pub struct OpenedEntry {
    /// Bytes, unpacked.
    pub size: u64,
    /// Its bytes; an error where they are not what was written.
    pub pieces: mpsc::Receiver<std::io::Result<Vec<u8>>>,
}

/// Opens the entry of this name. Its end is held against the archive's own checksum before it is given.
pub async fn open_entry(engine: &Engine, id: RunId, name: &str) -> Result<OpenedEntry> {
    let run = find_run(engine, id).await?;
    archive_file(&run)?;
    if run.encryption == Encryption::Age {
        return Err(UserError::conflict(sealed_for_others()).into());
    }
    let path = archive_path(engine, &run).await?;
    let archive = Archive::new(&path, key_of(engine, &run).await?);
    let (pieces, received) = mpsc::channel(WAITING);
    let (size, opened) = tokio::sync::oneshot::channel();
    let name = name.to_owned();
    spawn_blocking(move || {
        let mut size = Some(size);
        if let Err(error) = read_entry(&archive, &name, &mut size, &pieces)
            && let Some(size) = size.take()
        {
            let _ = size.send(Err(error));
        }
    });
    let size =
        opened.await.map_err(|error| Error::io("reading an archive")(std::io::Error::other(error)))??;
    Ok(OpenedEntry { size, pieces: received })
}

type Size = tokio::sync::oneshot::Sender<Result<u64>>;

fn read_entry(
    archive: &Archive,
    name: &str,
    size: &mut Option<Size>,
    pieces: &mpsc::Sender<std::io::Result<Vec<u8>>>,
) -> Result<()> {
    let refused = |refusal: Refusal| UserError::new(ErrorKind::Conflict, refusal.to_string());
    let mut zip = archive.open().map_err(Error::io("reading an archive"))?.map_err(refused)?;
    let index =
        zip.index_for_name(name).ok_or_else(|| UserError::not_found("file of this name in the archive"))?;
    let mut entry = archive.entry(&mut zip, index).map_err(refused)?;
    if let Some(size) = size.take() {
        let _ = size.send(Ok(entry.size()));
    }
    loop {
        let mut piece = vec![0; PIECE];
        match entry.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(read) => {
                piece.truncate(read);
                // Whoever asked for it went away.
                if pieces.blocking_send(Ok(piece)).is_err() {
                    return Ok(());
                }
            }
            Err(error) => {
                let _ = pieces.blocking_send(Err(error));
                return Ok(());
            }
        }
    }
}

/// Keeps the archive of a run for good, or leaves it to retention again.
pub async fn protect(engine: &Engine, id: RunId, protected: bool, by: &str) -> Result<()> {
    let run = find_run(engine, id).await?;
    archive_file(&run)?;
    let mut tx = engine.db.write().await?;
    if run_protect_in_txn(&mut tx, id, protected).await? {
        let note =
            if protected { format!("Kept for good by {by}.") } else { format!("Left to retention by {by}.") };
        run_note_insert_in_txn(&mut tx, id, &note, now()).await?;
        let changes =
            Changes::none().and("protected", Some((!protected).to_string()), Some(protected.to_string()));
        record_in_txn(&mut tx, Act::new(action::RUN_PROTECT).on(id.0, &run.name).changing(changes)).await?;
    }
    tx.commit().await?;
    engine.events.send(Topic::Runs, id.0);
    Ok(())
}

fn sealed_for_others() -> &'static str {
    "It is sealed for age recipients: only they can look into it, with their identity and `etiqa restore ARCHIVE --list`."
}
