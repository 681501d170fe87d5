//! Changing many devices at once: all of them in one transaction, or none.

use std::collections::HashMap;

use etiqa_model::device::{Device, DeviceChange, MOST_CHANGED};
use etiqa_model::event::Topic;
use etiqa_model::media::Media;
use etiqa_model::user::Reach;
use etiqa_model::{CredentialId, DeviceId, UserError};

use super::within::{may_send, unknown_credential, wrong};
use super::{MEASURED, collect_now};
use crate::access::About;
use crate::audit::{Act, Changes, action, record_all_in_txn};
use crate::engine::Engine;
use crate::error::Result;
use crate::media;
use crate::store::credential::credential_fetch_by_name;
use crate::store::device::{device_list_of, device_list_of_in_txn};
use crate::store::device_bulk::{
    device_add_tag_in_txn, device_delete_of_in_txn, device_remove_tag_in_txn,
    device_set_credential_of_in_txn, device_set_enabled_of_in_txn,
};
use crate::store::media::media_list_all;
use crate::time::now;

/// Makes a change of these devices and says how many it changed: those that are gone, or so already, do not count. Somebody
/// with a scope changes none of them where one is not in it, or would not be in it any more.
pub async fn change(engine: &Engine, reach: &Reach, ids: &[DeviceId], what: &DeviceChange) -> Result<u64> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Err(UserError::invalid("Choose at least one device.").into());
    }
    if ids.len() > MOST_CHANGED {
        let message = format!("{} devices are too many at once; choose {MOST_CHANGED} at most.", ids.len());
        return Err(UserError::invalid(message).into());
    }
    About::Devices(&ids).admit(engine, reach).await?;
    match what {
        DeviceChange::Collect => collect(engine, &ids).await,
        DeviceChange::Delete => delete(engine, &ids).await,
        what => write(engine, reach, &ids, what).await,
    }
}

/// What would take devices out of the scope, or have logins sent that are not for it, needs the whole sites of all of them in it.
async fn check(engine: &Engine, reach: &Reach, ids: &[DeviceId], what: &DeviceChange) -> Result<()> {
    let field = match what {
        DeviceChange::RemoveTag(tag) if reach.scope().tags().contains(tag) => "tag",
        DeviceChange::SetCredential(_) if !reach.is_whole() => "credential",
        _ => return Ok(()),
    };
    if !reach.is_whole() && *what == DeviceChange::SetCredential(None) {
        let message = "Name a credential of their site: without one, those of all sites would be tried.";
        return Err(wrong("credential", message.to_owned()).into());
    }
    let devices = device_list_of(&engine.db, ids).await?;
    match devices.iter().find(|device| !reach.scope().holds_site(&device.site)) {
        None => Ok(()),
        Some(device) => {
            let message =
                format!("This says only who has the whole site of {} in their scope.", device.hostname);
            Err(wrong(field, message).into())
        }
    }
}

/// A disabled device is never collected, so those are left out.
async fn collect(engine: &Engine, ids: &[DeviceId]) -> Result<u64> {
    let mut devices: Vec<Device> = device_list_of(&engine.db, ids).await?;
    devices.retain(|device| device.enabled);
    if devices.is_empty() {
        let message = "None of the chosen devices is enabled; enable them first.";
        return Err(UserError::conflict(message).into());
    }
    collect_now(engine, &devices).await?;
    Ok(devices.len() as u64)
}

async fn write(engine: &Engine, reach: &Reach, ids: &[DeviceId], what: &DeviceChange) -> Result<u64> {
    check(engine, reach, ids, what).await?;
    let credential = match what {
        DeviceChange::SetCredential(Some(name)) => Some(credential_named(engine, reach, name).await?),
        _ => None,
    };
    let at = now();
    let mut tx = engine.db.write().await?;
    let devices = device_list_of_in_txn(&mut tx, ids).await?;
    let changed = match what {
        DeviceChange::SetEnabled(enabled) => device_set_enabled_of_in_txn(&mut tx, ids, *enabled, at).await?,
        DeviceChange::AddTag(tag) => device_add_tag_in_txn(&mut tx, ids, tag, at).await?,
        DeviceChange::RemoveTag(tag) => device_remove_tag_in_txn(&mut tx, ids, tag, at).await?,
        DeviceChange::SetCredential(_) => {
            device_set_credential_of_in_txn(&mut tx, ids, credential, at).await?
        }
        DeviceChange::Collect | DeviceChange::Delete => 0,
    };
    // A row for each that is changed, and one for what was asked for.
    let each = devices.iter().filter_map(|device| {
        let act = Act::new(action::DEVICE_CHANGE).on(device.id.0, &device.hostname);
        Some(act.changing(changes_of(device, what)?))
    });
    let of_all = Act::new(action::DEVICE_CHANGE_MANY).on_named(&words(what));
    let of_all = of_all.saying(format!("{} devices, {changed} of them changed.", devices.len()));
    record_all_in_txn(&mut tx, each.chain([of_all]).collect()).await?;
    tx.commit().await?;
    engine.events.send(Topic::Devices, None);
    Ok(changed)
}

/// What is changed of a device; none where it is so already.
fn changes_of(device: &Device, what: &DeviceChange) -> Option<Changes> {
    let is_enabled = device.enabled;
    match what {
        DeviceChange::SetEnabled(enabled) if *enabled != is_enabled => {
            Some(Changes::none().and("enabled", Some(is_enabled.to_string()), Some(enabled.to_string())))
        }
        DeviceChange::AddTag(tag) if !device.tags.contains(tag) => {
            let mut tags = device.tags.clone();
            tags.push(tag.clone());
            tags.sort();
            Some(Changes::none().and("tags", joined(&device.tags), joined(&tags)))
        }
        DeviceChange::RemoveTag(tag) if device.tags.contains(tag) => {
            let tags: Vec<String> = device.tags.iter().filter(|known| *known != tag).cloned().collect();
            Some(Changes::none().and("tags", joined(&device.tags), joined(&tags)))
        }
        DeviceChange::SetCredential(name) if *name != device.credential => {
            Some(Changes::none().and("credential", device.credential.clone(), name.clone()))
        }
        _ => None,
    }
}

fn joined(tags: &[String]) -> Option<String> {
    Some(tags.join(", ")).filter(|tags| !tags.is_empty())
}

/// What is made of them, for the audit log.
fn words(what: &DeviceChange) -> String {
    match what {
        DeviceChange::SetEnabled(true) => "enable".to_owned(),
        DeviceChange::SetEnabled(false) => "disable".to_owned(),
        DeviceChange::AddTag(tag) => format!("add tag {tag}"),
        DeviceChange::RemoveTag(tag) => format!("remove tag {tag}"),
        DeviceChange::SetCredential(Some(name)) => format!("credential {name}"),
        DeviceChange::SetCredential(None) => "no credential".to_owned(),
        DeviceChange::Collect => "collect".to_owned(),
        DeviceChange::Delete => "delete".to_owned(),
    }
}

async fn credential_named(engine: &Engine, reach: &Reach, name: &str) -> Result<CredentialId> {
    let found = credential_fetch_by_name(&engine.db, name).await?.map(|found| found.credential);
    let found = found.filter(|credential| may_send(reach, credential.site.as_deref()));
    Ok(found.ok_or_else(|| unknown_credential(name))?.id)
}

/// Deletes devices; the files that are attached to them follow once their rows are gone.
async fn delete(engine: &Engine, ids: &[DeviceId]) -> Result<u64> {
    let mut attached: HashMap<DeviceId, Vec<Media>> = HashMap::new();
    for file in media_list_all(&engine.db).await? {
        attached.entry(file.device_id).or_default().push(file);
    }
    let mut tx = engine.db.write().await?;
    let devices = device_list_of_in_txn(&mut tx, ids).await?;
    let deleted = device_delete_of_in_txn(&mut tx, ids).await?;
    let each = devices.iter().filter(|device| deleted.contains(&device.id)).map(|device| {
        let changes = Changes::of_removed(&device.to_input()).without(MEASURED);
        Act::new(action::DEVICE_REMOVE).on(device.id.0, &device.hostname).changing(changes)
    });
    record_all_in_txn(&mut tx, each.collect()).await?;
    tx.commit().await?;
    engine.events.send(Topic::Devices, None);
    for id in &deleted {
        let files = attached.get(id).map_or(&[][..], Vec::as_slice);
        media::forget_device(engine, *id, files).await?;
    }
    Ok(deleted.len() as u64)
}
