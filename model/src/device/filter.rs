//! Which devices a list shows.

use serde::{Deserialize, Serialize};

use super::{DeviceStatus, DeviceType};
use crate::class::Class;
use crate::overview::Reason;

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
    /// Only of this platform: chosen by a person, or else recognised.
    pub platform: Option<String>,
    /// Only with this status.
    pub status: Option<DeviceStatus>,
    /// Only those whose last collection ended like this.
    pub class: Option<Class>,
}

impl DeviceFilter {
    /// The filter that an address's query asks for, given a way to read its fields. What cannot be read does not narrow.
    pub fn of_query(field: impl Fn(&str) -> Option<String>) -> Self {
        let text = |name: &str| field(name).filter(|text| !text.is_empty());
        Self {
            search: text("q").unwrap_or_default(),
            device_type: text("type").and_then(|name| DeviceType::parse(&name).ok()),
            site: text("site"),
            tag: text("tag"),
            state: text("state").and_then(|name| DeviceState::parse(&name)),
            enabled: text("enabled").and_then(|text| text.parse().ok()),
            platform: text("platform"),
            status: text("status").and_then(|name| DeviceStatus::parse(&name).ok()),
            class: text("class").and_then(|name| Class::parse(&name).ok()),
        }
    }

    /// The fields of the query that asks for it; those that do not narrow are empty.
    pub fn to_query(&self) -> Vec<(&'static str, String)> {
        let some = |text: &Option<String>| text.clone().unwrap_or_default();
        let name = |name: Option<&'static str>| name.unwrap_or_default().to_owned();
        vec![
            ("q", self.search.clone()),
            ("type", name(self.device_type.map(DeviceType::as_str))),
            ("platform", some(&self.platform)),
            ("site", some(&self.site)),
            ("tag", some(&self.tag)),
            ("status", name(self.status.map(DeviceStatus::as_str))),
            ("state", name(self.state.map(DeviceState::as_str))),
            ("class", name(self.class.map(Class::as_str))),
            ("enabled", self.enabled.map(|enabled| enabled.to_string()).unwrap_or_default()),
        ]
    }
}

/// Where a device stands, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceState {
    /// Its last result was good.
    Good,
    /// It needs a hand, for whatever reason.
    NeedsHand,
    /// It needs a hand because of [`Reason::Failing`], and so on.
    Failing,
    /// See [`Reason::Suspect`].
    Suspect,
    /// See [`Reason::HostKeyChanged`].
    HostKeyChanged,
    /// See [`Reason::NeverBackedUp`].
    Never,
    /// See [`Reason::Overdue`].
    Overdue,
    /// See [`Reason::NoBackup`].
    NoBackup,
}

impl DeviceState {
    /// Every state.
    pub const ALL: &[Self] = &[
        Self::Good,
        Self::NeedsHand,
        Self::Failing,
        Self::Suspect,
        Self::HostKeyChanged,
        Self::Never,
        Self::Overdue,
        Self::NoBackup,
    ];

    /// The name in URLs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::NeedsHand => "needs_hand",
            Self::Failing => "failing",
            Self::Suspect => "suspect",
            Self::HostKeyChanged => "host_key_changed",
            Self::Never => "never",
            Self::Overdue => "overdue",
            Self::NoBackup => "no_backup",
        }
    }

    /// Those of the reasons for which devices need a hand that put one into this state.
    pub fn reasons(self) -> &'static [Reason] {
        match self {
            Self::Good => &[],
            Self::NeedsHand => Reason::ALL,
            Self::Failing => &[Reason::Failing],
            Self::Suspect => &[Reason::Suspect],
            Self::HostKeyChanged => &[Reason::HostKeyChanged],
            Self::Never => &[Reason::NeverBackedUp],
            Self::Overdue => &[Reason::Overdue],
            Self::NoBackup => &[Reason::NoBackup],
        }
    }

    /// Whether it is a matter of what backups promise.
    pub fn is_of_promises(self) -> bool {
        self.reasons().iter().any(|reason| matches!(reason, Reason::Overdue | Reason::NoBackup))
    }

    /// The state of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| state.as_str() == name)
    }
}
