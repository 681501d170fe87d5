//! Versions: each keeps its number, its time, and whether it is the active one.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use etiqa_model::config::VersionState;
use etiqa_model::{DeviceId, Timestamp};
use tokio::task::spawn_blocking;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::devices::Brought;
use super::record::Record;
use super::source::Source;
use super::{DjangoOptions, DjangoReport};
use crate::audit::{Act, action, record_in_txn};
use crate::collect::{Driver, compare_text};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::hex::{sha256_hex, to_hex};
use crate::history::{PackedText, diff, pack};
use crate::lease::{self, LEASE};
use crate::rules::queue_changed_in_txn;
use crate::store::brought::{
    BroughtVersion, KnownVersion, version_bring_in_txn, version_list_known_in_txn, version_retire_in_txn,
};
use crate::store::config_version::text_insert_in_txn;
use crate::store::lease::{device_lease_drop, device_lease_extend, device_lease_take};
use crate::time::now;

/// The columns of a configuration that may name its device.
pub(super) const DEVICE: &[&str] = &["device_id", "device", "network_device_id", "network_device"];
const TEXT: &[&str] =
    &["config_data", "configuration", "config_text", "config_content", "config", "content", "data"];
const NUMBER: &[&str] = &["version", "version_number"];
const ACTIVE: &[&str] = &["is_active", "active"];
const TAKEN: &[&str] =
    &["created_at", "timestamp", "collected_at", "backup_date", "created", "date", "updated_at"];
const PART: &[&str] = &["config_type", "part"];

/// What took a text of which nobody knows the platform: no driver, so that nobody who must not see secrets sees it at all.
const NO_DRIVER: &str = "imported";

/// A version as the Django edition has it.
#[derive(Debug, Clone)]
struct Version {
    number: u32,
    is_active: bool,
    at: Timestamp,
    text: String,
}

/// A device that nobody collects meanwhile: a version that came between would have a number of theirs.
struct Lease {
    device: DeviceId,
    owner: String,
    renewed: DropGuard,
}

impl Lease {
    /// None: somebody else has the device.
    async fn take(engine: &Engine, device: DeviceId) -> Result<Option<Self>> {
        let mut unique = [0_u8; 8];
        rand::fill(&mut unique);
        // It begins with the process's name, as those of sessions do.
        let owner = format!("{}/{}", engine.owner, to_hex(&unique));
        let at = now();
        if !device_lease_take(&engine.db, device, &owner, at, at.plus(LEASE)).await? {
            return Ok(None);
        }
        let renewing = (engine.db.clone(), owner.clone());
        let renewed = lease::keep(format!("device {device}"), CancellationToken::new(), move |until| {
            let (db, owner) = renewing.clone();
            async move { device_lease_extend(&db, device, &owner, until).await }
        });
        Ok(Some(Self { device, owner, renewed }))
    }

    async fn end(self, engine: &Engine) -> Result<()> {
        let Self { device, owner, renewed } = self;
        drop(renewed);
        Ok(device_lease_drop(&engine.db, device, &owner).await?)
    }
}

/// Brings the versions of one device, each part in one transaction.
pub(super) async fn bring(
    engine: &Engine,
    source: &mut Source,
    device: &Brought,
    options: &DjangoOptions,
    report: &mut DjangoReport,
) -> Result<()> {
    let names: Vec<&str> = device.names.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
    let records = source.configs_of(&device.key, &names).await?;
    report.versions.found += records.len() as u64;
    let parts = parts_of(records, device, options, report);
    if parts.is_empty() {
        return Ok(());
    }
    let Some(id) = device.id.filter(|_| !options.dry_run) else {
        return bring_parts(engine, device, parts, options, report).await;
    };
    let Some(lease) = Lease::take(engine, id).await? else {
        report.versions.left_out += parts.values().map(|versions| versions.len() as u64).sum::<u64>();
        report.note(format!(
            "{} is being collected just now: its versions are left out. Run this again in a moment.",
            device.hostname
        ));
        return Ok(());
    };
    let brought = bring_parts(engine, device, parts, options, report).await;
    lease.end(engine).await?;
    brought
}

async fn bring_parts(
    engine: &Engine,
    device: &Brought,
    parts: BTreeMap<String, Vec<Version>>,
    options: &DjangoOptions,
    report: &mut DjangoReport,
) -> Result<()> {
    let driver = device.platform.as_deref().and_then(|name| engine.drivers.current().get(name));
    for (part, versions) in parts {
        bring_part(engine, device, &part, versions, driver.clone(), options, report).await?;
    }
    Ok(())
}

/// The versions by part, each with a number of its own, in the order of the numbers.
fn parts_of(
    records: Vec<Record>,
    device: &Brought,
    options: &DjangoOptions,
    report: &mut DjangoReport,
) -> BTreeMap<String, Vec<Version>> {
    let mut parts: BTreeMap<String, Vec<(Option<u32>, Version)>> = BTreeMap::new();
    for record in records {
        let (text, at) = (record.text(TEXT), record.time(TAKEN, &options.time_zone));
        let (Some(text), Some(at)) = (text, at) else {
            let lacks = if text.is_none() { "no text" } else { "no time" };
            report.versions.left_out += 1;
            report.note(format!(
                "{}: configuration {} has {lacks} and is left out.",
                device.hostname,
                record.key()
            ));
            continue;
        };
        let part = match record.text(PART).unwrap_or_default().to_lowercase() {
            said if said.starts_with("running") => "running".to_owned(),
            said if said.starts_with("startup") => "startup".to_owned(),
            _ => options.part().to_owned(),
        };
        let number = record.number::<u32>(NUMBER).filter(|number| *number > 0);
        // Most schemas have the flag; without it the newest one is the active one.
        let is_active = record.flag(ACTIVE).unwrap_or(false);
        parts
            .entry(part)
            .or_default()
            .push((number, Version { number: 0, is_active, at, text: lines_of(text) }));
    }
    parts
        .into_iter()
        .map(|(part, versions)| {
            let versions = numbered(versions, &part, device, report);
            (part, versions)
        })
        .collect()
}

/// Gives every version its number, and leaves one of them active.
fn numbered(
    mut versions: Vec<(Option<u32>, Version)>,
    part: &str,
    device: &Brought,
    report: &mut DjangoReport,
) -> Vec<Version> {
    let different: HashSet<u32> = versions.iter().filter_map(|(number, _)| *number).collect();
    if different.len() == versions.len() {
        versions.sort_by_key(|(number, version)| (*number, version.at));
    } else {
        // In the order of their times, which stays the same however often this is run.
        versions.sort_by_key(|(_, version)| version.at);
        report.note(format!(
            "{}: its versions of {part} have no numbers of their own; they are numbered by their times.",
            device.hostname
        ));
        for (index, (number, _)) in versions.iter_mut().enumerate() {
            *number = u32::try_from(index + 1).ok();
        }
    }
    let mut versions: Vec<Version> = versions
        .into_iter()
        .map(|(number, version)| Version { number: number.unwrap_or(u32::MAX), ..version })
        .collect();
    let actives = versions.iter().filter(|version| version.is_active).count();
    if actives != 1 {
        let last = versions.len() - 1;
        let active = versions.iter().rposition(|version| version.is_active).unwrap_or(last);
        report.note(format!(
            "{}: {actives} versions of {part} are active there; here it is version {}.",
            device.hostname, versions[active].number
        ));
        for (index, version) in versions.iter_mut().enumerate() {
            version.is_active = index == active;
        }
    }
    versions
}

/// A text as it is kept here: lines end with a line feed, the last one too. PostgreSQL takes no NUL.
fn lines_of(text: &str) -> String {
    let mut text = text.replace("\r\n", "\n").replace('\r', "\n").replace('\0', "");
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

async fn bring_part(
    engine: &Engine,
    device: &Brought,
    part: &str,
    versions: Vec<Version>,
    driver: Option<Arc<Driver>>,
    options: &DjangoOptions,
    report: &mut DjangoReport,
) -> Result<()> {
    let Some(id) = device.id else {
        report.versions.new += versions.len() as u64;
        return Ok(());
    };
    let mut tx = engine.db.read().await?;
    let known = version_list_known_in_txn(&mut tx, id, part).await?;
    tx.rollback().await?;
    let new = not_known(versions, &known, (part, device), report);
    if new.is_empty() || options.dry_run {
        report.versions.new += new.iter().filter(|wanted| wanted.is_new).count() as u64;
        return Ok(());
    }
    let prepared = prepare(id, part.to_owned(), driver, new).await?;
    let count = prepared.len() as u64;
    let mut tx = engine.db.write().await?;
    if version_list_known_in_txn(&mut tx, id, part).await? != known {
        tx.rollback().await?;
        report.versions.left_out += count;
        report.note(format!(
            "{}: its versions of {part} changed just now: {count} are left out. Run this again.",
            device.hostname
        ));
        return Ok(());
    }
    let is_changed = prepared.iter().any(|(version, _)| version.state == VersionState::Active);
    if is_changed {
        version_retire_in_txn(&mut tx, id, part).await?;
    }
    let (versions, mut texts): (Vec<BroughtVersion>, Vec<PackedText>) = prepared.into_iter().unzip();
    // In one order, so that two who store the same texts wait for each other, never both.
    texts.sort_unstable_by(|one, other| one.sha256.cmp(&other.sha256));
    for text in texts {
        text_insert_in_txn(&mut tx, &text.sha256, text.size_bytes, text.zstd).await?;
    }
    for version in versions {
        version_bring_in_txn(&mut tx, &version).await?;
    }
    if is_changed {
        queue_changed_in_txn(&mut tx, now()).await?;
    }
    let words = format!("{count} versions of {part} from the Django edition.");
    record_in_txn(&mut tx, Act::new(action::INSTANCE_IMPORT).on(id.0, &device.hostname).saying(words))
        .await?;
    tx.commit().await?;
    report.versions.new += count;
    Ok(())
}

/// A version, and whether it is to be stored; one that is here only tells what the next one changed.
#[derive(Debug)]
struct Wanted {
    version: Version,
    is_new: bool,
}

/// The versions that are not here. Where a part has versions of its own, none: theirs are the numbers.
fn not_known(
    versions: Vec<Version>,
    known: &[KnownVersion],
    (part, device): (&str, &Brought),
    report: &mut DjangoReport,
) -> Vec<Wanted> {
    let has_own = known.iter().any(|known| !known.is_brought);
    let by_number: HashMap<u32, &KnownVersion> = known.iter().map(|known| (known.number, known)).collect();
    let (mut wanted, mut others, mut waiting) = (Vec::new(), 0_u64, 0_u64);
    for version in versions {
        let is_new = match by_number.get(&version.number) {
            Some(known) if known.sha256 == sha256_hex(version.text.as_bytes()) => {
                report.versions.known += 1;
                false
            }
            Some(_) => {
                others += 1;
                continue;
            }
            None if has_own => {
                waiting += 1;
                continue;
            }
            None => true,
        };
        wanted.push(Wanted { version, is_new });
    }
    report.versions.left_out += others + waiting;
    if others > 0 {
        report.note(format!(
            "{}: {others} versions of {part} are other texts here; these stay, those are left out.",
            device.hostname
        ));
    }
    if waiting > 0 {
        report.note(format!(
            "{}: {part} has versions of its own here; {waiting} of the Django edition are left out. With --part NAME they \
             become versions of another part.",
            device.hostname
        ));
    }
    if !wanted.iter().any(|wanted| wanted.is_new) {
        wanted.clear();
    }
    wanted
}

/// Compresses and compares, off the runtime's threads.
async fn prepare(
    device: DeviceId,
    part: String,
    driver: Option<Arc<Driver>>,
    wanted: Vec<Wanted>,
) -> Result<Vec<(BroughtVersion, PackedText)>> {
    let prepared = spawn_blocking(move || -> Result<Vec<(BroughtVersion, PackedText)>> {
        let mut prepared = Vec::with_capacity(wanted.len());
        let mut before: Option<String> = None;
        for Wanted { version, is_new } in wanted {
            if is_new {
                let text = &version.text;
                let lines =
                    u32::try_from(text.bytes().filter(|byte| *byte == b'\n').count()).unwrap_or(u32::MAX);
                let (added, removed) = before.as_ref().map_or((lines, 0), |before| diff::count(before, text));
                let compared = driver.as_ref().map(|driver| compare_text(driver, &part, text));
                let packed = pack(text)?;
                let stored = BroughtVersion {
                    device_id: device,
                    part: part.clone(),
                    number: version.number,
                    state: if version.is_active { VersionState::Active } else { VersionState::Inactive },
                    text_sha256: packed.sha256.clone(),
                    compare_sha256: compared
                        .map_or_else(|| packed.sha256.clone(), |compared| sha256_hex(compared.as_bytes())),
                    size_bytes: packed.size_bytes,
                    lines,
                    added,
                    removed,
                    collected_at: version.at,
                    driver: driver.as_ref().map_or(NO_DRIVER, |driver| driver.name()).to_owned(),
                };
                prepared.push((stored, packed));
            }
            before = Some(version.text);
        }
        Ok(prepared)
    });
    prepared.await.map_err(|error| Error::io("preparing texts")(std::io::Error::other(error)))?
}
