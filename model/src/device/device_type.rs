//! What kinds of device there are, and the names people give them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::field::unknown_name;

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
}
