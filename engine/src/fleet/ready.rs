//! Everything that a session needs before it begins: the way, the logins, what is known of the device.

use etiqa_model::class::Class;
use etiqa_model::device::{Device, DeviceFacts};

use super::platform::{Platform, known_platform};
use super::{logins, route};
use crate::collect::{DriverSet, Login, Target};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::store::device_fact::known_fetch;

/// See the module.
pub(super) struct Ready {
    pub(super) target: Target,
    /// At least one, what the device took last in front.
    pub(super) logins: Vec<Login>,
    pub(super) facts: DeviceFacts,
    /// None: the device has to be looked at first.
    pub(super) platform: Option<Platform>,
}

/// Gathers it, or says why a session makes no sense.
pub(super) async fn prepare(
    engine: &Engine,
    drivers: &DriverSet,
    device: &Device,
) -> Result<Result<Ready, (Class, String)>> {
    let known = known_fetch(&engine.db, device.id).await?;
    let platform = known_platform(drivers, device, &known.facts);
    if let Some(Platform::None(message)) = platform {
        return Ok(Err((Class::Unsupported, message)));
    }
    let target = match route::target_of(engine, device, &known).await? {
        Ok(target) => target,
        Err(no_way) => return Ok(Err(no_way)),
    };
    let logins = match logins::logins_for(engine, device.id, &known.facts).await {
        Ok(logins) if logins.is_empty() => return Ok(Err((Class::AuthFailed, no_credential(device)))),
        Ok(logins) => logins,
        Err(Error::Vault(_)) => {
            let message = "Its credential cannot be opened with this key: type its secrets in again.";
            return Ok(Err((Class::AuthFailed, message.to_owned())));
        }
        Err(error) => return Err(error),
    };
    Ok(Ok(Ready { target, logins, facts: known.facts, platform }))
}

fn no_credential(device: &Device) -> String {
    match &device.credential {
        Some(name) => format!("The credential {name} has neither a password nor a key."),
        None => format!("No credential fits site {}: add one, or name one on the device.", device.site),
    }
}
