//! What the live stream says: not what changed to what, only where to look again.

use serde::{Deserialize, Serialize};

/// A kind of thing that changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// A run was queued, moved or ended.
    Runs,
    /// A backup config was added, changed or deleted.
    BackupConfigs,
    /// A device, its versions, its results or its status changed.
    Devices,
    /// A job was queued, moved or ended.
    Jobs,
    /// Users, tokens, credentials, drivers or settings changed.
    Admin,
    /// A person kept a view of a list, or gave one up.
    Views,
    /// A rule changed, what configurations came to by it, or one that was kept is broken; then `id` is the rule.
    Rules,
}

/// "Look again": `id` narrows it to one row of the topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// What kind of thing.
    pub topic: Topic,
    /// Which one; none: any.
    pub id: Option<i64>,
}
