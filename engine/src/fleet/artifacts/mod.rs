//! Fetching many devices' own backups: in slots and groups of their own, so that no text waits for one. The limit of a site
//! or a jump host counts for each of both.

mod device;
mod record;

use std::sync::Arc;

use etiqa_model::device::Device;
use etiqa_model::run::Progress;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub(crate) use record::without_artifact;

use super::waiting::Waiting;
use super::{LOOK_AGAIN, Purpose};
use crate::engine::Engine;
use crate::error::Result;
use crate::store::jump_host::jump_host_list;

/// What came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ArtifactReport {
    /// Whole files.
    pub ok: u32,
    /// Devices that were to give one and did not.
    pub failed: u32,
}

/// Fetches the own backup of each of `devices`, all of whose platforms have one. A device's failure is that device's
/// alone; only a database that is gone can fail all of it. Ends soon after `cancel`.
pub async fn fetch_artifacts(
    engine: &Arc<Engine>,
    devices: Vec<Device>,
    purpose: Purpose,
    cancel: &CancellationToken,
    progress: impl Fn(Progress),
) -> Result<ArtifactReport> {
    let total = u32::try_from(devices.len()).unwrap_or(u32::MAX);
    let settings = engine.settings().await?;
    // Another process may have changed the limit.
    engine.artifact_slots.resize(settings.max_artifacts);
    let jump_hosts = jump_host_list(&engine.db).await?;
    let mut waiting = Waiting::new(devices, &jump_hosts, &settings);
    let mut errands = JoinSet::new();
    let mut report = ArtifactReport::default();
    let mut done = 0;
    let stop = cancel.child_token();
    loop {
        while errands.len() < engine.artifact_slots.limit()
            && let Some((waiter, places)) = waiting.take(&engine.artifact_groups, stop.is_cancelled())
        {
            let (engine, settings, cancel) = (Arc::clone(engine), settings.clone(), stop.clone());
            errands.spawn(async move {
                let _places = places;
                device::fetch(&engine, &settings, &waiter.device, purpose, &cancel).await
            });
        }
        if errands.is_empty() && waiting.is_empty() {
            return Ok(report);
        }
        let ended = tokio::select! {
            Some(ended) = errands.join_next() => ended,
            // Others may have had the places that ours wait for.
            () = engine.artifact_groups.freed(), if !waiting.is_empty() => continue,
            () = tokio::time::sleep(LOOK_AGAIN) => continue,
        };
        if let Ok(Ok(Some(class))) = &ended {
            engine.meters.artifact_fetched(*class);
        }
        match ended {
            Ok(Ok(Some(class))) if class.is_good() => report.ok += 1,
            Ok(Ok(Some(_))) => report.failed += 1,
            // Somebody else is at it, or the device is gone.
            Ok(Ok(None)) => {}
            Ok(Err(error)) if error.is_lost_database() => {
                // The others clean up on their devices before this ends.
                stop.cancel();
                while errands.join_next().await.is_some() {}
                return Err(error);
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "a vendor's backup could not be stored");
                report.failed += 1;
            }
            Err(error) => {
                tracing::error!(%error, "the program broke while it fetched a vendor's backup");
                report.failed += 1;
            }
        }
        done += 1;
        progress(Progress { done, total });
    }
}
