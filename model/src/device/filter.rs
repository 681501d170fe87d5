//! Which devices a list shows.

use serde::{Deserialize, Serialize};

use super::DeviceType;

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
