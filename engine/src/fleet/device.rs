//! One device, from its row to its result: the lease, the logins, the session, the record.

use std::fmt::Write as _;
use std::time::Duration;

use etiqa_model::Timestamp;
use etiqa_model::admin::Settings;
use etiqa_model::class::Class;
use etiqa_model::device::{Device, DeviceFacts, DeviceResult};
use etiqa_model::event::Topic;

use super::platform::{Platform, casts_doubt, known_platform};
use super::{Context, Purpose, Slot, logins, platform, route};
use crate::collect::{self, Driver, Limits, Login, Outcome, collect};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::hex::to_hex;
use crate::history::record::{Session, record};
use crate::store::device_fact::device_fact_fetch;
use crate::store::lease::{
    device_lease_drop, device_lease_drop_in_txn, device_lease_extend, device_lease_take,
};
use crate::store::result::{NewResult, result_fetch_recent, result_insert_in_txn};
use crate::time::now;

/// A result that is younger than this is taken instead of a second session.
const FRESH: Duration = Duration::from_mins(1);
/// How often a device that somebody else has is asked for again.
const LEASE_RETRY: Duration = Duration::from_millis(500);
/// A lease outlives the session's deadline by this much.
const LEASE_MARGIN: Duration = Duration::from_mins(1);
/// How often the lease of a device that waits for its slot is extended; well within [`LEASE_MARGIN`].
const EXTEND_EVERY: Duration = Duration::from_secs(20);

/// A device that this session alone may talk to. The name is the session's own: two sessions of one process must
/// not take each other's device for their own.
struct Lease<'a> {
    engine: &'a Engine,
    device: &'a Device,
    owner: String,
    length: Duration,
}

/// Collects one device and stores what came of it. None: it is worth another try after the `tries` before; nothing is
/// stored.
pub(super) async fn collect_device(context: &Context, device: &Device, tries: u32) -> Result<Option<Class>> {
    let Context { engine, settings, purpose, .. } = context;
    let limits = limits(settings);
    let lease = match Lease::take(context, device, limits.deadline).await? {
        Ok(lease) => lease,
        Err((class, message)) => {
            return without_session(engine, device, *purpose, class, message.to_owned()).await.map(Some);
        }
    };
    let result = with_lease(context, &lease, &limits, tries).await;
    if result.is_err() {
        // The record lets go of the lease with its own write; without one it has to be said. What broke the record
        // is the error to report, not that the lease, which ends by itself, could not be dropped either.
        let _ = lease.drop_early().await;
    }
    result
}

async fn with_lease(
    context: &Context,
    lease: &Lease<'_>,
    limits: &Limits,
    tries: u32,
) -> Result<Option<Class>> {
    let Context { engine, purpose, cancel, .. } = context;
    let device = lease.device;
    if purpose.may_reuse
        && let Some(recent) = result_fetch_recent(&engine.db, device.id, now().minus(FRESH)).await?
    {
        return reuse(lease, *purpose, &recent).await.map(Some);
    }
    let facts = device_fact_fetch(&engine.db, device.id).await?;
    let known = known_platform(context, device, &facts);
    if let Some(Platform::None(message)) = known {
        return lease.give_up(*purpose, Class::Unsupported, message).await.map(Some);
    }
    let target = match route::target_of(engine, device).await? {
        Ok(target) => target,
        Err((class, message)) => return lease.give_up(*purpose, class, message).await.map(Some),
    };
    let logins = match logins::logins_for(engine, device.id, facts.credential_id).await {
        Ok(logins) if logins.is_empty() => {
            return lease.give_up(*purpose, Class::AuthFailed, no_credential(device)).await.map(Some);
        }
        Ok(logins) => logins,
        Err(Error::Vault(_)) => {
            let message = "Its credential cannot be opened with this key: type its secrets in again.";
            return lease.give_up(*purpose, Class::AuthFailed, message.to_owned()).await.map(Some);
        }
        Err(error) => return Err(error),
    };
    // The slot is held only while a session is on.
    let slot = tokio::select! {
        slot = lease.wait_for_slot() => slot?,
        () = cancel.cancelled() => {
            let message = "Cancelled before the session began.".to_owned();
            return lease.give_up(*purpose, Class::Cancelled, message).await.map(Some);
        }
    };
    let Some(slot) = slot else { return lost(engine, device, *purpose).await.map(Some) };
    let started_at = now();
    let platform = match known {
        Some(platform) => platform,
        None => platform::recognise(context, device, &target, &logins, limits).await,
    };
    let (driver, is_recognised, outcome) = match platform {
        Platform::Known(driver) => {
            let outcome = collect(&target, &driver, &logins, limits, cancel).await;
            (driver, false, outcome)
        }
        Platform::Recognised(driver) => {
            // The two sessions together have the deadline that one has.
            let left = limits.deadline.saturating_sub(now().since(started_at));
            let limits = Limits { deadline: left, ..limits.clone() };
            let outcome = collect(&target, &driver, &logins, &limits, cancel).await;
            (driver, true, outcome)
        }
        Platform::Failed(driver, outcome) => (driver, false, *outcome),
        Platform::None(message) => {
            drop(slot);
            return lease.give_up(*purpose, Class::Unsupported, message).await.map(Some);
        }
    };
    drop(slot);
    // A person who asked for this device alone wants the answer now; a run has time.
    let may_retry = purpose.run.is_some() && tries < context.settings.retries && !cancel.is_cancelled();
    if may_retry && outcome.class.is_temporary() {
        tracing::info!(device = %device.hostname, class = %outcome.class, "{} is tried again", device.hostname);
        lease.drop_early().await?;
        return Ok(None);
    }
    let mut outcome = outcome;
    if tries > 0 && !outcome.class.is_good() {
        let _ = write!(outcome.message, " It was tried {} times.", tries + 1);
    }
    let facts = learned(&facts, device, &driver, is_recognised, &outcome, &logins);
    lease.finish(&driver, *purpose, started_at, outcome, facts).await.map(Some)
}

/// What is known of the device after this session.
fn learned(
    before: &DeviceFacts,
    device: &Device,
    driver: &Driver,
    is_recognised: bool,
    outcome: &Outcome,
    logins: &[Login],
) -> Option<DeviceFacts> {
    let mut facts = before.clone();
    if device.platform.is_some() || casts_doubt(outcome.class) {
        facts.platform = None;
    } else if is_recognised {
        facts.platform = Some(driver.name().to_owned());
    }
    if let Some(taken) = logins.iter().find(|login| Some(&login.name) == outcome.login.as_ref()) {
        facts.credential_id = taken.credential;
    }
    if outcome.class.is_good() {
        let collect::Facts { model, serial, os_version, unsaved } = outcome.facts.clone();
        facts = DeviceFacts {
            model: model.or(facts.model),
            serial: serial.or(facts.serial),
            os_version: os_version.or(facts.os_version),
            unsaved,
            ..facts
        };
    }
    (facts != *before).then_some(facts)
}

impl<'a> Lease<'a> {
    /// Takes the device, or says why it could not be had.
    async fn take(
        context: &'a Context,
        device: &'a Device,
        deadline: Duration,
    ) -> Result<Result<Self, (Class, &'static str)>> {
        let engine = &*context.engine;
        let mut unique = [0_u8; 8];
        rand::fill(&mut unique);
        // It begins with the process's name, so that whoever lets go of all that a process had finds it.
        let owner = format!("{}/{}", engine.owner, to_hex(&unique));
        let lease = Self { engine, device, owner, length: deadline + LEASE_MARGIN };
        let give_up_at = now().plus(deadline);
        loop {
            let at = now();
            if device_lease_take(&engine.db, device.id, &lease.owner, at, at.plus(lease.length)).await? {
                return Ok(Ok(lease));
            }
            if at >= give_up_at {
                return Ok(Err((Class::Timeout, "Another session with this device did not end in time.")));
            }
            tokio::select! {
                () = tokio::time::sleep(LEASE_RETRY) => {}
                () = context.cancel.cancelled() => {
                    return Ok(Err((Class::Cancelled, "Cancelled before the session began.")));
                }
            }
        }
    }

    /// Waits for a slot however long that takes, and holds the device meanwhile; the session then has the lease's
    /// whole length before it. None: somebody else took the device.
    async fn wait_for_slot(&self) -> Result<Option<Slot<'a>>> {
        let slot = self.engine.sessions.take();
        tokio::pin!(slot);
        loop {
            tokio::select! {
                slot = &mut slot => return Ok(self.extend().await?.then_some(slot)),
                () = tokio::time::sleep(EXTEND_EVERY) => {
                    if !self.extend().await? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    async fn extend(&self) -> Result<bool> {
        let until = now().plus(self.length);
        Ok(device_lease_extend(&self.engine.db, self.device.id, &self.owner, until).await?)
    }

    async fn finish(
        &self,
        driver: &Driver,
        purpose: Purpose,
        started_at: Timestamp,
        outcome: Outcome,
        facts: Option<DeviceFacts>,
    ) -> Result<Class> {
        let Self { engine, device, .. } = self;
        let finished_at = now();
        let session = Session { device, driver, purpose, lease: &self.owner, started_at, finished_at, facts };
        let Some(class) = record(engine, &session, outcome).await? else {
            return lost(engine, device, purpose).await;
        };
        engine.events.send(Topic::Devices, device.id.0);
        Ok(class)
    }

    /// Stores why no session was begun, and lets go of the device.
    async fn give_up(&self, purpose: Purpose, class: Class, message: String) -> Result<Class> {
        self.drop_early().await?;
        without_session(self.engine, self.device, purpose, class, message).await
    }

    async fn drop_early(&self) -> Result<()> {
        Ok(device_lease_drop(&self.engine.db, self.device.id, &self.owner).await?)
    }
}

async fn reuse(lease: &Lease<'_>, purpose: Purpose, recent: &DeviceResult) -> Result<Class> {
    let Lease { engine, device, owner, .. } = lease;
    let age = now().since(recent.finished_at).as_secs();
    let new = NewResult {
        message: format!("Taken over from {age} s ago: {}", recent.message),
        size_bytes: recent.size_bytes,
        started_at: recent.started_at,
        finished_at: recent.finished_at,
        reused: true,
        ..bare(device, purpose, recent.class, String::new())
    };
    let mut tx = engine.db.write().await?;
    result_insert_in_txn(&mut tx, &new).await?;
    device_lease_drop_in_txn(&mut tx, device.id, owner).await?;
    tx.commit().await?;
    engine.events.send(Topic::Devices, device.id.0);
    Ok(new.class)
}

/// The session outlived its hold on the device: somebody else may have stored a newer text by now.
async fn lost(engine: &Engine, device: &Device, purpose: Purpose) -> Result<Class> {
    let message = "Another session took this device before this one ended; nothing of it was stored.";
    without_session(engine, device, purpose, Class::Timeout, message.to_owned()).await
}

/// The result of a device with which something broke that is not the device's own doing.
pub(super) async fn failed_without_session(context: &Context, device: &Device) -> Result<Class> {
    let message = "What it sent could not be stored; the program's log says why.";
    without_session(&context.engine, device, context.purpose, Class::Incomplete, message.to_owned()).await
}

/// Stores a result that no session brought, and touches no lease: whoever has the device keeps it.
async fn without_session(
    engine: &Engine,
    device: &Device,
    purpose: Purpose,
    class: Class,
    message: String,
) -> Result<Class> {
    let mut tx = engine.db.write().await?;
    result_insert_in_txn(&mut tx, &bare(device, purpose, class, message)).await?;
    tx.commit().await?;
    engine.events.send(Topic::Devices, device.id.0);
    Ok(class)
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

fn no_credential(device: &Device) -> String {
    match &device.credential {
        Some(name) => format!("The credential {name} has neither a password nor a key."),
        None => format!("No credential fits site {}: add one, or name one on the device.", device.site),
    }
}

fn limits(settings: &Settings) -> Limits {
    Limits {
        deadline: Duration::from_secs(u64::from(settings.device_deadline_seconds)),
        max_bytes: settings.max_text_mib as usize * 1024 * 1024,
        ..Limits::default()
    }
}
