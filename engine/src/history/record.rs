//! From a session's outcome to config versions: a version only where something changed, suspect where it shrank.

use std::sync::Arc;

use etiqa_model::Timestamp;
use etiqa_model::class::Class;
use etiqa_model::config::VersionState;
use etiqa_model::device::{Device, DeviceFacts};

use super::diff;
use super::text::{PackedText, off_runtime, pack, text_read};
use crate::collect::{Driver, Outcome, PartText, compare_text};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::fleet::{Purpose, host_keys_store_in_txn};
use crate::rules::queue_changed_in_txn;
use crate::store::config_version::{
    ComparedVersion, NewVersion, text_insert_in_txn, version_fetch_set_aside, version_insert_in_txn,
    version_list_compared,
};
use crate::store::device_fact::device_fact_save_in_txn;
use crate::store::lease::device_lease_drop_in_txn;
use crate::store::result::{NewResult, result_insert_in_txn};

/// A finished session.
#[derive(Debug, Clone)]
pub struct Session<'a> {
    /// With which device.
    pub device: &'a Device,
    /// By which driver.
    pub driver: &'a Arc<Driver>,
    /// What for.
    pub purpose: Purpose,
    /// The name under which it holds the device's lease.
    pub lease: &'a str,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// What is known of the device now, where that changed.
    pub facts: Option<DeviceFacts>,
}

/// What is to be stored of one part.
struct Decision {
    new: NewVersion,
    text: PackedText,
}

/// Stores a session's outcome in one transaction, which also lets go of the device's lease: its result, its new
/// versions, its host key. Gives the class that the result was stored with; none, and nothing is stored, when
/// somebody else took the device meanwhile. While the lease is held nobody else adds versions to this device.
pub async fn record(engine: &Engine, session: &Session<'_>, mut outcome: Outcome) -> Result<Option<Class>> {
    let mut class = outcome.class;
    let mut message = std::mem::take(&mut outcome.message);
    let mut decisions = Vec::new();
    if class.is_good() {
        let mut changes = Vec::new();
        class = Class::Unchanged;
        let active = version_list_compared(&engine.db, session.device.id).await?;
        for part in &outcome.parts {
            let active = active.iter().find(|known| known.version.part == part.part);
            let (part_class, what, decision) = decide(engine, session, part, active).await?;
            if part_class == Class::Suspect || class == Class::Unchanged {
                class = part_class;
            }
            changes.extend(what);
            decisions.extend(decision);
        }
        if changes.is_empty() {
            changes.push("Nothing changed.".into());
        }
        if !outcome.left_out.is_empty() {
            changes.push(format!("Not given by the device: {}.", outcome.left_out.join(", ")));
        }
        message = changes.join(" ");
    }
    if let Some(note) = outcome.note.take() {
        message = format!("{message} {note}");
    }
    let transcript = outcome
        .transcript
        .take()
        .filter(|_| !outcome.class.is_good())
        .map(|text| pack(&text))
        .transpose()?
        .map(|packed| packed.zstd);
    let result = NewResult {
        device_id: session.device.id,
        run_id: session.purpose.run,
        job_id: session.purpose.job,
        class,
        message,
        size_bytes: outcome.parts.iter().map(|part| part.text.len() as u64).sum(),
        driver: Some(session.driver.name().to_owned()),
        driver_sha256: Some(session.driver.sha256().to_owned()),
        started_at: session.started_at,
        finished_at: session.finished_at,
        reused: false,
        transcript,
    };
    // Devices of one make share texts: in one order, two that are stored at once wait for each other, never both.
    decisions.sort_by(|a, b| a.text.sha256.cmp(&b.text.sha256));
    // They may be large, and the write may have to wait.
    outcome.parts = Vec::new();
    let (device, lease, at) = (session.device.id, session.lease.to_owned(), session.finished_at);
    let facts = session.facts.clone();
    let write = engine.db.write_together(move |tx| {
        Box::pin(async move {
            // First, so that nothing is stored by a session that lost its device.
            if !device_lease_drop_in_txn(tx, device, &lease).await? {
                return Ok(None);
            }
            let mut is_changed = false;
            for Decision { new, text } in decisions {
                text_insert_in_txn(tx, &text.sha256, text.size_bytes, text.zstd).await?;
                version_insert_in_txn(tx, &new).await?;
                is_changed |= new.state == VersionState::Active;
            }
            host_keys_store_in_txn(tx, device, &outcome, at).await?;
            if let Some(facts) = &facts {
                device_fact_save_in_txn(tx, device, facts, at).await?;
            }
            result_insert_in_txn(tx, &result).await?;
            if is_changed {
                queue_changed_in_txn(tx, at).await?;
            }
            Ok(Some(class))
        })
    });
    Ok(write.await?)
}

/// Holds a part's text against its active version: its class, what to say of it, and what to store.
async fn decide(
    engine: &Engine,
    session: &Session<'_>,
    part: &PartText,
    active: Option<&ComparedVersion>,
) -> Result<(Class, Option<String>, Option<Decision>)> {
    let compare_sha256 = &part.compare_sha256;
    if active.is_some_and(|active| active.compare_sha256 == *compare_sha256) {
        return Ok((Class::Unchanged, None, None));
    }
    let before = match active {
        Some(active) => Before::of(engine, active).await?,
        None => Before::Nothing,
    };
    let is_damaged = matches!(before, Before::Damaged);
    let difference = difference(Arc::clone(session.driver), part, before).await?;
    // The driver changed since: what it leaves aside now must not make a version of an old text.
    if difference.is_none() && active.is_some_and(|active| active.driver_sha256 != session.driver.sha256()) {
        return Ok((Class::Unchanged, None, None));
    }
    // A part's first text is never set aside, so there is none to look for before there is an active one.
    let set_aside = match active {
        Some(_) => version_fetch_set_aside(&engine.db, session.device.id, &part.part, compare_sha256).await?,
        None => None,
    };
    if let Some(known) = set_aside {
        let word = if known.state == VersionState::Suspect { "waits for a decision" } else { "was rejected" };
        let message = format!("{} is again the text of version {}, which {word}.", part.part, known.version);
        return Ok((Class::Suspect, Some(message), None));
    }
    let size_bytes = part.text.len() as u64;
    let is_suspect = active.is_some_and(|active| {
        let kept = 100 - session.driver.max_shrink(&part.part);
        size_bytes < active.version.size_bytes * kept / 100
    });
    let (added, removed) = difference.unwrap_or_default();
    let text = packed(part).await?;
    let new = NewVersion {
        device_id: session.device.id,
        part: part.part.clone(),
        state: if is_suspect { VersionState::Suspect } else { VersionState::Active },
        text_sha256: text.sha256.clone(),
        compare_sha256: compare_sha256.clone(),
        size_bytes,
        lines: lines(&part.text),
        added,
        removed,
        collected_at: session.finished_at,
        run_id: session.purpose.run,
        driver: session.driver.name().to_owned(),
        driver_sha256: session.driver.sha256().to_owned(),
    };
    let message = match active {
        Some(active) if is_suspect => format!(
            "{} shrank from {} to {} bytes; version {} stays active.",
            part.part, active.version.size_bytes, size_bytes, active.version.version
        ),
        Some(active) if is_damaged => format!(
            "{}: the stored text of version {} is damaged; it is stored anew.",
            part.part, active.version.version
        ),
        Some(_) => format!("{} changed: +{added} −{removed} lines.", part.part),
        None => format!("{}: first version, {} lines.", part.part, new.lines),
    };
    let class = if is_suspect { Class::Suspect } else { Class::Ok };
    Ok((class, Some(message), Some(Decision { new, text })))
}

/// What a part's text is held against.
enum Before {
    /// It is the part's first one.
    Nothing,
    /// The stored text of the active version is gone or cannot be unpacked: the new one takes its place.
    Damaged,
    /// The text of the active version.
    Text(String),
}

impl Before {
    async fn of(engine: &Engine, active: &ComparedVersion) -> Result<Self> {
        match text_read(&engine.db, &active.version.sha256).await {
            Ok(text) => Ok(Self::Text(text)),
            Err(Error::Db(error)) => Err(error.into()),
            Err(error) => {
                tracing::error!(version = %active.version.id, %error, "the text of version {} is damaged", active.version.id);
                Ok(Self::Damaged)
            }
        }
    }
}

/// How many lines a part's text has; the last one is ended as the others are.
fn lines(text: &str) -> u32 {
    let ends = text.bytes().filter(|byte| *byte == b'\n').count();
    u32::try_from(ends).unwrap_or(u32::MAX)
}

/// Lines added and removed, but for what is volatile; none where nothing else differs. Long texts are compared off the
/// runtime's threads.
async fn difference(driver: Arc<Driver>, new: &PartText, before: Before) -> Result<Option<(u32, u32)>> {
    let Before::Text(old) = before else { return Ok(Some((lines(&new.text), 0))) };
    let (part, new) = (new.part.clone(), new.text.clone());
    off_runtime("comparing two texts", move || {
        let compared = |text| compare_text(&driver, &part, text);
        let (old, new) = (compared(&old), compared(&new));
        Ok((old != new).then(|| diff::count(&old, &new)))
    })
    .await
}

/// A part's text as it is stored.
async fn packed(part: &PartText) -> Result<PackedText> {
    let text = part.text.clone();
    off_runtime("compressing a text", move || pack(&text)).await
}
