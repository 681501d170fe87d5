//! One device's own backup: the lease, the slot, the errand, the record.

use std::sync::Arc;
use std::time::Duration;

use etiqa_model::admin::Settings;
use etiqa_model::artifact::ArtifactKind;
use etiqa_model::class::Class;
use etiqa_model::device::Device;
use etiqa_model::event::Topic;
use tokio_util::sync::CancellationToken;

use super::record::{Attempt, record, refused};
use crate::artifacts::kind_of;
use crate::collect::{Incoming, Limits, Order, fetch_artifact};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::fleet::Purpose;
use crate::fleet::platform::Platform;
use crate::fleet::ready::{Ready, prepare};
use crate::hex::to_hex;
use crate::lease::{self, LEASE};
use crate::store::lease::{artifact_lease_drop, artifact_lease_extend, artifact_lease_take};
use crate::store::tls_certificate::tls_certificate_fetch;
use crate::time::now;

/// The port of HTTPS, where a device has no other.
const HTTPS: u16 = 443;

/// Fetches it and stores what came of it. None: somebody else is at it, or its platform has none.
pub(super) async fn fetch(
    engine: &Arc<Engine>,
    settings: &Settings,
    device: &Device,
    purpose: Purpose,
    cancel: &CancellationToken,
) -> Result<Option<Class>> {
    let Some(kind) = kind_of(engine, device).await? else { return Ok(None) };
    let mut unique = [0_u8; 8];
    rand::fill(&mut unique);
    let owner = format!("{}/{}", engine.owner, to_hex(&unique));
    let at = now();
    if !artifact_lease_take(&engine.db, device.id, &owner, at, at.plus(LEASE)).await? {
        return Ok(None);
    }
    engine.events.send(Topic::Devices, device.id.0);
    // Who loses the device stops: somebody else makes a backup on it now.
    let cancel = cancel.child_token();
    let renewing = (Arc::clone(engine), owner.clone(), device.id);
    let renew = move |until| {
        let (engine, owner, device) = renewing.clone();
        async move { artifact_lease_extend(&engine.db, device, &owner, until).await }
    };
    let kept = lease::keep(format!("vendor backup of {}", device.hostname), cancel.clone(), renew);
    let ended = with_lease(engine, settings, device, kind, purpose, &cancel).await;
    drop(kept);
    artifact_lease_drop(&engine.db, device.id, &owner).await?;
    engine.events.send(Topic::Devices, device.id.0);
    ended.map(Some)
}

async fn with_lease(
    engine: &Engine,
    settings: &Settings,
    device: &Device,
    kind: ArtifactKind,
    purpose: Purpose,
    cancel: &CancellationToken,
) -> Result<Class> {
    let slot = tokio::select! {
        slot = engine.artifact_slots.take() => slot,
        () = cancel.cancelled() => {
            let message = "Cancelled before it began.".to_owned();
            return refused(engine, device, kind, purpose, Class::Cancelled, message).await;
        }
    };
    if let Some((class, message)) = hopeless(device, purpose) {
        return refused(engine, device, kind, purpose, class, message).await;
    }
    let drivers = engine.drivers.current();
    let Ready { target, logins, platform, .. } = match prepare(engine, &drivers, device).await? {
        Ok(ready) => ready,
        Err((class, message)) => return refused(engine, device, kind, purpose, class, message).await,
    };
    let driver = match platform {
        Some(Platform::Known(driver)) => Some(driver),
        _ => drivers.for_device(None, device.device_type),
    };
    let Some(driver) = driver else {
        let message = "Its platform is not known yet; collect its text first.".to_owned();
        return refused(engine, device, kind, purpose, Class::Unsupported, message).await;
    };
    let most = u64::from(settings.max_artifact_gib) << 30;
    let file = Incoming::create(&engine.dir.artifacts(), most)
        .await
        .map_err(Error::io("beginning the file of a vendor's backup"))?;
    let known = tls_certificate_fetch(&engine.db, device.id).await?;
    let started_at = now();
    let limits = Limits {
        deadline: Duration::from_secs(u64::from(settings.artifact_deadline_minutes) * 60),
        ..Limits::default()
    };
    let instance = engine.dir.id().get(..8).unwrap_or("backup");
    let order = Order {
        kind,
        target: &target,
        https_port: device.https_port.unwrap_or(HTTPS),
        pinned: known.and_then(|known| known.pinned),
        trust: engine.trust(),
        driver: &driver,
        logins: &logins,
        limits: &limits,
        instance,
    };
    let errand = engine.artifact_errands.begin();
    let outcome = fetch_artifact(&order, file, cancel).await;
    drop(errand);
    drop(slot);
    record(engine, &Attempt { device, kind, purpose, started_at }, outcome).await
}

/// Why an attempt makes no sense now: the same login was refused a moment ago (another try may lock the account), or
/// nothing answered. Who asks by hand wants to see for himself.
fn hopeless(device: &Device, purpose: Purpose) -> Option<(Class, String)> {
    let last = device.last_result.as_ref().filter(|_| purpose.run.is_some())?;
    let is_hopeless = matches!(
        last.class,
        Class::AuthFailed | Class::HostKeyChanged | Class::Unreachable | Class::ConnectTimeout
    );
    is_hopeless
        .then(|| (last.class, format!("Not tried, for its text was not to be had either: {}", last.message)))
}
