//! Inventory sources: lists of devices elsewhere that the inventory here follows.

mod input;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::field::by_name;
use crate::{DeviceId, InventorySourceId, Timestamp};

pub use input::{InventorySourceInput, Mapping, NewInventorySource, SourceSettings};

/// What kind of list it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// NetBox's REST API.
    Netbox,
    /// A CSV or JSON file behind an address.
    Url,
    /// A CSV or JSON file of this machine.
    File,
}

impl SourceKind {
    /// Every kind.
    pub const ALL: &[Self] = &[Self::Netbox, Self::Url, Self::File];

    /// The name in the database, in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Netbox => "netbox",
            Self::Url => "url",
            Self::File => "file",
        }
    }

    /// For a person.
    pub fn label(self) -> &'static str {
        match self {
            Self::Netbox => "NetBox",
            Self::Url => "CSV or JSON at a URL",
            Self::File => "CSV or JSON file of this machine",
        }
    }

    /// The kind of this name, in any case.
    pub fn parse(name: &str) -> Result<Self, String> {
        by_name("kind of inventory source", name, Self::ALL, Self::as_str)
    }
}

/// A field of a device that a source may have a say in. The address is always the source's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceField {
    /// Its name.
    Hostname,
    /// What it is.
    DeviceType,
    /// The driver.
    Platform,
    /// Its site.
    Site,
    /// Its tags, all of them.
    Tags,
    /// Free text.
    Description,
    /// TCP port.
    Port,
    /// SSH or telnet.
    Transport,
    /// The name of a credential.
    Credential,
}

impl SourceField {
    /// Every field, in the order of a device's form.
    pub const ALL: &[Self] = &[
        Self::Hostname,
        Self::DeviceType,
        Self::Platform,
        Self::Site,
        Self::Tags,
        Self::Description,
        Self::Port,
        Self::Transport,
        Self::Credential,
    ];

    /// The name in the database, in JSON and on the command line; as a device's form calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hostname => "hostname",
            Self::DeviceType => "device_type",
            Self::Platform => "platform",
            Self::Site => "site",
            Self::Tags => "tags",
            Self::Description => "description",
            Self::Port => "port",
            Self::Transport => "transport",
            Self::Credential => "credential",
        }
    }

    /// The field of this name.
    pub fn parse(name: &str) -> Result<Self, String> {
        by_name("field of a device", name, Self::ALL, Self::as_str)
    }
}

/// What becomes of a device that a source does not list any more. It is never deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GonePolicy {
    /// It is disabled, and enabled again when it comes back.
    #[default]
    Disable,
    /// It stays as it is.
    Leave,
}

impl GonePolicy {
    /// Every policy.
    pub const ALL: &[Self] = &[Self::Disable, Self::Leave];

    /// The name in the database, in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Leave => "leave",
        }
    }

    /// For a person.
    pub fn label(self) -> &'static str {
        match self {
            Self::Disable => "Disable it",
            Self::Leave => "Leave it as it is",
        }
    }

    /// The policy of this name.
    pub fn parse(name: &str) -> Result<Self, String> {
        by_name("way to treat devices that are gone", name, Self::ALL, Self::as_str)
    }
}

/// An inventory source as pages show it, without its token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InventorySource {
    /// Row id.
    pub id: InventorySourceId,
    /// Unique.
    pub name: String,
    /// Where it is, and what is taken of it.
    pub settings: SourceSettings,
    /// Whether it is followed by schedule.
    pub enabled: bool,
    /// Whether a token is stored.
    pub has_token: bool,
    /// Since when it is followed; none: nobody has synchronised it yet.
    pub confirmed_at: Option<Timestamp>,
    /// When it is looked at next.
    pub next_at: Option<Timestamp>,
    /// When it was last as it should be.
    pub last_ok_at: Option<Timestamp>,
    /// What is wrong with it.
    pub problem: Option<String>,
    /// Whether a sync goes on now.
    pub is_going_on: bool,
    /// Devices that it lists.
    pub devices: u64,
    /// Devices that it listed once.
    pub gone: u64,
}

/// A device that a source does not list any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoneDevice {
    /// Which.
    pub id: DeviceId,
    /// Its name.
    pub hostname: String,
    /// Its address.
    pub address: String,
    /// Since when.
    pub gone_at: Timestamp,
    /// Whether it is disabled now.
    pub is_disabled: bool,
}

/// What a sync did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncReport {
    /// Devices that the source lists.
    pub listed: u64,
    /// New devices.
    pub added: u64,
    /// Devices that changed.
    pub changed: u64,
    /// Devices that it does not list any more and that were disabled.
    pub disabled: u64,
    /// Devices that came back and were enabled.
    pub enabled: u64,
    /// Devices that it does not list any more and that stay as they are.
    pub left: u64,
    /// Fields that a person changed here and that stay.
    pub kept: u64,
    /// Rows that were refused.
    pub refused: u64,
    /// What was refused or could not be mapped; a sentence each, the first so many.
    pub notes: Vec<String>,
    /// The list had not changed since it was last taken, and was not looked through.
    pub is_same: bool,
}

impl SyncReport {
    /// Whether any device was, or would be, written.
    pub fn changes_something(&self) -> bool {
        self.added + self.changed + self.disabled + self.enabled + self.left > 0
    }
}

impl fmt::Display for SyncReport {
    /// As one line tells it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_same {
            return f.write_str("The list is the same as before.");
        }
        let Self { listed, added, changed, disabled, enabled, left, kept, refused, .. } = self;
        write!(f, "{listed} listed: {added} added, {changed} changed, {disabled} disabled")?;
        for (count, words) in [
            (enabled, "enabled again"),
            (left, "gone and left"),
            (kept, "fields kept as people set them"),
            (refused, "refused"),
        ] {
            if *count > 0 {
                write!(f, ", {count} {words}")?;
            }
        }
        Ok(())
    }
}

/// What would become of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncFate {
    /// It is new.
    Add,
    /// It changes.
    Change,
    /// It is gone, and is disabled.
    Disable,
    /// It came back, and is enabled.
    Enable,
    /// It is gone, and stays as it is.
    Leave,
}

impl SyncFate {
    /// For a person.
    pub fn label(self) -> &'static str {
        match self {
            Self::Add => "Add",
            Self::Change => "Change",
            Self::Disable => "Disable",
            Self::Enable => "Enable again",
            Self::Leave => "Gone, left",
        }
    }
}

/// One device of a preview.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncRow {
    /// What would become of it.
    pub fate: SyncFate,
    /// Which one it is; none: a new one.
    pub id: Option<DeviceId>,
    /// Its name.
    pub hostname: String,
    /// Its address.
    pub address: String,
    /// What would change, in words: `site: vienna → graz`.
    pub words: Vec<String>,
}

/// What a sync would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncPreview {
    /// The counts.
    pub report: SyncReport,
    /// The first devices that would change.
    pub rows: Vec<SyncRow>,
    /// Why a sync would be refused unless a person insists.
    pub guard: Option<String>,
}

/// What a sync came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncResult {
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// `schedule` or `manual`.
    pub started_by: String,
    /// What it did; none where it did nothing.
    pub report: Option<SyncReport>,
    /// Why it did nothing.
    pub problem: Option<String>,
}

/// Everything that is shown of one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InventorySourceDetail {
    /// The source.
    pub source: InventorySource,
    /// Its newest syncs, newest first.
    pub syncs: Vec<SyncResult>,
    /// Devices that it does not list any more, the first so many.
    pub gone: Vec<GoneDevice>,
}
