//! `router.db`, the list of devices of Oxidized and of RANCID: read line by line, mapped, and imported as a file of devices is.
//!
//! What cannot be mapped is said per line and costs nothing: a device whose model means nothing here is imported without a
//! platform, and recognised at its first session.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use etiqa_model::credential::NewSecrets;
use etiqa_model::device::{Device, DeviceInput};
use etiqa_model::import::{ImportReport, PreviewRow, RowError};
use etiqa_model::{DeviceId, UserError};
use serde::Serialize;
use serde_json::{Map, Value};

use super::apply::{ImportOptions, import_showing};
use super::platforms::{kind_of_platform, platform_named};
use crate::engine::Engine;
use crate::error::Result;
use crate::inventory;
use crate::store::device::device_list_by_address_in_txn;

mod logins;
mod oxidized;
mod rancid;
#[cfg(test)]
mod tests;

pub use oxidized::{Oxidized, OxidizedColumns};
pub use rancid::Rancid;

/// Addresses in one query.
const LOOKED_UP_AT_ONCE: usize = 500;

/// What other names mean here: `cisco` is `ios`, the group `vie` is the site `vienna`.
pub type Names = BTreeMap<String, String>;

/// Reads `cisco=ios,arista=eos`; the error is a sentence.
pub fn names(what: &str, text: &str) -> Result<Names, String> {
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let pair = |pair: &str| match pair.split_once('=') {
        Some((theirs, ours)) if !theirs.trim().is_empty() && !ours.trim().is_empty() => {
            Ok((theirs.trim().to_lowercase(), ours.trim().to_owned()))
        }
        _ => Err(format!("{what} takes pairs such as cisco=ios, with commas between; \"{pair}\" is none.")),
    };
    pairs.map(pair).collect()
}

/// How a `router.db` is imported.
#[derive(Debug, Clone, Default)]
pub struct RouterDbOptions {
    /// Known devices are changed to what the file says; otherwise they are skipped.
    pub update: bool,
    /// Nothing is written.
    pub dry_run: bool,
    /// The site of devices that name none; `default` where it is empty.
    pub site: String,
    /// Logins of the file become credentials.
    pub with_credentials: bool,
}

/// What an import of a `router.db` did, or would do.
#[derive(Debug, Clone, Default, Serialize)]
pub struct RouterDbReport {
    /// What became of the rows; errors have the lines of the file.
    pub report: ImportReport,
    /// The first rows that were, or would be, written.
    pub rows: Vec<PreviewRow>,
    /// What of a line means nothing here.
    pub notes: Vec<RowError>,
    /// Names of credentials that were, or would be, added.
    pub credentials: Vec<String>,
    /// New devices that were, or would be, disabled: the file says that they are down.
    pub disabled: u64,
}

/// A device as a line of a `router.db` tells it, in our words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    /// The line, from 1.
    pub line: u64,
    /// The device; what is empty is not said.
    pub device: DeviceInput,
    /// Its login, where the file has one.
    pub login: Option<ListedLogin>,
    /// It is not to be collected.
    pub is_down: bool,
    /// What means nothing here.
    pub notes: Vec<String>,
}

/// A login of a file. It has no `Debug` that shows a secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListedLogin {
    /// The login name.
    pub username: String,
    /// Password and enable password.
    pub secrets: NewSecrets,
}

/// Sets the platform and the type that another program's name means; notes where it means none.
fn set_platform(listed: &mut Listed, what: &str, name: &str, own: &Names) {
    let name = name.trim();
    let platform = own.get(&name.to_lowercase()).cloned();
    match platform.or_else(|| platform_named(name).map(|(platform, _)| platform.to_owned())) {
        Some(platform) => {
            kind_of_platform(&platform).as_str().clone_into(&mut listed.device.device_type);
            listed.device.platform = platform;
        }
        None if name.is_empty() => {}
        None => listed.notes.push(format!(
            "The {what} \"{name}\" is no platform here; the device is recognised at its first session."
        )),
    }
}

/// Lines that say something, with their numbers from 1: neither blank ones nor comments.
fn lines(text: &str) -> impl Iterator<Item = (u64, &str)> {
    let numbered = text.lines().enumerate().map(|(index, line)| (index as u64 + 1, line.trim_end()));
    numbered.filter(|(_, line)| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
}

/// The text of a file; the error is a sentence.
fn text_of(content: &[u8]) -> Result<String, UserError> {
    if content.contains(&0) {
        return Err(UserError::invalid("The file is not text; name a router.db."));
    }
    let text = String::from_utf8_lossy(content);
    Ok(text.trim_start_matches('\u{feff}').to_owned())
}

/// Imports what a file lists; a bad line never stops the good ones.
async fn import(engine: &Engine, listed: Vec<Listed>, options: &RouterDbOptions) -> Result<RouterDbReport> {
    if listed.is_empty() {
        let message = "There is no device in the file: every line is blank or a comment.";
        return Err(UserError::invalid(message).into());
    }
    let mut report = RouterDbReport::default();
    let (mut listed, doubled) = without_doubles(listed, &options.site);
    let down: Vec<Place> = listed.iter().filter(|row| row.is_down).filter_map(place_of).collect();
    let before = devices_at(engine, &down).await?;
    report.credentials = logins::bring(engine, &mut listed, options, &mut report.notes).await?;
    let import = ImportOptions { update: options.update, dry_run: options.dry_run };
    let (rows, shown) = import_showing(engine, &as_json(&listed), import).await?;
    report.report = with_lines(rows, &listed, doubled);
    report.rows = shown;
    for row in &mut report.rows {
        row.line = line_of(&listed, row.line);
    }
    for row in listed {
        report.notes.extend(row.notes.into_iter().map(|reason| RowError { line: row.line, reason }));
    }
    report.notes.sort_by_key(|note| note.line);
    let taken: HashSet<Place> = before.iter().flat_map(places_of).collect();
    let new: HashSet<Place> = down.into_iter().filter(|place| !taken.contains(place)).collect();
    let before: HashSet<DeviceId> = before.into_iter().map(|device| device.id).collect();
    report.disabled = if options.dry_run { new.len() as u64 } else { disable(engine, &new, &before).await? };
    Ok(report)
}

/// The address as it is stored; none where it is none.
fn address_of(device: &DeviceInput) -> Option<String> {
    let only = DeviceInput { address: device.address.clone(), ..DeviceInput::default() };
    only.parse().ok().map(|device| device.address)
}

/// Address and site of a device; of a row that names no site an empty one, since it is of any.
type Place = (String, String);

/// Where the device of a row is; none where it is no address.
fn place_of(row: &Listed) -> Option<Place> {
    let DeviceInput { address, site, .. } = &row.device;
    let only = DeviceInput { address: address.clone(), site: site.clone(), ..DeviceInput::default() };
    let device = only.parse().ok()?;
    Some((device.address, if site.trim().is_empty() { String::new() } else { device.site }))
}

/// What rows may say of where a device is.
fn places_of(device: &Device) -> [Place; 2] {
    [(device.address.clone(), device.site.clone()), (device.address.clone(), String::new())]
}

/// The rows with their sites, and those that are in the file twice.
fn without_doubles(listed: Vec<Listed>, site: &str) -> (Vec<Listed>, Vec<RowError>) {
    let mut seen: HashMap<(String, String, String), u64> = HashMap::new();
    let (mut once, mut doubled) = (Vec::with_capacity(listed.len()), Vec::new());
    for mut row in listed {
        if row.device.site.is_empty() {
            site.clone_into(&mut row.device.site);
        }
        let address = address_of(&row.device).unwrap_or_else(|| row.device.address.clone());
        let identity = (address, row.device.port.clone(), row.device.site.clone());
        match seen.get(&identity) {
            Some(first) => {
                let reason = format!("The device {} is in line {first} already.", row.device.address);
                doubled.push(RowError { line: row.line, reason });
            }
            None => {
                seen.insert(identity, row.line);
                once.push(row);
            }
        }
    }
    (once, doubled)
}

/// The rows as a file of devices.
fn as_json(listed: &[Listed]) -> Vec<u8> {
    let rows = listed.iter().map(|row| {
        let DeviceInput { address, hostname, device_type, platform, .. } = &row.device;
        let DeviceInput { port, transport, credential, site, description, .. } = &row.device;
        let fields = [
            ("ip", address),
            ("hostname", hostname),
            ("device_type", device_type),
            ("platform", platform),
            ("port", port),
            ("transport", transport),
            ("credential", credential),
            ("site", site),
            ("description", description),
        ];
        let said = fields.into_iter().filter(|(name, value)| *name == "ip" || !value.is_empty());
        let object = said.map(|(name, value)| (name.to_owned(), Value::String(value.clone())));
        Value::Object(object.collect::<Map<_, _>>())
    });
    Value::Array(rows.collect()).to_string().into_bytes()
}

/// The line of the element of this number.
fn line_of(listed: &[Listed], element: u64) -> u64 {
    let index = usize::try_from(element.saturating_sub(1)).unwrap_or(usize::MAX);
    listed.get(index).map_or(element, |row| row.line)
}

/// The report with the lines of the file, and with those rows that were in it twice.
fn with_lines(mut report: ImportReport, listed: &[Listed], doubled: Vec<RowError>) -> ImportReport {
    for error in &mut report.errors {
        error.line = line_of(listed, error.line);
    }
    report.rows += doubled.len() as u64;
    report.failed += doubled.len() as u64;
    report.errors.extend(doubled);
    report.errors.sort_by_key(|error| error.line);
    report
}

/// The devices at the addresses of these places, of whatever site.
async fn devices_at<'p>(engine: &Engine, places: impl IntoIterator<Item = &'p Place>) -> Result<Vec<Device>> {
    let addresses: BTreeSet<&String> = places.into_iter().map(|(address, _)| address).collect();
    let addresses: Vec<String> = addresses.into_iter().cloned().collect();
    let mut found = Vec::new();
    let mut tx = engine.db.read().await?;
    for some in addresses.chunks(LOOKED_UP_AT_ONCE) {
        found.extend(device_list_by_address_in_txn(&mut tx, some).await?);
    }
    tx.rollback().await?;
    Ok(found)
}

/// Disables the devices of these places, which were just added: none that was there before.
async fn disable(engine: &Engine, places: &HashSet<Place>, before: &HashSet<DeviceId>) -> Result<u64> {
    let mut found = devices_at(engine, places).await?;
    found.retain(|device| {
        !before.contains(&device.id) && places_of(device).iter().any(|place| places.contains(place))
    });
    for device in &found {
        inventory::set_enabled(engine, device.id, false).await?;
    }
    Ok(found.len() as u64)
}
