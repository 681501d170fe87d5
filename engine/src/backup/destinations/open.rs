//! From a destination's row to the place itself: secrets opened, logged in, what it showed of itself noted.

use etiqa_model::DestinationId;
use etiqa_model::destination::{
    Destination, DestinationFacts, DestinationKind, DestinationSecrets, DestinationSettings, FolderSettings,
};
use etiqa_model::event::Topic;

use super::folder::{Folder, other_folder};
use super::http::client;
use super::hushed::{Hushed, masked};
use super::object_store::{ObjectStore, endpoint_of};
use super::place::{Headway, Place, PlaceError};
use super::sftp::Sftp;
use super::webdav::Webdav;
use crate::collect::{HostKeySeen, Hush};
use crate::engine::Engine;
use crate::error::Result;
use crate::store::destination::{
    KeyedDestination, destination_facts_save_in_txn, destination_fetch_in_txn, destination_key_offer_in_txn,
    destination_key_remember_in_txn,
};

/// Opens a place, unless it does not answer. The outer error is this program's own; the inner one is the place's.
pub(super) async fn open(
    engine: &Engine,
    keyed: &KeyedDestination,
    headway: &Headway,
) -> Result<Result<Box<dyn Place>, PlaceError>> {
    let opening = Box::pin(open_place(engine, keyed));
    match headway.watch(async { Ok(opening.await) }).await {
        Ok(opened) => {
            // What comes next has all of the patience; that it is not wanted any more is heard there.
            let _ = headway.step();
            opened
        }
        Err(error) => Ok(Err(error)),
    }
}

async fn open_place(engine: &Engine, keyed: &KeyedDestination) -> Result<Result<Box<dyn Place>, PlaceError>> {
    let secrets = secrets_of(engine, keyed)?;
    let destination = &keyed.destination;
    if secrets.is_empty() && needs_secrets(&destination.settings) {
        return Ok(Err(PlaceError::permanent("Its password or key is not known here; fill it in again.")));
    }
    let outgoing = engine.reach.outgoing(destination.settings.own_network());
    let hush = hush_of(&destination.settings, &secrets);
    let place = match &destination.settings {
        DestinationSettings::Folder(folder) => open_folder(engine, destination, folder).await?,
        DestinationSettings::S3(s3) => client(&engine.trust(), &outgoing, &endpoint_of(s3))
            .and_then(|client| ObjectStore::s3(s3, &secrets.secret_access_key, client))
            .map(boxed),
        DestinationSettings::Webdav(webdav) => client(&engine.trust(), &outgoing, &webdav.url)
            .and_then(|client| Webdav::new(webdav, &secrets.password, client))
            .map(boxed),
        DestinationSettings::Sftp(sftp) => {
            let (place, key) = Sftp::open(sftp, &secrets, keyed.openssh.clone(), &outgoing).await;
            if let Some((key, is_changed)) = key {
                note_key(engine, destination.id, &key, is_changed).await?;
            }
            place.map(boxed)
        }
        DestinationSettings::Git(_) => {
            Err(PlaceError::permanent("A Git mirror holds texts and no archives."))
        }
    };
    Ok(match place {
        Ok(place) => Ok(boxed(Hushed::new(place, hush))),
        Err(error) => Err(masked(&hush, error)),
    })
}

/// What the server of a destination is told and nobody else may read.
fn hush_of(settings: &DestinationSettings, secrets: &DestinationSecrets) -> Hush {
    let mut hush = Hush::default();
    hush.add(&secrets.secret_access_key);
    let username = match settings {
        DestinationSettings::Webdav(webdav) => webdav.username.as_deref().unwrap_or_default(),
        DestinationSettings::Sftp(sftp) => &sftp.username,
        DestinationSettings::Folder(_) | DestinationSettings::S3(_) | DestinationSettings::Git(_) => "",
    };
    hush.add_password(username, &secrets.password);
    hush
}

/// Opens a folder, and notes which one it is, or that it is another one than before.
async fn open_folder(
    engine: &Engine,
    destination: &Destination,
    settings: &FolderSettings,
) -> Result<Result<Box<dyn Place>, PlaceError>> {
    let before = &destination.facts;
    let (place, facts) = match Folder::open(&settings.path, before.marker.as_deref()).await {
        Ok(Some((folder, marker))) => {
            let facts = DestinationFacts { marker: Some(marker), is_other_folder: false, ..before.clone() };
            (Ok(boxed(folder)), facts)
        }
        Ok(None) => {
            let facts = DestinationFacts { is_other_folder: true, ..before.clone() };
            (Err(other_folder(&settings.path)), facts)
        }
        Err(why) => return Ok(Err(why)),
    };
    save_facts(engine, destination, &facts).await?;
    Ok(place)
}

fn boxed(place: impl Place + 'static) -> Box<dyn Place> {
    Box::new(place)
}

fn needs_secrets(settings: &DestinationSettings) -> bool {
    match settings {
        DestinationSettings::Webdav(webdav) => webdav.username.is_some(),
        settings => matches!(settings.kind(), DestinationKind::S3 | DestinationKind::Sftp),
    }
}

/// Opens the secrets of a destination.
pub(super) fn secrets_of(engine: &Engine, keyed: &KeyedDestination) -> Result<DestinationSecrets> {
    let Some(sealed) = &keyed.sealed else { return Ok(DestinationSecrets::default()) };
    let plain = engine.vault.open_sealed(&row_name(keyed.destination.id), sealed)?;
    // What was sealed here was written by this program; one that it cannot read any more is filled in again.
    Ok(serde_json::from_slice(&plain).unwrap_or_default())
}

/// What a destination's secrets are sealed for.
pub(super) fn row_name(id: DestinationId) -> String {
    format!("destination:{id}")
}

/// Writes down what was found out about a place, unless it was changed meanwhile: then it is of another one.
pub(super) async fn save_facts(
    engine: &Engine,
    destination: &Destination,
    facts: &DestinationFacts,
) -> Result<()> {
    if *facts == destination.facts {
        return Ok(());
    }
    let mut tx = engine.db.write().await?;
    let known = destination_fetch_in_txn(&mut tx, destination.id).await?.map(|known| known.destination);
    if known.is_some_and(|known| known.settings == destination.settings && known.facts == destination.facts) {
        destination_facts_save_in_txn(&mut tx, destination.id, facts).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Remembers the first host key that an SSH server showed; keeps a changed one for a person to look at.
pub(super) async fn note_key(
    engine: &Engine,
    id: DestinationId,
    key: &HostKeySeen,
    is_changed: bool,
) -> Result<()> {
    let mut tx = engine.db.write().await?;
    if is_changed {
        destination_key_offer_in_txn(&mut tx, id, &key.openssh, &key.fingerprint).await?;
    } else {
        destination_key_remember_in_txn(&mut tx, id, &key.openssh, &key.fingerprint).await?;
    }
    tx.commit().await?;
    engine.events.send(Topic::Admin, id.0);
    Ok(())
}
