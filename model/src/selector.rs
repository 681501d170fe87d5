//! Which devices a backup config covers.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::DeviceId;
use crate::device::DeviceType;

/// Which devices a backup config covers. Disabled devices are never collected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Selector {
    /// Every one.
    All,
    /// Those of a type.
    Type(DeviceType),
    /// Those with a tag.
    Tag(String),
    /// Those of a site.
    Site(String),
    /// These.
    Chosen(Vec<DeviceId>),
}

impl Selector {
    /// Reads `all`, `type:T`, `tag:T`, `site:S` or `ids:1,2,3`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() || text == "all" {
            return Ok(Self::All);
        }
        let wrong = || format!("\"{text}\" names no devices; use all, type:T, tag:T, site:S, or ids:1,2,3.");
        let (kind, value) = text.split_once(':').ok_or_else(wrong)?;
        let value = value.trim();
        match kind.trim() {
            _ if value.is_empty() => Err(wrong()),
            "type" => DeviceType::parse(value).map(Self::Type),
            "tag" => Ok(Self::Tag(value.to_owned())),
            "site" => Ok(Self::Site(value.to_owned())),
            "ids" => value
                .split(',')
                .map(|id| id.trim().parse().map_err(|_| wrong()))
                .collect::<Result<Vec<_>, _>>()
                .map(Self::Chosen),
            _ => Err(wrong()),
        }
    }

    /// In words: "all devices", "devices tagged core".
    pub fn words(&self) -> String {
        match self {
            Self::All => "all devices".into(),
            Self::Type(kind) => format!("devices of type {}", kind.label()),
            Self::Tag(tag) => format!("devices tagged {tag}"),
            Self::Site(site) => format!("devices of site {site}"),
            Self::Chosen(ids) if ids.len() == 1 => "1 chosen device".into(),
            Self::Chosen(ids) => format!("{} chosen devices", ids.len()),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Type(kind) => write!(f, "type:{kind}"),
            Self::Tag(tag) => write!(f, "tag:{tag}"),
            Self::Site(site) => write!(f, "site:{site}"),
            Self::Chosen(ids) => {
                let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
                write!(f, "ids:{}", ids.join(","))
            }
        }
    }
}

impl From<Selector> for String {
    fn from(selector: Selector) -> Self {
        selector.to_string()
    }
}

impl TryFrom<String> for Selector {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}
