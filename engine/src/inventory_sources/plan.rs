//! What a list would change: pure, without a database or a clock.

use std::collections::{BTreeMap, HashMap, HashSet};

use etiqa_model::device::{DEFAULT_SITE, Device, DeviceInput, NewDevice};
use etiqa_model::inventory_source::{GonePolicy, SourceField, SourceSettings, SyncFate, SyncReport};
use etiqa_model::{DeviceId, Timestamp};

use super::wanted::{Listing, Wanted, add_note};
use crate::import::parse::{Column, Columns, as_input};
use crate::store::inventory_source::SourceLink;

#[cfg(test)]
mod tests;

/// A sync that would disable more than one in so many of a source's devices, or give them other addresses, is refused: it is
/// the list that broke.
const GUARD: u64 = 4;

/// What is here.
#[derive(Debug, Default)]
pub(super) struct Here {
    /// The devices that the source has, and all that have an address of its list.
    pub(super) devices: HashMap<DeviceId, Device>,
    /// What is noted of the source's own.
    pub(super) links: Vec<SourceLink>,
    /// Devices of other sources, with the names of these.
    pub(super) others: HashMap<DeviceId, String>,
}

/// What becomes of one device.
#[derive(Debug)]
pub(super) struct Change {
    /// None: only what is noted of it changes.
    pub(super) fate: Option<SyncFate>,
    /// As it is now; none: it is new.
    pub(super) before: Option<Device>,
    /// As it becomes, where a field changes.
    pub(super) after: Option<NewDevice>,
    /// What is noted of it from then on. The number of a new device is not known yet.
    pub(super) link: SourceLink,
    /// What changes, in words.
    pub(super) words: Vec<String>,
}

/// What becomes of all.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) changes: Vec<Change>,
    pub(super) report: SyncReport,
    /// Why a person has to insist.
    pub(super) guard: Option<String>,
}

/// Holds a list against what is here.
pub(super) fn plan(here: &Here, listing: Listing, settings: &SourceSettings, at: Timestamp) -> Plan {
    let Listing { wanted, present, is_whole, listed, refused, notes } = listing;
    let report = SyncReport { listed, refused, notes, ..SyncReport::default() };
    let mut planner = Planner {
        here,
        settings,
        by_key: here.links.iter().map(|link| (link.key.as_str(), link)).collect(),
        by_device: here.links.iter().map(|link| (link.device_id, link)).collect(),
        by_address: HashMap::new(),
        taken: HashSet::new(),
        claimed: HashSet::new(),
        readdressed: 0,
        plan: Plan { report, ..Plan::default() },
    };
    for device in here.devices.values() {
        planner.by_address.entry(device.address.as_str()).or_default().push(device);
        planner.taken.insert(identity_of(device));
    }
    let still: HashSet<DeviceId> =
        here.links.iter().filter(|link| present.contains(&link.key)).map(|link| link.device_id).collect();
    for wanted in wanted {
        planner.meet(wanted, &still);
    }
    if is_whole {
        for link in &here.links {
            if !still.contains(&link.device_id) && !planner.claimed.contains(&link.device_id) {
                planner.miss(link, at);
            }
        }
    } else {
        let note =
            "Some rows could not be read, so that nobody knows which devices are gone: none is disabled.";
        planner.plan.report.notes.push(note.to_owned());
    }
    planner.finish()
}

/// Site, address, port.
type Identity = (String, String, u16);

fn identity_of(device: &Device) -> Identity {
    (device.site.clone(), device.address.clone(), device.port)
}

struct Planner<'a> {
    here: &'a Here,
    settings: &'a SourceSettings,
    by_key: HashMap<&'a str, &'a SourceLink>,
    by_device: HashMap<DeviceId, &'a SourceLink>,
    by_address: HashMap<&'a str, Vec<&'a Device>>,
    /// Identities that a device has, or gets.
    taken: HashSet<Identity>,
    /// Devices that a row of the list is about.
    claimed: HashSet<DeviceId>,
    /// Devices of the source that get another address.
    readdressed: usize,
    plan: Plan,
}

impl<'a> Planner<'a> {
    /// A device that the source lists. `still` are those that it lists by the names that are known.
    fn meet(&mut self, wanted: Wanted, still: &HashSet<DeviceId>) {
        let here = self.here;
        let link = self.by_key.get(wanted.key.as_str()).copied();
        let known = link.and_then(|link| here.devices.get(&link.device_id));
        let device = match known {
            Some(device) => Some(device),
            None => match self.same(&wanted) {
                Ok(device) => device,
                Err(why) => return self.refuse(&why),
            },
        };
        let Some(device) = device else { return self.add(wanted) };
        if known.is_none() {
            if let Some(other) = here.others.get(&device.id) {
                let why =
                    format!("{} is a device of the source {other}; it stays that one's.", device.hostname);
                return self.refuse(&why);
            }
            if still.contains(&device.id) || self.claimed.contains(&device.id) {
                let why = format!("{} has the address {} as well.", device.hostname, wanted.device.address);
                return self.refuse(&why);
            }
        }
        self.claimed.insert(device.id);
        // One that the source calls otherwise than before is still its own.
        let before = self.by_device.get(&device.id).copied();
        self.change(wanted, device, before);
    }

    /// The device that has the address of what is wanted, narrowed by port and site where there are several.
    fn same(&self, wanted: &Wanted) -> Result<Option<&'a Device>, String> {
        let mut same = self.by_address.get(wanted.device.address.as_str()).cloned().unwrap_or_default();
        if wanted.given.has(Column::Port) {
            same.retain(|device| device.port == wanted.device.port);
        }
        if wanted.given.has(Column::Site) {
            self.narrow_by_site(&mut same, &wanted.device.site);
        }
        match same.as_slice() {
            [] => Ok(None),
            [device] => Ok(Some(*device)),
            several => Err(format!(
                "{} devices have the address {}; say which by site and port.",
                several.len(),
                wanted.device.address
            )),
        }
    }

    /// Leaves those that may be the device of this site: the address alone says nothing where another site has it as well.
    /// That are those in it; else those that the source said were in it, which a person moved; else those of which nobody
    /// said a site.
    fn narrow_by_site(&self, same: &mut Vec<&'a Device>, site: &str) {
        let is_in = |device: &&Device| device.site == site;
        let was_said = |device: &&Device| {
            let link = self.by_device.get(&device.id);
            link.and_then(|link| link.given.get(&SourceField::Site)).is_some_and(|said| said == site)
        };
        if same.iter().any(is_in) {
            same.retain(is_in);
        } else if same.iter().any(was_said) {
            same.retain(was_said);
        } else {
            same.retain(|device| device.site == DEFAULT_SITE || device.site == self.settings.site);
        }
    }

    fn add(&mut self, wanted: Wanted) {
        let Wanted { key, given, device } = wanted;
        let identity = (device.site.clone(), device.address.clone(), device.port);
        if !self.taken.insert(identity) {
            let why =
                format!("Another device has the address {} and the site {}.", device.address, device.site);
            return self.refuse(&why);
        }
        let theirs = as_input(&device);
        let said = self.settings.owns.iter().map(|field| (*field, said(*field, given, &theirs)));
        let link = SourceLink {
            device_id: DeviceId(0),
            key,
            given: said.collect(),
            gone_at: None,
            disabled_here: false,
        };
        self.plan.report.added += 1;
        let change =
            Change { fate: Some(SyncFate::Add), before: None, after: Some(device), link, words: Vec::new() };
        self.plan.changes.push(change);
    }

    fn change(&mut self, wanted: Wanted, device: &'a Device, link: Option<&'a SourceLink>) {
        let Ok(before) = device.to_input().parse() else {
            return self.refuse(&format!("{} is stored otherwise than any device can be.", device.hostname));
        };
        let mut merged = Merged::of(&before, link.map(|link| link.given.clone()).unwrap_or_default());
        merged.merge(&wanted, self.settings, link.is_some());
        let Ok(after) = merged.input.parse() else {
            return self.refuse(&format!("{} would become no device.", device.hostname));
        };
        let identity = (after.site.clone(), after.address.clone(), after.port);
        let is_moved = identity != identity_of(device);
        if is_moved && !self.taken.insert(identity) {
            let why = format!(
                "{} would get the address {} and the site {}, which another device has.",
                device.hostname, after.address, after.site
            );
            return self.refuse(&why);
        }
        self.plan.report.kept += merged.kept;
        let is_listed_still = link.is_some_and(|link| link.gone_at.is_none());
        self.readdressed += usize::from(is_listed_still && after.address != device.address);
        let comes_back = link.is_some_and(|link| link.disabled_here) && !device.enabled;
        let is_changed = after != before;
        let fate = match (is_changed, comes_back) {
            (_, true) => Some(SyncFate::Enable),
            (true, false) => Some(SyncFate::Change),
            (false, false) => None,
        };
        let after_link = SourceLink {
            device_id: device.id,
            key: wanted.key,
            given: merged.given,
            gone_at: None,
            disabled_here: false,
        };
        let is_noted = link.is_some_and(|link| {
            link.key == after_link.key && link.given == after_link.given && link.gone_at.is_none()
        });
        if fate.is_none() && is_noted {
            return;
        }
        self.plan.report.changed += u64::from(is_changed);
        self.plan.report.enabled += u64::from(comes_back);
        self.plan.changes.push(Change {
            fate,
            before: Some(device.clone()),
            after: Some(after).filter(|_| is_changed),
            link: after_link,
            words: merged.words,
        });
    }

    /// A device that the source does not list any more.
    fn miss(&mut self, link: &SourceLink, at: Timestamp) {
        let Some(device) = self.here.devices.get(&link.device_id) else { return };
        if link.gone_at.is_some() {
            // A person enabled it since: whoever disables it again is a person too.
            if link.disabled_here && device.enabled {
                self.plan.changes.push(Change {
                    fate: None,
                    before: Some(device.clone()),
                    after: None,
                    link: SourceLink { disabled_here: false, ..link.clone() },
                    words: Vec::new(),
                });
            }
            return;
        }
        let disables = self.settings.gone == GonePolicy::Disable && device.enabled;
        if disables {
            self.plan.report.disabled += 1;
        } else {
            self.plan.report.left += 1;
        }
        self.plan.changes.push(Change {
            fate: Some(if disables { SyncFate::Disable } else { SyncFate::Leave }),
            before: Some(device.clone()),
            after: None,
            link: SourceLink { gone_at: Some(at), disabled_here: disables, ..link.clone() },
            words: Vec::new(),
        });
    }

    fn refuse(&mut self, why: &str) {
        self.plan.report.refused += 1;
        add_note(&mut self.plan.report.notes, why);
    }

    fn finish(mut self) -> Plan {
        let of_list = self.here.links.iter().filter(|link| link.gone_at.is_none());
        let listed: Vec<&Device> =
            of_list.filter_map(|link| self.here.devices.get(&link.device_id)).collect();
        let active = listed.iter().filter(|device| device.enabled).count() as u64;
        let (disabled, readdressed) = (self.plan.report.disabled, self.readdressed as u64);
        let mut why = Vec::new();
        if disabled * GUARD > active {
            why.push(format!(
                "It would disable {disabled} of the {active} devices of this source, more than a quarter, and was not done. \
                 If they are gone indeed, synchronise all the same."
            ));
        }
        let all = listed.len() as u64;
        // One device that moves is no sign of anything.
        if readdressed > 1 && readdressed * GUARD > all {
            why.push(format!(
                "It would give {readdressed} of the {all} devices of this source other addresses, more than a quarter, and was \
                 not done. If they have these indeed, synchronise all the same."
            ));
        }
        self.plan.guard = Some(why.join(" ")).filter(|why| !why.is_empty());
        self.plan
    }
}

/// What the source says in a field; empty where it says nothing.
fn said(field: SourceField, given: Columns, theirs: &DeviceInput) -> String {
    let column = match field {
        SourceField::Hostname => Column::Hostname,
        SourceField::DeviceType => Column::DeviceType,
        SourceField::Platform => Column::Platform,
        SourceField::Site => Column::Site,
        SourceField::Tags => Column::Tags,
        SourceField::Description => Column::Description,
        SourceField::Port => Column::Port,
        SourceField::Transport => Column::Transport,
        SourceField::Credential => Column::Credential,
    };
    if given.has(column) { value_of(field, theirs).to_owned() } else { String::new() }
}

fn value_of(field: SourceField, input: &DeviceInput) -> &str {
    match field {
        SourceField::Hostname => &input.hostname,
        SourceField::DeviceType => &input.device_type,
        SourceField::Platform => &input.platform,
        SourceField::Site => &input.site,
        SourceField::Tags => &input.tags,
        SourceField::Description => &input.description,
        SourceField::Port => &input.port,
        SourceField::Transport => &input.transport,
        SourceField::Credential => &input.credential,
    }
}

fn set(field: SourceField, input: &mut DeviceInput, value: &str) {
    let place = match field {
        SourceField::Hostname => &mut input.hostname,
        SourceField::DeviceType => &mut input.device_type,
        SourceField::Platform => &mut input.platform,
        SourceField::Site => &mut input.site,
        SourceField::Tags => &mut input.tags,
        SourceField::Description => &mut input.description,
        SourceField::Port => &mut input.port,
        SourceField::Transport => &mut input.transport,
        SourceField::Credential => &mut input.credential,
    };
    value.clone_into(place);
}

/// A device that becomes what its source says, where nobody said otherwise.
struct Merged {
    before: DeviceInput,
    input: DeviceInput,
    /// The port that its transport usually has.
    usual_port: u16,
    /// What the source said last.
    given: BTreeMap<SourceField, String>,
    words: Vec<String>,
    kept: u64,
}

impl Merged {
    fn of(before: &NewDevice, given: BTreeMap<SourceField, String>) -> Self {
        let input = as_input(before);
        let usual_port = before.transport.default_port();
        Self { before: input.clone(), input, usual_port, given, words: Vec::new(), kept: 0 }
    }

    fn merge(&mut self, wanted: &Wanted, settings: &SourceSettings, is_own: bool) {
        let theirs = as_input(&wanted.device);
        if is_own && self.input.address != theirs.address {
            // One without a name of its own is called by its address.
            if self.input.hostname == self.input.address {
                self.input.hostname.clone_from(&theirs.address);
            }
            self.input.address.clone_from(&theirs.address);
            self.words.push(format!("address: {} → {}", self.before.address, theirs.address));
        }
        // What it has no say in is not noted any more: it would be taken for changed by a person once it has again.
        self.given.retain(|field, _| settings.owns.contains(field));
        for field in &settings.owns {
            self.merge_field(*field, &said(*field, wanted.given, &theirs), settings);
        }
        let is_usual = self.input.port == self.usual_port.to_string();
        if self.input.transport != self.before.transport && is_usual && self.before.port == self.input.port {
            self.input.port.clear();
        }
    }

    /// Of three values: what the source said last, what it says now, and what is here. Only where the first is what is here
    /// still, the second takes its place.
    fn merge_field(&mut self, field: SourceField, said: &str, settings: &SourceSettings) {
        let here = value_of(field, &self.input).to_owned();
        let last = self.given.get(&field).cloned();
        let is_untouched = match last.as_deref() {
            Some("") | None => self.is_unset(field, &here, settings),
            Some(last) => last == here,
        };
        if said == here || (said.is_empty() && last.as_deref().unwrap_or_default().is_empty()) {
            // They agree, or the source has never said anything.
            self.given.insert(field, said.to_owned());
        } else if is_untouched {
            let is_site = field == SourceField::Site && said.is_empty();
            set(field, &mut self.input, if is_site { &settings.site } else { said });
            let shown = |value: &str| if value.is_empty() { "–".to_owned() } else { value.to_owned() };
            self.words.push(format!("{}: {} → {}", field.as_str(), shown(&here), shown(said)));
            self.given.insert(field, said.to_owned());
        } else {
            self.kept += 1;
        }
    }

    /// Whether nobody has said anything in a field yet.
    fn is_unset(&self, field: SourceField, here: &str, settings: &SourceSettings) -> bool {
        match field {
            SourceField::Hostname => here == self.before.address || here == self.input.address,
            SourceField::DeviceType => here == "other",
            SourceField::Site => here == DEFAULT_SITE || here == settings.site,
            SourceField::Port => here == self.usual_port.to_string(),
            SourceField::Transport => here == "ssh",
            SourceField::Platform
            | SourceField::Tags
            | SourceField::Description
            | SourceField::Credential => here.is_empty(),
        }
    }
}
