//! How a device is reached, and whether it answers.

use serde::{Deserialize, Serialize};

use crate::field::unknown_name;

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
