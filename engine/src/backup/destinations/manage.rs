//! What people do with destinations: add, change, remove, accept what changed there, have something tried again.

use std::path::{Path, PathBuf};
use std::time::Duration;

use etiqa_model::destination::{
    Destination, DestinationInput, DestinationKind, DestinationName, DestinationSecrets, DestinationSettings,
    GitSettings, KeepCopies, NewDestination,
};
use etiqa_model::event::Topic;
use etiqa_model::{DestinationId, FieldError, RunId, Timestamp, UserError};
use serde_json::json;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::object_store::endpoint_of;
use super::open::{row_name, secrets_of};
use super::send::queue_due;
use super::sharing::refuse_while_shared;
use crate::audit::{Act, Changes, action, record_in_txn};
use crate::backup::mirror::Address;
use crate::db::{DbError, Tx};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::fleet::check_key;
use crate::outgoing::{Kind, NoWay};
use crate::store::archive_copy::{copy_hurry_in_txn, copy_keep_in_txn, copy_move_in_txn};
use crate::store::destination::{
    DestinationRow, KeyedDestination, Moved, destination_delete_in_txn, destination_fetch,
    destination_fetch_by_name, destination_fetch_in_txn, destination_folder_forget_in_txn,
    destination_insert_in_txn, destination_key_accept_in_txn, destination_list, destination_list_names,
    destination_seal_in_txn, destination_unpause_in_txn, destination_update_in_txn,
};
use crate::time::now;

/// How long a folder may take to say that it is there.
const LONGEST_LOOK: Duration = Duration::from_secs(10);

/// Every destination, by name.
pub async fn list(engine: &Engine) -> Result<Vec<Destination>> {
    let mut destinations = destination_list(&engine.db).await?;
    for destination in &mut destinations {
        let is_place = destination.enabled && destination.kind() != DestinationKind::Git;
        destination.may_be_shared = is_place && engine.db.url().is_some();
    }
    Ok(destinations)
}

/// Names and ids of all, by name.
pub async fn names(engine: &Engine) -> Result<Vec<DestinationName>> {
    Ok(destination_list_names(&engine.db).await?)
}

/// The destination of this number.
pub async fn fetch(engine: &Engine, id: DestinationId) -> Result<Destination> {
    Ok(destination_fetch(&engine.db, id).await?.ok_or_else(|| missing(id))?.destination)
}

/// The destination of this name.
pub async fn find(engine: &Engine, name: &str) -> Result<Destination> {
    let found = destination_fetch_by_name(&engine.db, name).await?;
    Ok(found.ok_or_else(|| UserError::not_found(format!("destination named \"{name}\"")))?.destination)
}

/// Adds (`id` none) or changes a destination. Empty secrets stay as they were, unless it is another server: that one
/// would learn them.
pub async fn save(
    engine: &Engine,
    id: Option<DestinationId>,
    input: &DestinationInput,
) -> Result<DestinationId> {
    let new = input.parse()?;
    refuse_odd_place(engine, &new).await?;
    let at = now();
    let mut tx = engine.db.write().await?;
    let known = match id {
        Some(id) => Some(destination_fetch_in_txn(&mut tx, id).await?.ok_or_else(|| missing(id))?),
        None => None,
    };
    let was = known.as_ref().map(|known| known.destination.clone());
    let before = match &known {
        Some(known) => secrets_before(engine, known, &new)?,
        None => DestinationSecrets::default(),
    };
    let secrets = new.secrets.clone().or(&before);
    check_secrets(&new, &secrets)?;
    let row = DestinationRow { name: new.name, settings: new.settings, keep: new.keep, enabled: new.enabled };
    let id = match known {
        Some(known) => {
            // What only a machine that is gone had put there would be lost.
            if !row.enabled || !known.destination.settings.has_same_copies(&row.settings) {
                refuse_while_shared(&known.destination)?;
            }
            change(&mut tx, &known.destination, &row, at).await?;
            known.destination.id
        }
        None => {
            destination_insert_in_txn(&mut tx, &row, at).await.map_err(|error| taken(error, &row.name))?
        }
    };
    destination_seal_in_txn(&mut tx, id, sealed(engine, id, &secrets)?).await?;
    let changes = told(was.as_ref(), &row).and_secret("secrets", secrets != before);
    let action = if was.is_some() { action::DESTINATION_CHANGE } else { action::DESTINATION_ADD };
    record_in_txn(&mut tx, Act::new(action).on(id.0, &row.name).changing(changes)).await?;
    tx.commit().await?;
    changed(engine, id);
    queue_due(engine, at).await?;
    Ok(id)
}

/// What of a destination is changed: how it is set up.
fn told(was: Option<&Destination>, row: &DestinationRow) -> Changes {
    let after = json!({
        "name": row.name, "settings": row.settings, "keep": row.keep, "enabled": row.enabled,
    });
    was.map_or_else(|| Changes::of_new(&after), |was| Changes::between(was, &after))
}

/// What it knows of secrets that may still be used with what was filled in.
fn secrets_before(
    engine: &Engine,
    known: &KeyedDestination,
    new: &NewDestination,
) -> Result<DestinationSecrets> {
    let settings = &known.destination.settings;
    if settings.kind() != new.settings.kind() {
        let message = "A destination stays of its kind, for its copies are there: add another one instead.";
        return Err(in_field("kind", message).into());
    }
    if settings.is_same_place(&new.settings) {
        secrets_of(engine, known)
    } else {
        Ok(DestinationSecrets::default())
    }
}

/// Changes one, and what is noted of its copies: at another place there are none of them yet.
async fn change(tx: &mut Tx, known: &Destination, row: &DestinationRow, at: Timestamp) -> Result<()> {
    let moved = Moved {
        server: !known.settings.is_same_place(&row.settings),
        place: !known.settings.has_same_copies(&row.settings),
    };
    let updated = destination_update_in_txn(tx, known.id, row, moved, at).await;
    updated.map_err(|error| taken(error, &row.name))?;
    if moved.place {
        copy_move_in_txn(tx, known.id, at).await?;
    } else if row.keep == KeepCopies::Forever {
        copy_keep_in_txn(tx, known.id).await?;
    }
    copy_hurry_in_txn(tx, known.id, None, at).await?;
    Ok(())
}

fn sealed(engine: &Engine, id: DestinationId, secrets: &DestinationSecrets) -> Result<Option<Vec<u8>>> {
    if secrets.is_empty() {
        return Ok(None);
    }
    Ok(Some(engine.vault.seal_json(&row_name(id), secrets)?))
}

/// A mistake is better told now than at night.
async fn refuse_odd_place(engine: &Engine, new: &NewDestination) -> Result<(), UserError> {
    let (field, host) = match &new.settings {
        DestinationSettings::Folder(folder) => return refuse_odd_folder(engine, &folder.path).await,
        DestinationSettings::S3(s3) => ("endpoint", host_of(&endpoint_of(s3))),
        DestinationSettings::Webdav(webdav) => ("url", host_of(&webdav.url)),
        DestinationSettings::Sftp(sftp) => ("address", Some(sftp.address.clone())),
        DestinationSettings::Git(GitSettings { url: Some(url), .. }) => {
            match Address::parse(url).map_err(|error| in_field("url", error.message))? {
                Address::Http { url, .. } => ("url", url.host_str().map(str::to_owned)),
                Address::Ssh { host, .. } => ("url", Some(host)),
                Address::Folder(_) => return Ok(()),
            }
        }
        DestinationSettings::Git(GitSettings { url: None, .. }) => return Ok(()),
    };
    let Some(host) = host else { return Err(in_field(field, "The address cannot be used: check it.")) };
    let outgoing = engine.reach.outgoing(new.settings.own_network());
    // A name that leads nowhere today may do so tomorrow.
    match timeout(LONGEST_LOOK, outgoing.resolve(&host)).await {
        Ok(Err(NoWay::Refused(refused))) if refused.kind == Kind::Private => {
            Err(in_field("own_network", refused.to_string()))
        }
        Ok(Err(NoWay::Refused(refused))) => Err(in_field(field, refused.to_string())),
        _ => Ok(()),
    }
}

/// As the client reads it, which knows more ways to write an address than people do.
fn host_of(url: &str) -> Option<String> {
    reqwest::Url::parse(url).ok()?.host_str().map(str::to_owned)
}

/// One that is not there, or is the program's own.
async fn refuse_odd_folder(engine: &Engine, path: &str) -> Result<(), UserError> {
    let path = PathBuf::from(path);
    let looked = spawn_blocking(move || {
        let path = path.canonicalize().ok()?;
        Some((path.is_dir(), path))
    });
    // A share that hangs must not hold up who types.
    let Ok(looked) = timeout(LONGEST_LOOK, looked).await else {
        return Err(in_field(
            "path",
            "The folder does not answer. Is its share mounted, and its server there?",
        ));
    };
    let Some((is_folder, path)) = looked.ok().flatten() else {
        return Err(in_field(
            "path",
            "There is no such folder on this machine; make it, or mount the share.",
        ));
    };
    if !is_folder {
        return Err(in_field("path", "This is no folder."));
    }
    let backups = engine.dir.backups();
    let is_within = |own: &Path| path.starts_with(own) || own.starts_with(&path);
    if is_within(engine.dir.root()) || is_within(&backups) {
        return Err(in_field(
            "path",
            "Choose a folder outside of the data directory: archives are there already.",
        ));
    }
    Ok(())
}

fn check_secrets(new: &NewDestination, secrets: &DestinationSecrets) -> Result<(), UserError> {
    let DestinationSecrets { secret_access_key, password, private_key, key_passphrase } = secrets;
    check_key(private_key, key_passphrase)?;
    match &new.settings {
        DestinationSettings::S3(_) if secret_access_key.is_empty() => {
            Err(in_field("secret_access_key", "Fill in the secret access key."))
        }
        DestinationSettings::Webdav(webdav) if webdav.username.is_some() && password.is_empty() => {
            Err(in_field("password", "Fill in the password."))
        }
        settings
            if settings.kind() == DestinationKind::Sftp && password.is_empty() && private_key.is_empty() =>
        {
            Err(in_field("password", "A password or a private key is needed to log in."))
        }
        _ => Ok(()),
    }
}

/// Removes a destination, and what is noted of its copies; the copies themselves stay where they are.
pub async fn remove(engine: &Engine, id: DestinationId) -> Result<()> {
    let mut tx = engine.db.write().await?;
    let known = destination_fetch_in_txn(&mut tx, id).await?.ok_or_else(|| missing(id))?;
    refuse_while_shared(&known.destination)?;
    destination_delete_in_txn(&mut tx, id).await?;
    let Destination { name, settings, .. } = &known.destination;
    let changes = Changes::of_removed(&json!({ "settings": settings }));
    record_in_txn(&mut tx, Act::new(action::DESTINATION_REMOVE).on(id.0, name).changing(changes)).await?;
    tx.commit().await?;
    changed(engine, id);
    Ok(())
}

/// Has everything that waits for a destination tried now.
pub async fn retry(engine: &Engine, id: DestinationId) -> Result<()> {
    let at = now();
    let mut tx = engine.db.write().await?;
    let known = destination_fetch_in_txn(&mut tx, id).await?.ok_or_else(|| missing(id))?.destination;
    destination_unpause_in_txn(&mut tx, id).await?;
    copy_hurry_in_txn(&mut tx, id, None, at).await?;
    record_in_txn(&mut tx, Act::new(action::DESTINATION_RETRY).on(id.0, &known.name)).await?;
    tx.commit().await?;
    changed(engine, id);
    queue_due(engine, at).await
}

/// Has what waits of one run's archive tried now.
pub async fn retry_copy(engine: &Engine, run: RunId, id: DestinationId) -> Result<()> {
    let at = now();
    let mut tx = engine.db.write().await?;
    let known = destination_fetch_in_txn(&mut tx, id).await?.ok_or_else(|| missing(id))?.destination;
    if copy_hurry_in_txn(&mut tx, id, Some(run), at).await? == 0 {
        return Err(UserError::conflict("Nothing waits to be sent or deleted there.").into());
    }
    destination_unpause_in_txn(&mut tx, id).await?;
    let act = Act::new(action::RUN_RETRY_COPY).on(run.0, "").saying(format!("To {}.", known.name));
    record_in_txn(&mut tx, act).await?;
    tx.commit().await?;
    changed(engine, id);
    engine.events.send(Topic::Runs, run.0);
    queue_due(engine, at).await
}

/// Takes what a destination shows instead of what was known as its own: a changed host key, or another folder. What waits
/// for it is tried now; another folder is another place, so that archives are sent anew to it.
pub async fn accept_key(engine: &Engine, id: DestinationId) -> Result<()> {
    let at = now();
    let mut tx = engine.db.write().await?;
    let known = destination_fetch_in_txn(&mut tx, id).await?.ok_or_else(|| missing(id))?.destination;
    if known.facts.is_other_folder {
        destination_folder_forget_in_txn(&mut tx, id).await?;
        copy_move_in_txn(&mut tx, id, at).await?;
    } else if !destination_key_accept_in_txn(&mut tx, id).await? {
        let message = "No changed key and no other folder waits for this destination.";
        return Err(UserError::invalid(message).into());
    }
    copy_hurry_in_txn(&mut tx, id, None, at).await?;
    record_in_txn(&mut tx, Act::new(action::DESTINATION_KEY).on(id.0, &known.name)).await?;
    tx.commit().await?;
    changed(engine, id);
    queue_due(engine, at).await
}

pub(super) fn missing(id: DestinationId) -> UserError {
    UserError::not_found(format!("destination {id}"))
}

pub(super) fn changed(engine: &Engine, id: DestinationId) {
    engine.events.send(Topic::Admin, id.0);
    engine.events.send(Topic::BackupConfigs, None);
}

fn in_field(field: &str, message: impl Into<String>) -> UserError {
    UserError::in_fields(vec![FieldError { field: field.to_owned(), message: message.into() }])
}

fn taken(error: DbError, name: &str) -> Error {
    if error.is_unique_violation() {
        let message = format!("There is a destination named \"{name}\" already; choose another name.");
        return in_field("name", message).into();
    }
    error.into()
}
