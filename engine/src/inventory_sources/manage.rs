//! What people do with inventory sources: add, change, remove, look at.

use etiqa_model::event::Topic;
use etiqa_model::inventory_source::{
    InventorySource, InventorySourceDetail, InventorySourceInput, NewInventorySource, SourceKind,
    SourceSettings,
};
use etiqa_model::{FieldError, InventorySourceId, Secret, Timestamp, UserError};
use serde_json::json;

use super::fetch::refuse_odd_place;
use crate::audit::{Act, Changes, action, record_in_txn};
use crate::db::DbError;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::store::inventory_source::{
    KeyedSource, link_list_gone, source_delete_in_txn, source_fetch, source_fetch_by_name,
    source_fetch_in_txn, source_insert_in_txn, source_list, source_seal_in_txn, source_start_over_in_txn,
    source_update_in_txn, sync_list,
};
use crate::time::now;

/// Devices that are gone, on a source's page.
const GONE_SHOWN: u32 = 100;

/// Every source, by name.
pub async fn list(engine: &Engine) -> Result<Vec<InventorySource>> {
    Ok(source_list(&engine.db, now()).await?)
}

/// The source of this name.
pub async fn find(engine: &Engine, name: &str) -> Result<InventorySource> {
    let found = source_fetch_by_name(&engine.db, name, now()).await?;
    Ok(found.ok_or_else(|| UserError::not_found(format!("inventory source named \"{name}\"")))?.source)
}

/// Everything that is shown of one source.
pub async fn detail(engine: &Engine, id: InventorySourceId) -> Result<InventorySourceDetail> {
    let keyed = source_fetch(&engine.db, id, now()).await?.ok_or_else(|| missing(id))?;
    Ok(InventorySourceDetail {
        source: keyed.source,
        syncs: sync_list(&engine.db, id).await?,
        gone: link_list_gone(&engine.db, id, GONE_SHOWN).await?,
    })
}

/// Adds (`id` none) or changes a source. An empty token stays as it was, unless it is another server: that one would learn
/// it. A new source does nothing by itself before somebody has synchronised it; neither does a NetBox at another address.
pub async fn save(
    engine: &Engine,
    id: Option<InventorySourceId>,
    input: &InventorySourceInput,
) -> Result<InventorySourceId> {
    let new = input.parse()?;
    refuse_odd_place(engine, &new.settings).await?;
    let at = now();
    let mut tx = engine.db.write().await?;
    let known = match id {
        Some(id) => Some(source_fetch_in_txn(&mut tx, id, at).await?.ok_or_else(|| missing(id))?),
        None => None,
    };
    let NewInventorySource { name, settings, enabled, .. } = &new;
    let id = match &known {
        Some(known) => {
            let next = next_after_change(known, settings, *enabled, at);
            let id = known.source.id;
            let updated = source_update_in_txn(&mut tx, id, name, settings, (*enabled, next), at).await;
            updated.map_err(|error| taken(error, name))?;
            if calls_otherwise(&known.source.settings, settings) {
                source_start_over_in_txn(&mut tx, id).await?;
            }
            id
        }
        None => {
            let inserted = source_insert_in_txn(&mut tx, name, settings, *enabled, at).await;
            inserted.map_err(|error| taken(error, name))?
        }
    };
    let is_same = known.as_ref().is_some_and(|known| known.source.settings.is_same_place(settings));
    let keeps = is_same && !new.no_token && settings.kind != SourceKind::File;
    match &new.token {
        Some(token) => {
            let sealed = engine.vault.seal(&row_name(id), token.reveal().as_bytes())?;
            source_seal_in_txn(&mut tx, id, Some(sealed)).await?;
        }
        None if keeps => {}
        None => source_seal_in_txn(&mut tx, id, None).await?,
    }
    let after = json!({ "name": name, "settings": settings, "enabled": enabled });
    let (action, changes) = match &known {
        Some(known) => (action::SOURCE_CHANGE, Changes::between(&known.source, &after)),
        None => (action::SOURCE_ADD, Changes::of_new(&after)),
    };
    let changes = changes.and_secret("token", new.token.is_some());
    record_in_txn(&mut tx, Act::new(action).on(id.0, name).changing(changes)).await?;
    tx.commit().await?;
    engine.events.send(Topic::Admin, id.0);
    Ok(id)
}

/// Whether devices are called otherwise from now on: NetBox numbers them, and another NetBox has the same numbers for others.
fn calls_otherwise(before: &SourceSettings, after: &SourceSettings) -> bool {
    before.kind == SourceKind::Netbox && (after.kind != before.kind || after.place != before.place)
}

/// A source that is followed is looked at soon after a change of what is taken of it.
fn next_after_change(
    known: &KeyedSource,
    settings: &SourceSettings,
    enabled: bool,
    at: Timestamp,
) -> Option<Timestamp> {
    let source = &known.source;
    source.confirmed_at?;
    let is_same = source.settings == *settings && source.enabled;
    Some(if is_same { source.next_at? } else { at }).filter(|_| enabled)
}

/// Removes a source. Its devices stay as they are, and are nobody's but people's from then on.
pub async fn remove(engine: &Engine, id: InventorySourceId) -> Result<()> {
    let mut tx = engine.db.write().await?;
    let known = source_fetch_in_txn(&mut tx, id, now()).await?.ok_or_else(|| missing(id))?.source;
    if known.is_going_on {
        let message = format!("A sync of {} goes on; wait for its end.", known.name);
        return Err(UserError::conflict(message).into());
    }
    source_delete_in_txn(&mut tx, id).await?;
    let changes = Changes::of_removed(&json!({ "settings": known.settings }));
    record_in_txn(&mut tx, Act::new(action::SOURCE_REMOVE).on(id.0, &known.name).changing(changes)).await?;
    tx.commit().await?;
    engine.events.send(Topic::Admin, id.0);
    Ok(())
}

pub(super) fn missing(id: InventorySourceId) -> UserError {
    UserError::not_found(format!("inventory source {id}"))
}

/// Its token; none where it has none.
pub(super) fn token_of(engine: &Engine, keyed: &KeyedSource) -> Result<Option<Secret>> {
    let Some(sealed) = &keyed.sealed else { return Ok(None) };
    let plain = engine.vault.open_sealed(&row_name(keyed.source.id), sealed)?;
    Ok(Some(Secret::new(String::from_utf8_lossy(&plain))))
}

/// What a source's token is sealed for.
fn row_name(id: InventorySourceId) -> String {
    format!("inventory_source:{id}")
}

fn taken(error: DbError, name: &str) -> Error {
    if error.is_unique_violation() {
        let message = format!("There is an inventory source named \"{name}\" already; choose another name.");
        return UserError::in_fields(vec![FieldError { field: "name".into(), message }]).into();
    }
    error.into()
}
