//! A session's hold on its device: nobody else talks to it meanwhile, in this process or another.

use std::sync::Arc;
use std::time::Duration;

use etiqa_model::Timestamp;
use etiqa_model::class::Class;
use etiqa_model::device::{Device, DeviceFacts};
use etiqa_model::event::Topic;
use futures::FutureExt as _;
use tokio_util::sync::CancellationToken;

use super::result::{lost, without_session};
use super::{Purpose, Slot};
use crate::collect::{Driver, Outcome};
use crate::engine::Engine;
use crate::error::Result;
use crate::hex::to_hex;
use crate::history::record::{Session, record};
use crate::store::lease::{device_lease_drop, device_lease_extend, device_lease_take};
use crate::time::now;

/// How often a device that somebody else has is asked for again.
const LEASE_RETRY: Duration = Duration::from_millis(500);
/// A lease outlives the session's deadline by this much.
const LEASE_MARGIN: Duration = Duration::from_mins(1);
/// How often the lease of a device that waits for its slot is extended; well within [`LEASE_MARGIN`].
const EXTEND_EVERY: Duration = Duration::from_secs(20);

/// A device that this session alone may talk to. The name is the session's own: two sessions of one process must
/// not take each other's device for their own.
pub(super) struct Lease<'a> {
    pub(super) engine: &'a Engine,
    pub(super) device: &'a Device,
    pub(super) owner: String,
    length: Duration,
}

impl<'a> Lease<'a> {
    /// Takes the device, or says why it could not be had.
    pub(super) async fn take(
        engine: &'a Engine,
        device: &'a Device,
        deadline: Duration,
        cancel: &CancellationToken,
    ) -> Result<Result<Self, (Class, &'static str)>> {
        let mut unique = [0_u8; 8];
        rand::fill(&mut unique);
        // It begins with the process's name, so that whoever lets go of all that a process had finds it.
        let owner = format!("{}/{}", engine.owner, to_hex(&unique));
        let lease = Self { engine, device, owner, length: deadline + LEASE_MARGIN };
        let give_up_at = now().plus(deadline);
        loop {
            let at = now();
            if device_lease_take(&engine.db, device.id, &lease.owner, at, at.plus(lease.length)).await? {
                return Ok(Ok(lease));
            }
            if at >= give_up_at {
                return Ok(Err((Class::Timeout, "Another session with this device did not end in time.")));
            }
            tokio::select! {
                () = tokio::time::sleep(LEASE_RETRY) => {}
                () = cancel.cancelled() => {
                    return Ok(Err((Class::Cancelled, "Cancelled before the session began.")));
                }
            }
        }
    }

    /// Waits until a session may begin, however long that takes, and holds the device meanwhile; the session then has its
    /// whole deadline before it, and most of a minute more. None: somebody else took the device.
    pub(super) async fn wait_for_turn(&self) -> Result<Option<Slot<'a>>> {
        let slot = self.wait_for_slot().await?;
        if slot.is_some() {
            self.engine.sessions.pace().await;
        }
        Ok(slot)
    }

    async fn wait_for_slot(&self) -> Result<Option<Slot<'a>>> {
        let slot = self.engine.sessions.take();
        tokio::pin!(slot);
        // A slot that is free at once leaves the lease, which was only just taken, long enough; it costs no write.
        if let Some(slot) = (&mut slot).now_or_never() {
            return Ok(Some(slot));
        }
        loop {
            tokio::select! {
                slot = &mut slot => return Ok(self.extend().await?.then_some(slot)),
                () = tokio::time::sleep(EXTEND_EVERY) => {
                    if !self.extend().await? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    async fn extend(&self) -> Result<bool> {
        let until = now().plus(self.length);
        Ok(device_lease_extend(&self.engine.db, self.device.id, &self.owner, until).await?)
    }

    pub(super) async fn finish(
        &self,
        driver: &Arc<Driver>,
        purpose: Purpose,
        started_at: Timestamp,
        outcome: Outcome,
        facts: Option<DeviceFacts>,
    ) -> Result<Class> {
        let Self { engine, device, .. } = self;
        let finished_at = now();
        let bytes: u64 = outcome.parts.iter().map(|part| part.text.len() as u64).sum();
        engine.meters.session_ended(finished_at.since(started_at), bytes);
        let session = Session { device, driver, purpose, lease: &self.owner, started_at, finished_at, facts };
        let Some(class) = record(engine, &session, outcome).await? else {
            return lost(engine, device, purpose).await;
        };
        engine.events.send(Topic::Devices, device.id.0);
        Ok(class)
    }

    /// Stores why no session was begun, and lets go of the device.
    pub(super) async fn give_up(&self, purpose: Purpose, class: Class, message: String) -> Result<Class> {
        self.drop_early().await?;
        without_session(self.engine, self.device, purpose, class, message).await
    }

    pub(super) async fn drop_early(&self) -> Result<()> {
        Ok(device_lease_drop(&self.engine.db, self.device.id, &self.owner).await?)
    }
}
