//! Host keys: remembered on first use, a changed one kept aside until a person accepts it.

use etiqa_model::device::HostKeyView;
use etiqa_model::{DeviceId, Timestamp};

use crate::db::{Db, Result, RowExt, Tx};

/// The remembered key as a page shows it.
pub async fn host_key_view(db: &Db, device: DeviceId) -> Result<Option<HostKeyView>> {
    let row = sqlx::query(
        "SELECT fingerprint, first_seen_at, offered_fingerprint FROM host_key WHERE device_id = $1",
    )
    .bind(device.0)
    .fetch_optional(db.reader())
    .await?;
    row.map(|row| {
        Ok(HostKeyView {
            fingerprint: row.text("fingerprint")?,
            first_seen_at: row.time("first_seen_at")?,
            offered: row.opt_text("offered_fingerprint")?,
        })
    })
    .transpose()
}

/// Remembers the first key that a device showed; a known one stays.
pub async fn host_key_remember_in_txn(
    tx: &mut Tx,
    device: DeviceId,
    openssh: &str,
    fingerprint: &str,
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO host_key (device_id, openssh, fingerprint, first_seen_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (device_id) DO NOTHING",
    )
    .bind(device.0)
    .bind(openssh.to_owned())
    .bind(fingerprint.to_owned())
    .bind(now.millis())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Keeps a changed key aside for a person to look at.
pub async fn host_key_offer_in_txn(
    tx: &mut Tx,
    device: DeviceId,
    openssh: &str,
    fingerprint: &str,
) -> Result<()> {
    sqlx::query("UPDATE host_key SET offered_openssh = $2, offered_fingerprint = $3 WHERE device_id = $1")
        .bind(device.0)
        .bind(openssh.to_owned())
        .bind(fingerprint.to_owned())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Takes the changed key as the device's own; false when none waits.
pub async fn host_key_accept_in_txn(tx: &mut Tx, device: DeviceId, now: Timestamp) -> Result<bool> {
    let done = sqlx::query(
        "UPDATE host_key SET openssh = offered_openssh, fingerprint = offered_fingerprint, first_seen_at = $2,
                offered_openssh = NULL, offered_fingerprint = NULL
         WHERE device_id = $1 AND offered_openssh IS NOT NULL",
    )
    .bind(device.0)
    .bind(now.millis())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}
