//! Whether there is room for an archive, before it is begun and while it grows.

use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use etiqa_model::backup::BackupConfig;

use super::prune::prune;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::files::Disk;
use crate::store::run::run_list_archived;

/// The disk is looked at after so many bytes.
const LOOK_AFTER: u64 = 16 << 20;

/// Why there is no room for the next archive of a backup config; none where there is. The archive before it tells how large
/// it will be. Where that is too much, what retention gives up anyway goes first.
pub(super) async fn lack_of_space(engine: &Engine, config: &BackupConfig) -> Result<Option<String>> {
    let newest = run_list_archived(&engine.db, config.id).await?.into_iter().next();
    let size = newest.and_then(|archived| archived.run.size_bytes).unwrap_or(0);
    let needed = size + size / 10;
    if room(engine).await? > needed {
        return Ok(None);
    }
    prune(engine, config).await?;
    let room = room(engine).await?;
    Ok((room <= needed).then(|| {
        let mib = |bytes: u64| bytes.div_ceil(1 << 20);
        format!(
            "There is too little space for the archive: it takes about {} MiB, and the disk of the backups has room for \
             {} MiB. Free some space, or keep fewer archives.",
            mib(needed),
            mib(room)
        )
    }))
}

async fn room(engine: &Engine) -> Result<u64> {
    let disk = Disk::look_at(engine.dir.backups()).await.map_err(Error::io("looking for free space"))?;
    Ok(disk.room())
}

/// Writes to a file that grows, and stops before the disk is so full that nothing else could be written.
pub(super) struct Sparing<W> {
    inner: W,
    folder: PathBuf,
    since: u64,
}

impl<W> Sparing<W> {
    pub(super) fn new(inner: W, folder: &Path) -> Self {
        Self { inner, folder: folder.to_owned(), since: LOOK_AFTER }
    }

    pub(super) fn into_inner(self) -> W {
        self.inner
    }
}

impl<W: Write> Write for Sparing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.since >= LOOK_AFTER {
            self.since = 0;
            if Disk::of(&self.folder)?.room() == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
        }
        let written = self.inner.write(bytes)?;
        self.since += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<W: Seek> Seek for Sparing<W> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}
