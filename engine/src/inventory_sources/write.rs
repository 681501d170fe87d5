//! Writes what a sync planned, within the transaction that ends it.

use std::collections::HashMap;

use etiqa_model::device::Device;
use etiqa_model::inventory_source::{SyncFate, SyncReport};
use etiqa_model::{CredentialId, InventorySourceId};

use super::plan::Change;
use super::wanted::add_note;
use crate::audit::{Act, Changes, action};
use crate::db::Tx;
use crate::error::Result;
use crate::inventory::MEASURED;
use crate::store::device::device_list_by_address_in_txn;
use crate::store::device_write::{
    DeviceRow, device_insert_in_txn, device_set_enabled_in_txn, device_update_in_txn,
};
use crate::store::inventory_source::{SourceLink, link_save_in_txn};
use crate::time::now;

/// Writes what is planned. What a person changed since it was planned is left for the next sync. Gives what was done to each
/// device, for the log takes it last, and is held until the commit; and how many were left.
pub(super) async fn write(
    tx: &mut Tx,
    id: InventorySourceId,
    changes: Vec<Change>,
    credentials: &HashMap<String, CredentialId>,
    report: &mut SyncReport,
) -> Result<(Vec<Act>, u64)> {
    let at = now();
    let (mut acts, mut passed_over) = (Vec::new(), 0);
    let credential_id = |name: Option<&String>| name.and_then(|name| credentials.get(name)).copied();
    let (mut rows, mut links): (Vec<DeviceRow>, Vec<SourceLink>) = (Vec::new(), Vec::new());
    for change in changes {
        let Change { fate, before, after, link, .. } = change;
        let row = |device: etiqa_model::device::NewDevice, jump_host_id| DeviceRow {
            credential_id: credential_id(device.credential.as_ref()),
            device,
            jump_host_id,
        };
        let Some(before) = before else {
            rows.extend(after.map(|after| row(after, None)));
            links.push(link);
            continue;
        };
        if !is_as_it_was(tx, &before).await? {
            passed_over += 1;
            take_back(report, fate, after.is_some());
            let name = &before.hostname;
            add_note(&mut report.notes, &format!("{name} was changed just now; the next sync looks again."));
            continue;
        }
        let mut changes = Changes::none();
        if let Some(after) = after {
            changes = Changes::between(&before, &after).without(MEASURED);
            device_update_in_txn(tx, before.id, &row(after, before.jump_host_id), at).await?;
        }
        let enabled = match fate {
            Some(SyncFate::Enable) => Some(true),
            Some(SyncFate::Disable) => Some(false),
            Some(SyncFate::Add | SyncFate::Change | SyncFate::Leave) | None => None,
        };
        if let Some(enabled) = enabled {
            device_set_enabled_in_txn(tx, before.id, enabled, at).await?;
            changes = changes.and("enabled", Some(before.enabled.to_string()), Some(enabled.to_string()));
        }
        acts.extend(act_of(&before, fate, changes));
        link_save_in_txn(tx, id, &link).await?;
    }
    let ids = device_insert_in_txn(tx, &rows, at).await?;
    for ((link, row), device_id) in links.into_iter().zip(&rows).zip(ids) {
        let changes = Changes::of_new(&row.device).without(MEASURED);
        let act = Act::new(action::DEVICE_ADD).on(device_id.0, &row.device.hostname).changing(changes);
        acts.push(act.saying("Its inventory source lists it."));
        link_save_in_txn(tx, id, &SourceLink { device_id, ..link }).await?;
    }
    Ok((acts, passed_over))
}

/// What was planned for a device did not come to pass.
fn take_back(report: &mut SyncReport, fate: Option<SyncFate>, is_changed: bool) {
    let count = match fate {
        Some(SyncFate::Enable) => Some(&mut report.enabled),
        Some(SyncFate::Disable) => Some(&mut report.disabled),
        Some(SyncFate::Leave) => Some(&mut report.left),
        Some(SyncFate::Add | SyncFate::Change) | None => None,
    };
    if let Some(count) = count {
        *count = count.saturating_sub(1);
    }
    report.changed = report.changed.saturating_sub(u64::from(is_changed));
}

/// What was done to a device that was here, for the audit log; none where only what is noted of it changed.
fn act_of(before: &Device, fate: Option<SyncFate>, changes: Changes) -> Option<Act> {
    let words = match fate? {
        SyncFate::Add | SyncFate::Leave => return None,
        SyncFate::Change => "As its inventory source has it.",
        SyncFate::Enable => "Its inventory source lists it again.",
        SyncFate::Disable => "Its inventory source does not list it any more.",
    };
    let act = Act::new(action::DEVICE_CHANGE).on(before.id.0, &before.hostname);
    Some(act.changing(changes).saying(words))
}

/// Whether a device is still what the plan was made for.
async fn is_as_it_was(tx: &mut Tx, before: &Device) -> Result<bool> {
    let found = device_list_by_address_in_txn(tx, std::slice::from_ref(&before.address)).await?;
    let now = found.into_iter().find(|device| device.id == before.id);
    Ok(now.is_some_and(|now| now.updated_at == before.updated_at && now.enabled == before.enabled))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use etiqa_model::Timestamp;
    use etiqa_model::device::DeviceInput;

    use super::*;
    use crate::db::Db;
    use crate::store::device::device_list_of;

    #[tokio::test]
    async fn a_device_that_changed_since_it_was_planned_is_left_and_counts_for_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open_sqlite(&folder.path().join("etiqa.db")).await.unwrap();
        let input = DeviceInput { address: "192.0.2.1".into(), ..DeviceInput::default() };
        let row = DeviceRow { device: input.parse().unwrap(), credential_id: None, jump_host_id: None };
        let mut tx = db.write().await.unwrap();
        let ids = device_insert_in_txn(&mut tx, &[row], now()).await.unwrap();
        tx.commit().await.unwrap();
        let device = device_list_of(&db, &ids).await.unwrap().remove(0);

        let before = Device { updated_at: Timestamp(0), ..device };
        let link = SourceLink {
            device_id: before.id,
            key: "1".into(),
            given: BTreeMap::new(),
            gone_at: None,
            disabled_here: true,
        };
        let change = Change {
            fate: Some(SyncFate::Disable),
            before: Some(before),
            after: None,
            link,
            words: Vec::new(),
        };
        let mut report = SyncReport { disabled: 1, ..SyncReport::default() };
        let mut tx = db.write().await.unwrap();
        let id = InventorySourceId(1);
        let (acts, passed_over) =
            write(&mut tx, id, vec![change], &HashMap::new(), &mut report).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!((acts.len(), passed_over, report.disabled), (0, 1, 0));
        assert!(report.notes[0].contains("changed just now"), "{:?}", report.notes);
        assert!(device_list_of(&db, &ids).await.unwrap()[0].enabled);
        db.close().await;
    }
}
