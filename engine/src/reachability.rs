//! Whether devices answer: a TCP connection to the management port now and then, opened and closed. No login, no bytes.
//!
//! Only what changed is written. A device behind a jump host is not looked at from here: only its collections tell.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use etiqa_model::DeviceId;
use etiqa_model::device::DeviceStatus;
use etiqa_model::event::Topic;
use futures::StreamExt;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use crate::engine::Engine;
use crate::error::Result;
use crate::machines;
use crate::outgoing::{Kind, kind_of};
use crate::schedule::{Work, enqueue};
use crate::store::reachability::{Seen, reach_list, reach_save_in_txn};
use crate::time::now;

/// Connections at once.
const AT_ONCE: usize = 128;
/// How long a device may take to accept one.
const LONGEST: Duration = Duration::from_secs(3);
/// One lost packet is no outage: a device that does not answer is asked once more after so long.
const SECOND_LOOK: Duration = Duration::from_secs(2);
/// Where looking is switched off, the setting is read again this often.
const WHILE_OFF: Duration = Duration::from_mins(1);
/// The first look waits until the program and its network are up.
const AFTER_START: Duration = Duration::from_secs(10);

/// Has every device looked at on an interval, until the program stops.
pub async fn watch(engine: Arc<Engine>) {
    let mut wait = AFTER_START;
    loop {
        tokio::select! {
            () = engine.stopping.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        wait = match engine.settings().await {
            Ok(settings) if settings.reach_minutes == 0 => WHILE_OFF,
            // One machine looks, or has others look.
            Ok(_) if !engine.lead.is_held() => WHILE_OFF,
            Ok(settings) => {
                if let Err(error) = queue(&engine).await {
                    tracing::error!(%error, "a look whether devices answer could not be queued");
                }
                Duration::from_mins(u64::from(settings.reach_minutes))
            }
            Err(error) => {
                tracing::error!(%error, "the settings could not be read");
                WHILE_OFF
            }
        };
    }
}

/// One look that still waits or goes on is enough, at each site where workers are, and at all that have none together. The
/// devices of a site whose workers are gone stay as they were seen last.
async fn queue(engine: &Engine) -> Result<()> {
    let sites = machines::sites(engine).await?.alive;
    for site in std::iter::once(None).chain(sites.into_iter().map(Some)) {
        enqueue(engine, &Work::Reach { site }).await?;
    }
    Ok(())
}

/// Looks once at every enabled device of a site, or of all that have no workers of their own, and stores which answer.
pub async fn look(engine: &Engine, site: Option<&str>) -> Result<()> {
    let manned = machines::sites(engine).await?.manned;
    let mut places = reach_list(&engine.db).await?;
    places.retain(|place| match site {
        Some(site) => place.site == site,
        None => !manned.contains(&place.site),
    });
    let asked = places.iter().map(|place| (place.id, place.address.clone(), place.port)).collect::<Vec<_>>();
    let looking = futures::stream::iter(asked)
        .map(|(id, address, port)| async move { (id, answers(&address, port).await) })
        .buffer_unordered(AT_ONCE)
        .collect();
    let answers: HashMap<DeviceId, bool> = tokio::select! {
        answers = looking => answers,
        () = engine.stopping.cancelled() => return Ok(()),
    };
    let at = now();
    let mut tx = engine.db.write().await?;
    let mut changes = 0_u64;
    for place in &places {
        let status = if answers.get(&place.id).is_some_and(|answers| *answers) {
            DeviceStatus::Online
        } else {
            DeviceStatus::Offline
        };
        if status == place.status {
            continue;
        }
        // One that was online until now was last seen about now.
        let last_seen =
            (place.status == DeviceStatus::Online || status == DeviceStatus::Online).then_some(at);
        reach_save_in_txn(&mut tx, place.id, &Seen { status, at, last_seen }).await?;
        changes += 1;
    }
    if changes == 0 {
        tx.rollback().await?;
        return Ok(());
    }
    tx.commit().await?;
    tracing::info!(changes, "{changes} devices went online or offline");
    engine.events.send(Topic::Devices, None);
    Ok(())
}

/// What a look at a few devices came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sample {
    /// How many were tried.
    pub tried: usize,
    /// Those that did not answer, as `address:port`.
    pub silent: Vec<String>,
}

/// Tries `most` of the enabled devices that this machine connects to by itself, spread over all of them. Nothing is stored.
pub async fn sample(engine: &Engine, most: usize) -> Result<Sample> {
    let manned = machines::sites(engine).await?.manned;
    let mut places = reach_list(&engine.db).await?;
    places.retain(|place| !manned.contains(&place.site));
    let step = places.len().div_ceil(most.max(1)).max(1);
    let tried: Vec<_> = places.into_iter().step_by(step).map(|place| (place.address, place.port)).collect();
    let count = tried.len();
    let silent = futures::stream::iter(tried)
        .map(|(address, port)| async move {
            let is_silent = !answers(&address, port).await;
            is_silent.then(|| format!("{address}:{port}"))
        })
        .buffered(AT_ONCE)
        .filter_map(|silent| async move { silent })
        .collect()
        .await;
    Ok(Sample { tried: count, silent })
}

async fn answers(address: &str, port: u16) -> bool {
    if connects(address, port).await {
        return true;
    }
    tokio::time::sleep(SECOND_LOOK).await;
    connects(address, port).await
}

async fn connects(address: &str, port: u16) -> bool {
    let connect = async {
        let Ok(places) = lookup_host((address, port)).await else { return false };
        // Nothing is told of where a cloud hands out its keys: no collection connects there either.
        for place in places.filter(|place| kind_of(place.ip()) != Kind::Metadata) {
            if TcpStream::connect(place).await.is_ok() {
                return true;
            }
        }
        false
    };
    matches!(timeout(LONGEST, connect).await, Ok(true))
}
