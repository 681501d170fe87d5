//! Collecting many devices: each in its own slot, none waiting for a slow one, one session per device at a time.

mod artifacts;
mod broken;
mod device;
mod errands;
mod groups;
mod host_keys;
mod lease;
mod load;
mod logins;
mod platform;
mod ready;
mod result;
mod rotation;
mod route;
mod slots;
mod trial;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use etiqa_model::admin::Settings;
use etiqa_model::class::Class;
use etiqa_model::device::Device;
use etiqa_model::event::Topic;
use etiqa_model::run::Progress;
use etiqa_model::{JobId, RunId};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

pub(crate) use artifacts::without_artifact;
pub use artifacts::{ArtifactReport, fetch_artifacts};
pub use errands::Errands;
pub use groups::Groups;
pub(crate) use host_keys::host_keys_store_in_txn;
pub use load::{Load, Share};
pub use logins::{CredentialSecrets, credential_list_for_page, credential_remove, credential_save};
pub(crate) use logins::{check_key, credential_passwords};
pub(crate) use result::without_session;
pub use rotation::{credential_rotate, credential_rotation_finish};
pub use slots::{Slot, Slots};
pub(crate) use trial::test_now;
pub use trial::{newest_test, start_test, test_connection};

use crate::collect::DriverSet;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::store::jump_host::jump_host_list;
use waiting::Waiting;

/// A free place is looked for at least this often; it is only the safety net.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

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
    /// Devices that were deleted meanwhile: neither good nor failed.
    pub gone: u32,
}

/// How far a fleet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Devices that are finished, of all.
    pub progress: Progress,
    /// Devices that have a session, or wait for nothing but a slot.
    pub begun: usize,
}

/// Collects all `devices`; `heard` hears of every one that begins or is finished. A device's failure is that device's
/// alone; only a database that is gone can fail all of it. Ends soon after `cancel`.
pub async fn collect_fleet(
    engine: &Arc<Engine>,
    devices: Vec<Device>,
    purpose: Purpose,
    cancel: &CancellationToken,
    heard: impl Fn(Standing),
) -> Result<FleetReport> {
    let settings = engine.settings().await?;
    // Another process may have changed the limit.
    engine.sessions.resize(settings.max_sessions);
    engine.drivers.refresh(&engine.db, &engine.dir).await?;
    let context = Arc::new(Context {
        engine: Arc::clone(engine),
        drivers: engine.drivers.current(),
        settings,
        purpose,
        cancel: cancel.clone(),
    });
    let total = u32::try_from(devices.len()).unwrap_or(u32::MAX);
    let mut report = FleetReport::default();
    let jump_hosts = jump_host_list(&engine.db).await?;
    let mut waiting = Waiting::new(devices, &jump_hosts, &context.settings);
    let mut sessions = JoinSet::new();
    loop {
        while sessions.len() < engine.sessions.limit()
            && let Some((waiter, places)) = waiting.take(&engine.groups, cancel.is_cancelled())
        {
            let span = tracing::debug_span!("device", device = %waiter.device.hostname, tries = waiter.tries);
            let session = broken::collect_or_say_why(Arc::clone(&context), waiter, places);
            sessions.spawn(session.instrument(span));
        }
        heard(Standing { progress: Progress { done: report.done(), total }, begun: sessions.len() });
        if sessions.is_empty() && waiting.is_empty() {
            break;
        }
        let next_due = waiting.next_due();
        let ended = tokio::select! {
            Some(ended) = sessions.join_next() => ended,
            // Another fleet may have had the places that ours wait for.
            () = engine.groups.freed(), if !waiting.is_empty() => continue,
            () = due(next_due), if next_due.is_some() => continue,
            () = cancel.cancelled(), if next_due.is_some() => continue,
            () = tokio::time::sleep(LOOK_AGAIN) => continue,
        };
        // What breaks in a session is caught in its own task; nothing is left for this one to break by.
        let ended =
            ended.map_err(|error| Error::io("collecting a device")(std::io::Error::other(error)))??;
        match ended {
            Ended::Again(device, tries) => waiting.again(*device, tries),
            Ended::With(class) => {
                engine.meters.device_collected(class);
                report.count(Some(class));
            }
            Ended::Gone => report.count(None),
        }
    }
    engine.events.send(Topic::Devices, None);
    Ok(report)
}

async fn due(at: Option<Instant>) {
    if let Some(at) = at {
        tokio::time::sleep_until(at).await;
    }
}

/// How a device's turn ended.
enum Ended {
    /// Its result is stored.
    With(Class),
    /// Something that may pass: try again, the device having been tried so often. Nothing is stored yet.
    Again(Box<Device>, u32),
    /// The device was deleted meanwhile.
    Gone,
}

/// What the sessions of one fleet share.
struct Context {
    engine: Arc<Engine>,
    drivers: DriverSet,
    settings: Settings,
    purpose: Purpose,
    cancel: CancellationToken,
}

impl FleetReport {
    /// Devices that nothing more happens to.
    pub fn done(&self) -> u32 {
        self.ok + self.failed + self.gone
    }

    /// None: the device is gone.
    pub(crate) fn count(&mut self, class: Option<Class>) {
        match class {
            Some(class) if class.is_good() => self.ok += 1,
            Some(_) => self.failed += 1,
            None => self.gone += 1,
        }
        self.answered += u32::from(class.is_some_and(Class::is_answer));
    }
}
