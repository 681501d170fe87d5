//! Collecting many devices: each in its own slot, none waiting for a slow one, one session per device at a time.

mod device;
mod logins;

use etiqa_model::class::Class;
use etiqa_model::device::Device;
use etiqa_model::event::Topic;
use etiqa_model::run::Progress;
use etiqa_model::{JobId, RunId};
use futures::StreamExt;
use tokio_util::sync::CancellationToken;

pub use logins::{CredentialSecrets, credential_list_for_page, credential_save};

use crate::engine::Engine;
use crate::error::Result;

/// What devices are collected for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Purpose {
    /// A run of a backup config.
    pub run: Option<RunId>,
    /// A job that a person queued.
    pub job: Option<JobId>,
    /// A result of the last minute may be taken instead: nobody asked for this device just now.
    pub may_reuse: bool,
}

/// What came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FleetReport {
    /// Devices with a good text.
    pub ok: u32,
    /// Devices without one.
    pub failed: u32,
    /// Devices that spoke to us at all.
    pub answered: u32,
}

/// Collects all `devices`; `progress` hears of every one that is finished. A device's failure is that device's
/// alone; only the database can fail all of it. Ends soon after `cancel`.
pub async fn collect_fleet(
    engine: &Engine,
    devices: &[Device],
    purpose: Purpose,
    cancel: &CancellationToken,
    mut progress: impl AsyncFnMut(Progress),
) -> Result<FleetReport> {
    let settings = engine.settings().await?;
    engine.drivers.refresh(&engine.db, &engine.dir).await?;
    let drivers = engine.drivers.current();
    let total = u32::try_from(devices.len()).unwrap_or(u32::MAX);
    let mut report = FleetReport::default();
    let sessions = devices.iter().map(|device| {
        let drivers = drivers.clone();
        let settings = &settings;
        async move { device::collect_device(engine, device, &drivers, settings, purpose, cancel).await }
    });
    let mut sessions = futures::stream::iter(sessions).buffer_unordered(settings.max_sessions as usize);
    while let Some(class) = sessions.next().await {
        let class: Class = class?;
        if class.is_good() {
            report.ok += 1;
        } else {
            report.failed += 1;
        }
        report.answered += u32::from(class.is_answer());
        progress(Progress { done: report.ok + report.failed, total }).await;
    }
    engine.events.send(Topic::Devices, None);
    Ok(report)
}
