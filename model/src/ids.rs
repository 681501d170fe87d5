//! Typed row ids: a device's id can never be passed where a run's is meant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

ids! {
    /// A network device.
    DeviceId,
    /// A login for devices.
    CredentialId,
    /// A server that passes connections on to devices.
    JumpHostId,
    /// What to back up, when, and how many to keep.
    BackupConfigId,
    /// One execution of a backup config.
    RunId,
    /// Where archives are sent to.
    DestinationId,
    /// What one destination has, or is to have, of one archive.
    CopyId,
    /// A passphrase of archives.
    PassphraseId,
    /// One stored version of one part of one device's configuration.
    ConfigVersionId,
    /// What one collection of one device came to.
    DeviceResultId,
    /// A person who can sign in.
    UserId,
    /// An API token.
    TokenId,
    /// A queued piece of work.
    JobId,
    /// A vendor's backup that is kept.
    ArtifactId,
    /// What one attempt to fetch a vendor's backup came to.
    ArtifactResultId,
    /// A file that was uploaded to be imported.
    UploadId,
    /// A file that is attached to a device.
    MediaId,
    /// A view of a list that a person keeps.
    ViewId,
    /// A rule that configurations are held against.
    RuleId,
    /// A list of devices elsewhere that the inventory follows.
    InventorySourceId,
    /// Where notifications are sent to.
    ChannelId,
    /// What is told to which channels.
    NotifyRuleId,
    /// A message to one channel.
    DeliveryId,
}
