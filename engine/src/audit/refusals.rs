//! Refusals of who is known, told so seldom that nobody fills the log with them: whoever has a login, and be it a viewer's,
//! could have a row written with every request.
//!
//! Of one person and one act within ten minutes the first few reasons are told, each once; how many more there were is told
//! when the time is over, or the server stops.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use etiqa_model::Timestamp;

use super::act::Act;
use super::record::record_all_in_txn;
use crate::engine::Engine;
use crate::error::Result;
use crate::time::now;

/// What was told is not told again for so long.
const QUIET: Duration = Duration::from_mins(10);
/// Reasons that are told of one person and one act; one may name what was asked for, and that is another each time.
const REASONS: usize = 5;
/// Characters of a reason by which it is known again.
const KNOWN_BY: usize = 100;
/// Persons and acts that are remembered; those beyond are counted together by their act.
const MOST: usize = 5_000;

/// What was refused lately.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<HashMap<String, Told>>);

/// What was told of one person and one act.
#[derive(Debug)]
struct Told {
    since: Timestamp,
    reasons: Vec<String>,
    more: u64,
    /// The newest that was not told.
    last: Option<Act>,
}

impl Told {
    /// What there is to tell of those that were not.
    fn rest(self, at: Timestamp) -> Option<Act> {
        let last = self.last?;
        let since = self.since.to_utc().format("%Y-%m-%d %H:%M:%S UTC");
        let why = last.words.clone().unwrap_or_default();
        let words = format!("{} more since {since}, the last of them: {why}", self.more);
        Some(Act { at, ..last }.refused(words))
    }
}

impl Refusals {
    /// Takes note of a refusal; gives what is to be told now. `place` tells acts of one name apart.
    fn note(&self, act: Act, place: &str, at: Timestamp) -> Vec<Act> {
        let actor = act.acting.actor();
        let mut key = format!("{} {} {} {place}", actor.means.as_str(), actor.name, act.action);
        let why: String = act.words.iter().flat_map(|words| words.chars()).take(KNOWN_BY).collect();
        let mut told = self.told();
        if told.len() >= MOST && !told.contains_key(&key) {
            key = format!("… {}", act.action);
        }
        let is_over = told.get(&key).is_some_and(|told| at.since(told.since) >= QUIET);
        let over = if is_over { told.remove(&key) } else { None };
        let mut due: Vec<Act> = over.and_then(|over| over.rest(at)).into_iter().collect();
        let told =
            told.entry(key).or_insert_with(|| Told { since: at, reasons: Vec::new(), more: 0, last: None });
        if told.reasons.len() < REASONS && !told.reasons.contains(&why) {
            told.reasons.push(why);
            due.push(act);
        } else {
            act.acting.note_recorded();
            told.more += 1;
            told.last = Some(act);
        }
        due
    }

    /// What there is to tell of those that were begun to be told before `begun`; they are forgotten.
    fn take_rest(&self, begun: Timestamp, at: Timestamp) -> Vec<Act> {
        let mut told = self.told();
        let over: Vec<String> =
            told.iter().filter(|(_, told)| told.since <= begun).map(|(key, _)| key.clone()).collect();
        over.iter().filter_map(|key| told.remove(key)?.rest(at)).collect()
    }

    fn told(&self) -> MutexGuard<'_, HashMap<String, Told>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Records a refusal, unless it was told just now. `place` tells acts of one name apart.
pub async fn record_refusal(engine: &Engine, act: Act, place: &str) -> Result<()> {
    let due = engine.refusals.note(act, place, now());
    record_due(engine, due).await
}

/// Tells how many refusals there were whose time is over.
pub async fn tell_refusals(engine: &Engine, at: Timestamp) -> Result<()> {
    let due = engine.refusals.take_rest(at.minus(QUIET), at);
    record_due(engine, due).await
}

/// The same of all of them: the server stops.
pub async fn tell_all_refusals(engine: &Engine) -> Result<()> {
    let at = now();
    let due = engine.refusals.take_rest(at, at);
    record_due(engine, due).await
}

async fn record_due(engine: &Engine, due: Vec<Act>) -> Result<()> {
    if due.is_empty() {
        return Ok(());
    }
    let mut tx = engine.db.write().await?;
    record_all_in_txn(&mut tx, due).await?;
    Ok(tx.commit().await?)
}

#[cfg(test)]
mod tests {
    use super::super::act::action;
    use super::super::actor::{Acting, Actor, Means};
    use super::*;

    fn refused(who: &str, why: &str) -> Act {
        let actor = Actor { name: who.into(), means: Means::Token, address: None };
        Act::by(Acting::new(actor), action::DEVICE_REMOVE).refused(why)
    }

    fn at(minutes: i64) -> Timestamp {
        Timestamp(minutes * 60_000)
    }

    #[test]
    fn the_same_refusal_is_told_once_and_counted_until_its_time_is_over() {
        let refusals = Refusals::default();
        assert_eq!(refusals.note(refused("vera", "no"), "", at(0)).len(), 1);
        for _ in 0..100 {
            assert!(refusals.note(refused("vera", "no"), "", at(1)).is_empty());
        }
        assert_eq!(refusals.note(refused("otto", "no"), "", at(1)).len(), 1, "somebody else");
        assert_eq!(refusals.note(refused("vera", "no"), "/rpc/x", at(1)).len(), 1, "something else");
        let told = refusals.note(refused("vera", "no"), "", at(10));
        assert_eq!(told.len(), 2, "and it is told again");
        assert!(told[0].words.as_deref().unwrap().starts_with("100 more since 1970-01-01 00:00:00 UTC"));
    }

    #[test]
    fn reasons_that_are_all_different_do_not_fill_the_log() {
        let refusals = Refusals::default();
        let told = |number: usize| refusals.note(refused("vera", &format!("no device {number}")), "", at(0));
        assert_eq!((0..100).map(|number| told(number).len()).sum::<usize>(), REASONS);
        assert!(refusals.take_rest(at(-10), at(0)).is_empty(), "its time is not over");
        let rest = refusals.take_rest(at(0), at(10));
        assert!(rest[0].words.as_deref().unwrap().contains("no device 99"));
        assert!(refusals.told().is_empty());
    }

    #[test]
    fn however_many_are_refused_it_takes_bounded_memory() {
        let refusals = Refusals::default();
        for number in 0..MOST * 2 {
            refusals.note(refused(&format!("token {number}"), "no"), "", at(0));
        }
        assert!(refusals.told().len() <= MOST + 1);
    }
}
