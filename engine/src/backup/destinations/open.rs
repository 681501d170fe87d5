//! From a destination's row to the place itself: secrets opened, logged in, what it showed of itself noted.

use etiqa_model::DestinationId;
use etiqa_model::destination::{
    Destination, DestinationFacts, DestinationKind, DestinationSecrets, DestinationSettings,
};
use etiqa_model::event::Topic;

use super::folder::Folder;
use super::http::client;
use super::object_store::ObjectStore;
use super::place::{Place, PlaceError};
use super::sftp::Sftp;
use super::webdav::Webdav;
use crate::collect::HostKeySeen;
use crate::engine::Engine;
use crate::error::Result;
use crate::store::destination::{
    KeyedDestination, destination_facts_save_in_txn, destination_key_offer_in_txn,
    destination_key_remember_in_txn,
};

/// Opens a place. The outer error is this program's own; the inner one is the place's.
pub(super) async fn open(
    engine: &Engine,
    keyed: &KeyedDestination,
) -> Result<Result<Box<dyn Place>, PlaceError>> {
    let secrets = secrets_of(engine, keyed)?;
    let destination = &keyed.destination;
    if secrets.is_empty() && needs_secrets(&destination.settings) {
        return Ok(Err(PlaceError::permanent("Its password or key is not known here; fill it in again.")));
    }
    let place = match &destination.settings {
        DestinationSettings::Folder(folder) => {
            let known = destination.facts.marker.as_deref();
            match Folder::open(&folder.path, known).await {
                Ok((folder, marker)) => {
                    if known.is_none() {
                        let facts = DestinationFacts { marker: Some(marker), ..destination.facts.clone() };
                        save_facts(engine, destination, &facts).await?;
                    }
                    Ok(boxed(folder))
                }
                Err(why) => Err(why),
            }
        }
        DestinationSettings::S3(s3) => client(&engine.trust())
            .and_then(|client| ObjectStore::s3(s3, &secrets.secret_access_key, client))
            .map(boxed),
        DestinationSettings::Webdav(webdav) => client(&engine.trust())
            .and_then(|client| Webdav::new(webdav, &secrets.password, client))
            .map(boxed),
        DestinationSettings::Sftp(sftp) => {
            let (place, key) = Sftp::open(sftp, &secrets, keyed.openssh.clone()).await;
            if let Some((key, is_changed)) = key {
                note_key(engine, destination.id, &key, is_changed).await?;
            }
            place.map(boxed)
        }
        DestinationSettings::Git(_) => {
            Err(PlaceError::permanent("A Git mirror holds texts and no archives."))
        }
    };
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

/// Writes down what was found out about a place.
pub(super) async fn save_facts(
    engine: &Engine,
    destination: &Destination,
    facts: &DestinationFacts,
) -> Result<()> {
    if *facts == destination.facts {
        return Ok(());
    }
    let mut tx = engine.db.write().await?;
    destination_facts_save_in_txn(&mut tx, destination.id, facts).await?;
    Ok(tx.commit().await?)
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
