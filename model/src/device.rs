//! Devices: what a person says of them, and what was measured.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::class::Class;
use crate::field::{Fields, long_text, number, optional_text};
use crate::{ConfigVersionId, CredentialId, DeviceId, DeviceResultId, RunId, Timestamp, UserError};

/// The site of devices that name none.
pub const DEFAULT_SITE: &str = "default";

/// What a device is, in the words of the people who own it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceType {
    /// A Check Point firewall or management server.
    CheckPoint,
    /// An F5 BIG-IP load balancer.
    F5BigIp,
    /// An Infoblox DNS and DHCP appliance.
    Infoblox,
    /// A switch.
    Switch,
    /// A router.
    Router,
    /// Anything else.
    Other,
}

impl DeviceType {
    /// Every type, in the order that pages show them.
    pub const ALL: &[Self] =
        &[Self::CheckPoint, Self::F5BigIp, Self::Infoblox, Self::Switch, Self::Router, Self::Other];

    /// The name in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CheckPoint => "check_point",
            Self::F5BigIp => "f5_big_ip",
            Self::Infoblox => "infoblox",
            Self::Switch => "switch",
            Self::Router => "router",
            Self::Other => "other",
        }
    }

    /// The name for a person.
    pub fn label(self) -> &'static str {
        match self {
            Self::CheckPoint => "Check Point",
            Self::F5BigIp => "F5 BIG-IP",
            Self::Infoblox => "Infoblox",
            Self::Switch => "Switch",
            Self::Router => "Router",
            Self::Other => "Other",
        }
    }

    /// The type of this name or alias, in any case; `_` and `-` count as spaces or nothing.
    pub fn parse(name: &str) -> Result<Self, String> {
        let folded: String =
            name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        match folded.as_str() {
            "checkpoint" | "cp" | "checkpointfirewall" => Ok(Self::CheckPoint),
            "f5" | "bigip" | "f5bigip" | "f5loadbalancer" => Ok(Self::F5BigIp),
            "infoblox" | "nios" => Ok(Self::Infoblox),
            "switch" => Ok(Self::Switch),
            "router" => Ok(Self::Router),
            "other" => Ok(Self::Other),
            _ => Err(unknown_name("device type", name, Self::ALL.iter().map(|kind| kind.as_str()))),
        }
    }
}

impl fmt::Display for DeviceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether a device answers on its management port. Measured; an imported value is only the first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceStatus {
    /// It answered last time.
    Online,
    /// It did not.
    Offline,
    /// Nobody has looked yet.
    #[default]
    Unknown,
}

impl DeviceStatus {
    /// The name in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Offline => "offline",
            Self::Unknown => "unknown",
        }
    }

    /// The status of this name, in any case; empty is unknown.
    pub fn parse(name: &str) -> Result<Self, String> {
        match name.trim().to_lowercase().as_str() {
            "online" | "up" => Ok(Self::Online),
            "offline" | "down" => Ok(Self::Offline),
            "" | "unknown" => Ok(Self::Unknown),
            _ => Err(unknown_name("status", name, ["online", "offline", "unknown"])),
        }
    }
}

/// How a device is talked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// SSH, the shell or single commands as the driver says.
    #[default]
    Ssh,
    /// Telnet: everything, passwords too, crosses the network as plain text.
    Telnet,
}

impl Transport {
    /// The name in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ssh => "ssh",
            Self::Telnet => "telnet",
        }
    }

    /// The transport of this name, in any case; empty is SSH.
    pub fn parse(name: &str) -> Result<Self, String> {
        match name.trim().to_lowercase().as_str() {
            "" | "ssh" => Ok(Self::Ssh),
            "telnet" => Ok(Self::Telnet),
            _ => Err(unknown_name("transport", name, ["ssh", "telnet"])),
        }
    }

    /// The port where it usually listens.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Ssh => 22,
            Self::Telnet => 23,
        }
    }
}

/// A device as a person fills it in, every field a text: a form, a row of a file, flags of the command line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviceInput {
    /// IP address or host name; required.
    pub address: String,
    /// A name for people; the address when empty.
    pub hostname: String,
    /// A [`DeviceType`] name or alias; `other` when empty.
    pub device_type: String,
    /// A driver's name, or empty: chosen by type.
    pub platform: String,
    /// TCP port; the transport's own when empty.
    pub port: String,
    /// `ssh` when empty.
    pub transport: String,
    /// The name of a credential, or empty: its site's are tried in order.
    pub credential: String,
    /// `default` when empty.
    pub site: String,
    /// Separated by commas or semicolons.
    pub tags: String,
    /// Free text.
    pub description: String,
    /// `online` or `offline`: the first value of the measured status.
    pub status: String,
}

/// A device ready to be stored; made only by [`DeviceInput::parse`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDevice {
    /// Its site; `default` when none was named.
    pub site: String,
    /// IP address (in its canonical form) or host name (lower case).
    pub address: String,
    /// TCP port.
    pub port: u16,
    /// A name for people.
    pub hostname: String,
    /// What it is.
    pub device_type: DeviceType,
    /// A driver's name, or chosen by type.
    pub platform: Option<String>,
    /// How it is talked to.
    pub transport: Transport,
    /// The name of a credential; none: its site's are tried in order.
    pub credential: Option<String>,
    /// Sorted, without doubles.
    pub tags: Vec<String>,
    /// Free text.
    pub description: String,
    /// The first value of the measured status.
    pub status: DeviceStatus,
}

impl DeviceInput {
    /// Checks every field; the error names each wrong one.
    pub fn parse(&self) -> Result<NewDevice, UserError> {
        let mut fields = Fields::default();
        let address = fields.check("address", parse_address(&self.address)).unwrap_or_default();
        let hostname = fields.check("hostname", parse_hostname(&self.hostname, &address));
        let device_type = match self.device_type.trim() {
            "" => Some(DeviceType::Other),
            name => fields.check("device_type", DeviceType::parse(name)),
        };
        let transport = fields.check("transport", Transport::parse(&self.transport)).unwrap_or_default();
        let default_port = Some(u32::from(transport.default_port()));
        let port = fields.check("port", number("The port", &self.port, 1..=65_535, default_port));
        let platform = fields.check("platform", optional_text("The platform", &self.platform, 60));
        let credential = fields.check("credential", optional_text("The credential", &self.credential, 100));
        let site = fields.check("site", optional_text("The site", &self.site, 100)).unwrap_or_default();
        let tags = fields.check("tags", parse_tags(&self.tags));
        let description = fields.check("description", long_text("The description", &self.description, 2_000));
        let status = fields.check("status", DeviceStatus::parse(&self.status));
        fields.finish()?;
        Ok(NewDevice {
            site: if site.is_empty() { DEFAULT_SITE.to_owned() } else { site },
            address,
            port: port.and_then(|port| u16::try_from(port).ok()).unwrap_or(transport.default_port()),
            hostname: hostname.unwrap_or_default(),
            device_type: device_type.unwrap_or(DeviceType::Other),
            platform: platform.filter(|name| !name.is_empty()).map(|name| name.to_lowercase()),
            transport,
            credential: credential.filter(|name| !name.is_empty()),
            tags: tags.unwrap_or_default(),
            description: description.unwrap_or_default(),
            status: status.unwrap_or_default(),
        })
    }
}

/// An IP address in its canonical form, or a DNS name in lower case (RFC 1123: letters, digits, hyphens, dots).
fn parse_address(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("The IP address is missing.".into());
    }
    if let Ok(ip) = text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        return Ok(ip.to_string());
    }
    let name = text.trim_end_matches('.').to_lowercase();
    let label_is_valid = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // All digits and dots is a mistyped address, never a name.
    let is_numeric = name.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if name.len() <= 253 && !is_numeric && name.split('.').all(label_is_valid) {
        Ok(name)
    } else {
        Err(format!("\"{}\" is neither an IP address nor a host name.", shortened(text)))
    }
}

fn parse_hostname(text: &str, address: &str) -> Result<String, String> {
    let name = optional_text("The host name", text, 200)?;
    Ok(if name.is_empty() { address.to_owned() } else { name })
}

fn parse_tags(text: &str) -> Result<Vec<String>, String> {
    let mut tags = text
        .split([',', ';'])
        .map(str::trim)
        .filter(|tag| !tag.is_empty())
        .map(|tag| optional_text("A tag", tag, 60))
        .collect::<Result<Vec<_>, _>>()?;
    tags.sort();
    tags.dedup();
    Ok(tags)
}

/// The sentence for a name that is not among the known ones.
pub(crate) fn unknown_name<'a>(what: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    format!("\"{}\" is not a {what}; use one of: {}.", shortened(name.trim()), known.join(", "))
}

/// At most 60 characters of `text`, for messages.
fn shortened(text: &str) -> String {
    if text.chars().count() <= 60 {
        return text.to_owned();
    }
    text.chars().take(59).chain(['…']).collect()
}

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
    /// Sorted.
    pub tags: Vec<String>,
    /// Free text.
    pub description: String,
    /// Whether it is collected at all.
    pub enabled: bool,
    /// Whether it answers.
    pub status: DeviceStatus,
    /// When the status was measured.
    pub status_at: Option<Timestamp>,
    /// How its last collection ended.
    pub last_result: Option<LastResult>,
    /// When a whole text was last taken.
    pub last_good_at: Option<Timestamp>,
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
            port: self.port.to_string(),
            transport: self.transport.as_str().to_owned(),
            credential: self.credential.clone().unwrap_or_default(),
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

/// Which devices a list shows; empty fields do not narrow it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviceFilter {
    /// Part of hostname, address or description, any case.
    pub search: String,
    /// Only this type.
    pub device_type: Option<DeviceType>,
    /// Only this site.
    pub site: Option<String>,
    /// Only with this tag.
    pub tag: Option<String>,
    /// Only in this state.
    pub state: Option<DeviceState>,
    /// Only enabled (true) or disabled (false) ones.
    pub enabled: Option<bool>,
}

/// Where a device stands, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceState {
    /// Its last result was good.
    Good,
    /// Its last result was not.
    Failing,
    /// It was never collected.
    Never,
}

impl DeviceState {
    /// The name in URLs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Failing => "failing",
            Self::Never => "never",
        }
    }

    /// The state of this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Good, Self::Failing, Self::Never].into_iter().find(|state| state.as_str() == name)
    }
}

/// Everything the page of one device shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceDetail {
    /// The device.
    pub device: Device,
    /// The driver that would be used now, and why ("chosen", "by type").
    pub platform: Option<String>,
    /// Its parts with their newest versions.
    pub parts: Vec<crate::config::PartVersions>,
    /// Its newest results, newest first.
    pub results: Vec<DeviceResult>,
    /// The remembered host key's fingerprint, `SHA256:…`.
    pub host_key: Option<HostKeyView>,
    /// Whether a collection is queued or running now.
    pub collecting: bool,
    /// The active version that is waiting for nothing, per part; for links.
    pub active: Vec<ConfigVersionId>,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_alias_of_a_device_type_is_known_in_any_case() {
        for (kind, aliases) in [
            (
                DeviceType::CheckPoint,
                &["checkpoint", "Check Point", "CP", "checkpoint firewall", "check_point"][..],
            ),
            (DeviceType::F5BigIp, &["F5", "bigip", "BIG-IP", "f5 bigip", "F5 Load Balancer", "f5_big_ip"]),
            (DeviceType::Infoblox, &["Infoblox", "NIOS"]),
            (DeviceType::Switch, &["Switch"]),
            (DeviceType::Router, &["ROUTER"]),
            (DeviceType::Other, &["other"]),
        ] {
            for alias in aliases {
                assert_eq!(DeviceType::parse(alias), Ok(kind), "{alias}");
            }
        }
        assert!(DeviceType::parse("toaster").unwrap_err().contains("check_point"));
    }

    #[test]
    fn a_wrong_form_names_every_wrong_field() {
        let input = DeviceInput {
            address: "300.1.1.1".into(),
            port: "70000".into(),
            device_type: "toaster".into(),
            ..DeviceInput::default()
        };
        let error = input.parse().unwrap_err();
        let fields: Vec<_> = error.fields.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["address", "device_type", "port"]);
    }

    #[test]
    fn an_address_is_canonical() {
        let address = |text: &str| DeviceInput { address: text.into(), ..DeviceInput::default() }.parse();
        assert_eq!(address(" 2001:DB8::0:1 ").unwrap().address, "2001:db8::1");
        assert_eq!(address("Core-1.Example.NET.").unwrap().address, "core-1.example.net");
        assert!(address("10.0.0").is_err());
        assert!(address("a b").is_err());
    }
}
