//! What was found out about devices.

use etiqa_model::device::DeviceFacts;
use etiqa_model::{CredentialId, DeviceId, Timestamp};

use crate::db::{Db, Result, RowExt, Tx};

/// What is known of a device; nothing where it was never collected.
pub async fn device_fact_fetch(db: &Db, device: DeviceId) -> Result<DeviceFacts> {
    let row = sqlx::query(
        "SELECT platform, credential_id, credential_generation, takes_previous, model, serial, os_version, unsaved
         FROM device_fact WHERE device_id = $1",
    )
    .bind(device.0)
    .fetch_optional(db.reader())
    .await?;
    let Some(row) = row else { return Ok(DeviceFacts::default()) };
    Ok(DeviceFacts {
        platform: row.opt_text("platform")?,
        credential_id: row.opt_int("credential_id")?.map(CredentialId),
        credential_generation: row.count("credential_generation")?,
        takes_previous: row.flag("takes_previous")?,
        model: row.opt_text("model")?,
        serial: row.opt_text("serial")?,
        os_version: row.opt_text("os_version")?,
        unsaved: row.opt_int("unsaved")?.map(|unsaved| unsaved != 0),
    })
}

/// Forgets what a device was recognised as. False: it was not recognised.
pub async fn device_fact_forget_platform(db: &Db, device: DeviceId, now: Timestamp) -> Result<bool> {
    let mut tx = db.write().await?;
    let done = sqlx::query(
        "UPDATE device_fact SET platform = NULL, changed_at = $2 WHERE device_id = $1 AND platform IS NOT NULL",
    )
    .bind(device.0)
    .bind(now.millis())
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(done.rows_affected() > 0)
}

/// Replaces what is known of a device.
pub async fn device_fact_save_in_txn(
    tx: &mut Tx,
    device: DeviceId,
    facts: &DeviceFacts,
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO device_fact (device_id, platform, credential_id, model, serial, os_version, unsaved, changed_at,
            credential_generation, takes_previous)
         VALUES ($1, $2, (SELECT id FROM credential WHERE id = $3), $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (device_id) DO UPDATE SET platform = excluded.platform, credential_id = excluded.credential_id,
            credential_generation = excluded.credential_generation, takes_previous = excluded.takes_previous,
            model = excluded.model, serial = excluded.serial, os_version = excluded.os_version,
            unsaved = excluded.unsaved, changed_at = excluded.changed_at",
    )
    .bind(device.0)
    .bind(facts.platform.clone())
    .bind(facts.credential_id.map(|id| id.0))
    .bind(facts.model.clone())
    .bind(facts.serial.clone())
    .bind(facts.os_version.clone())
    .bind(facts.unsaved.map(i64::from))
    .bind(now.millis())
    .bind(i64::from(facts.credential_generation))
    .bind(i64::from(facts.takes_previous))
    .execute(&mut **tx)
    .await?;
    Ok(())
}
