//! Hears messages one by one, and has the devices queued that tell of a change: many at a time, and each at most once a
//! second. However much comes in, the database sees four writes a second and a query every few seconds.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use etiqa_model::DeviceId;
use etiqa_model::event::{Event, Topic};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::known::Known;
use super::message::Message;
use super::queue;
use crate::engine::Engine;
use crate::error::Result;
use crate::store::teller::teller_list;
use crate::time::now;

/// Who sent what.
pub(super) type Datagram = (IpAddr, Box<[u8]>);

/// Devices are gathered for so long, and queued together.
const GATHER: Duration = Duration::from_millis(250);
/// So many of them.
const AT_ONCE: usize = 100;
/// Before the database is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(5);
/// What was heard last may take so long to be queued when the program stops.
const END_WITHIN: Duration = Duration::from_secs(5);
/// A device that tells more often is not written down each time.
const COVERED_FOR: Duration = Duration::from_secs(1);
/// What is known of devices is looked up again after so long, and sooner where some of them changed.
const KNOWN_FOR: Duration = Duration::from_mins(1);
const KNOWN_FOR_LEAST: Duration = Duration::from_secs(10);

struct Ear {
    engine: Arc<Engine>,
    /// The one site that this process works for.
    site: Option<String>,
    events: Receiver<Event>,
    known: Known,
    known_since: Option<Instant>,
    is_stale: bool,
    /// Devices that are to be queued, with their sites.
    waiting: BTreeMap<DeviceId, String>,
    write_at: Option<Instant>,
    /// Until when what a device tells is covered by the job that waits for it.
    covered: HashMap<DeviceId, Instant>,
}

/// Hears what comes in until the program stops.
pub(super) async fn hear(engine: Arc<Engine>, site: Option<String>, mut messages: mpsc::Receiver<Datagram>) {
    let stopping = engine.stopping.clone();
    let events = engine.events.listen();
    let mut ear = Ear {
        engine,
        site,
        events,
        known: Known::default(),
        known_since: None,
        is_stale: true,
        waiting: BTreeMap::new(),
        write_at: None,
        covered: HashMap::new(),
    };
    loop {
        let write_at = ear.write_at;
        tokio::select! {
            () = stopping.cancelled() => break,
            () = reached(write_at), if write_at.is_some() => ear.write().await,
            message = messages.recv() => match message {
                Some((peer, bytes)) => ear.take(peer, &bytes).await,
                None => break,
            },
        }
    }
    // What was heard is not forgotten by a restart, unless the database does not answer.
    let rest = async {
        while let Ok((peer, bytes)) = messages.try_recv() {
            ear.note(peer, &bytes);
        }
        for _ in 0..ear.waiting.len().div_ceil(AT_ONCE) {
            ear.write().await;
        }
    };
    if timeout(END_WITHIN, rest).await.is_err() {
        tracing::warn!("some devices that told of changes could not be queued before the end");
    }
}

async fn reached(at: Option<Instant>) {
    if let Some(at) = at {
        tokio::time::sleep_until(at).await;
    }
}

impl Ear {
    async fn take(&mut self, peer: IpAddr, bytes: &[u8]) {
        self.look_again_if_due().await;
        self.note(peer, bytes);
    }

    fn note(&mut self, peer: IpAddr, bytes: &[u8]) {
        let message = Message::read(bytes);
        let Some(changed) = self.known.changed(peer, &message) else {
            self.engine.changes.strange.fetch_add(1, Ordering::Relaxed);
            return;
        };
        if changed.is_empty() {
            return;
        }
        self.engine.changes.told.fetch_add(1, Ordering::Relaxed);
        let at = Instant::now();
        for sender in changed {
            if self.covered.get(&sender.id).is_none_or(|until| *until <= at) {
                self.waiting.entry(sender.id).or_insert_with(|| sender.site.clone());
            }
        }
        if self.write_at.is_none() && !self.waiting.is_empty() {
            self.write_at = Some(at + GATHER);
        }
    }

    /// Queues some of the devices that wait for it.
    async fn write(&mut self) {
        let some: Vec<(DeviceId, String)> =
            self.waiting.iter().take(AT_ONCE).map(|(id, site)| (*id, site.clone())).collect();
        let wait = match queue(&self.engine, &some).await {
            Ok(queued) => {
                let (at, time) = (Instant::now(), now());
                for (id, due_at) in queued {
                    self.waiting.remove(&id);
                    // Until its job is due, that is still to see what the device tells.
                    self.covered.insert(id, at + due_at.since(time).min(COVERED_FOR));
                }
                GATHER
            }
            Err(error) => {
                tracing::warn!(%error, "devices that told of changes could not be queued; it is tried again");
                AGAIN_AFTER
            }
        };
        self.write_at = (!self.waiting.is_empty()).then(|| Instant::now() + wait);
    }

    async fn look_again_if_due(&mut self) {
        loop {
            match self.events.try_recv() {
                Ok(event) => self.is_stale |= matches!(event.topic, Topic::Devices | Topic::Admin),
                Err(TryRecvError::Lagged(_)) => self.is_stale = true,
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        let known_for = if self.is_stale { KNOWN_FOR_LEAST } else { KNOWN_FOR };
        if self.known_since.is_some_and(|since| since.elapsed() < known_for) {
            return;
        }
        match self.look().await {
            Ok(known) => {
                self.known = known;
                self.is_stale = false;
            }
            Err(error) => {
                tracing::warn!(%error, "the devices that may tell of changes could not be looked up");
            }
        }
        // From its end on: a database that does not answer is not asked anew with every message.
        let at = Instant::now();
        self.known_since = Some(at);
        self.covered.retain(|_, until| *until > at);
    }

    async fn look(&self) -> Result<Known> {
        let tellers = teller_list(&self.engine.db).await?;
        Ok(Known::new(tellers, &self.engine.drivers.current(), self.site.as_deref()))
    }
}
