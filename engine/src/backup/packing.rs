//! A run's archive, written under its hidden name.

use std::path::PathBuf;

use etiqa_model::backup::BackupConfig;
use etiqa_model::device::Device;
use etiqa_model::run::Run;
use etiqa_model::{PassphraseId, Timestamp};
use tokio_util::sync::CancellationToken;

use super::archive::manifest::{Counts, FORMAT, Manifest};
use super::archive::seal::{Key, Seal, Witness};
use super::archive::writer::{ArchiveWriter, zip_time};
use super::contents::write_contents;
use super::sealing::seal_of;
use crate::db::newest_schema;
use crate::engine::Engine;
use crate::error::Result;
use crate::schedule::due::zone_or_utc;

/// An archive that is on the disk and was not read back yet.
pub(super) struct Packed {
    /// How much is in it.
    pub(super) counts: Counts,
    /// What reads it back.
    pub(super) key: Key,
    /// With which passphrase it is sealed.
    pub(super) passphrase: Option<PassphraseId>,
}

/// Writes the archive of a run that began at `started_at` into the new file `part`. None: it was cancelled.
pub(super) async fn pack(
    engine: &Engine,
    run: &Run,
    config: &BackupConfig,
    devices: &[Device],
    started_at: Timestamp,
    part: PathBuf,
    cancel: &CancellationToken,
) -> Result<Option<Packed>> {
    let (seal, passphrase) = seal_of(engine, config).await?;
    let witness = Witness::new();
    let key = match &seal {
        Seal::None => Key::None,
        Seal::Passphrase(passphrase) => Key::Passphrase(passphrase.clone()),
        Seal::Recipients(_) => witness.key(),
    };
    let zone = zone_or_utc(&config.schedule.time_zone);
    let writer = ArchiveWriter::create(part, zip_time(started_at, zone), seal, &witness);
    let written = tokio::select! {
        written = write_contents(engine, &writer, config, run.id, devices, started_at) => Some(written),
        () = cancel.cancelled() => None,
    };
    let written = match written {
        Some(Ok(written)) => written,
        // The thread knows why the pipe broke.
        Some(Err(error)) => return Err(writer.abandon().await.unwrap_or(error)),
        None => {
            writer.abandon().await;
            return Ok(None);
        }
    };
    let manifest = Manifest {
        format: FORMAT,
        made_by: format!("etiqa {}", env!("CARGO_PKG_VERSION")),
        created_at: started_at,
        backup_config: config.name.clone(),
        kind: config.kind,
        run_id: run.id,
        counts: written.counts,
        schema: if written.tables.is_empty() { 0 } else { newest_schema() },
        tables: written.tables,
        entries: Vec::new(),
    };
    let counts = manifest.counts;
    writer.finish(manifest).await?;
    Ok(Some(Packed { counts, key, passphrase }))
}
