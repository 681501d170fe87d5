//! Keeps what breaks with one device from breaking anything else.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use etiqa_model::class::Class;
use futures::FutureExt;

use super::device::collect_device;
use super::groups::Places;
use super::result::failed_without_session;
use super::waiting::Waiter;
use super::{Context, Ended};
use crate::error::Result;
use crate::panics::words;
use crate::store::device::device_fetch;

/// Collects one device. Whatever breaks on the way is this device's failure: it is
/// logged here, once, and becomes the device's result. Only a database that is gone is an error.
pub(super) async fn collect_or_say_why(
    context: Arc<Context>,
    waiter: Waiter,
    _places: Places,
) -> Result<Ended> {
    let Waiter { device, tries } = waiter;
    let collected = AssertUnwindSafe(collect_device(&context, &device, tries)).catch_unwind().await;
    let what = match collected {
        Ok(Ok(Some(class))) => return Ok(Ended::With(class)),
        Ok(Ok(None)) => return Ok(Ended::Again(Box::new(device), tries + 1)),
        Ok(Err(error)) if error.is_lost_database() => return Err(error),
        Ok(Err(error)) => error.to_string(),
        Err(panic) => format!("the program broke: {}", words(&*panic)),
    };
    if device_fetch(&context.engine.db, device.id).await?.is_none() {
        tracing::info!(device = %device.id, "device {} was deleted while it was to be collected", device.hostname);
        return Ok(Ended::Gone);
    }
    tracing::error!(
        device = %device.id, error = %what,
        "device {} could not be collected, or what it sent could not be stored", device.hostname
    );
    match failed_without_session(&context, &device).await {
        Err(error) if error.is_lost_database() => Err(error),
        // It is counted all the same; that its result could not be stored has the same reason as the rest.
        Ok(class) => Ok(Ended::With(class)),
        Err(_) => Ok(Ended::With(Class::Incomplete)),
    }
}
