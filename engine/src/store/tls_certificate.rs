//! TLS certificates of appliances: the one that a person pinned, and one that waits for a person.

use etiqa_model::artifact::Certificate;
use etiqa_model::{DeviceId, Timestamp};

use crate::db::{Db, Result, RowExt, Tx};

/// What is known of a device's certificate; none where nothing ever was.
pub async fn tls_certificate_fetch(db: &Db, device: DeviceId) -> Result<Option<Certificate>> {
    let row = sqlx::query("SELECT pinned, offered FROM tls_certificate WHERE device_id = $1")
        .bind(device.0)
        .fetch_optional(db.reader())
        .await?;
    row.map(|row| Ok(Certificate { pinned: row.opt_text("pinned")?, offered: row.opt_text("offered")? }))
        .transpose()
}

/// Keeps a certificate that was not trusted aside for a person to look at.
pub async fn tls_certificate_offer_in_txn(
    tx: &mut Tx,
    device: DeviceId,
    sha256: &str,
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO tls_certificate (device_id, offered, changed_at) VALUES ($1, $2, $3)
         ON CONFLICT (device_id) DO UPDATE SET offered = excluded.offered, changed_at = excluded.changed_at",
    )
    .bind(device.0)
    .bind(sha256.to_owned())
    .bind(now.millis())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Forgets the certificate that waits.
pub async fn tls_certificate_withdraw_in_txn(tx: &mut Tx, device: DeviceId) -> Result<()> {
    sqlx::query("UPDATE tls_certificate SET offered = NULL WHERE device_id = $1 AND offered IS NOT NULL")
        .bind(device.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Pins the certificate that waits; false when none does, or another one than `sha256`.
pub async fn tls_certificate_accept(db: &Db, device: DeviceId, sha256: &str, now: Timestamp) -> Result<bool> {
    let mut tx = db.write().await?;
    let done = tls_certificate_accept_in_txn(&mut tx, device, sha256, now).await?;
    tx.commit().await?;
    Ok(done)
}

/// [`tls_certificate_accept`] within a transaction.
pub async fn tls_certificate_accept_in_txn(
    tx: &mut Tx,
    device: DeviceId,
    sha256: &str,
    now: Timestamp,
) -> Result<bool> {
    let done = sqlx::query(
        "UPDATE tls_certificate SET pinned = offered, offered = NULL, changed_at = $2
         WHERE device_id = $1 AND offered = $3",
    )
    .bind(device.0)
    .bind(now.millis())
    .bind(sha256.to_owned())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Forgets the pinned certificate: from now on it is verified as others are. False when there was none.
pub async fn tls_certificate_forget(db: &Db, device: DeviceId) -> Result<bool> {
    let mut tx = db.write().await?;
    let done = tls_certificate_forget_in_txn(&mut tx, device).await?;
    tx.commit().await?;
    Ok(done)
}

/// [`tls_certificate_forget`] within a transaction.
pub async fn tls_certificate_forget_in_txn(tx: &mut Tx, device: DeviceId) -> Result<bool> {
    let done = sqlx::query("DELETE FROM tls_certificate WHERE device_id = $1")
        .bind(device.0)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() > 0)
}
