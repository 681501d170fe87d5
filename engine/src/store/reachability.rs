//! Whether devices answer.

use etiqa_model::device::DeviceStatus;
use etiqa_model::{DeviceId, Timestamp};

use crate::db::{Db, Result, RowExt, Tx};

/// Where a device is looked for, and how it stood.
#[derive(Debug, Clone)]
pub struct Place {
    /// Which device.
    pub id: DeviceId,
    /// IP address or host name.
    pub address: String,
    /// Its site.
    pub site: String,
    /// TCP port.
    pub port: u16,
    /// As it is stored.
    pub status: DeviceStatus,
}

/// What a look came to.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// The new status.
    pub status: DeviceStatus,
    /// When it was looked.
    pub at: Timestamp,
    /// When it was last there, where that is known.
    pub last_seen: Option<Timestamp>,
}

/// The enabled devices that can be looked at from here: those that are behind no jump host.
pub async fn reach_list(db: &Db) -> Result<Vec<Place>> {
    let rows = sqlx::query(
        "SELECT d.id, d.address, d.site, d.port, d.status FROM device d
         WHERE d.enabled = 1 AND d.jump_host_id IS NULL
           AND NOT EXISTS (SELECT 1 FROM jump_host j WHERE j.site = d.site)
         ORDER BY d.id",
    )
    .fetch_all(db.reader())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Place {
                id: DeviceId(row.int("id")?),
                address: row.text("address")?,
                site: row.text("site")?,
                port: row.count("port")?,
                status: row.named("status", DeviceStatus::parse)?,
            })
        })
        .collect()
}

/// Stores a device's new status.
pub async fn reach_save_in_txn(tx: &mut Tx, device: DeviceId, seen: &Seen) -> Result<()> {
    sqlx::query(
        "UPDATE device SET status = $2, status_at = $3, last_seen_at = COALESCE($4, last_seen_at) WHERE id = $1",
    )
    .bind(device.0)
    .bind(seen.status.as_str())
    .bind(seen.at.millis())
    .bind(seen.last_seen.map(Timestamp::millis))
    .execute(&mut **tx)
    .await?;
    Ok(())
}
