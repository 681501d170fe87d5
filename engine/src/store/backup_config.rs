//! Backup configs.

use etiqa_model::archive::Encryption;
use etiqa_model::artifact::ArtifactCadence;
use etiqa_model::backup::{BackupConfig, BackupKind, NewBackupConfig};
use etiqa_model::selector::Selector;
use etiqa_model::{BackupConfigId, Timestamp};
use sqlx::any::AnyRow;

use super::lock::rows_lock_in_txn;
use crate::db::{Db, Filter, Result, RowExt, Tx, built, contains, json_text};

const SELECT: &str = "SELECT id, name, slug, kind, schedule, retention, include, artifacts, devices, enabled, next_run_at, \
                      encryption, recipients, promised_from, due_before, updated_at \
                      FROM backup_config";

/// Every one, by name.
pub async fn backup_config_list(db: &Db) -> Result<Vec<BackupConfig>> {
    let rows = sqlx::query(built(format!("{SELECT} ORDER BY name"))).fetch_all(db.reader()).await?;
    rows.iter().map(backup_config).collect()
}

/// At most `limit` with `search` in their names, in whatever case, by name; of these alone where named.
pub async fn backup_config_list_named(
    db: &Db,
    among: Option<&[BackupConfigId]>,
    search: &str,
    limit: u32,
) -> Result<Vec<BackupConfig>> {
    let mut filter = Filter::new();
    if let Some(among) = among {
        filter.and_one_of("id", among.iter().map(|config| config.0));
    }
    filter.and_text("lower(name) LIKE ? ESCAPE '\\'", contains(search));
    let rows = filter.query(SELECT, &format!(" ORDER BY name LIMIT {limit}")).fetch_all(db.reader()).await?;
    rows.iter().map(backup_config).collect()
}

/// One, by id.
pub async fn backup_config_fetch(db: &Db, id: BackupConfigId) -> Result<Option<BackupConfig>> {
    let row = Filter::new().and_int("id = ?", id.0).query(SELECT, "").fetch_optional(db.reader()).await?;
    row.as_ref().map(backup_config).transpose()
}

/// One, by id, within a transaction that may change it: nobody else changes it until that ends.
pub async fn backup_config_fetch_in_txn(tx: &mut Tx, id: BackupConfigId) -> Result<Option<BackupConfig>> {
    rows_lock_in_txn(tx, "backup_config", &[id.0]).await?;
    let row = Filter::new().and_int("id = ?", id.0).query(SELECT, "").fetch_optional(&mut **tx).await?;
    row.as_ref().map(backup_config).transpose()
}

/// One, by name.
pub async fn backup_config_fetch_by_name(db: &Db, name: &str) -> Result<Option<BackupConfig>> {
    let row = Filter::new().and_text("name = ?", name).query(SELECT, "").fetch_optional(db.reader()).await?;
    row.as_ref().map(backup_config).transpose()
}

/// Enabled ones whose time has come, the longest waiting first.
pub async fn backup_config_list_due(db: &Db, now: Timestamp) -> Result<Vec<BackupConfig>> {
    let rows = Filter::new()
        .and("enabled = 1")
        .and_int("next_run_at <= ?", now.millis())
        .query(SELECT, " ORDER BY next_run_at, id")
        .fetch_all(db.reader())
        .await?;
    rows.iter().map(backup_config).collect()
}

/// The earliest time that an enabled one is due.
pub async fn backup_config_next_due(db: &Db) -> Result<Option<Timestamp>> {
    sqlx::query("SELECT MIN(next_run_at) AS next FROM backup_config WHERE enabled = 1")
        .fetch_one(db.reader())
        .await?
        .opt_time("next")
}

/// Slugs that begin like this one, to find a free one.
pub async fn slug_list_in_txn(tx: &mut Tx) -> Result<Vec<String>> {
    let rows = sqlx::query("SELECT slug FROM backup_config").fetch_all(&mut **tx).await?;
    rows.iter().map(|row| row.text("slug")).collect()
}

/// Adds one; a unique violation when the name or the slug is taken.
pub async fn backup_config_insert_in_txn(
    tx: &mut Tx,
    new: &NewBackupConfig,
    slug: &str,
    next_run_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<BackupConfigId> {
    let row = sqlx::query(
        "INSERT INTO backup_config
           (name, slug, kind, schedule, retention, include, devices, enabled, next_run_at, created_at, updated_at,
            promised_from, artifacts, encryption, recipients)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $10, $11, $12, $13) RETURNING id",
    )
    .bind(new.name.clone())
    .bind(slug.to_owned())
    .bind(new.kind.as_str())
    .bind(json_text(&new.schedule)?)
    .bind(json_text(&new.retention)?)
    .bind(json_text(&new.include)?)
    .bind(new.devices.to_string())
    .bind(i64::from(new.enabled))
    .bind(next_run_at.map(Timestamp::millis))
    .bind(now.millis())
    .bind(new.artifacts.as_str())
    .bind(new.encryption.as_str())
    .bind(json_text(&new.recipients)?)
    .fetch_one(&mut **tx)
    .await?;
    Ok(BackupConfigId(row.int("id")?))
}

/// Replaces one; its slug stays, so that its archives keep their names.
pub async fn backup_config_update_in_txn(
    tx: &mut Tx,
    id: BackupConfigId,
    new: &NewBackupConfig,
    next_run_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "UPDATE backup_config SET name = $2, kind = $3, schedule = $4, retention = $5, include = $6, devices = $7,
                enabled = $8, next_run_at = $9, updated_at = $10, artifacts = $11, encryption = $12,
                recipients = $13 WHERE id = $1",
    )
    .bind(id.0)
    .bind(new.name.clone())
    .bind(new.kind.as_str())
    .bind(json_text(&new.schedule)?)
    .bind(json_text(&new.retention)?)
    .bind(json_text(&new.include)?)
    .bind(new.devices.to_string())
    .bind(i64::from(new.enabled))
    .bind(next_run_at.map(Timestamp::millis))
    .bind(now.millis())
    .bind(new.artifacts.as_str())
    .bind(new.encryption.as_str())
    .bind(json_text(&new.recipients)?)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Enables or disables one.
pub async fn backup_config_set_enabled_in_txn(
    tx: &mut Tx,
    id: BackupConfigId,
    enabled: bool,
    next_run_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<()> {
    sqlx::query("UPDATE backup_config SET enabled = $2, next_run_at = $3, updated_at = $4 WHERE id = $1")
        .bind(id.0)
        .bind(i64::from(enabled))
        .bind(next_run_at.map(Timestamp::millis))
        .bind(now.millis())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Moves a due one to its next time; false when somebody else moved it first.
pub async fn backup_config_advance_in_txn(
    tx: &mut Tx,
    id: BackupConfigId,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
) -> Result<bool> {
    let done = sqlx::query("UPDATE backup_config SET next_run_at = $3 WHERE id = $1 AND next_run_at = $2")
        .bind(id.0)
        .bind(from.map(Timestamp::millis))
        .bind(to.map(Timestamp::millis))
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Removes one; its runs stay. False when there was none.
pub async fn backup_config_delete_in_txn(tx: &mut Tx, id: BackupConfigId) -> Result<bool> {
    let done = sqlx::query("DELETE FROM backup_config WHERE id = $1").bind(id.0).execute(&mut **tx).await?;
    Ok(done.rows_affected() > 0)
}

fn backup_config(row: &AnyRow) -> Result<BackupConfig> {
    Ok(BackupConfig {
        id: BackupConfigId(row.int("id")?),
        name: row.text("name")?,
        slug: row.text("slug")?,
        kind: row.named("kind", BackupKind::parse)?,
        schedule: row.json("schedule")?,
        retention: row.json("retention")?,
        include: row.json("include")?,
        artifacts: row.named("artifacts", ArtifactCadence::parse)?,
        encryption: row.named("encryption", Encryption::parse)?,
        recipients: row.json("recipients")?,
        devices: row.named("devices", Selector::parse)?,
        enabled: row.flag("enabled")?,
        next_run_at: row.opt_time("next_run_at")?,
        promised_from: row.opt_time("promised_from")?,
        due_before: row.opt_time("due_before")?,
        updated_at: row.opt_time("updated_at")?,
    })
}
