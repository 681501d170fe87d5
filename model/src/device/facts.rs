//! What was found out about a device.

use serde::{Deserialize, Serialize};

use crate::CredentialId;

/// What a device said of itself when it was last collected; what is not known is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceFacts {
    /// The driver that it was recognised as, where no person chose one.
    pub platform: Option<String>,
    /// The credential that it took.
    pub credential_id: Option<CredentialId>,
    /// How often that credential's secrets had been replaced by a rotation then.
    pub credential_generation: u32,
    /// It took the secrets from before the rotation, and refused the new ones.
    pub takes_previous: bool,
    /// The hardware's model.
    pub model: Option<String>,
    /// The chassis' serial number.
    pub serial: Option<String>,
    /// The version of the operating system.
    pub os_version: Option<String>,
    /// Whether the running configuration differs from the saved one.
    pub unsaved: Option<bool>,
}
