//! Results that no session of their own brought.

use etiqa_model::class::Class;
use etiqa_model::device::{Device, DeviceResult};
use etiqa_model::event::Topic;

use super::lease::Lease;
use super::{Context, Purpose};
use crate::engine::Engine;
use crate::error::Result;
use crate::store::lease::device_lease_drop_in_txn;
use crate::store::result::{NewResult, result_insert_in_txn};
use crate::time::now;

/// Takes the result of the last minute over, and lets go of the device.
pub(super) async fn reuse(lease: &Lease<'_>, purpose: Purpose, recent: &DeviceResult) -> Result<Class> {
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
    let (class, id, owner) = (new.class, device.id, owner.clone());
    engine
        .db
        .write_together(move |tx| {
            Box::pin(async move {
                result_insert_in_txn(tx, &new).await?;
                device_lease_drop_in_txn(tx, id, &owner).await
            })
        })
        .await?;
    engine.events.send(Topic::Devices, id.0);
    Ok(class)
}

/// The session outlived its hold on the device: somebody else may have stored a newer text by now.
pub(super) async fn lost(engine: &Engine, device: &Device, purpose: Purpose) -> Result<Class> {
    let message = "Another session took this device before this one ended; nothing of it was stored.";
    without_session(engine, device, purpose, Class::Timeout, message.to_owned()).await
}

/// The result of a device with which something broke that is not the device's own doing.
pub(super) async fn failed_without_session(context: &Context, device: &Device) -> Result<Class> {
    let message = "What it sent could not be stored; the program's log says why.";
    without_session(&context.engine, device, context.purpose, Class::Incomplete, message.to_owned()).await
}

/// Stores a result that no session brought, and touches no lease: whoever has the device keeps it.
pub(crate) async fn without_session(
    engine: &Engine,
    device: &Device,
    purpose: Purpose,
    class: Class,
    message: String,
) -> Result<Class> {
    let new = bare(device, purpose, class, message);
    engine.db.write_together(move |tx| Box::pin(async move { result_insert_in_txn(tx, &new).await })).await?;
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
