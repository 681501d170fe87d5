//! Devices: those that are not here are added, those that are stay as they are.

use std::collections::{BTreeMap, HashSet};

use etiqa_model::DeviceId;
use etiqa_model::device::{Device, DeviceInput, DeviceStatus, DeviceType, NewDevice};
use etiqa_model::scope::Scope;

use super::record::Record;
use super::source::{Kind, Source};
use super::{DjangoOptions, DjangoReport};
use crate::audit::{Act, Changes, action, record_all_in_txn};
use crate::engine::Engine;
use crate::error::Result;
use crate::inventory::MEASURED;
use crate::store::device::{device_list_by_address_in_txn, device_list_by_name};
use crate::store::device_fact::device_fact_fetch;
use crate::store::device_write::{DeviceRow, device_insert_in_txn};
use crate::time::now;

/// Devices that are looked up, and added, together.
const BATCH: usize = 200;
/// No description here is longer.
const LONGEST_DESCRIPTION: usize = 2_000;

/// A device of the Django edition, and which one it is here.
#[derive(Debug)]
pub(super) struct Brought {
    /// Its number there.
    pub(super) key: String,
    /// Its address and its name there.
    pub(super) names: [String; 2],
    /// What it is called here.
    pub(super) hostname: String,
    /// Which one it is here; none where nothing is written and it would be new.
    pub(super) id: Option<DeviceId>,
    /// The platform that it certainly has: its texts are masked by that platform's rules.
    pub(super) platform: Option<String>,
}

/// Brings all devices; those that could not be are left out, with their texts.
pub(super) async fn bring(
    engine: &Engine,
    source: &mut Source,
    options: &DjangoOptions,
    report: &mut DjangoReport,
) -> Result<Vec<Brought>> {
    let records = source.all(Kind::Device).await?;
    report.devices.found = records.len() as u64;
    let mut seen = HashSet::new();
    let mut read = Vec::with_capacity(records.len());
    for record in records {
        match device_of(&record, options, report) {
            Ok(device) if !seen.insert(device.address.clone()) => {
                report.devices.left_out += 1;
                report.note(format!(
                    "Device {} has the address {} as well, which another one had before: it is left out.",
                    record.key(),
                    device.address
                ));
            }
            Ok(device) => read.push((record, device)),
            Err(why) => {
                report.devices.left_out += 1;
                report.note(format!("Device {} is left out: {why}", record.key()));
            }
        }
    }
    let mut brought = Vec::with_capacity(read.len());
    let mut read = read.into_iter().peekable();
    while read.peek().is_some() {
        let batch: Vec<_> = read.by_ref().take(BATCH).collect();
        brought.extend(bring_batch(engine, batch, options, report).await?);
    }
    for name in source.named_devices() {
        report.devices.found += 1;
        brought.extend(find_named(engine, name, options, report).await?);
    }
    Ok(brought)
}

/// The device here that a configuration names by its address or its name.
async fn find_named(
    engine: &Engine,
    name: String,
    options: &DjangoOptions,
    report: &mut DjangoReport,
) -> Result<Option<Brought>> {
    let mut same = device_list_by_name(&engine.db, &Scope::default(), &name).await?;
    of_site(&mut same, &options.site);
    if same.len() != 1 {
        report.devices.left_out += 1;
        let shown: String = name.chars().take(200).collect();
        report.note(format!(
            "{} devices here have the address or the name \"{shown}\"; its configurations are left out.",
            same.len()
        ));
        return Ok(None);
    }
    let device = same.remove(0);
    report.devices.known += 1;
    Ok(Some(Brought {
        key: name,
        names: [device.address.clone(), device.hostname.clone()],
        platform: platform_of(engine, &device).await?,
        hostname: device.hostname,
        id: Some(device.id),
    }))
}

/// Leaves the devices of a site, where one is named: elsewhere the same address is another device's.
fn of_site(devices: &mut Vec<Device>, site: &str) {
    let site = site.trim();
    devices.retain(|device| site.is_empty() || device.site == site);
}

fn device_of(
    record: &Record,
    options: &DjangoOptions,
    report: &mut DjangoReport,
) -> Result<NewDevice, String> {
    let key = record.key();
    let said = record.text(&["device_type", "type"]).unwrap_or_default();
    let device_type = DeviceType::parse(said).unwrap_or_else(|_| {
        if !said.is_empty() {
            report.note(format!("Device {key}: \"{said}\" is no device type here; it becomes \"other\"."));
        }
        DeviceType::Other
    });
    let status = record.text(&["status"]).unwrap_or_default();
    let status = DeviceStatus::parse(status).unwrap_or_default();
    let description: String = record
        .text(&["description", "notes", "comment"])
        .unwrap_or_default()
        .chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t'))
        .take(LONGEST_DESCRIPTION)
        .collect();
    let address = record.text(&["ip_address", "ip", "address", "host"]).unwrap_or_default();
    let input = DeviceInput {
        address: address.to_owned(),
        hostname: record.text(&["hostname", "name"]).unwrap_or_default().to_owned(),
        device_type: device_type.as_str().to_owned(),
        platform: options.platform_of(device_type).unwrap_or_default().to_owned(),
        site: options.site.clone(),
        description,
        status: status.as_str().to_owned(),
        ..DeviceInput::default()
    };
    input.parse().map_err(|error| error.message)
}

async fn bring_batch(
    engine: &Engine,
    batch: Vec<(Record, NewDevice)>,
    options: &DjangoOptions,
    report: &mut DjangoReport,
) -> Result<Vec<Brought>> {
    let addresses: Vec<String> = batch.iter().map(|(_, device)| device.address.clone()).collect();
    // What only looks lets others write meanwhile.
    let mut tx = if options.dry_run { engine.db.read().await? } else { engine.db.write().await? };
    let mut known: BTreeMap<String, Vec<Device>> = BTreeMap::new();
    for device in device_list_by_address_in_txn(&mut tx, &addresses).await? {
        known.entry(device.address.clone()).or_default().push(device);
    }
    let (mut brought, mut new) = (Vec::new(), Vec::new());
    for (record, device) in batch {
        let mut same = known.remove(&device.address).unwrap_or_default();
        of_site(&mut same, &options.site);
        let names = [
            record.text(&["ip_address", "ip", "address", "host"]).unwrap_or_default().to_owned(),
            record.text(&["hostname", "name"]).unwrap_or_default().to_owned(),
        ];
        let key = record.key().to_owned();
        match same.len() {
            0 => {
                report.devices.new += 1;
                let platform = platform_of_type(engine, device.platform.as_deref(), device.device_type);
                let hostname = device.hostname.clone();
                brought.push(Brought { key, names, hostname, id: None, platform });
                new.push((brought.len() - 1, device));
            }
            1 => {
                let device = same.remove(0);
                report.devices.known += 1;
                brought.push(Brought {
                    key,
                    names,
                    platform: platform_of(engine, &device).await?,
                    hostname: device.hostname,
                    id: Some(device.id),
                });
            }
            several => {
                report.devices.left_out += 1;
                report.note(format!(
                    "{several} devices here have the address {}; nobody can tell which of them device {key} is: it is \
                     left out. With --site NAME it is the one of that site.",
                    device.address
                ));
            }
        }
    }
    if options.dry_run {
        tx.rollback().await?;
        return Ok(brought);
    }
    let rows: Vec<DeviceRow> = new
        .iter()
        .map(|(_, device)| DeviceRow { device: device.clone(), credential_id: None, jump_host_id: None })
        .collect();
    let ids = device_insert_in_txn(&mut tx, &rows, now()).await?;
    let mut acts = Vec::with_capacity(new.len());
    for ((index, device), id) in new.iter().zip(ids) {
        if let Some(brought) = brought.get_mut(*index) {
            brought.id = Some(id);
        }
        let changes = Changes::of_new(device).without(MEASURED);
        acts.push(Act::new(action::DEVICE_ADD).on(id.0, &device.hostname).changing(changes));
    }
    record_all_in_txn(&mut tx, acts).await?;
    tx.commit().await?;
    Ok(brought)
}

/// The platform of a device that is here: the one that a person chose, or that it was recognised as, or its type's.
async fn platform_of(engine: &Engine, device: &Device) -> Result<Option<String>> {
    let recognised = device_fact_fetch(&engine.db, device.id).await?.platform;
    let chosen = device.platform.as_deref().or(recognised.as_deref());
    Ok(platform_of_type(engine, chosen, device.device_type))
}

/// The one that was chosen, or the only one that devices of a type have. A switch or a router may be anybody's.
fn platform_of_type(engine: &Engine, chosen: Option<&str>, device_type: DeviceType) -> Option<String> {
    let is_certain =
        matches!(device_type, DeviceType::CheckPoint | DeviceType::F5BigIp | DeviceType::Infoblox);
    let drivers = engine.drivers.current();
    let driver = if chosen.is_some() || is_certain { drivers.for_device(chosen, device_type) } else { None };
    driver.map(|driver| driver.name().to_owned())
}
