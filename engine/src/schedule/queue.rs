//! What the queue holds: which kinds of work there are.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use etiqa_model::device::{DEFAULT_SITE, Device};
use etiqa_model::event::Topic;
use etiqa_model::{ChannelId, DestinationId, DeviceId, InventorySourceId, JobId, RunId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::db::{DbError, Tx};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::store::job::{
    Due, job_bind_in_txn, job_bind_to_archive_in_txn, job_fetch_open_by_key, job_forget_ended_in_txn,
    job_insert_in_txn, job_place_in_txn, job_postpone_in_txn,
};
use crate::time::now;

/// A piece of work, as its job's payload says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Work {
    /// Execute a run.
    Run {
        /// Which.
        run: RunId,
    },
    /// Collect devices, outside of any run.
    Collect {
        /// Which.
        devices: Vec<DeviceId>,
    },
    /// Fetch devices' own backups, outside of any run.
    Artifact {
        /// Of which.
        devices: Vec<DeviceId>,
    },
    /// Read the archive of a run back.
    Verify {
        /// Which.
        run: RunId,
    },
    /// Try out the archive of a run.
    Drill {
        /// Which.
        run: RunId,
    },
    /// Send archives of a data directory to a destination, and delete there what is given up here: all that is due.
    Send {
        /// Where.
        destination: DestinationId,
        /// The data directory's name.
        data_dir: String,
    },
    /// Look which devices answer on their port.
    Reach {
        /// Of which site; none: of all that have no workers of their own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        site: Option<String>,
    },
    /// Test the connection to a device, while a person watches.
    Test {
        /// Which.
        device: DeviceId,
    },
    /// Collect some of a run's devices, at their site.
    Part {
        /// Of which run.
        run: RunId,
        /// Which part of it, from 1 on.
        number: u32,
        /// Which devices.
        devices: Vec<DeviceId>,
    },
    /// Fetch the own backup of one of a run's devices, at its site.
    ArtifactPart {
        /// Of which run.
        run: RunId,
        /// Which device.
        device: DeviceId,
    },
    /// Collect a device that told of a change.
    Change {
        /// Which.
        device: DeviceId,
    },
    /// Hold texts against the rules that are about them.
    Rules {
        /// Whether all are looked at; otherwise versions that became active since.
        all: bool,
    },
    /// Make the inventory what a source lists.
    Inventory {
        /// Which.
        source: InventorySourceId,
        /// A person asked for it.
        #[serde(default)]
        by_person: bool,
        /// However many devices that disables.
        #[serde(default)]
        all_the_same: bool,
    },
    /// Send messages to a channel: all that wait for it.
    Notify {
        /// Which.
        channel: ChannelId,
    },
}

/// The kinds of work, and how much of each one process does at once. Device sessions have a limit of their own, which all
/// of them share; slow destinations, and ones that hang, leave room for everything else.
pub(super) const AT_ONCE: &[(&str, usize)] = &[
    (RUN, 8),
    (COLLECT, 8),
    (CHANGE, 8),
    (TEST, 8),
    (ARTIFACT, 4),
    (SEND, 4),
    (NOTIFY, 16),
    (VERIFY, 1),
    (DRILL, 1),
    (REACH, 1),
    (RULES, 1),
    (INVENTORY, 2),
    (PART, 256),
    (ARTIFACT_PART, 8),
];

const RUN: &str = "run";
const COLLECT: &str = "collect";
/// What a person waits for.
pub(crate) const ASKED_BY_PEOPLE: [&str; 3] = [COLLECT, ARTIFACT, TEST];
const ARTIFACT: &str = "artifact";
const VERIFY: &str = "verify";
const DRILL: &str = "drill";
pub(super) const SEND: &str = "send";
const REACH: &str = "reach";
const RULES: &str = "rules";
const INVENTORY: &str = "inventory";
const TEST: &str = "test";
const NOTIFY: &str = "notify";
pub(crate) const CHANGE: &str = "change";
pub(crate) const PART: &str = "part";
pub(crate) const ARTIFACT_PART: &str = "artifact_part";

impl Work {
    /// The kind's name in the database.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Run { .. } => RUN,
            Self::Collect { .. } => COLLECT,
            Self::Artifact { .. } => ARTIFACT,
            Self::Verify { .. } => VERIFY,
            Self::Drill { .. } => DRILL,
            Self::Send { .. } => SEND,
            Self::Reach { .. } => REACH,
            Self::Test { .. } => TEST,
            Self::Part { .. } => PART,
            Self::ArtifactPart { .. } => ARTIFACT_PART,
            Self::Change { .. } => CHANGE,
            Self::Rules { .. } => RULES,
            Self::Inventory { .. } => INVENTORY,
            Self::Notify { .. } => NOTIFY,
        }
    }

    /// Reads a job's payload.
    pub(super) fn from_payload(payload: &str) -> Result<Self> {
        serde_json::from_str(payload)
            .map_err(|error| Error::Db(DbError::Value { column: "payload", message: error.to_string() }))
    }

    /// Whether what it does has a lease of its own, by which who lost it is told and who is gone is given up: a run, a device,
    /// an inventory source.
    pub(super) fn has_own_lease(&self) -> bool {
        !matches!(
            self,
            Self::Verify { .. }
                | Self::Drill { .. }
                | Self::Send { .. }
                | Self::Reach { .. }
                | Self::Rules { .. }
                | Self::Notify { .. }
        )
    }

    /// Whether it is of a run, which is given up and begun again as a whole.
    pub(super) fn is_of_run(&self) -> bool {
        matches!(self, Self::Run { .. } | Self::Part { .. } | Self::ArtifactPart { .. })
    }

    /// A person waits for a collection, and maybe for what changed; runs can wait a moment longer, copies for them, and
    /// checks for everything else.
    fn priority(&self) -> i64 {
        match self {
            Self::Verify { .. } | Self::Drill { .. } | Self::Reach { .. } => -10,
            Self::Send { .. } | Self::Rules { .. } | Self::Inventory { by_person: false, .. } => -5,
            Self::Run { .. } | Self::Artifact { .. } | Self::Part { .. } | Self::ArtifactPart { .. } => 0,
            Self::Change { .. } | Self::Notify { .. } => 5,
            Self::Collect { .. } | Self::Test { .. } | Self::Inventory { by_person: true, .. } => 10,
        }
    }

    /// Work that must be queued once only, whoever asks how often.
    pub(crate) fn idempotency_key(&self) -> Option<String> {
        match self {
            Self::Run { run } => Some(format!("run:{run}")),
            Self::Verify { run } => Some(format!("verify:{run}")),
            Self::Drill { run } => Some(format!("drill:{run}")),
            Self::Send { destination, data_dir } => Some(format!("send:{destination}:{data_dir}")),
            Self::Reach { site: None } => Some(REACH.to_owned()),
            Self::Reach { site: Some(site) } => Some(format!("reach:{site}")),
            Self::Test { device } => Some(format!("test:{device}")),
            Self::ArtifactPart { run, device } => Some(format!("artifact_part:{run}:{device}")),
            Self::Part { run, number, .. } => Some(format!("part:{run}:{number}")),
            Self::Change { device } => Some(format!("change:{device}")),
            Self::Rules { all: true } => Some("rules:all".to_owned()),
            Self::Rules { all: false } => Some("rules:changed".to_owned()),
            // What a person asks for is not what a schedule does, and to insist is more than to ask.
            Self::Inventory { source, all_the_same: true, .. } => {
                Some(format!("inventory:{source}:insisted"))
            }
            Self::Inventory { source, by_person: true, .. } => Some(format!("inventory:{source}:manual")),
            Self::Inventory { source, .. } => Some(format!("inventory:{source}")),
            Self::Notify { channel } => Some(format!("notify:{channel}")),
            Self::Collect { devices } => match devices.as_slice() {
                [device] => Some(format!("collect:{device}")),
                _ => None,
            },
            Self::Artifact { .. } => None,
        }
    }
}

/// Queues work in the transaction of what makes it necessary.
pub(crate) async fn enqueue_in_txn(tx: &mut Tx, work: &Work, at: Timestamp) -> Result<JobId> {
    let payload = serde_json::to_string(work)
        .map_err(|error| DbError::Value { column: "payload", message: error.to_string() })?;
    let key = work.idempotency_key();
    let comes_again = matches!(
        work,
        Work::Send { .. }
            | Work::Reach { .. }
            | Work::Test { .. }
            | Work::Change { .. }
            | Work::Inventory { .. }
            | Work::Collect { .. }
            | Work::Rules { .. }
            | Work::Notify { .. }
            | Work::Verify { .. }
            | Work::Drill { .. }
    );
    if let Some(key) = key.as_ref().filter(|_| comes_again) {
        // What was sent once is done; what is due now is other work.
        job_forget_ended_in_txn(tx, key).await?;
    }
    let job = job_insert_in_txn(tx, work.kind(), &payload, key.as_deref(), work.priority(), at).await?;
    if let Work::Send { data_dir, .. } = work {
        job_bind_in_txn(tx, job, data_dir).await?;
    }
    if let Work::Reach { site: Some(site) } = work {
        job_place_in_txn(tx, job, site).await?;
    }
    if let Work::Verify { run } | Work::Drill { run } = work {
        job_bind_to_archive_in_txn(tx, job, *run).await?;
    }
    Ok(job)
}

/// Queues the collection of a device at `site` that told of a change at `at`, once it has told of none for `quiet`; one that
/// waits already waits anew, though not for longer than `longest` in all.
pub(crate) async fn enqueue_change_in_txn(
    tx: &mut Tx,
    (device, site): (DeviceId, &str),
    at: Timestamp,
    quiet: Duration,
    longest: Duration,
) -> Result<Due> {
    let job = enqueue_in_txn(tx, &Work::Change { device }, at).await?;
    job_place_in_txn(tx, job, if site == DEFAULT_SITE { "" } else { site }).await?;
    Ok(job_postpone_in_txn(tx, job, at.plus(quiet), longest).await?)
}

/// The job that is to do a run, while it is open.
pub async fn job_of_run(engine: &Engine, run: RunId) -> Result<Option<JobId>> {
    match (Work::Run { run }).idempotency_key() {
        Some(key) => Ok(job_fetch_open_by_key(&engine.db, &key).await?),
        None => Ok(None),
    }
}

/// Queues work for devices: one job for each of these sites, and one for the rest. With `folder` a site's job is for a machine
/// that keeps its files there.
pub(crate) async fn enqueue_at_sites(
    engine: &Engine,
    devices: &[Device],
    sites: &HashSet<String>,
    folder: Option<&str>,
    work: impl Fn(Vec<DeviceId>) -> Work,
) -> Result<Vec<JobId>> {
    let mut by_site: BTreeMap<Option<&str>, Vec<DeviceId>> = BTreeMap::new();
    for device in devices {
        let site = Some(device.site.as_str()).filter(|site| sites.contains(*site));
        by_site.entry(site).or_default().push(device.id);
    }
    let at = now();
    let mut tx = engine.db.write().await?;
    let mut jobs = Vec::with_capacity(by_site.len());
    for (site, devices) in by_site {
        let job = enqueue_in_txn(&mut tx, &work(devices), at).await?;
        if let Some(site) = site {
            job_place_in_txn(&mut tx, job, site).await?;
            if let Some(folder) = folder {
                job_bind_in_txn(&mut tx, job, folder).await?;
            }
        }
        jobs.push(job);
    }
    tx.commit().await?;
    engine.tell_of_work();
    for device in devices {
        engine.events.send(Topic::Devices, device.id.0);
    }
    Ok(jobs)
}

/// Queues work and wakes the workers.
pub async fn enqueue(engine: &Engine, work: &Work) -> Result<JobId> {
    let mut tx = engine.db.write().await?;
    let job = enqueue_in_txn(&mut tx, work, now()).await?;
    tx.commit().await?;
    engine.tell_of_work();
    Ok(job)
}
