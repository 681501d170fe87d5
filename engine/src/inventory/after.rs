//! Devices for programs: a list that goes on after the last one that they have.

use etiqa_model::DeviceId;
use etiqa_model::device::{Device, DeviceFilter};
use etiqa_model::user::Reach;

use super::{asks_for_promises, promise};
use crate::engine::Engine;
use crate::error::Result;
use crate::store::after::device_list_after;
use crate::store::device::device_fill_lapses;
use crate::time::now;

/// At most `limit` devices in `filter` that somebody of this reach sees, after the one of this host name and id, by host name;
/// with what is overdue or in no backup of them.
pub async fn list_after(
    engine: &Engine,
    reach: &Reach,
    filter: &DeviceFilter,
    after: Option<(&str, DeviceId)>,
    limit: u32,
) -> Result<Vec<Device>> {
    let promises = promise::now_promised(engine, now()).await?;
    let asked = if asks_for_promises(filter) { &promises[..] } else { &[] };
    let mut devices = device_list_after(&engine.db, reach.scope(), filter, asked, after, limit).await?;
    device_fill_lapses(&engine.db, &promises, &mut devices).await?;
    Ok(devices)
}
