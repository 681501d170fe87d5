//! Devices as those who tell of their changes: what a message is held against.

use etiqa_model::DeviceId;
use etiqa_model::device::DeviceType;

use crate::db::{Db, Result, RowExt};

/// A device that may send a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Teller {
    /// Which device.
    pub id: DeviceId,
    /// Where it is.
    pub site: String,
    /// IP address or host name.
    pub address: String,
    /// As a person calls it.
    pub hostname: String,
    /// What decides about its driver where it has no platform.
    pub device_type: DeviceType,
    /// The platform that was chosen for it.
    pub platform: Option<String>,
    /// The platform that it was recognised as.
    pub recognised: Option<String>,
}

/// Every enabled device, in the order of their ids.
pub async fn teller_list(db: &Db) -> Result<Vec<Teller>> {
    let rows = sqlx::query(
        "SELECT d.id, d.site, d.address, d.hostname, d.device_type, d.platform, f.platform AS recognised
         FROM device d LEFT JOIN device_fact f ON f.device_id = d.id WHERE d.enabled = 1 ORDER BY d.id",
    )
    .fetch_all(db.reader())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Teller {
                id: DeviceId(row.int("id")?),
                site: row.text("site")?,
                address: row.text("address")?,
                hostname: row.text("hostname")?,
                device_type: row.named("device_type", DeviceType::parse)?,
                platform: row.opt_text("platform")?,
                recognised: row.opt_text("recognised")?,
            })
        })
        .collect()
}
