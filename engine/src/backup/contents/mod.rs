//! What goes into an archive, in the order it is written.

mod configs;
mod database;
mod folder;

use std::collections::BTreeMap;

use etiqa_model::backup::{BackupConfig, BackupKind};
use etiqa_model::device::Device;
use etiqa_model::{RunId, Timestamp};

use super::archive::manifest::Counts;
use super::archive::writer::ArchiveWriter;
pub(super) use configs::distrust_damaged;
pub(super) use database::DATABASE;

use crate::engine::Engine;
use crate::error::Result;
use crate::media;

/// What was written.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// How much of everything.
    pub(super) counts: Counts,
    /// Rows of each table of `database.json`.
    pub(super) tables: BTreeMap<String, u64>,
}

/// Writes everything that `config` asks for. `devices` are those that it covers; `run` began at `started_at`.
pub(super) async fn write_contents(
    engine: &Engine,
    archive: &ArchiveWriter,
    config: &BackupConfig,
    run: RunId,
    devices: &[Device],
    started_at: Timestamp,
) -> Result<Written> {
    let mut written = Written::default();
    if config.include.database {
        written.tables = database::write_database(engine, archive).await?;
        written.counts.database_rows = written.tables.values().sum();
    }
    if config.kind != BackupKind::Data {
        written.counts += configs::write_configs(engine, archive, run, devices, started_at).await?;
    }
    if config.include.media {
        let others = media::fetch_others(engine).await?;
        written.counts.files += folder::write_folder(archive, &engine.dir.media(), "media", others).await?;
        written.counts.media_missing = media::count_missing(engine).await?;
    }
    if config.include.logs {
        written.counts.files += folder::write_folder(archive, &engine.dir.logs(), "logs", Vec::new()).await?;
    }
    Ok(written)
}
