//! Looking into the texts that the index picked: some at a time on all cores, given in the order of their devices.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Instant;

use etiqa_model::DeviceId;
use etiqa_model::scope::Scope;
use etiqa_model::search::{DeviceHits, Search, TextHits};
use futures::StreamExt;
use futures::stream::BoxStream;
use regex::Regex;

use super::lines::{Shown, hits_in};
use super::pattern::Compiled;
use super::wanted::{Reading, Wanted};
use crate::collect::{DriverSet, redact};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::history::shown::spans_shown;
use crate::history::unpack;
use crate::store::config_version::version_list_active_drivers;
use crate::store::search::{Candidate, search_candidates, text_list};

/// Texts that are read at once, and looked into by one core.
const TEXTS_AT_ONCE: usize = 32;
/// Cores that one search takes; the connections that it reads by are not many more.
const MOST_CORES: usize = 4;

/// How texts are looked into.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub(super) reading: Reading,
    pub(super) shown: Shown,
    pub(super) until: Option<Instant>,
}

/// What became of a text.
enum Outcome {
    /// It was looked into; there may be hits.
    Looked(Option<TextHits>),
    /// There was no time for it.
    OutOfTime,
}

/// A search that is going on. Dropping it ends it.
pub struct Finding {
    some: BoxStream<'static, Result<Vec<(Candidate, Outcome)>>>,
    waiting: VecDeque<(Candidate, Outcome)>,
    current: Option<DeviceId>,
    searched_up_to: Option<DeviceId>,
    left_out: u64,
    has_stopped: bool,
}

impl Finding {
    pub(super) async fn begin(
        engine: &Arc<Engine>,
        scope: &Scope,
        search: &Search,
        compiled: Compiled,
        look: Look,
    ) -> Result<Self> {
        let mut candidates = search_candidates(&engine.db, scope, search, &compiled.wanted).await?;
        let mut left_out = 0;
        if look.reading == Reading::Masked {
            let gone = gone_drivers(engine).await?;
            candidates.retain(|candidate| !gone.contains(&candidate.driver));
            left_out = count_of(engine, scope, search, &gone).await?;
        }
        let cores = available_parallelism().map_or(1, usize::from).min(MOST_CORES);
        let at_once = candidates.len().div_ceil(cores).clamp(1, TEXTS_AT_ONCE);
        let mut candidates = candidates.into_iter().peekable();
        let batches = std::iter::from_fn(move || {
            candidates.peek()?;
            Some(candidates.by_ref().take(at_once).collect::<Vec<_>>())
        });
        let engine = Arc::clone(engine);
        let some = futures::stream::iter(batches)
            .map(move |batch| look_into(Arc::clone(&engine), batch, compiled.regex.clone(), look))
            .buffered(cores)
            .boxed();
        Ok(Self {
            some,
            waiting: VecDeque::new(),
            current: None,
            searched_up_to: search.after,
            left_out,
            has_stopped: false,
        })
    }

    /// The next device with hits; none: all texts were looked into, or the time is over.
    pub async fn next(&mut self) -> Result<Option<DeviceHits>> {
        let mut device: Option<DeviceHits> = None;
        while !self.has_stopped {
            let Some((candidate, _)) = self.waiting.front() else {
                match self.some.next().await {
                    Some(batch) => self.waiting.extend(batch?),
                    None => break,
                }
                continue;
            };
            if self.current != Some(candidate.device_id) {
                self.searched_up_to = self.current.or(self.searched_up_to);
                self.current = Some(candidate.device_id);
                if device.is_some() {
                    break;
                }
            }
            match self.waiting.pop_front() {
                Some((candidate, Outcome::Looked(Some(hits)))) => {
                    let device = device.get_or_insert_with(|| DeviceHits {
                        device_id: candidate.device_id,
                        hostname: candidate.hostname,
                        address: candidate.address,
                        texts: Vec::new(),
                    });
                    device.texts.push(hits);
                }
                Some((_, Outcome::OutOfTime)) => {
                    // A device of which only some texts were looked into comes whole when the search goes on.
                    self.has_stopped = true;
                    device = None;
                }
                Some((_, Outcome::Looked(None))) | None => {}
            }
        }
        Ok(device)
    }

    /// Texts that nobody knows how to mask, of all devices that the search is narrowed to.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Whether the time was over before all texts were looked into.
    pub fn has_stopped(&self) -> bool {
        self.has_stopped
    }

    /// The last device whose texts were all looked into.
    pub fn searched_up_to(&self) -> Option<DeviceId> {
        self.searched_up_to
    }
}

impl fmt::Debug for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finding").field("current", &self.current).finish_non_exhaustive()
    }
}

/// The drivers that took active texts and are gone: nobody knows what to mask in those.
async fn gone_drivers(engine: &Engine) -> Result<HashSet<String>> {
    let names = version_list_active_drivers(&engine.db).await?;
    let known = engine.drivers.current();
    // One that was not needed yet is read now.
    let looking = move || names.into_iter().filter(|name| known.get(name).is_none()).collect::<HashSet<_>>();
    tokio::task::spawn_blocking(looking)
        .await
        .map_err(|error| Error::io("reading drivers")(std::io::Error::other(error)))
}

/// How many texts these drivers took, of those that the search is narrowed to. Counted without the index, and on every page
/// the same: else the number would tell a viewer whether what they search for is under a mask.
async fn count_of(engine: &Engine, scope: &Scope, search: &Search, drivers: &HashSet<String>) -> Result<u64> {
    if drivers.is_empty() {
        return Ok(0);
    }
    let narrowed = Search { after: None, ..search.clone() };
    let all = search_candidates(&engine.db, scope, &narrowed, &Wanted::nothing()).await?;
    Ok(all.iter().filter(|text| drivers.contains(&text.driver)).count() as u64)
}

async fn look_into(
    engine: Arc<Engine>,
    candidates: Vec<Candidate>,
    regex: Regex,
    look: Look,
) -> Result<Vec<(Candidate, Outcome)>> {
    let mut wanted: Vec<String> = candidates.iter().map(|candidate| candidate.text_sha256.clone()).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let packed = if is_over(look.until) { Vec::new() } else { text_list(&engine.db, &wanted).await? };
    let drivers = engine.drivers.current();
    let looking = move || {
        let packed: HashMap<String, Vec<u8>> = packed.into_iter().collect();
        let outcome = |candidate: Candidate| {
            let outcome = look_into_one(&packed, &candidate, &regex, &drivers, look);
            (candidate, outcome)
        };
        candidates.into_iter().map(outcome).collect()
    };
    tokio::task::spawn_blocking(looking)
        .await
        .map_err(|error| Error::io("searching texts")(std::io::Error::other(error)))
}

fn look_into_one(
    packed: &HashMap<String, Vec<u8>>,
    candidate: &Candidate,
    regex: &Regex,
    drivers: &DriverSet,
    look: Look,
) -> Outcome {
    if is_over(look.until) {
        return Outcome::OutOfTime;
    }
    // It was removed since the index was asked.
    let Some(packed) = packed.get(&candidate.text_sha256) else { return Outcome::Looked(None) };
    let mut text = match unpack(packed) {
        Ok(text) => text,
        // It is damaged; the others are not.
        Err(error) => {
            let sha256 = &candidate.text_sha256;
            tracing::warn!(text = %sha256, %error, "the text {sha256} cannot be read and is not searched");
            return Outcome::Looked(None);
        }
    };
    if look.reading == Reading::Masked {
        // It went since the search began.
        let Some(driver) = drivers.get(&candidate.driver) else { return Outcome::Looked(None) };
        text = redact(&driver, &text);
    }
    Outcome::Looked(hits_in(&text, regex, look.shown).map(|(matching_lines, mut lines)| {
        spans_shown(lines.iter_mut().flat_map(|line| &mut line.spans));
        TextHits { part: candidate.part.clone(), version: candidate.version, matching_lines, lines }
    }))
}

fn is_over(until: Option<Instant>) -> bool {
    until.is_some_and(|until| Instant::now() >= until)
}
