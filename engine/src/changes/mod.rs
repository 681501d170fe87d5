//! Devices that tell of their changes, by syslog or through a webhook, are collected soon after.
//!
//! What comes in is a hint and nothing more: anybody can send a message in a device's name. So all that it brings about is a
//! job that collects that device, one for however many messages; a device that goes on telling is collected once it has been
//! quiet for a while, or has told for long enough. No message is stored, and none is logged where people look.

mod ear;
mod frames;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod known;
mod listen;
mod message;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use etiqa_model::device::Device;
use etiqa_model::event::Topic;
use etiqa_model::machine::Syslog;
use etiqa_model::user::Reach;
use etiqa_model::{DeviceId, ErrorKind, JobId, Timestamp, UserError};

pub use listen::{Sockets, listen};

use crate::audit::{Act, action, record};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::fleet::{Purpose, collect_fleet};
use crate::inventory;
use crate::pause::schedule_pause;
use crate::schedule::{Work, enqueue_change_in_txn};
use crate::store::device::device_list_of;
use crate::store::job::{job_drop_key, job_fetch_open_by_key};
use crate::store::lease::device_lease_is_taken;
use crate::store::result::change_in_vain_in_txn;
use crate::time::now;

/// So long a device has to be quiet before it is collected, unless a server is told otherwise.
const QUIET: Duration = Duration::from_secs(30);
/// A device that is never quiet is collected after so long all the same.
const LONGEST: Duration = Duration::from_mins(5);
/// A device that somebody has a session with is looked at again after so long.
const WHILE_BUSY: Duration = Duration::from_secs(5);
/// While schedules are paused, a changed device waits, and is looked at so often.
const WHILE_PAUSED: Duration = Duration::from_mins(5);
/// A device that told of a change so often in a row and had none may tell of the program's own sessions.
const OFTEN_IN_VAIN: u32 = 3;
/// Devices in one request.
const MOST_NAMED: usize = 100;

/// What this process heard of changes.
#[derive(Debug)]
pub struct Changes {
    /// Where it is listened, where it is.
    address: OnceLock<SocketAddr>,
    quiet_ms: AtomicU64,
    /// Messages that came in.
    received: AtomicU64,
    /// Messages that told of a change.
    told: AtomicU64,
    /// Messages that were left out because there were too many.
    dropped: AtomicU64,
    /// Messages of senders that are no devices.
    strange: AtomicU64,
    /// TCP connections that were turned away because there were too many, and those that were cut.
    refused: AtomicU64,
}

impl Default for Changes {
    fn default() -> Self {
        Self {
            address: OnceLock::new(),
            quiet_ms: AtomicU64::new(QUIET.as_millis() as u64),
            received: AtomicU64::new(0),
            told: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            strange: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }
}

impl Changes {
    /// How long a device has to be quiet before it is collected; five minutes at most.
    pub fn set_quiet(&self, quiet: Duration) {
        let quiet = quiet.min(LONGEST);
        self.quiet_ms.store(quiet.as_millis() as u64, Ordering::Relaxed);
    }

    /// What was heard since the start, where it is listened.
    pub(crate) fn heard(&self) -> Option<Syslog> {
        let address = self.address.get()?.to_string();
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Some(Syslog { address, messages: count(&self.received), changes: count(&self.told) })
    }

    fn quiet(&self) -> Duration {
        Duration::from_millis(self.quiet_ms.load(Ordering::Relaxed))
    }
}

/// Has the devices of these host names or addresses collected, as if each had told of a change now: all of them, or none where
/// one is not known, or not seen by somebody of this reach. Gives the devices. Refused unless an admin has switched it on.
pub async fn report(engine: &Engine, reach: &Reach, names: &[String]) -> Result<Vec<Device>> {
    if !engine.settings().await?.change_webhook {
        let message = "Changes are not taken here: an admin switches that on under Admin, Settings.";
        return Err(UserError::new(ErrorKind::Forbidden, message).into());
    }
    let devices = named(engine, reach, names).await?;
    if let Some(disabled) = devices.iter().find(|device| !device.enabled) {
        let message = format!("{} is disabled, so that nothing collects it by itself.", disabled.hostname);
        return Err(UserError::conflict(message).into());
    }
    let changed: Vec<_> = devices.iter().map(|device| (device.id, device.site.clone())).collect();
    queue(engine, &changed).await?;
    record(&engine.db, inventory::on_devices(Act::new(action::DEVICE_CHANGED), &devices)).await?;
    Ok(devices)
}

/// The devices of these names, each once.
async fn named(engine: &Engine, reach: &Reach, names: &[String]) -> Result<Vec<Device>> {
    let names: Vec<&str> = names.iter().map(|name| name.trim()).filter(|name| !name.is_empty()).collect();
    if names.is_empty() || names.len() > MOST_NAMED {
        let message = format!("Name 1 to {MOST_NAMED} devices, by host name or address.");
        return Err(UserError::invalid(message).into());
    }
    let mut devices = BTreeMap::new();
    let mut unknown = Vec::new();
    for name in names {
        match inventory::find_seen(engine, reach, name).await {
            Ok(device) => {
                devices.insert(device.id, device);
            }
            Err(Error::User(error)) if error.kind == ErrorKind::NotFound => {
                unknown.push(format!("\"{name}\""));
            }
            Err(error) => return Err(error),
        }
    }
    if unknown.is_empty() {
        return Ok(devices.into_values().collect());
    }
    let message = format!("There is no device named {}; nothing was queued.", unknown.join(", "));
    Err(UserError::new(ErrorKind::NotFound, message).into())
}

/// Queues the collection of devices, each at its site, that told of a change now. Gives when each is due.
async fn queue(engine: &Engine, devices: &[(DeviceId, String)]) -> Result<Vec<(DeviceId, Timestamp)>> {
    let (at, usual) = (now(), engine.changes.quiet());
    let mut due_at = Vec::with_capacity(devices.len());
    let mut fresh = Vec::new();
    let mut tx = engine.db.write().await?;
    for (device, site) in devices {
        // One that may only tell of the program's own sessions is not collected for each of them.
        let is_in_vain = change_in_vain_in_txn(&mut tx, *device, OFTEN_IN_VAIN).await?;
        let quiet = if is_in_vain { LONGEST } else { usual };
        let due = enqueue_change_in_txn(&mut tx, (*device, site.as_str()), at, quiet, LONGEST).await?;
        if due.created_at == at {
            fresh.push(*device);
        }
        due_at.push((*device, due.due_at));
    }
    tx.commit().await?;
    if fresh.is_empty() {
        return Ok(due_at);
    }
    engine.tell_of_work();
    for device in fresh {
        tracing::info!(%device, "device {device} told of a change; it is collected soon");
        engine.events.send(Topic::Devices, device.0);
    }
    Ok(due_at)
}

/// Whether a device is to be collected because it told of a change.
pub(crate) async fn is_waiting(engine: &Engine, device: DeviceId) -> Result<bool> {
    let Some(key) = (Work::Change { device }).idempotency_key() else { return Ok(false) };
    Ok(job_fetch_open_by_key(&engine.db, &key).await?.is_some())
}

/// Collects a device that told of a change. Some: not now, but after so long.
pub(crate) async fn collect_changed(
    engine: &Arc<Engine>,
    job: JobId,
    device: DeviceId,
) -> Result<Option<Duration>> {
    if schedule_pause(engine).await?.is_some() {
        return Ok(Some(WHILE_PAUSED));
    }
    // A session that began before the change may not see it, and this one would only hold a place until that one ends.
    if device_lease_is_taken(&engine.db, device, now()).await? {
        return Ok(Some(WHILE_BUSY));
    }
    // What the device tells from now on is for another session: this one may be past the place.
    job_drop_key(&engine.db, job).await?;
    let mut found = device_list_of(&engine.db, &[device]).await?;
    found.retain(|device| device.enabled);
    let purpose = Purpose { run: None, job: Some(job), may_reuse: false };
    let report = collect_fleet(engine, found, purpose, &engine.stopping, |_| {}).await?;
    if report.ok > 0 {
        say_if_in_vain(engine, device).await?;
    }
    engine.events.send(Topic::Devices, device.0);
    Ok(None)
}

/// Says once of a device that tells of changes and has none.
async fn say_if_in_vain(engine: &Engine, device: DeviceId) -> Result<()> {
    let mut tx = engine.db.write().await?;
    let is_known = change_in_vain_in_txn(&mut tx, device, OFTEN_IN_VAIN + 1).await?;
    let is_in_vain = change_in_vain_in_txn(&mut tx, device, OFTEN_IN_VAIN).await?;
    tx.rollback().await?;
    if is_in_vain && !is_known {
        tracing::warn!(
            %device,
            "device {device} told of changes {OFTEN_IN_VAIN} times and had none: it may tell of the program's own sessions. \
             From now on it is collected every five minutes at most for what it tells; see [change] of its driver"
        );
    }
    Ok(())
}
