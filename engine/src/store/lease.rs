//! Leases: one session per device at a time, across runs, processes and machines; and what a process that is gone
//! held of any kind.

use etiqa_model::{DeviceId, Timestamp};

use crate::db::{Db, Result, RowExt, Tx};

/// Takes a device for `owner` until a time; false while somebody else has it.
pub async fn device_lease_take(
    db: &Db,
    device: DeviceId,
    owner: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<bool> {
    let mut tx = db.write().await?;
    let row = sqlx::query(
        "INSERT INTO device_lease (device_id, owner, expires_at) VALUES ($1, $2, $4)
         ON CONFLICT (device_id) DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at
           WHERE device_lease.expires_at <= $3 RETURNING device_id",
    )
    .bind(device.0)
    .bind(owner.to_owned())
    .bind(now.millis())
    .bind(until.millis())
    .fetch_optional(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(row.is_some())
}

/// Lets go of a device that `owner` has.
pub async fn device_lease_drop(db: &Db, device: DeviceId, owner: &str) -> Result<()> {
    let mut tx = db.write().await?;
    device_lease_drop_in_txn(&mut tx, device, owner).await?;
    Ok(tx.commit().await?)
}

/// Lets go of a device in the write that stores its result; false when `owner` does not have it (any more).
pub async fn device_lease_drop_in_txn(tx: &mut Tx, device: DeviceId, owner: &str) -> Result<bool> {
    let done = sqlx::query("DELETE FROM device_lease WHERE device_id = $1 AND owner = $2")
        .bind(device.0)
        .bind(owner.to_owned())
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Holds on to a device for longer; false when `owner` does not have it (any more).
pub async fn device_lease_extend(db: &Db, device: DeviceId, owner: &str, until: Timestamp) -> Result<bool> {
    let mut tx = db.write().await?;
    let done = sqlx::query("UPDATE device_lease SET expires_at = $3 WHERE device_id = $1 AND owner = $2")
        .bind(device.0)
        .bind(owner.to_owned())
        .bind(until.millis())
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(done.rows_affected() > 0)
}

/// Whether somebody has a device now.
pub async fn device_lease_is_taken(db: &Db, device: DeviceId, now: Timestamp) -> Result<bool> {
    sqlx::query("SELECT COUNT(*) AS n FROM device_lease WHERE device_id = $1 AND expires_at > $2")
        .bind(device.0)
        .bind(now.millis())
        .fetch_one(db.reader())
        .await?
        .flag("n")
}

/// Lets go of everything that processes known to be gone held: runs, jobs and devices whose owner begins with
/// `prefix`.
pub async fn leases_expire_of(db: &Db, prefix: &str, now: Timestamp) -> Result<()> {
    let mut tx = db.write().await?;
    for sql in [
        "UPDATE backup_run SET lease_expires_at = $2 WHERE status = 'running' AND owner LIKE $1",
        "UPDATE job SET lease_expires_at = $2 WHERE finished_at IS NULL AND lease_owner LIKE $1",
        "UPDATE device_lease SET expires_at = $2 WHERE owner LIKE $1",
    ] {
        sqlx::query(sql).bind(format!("{prefix}%")).bind(now.millis()).execute(&mut *tx).await?;
    }
    Ok(tx.commit().await?)
}
