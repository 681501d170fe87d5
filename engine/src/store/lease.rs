//! Leases: one session per device at a time, and one fetching of its own backup, across runs, processes and machines;
//! and what a process that is gone held of any kind.

use etiqa_model::{DeviceId, Timestamp};

use crate::db::{Db, Result, RowExt, Tx, built};

/// Devices that a session has.
const SESSION: &str = "device_lease";
/// Devices whose own backup is being fetched.
const ARTIFACT: &str = "artifact_lease";

/// Takes a device for `owner` until a time; false while somebody else has it.
pub async fn device_lease_take(
    db: &Db,
    device: DeviceId,
    owner: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<bool> {
    take(db, SESSION, device, owner, now, until).await
}

/// Lets go of a device that `owner` has.
pub async fn device_lease_drop(db: &Db, device: DeviceId, owner: &str) -> Result<()> {
    let owner = owner.to_owned();
    db.write_together(move |tx| {
        Box::pin(async move { device_lease_drop_in_txn(tx, device, &owner).await.map(drop) })
    })
    .await
}

/// Lets go of a device in the write that stores its result; false when `owner` does not have it (any more).
pub async fn device_lease_drop_in_txn(tx: &mut Tx, device: DeviceId, owner: &str) -> Result<bool> {
    drop_in_txn(tx, SESSION, device, owner).await
}

/// Holds on to a device for longer; false when `owner` does not have it (any more).
pub async fn device_lease_extend(db: &Db, device: DeviceId, owner: &str, until: Timestamp) -> Result<bool> {
    extend(db, SESSION, device, owner, until).await
}

/// Whether somebody has a device now.
pub async fn device_lease_is_taken(db: &Db, device: DeviceId, now: Timestamp) -> Result<bool> {
    is_taken(db, SESSION, device, now).await
}

/// Takes the fetching of a device's own backup for `owner` until a time; false while somebody else has it.
pub async fn artifact_lease_take(
    db: &Db,
    device: DeviceId,
    owner: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<bool> {
    take(db, ARTIFACT, device, owner, now, until).await
}

/// Lets go of the fetching of a device's own backup.
pub async fn artifact_lease_drop(db: &Db, device: DeviceId, owner: &str) -> Result<()> {
    let mut tx = db.write().await?;
    drop_in_txn(&mut tx, ARTIFACT, device, owner).await?;
    Ok(tx.commit().await?)
}

/// Holds on to the fetching of a device's own backup; false when `owner` does not have it (any more).
pub async fn artifact_lease_extend(db: &Db, device: DeviceId, owner: &str, until: Timestamp) -> Result<bool> {
    extend(db, ARTIFACT, device, owner, until).await
}

/// Whether somebody fetches a device's own backup now.
pub async fn artifact_lease_is_taken(db: &Db, device: DeviceId, now: Timestamp) -> Result<bool> {
    is_taken(db, ARTIFACT, device, now).await
}

async fn take(
    db: &Db,
    table: &str,
    device: DeviceId,
    owner: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<bool> {
    let sql = format!(
        "INSERT INTO {table} (device_id, owner, expires_at) VALUES ($1, $2, $4)
         ON CONFLICT (device_id) DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at
           WHERE {table}.expires_at <= $3 RETURNING device_id"
    );
    let query =
        sqlx::query(built(sql)).bind(device.0).bind(owner.to_owned()).bind(now.millis()).bind(until.millis());
    Ok(db.write_one(query).await?.is_some())
}

async fn drop_in_txn(tx: &mut Tx, table: &str, device: DeviceId, owner: &str) -> Result<bool> {
    let done = sqlx::query(built(format!("DELETE FROM {table} WHERE device_id = $1 AND owner = $2")))
        .bind(device.0)
        .bind(owner.to_owned())
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() > 0)
}

async fn extend(db: &Db, table: &str, device: DeviceId, owner: &str, until: Timestamp) -> Result<bool> {
    let sql =
        format!("UPDATE {table} SET expires_at = $3 WHERE device_id = $1 AND owner = $2 RETURNING device_id");
    let query = sqlx::query(built(sql)).bind(device.0).bind(owner.to_owned()).bind(until.millis());
    Ok(db.write_one(query).await?.is_some())
}

async fn is_taken(db: &Db, table: &str, device: DeviceId, now: Timestamp) -> Result<bool> {
    let sql = format!("SELECT COUNT(*) AS n FROM {table} WHERE device_id = $1 AND expires_at > $2");
    sqlx::query(built(sql)).bind(device.0).bind(now.millis()).fetch_one(db.reader()).await?.flag("n")
}

/// Lets go of everything that processes known to be gone held: runs, jobs, devices and inventory sources whose owner begins
/// with `prefix`.
pub async fn leases_expire_of(db: &Db, prefix: &str, now: Timestamp) -> Result<()> {
    let mut tx = db.write().await?;
    for sql in [
        "UPDATE backup_run SET lease_expires_at = $2 WHERE status = 'running' AND owner LIKE $1",
        "UPDATE job SET lease_expires_at = $2 WHERE finished_at IS NULL AND lease_owner LIKE $1",
        "UPDATE device_lease SET expires_at = $2 WHERE owner LIKE $1",
        "UPDATE artifact_lease SET expires_at = $2 WHERE owner LIKE $1",
        "UPDATE inventory_source SET lease_expires_at = $2 WHERE lease_owner LIKE $1",
    ] {
        sqlx::query(sql).bind(format!("{prefix}%")).bind(now.millis()).execute(&mut *tx).await?;
    }
    Ok(tx.commit().await?)
}

/// Lets go of the devices that the sessions of a process have which is gone.
pub async fn session_leases_expire_of(db: &Db, owner: &str, now: Timestamp) -> Result<()> {
    let (of_sessions, now) = (format!("{owner}/%"), now.millis());
    let taken = "SELECT device_id FROM device_lease WHERE owner LIKE $1 AND expires_at > $2
                 UNION ALL SELECT device_id FROM artifact_lease WHERE owner LIKE $1 AND expires_at > $2 LIMIT 1";
    // It is asked every few seconds of who vanished long ago.
    if sqlx::query(taken).bind(of_sessions.clone()).bind(now).fetch_optional(db.reader()).await?.is_none() {
        return Ok(());
    }
    let mut tx = db.write().await?;
    for sql in [
        "UPDATE device_lease SET expires_at = $2 WHERE owner LIKE $1 AND expires_at > $2",
        "UPDATE artifact_lease SET expires_at = $2 WHERE owner LIKE $1 AND expires_at > $2",
    ] {
        sqlx::query(sql).bind(of_sessions.clone()).bind(now).execute(&mut *tx).await?;
    }
    Ok(tx.commit().await?)
}

/// Lets no lease, of whatever kind, last beyond `latest`.
pub async fn leases_shorten_in_txn(tx: &mut Tx, latest: Timestamp) -> Result<()> {
    for sql in [
        "UPDATE backup_run SET lease_expires_at = $1 WHERE status = 'running' AND lease_expires_at > $1",
        "UPDATE job SET lease_expires_at = $1 WHERE finished_at IS NULL AND lease_expires_at > $1",
        "UPDATE device_lease SET expires_at = $1 WHERE expires_at > $1",
        "UPDATE artifact_lease SET expires_at = $1 WHERE expires_at > $1",
        "UPDATE inventory_source SET lease_expires_at = $1 WHERE lease_expires_at > $1",
    ] {
        sqlx::query(sql).bind(latest.millis()).execute(&mut **tx).await?;
    }
    Ok(())
}
