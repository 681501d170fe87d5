//! What was found out about devices.

use etiqa_model::device::DeviceFacts;
use etiqa_model::{CredentialId, DeviceId, JumpHostId, Timestamp};
use sqlx::any::AnyRow;

use crate::db::{Db, Result, RowExt, Tx, built};

/// Zeros where there is no row to a device.
const COLUMNS: &str = "f.platform, f.credential_id, COALESCE(f.credential_generation, 0) AS credential_generation, \
     COALESCE(f.takes_previous, 0) AS takes_previous, f.model, f.serial, f.os_version, f.unsaved";

/// What a session with a device begins with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// What is known of the device.
    pub facts: DeviceFacts,
    /// Its remembered key, in OpenSSH's public key format.
    pub host_key: Option<String>,
    /// The jump host that it is reached through: its own, else the first of its site. None: it is reached straight.
    pub jump_host: Option<JumpHostId>,
}

/// What a session with a device begins with, in one query: a whole fleet asks this. Nothing where there is no such
/// device.
pub async fn known_fetch(db: &Db, device: DeviceId) -> Result<Known> {
    let sql = format!(
        "SELECT {COLUMNS}, k.openssh,
                COALESCE(d.jump_host_id, (SELECT MIN(j.id) FROM jump_host j WHERE j.site = d.site)) AS jump_host
         FROM device d LEFT JOIN device_fact f ON f.device_id = d.id LEFT JOIN host_key k ON k.device_id = d.id
         WHERE d.id = $1"
    );
    let row = sqlx::query(built(sql)).bind(device.0).fetch_optional(db.reader()).await?;
    let Some(row) = row else { return Ok(Known::default()) };
    Ok(Known {
        facts: facts(&row)?,
        host_key: row.opt_text("openssh")?,
        jump_host: row.opt_int("jump_host")?.map(JumpHostId),
    })
}

/// What is known of a device; nothing where it was never collected.
pub async fn device_fact_fetch(db: &Db, device: DeviceId) -> Result<DeviceFacts> {
    let sql = format!("SELECT {COLUMNS} FROM device_fact f WHERE f.device_id = $1");
    let row = sqlx::query(built(sql)).bind(device.0).fetch_optional(db.reader()).await?;
    row.as_ref().map(facts).transpose().map(Option::unwrap_or_default)
}

fn facts(row: &AnyRow) -> Result<DeviceFacts> {
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
    let done = device_fact_forget_platform_in_txn(&mut tx, device, now).await?;
    tx.commit().await?;
    Ok(done)
}

/// [`device_fact_forget_platform`] within a transaction.
pub async fn device_fact_forget_platform_in_txn(
    tx: &mut Tx,
    device: DeviceId,
    now: Timestamp,
) -> Result<bool> {
    let done = sqlx::query(
        "UPDATE device_fact SET platform = NULL, changed_at = $2 WHERE device_id = $1 AND platform IS NOT NULL",
    )
    .bind(device.0)
    .bind(now.millis())
    .execute(&mut **tx)
    .await?;
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
