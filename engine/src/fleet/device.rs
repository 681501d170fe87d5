//! One device, from its row to its result: the lease, the logins, the session, the record.

use std::fmt::Write as _;
use std::time::Duration;

use etiqa_model::admin::Settings;
use etiqa_model::class::Class;
use etiqa_model::device::{Device, DeviceFacts};

use super::lease::Lease;
use super::platform::{Platform, casts_doubt};
use super::ready::{Ready, prepare};
use super::result::{lost, reuse, without_session};
use super::rotation::{note_jump_hosts, note_taken, said_of, taken};
use super::{Context, platform};
use crate::collect::{self, Driver, HopKeySeen, Limits, Login, Outcome, Target, collect};
use crate::error::Result;
use crate::store::result::result_fetch_recent;
use crate::time::now;

/// A result that is younger than this is taken instead of a second session.
const FRESH: Duration = Duration::from_mins(1);

/// Collects one device and stores what came of it. None: it is worth another try after the `tries` before; nothing is
/// stored.
pub(super) async fn collect_device(context: &Context, device: &Device, tries: u32) -> Result<Option<Class>> {
    let Context { engine, settings, purpose, .. } = context;
    let limits = limits(settings);
    let lease = match Lease::take(engine, device, limits.deadline, &context.cancel).await? {
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
    let Ready { target, mut logins, facts, platform: known } =
        match prepare(engine, &context.drivers, device).await? {
            Ok(ready) => ready,
            Err((class, message)) => return lease.give_up(*purpose, class, message).await.map(Some),
        };
    // The slot is held only while a session is on.
    let slot = tokio::select! {
        slot = lease.wait_for_turn() => slot?,
        () = cancel.cancelled() => {
            let message = "Cancelled before the session began.".to_owned();
            return lease.give_up(*purpose, Class::Cancelled, message).await.map(Some);
        }
    };
    let Some(slot) = slot else { return lost(engine, device, *purpose).await.map(Some) };
    let started_at = now();
    let platform = match known {
        Some(platform) => platform,
        None => {
            let (platform, taken) = platform::recognise(context, device, &target, &logins, limits).await;
            logins.sort_by_key(|login| taken.is_some() && Some(&login.name) != taken.as_ref());
            platform
        }
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
    note_jump_hosts(engine, &target.via, &outcome).await?;
    let taken = taken(&outcome, &logins);
    outcome.note = taken.and_then(said_of);
    let facts = learned(&facts, device, &driver, is_recognised, &outcome, taken);
    leave_out_known_keys(&mut outcome, &target);
    lease.finish(&driver, *purpose, started_at, outcome, facts).await.map(Some)
}

/// A key that is remembered already costs no write.
fn leave_out_known_keys(outcome: &mut Outcome, target: &Target) {
    if outcome.class != Class::HostKeyChanged {
        outcome.host_key.take_if(|key| target.endpoint.host_key.as_ref() == Some(&key.openssh));
    }
    let is_known = |seen: &HopKeySeen| {
        let mut hops = target.via.iter().filter(|hop| hop.name == seen.name);
        hops.any(|hop| hop.endpoint.host_key.as_ref() == Some(&seen.key.openssh))
    };
    outcome.hop_keys.retain(|seen| seen.is_changed || !is_known(seen));
}

/// What is known of the device after this session.
fn learned(
    before: &DeviceFacts,
    device: &Device,
    driver: &Driver,
    is_recognised: bool,
    outcome: &Outcome,
    taken: Option<&Login>,
) -> Option<DeviceFacts> {
    let mut facts = before.clone();
    if device.platform.is_some() || casts_doubt(outcome.class) {
        facts.platform = None;
    } else if is_recognised {
        facts.platform = Some(driver.name().to_owned());
    }
    if let Some(taken) = taken {
        note_taken(&mut facts, taken);
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

/// The limits of a session, as an admin has set them.
pub(super) fn limits(settings: &Settings) -> Limits {
    Limits {
        deadline: Duration::from_secs(u64::from(settings.device_deadline_seconds)),
        max_bytes: settings.max_text_mib as usize * 1024 * 1024,
        ..Limits::default()
    }
}
