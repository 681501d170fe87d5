//! A device as a person fills it in, and what is checked before it is stored.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{DEFAULT_SITE, DeviceStatus, DeviceType, Transport};
use crate::UserError;
use crate::field::{Fields, long_text, number, optional_text, shortened};

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
    /// The name of a jump host, or empty: its site's, or straight.
    pub jump_host: String,
    /// Also offer old SSH algorithms.
    pub legacy_ssh: bool,
    /// TCP port of its HTTPS; 443 when empty.
    pub https_port: String,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
    /// The name of a jump host; none: its site's, or straight.
    pub jump_host: Option<String>,
    /// Also offer old SSH algorithms.
    pub legacy_ssh: bool,
    /// TCP port of its HTTPS, where it is not 443.
    pub https_port: Option<u16>,
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
        let https_port =
            fields.check("https_port", number("The port", &self.https_port, 1..=65_535, Some(443)));
        let platform = fields.check("platform", optional_text("The platform", &self.platform, 60));
        let credential = fields.check("credential", optional_text("The credential", &self.credential, 100));
        let jump_host = fields.check("jump_host", optional_text("The jump host", &self.jump_host, 100));
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
            jump_host: jump_host.filter(|name| !name.is_empty()),
            legacy_ssh: self.legacy_ssh,
            https_port: https_port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port != 443),
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

#[cfg(test)]
mod tests {
    use super::*;

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
