//! What an attempt to fetch a vendor's backup becomes: a kept file and a result, in one transaction.

use etiqa_model::Timestamp;
use etiqa_model::artifact::ArtifactKind;
use etiqa_model::class::Class;
use etiqa_model::device::Device;

use crate::artifacts::{keep, kind_of, put};
use crate::collect::{ArtifactOutcome, Made};
use crate::db::Tx;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::fleet::Purpose;
use crate::fleet::host_keys::keys_store_in_txn;
use crate::history::pack;
use crate::store::artifact::{
    NewArtifact, NewArtifactResult, artifact_blob_insert_in_txn, artifact_insert_in_txn,
    artifact_prune_in_txn, artifact_result_insert_in_txn, artifact_result_prune_in_txn,
};
use crate::store::tls_certificate::{tls_certificate_offer_in_txn, tls_certificate_withdraw_in_txn};
use crate::time::now;

/// The newest so many of a device are kept.
const KEPT: u32 = 3;
/// And so many of the attempts.
const KEPT_RESULTS: u32 = 50;

/// What was tried.
pub(super) struct Attempt<'a> {
    pub(super) device: &'a Device,
    pub(super) kind: ArtifactKind,
    pub(super) purpose: Purpose,
    pub(super) started_at: Timestamp,
}

/// Stores how an attempt ended. The file is on the disk under its own name, and where all machines keep theirs, before a
/// row refers to it.
pub(super) async fn record(
    engine: &Engine,
    attempt: &Attempt<'_>,
    mut outcome: ArtifactOutcome,
) -> Result<Class> {
    let Attempt { device, kind, purpose, started_at } = *attempt;
    let finished_at = now();
    let transcript = outcome.transcript.take().map(|text| pack(&text)).transpose()?;
    if let Some(made) = &outcome.made {
        keep(engine, &made.file, finished_at).await?;
        let done = put(engine, &made.file).await;
        match done {
            Ok(()) => {}
            Err(Error::User(error)) => {
                outcome.made = None;
                // What the end of the program cut off is no failure of the device's.
                outcome.class =
                    if engine.stopping.is_cancelled() { Class::Cancelled } else { Class::Incomplete };
                outcome.message = error.message;
            }
            Err(error) => return Err(error),
        }
    }
    let result = NewArtifactResult {
        device_id: device.id,
        run_id: purpose.run,
        job_id: purpose.job,
        kind,
        class: outcome.class,
        message: std::mem::take(&mut outcome.message),
        started_at,
        finished_at,
        transcript: transcript.map(|packed| packed.zstd),
    };
    let mut tx = engine.db.write().await?;
    if let Some(made) = &outcome.made {
        insert_in_txn(&mut tx, engine, attempt, made, finished_at).await?;
    }
    match (&outcome.refused_certificate, outcome.class) {
        (Some(sha256), _) => tls_certificate_offer_in_txn(&mut tx, device.id, sha256, finished_at).await?,
        // What was shown once, by whomever, is not to be accepted by mistake later.
        (None, Class::Ok) => tls_certificate_withdraw_in_txn(&mut tx, device.id).await?,
        (None, _) => {}
    }
    let is_changed = outcome.class == Class::HostKeyChanged;
    keys_store_in_txn(
        &mut tx,
        device.id,
        outcome.host_key.as_ref(),
        is_changed,
        &outcome.hop_keys,
        finished_at,
    )
    .await?;
    artifact_result_insert_in_txn(&mut tx, &result).await?;
    artifact_result_prune_in_txn(&mut tx, device.id, KEPT_RESULTS).await?;
    tx.commit().await?;
    Ok(outcome.class)
}

async fn insert_in_txn(
    tx: &mut Tx,
    engine: &Engine,
    attempt: &Attempt<'_>,
    made: &Made,
    at: Timestamp,
) -> Result<()> {
    let Attempt { device, kind, purpose, .. } = *attempt;
    let (sha256, size_bytes) = (made.file.sha256.clone(), made.file.size_bytes);
    artifact_blob_insert_in_txn(tx, &sha256, size_bytes, engine.dir.files_id(), at).await?;
    let new = NewArtifact {
        device_id: device.id,
        kind,
        file_name: file_name(device, made.extension, at),
        sha256,
        size_bytes,
        is_encrypted: made.is_encrypted,
        collected_at: at,
        run_id: purpose.run,
    };
    artifact_insert_in_txn(tx, &new).await?;
    artifact_prune_in_txn(tx, device.id, KEPT).await?;
    Ok(())
}

/// `<hostname>_YYYYMMDD_HHMMSS.<extension>`, by UTC.
fn file_name(device: &Device, extension: &str, at: Timestamp) -> String {
    let name: String = device
        .hostname
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' })
        .take(80)
        .collect();
    format!("{name}_{}.{extension}", at.to_utc().format("%Y%m%d_%H%M%S"))
}

/// Stores that nothing was tried, and why.
pub(super) async fn refused(
    engine: &Engine,
    device: &Device,
    kind: ArtifactKind,
    purpose: Purpose,
    class: Class,
    message: String,
) -> Result<Class> {
    let at = now();
    let result = NewArtifactResult {
        device_id: device.id,
        run_id: purpose.run,
        job_id: purpose.job,
        kind,
        class,
        message,
        started_at: at,
        finished_at: at,
        transcript: None,
    };
    let mut tx = engine.db.write().await?;
    artifact_result_insert_in_txn(&mut tx, &result).await?;
    tx.commit().await?;
    Ok(class)
}

/// The same, where the device was not even looked at; none where its platform has no own backup.
pub(crate) async fn without_artifact(
    engine: &Engine,
    device: &Device,
    purpose: Purpose,
    class: Class,
    message: String,
) -> Result<Class> {
    match kind_of(engine, device).await? {
        Some(kind) => refused(engine, device, kind, purpose, class, message).await,
        None => Ok(class),
    }
}
