//! Devices: changing the inventory.

use std::collections::HashMap;

use etiqa_model::device::NewDevice;
use etiqa_model::{CredentialId, DeviceId, JumpHostId, Timestamp};

use super::promise::is_chosen_by;
use crate::db::{Db, Result, RowExt, Tx, built};

/// A device with its credential looked up.
#[derive(Debug, Clone)]
pub struct DeviceRow {
    /// What a person said of it.
    pub device: NewDevice,
    /// Its credential, where it names one.
    pub credential_id: Option<CredentialId>,
    /// Its jump host, where it names one.
    pub jump_host_id: Option<JumpHostId>,
}

/// Rows per statement. SQLite looks a placeholder up by walking all of a statement's, so that the cost of a statement
/// grows with the square of its rows: 100,000 devices took 33 s by 500 rows.
const BATCH: usize = 20;

const COLUMNS: &str = "site, address, port, hostname, device_type, platform, transport, credential_id, \
                       description, jump_host_id, legacy_ssh, https_port, enabled, status, status_at, created_at, updated_at, \
                       promised_from";
const COLUMN_COUNT: usize = 18;

/// Adds devices, enabled; a unique violation when one is there already. Ids in the order of `rows`.
pub async fn device_insert_in_txn(tx: &mut Tx, rows: &[DeviceRow], now: Timestamp) -> Result<Vec<DeviceId>> {
    let mut ids = Vec::with_capacity(rows.len());
    for batch in rows.chunks(BATCH) {
        let sql = format!(
            "INSERT INTO device ({COLUMNS}) VALUES {} RETURNING id, site, address, port",
            places(batch.len(), COLUMN_COUNT)
        );
        let query = batch.iter().fold(sqlx::query(built(sql)), |query, row| {
            let device = &row.device;
            query
                .bind(device.site.clone())
                .bind(device.address.clone())
                .bind(i64::from(device.port))
                .bind(device.hostname.clone())
                .bind(device.device_type.as_str())
                .bind(device.platform.clone())
                .bind(device.transport.as_str())
                .bind(row.credential_id.map(|id| id.0))
                .bind(device.description.clone())
                .bind(row.jump_host_id.map(|id| id.0))
                .bind(i64::from(device.legacy_ssh))
                .bind(device.https_port.map(i64::from))
                .bind(1_i64)
                .bind(device.status.as_str())
                .bind(None::<i64>)
                .bind(now.millis())
                .bind(now.millis())
                .bind(now.millis())
        });
        let inserted = query.persistent(false).fetch_all(&mut **tx).await?;
        // Neither database promises the order of what RETURNING gives.
        let mut by_identity = HashMap::with_capacity(batch.len());
        for row in &inserted {
            let identity = (row.text("site")?, row.text("address")?, row.int("port")?);
            by_identity.insert(identity, DeviceId(row.int("id")?));
        }
        let batch_ids = batch
            .iter()
            .map(|DeviceRow { device, .. }| {
                let identity = (device.site.clone(), device.address.clone(), i64::from(device.port));
                by_identity.get(&identity).copied().ok_or(sqlx::Error::RowNotFound)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let tags = batch_ids.iter().zip(batch).map(|(id, row)| (*id, row.device.tags.as_slice()));
        tags_insert_in_txn(tx, tags).await?;
        ids.extend(batch_ids);
    }
    Ok(ids)
}

/// Replaces what a person said of a device; a unique violation when another one has its new identity. False when there
/// is no such device (any more).
pub async fn device_update_in_txn(
    tx: &mut Tx,
    id: DeviceId,
    row: &DeviceRow,
    now: Timestamp,
) -> Result<bool> {
    let device = &row.device;
    let by_site = is_chosen_by("'site:' || CAST($2 AS TEXT)");
    let by_type = is_chosen_by("'type:' || CAST($6 AS TEXT)");
    let done = sqlx::query(built(format!(
        "UPDATE device SET site = $2, address = $3, port = $4, hostname = $5, device_type = $6, platform = $7,
                transport = $8, credential_id = $9, description = $10, updated_at = $11, jump_host_id = $12,
                legacy_ssh = $13, https_port = $14,
                promised_from = CASE WHEN (site <> $2 AND {by_site}) OR (device_type <> $6 AND {by_type})
                                THEN $11 ELSE promised_from END WHERE id = $1"
    )))
    .bind(id.0)
    .bind(device.site.clone())
    .bind(device.address.clone())
    .bind(i64::from(device.port))
    .bind(device.hostname.clone())
    .bind(device.device_type.as_str())
    .bind(device.platform.clone())
    .bind(device.transport.as_str())
    .bind(row.credential_id.map(|id| id.0))
    .bind(device.description.clone())
    .bind(now.millis())
    .bind(row.jump_host_id.map(|id| id.0))
    .bind(i64::from(device.legacy_ssh))
    .bind(device.https_port.map(i64::from))
    .execute(&mut **tx)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    let had = sqlx::query("SELECT tag FROM device_tag WHERE device_id = $1")
        .bind(id.0)
        .fetch_all(&mut **tx)
        .await?;
    let had = had.iter().map(|row| row.text("tag")).collect::<Result<Vec<_>>>()?;
    sqlx::query("DELETE FROM device_tag WHERE device_id = $1").bind(id.0).execute(&mut **tx).await?;
    tags_insert_in_txn(tx, [(id, device.tags.as_slice())]).await?;
    let by_tag = is_chosen_by("'tag:' || CAST($3 AS TEXT)");
    for tag in device.tags.iter().filter(|tag| !had.contains(tag)) {
        sqlx::query(built(format!("UPDATE device SET promised_from = $2 WHERE id = $1 AND {by_tag}")))
            .bind(id.0)
            .bind(now.millis())
            .bind(tag.clone())
            .execute(&mut **tx)
            .await?;
    }
    Ok(true)
}

/// Enables or disables a device; false when there is none.
pub async fn device_set_enabled(db: &Db, id: DeviceId, enabled: bool, now: Timestamp) -> Result<bool> {
    let mut tx = db.write().await?;
    let done = device_set_enabled_in_txn(&mut tx, id, enabled, now).await?;
    tx.commit().await?;
    Ok(done)
}

/// [`device_set_enabled`] within a transaction.
pub async fn device_set_enabled_in_txn(
    tx: &mut Tx,
    id: DeviceId,
    enabled: bool,
    now: Timestamp,
) -> Result<bool> {
    let done = sqlx::query(
        "UPDATE device SET enabled = $2, updated_at = $3,
                promised_from = CASE WHEN enabled < $2 THEN $3 ELSE promised_from END WHERE id = $1",
    )
    .bind(id.0)
    .bind(i64::from(enabled))
    .bind(now.millis())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Removes a device with its versions and results; false when there was none. Texts that nothing refers to any
/// more go with it.
pub async fn device_delete(db: &Db, id: DeviceId) -> Result<bool> {
    let mut tx = db.write().await?;
    let done = device_delete_in_txn(&mut tx, id).await?;
    tx.commit().await?;
    Ok(done)
}

/// The same, within a transaction.
pub async fn device_delete_in_txn(tx: &mut Tx, id: DeviceId) -> Result<bool> {
    let texts = sqlx::query("SELECT DISTINCT text_sha256 FROM config_version WHERE device_id = $1")
        .bind(id.0)
        .fetch_all(&mut **tx)
        .await?;
    let done = sqlx::query("DELETE FROM device WHERE id = $1").bind(id.0).execute(&mut **tx).await?;
    for text in &texts {
        sqlx::query(
            "DELETE FROM config_text WHERE sha256 = $1
             AND NOT EXISTS (SELECT 1 FROM config_version WHERE text_sha256 = $1)",
        )
        .bind(text.text("text_sha256")?)
        .execute(&mut **tx)
        .await?;
    }
    Ok(done.rows_affected() > 0)
}

async fn tags_insert_in_txn<'a>(
    tx: &mut Tx,
    tags: impl IntoIterator<Item = (DeviceId, &'a [String])>,
) -> Result<()> {
    let pairs: Vec<(DeviceId, &String)> =
        tags.into_iter().flat_map(|(id, tags)| tags.iter().map(move |tag| (id, tag))).collect();
    for batch in pairs.chunks(BATCH) {
        let sql = format!("INSERT INTO device_tag (device_id, tag) VALUES {}", places(batch.len(), 2));
        let query = batch
            .iter()
            .fold(sqlx::query(built(sql)), |query, (id, tag)| query.bind(id.0).bind((*tag).clone()));
        query.persistent(false).execute(&mut **tx).await?;
    }
    Ok(())
}

/// `($1,$2),($3,$4),…` for so many rows of so many columns.
fn places(rows: usize, columns: usize) -> String {
    let row = |row: usize| {
        let places: Vec<String> =
            (1..=columns).map(|column| format!("${}", row * columns + column)).collect();
        format!("({})", places.join(","))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(",")
}
