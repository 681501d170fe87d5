//! Where an archive is: it grows under a hidden name, and is then given one that nobody has.

use std::io;
use std::path::{Path, PathBuf};

use etiqa_model::backup::BackupConfig;
use etiqa_model::{RunId, Timestamp};

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::files::{rename_without_replacing, sync_folder};
use crate::schedule::due::zone_or_utc;
use crate::store::run::run_fetch_by_file;
use crate::store::run_write::run_reserve_file;

/// Where a run's archive grows; hidden, and never taken for an archive.
pub(crate) fn part_file(engine: &Engine, id: RunId) -> PathBuf {
    engine.dir.backups().join(format!(".run-{id}.part"))
}

/// The run whose archive grows under this name.
pub(super) fn run_of_part(name: &str) -> Option<RunId> {
    name.strip_prefix(".run-")?.strip_suffix(".part")?.parse().ok().map(RunId)
}

/// Gives the verified archive its final name, which is never one that is taken, and makes that last; none when the
/// run is not ours any more. The run's row names the file before it is there: whatever stops the program in between,
/// somebody finds the row and removes the file.
pub(super) async fn publish(
    engine: &Engine,
    id: RunId,
    config: &BackupConfig,
    started_at: Timestamp,
    part: &Path,
) -> Result<Option<String>> {
    let local = started_at.to_utc().with_timezone(&zone_or_utc(&config.schedule.time_zone));
    let stem = format!("{}_{}", config.slug, local.format("%Y%m%d_%H%M%S"));
    let ending = config.encryption.extension();
    let folder = engine.dir.backups();
    for number in 1_u32.. {
        let file = if number == 1 { format!("{stem}.{ending}") } else { format!("{stem}_{number}.{ending}") };
        let path = folder.join(&file);
        // A name of an archive that is gone is not used again: it would mean two archives in history.
        let is_taken = tokio::fs::try_exists(&path).await.map_err(Error::io("naming an archive"))?;
        if is_taken || run_fetch_by_file(&engine.db, &file).await?.is_some() {
            continue;
        }
        if !run_reserve_file(&engine.db, id, &engine.owner, &file, engine.dir.files_id()).await? {
            return Ok(None);
        }
        failpoint("run.named");
        match rename(part.to_owned(), path).await {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Error::io("naming an archive")(error)),
            Ok(()) => {
                failpoint("run.published");
                return Ok(Some(file));
            }
        }
    }
    Err(Error::io("naming an archive")(io::ErrorKind::AlreadyExists.into()))
}

async fn rename(from: PathBuf, to: PathBuf) -> io::Result<()> {
    let renamed = tokio::task::spawn_blocking(move || {
        rename_without_replacing(&from, &to)?;
        to.parent().map_or(Ok(()), sync_folder)
    });
    renamed.await.map_err(io::Error::other)?
}
