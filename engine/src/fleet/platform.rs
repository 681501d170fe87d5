//! Which driver a device is collected by: the one that a person chose, the one that it was recognised as, the one that
//! it is recognised as now, or the default of its type.

use std::sync::Arc;

use etiqa_model::class::Class;
use etiqa_model::device::{Device, DeviceFacts};
use tokio::task::spawn_blocking;

use super::Context;
use crate::collect::{Driver, DriverSet, Limits, Login, Outcome, Target, identify};

/// What was found.
pub(super) enum Platform {
    /// Collect by this one.
    Known(Arc<Driver>),
    /// It was recognised now.
    Recognised(Arc<Driver>),
    /// The device was not even reached; a second try would end the same way.
    Failed(Arc<Driver>, Box<Outcome>),
    /// No driver, and why.
    None(String),
}

/// The driver that is known without asking the device.
pub(super) fn known_platform(drivers: &DriverSet, device: &Device, facts: &DeviceFacts) -> Option<Platform> {
    if let Some(name) = &device.platform {
        return Some(match drivers.get(name) {
            Some(driver) => Platform::Known(driver),
            None => Platform::None(format!("There is no driver named {name}.")),
        });
    }
    facts.platform.as_deref().and_then(|name| drivers.get(name)).map(Platform::Known)
}

/// Looks what the device is; gives with it the name of the login that it took, so that none is refused twice.
pub(super) async fn recognise(
    context: &Context,
    device: &Device,
    target: &Target,
    logins: &[Login],
    limits: &Limits,
) -> (Platform, Option<String>) {
    let default = context.drivers.for_device(None, device.device_type);
    // A device may be of any platform. To read all drivers takes a second or two the first time, which is no session's.
    let drivers = context.drivers.clone();
    let _ = spawn_blocking(move || drivers.iter().count()).await;
    let found = identify(target, &context.drivers, logins, limits, &context.cancel).await;
    let Some(found) = found else { return (or_none(device, default), None) };
    let taken = found.outcome.login.clone();
    if let Some(driver) = found.driver {
        tracing::info!(device = %device.hostname, platform = driver.name(), "recognised {}", device.hostname);
        return (Platform::Recognised(driver), taken);
    }
    let platform = match (found.outcome.class, default) {
        // It has no shell, or one that cannot be followed: its type says what it most likely is.
        (
            Class::Ok | Class::PromptNotFound | Class::CommandRejected | Class::Timeout | Class::Incomplete,
            default,
        ) => or_none(device, default),
        (_, Some(default)) => Platform::Failed(default, Box::new(found.outcome)),
        (_, None) => Platform::None(found.outcome.message),
    };
    (platform, taken)
}

fn or_none(device: &Device, default: Option<Arc<Driver>>) -> Platform {
    let missing = || {
        let kind = device.device_type.label();
        Platform::None(format!("It was not recognised, and there is no driver for devices of type {kind}."))
    };
    default.map_or_else(missing, Platform::Known)
}

/// Whether an ending means that the device may be something else than it was recognised as.
pub(super) fn casts_doubt(class: Class) -> bool {
    matches!(class, Class::PromptNotFound | Class::CommandRejected | Class::Incomplete)
}
