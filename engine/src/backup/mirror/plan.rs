//! What the next commit holds: every device with its folder and its parts, and which texts are to be written.
//!
//! A folder is a device's own for as long as its host name stays, whoever comes or goes beside it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use etiqa_model::config::ConfigVersion;
use etiqa_model::device::Device;
use etiqa_model::{DeviceId, Timestamp};

use super::super::archive::names::{UniqueNames, safe_name};
use super::Texts;
use super::listing::{ENDING, Entry, FILE, Listing, Part};
use crate::collect::{Driver, DriverSet};
use crate::engine::Engine;
use crate::error::Result;
use crate::store::config_version::{activation_list_devices_after, version_list_active, version_list_as_of};
use crate::store::device::device_list_of;

/// The next commit against the last one.
pub(super) struct Plan {
    /// By id.
    pub(super) devices: Vec<Planned>,
    /// Those of the last commit that are gone.
    pub(super) removed: Vec<Entry>,
}

/// A device of the next commit.
pub(super) struct Planned {
    pub(super) entry: Entry,
    /// What the last commit said of it.
    pub(super) was: Option<Entry>,
    /// Its texts that are to be written, in the order of its parts.
    pub(super) fresh: Vec<Fresh>,
}

/// A text that the last commit does not have.
#[derive(Clone)]
pub(super) struct Fresh {
    /// Which of the device's parts.
    pub(super) part: usize,
    pub(super) sha256: String,
    /// Whose rules mask it; none: it is written whole.
    pub(super) mask: Option<Arc<Driver>>,
}

impl Plan {
    pub(super) fn changes_anything(&self) -> bool {
        let is_changed = |planned: &Planned| planned.was.as_ref() != Some(&planned.entry);
        !self.removed.is_empty() || self.devices.iter().any(is_changed)
    }

    /// Every text that is to be written, in order.
    pub(super) fn fresh(&self) -> Vec<Fresh> {
        self.devices.iter().flat_map(|planned| planned.fresh.iter().cloned()).collect()
    }

    pub(super) fn listing(&self) -> Listing {
        Listing::new(self.devices.iter().map(|planned| planned.entry.clone()).collect())
    }
}

/// Plans the commit after one with `last` as its listing; `covered` are the devices to bring up to date: to what was active
/// at the time `at`, or to what is active now.
pub(super) async fn plan(
    engine: &Engine,
    last: Option<&Listing>,
    mut covered: Vec<Device>,
    texts: Texts,
    at: Option<Timestamp>,
) -> Result<Plan> {
    let last = last.map_or(&[][..], |last| &last.devices);
    let known: HashMap<DeviceId, &Entry> = last.iter().map(|entry| (entry.id, entry)).collect();
    let covered_ids: HashSet<DeviceId> = covered.iter().map(|device| device.id).collect();
    let others: Vec<DeviceId> =
        last.iter().map(|entry| entry.id).filter(|id| !covered_ids.contains(id)).collect();
    let others = device_list_of(&engine.db, &others).await?;
    // They stay as they are, unless their texts are not masked as they should be now.
    let (others, otherwise): (Vec<Device>, Vec<Device>) = others
        .into_iter()
        .partition(|device| known.get(&device.id).is_some_and(|was| is_masked_for(was, texts)));
    covered.extend(otherwise);
    let others: HashSet<DeviceId> = others.iter().map(|device| device.id).collect();

    let mut folders = UniqueNames::default();
    folders.take(FILE);
    let mut devices = Vec::with_capacity(covered.len() + others.len());
    // First those who keep their folder, so that nobody takes it from them.
    for entry in last.iter().filter(|entry| others.contains(&entry.id)) {
        folders.take(&entry.folder);
        devices.push(Planned { entry: entry.clone(), was: Some(entry.clone()), fresh: Vec::new() });
    }
    for device in &covered {
        if let Some(was) = known.get(&device.id).filter(|was| keeps_folder(was, device)) {
            folders.take(&was.folder);
        }
    }
    let drivers = engine.drivers.current();
    let moment = match at {
        Some(at) => Some((at, activation_list_devices_after(&engine.db, at).await?)),
        None => None,
    };
    // Among those that come in one run, the device that was there first gets the plain name.
    covered.sort_by_key(|device| device.id);
    for device in covered {
        let versions = versions_of(engine, device.id, moment.as_ref()).await?;
        let was = known.get(&device.id).copied();
        let (parts, fresh) = parts(&device, &versions, was, texts, &drivers);
        if parts.is_empty() {
            continue;
        }
        let folder = match was.filter(|was| keeps_folder(was, &device)) {
            Some(was) => was.folder.clone(),
            None => folders.take(&safe_name(&device.hostname)),
        };
        let entry = Entry {
            id: device.id,
            folder,
            hostname: device.hostname,
            address: device.address,
            site: device.site,
            kind: device.device_type.as_str().to_owned(),
            platform: device.platform,
            parts,
        };
        devices.push(Planned { entry, was: was.cloned(), fresh });
    }
    devices.sort_by_key(|planned| planned.entry.id);
    let stay: HashSet<DeviceId> = devices.iter().map(|planned| planned.entry.id).collect();
    let removed = last.iter().filter(|entry| !stay.contains(&entry.id)).cloned().collect();
    Ok(Plan { devices, removed })
}

/// The versions of a device that were active at a moment, which comes with the devices that somebody decided about since.
/// Mostly they still are.
async fn versions_of(
    engine: &Engine,
    device: DeviceId,
    moment: Option<&(Timestamp, HashSet<DeviceId>)>,
) -> Result<Vec<ConfigVersion>> {
    let active = version_list_active(&engine.db, device).await?;
    match moment {
        Some((at, decided))
            if decided.contains(&device) || active.iter().any(|version| version.collected_at > *at) =>
        {
            Ok(version_list_as_of(&engine.db, device, *at).await?)
        }
        _ => Ok(active),
    }
}

/// Whether a mirror of such texts has what the last commit holds of a device.
fn is_masked_for(was: &Entry, texts: Texts) -> bool {
    was.parts.iter().all(|part| part.masked_by.is_some() == (texts == Texts::Redacted))
}

/// Whether a device's folder is still named after it.
fn keeps_folder(was: &Entry, device: &Device) -> bool {
    safe_name(&was.hostname) == safe_name(&device.hostname)
}

/// The parts of a device, and those whose texts are to be written.
fn parts(
    device: &Device,
    versions: &[ConfigVersion],
    was: Option<&Entry>,
    texts: Texts,
    drivers: &DriverSet,
) -> (Vec<Part>, Vec<Fresh>) {
    let known = |part: &str| was.and_then(|was| was.parts.iter().find(|known| known.part == part));
    let mut files = UniqueNames::default();
    for known in versions.iter().filter_map(|version| known(&version.part)) {
        files.take(known.file.strip_suffix(ENDING).unwrap_or(&known.file));
    }
    let (mut parts, mut fresh) = (Vec::with_capacity(versions.len()), Vec::new());
    for version in versions {
        let known = known(&version.part);
        let mask = match texts {
            Texts::Whole => None,
            Texts::Redacted => match drivers.get(&version.driver) {
                Some(driver) => Some(driver),
                // A driver that is gone cannot say what is secret: what was masked before stays, and nothing else is written.
                None => {
                    tracing::warn!(
                        device = %device.id, driver = %version.driver,
                        "{} of {} is not mirrored: there is no driver {} to mask it with",
                        version.part, device.hostname, version.driver
                    );
                    parts.extend(known.filter(|known| known.masked_by.is_some()).cloned());
                    continue;
                }
            },
        };
        let masked_by = mask.as_ref().map(|driver| {
            let hash = driver.sha256();
            format!("{} {}", driver.name(), hash.get(..8).unwrap_or(hash))
        });
        let part = Part {
            part: version.part.clone(),
            file: match known {
                Some(known) => known.file.clone(),
                None => files.take(&safe_name(&version.part)) + ENDING,
            },
            version: version.version,
            collected_at: version.collected_at,
            masked_by,
        };
        if known != Some(&part) {
            fresh.push(Fresh { part: parts.len(), sha256: version.sha256.clone(), mask });
        }
        parts.push(part);
    }
    (parts, fresh)
}
