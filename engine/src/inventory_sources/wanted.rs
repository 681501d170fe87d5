//! A list that was taken, as devices: read by the import's reader, with the source's names turned into ours.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use etiqa_model::CredentialId;
use etiqa_model::device::{DEFAULT_SITE, NewDevice};
use etiqa_model::inventory_source::{SourceField, SourceSettings};
use serde_json::Value;

use super::netbox::Listed;
use crate::collect::DriverSet;
use crate::import::parse::{Column, Columns, ParsedRow, parse};
use crate::import::platforms::platform_named;

/// A report says so much and counts the rest.
const MOST_NOTES: usize = 100;
/// Characters of a note, and of a name within one.
const LONGEST_NOTE: usize = 500;
const LONGEST_NAME: usize = 200;

/// Notes something, as far as a report says it: a list of somebody else's may have names of any length.
pub(super) fn add_note(notes: &mut Vec<String>, note: &str) {
    if notes.len() < MOST_NOTES {
        notes.push(cut(note, LONGEST_NOTE));
    }
}

/// A name as a note has it.
pub(super) fn short(name: &str) -> String {
    cut(name, LONGEST_NAME)
}

fn cut(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A device as a source lists it.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// What the source calls it.
    pub(super) key: String,
    /// In which columns it says something.
    pub(super) given: Columns,
    /// The device.
    pub(super) device: NewDevice,
}

/// A list of devices.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Those that can be here.
    pub(super) wanted: Vec<Wanted>,
    /// What the source calls everything that it lists, be it here or not.
    pub(super) present: BTreeSet<String>,
    /// Whether it is known of every row what the source calls it: only then what is not there is gone.
    pub(super) is_whole: bool,
    /// How many it lists.
    pub(super) listed: u64,
    /// How many of them cannot be here.
    pub(super) refused: u64,
    /// Why, and what could not be mapped; sentences.
    pub(super) notes: Vec<String>,
}

impl Listing {
    fn note(&mut self, note: &str) {
        add_note(&mut self.notes, note);
    }
}

/// What names stand for here.
pub(super) struct Names<'a> {
    /// The source's.
    pub(super) settings: &'a SourceSettings,
    /// Known drivers.
    pub(super) drivers: DriverSet,
    /// Known credentials.
    pub(super) credentials: &'a HashMap<String, CredentialId>,
}

/// A CSV or JSON file. A row is called by its address and port, and by its site where others have these as well.
pub(super) fn of_file(bytes: &[u8], names: &Names<'_>) -> Result<Listing, String> {
    let parsed = parse(bytes).map_err(|error| error.to_string())?;
    let mut listing = Listing { is_whole: true, ..Listing::default() };
    for column in &parsed.unknown_columns {
        listing.note(&format!("The column {column} means nothing here and is left out."));
    }
    let rows: Vec<ParsedRow> = parsed.rows.collect();
    let mut times: HashMap<(String, u16), usize> = HashMap::new();
    for device in rows.iter().filter_map(|row| row.device.as_ref().ok()) {
        *times.entry((device.address.clone(), device.port)).or_default() += 1;
    }
    let mut unmapped = BTreeMap::new();
    for ParsedRow { line, given, device } in rows {
        listing.listed += 1;
        let mut device = match device {
            Ok(device) => device,
            Err(why) => {
                // Nobody knows which device this was to be.
                listing.is_whole = false;
                listing.refused += 1;
                listing.note(&format!("Row {line}: {why}"));
                continue;
            }
        };
        let is_once = times.get(&(device.address.clone(), device.port)) == Some(&1);
        let site = if is_once { String::new() } else { format!("|{}", device.site) };
        let key = format!("{}|{}{site}", device.address, device.port);
        if let Some(site) = names.settings.mapped("site", &device.site) {
            site.clone_into(&mut device.site);
        }
        let label = format!("Row {line}");
        take(&mut listing, (key, label), (given, device), names, &mut unmapped);
    }
    finish(&mut listing, unmapped);
    Ok(listing)
}

/// NetBox's list. A device is called by its number there.
pub(super) fn of_netbox(listed: Listed, names: &Names<'_>) -> Result<Listing, String> {
    let Listed { rows, keys, all, notes } = listed;
    let labels: Vec<String> =
        rows.iter().map(|row| row["hostname"].as_str().unwrap_or_default().to_owned()).collect();
    let mut listing = Listing { is_whole: true, listed: all.len() as u64, ..Listing::default() };
    listing.refused = (all.len() - rows.len()) as u64;
    for note in notes {
        listing.note(&note);
    }
    let text = Value::Array(rows).to_string();
    let parsed = parse(text.as_bytes()).map_err(|error| error.to_string())?;
    let mut unmapped = BTreeMap::new();
    for (ParsedRow { given, device, .. }, (key, label)) in parsed.rows.zip(keys.into_iter().zip(labels)) {
        match device {
            Ok(device) => take(&mut listing, (key, label), (given, device), names, &mut unmapped),
            Err(why) => {
                listing.refused += 1;
                listing.note(&format!("{}: {why}", short(&label)));
            }
        }
    }
    // Also those that cannot be here: they are not gone.
    listing.present.extend(all);
    finish(&mut listing, unmapped);
    Ok(listing)
}

/// Takes one device, unless it names what is not here.
fn take(
    listing: &mut Listing,
    (key, label): (String, String),
    (given, mut device): (Columns, NewDevice),
    names: &Names<'_>,
    unmapped: &mut BTreeMap<String, u64>,
) {
    listing.present.insert(key.clone());
    // Whoever writes a list says nothing of logins, unless a person lets it.
    if !names.settings.owns.contains(&SourceField::Credential) {
        device.credential = None;
    }
    if let Some(name) = device.credential.as_ref().filter(|name| !names.credentials.contains_key(*name)) {
        listing.refused += 1;
        let (label, name) = (short(&label), short(name));
        listing.note(&format!("{label}: there is no credential named \"{name}\"; add it first."));
        return;
    }
    if let Some(name) = device.platform.take() {
        device.platform = platform_of(&name, names);
        if device.platform.is_none() {
            *unmapped.entry(name).or_default() += 1;
        }
    }
    if !given.has(Column::Site) {
        let site = names.settings.site.as_str();
        let site = if site.is_empty() { DEFAULT_SITE } else { site };
        site.clone_into(&mut device.site);
    }
    listing.wanted.push(Wanted { key, given, device });
}

fn platform_of(name: &str, names: &Names<'_>) -> Option<String> {
    let is_driver = |name: &&str| names.drivers.get(name).is_some();
    let mapped = names.settings.mapped("platform", name).filter(is_driver);
    let found = mapped.or_else(|| Some(name).filter(is_driver));
    found.or_else(|| platform_named(name).map(|(platform, _)| platform)).map(str::to_owned)
}

fn finish(listing: &mut Listing, unmapped: BTreeMap<String, u64>) {
    for (platform, devices) in unmapped {
        let noun = if devices == 1 { "device" } else { "devices" };
        let platform = short(&platform);
        listing.note(&format!(
            "The platform \"{platform}\" ({devices} {noun}) is none here: such a device is recognised at its first session. \
             A line \"platform {platform} = …\" says what it is."
        ));
    }
}
