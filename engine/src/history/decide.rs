//! What people decide of versions: which one is active, what it is called.

use etiqa_model::config::{ConfigVersion, VersionState, VersionWords};
use etiqa_model::event::Topic;
use etiqa_model::{ConfigVersionId, UserError};

use super::read::fetch;
use crate::audit::{Act, Action, Changes, action, record_in_txn};
use crate::engine::Engine;
use crate::error::Result;
use crate::rules::queue_changed_in_txn;
use crate::store::config_version::{version_activate_in_txn, version_decide_in_txn, version_describe_in_txn};
use crate::store::device::device_fetch;
use crate::time::now;

/// Accepts a suspect version (it becomes active) or rejects it.
pub async fn decide(engine: &Engine, id: ConfigVersionId, accept: bool) -> Result<()> {
    let version = fetch(engine, id).await?;
    let is_done = if accept {
        make_active(engine, &version, VersionState::Suspect, action::TEXT_ACCEPT).await?
    } else {
        let mut tx = engine.db.write().await?;
        let is_done = version_decide_in_txn(&mut tx, id, false).await?;
        if is_done {
            record_in_txn(&mut tx, on(action::TEXT_REJECT, engine, &version).await?).await?;
        }
        tx.commit().await?;
        is_done
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
    if !make_active(engine, &version, VersionState::Inactive, action::TEXT_ACTIVATE).await? {
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
async fn make_active(
    engine: &Engine,
    version: &ConfigVersion,
    from: VersionState,
    action: Action,
) -> Result<bool> {
    let mut tx = engine.db.write().await?;
    let is_done = version_activate_in_txn(&mut tx, version.id, from, now()).await?;
    if is_done {
        queue_changed_in_txn(&mut tx, now()).await?;
        record_in_txn(&mut tx, on(action, engine, version).await?).await?;
    }
    tx.commit().await?;
    Ok(is_done)
}

/// An act on a version, called by its device, part and number.
async fn on(action: Action, engine: &Engine, version: &ConfigVersion) -> Result<Act> {
    let device = device_fetch(&engine.db, version.device_id).await?;
    let hostname = device.map(|device| device.hostname).unwrap_or_default();
    Ok(Act::new(action).on(version.id.0, &format!("{hostname} {} {}", version.part, version.version)))
}

/// Gives a version a label and a note, or takes them away.
pub async fn describe(engine: &Engine, id: ConfigVersionId, words: &VersionWords) -> Result<()> {
    let version = fetch(engine, id).await?;
    let (label, note) = words.parse()?;
    let changes = Changes::none().and("label", version.label.clone(), label.clone()).and(
        "note",
        version.note.clone(),
        note.clone(),
    );
    let mut tx = engine.db.write().await?;
    if !version_describe_in_txn(&mut tx, id, label, note).await? {
        return Err(UserError::not_found(format!("config version {id}")).into());
    }
    record_in_txn(&mut tx, on(action::TEXT_DESCRIBE, engine, &version).await?.changing(changes)).await?;
    tx.commit().await?;
    engine.events.send(Topic::Devices, version.device_id.0);
    Ok(())
}
