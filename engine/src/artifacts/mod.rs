//! Vendors' own backups as things that are kept: files by their hash, the newest few of each device, and what people do
//! with them. How they are fetched stands in `collect/artifact`, whose turn it is in `fleet/artifacts`.

mod cadence;
mod files;

use std::path::PathBuf;

use etiqa_model::artifact::{Artifact, ArtifactKind, DeviceArtifacts};
use etiqa_model::device::Device;
use etiqa_model::event::Topic;
use etiqa_model::user::Reach;
use etiqa_model::{ArtifactId, ArtifactResultId, DeviceId, JobId, UserError};

use crate::audit::{Act, Changes, action, record, record_in_txn};
use crate::engine::Engine;
use crate::error::Result;
use crate::history::unpack;
use crate::inventory;
use crate::machines;
use crate::schedule::{Work, enqueue_at_sites};
use crate::store::artifact::{
    artifact_fetch, artifact_list_of_device, artifact_result_list_of_device, artifact_transcript_fetch,
};
use crate::store::device_fact::device_fact_fetch;
use crate::store::job::job_is_open_for_device;
use crate::store::lease::artifact_lease_is_taken;
use crate::store::tls_certificate::{
    tls_certificate_accept_in_txn, tls_certificate_fetch, tls_certificate_forget_in_txn,
};
use crate::time::now;

pub(crate) use cadence::is_due;
pub(crate) use files::{bring, keep, path_of, put, sweep};

/// Attempts that a device's page shows.
const SHOWN_RESULTS: u32 = 10;

/// How the platform of a device makes its own backup; none: not at all, or the platform is not known yet.
pub(crate) async fn kind_of(engine: &Engine, device: &Device) -> Result<Option<ArtifactKind>> {
    let drivers = engine.drivers.current();
    let recognised = match &device.platform {
        Some(_) => None,
        None => device_fact_fetch(&engine.db, device.id).await?.platform,
    };
    let name = device.platform.as_deref().or(recognised.as_deref());
    Ok(drivers.for_device(name, device.device_type).and_then(|driver| driver.artifact()))
}

/// Everything that a device's page shows of its vendor's backups.
pub async fn detail(engine: &Engine, id: DeviceId) -> Result<DeviceArtifacts> {
    let device = inventory::fetch(engine, id).await?;
    let is_queued = job_is_open_for_device(&engine.db, "artifact", id).await?;
    Ok(DeviceArtifacts {
        kind: kind_of(engine, &device).await?,
        kept: artifact_list_of_device(&engine.db, id).await?,
        results: artifact_result_list_of_device(&engine.db, id, SHOWN_RESULTS).await?,
        is_on: is_queued || artifact_lease_is_taken(&engine.db, id, now()).await?,
        certificate: tls_certificate_fetch(&engine.db, id).await?,
    })
}

/// Queues the fetching of these devices' own backups now, each at its site where files come to be seen from there: a job
/// for each of them.
pub async fn fetch_now(engine: &Engine, devices: &[Device]) -> Result<Vec<JobId>> {
    for device in devices {
        if kind_of(engine, device).await?.is_none() {
            return Err(no_kind(device).into());
        }
    }
    let sites = machines::sites(engine).await?;
    let folder = (!sites.all_share).then(|| engine.dir.files_id());
    let jobs =
        enqueue_at_sites(engine, devices, &sites.sharing, folder, |devices| Work::Artifact { devices })
            .await?;
    record(&engine.db, inventory::on_devices(Act::new(action::ARTIFACT_FETCH), devices)).await?;
    Ok(jobs)
}

pub(crate) fn no_kind(device: &Device) -> UserError {
    UserError::invalid(format!(
        "The platform of {} has no backup of its own that this program knows; its texts are what is backed up.",
        device.hostname
    ))
}

/// A kept backup and the file that holds it.
pub async fn open(engine: &Engine, id: ArtifactId) -> Result<(Artifact, PathBuf)> {
    let missing = || UserError::not_found(format!("vendor backup {id}"));
    let artifact = artifact_fetch(&engine.db, id).await?.ok_or_else(missing)?;
    let path = bring(engine, &artifact.sha256, artifact.size_bytes).await?;
    if !path.is_file() {
        let message = format!("The file of {} is not on this machine.", artifact.file_name);
        return Err(UserError::new(etiqa_model::ErrorKind::NotFound, message).into());
    }
    Ok((artifact, path))
}

/// What was said in an attempt that failed.
pub async fn transcript(engine: &Engine, id: ArtifactResultId) -> Result<String> {
    let missing = || UserError::not_found(format!("session of attempt {id}"));
    unpack(&artifact_transcript_fetch(&engine.db, id).await?.ok_or_else(missing)?)
}

/// The certificate (its SHA-256) that a device showed and that waits for a person.
pub async fn offered_certificate(engine: &Engine, id: DeviceId) -> Result<String> {
    let device = inventory::fetch(engine, id).await?;
    let known = tls_certificate_fetch(&engine.db, id).await?;
    Ok(known.and_then(|known| known.offered).ok_or_else(|| nothing_waits(&device))?)
}

/// Pins the certificate with this SHA-256, which a device showed and which was not trusted. Another one that came
/// meanwhile is not pinned: nobody has looked at it. For somebody of this reach.
pub async fn accept_certificate(engine: &Engine, reach: &Reach, id: DeviceId, sha256: &str) -> Result<()> {
    let device = inventory::fetch(engine, id).await?;
    inventory::check_site(reach, &device)?;
    let mut tx = engine.db.write().await?;
    if !tls_certificate_accept_in_txn(&mut tx, id, sha256, now()).await? {
        return Err(nothing_waits(&device).into());
    }
    let changes = Changes::none().and("sha256", None, Some(sha256.to_owned()));
    let act = Act::new(action::DEVICE_CERTIFICATE).on(id.0, &device.hostname).changing(changes);
    record_in_txn(&mut tx, act).await?;
    tx.commit().await?;
    engine.events.send(Topic::Devices, id.0);
    Ok(())
}

fn nothing_waits(device: &Device) -> UserError {
    UserError::conflict(format!(
        "No such certificate of {} waits to be accepted; fetch a backup to see which one it shows now.",
        device.hostname
    ))
}

/// Forgets the pinned certificate of a device.
pub async fn forget_certificate(engine: &Engine, id: DeviceId) -> Result<()> {
    let device = inventory::fetch(engine, id).await?;
    let mut tx = engine.db.write().await?;
    if !tls_certificate_forget_in_txn(&mut tx, id).await? {
        let message = format!("No certificate of {} is pinned.", device.hostname);
        return Err(UserError::conflict(message).into());
    }
    record_in_txn(&mut tx, Act::new(action::DEVICE_FORGET_CERTIFICATE).on(id.0, &device.hostname)).await?;
    tx.commit().await?;
    engine.events.send(Topic::Devices, id.0);
    Ok(())
}
