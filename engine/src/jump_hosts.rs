//! What people do with jump hosts: add, change, remove, accept a changed key.

use etiqa_model::admin::{JumpHost, JumpHostInput};
use etiqa_model::device::DeviceInput;
use etiqa_model::event::Topic;
use etiqa_model::{FieldError, JumpHostId, UserError};
use serde_json::json;

use crate::audit::{Act, Changes, action, record_in_txn};
use crate::db::DbError;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::store::credential::credential_fetch_by_name;
use crate::store::jump_host::{
    JumpHostRow, jump_host_delete_in_txn, jump_host_fetch, jump_host_fetch_by_name, jump_host_fetch_in_txn,
    jump_host_insert_in_txn, jump_host_key_accept_in_txn, jump_host_list, jump_host_update_in_txn,
};
use crate::time::now;

/// Every jump host, by name.
pub async fn list(engine: &Engine) -> Result<Vec<JumpHost>> {
    Ok(jump_host_list(&engine.db).await?)
}

/// The jump host of this name.
pub async fn find(engine: &Engine, name: &str) -> Result<JumpHost> {
    let found = jump_host_fetch_by_name(&engine.db, name).await?;
    Ok(found.ok_or_else(|| UserError::not_found(format!("jump host named \"{name}\"")))?.host)
}

/// Adds (`id` none) or changes a jump host.
pub async fn save(engine: &Engine, id: Option<JumpHostId>, input: &JumpHostInput) -> Result<JumpHostId> {
    let row = checked(engine, id, input).await?;
    let at = now();
    let mut tx = engine.db.write().await?;
    let before = match id {
        Some(id) => jump_host_fetch_in_txn(&mut tx, id).await?.map(|found| found.host),
        None => None,
    };
    let id = match id {
        Some(id) => {
            let updated = jump_host_update_in_txn(&mut tx, id, &row, at).await;
            if !updated.map_err(|error| taken(error, &row.name))? {
                return Err(missing(id).into());
            }
            id
        }
        None => jump_host_insert_in_txn(&mut tx, &row, at).await.map_err(|error| taken(error, &row.name))?,
    };
    let given = |name: &str| Some(name.trim().to_owned()).filter(|name| !name.is_empty());
    let after = json!({
        "name": row.name, "site": row.site, "address": row.address, "port": row.port,
        "credential": given(&input.credential), "via": given(&input.via), "legacy_ssh": row.legacy_ssh,
    });
    let (action, changes) = match &before {
        Some(before) => (action::JUMP_HOST_CHANGE, Changes::between(before, &after)),
        None => (action::JUMP_HOST_ADD, Changes::of_new(&after)),
    };
    record_in_txn(&mut tx, Act::new(action).on(id.0, &row.name).changing(changes)).await?;
    tx.commit().await?;
    engine.events.send(Topic::Admin, id.0);
    Ok(id)
}

async fn checked(engine: &Engine, id: Option<JumpHostId>, input: &JumpHostInput) -> Result<JumpHostRow> {
    let mut wrong = Vec::new();
    let mut complain =
        |field: &str, message: String| wrong.push(FieldError { field: field.to_owned(), message });
    let name = input.name.trim();
    if name.is_empty() || name.chars().count() > 100 {
        complain("name", "The name has 1 to 100 characters.".into());
    }
    // Its address is as a device's.
    let place = DeviceInput {
        address: input.address.clone(),
        port: input.port.clone(),
        site: input.site.clone(),
        ..DeviceInput::default()
    };
    let place = place.parse().inspect_err(|error| {
        for error in &error.fields {
            complain(&error.field, error.message.clone());
        }
    });
    let credential = credential_fetch_by_name(&engine.db, input.credential.trim()).await?;
    if credential.is_none() {
        let named = input.credential.trim();
        complain(
            "credential",
            if named.is_empty() {
                "A jump host needs a credential of its own.".into()
            } else {
                format!("There is no credential named \"{named}\"; add it first.")
            },
        );
    }
    let via = match input.via.trim() {
        "" => None,
        via => {
            let found = jump_host_fetch_by_name(&engine.db, via).await?;
            if found.is_none() {
                complain("via", format!("There is no jump host named \"{via}\"; add it first."));
            }
            found.map(|found| found.host)
        }
    };
    if let (Some(id), Some(via)) = (id, &via)
        && leads_to(engine, via, id).await?
    {
        complain("via", format!("The jump host {} is itself reached through this one.", via.name));
    }
    match place {
        Ok(place) if wrong.is_empty() => Ok(JumpHostRow {
            name: name.to_owned(),
            site: Some(input.site.trim().to_owned()).filter(|site| !site.is_empty()),
            address: place.address,
            port: place.port,
            credential_id: credential.map(|found| found.credential.id),
            via_id: via.map(|via| via.id),
            legacy_ssh: input.legacy_ssh,
        }),
        _ => Err(UserError::in_fields(wrong).into()),
    }
}

/// Whether the way through `from` passes `id`.
async fn leads_to(engine: &Engine, from: &JumpHost, id: JumpHostId) -> Result<bool> {
    let mut next = Some(from.id);
    // A circle that is there already ends as well.
    for _ in 0..64 {
        match next {
            Some(at) if at == id => return Ok(true),
            Some(at) => next = jump_host_fetch(&engine.db, at).await?.and_then(|found| found.host.via_id),
            None => return Ok(false),
        }
    }
    Ok(true)
}

/// Removes a jump host; its devices are reached straight from then on.
pub async fn remove(engine: &Engine, id: JumpHostId) -> Result<()> {
    let mut tx = engine.db.write().await?;
    let known = jump_host_fetch_in_txn(&mut tx, id).await?.ok_or_else(|| missing(id))?.host;
    if !jump_host_delete_in_txn(&mut tx, id).await? {
        return Err(missing(id).into());
    }
    let changes = Changes::of_removed(&known.to_input());
    record_in_txn(&mut tx, Act::new(action::JUMP_HOST_REMOVE).on(id.0, &known.name).changing(changes))
        .await?;
    tx.commit().await?;
    engine.events.send(Topic::Admin, id.0);
    Ok(())
}

/// Takes the changed key that waits as the jump host's own.
pub async fn accept_key(engine: &Engine, id: JumpHostId) -> Result<()> {
    let mut tx = engine.db.write().await?;
    let known = jump_host_fetch_in_txn(&mut tx, id).await?.map(|found| found.host);
    let (true, Some(known)) = (jump_host_key_accept_in_txn(&mut tx, id, now()).await?, known) else {
        return Err(UserError::invalid("No changed key waits for this jump host.").into());
    };
    let changes = Changes::none().and("host_key", known.fingerprint, known.offered);
    record_in_txn(&mut tx, Act::new(action::JUMP_HOST_KEY).on(id.0, &known.name).changing(changes)).await?;
    tx.commit().await?;
    engine.events.send(Topic::Admin, id.0);
    Ok(())
}

fn missing(id: JumpHostId) -> UserError {
    UserError::not_found(format!("jump host {id}"))
}

fn taken(error: DbError, name: &str) -> Error {
    if error.is_unique_violation() {
        let message = format!("There is a jump host named {name} already; choose another name.");
        return UserError::in_fields(vec![FieldError { field: "name".into(), message }]).into();
    }
    error.into()
}
