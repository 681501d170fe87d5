//! One device, from its row to its result: the lease, the logins, the session, the record.

use std::sync::Arc;
use std::time::Duration;

use etiqa_model::Timestamp;
use etiqa_model::admin::Settings;
use etiqa_model::class::Class;
use etiqa_model::device::{Device, DeviceResult};
use etiqa_model::event::Topic;
use tokio_util::sync::CancellationToken;

use super::{Context, Purpose, logins};
use crate::collect::{Driver, Endpoint, Facts, Limits, Outcome, Target, collect};
use crate::engine::Engine;
use crate::error::Result;
use crate::history::record::{Session, record};
use crate::store::host_key::host_key_fetch;
use crate::store::lease::{device_lease_drop, device_lease_drop_in_txn, device_lease_take};
use crate::store::result::{NewResult, result_fetch_recent, result_insert_in_txn};
use crate::time::now;

/// A result that is younger than this is taken instead of a second session.
const FRESH: Duration = Duration::from_mins(1);
/// How often a device that somebody else has is asked for again.
const LEASE_RETRY: Duration = Duration::from_millis(500);
/// A lease outlives the session's deadline by this much.
const LEASE_MARGIN: Duration = Duration::from_mins(1);

/// Collects one device and stores what came of it.
pub(super) async fn collect_device(context: Arc<Context>, device: Device) -> Result<Class> {
    let Context { engine, drivers, settings, purpose, cancel } = &*context;
    let Some(driver) = drivers.for_device(device.platform.as_deref(), device.device_type) else {
        return without_session(engine, &device, *purpose, unsupported(&device)).await;
    };
    let limits = limits(settings);
    if !take_lease(engine, &device, limits.deadline, cancel).await? {
        let ending = if cancel.is_cancelled() {
            (Class::Cancelled, "Cancelled before the session began.")
        } else {
            (Class::Timeout, "Another session with this device did not end in time.")
        };
        return without_session(engine, &device, *purpose, (ending.0, ending.1.to_owned())).await;
    }
    let result = with_lease(&context, &device, &driver, &limits).await;
    if result.is_err() {
        // The record lets go of the lease with its own write; without one it has to be said.
        device_lease_drop(&engine.db, device.id, &engine.owner).await?;
    }
    result
}

async fn with_lease(context: &Context, device: &Device, driver: &Driver, limits: &Limits) -> Result<Class> {
    let Context { engine, purpose, cancel, .. } = context;
    if purpose.may_reuse
        && let Some(recent) = result_fetch_recent(&engine.db, device.id, now().minus(FRESH)).await?
    {
        return reuse(engine, device, *purpose, &recent).await;
    }
    let endpoint = Endpoint {
        address: device.address.clone(),
        port: device.port,
        host_key: host_key_fetch(&engine.db, device.id).await?,
        legacy: false,
    };
    let target = Target { endpoint, transport: device.transport, via: Vec::new() };
    let logins = logins::logins_for(engine, device.id).await?;
    if logins.is_empty() {
        return finish(engine, device, driver, *purpose, now(), no_credential(device)).await;
    }
    // The slot is held only while a session is on.
    let slot = tokio::select! {
        slot = engine.sessions.acquire() => slot,
        () = cancel.cancelled() => {
            let outcome = failed(Class::Cancelled, "Cancelled before the session began.");
            return finish(engine, device, driver, *purpose, now(), outcome).await;
        }
    };
    let started_at = now();
    let outcome = collect(&target, driver, &logins, limits, cancel).await;
    drop(slot);
    finish(engine, device, driver, *purpose, started_at, outcome).await
}

async fn finish(
    engine: &Engine,
    device: &Device,
    driver: &Driver,
    purpose: Purpose,
    started_at: Timestamp,
    outcome: Outcome,
) -> Result<Class> {
    let session = Session { device, driver, purpose, started_at, finished_at: now() };
    let class = record(engine, &session, outcome).await?;
    engine.events.send(Topic::Devices, device.id.0);
    Ok(class)
}

async fn take_lease(
    engine: &Engine,
    device: &Device,
    deadline: Duration,
    cancel: &CancellationToken,
) -> Result<bool> {
    let give_up_at = now().plus(deadline);
    loop {
        let at = now();
        let until = at.plus(deadline + LEASE_MARGIN);
        if device_lease_take(&engine.db, device.id, &engine.owner, at, until).await? {
            return Ok(true);
        }
        if at >= give_up_at {
            return Ok(false);
        }
        tokio::select! {
            () = tokio::time::sleep(LEASE_RETRY) => {}
            () = cancel.cancelled() => return Ok(false),
        }
    }
}

async fn reuse(engine: &Engine, device: &Device, purpose: Purpose, recent: &DeviceResult) -> Result<Class> {
    let new = NewResult {
        message: format!(
            "Taken over from {} s ago: {}",
            now().since(recent.finished_at).as_secs(),
            recent.message
        ),
        size_bytes: recent.size_bytes,
        started_at: recent.started_at,
        finished_at: recent.finished_at,
        reused: true,
        ..bare(device, purpose, recent.class, String::new())
    };
    store(engine, device, &new).await
}

async fn without_session(
    engine: &Engine,
    device: &Device,
    purpose: Purpose,
    (class, message): (Class, String),
) -> Result<Class> {
    store(engine, device, &bare(device, purpose, class, message)).await
}

async fn store(engine: &Engine, device: &Device, new: &NewResult) -> Result<Class> {
    let mut tx = engine.db.write().await?;
    result_insert_in_txn(&mut tx, new).await?;
    device_lease_drop_in_txn(&mut tx, device.id, &engine.owner).await?;
    tx.commit().await?;
    engine.events.send(Topic::Devices, device.id.0);
    Ok(new.class)
}

fn bare(device: &Device, purpose: Purpose, class: Class, message: String) -> NewResult {
    let at = now();
    NewResult {
        device_id: device.id,
        run_id: purpose.run,
        job_id: purpose.job,
        class,
        message,
        size_bytes: 0,
        driver: None,
        driver_sha256: None,
        started_at: at,
        finished_at: at,
        reused: false,
        transcript: None,
    }
}

fn unsupported(device: &Device) -> (Class, String) {
    let message = match &device.platform {
        Some(platform) => format!("There is no driver named {platform}."),
        None => format!("There is no driver for devices of type {}.", device.device_type.label()),
    };
    (Class::Unsupported, message)
}

fn no_credential(device: &Device) -> Outcome {
    let message = match &device.credential {
        Some(name) => format!("The credential {name} has neither a password nor a key."),
        None => format!("No credential fits site {}: add one, or name one on the device.", device.site),
    };
    failed(Class::AuthFailed, message)
}

fn failed(class: Class, message: impl Into<String>) -> Outcome {
    Outcome {
        class,
        message: message.into(),
        parts: Vec::new(),
        left_out: Vec::new(),
        facts: Facts::default(),
        host_key: None,
        hop_keys: Vec::new(),
        login: None,
        transcript: None,
        bytes: 0,
    }
}

fn limits(settings: &Settings) -> Limits {
    Limits {
        deadline: Duration::from_secs(u64::from(settings.device_deadline_seconds)),
        max_bytes: settings.max_text_mib as usize * 1024 * 1024,
        ..Limits::default()
    }
}
