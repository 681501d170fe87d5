//! Holding texts against rules: those that changed since, or all of them, a few devices at a time.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use etiqa_model::event::Topic;
use etiqa_model::{DeviceId, JobId, RuleId, Timestamp};

use super::outcome::{Due, Force};
use super::question::Question;
use crate::db::{DbError, Tx};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::hex::sha256_hex;
use crate::history::{off_runtime, unpack};
use crate::schedule::{Work, enqueue_in_txn};
use crate::store::job::{job_drop_key, job_postpone_in_txn};
use crate::store::rule::{
    StoredRule, rule_is_any_enabled_in_txn, rule_is_in_use, rule_list, rule_note_checked_in_txn,
};
use crate::store::rule_result::{
    Checked, rule_check_forget_all, rule_device_list, rule_device_list_changed, rule_result_list_stored,
    rule_result_save_in_txn, rule_text_list,
};
use crate::store::search::text_list;
use crate::time::now;

/// Those that are in force.
type Rules = Arc<[Force]>;

/// Devices of one batch: on SQLite nobody else writes while what became of them is noted.
const DEVICES: u32 = 64;
/// Bytes of texts that are in memory at once, but for one that is larger alone.
const BYTES: u64 = 16 << 20;
/// Texts that are read by one statement.
const TEXTS: usize = 64;
/// What changes within so long is looked at together, and waits no longer than that in all.
const QUIET: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(30);

/// Which devices are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// Those with an active version that was held against no rules yet.
    Changed,
    /// All: a rule changed, or what a device is.
    All,
}

/// Queues a look at what changed, in the transaction in which a version becomes the active one. Where no rule is enabled,
/// there is nothing to look for. Near the end of the transaction: whoever queues the same waits for its commit.
pub(crate) async fn queue_changed_in_txn(tx: &mut Tx, at: Timestamp) -> Result<(), DbError> {
    if !rule_is_any_enabled_in_txn(tx).await? {
        return Ok(());
    }
    let job = enqueue_in_txn(tx, &Work::Rules { all: false }, at).await.map_err(of_db)?;
    job_postpone_in_txn(tx, job, at.plus(QUIET), LONGEST).await?;
    Ok(())
}

/// Queues a look at everything, in the transaction in which a rule changes.
pub(super) async fn queue_all_in_txn(tx: &mut Tx, at: Timestamp) -> Result<()> {
    enqueue_in_txn(tx, &Work::Rules { all: true }, at).await?;
    Ok(())
}

/// Queues a look at everything, now and then: a device has another site or tag since, an instance was restored.
pub async fn queue_look(engine: &Engine, at: Timestamp) -> Result<()> {
    if !rule_is_in_use(&engine.db).await? {
        return Ok(());
    }
    let mut tx = engine.db.write().await?;
    queue_all_in_txn(&mut tx, at).await?;
    tx.commit().await?;
    engine.tell_of_work();
    Ok(())
}

fn of_db(error: Error) -> DbError {
    match error {
        Error::Db(error) => error,
        other => DbError::Value { column: "payload", message: other.to_string() },
    }
}

/// Does the job of the queue.
pub(crate) async fn run(engine: &Engine, job: JobId, all: bool) -> Result<()> {
    // What changes from here on is for another job.
    job_drop_key(&engine.db, job).await?;
    let look = if all { Look::All } else { Look::Changed };
    look_at(engine, look).await.map(drop)
}

/// Holds everything against the rules that it was not held against yet; gives how many texts that were.
pub async fn check_all(engine: &Engine) -> Result<u64> {
    look_at(engine, Look::All).await
}

/// The same for versions that became active since alone.
pub async fn check_due(engine: &Engine) -> Result<u64> {
    look_at(engine, Look::Changed).await
}

/// The same for one device.
pub async fn check_one(engine: &Engine, device: DeviceId) -> Result<u64> {
    let rules = in_force(engine).await?;
    if rules.is_empty() { Ok(0) } else { look_at_devices(engine, &rules, &[device]).await }
}

async fn look_at(engine: &Engine, look: Look) -> Result<u64> {
    let rules = in_force(engine).await?;
    if rules.is_empty() {
        if rule_is_in_use(&engine.db).await? {
            rule_check_forget_all(&engine.db).await?;
            engine.events.send(Topic::Rules, None);
        }
        return Ok(0);
    }
    let (mut after, mut checked) = (DeviceId(0), 0);
    loop {
        if engine.stopping.is_cancelled() {
            return Ok(checked);
        }
        let devices = match look {
            Look::All => rule_device_list(&engine.db, after, DEVICES).await?,
            Look::Changed => rule_device_list_changed(&engine.db, after, DEVICES).await?,
        };
        let Some(last) = devices.last() else { break };
        after = *last;
        checked += look_at_devices(engine, &rules, &devices).await?;
    }
    if look == Look::All {
        let mut tx = engine.db.write().await?;
        for force in &*rules {
            rule_note_checked_in_txn(&mut tx, force.rule.id, force.revision).await?;
        }
        tx.commit().await?;
    }
    if checked > 0 || look == Look::All {
        engine.events.send(Topic::Rules, None);
    }
    if checked > 0 {
        tracing::info!(texts = checked, "{checked} texts were held against their rules");
    }
    Ok(checked)
}

/// The enabled rules, in the order of their numbers. One that cannot be read any more, of another version of this program, is
/// left out.
async fn in_force(engine: &Engine) -> Result<Rules> {
    let mut stored = rule_list(&engine.db).await?;
    stored.retain(|stored| stored.rule.enabled);
    stored.sort_by_key(|stored| stored.rule.id);
    let compile = move || Ok(stored.into_iter().filter_map(force).collect::<Vec<_>>());
    off_runtime("reading rules", compile).await.map(Arc::from)
}

fn force(stored: StoredRule) -> Option<Force> {
    let StoredRule { rule, revision } = stored;
    match Question::made_of(rule.wants, &rule.patterns, rule.match_case, rule.block.as_deref()) {
        Ok(question) => Some(Force { rule, revision, question }),
        Err(error) => {
            tracing::warn!(rule = %rule.id, %error, "rule {} cannot be read and is left out", rule.id);
            None
        }
    }
}

/// Names these rules as they are now.
fn hash_of(rules: &[Force], about: &[usize]) -> String {
    let mut named = String::new();
    for place in about {
        // To a string it never fails.
        let _ = write!(named, "{}.{},", rules[*place].rule.id, rules[*place].revision);
    }
    let mut hash = sha256_hex(named.as_bytes());
    hash.truncate(16);
    hash
}

async fn look_at_devices(engine: &Engine, rules: &Rules, devices: &[DeviceId]) -> Result<u64> {
    let mut texts = Vec::new();
    for text in rule_text_list(&engine.db, devices).await? {
        let places = (0..rules.len()).filter(|place| rules[*place].is_about(&text));
        let about: Vec<usize> = places.collect();
        let hash = hash_of(rules, &about);
        let is_same_text = text.checked_version == Some(text.version_id);
        if !is_same_text || text.checked_rules.as_ref() != Some(&hash) {
            texts.push((text, about, hash));
        }
    }
    let count = texts.len() as u64;
    let mut owners: Vec<DeviceId> = texts.iter().map(|(text, ..)| text.device_id).collect();
    owners.dedup();
    let mut known = rule_result_list_stored(&engine.db, &owners).await?;
    let due = texts.into_iter().map(|(text, about, hash)| {
        let known = known.remove(&(text.device_id, text.part.clone())).unwrap_or_default();
        Due::of(rules, text, &about, hash, known)
    });
    let (mut some, mut bytes) = (Vec::new(), 0);
    for next in due {
        if some.len() == TEXTS || (!some.is_empty() && bytes + next.text.size_bytes > BYTES) {
            hold(engine, rules, std::mem::take(&mut some)).await?;
            bytes = 0;
        }
        bytes += next.text.size_bytes;
        some.push(next);
    }
    if !some.is_empty() {
        hold(engine, rules, some).await?;
    }
    Ok(count)
}

/// Holds texts against the rules and notes what that came to, together.
async fn hold(engine: &Engine, rules: &Rules, due: Vec<Due>) -> Result<()> {
    // A text that is asked nothing new is not read: no rule is about it, or one less.
    let mut wanted: Vec<String> =
        due.iter().filter(|due| due.must_read()).map(|due| due.text.text_sha256.clone()).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let packed = text_list(&engine.db, &wanted).await?;
    let (rules, at) = (Arc::clone(rules), now());
    let checked = off_runtime("holding texts against rules", move || {
        let mut texts: HashMap<String, String> = HashMap::with_capacity(packed.len());
        for (sha256, packed) in packed {
            match unpack(&packed) {
                Ok(text) => {
                    texts.insert(sha256, text);
                }
                // What is damaged keeps no other text from being checked.
                Err(error) => {
                    tracing::warn!(text = %sha256, %error, "the text {sha256} cannot be read and is not checked");
                }
            }
        }
        let read =
            due.into_iter().filter(|due| !due.must_read() || texts.contains_key(&due.text.text_sha256));
        let answer = |due: Due| {
            let text = texts.get(&due.text.text_sha256).map_or("", String::as_str);
            due.answer(&rules, text, at)
        };
        Ok(read.map(answer).collect::<Vec<Checked>>())
    })
    .await?;
    let mut tx = engine.db.write().await?;
    rule_result_save_in_txn(&mut tx, &checked).await?;
    tx.commit().await?;
    let results = checked.iter().flat_map(|checked| &checked.changed);
    tell_of_newly_broken(
        engine,
        results.filter(|it| it.newly && it.since == at).map(|it| it.rule_id).collect(),
    );
    Ok(())
}

/// A rule that a device kept is broken: who wants to hear of that looks into [`super::newly_broken`].
fn tell_of_newly_broken(engine: &Engine, mut rules: Vec<RuleId>) {
    rules.sort_unstable();
    rules.dedup();
    for rule in rules {
        engine.events.send(Topic::Rules, rule.0);
    }
}
