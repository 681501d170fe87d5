//! What people decide of versions: which one is active, what it is called.

use etiqa_model::config::{VersionState, VersionWords};
use etiqa_model::event::Topic;
use etiqa_model::{ConfigVersionId, UserError};

use super::read::fetch;
use crate::engine::Engine;
use crate::error::Result;
use crate::store::config_version::{version_activate_in_txn, version_decide, version_describe};
use crate::time::now;

/// Accepts a suspect version (it becomes active) or rejects it.
pub async fn decide(engine: &Engine, id: ConfigVersionId, accept: bool) -> Result<()> {
    let version = fetch(engine, id).await?;
    let is_done = if accept {
        make_active(engine, id, VersionState::Suspect).await?
    } else {
        version_decide(&engine.db, id, false).await?
    };
    if !is_done {
        let message = format!("Version {} is not suspect (any more).", version.version);
        return Err(UserError::conflict(message).into());
    }
    engine.events.send(Topic::Devices, version.device_id.0);
    Ok(())
}

/// Makes an older version the active one: archives take it, and what the device gives next is compared with it. Nothing
/// is sent to the device.
pub async fn activate(engine: &Engine, id: ConfigVersionId) -> Result<()> {
    let version = fetch(engine, id).await?;
    let number = version.version;
    if !make_active(engine, id, VersionState::Inactive).await? {
        // Somebody else may have been quicker since it was read.
        let message = match version.state {
            VersionState::Suspect => format!("Version {number} is suspect: accept or reject it."),
            VersionState::Rejected => format!("Version {number} was rejected as not whole."),
            VersionState::Active | VersionState::Inactive => {
                format!("Version {number} is active already.")
            }
        };
        return Err(UserError::conflict(message).into());
    }
    engine.events.send(Topic::Devices, version.device_id.0);
    Ok(())
}

/// Makes a version of this state the active one, from now on.
async fn make_active(engine: &Engine, id: ConfigVersionId, from: VersionState) -> Result<bool> {
    let mut tx = engine.db.write().await?;
    let is_done = version_activate_in_txn(&mut tx, id, from, now()).await?;
    tx.commit().await?;
    Ok(is_done)
}

/// Gives a version a label and a note, or takes them away.
pub async fn describe(engine: &Engine, id: ConfigVersionId, words: &VersionWords) -> Result<()> {
    let version = fetch(engine, id).await?;
    let (label, note) = words.parse()?;
    if !version_describe(&engine.db, id, label, note).await? {
        return Err(UserError::not_found(format!("config version {id}")).into());
    }
    engine.events.send(Topic::Devices, version.device_id.0);
    Ok(())
}
