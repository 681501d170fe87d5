//! Devices: what a person says of them, and what was measured.

mod change;
mod device_type;
mod facts;
mod filter;
mod input;
mod order;
mod reach;
mod test;

use serde::{Deserialize, Serialize};

use crate::class::Class;
use crate::overview::Reason;
use crate::{ConfigVersionId, CredentialId, DeviceId, DeviceResultId, JumpHostId, RunId, Timestamp};

pub use change::{DeviceChange, DeviceChangeInput, MOST_CHANGED};
pub use device_type::DeviceType;
pub use facts::DeviceFacts;
pub use filter::{DeviceFilter, DeviceState};
pub use input::{DeviceInput, NewDevice};
pub use order::{DeviceOrder, DeviceSort};
pub use reach::{DeviceStatus, Transport};
pub use test::{ConnectionTest, TestStep};

/// The site of devices that name none.
pub const DEFAULT_SITE: &str = "default";

/// A device as lists and pages show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Row id.
    pub id: DeviceId,
    /// Part of the identity, with address and port.
    pub site: String,
    /// IP address or host name.
    pub address: String,
    /// TCP port.
    pub port: u16,
    /// A name for people.
    pub hostname: String,
    /// What it is.
    pub device_type: DeviceType,
    /// The driver's name where a person chose one.
    pub platform: Option<String>,
    /// How it is talked to.
    pub transport: Transport,
    /// The credential where a person chose one.
    pub credential_id: Option<CredentialId>,
    /// That credential's name.
    pub credential: Option<String>,
    /// The jump host where a person chose one; none: its site's, or straight.
    pub jump_host_id: Option<JumpHostId>,
    /// That jump host's name.
    pub jump_host: Option<String>,
    /// Whether old SSH algorithms are offered to it.
    pub legacy_ssh: bool,
    /// TCP port of its HTTPS, where it is not 443.
    pub https_port: Option<u16>,
    /// Sorted.
    pub tags: Vec<String>,
    /// Free text.
    pub description: String,
    /// Whether it is collected at all.
    pub enabled: bool,
    /// Whether it answers.
    pub status: DeviceStatus,
    /// Since when the status is what it is.
    pub status_at: Option<Timestamp>,
    /// When it last answered, as far as that was noted.
    pub last_seen_at: Option<Timestamp>,
    /// How its last collection ended.
    pub last_result: Option<LastResult>,
    /// When a whole text was last taken.
    pub last_good_at: Option<Timestamp>,
    /// Whether its running configuration was not saved when it was last looked at.
    pub unsaved: bool,
    /// That it is overdue, or in no backup, though its last collection was good; none where nobody looked. Pages do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lapse: Option<Reason>,
    /// When it was added.
    pub created_at: Timestamp,
    /// When a person last changed it.
    pub updated_at: Timestamp,
}

impl Device {
    /// The same device as a person would fill it in.
    pub fn to_input(&self) -> DeviceInput {
        DeviceInput {
            address: self.address.clone(),
            hostname: self.hostname.clone(),
            device_type: self.device_type.as_str().to_owned(),
            platform: self.platform.clone().unwrap_or_default(),
            // The usual port is left out, so that another transport brings its own.
            port: if self.port == self.transport.default_port() {
                String::new()
            } else {
                self.port.to_string()
            },
            transport: self.transport.as_str().to_owned(),
            credential: self.credential.clone().unwrap_or_default(),
            jump_host: self.jump_host.clone().unwrap_or_default(),
            legacy_ssh: self.legacy_ssh,
            https_port: self.https_port.map(|port| port.to_string()).unwrap_or_default(),
            site: self.site.clone(),
            tags: self.tags.join(", "),
            description: self.description.clone(),
            status: self.status.as_str().to_owned(),
        }
    }
}

/// How a device's last collection ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastResult {
    /// Its class.
    pub class: Class,
    /// One sentence: what happened.
    pub message: String,
    /// When it ended.
    pub finished_at: Timestamp,
}

/// One collection of one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceResult {
    /// Row id.
    pub id: DeviceResultId,
    /// Whose.
    pub device_id: DeviceId,
    /// Its name at the time of reading.
    pub hostname: String,
    /// Its address at the time of reading.
    pub address: String,
    /// The run it was for; none: collected by hand.
    pub run_id: Option<RunId>,
    /// How it ended.
    pub class: Class,
    /// One sentence: what happened.
    pub message: String,
    /// Bytes of all parts.
    pub size_bytes: u64,
    /// The driver and the first digits of its hash.
    pub driver: Option<String>,
    /// When the session began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// The result of another run of the last minute was taken.
    pub reused: bool,
    /// Whether a transcript of the session is kept.
    pub has_transcript: bool,
}

/// Everything the page of one device shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceDetail {
    /// The device.
    pub device: Device,
    /// The driver that would be used now.
    pub platform: Option<String>,
    /// What was found out about it.
    pub facts: DeviceFacts,
    /// The name of the credential that it took last.
    pub credential_taken: Option<String>,
    /// Its parts with their newest versions.
    pub parts: Vec<crate::config::PartVersions>,
    /// Its newest results, newest first.
    pub results: Vec<DeviceResult>,
    /// The remembered host key's fingerprint, `SHA256:…`.
    pub host_key: Option<HostKeyView>,
    /// Whether a collection is queued or running now.
    pub collecting: bool,
    /// That it breaks rules; none where it breaks none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken_rules: Option<crate::rule::BrokenRules>,
    /// The active version that is waiting for nothing, per part; for links.
    pub active: Vec<ConfigVersionId>,
    /// Names what its form is filled with: another one where a person changed that since.
    pub stamp: String,
}

/// A remembered host key, and the one that was offered instead of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostKeyView {
    /// `SHA256:…`.
    pub fingerprint: String,
    /// When it was first seen.
    pub first_seen_at: Timestamp,
    /// The changed key that waits for a person, `SHA256:…`.
    pub offered: Option<String>,
}
