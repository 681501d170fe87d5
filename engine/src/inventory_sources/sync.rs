//! One sync from its lease to its result: the list is taken, held against what is here, and the difference written in one
//! transaction. A failure changes nothing and is shown.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use etiqa_model::device::Device;
use etiqa_model::event::Topic;
use etiqa_model::inventory_source::{
    InventorySource, SourceKind, SourceSettings, SyncPreview, SyncReport, SyncRow,
};
use etiqa_model::{CredentialId, DeviceId, ErrorKind, InventorySourceId, Secret, Timestamp, UserError};
use reqwest::Url;
use tokio_util::sync::CancellationToken;

use super::fetch::{Asker, ListVersion, Taken, take_file};
use super::manage::{missing, token_of};
use super::netbox::{self, Listed};
use super::plan::{Change, Here, Plan, plan};
use super::wanted::{Listing, Names, of_file, of_netbox};
use super::write::write;
use crate::audit::{Act, action, record_all_in_txn, record_in_txn};
use crate::db::Tx;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::history::off_runtime;
use crate::import::TURNS;
use crate::lease::{self, LEASE};
use crate::pause::schedule_pause;
use crate::schedule::{Work, enqueue, enqueue_in_txn};
use crate::store::credential::credential_list;
use crate::store::device::{device_list_by_address_in_txn, device_list_of};
use crate::store::inventory_source::{
    KeyedSource, SyncEnd, link_list, link_list_others, source_claim, source_confirm_in_txn, source_fetch,
    source_fetch_in_txn, source_hold_in_txn, source_list_due, source_release, source_renew, sync_end_in_txn,
};
use crate::store::job::job_fetch_open_by_key;
use crate::time::now;

/// All of a list has come by then, or none of it counts.
const LONGEST_TAKE: Duration = Duration::from_mins(10);
/// While a person waits for a page.
const LONGEST_LOOK: Duration = Duration::from_mins(2);
/// After so long a sync that a person asked for looks whether another one has ended.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// The wait after a first failure; twice as long after each one that follows, up to the source's own time.
const FIRST_WAIT: Duration = Duration::from_mins(5);
/// Devices in one query.
const READ_AT_ONCE: usize = 500;
/// A preview shows at most so many devices.
const PREVIEW_ROWS: usize = 200;
const GOES_ON: &str = "A sync of this source goes on already; look at its result in a moment.";
const CHANGED: &str =
    "The source was changed while its list was read, and nothing was done. Look at its preview.";

/// How a sync is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asked {
    /// By a person, who is told whatever comes of it: the list is taken even if its server says that it did not change.
    pub by_person: bool,
    /// However many devices it disables.
    pub all_the_same: bool,
}

/// A list, and what its server calls it; none: it is the one that was taken last.
type TakenList = Option<(Listing, ListVersion)>;

/// A list that was not looked into yet.
enum Came {
    Same,
    File(Vec<u8>, ListVersion),
    Netbox(Listed),
}

/// Queues what is due, unless no schedule runs.
pub async fn queue_due(engine: &Engine, at: Timestamp) -> Result<()> {
    let due = source_list_due(&engine.db, at).await?;
    if due.is_empty() || schedule_pause(engine).await?.is_some() {
        return Ok(());
    }
    for source in due {
        let work = Work::Inventory { source, by_person: false, all_the_same: false };
        let open = match work.idempotency_key() {
            Some(key) => job_fetch_open_by_key(&engine.db, &key).await?,
            None => None,
        };
        if open.is_none() {
            enqueue(engine, &work).await?;
        }
    }
    Ok(())
}

/// Has a source synchronised by a worker, now.
pub async fn ask_for_sync(engine: &Engine, id: InventorySourceId, all_the_same: bool) -> Result<()> {
    let source = keyed(engine, id).await?.source;
    let work = Work::Inventory { source: id, by_person: true, all_the_same };
    let mut tx = engine.db.write().await?;
    enqueue_in_txn(&mut tx, &work, now()).await?;
    record_in_txn(&mut tx, Act::new(action::SOURCE_SYNC).on(id.0, &source.name)).await?;
    tx.commit().await?;
    engine.tell_of_work();
    Ok(())
}

/// What a sync would do now, for a page. Nothing is written.
pub async fn preview(engine: &Engine, id: InventorySourceId) -> Result<SyncPreview> {
    look(engine, id, LONGEST_LOOK).await
}

/// The same for the command line, which waits for a list as long as a sync does.
pub async fn preview_here(engine: &Engine, id: InventorySourceId) -> Result<SyncPreview> {
    look(engine, id, LONGEST_TAKE).await
}

async fn look(engine: &Engine, id: InventorySourceId, longest: Duration) -> Result<SyncPreview> {
    let keyed = keyed(engine, id).await?;
    let credentials = credential_ids(engine).await?;
    let listing = match within(longest, Box::pin(take(engine, &keyed, None, &credentials))).await? {
        Ok(Some((listing, _))) => listing,
        Ok(None) => return Err(UserError::internal().into()),
        Err(why) => return Err(UserError::conflict(why).into()),
    };
    let here = look_around(engine, id, &listing).await?;
    let Plan { changes, report, guard } = planned(here, listing, &keyed.source.settings, now()).await?;
    let rows = changes.into_iter().filter_map(row_of).take(PREVIEW_ROWS).collect();
    Ok(SyncPreview { report, rows, guard })
}

fn row_of(change: Change) -> Option<SyncRow> {
    let fate = change.fate?;
    let (id, hostname, address) = match (change.before, change.after) {
        (Some(device), _) => (Some(device.id), device.hostname, device.address),
        (None, Some(device)) => (None, device.hostname, device.address),
        (None, None) => return None,
    };
    Some(SyncRow { fate, id, hostname, address, words: change.words })
}

/// Synchronises a source here and now.
pub async fn sync_now(engine: &Engine, id: InventorySourceId, asked: Asked) -> Result<SyncReport> {
    Ok(run(engine, id, asked).await?.map_err(UserError::conflict)?)
}

/// The same for a worker: what is wrong with a source is noted with it, and is no failure of the job. Gives how long it is to
/// wait where a person asked for it while another sync goes on: that one does not know what the person asked.
pub(crate) async fn sync_queued(
    engine: &Arc<Engine>,
    id: InventorySourceId,
    asked: Asked,
) -> Result<Option<Duration>> {
    match run(engine, id, asked).await {
        Ok(Err(problem)) if asked.by_person && problem == GOES_ON => return Ok(Some(LOOK_AGAIN)),
        Ok(Ok(report)) => tracing::info!(source = %id, "inventory source {id} was synchronised: {report}"),
        Ok(Err(problem)) => {
            tracing::warn!(source = %id, %problem, "inventory source {id} was not synchronised");
        }
        // It may have been removed meanwhile; and what stops goes on at the next start.
        Err(Error::User(error)) if error.kind == ErrorKind::NotFound => {}
        Err(_) if engine.stopping.is_cancelled() => {}
        Err(error) => return Err(error),
    }
    Ok(None)
}

/// The outer error is this program's own, the inner one is what is wrong with the source.
async fn run(engine: &Engine, id: InventorySourceId, asked: Asked) -> Result<Result<SyncReport, String>> {
    let source = keyed(engine, id).await?;
    let started_at = now();
    // Two syncs of one process are two as well.
    let mut unique = [0_u8; 8];
    rand::fill(&mut unique);
    let owner = format!("{}-{}", engine.owner, crate::hex::to_hex(&unique));
    if !source_claim(&engine.db, id, &owner, started_at, started_at.plus(LEASE)).await? {
        return Ok(Err(GOES_ON.to_owned()));
    }
    engine.events.send(Topic::Admin, id.0);
    let renewing = (engine.db.clone(), owner.clone());
    let keep = lease::keep(format!("inventory source {id}"), CancellationToken::new(), move |until| {
        let (db, owner) = renewing.clone();
        async move { source_renew(&db, id, &owner, until).await }
    });
    let came_to = Box::pin(attempt(engine, &source, (&owner, started_at), asked)).await;
    drop(keep);
    source_release(&engine.db, id, &owner).await?;
    engine.events.send(Topic::Admin, id.0);
    came_to
}

async fn attempt(
    engine: &Engine,
    keyed: &KeyedSource,
    (owner, started_at): (&str, Timestamp),
    asked: Asked,
) -> Result<Result<SyncReport, String>> {
    let end = |came_to, version| SyncEnd {
        started_at,
        finished_at: now(),
        started_by: if asked.by_person { "manual" } else { "schedule" },
        next_at: next_at(keyed, asked, &came_to),
        came_to,
        version,
    };
    let known = ListVersion { etag: keyed.etag.clone(), last_modified: keyed.last_modified.clone() };
    let known = Some(&known).filter(|known| !asked.by_person && **known != ListVersion::default());
    let credentials = credential_ids(engine).await?;
    let taking = within(LONGEST_TAKE, Box::pin(take(engine, keyed, known, &credentials)));
    let taken = tokio::select! {
        taken = taking => taken?,
        () = engine.stopping.cancelled() => {
            return Err(UserError::new(ErrorKind::Unavailable, "The program stops.").into());
        }
    };
    let (listing, version) = match taken {
        Ok(Some(taken)) => taken,
        Ok(None) => {
            let report = SyncReport { is_same: true, ..SyncReport::default() };
            return note(engine, keyed, (owner, asked), end(Ok(report), None)).await;
        }
        Err(why) => {
            return note(engine, keyed, (owner, asked), end(Err(why), None)).await;
        }
    };
    let id = keyed.source.id;
    let here = look_around(engine, id, &listing).await?;
    let plan = planned(here, listing, &keyed.source.settings, started_at).await?;
    if let Some(guard) = plan.guard.filter(|_| !asked.all_the_same) {
        return note(engine, keyed, (owner, asked), end(Err(guard), None)).await;
    }
    let Plan { changes, mut report, .. } = plan;
    let mut tx = engine.db.write().await?;
    if let Some(why) = hold_in_txn(&mut tx, keyed, owner).await? {
        let why = why.note_in_txn(&mut tx, id, asked, end(Ok(SyncReport::default()), None)).await?;
        tx.commit().await?;
        return Ok(Err(why.to_owned()));
    }
    let (mut acts, passed_over) = write(&mut tx, id, changes, &credentials, &mut report).await?;
    // A list of which something was refused, or passed over, is looked through again: what was missing here may be there by
    // then.
    let version = Some(version).filter(|_| report.refused == 0 && passed_over == 0);
    let version = version.map(|version| (version.etag, version.last_modified));
    sync_end_in_txn(&mut tx, id, &end(Ok(report.clone()), Some(version.unwrap_or_default()))).await?;
    source_confirm_in_txn(&mut tx, id, started_at).await?;
    if asked.by_person || report.changes_something() {
        acts.push(Act::new(action::SOURCE_SYNC).on(id.0, &keyed.source.name).saying(report.to_string()));
    }
    record_all_in_txn(&mut tx, acts).await?;
    tx.commit().await?;
    if report.changes_something() {
        engine.events.send(Topic::Devices, None);
    }
    Ok(Ok(report))
}

/// Notes a sync that wrote nothing; gives what it came to.
async fn note(
    engine: &Engine,
    keyed: &KeyedSource,
    (owner, asked): (&str, Asked),
    end: SyncEnd,
) -> Result<Result<SyncReport, String>> {
    let (mut tx, id) = (engine.db.write().await?, keyed.source.id);
    let came_to = match hold_in_txn(&mut tx, keyed, owner).await? {
        None => {
            sync_end_in_txn(&mut tx, id, &end).await?;
            end.came_to
        }
        Some(why) => Err(why.note_in_txn(&mut tx, id, asked, end).await?.to_owned()),
    };
    tx.commit().await?;
    Ok(came_to)
}

/// Why a source is not to be written.
enum NotHeld {
    /// Another sync has it.
    Others,
    /// It is not what it was when its list was taken; when it is looked at next.
    Changed(Option<Timestamp>),
}

impl NotHeld {
    /// Tells whoever asked for a sync that came to nothing; what is due by itself comes again. Gives the reason.
    async fn note_in_txn(
        self,
        tx: &mut Tx,
        id: InventorySourceId,
        asked: Asked,
        end: SyncEnd,
    ) -> Result<&'static str> {
        let next_at = match self {
            Self::Others => return Ok(GOES_ON),
            Self::Changed(next_at) => next_at,
        };
        if asked.by_person {
            let end = SyncEnd { came_to: Err(CHANGED.to_owned()), next_at, version: None, ..end };
            sync_end_in_txn(tx, id, &end).await?;
        }
        Ok(CHANGED)
    }
}

/// Holds the source until the transaction ends; gives why it is not to be written, where that is so.
async fn hold_in_txn(tx: &mut Tx, keyed: &KeyedSource, owner: &str) -> Result<Option<NotHeld>> {
    let known = &keyed.source;
    if !source_hold_in_txn(tx, known.id, owner).await? {
        return Ok(Some(NotHeld::Others));
    }
    let found = source_fetch_in_txn(tx, known.id, now()).await?.map(|found| found.source);
    let is_same = found
        .as_ref()
        .is_some_and(|found| found.settings == known.settings && found.enabled == known.enabled);
    Ok((!is_same).then(|| NotHeld::Changed(found.and_then(|found| found.next_at))))
}

/// When a source is looked at next; none where it is not followed.
fn next_at(keyed: &KeyedSource, asked: Asked, came_to: &Result<SyncReport, String>) -> Option<Timestamp> {
    let InventorySource { settings, enabled, confirmed_at, .. } = &keyed.source;
    let is_followed = *enabled && (confirmed_at.is_some() || (asked.by_person && came_to.is_ok()));
    let every = Duration::from_mins(u64::from(settings.every_minutes));
    let wait = match came_to {
        Ok(_) => every,
        Err(_) => FIRST_WAIT.saturating_mul(2_u32.saturating_pow(keyed.failures)).min(every),
    };
    is_followed.then(|| now().plus(wait))
}

async fn within(
    longest: Duration,
    taking: impl Future<Output = Result<Result<TakenList, String>>>,
) -> Result<Result<TakenList, String>> {
    match tokio::time::timeout(longest, taking).await {
        Ok(taken) => taken,
        Err(_) => Ok(Err("The list did not come to its end in time.".to_owned())),
    }
}

/// Takes and reads the list of a source. The inner error is a sentence about the source.
async fn take(
    engine: &Engine,
    keyed: &KeyedSource,
    known: Option<&ListVersion>,
    credentials: &HashMap<String, CredentialId>,
) -> Result<Result<TakenList, String>> {
    let token = token_of(engine, keyed)?;
    let came = match take_list(engine, token.as_ref(), known, &keyed.source.settings).await {
        Ok(Came::Same) => return Ok(Ok(None)),
        Ok(came) => came,
        Err(why) => return Ok(Err(why)),
    };
    let (settings, credentials) = (keyed.source.settings.clone(), credentials.clone());
    let drivers = engine.drivers.current();
    let turn = TURNS.take().await?;
    off_runtime("reading a list of devices", move || {
        let _turn = turn;
        let names = Names { settings: &settings, drivers, credentials: &credentials };
        Ok(match came {
            Came::Same => Ok(None),
            Came::File(bytes, version) => of_file(&bytes, &names).map(|listing| Some((listing, version))),
            Came::Netbox(listed) => {
                of_netbox(listed, &names).map(|listing| Some((listing, ListVersion::default())))
            }
        })
    })
    .await
}

async fn take_list(
    engine: &Engine,
    token: Option<&Secret>,
    known: Option<&ListVersion>,
    settings: &SourceSettings,
) -> Result<Came, String> {
    let came = match settings.kind {
        SourceKind::Netbox => {
            let asker = Asker::new(engine, settings, token)?;
            return Ok(Came::Netbox(netbox::take(&asker, settings).await?));
        }
        SourceKind::Url => {
            let url = Url::parse(&settings.place);
            let url = url.map_err(|_| "The address cannot be used: check it.".to_owned())?;
            Asker::new(engine, settings, token)?.take(url, known).await?
        }
        SourceKind::File => take_file(&settings.place, known).await?,
    };
    Ok(match came {
        Taken::Same => Came::Same,
        Taken::Bytes(bytes, version) => Came::File(bytes, version),
    })
}

/// What becomes of all: a list of a hundred thousand devices takes its time.
async fn planned(here: Here, listing: Listing, settings: &SourceSettings, at: Timestamp) -> Result<Plan> {
    let settings = settings.clone();
    off_runtime("holding a list against the inventory", move || Ok(plan(&here, listing, &settings, at))).await
}

/// Reads what is here of what a list names, and of what the source has.
async fn look_around(engine: &Engine, id: InventorySourceId, listing: &Listing) -> Result<Here> {
    let links = link_list(&engine.db, id).await?;
    let others = link_list_others(&engine.db, id).await?.into_iter().collect();
    let mut devices: HashMap<DeviceId, Device> = HashMap::new();
    let ids: Vec<DeviceId> = links.iter().map(|link| link.device_id).collect();
    for some in ids.chunks(READ_AT_ONCE) {
        let found = device_list_of(&engine.db, some).await?;
        devices.extend(found.into_iter().map(|device| (device.id, device)));
    }
    let addresses: HashSet<&str> =
        listing.wanted.iter().map(|wanted| wanted.device.address.as_str()).collect();
    let addresses: Vec<String> = addresses.into_iter().map(str::to_owned).collect();
    let mut tx = engine.db.read().await?;
    for some in addresses.chunks(READ_AT_ONCE) {
        let found = device_list_by_address_in_txn(&mut tx, some).await?;
        devices.extend(found.into_iter().map(|device| (device.id, device)));
    }
    tx.rollback().await?;
    Ok(Here { devices, links, others })
}

async fn credential_ids(engine: &Engine) -> Result<HashMap<String, CredentialId>> {
    let credentials = credential_list(&engine.db).await?;
    Ok(credentials.into_iter().map(|credential| (credential.name, credential.id)).collect())
}

async fn keyed(engine: &Engine, id: InventorySourceId) -> Result<KeyedSource> {
    Ok(source_fetch(&engine.db, id, now()).await?.ok_or_else(|| missing(id))?)
}
