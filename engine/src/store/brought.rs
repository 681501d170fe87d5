//! Versions and runs that another program made, stored as they were: nothing here took, wrote or verified them.

use etiqa_model::backup::BackupKind;
use etiqa_model::config::VersionState;
use etiqa_model::run::{RunStatus, Trigger};
use etiqa_model::{BackupConfigId, DeviceId, RunId, Timestamp};

pub use super::config_version::version_retire_in_txn;
use crate::db::{Result, RowExt, Tx};

/// Stands where a version has the hash of the driver that took it: no driver has it, so that the next text is held against
/// this one by the rules of its own driver.
const BROUGHT: &str = "imported";

/// A version that is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownVersion {
    /// Its number.
    pub number: u32,
    /// SHA-256 of its text.
    pub sha256: String,
    /// Another program made it.
    pub is_brought: bool,
}

/// A version that another program made.
#[derive(Debug, Clone)]
pub struct BroughtVersion {
    /// Whose.
    pub device_id: DeviceId,
    /// `running`, `startup`, …
    pub part: String,
    /// Its number there and here.
    pub number: u32,
    /// Active or inactive.
    pub state: VersionState,
    /// SHA-256 of the text.
    pub text_sha256: String,
    /// SHA-256 of the text with its volatile spans replaced.
    pub compare_sha256: String,
    /// Bytes of the text.
    pub size_bytes: u64,
    /// Its lines.
    pub lines: u32,
    /// Lines added against the version before.
    pub added: u32,
    /// Lines removed.
    pub removed: u32,
    /// When it was taken.
    pub collected_at: Timestamp,
    /// The driver by whose rules secrets in it are masked.
    pub driver: String,
}

/// A run that another program made, and that is over.
#[derive(Debug, Clone)]
pub struct BroughtRun {
    /// Of which config.
    pub backup_config_id: Option<BackupConfigId>,
    /// The config's name.
    pub name: String,
    /// What its archive held.
    pub kind: BackupKind,
    /// How it ended.
    pub status: RunStatus,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// Bytes of its archive.
    pub size_bytes: Option<i64>,
    /// Why it failed.
    pub error: Option<String>,
}

/// The versions of a part, by number.
pub async fn version_list_known_in_txn(
    tx: &mut Tx,
    device: DeviceId,
    part: &str,
) -> Result<Vec<KnownVersion>> {
    let rows = sqlx::query(
        "SELECT version, text_sha256, driver_sha256 FROM config_version WHERE device_id = $1 AND part = $2
         ORDER BY version",
    )
    .bind(device.0)
    .bind(part.to_owned())
    .fetch_all(&mut **tx)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(KnownVersion {
                number: row.count("version")?,
                sha256: row.text("text_sha256")?,
                is_brought: row.text("driver_sha256")? == BROUGHT,
            })
        })
        .collect()
}

/// Stores a version under its own number; a unique violation where there is one of that number.
pub async fn version_bring_in_txn(tx: &mut Tx, new: &BroughtVersion) -> Result<()> {
    sqlx::query(
        "INSERT INTO config_version (device_id, part, version, state, text_sha256, compare_sha256, size_bytes,
            lines, added, removed, collected_at, driver, driver_sha256)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(new.device_id.0)
    .bind(new.part.clone())
    .bind(i64::from(new.number))
    .bind(new.state.as_str())
    .bind(new.text_sha256.clone())
    .bind(new.compare_sha256.clone())
    .bind(i64::try_from(new.size_bytes).unwrap_or(i64::MAX))
    .bind(i64::from(new.lines))
    .bind(i64::from(new.added))
    .bind(i64::from(new.removed))
    .bind(new.collected_at.millis())
    .bind(new.driver.clone())
    .bind(BROUGHT)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Whether this run is here already: one of the same name and times.
pub async fn run_is_brought_in_txn(tx: &mut Tx, run: &BroughtRun) -> Result<bool> {
    let found = sqlx::query(
        "SELECT id FROM backup_run WHERE finished_at = $1 AND queued_at = $2 AND name = $3 AND started_by = $4 LIMIT 1",
    )
    .bind(run.finished_at.millis())
    .bind(run.started_at.millis())
    .bind(run.name.clone())
    .bind(Trigger::Import.as_str())
    .fetch_optional(&mut **tx)
    .await?;
    Ok(found.is_some())
}

/// Whether a config has a run of this program's.
pub async fn run_has_own_in_txn(tx: &mut Tx, config: BackupConfigId) -> Result<bool> {
    let found =
        sqlx::query("SELECT id FROM backup_run WHERE backup_config_id = $1 AND started_by <> $2 LIMIT 1")
            .bind(config.0)
            .bind(Trigger::Import.as_str())
            .fetch_optional(&mut **tx)
            .await?;
    Ok(found.is_some())
}

/// Stores a run that is over. It has no archive here, and nothing of it is verified.
pub async fn run_bring_in_txn(tx: &mut Tx, run: &BroughtRun) -> Result<RunId> {
    let row = sqlx::query(
        "INSERT INTO backup_run (backup_config_id, name, kind, status, phase, started_by, queued_at, started_at,
            finished_at, size_bytes, error)
         VALUES ($1, $2, $3, $4, 'waiting', $5, $6, $6, $7, $8, $9) RETURNING id",
    )
    .bind(run.backup_config_id.map(|id| id.0))
    .bind(run.name.clone())
    .bind(run.kind.as_str())
    .bind(run.status.as_str())
    .bind(Trigger::Import.as_str())
    .bind(run.started_at.millis())
    .bind(run.finished_at.millis())
    .bind(run.size_bytes)
    .bind(run.error.clone())
    .fetch_one(&mut **tx)
    .await?;
    Ok(RunId(row.int("id")?))
}
