//! The test of a destination: a probe goes there, comes back, and is deleted.

use std::io::Write;

use etiqa_model::DestinationId;
use etiqa_model::destination::{DestinationFacts, DestinationSettings, DestinationTest};
use etiqa_model::event::Topic;
use tempfile::NamedTempFile;

use super::deliver::{Parcel, deliver};
use super::http::client;
use super::manage::missing;
use super::object_store::endpoint_of;
use super::place::{Headway, Place, PlaceError};
use super::s3_lock::default_retention;
use super::send::queue_due;
use super::{git, open};
use crate::audit::{Act, action, record_if_asked};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::hex::{sha256_hex, to_hex};
use crate::store::archive_copy::copy_hurry_in_txn;
use crate::store::destination::{
    KeyedDestination, destination_fetch, destination_problem_in_txn, destination_worked_in_txn,
};
use crate::time::now;

/// Bytes of a probe: more than one packet.
const PROBE: usize = 4096;

/// Tries a destination out. One that works is sent to at once again, however it had failed before.
pub async fn test(engine: &Engine, id: DestinationId) -> Result<DestinationTest> {
    let keyed = destination_fetch(&engine.db, id).await?.ok_or_else(|| missing(id))?;
    let tried = match &keyed.destination.settings {
        DestinationSettings::Git(settings) => {
            let secrets = open::secrets_of(engine, &keyed)?;
            git::test(engine, &keyed, settings, &secrets).await
        }
        _ => try_out(engine, &keyed).await?,
    };
    let outcome = match tried {
        Ok(message) => {
            let at = now();
            let mut tx = engine.db.write().await?;
            destination_worked_in_txn(&mut tx, id, at).await?;
            copy_hurry_in_txn(&mut tx, id, None, at).await?;
            tx.commit().await?;
            queue_due(engine, at).await?;
            DestinationTest { is_good: true, message }
        }
        Err(error) => {
            let mut tx = engine.db.write().await?;
            destination_problem_in_txn(&mut tx, id, &error.message).await?;
            tx.commit().await?;
            DestinationTest { is_good: false, message: error.message }
        }
    };
    let act = Act::new(action::DESTINATION_TEST).on(id.0, &keyed.destination.name).saying(&outcome.message);
    record_if_asked(&engine.db, act).await?;
    engine.events.send(Topic::Admin, id.0);
    Ok(outcome)
}

async fn try_out(engine: &Engine, keyed: &KeyedDestination) -> Result<Result<String, PlaceError>> {
    let headway = Headway::new(&engine.stopping);
    let place = match open::open(engine, keyed, &headway).await? {
        Ok(place) => place,
        Err(error) => return Ok(Err(error)),
    };
    let (file, probe) = make_probe(engine).map_err(Error::io("making a probe"))?;
    let mut unique = [0_u8; 8];
    rand::fill(&mut unique);
    let name = format!("etiqa-probe-{}", to_hex(&unique));
    let stage = format!(".{name}.part");
    let parcel = Parcel {
        path: file.path(),
        name: &name,
        size: probe.len() as u64,
        sha256: &sha256_hex(&probe),
        stage: &stage,
    };
    let tried = headway.watch(there_and_back(&*place, &parcel, &headway)).await;
    if tried.is_err() {
        // As far as it goes: the reason of the failure is what is told.
        let _ = headway.watch(tidy(&*place, &parcel)).await;
    }
    if let (Ok(_), DestinationSettings::S3(s3)) = (&tried, &keyed.destination.settings) {
        let secrets = open::secrets_of(engine, keyed)?;
        let outgoing = engine.reach.outgoing(s3.own_network);
        let retention = match client(&engine.trust(), &outgoing, &endpoint_of(s3)) {
            Ok(client) => default_retention(s3, &secrets.secret_access_key, &client).await,
            Err(_) => None,
        };
        let facts = DestinationFacts { retention, ..keyed.destination.facts.clone() };
        open::save_facts(engine, &keyed.destination, &facts).await?;
    }
    Ok(tried)
}

fn make_probe(engine: &Engine) -> std::io::Result<(NamedTempFile, Vec<u8>)> {
    let mut probe = vec![0; PROBE];
    rand::fill(probe.as_mut_slice());
    let mut file = tempfile::Builder::new().prefix(".probe-").tempfile_in(engine.dir.root())?;
    file.write_all(&probe)?;
    file.flush()?;
    Ok((file, probe))
}

async fn there_and_back(
    place: &dyn Place,
    parcel: &Parcel<'_>,
    headway: &Headway,
) -> Result<String, PlaceError> {
    let told = |step: &'static str| {
        move |error: PlaceError| PlaceError { message: format!("{step}: {}", error.message), ..error }
    };
    let name =
        deliver(place, parcel, headway).await.map_err(told("A probe could not be written and read back"))?;
    place.delete(&name).await.map_err(told("A probe was written and read back, but could not be deleted"))?;
    match place.size_of(&name).await.map_err(told("A deleted probe could not be looked for"))? {
        None => Ok("A probe was written, read back and deleted.".to_owned()),
        Some(_) => Err(PlaceError::permanent(
            "A probe was written and read back, but is still there after it was deleted.",
        )),
    }
}

async fn tidy(place: &dyn Place, parcel: &Parcel<'_>) -> Result<(), PlaceError> {
    if place.can_rename() {
        place.delete(parcel.stage).await?;
    }
    place.delete(parcel.name).await
}
