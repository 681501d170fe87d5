//! An inventory source as a person fills it in, and what is checked before it is stored.

use serde::{Deserialize, Serialize};

use super::{GonePolicy, InventorySource, SourceField, SourceKind};
use crate::field::{Fields, long_text, number, optional_text, short_text};
use crate::{Secret, UserError};

/// Minutes between two syncs: five to a week, an hour unless said otherwise.
const EVERY: std::ops::RangeInclusive<u32> = 5..=10_080;
const USUALLY_EVERY: u32 = 60;
/// Of NetBox: what decides which devices there are, and how many come at once, is said by this program.
const OWN_PARAMETERS: [&str; 6] = ["limit", "offset", "format", "brief", "fields", "ordering"];

/// What a name of the source means here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// `platform`, `role` or `site`.
    pub of: String,
    /// What the source calls it, in lower case.
    pub from: String,
    /// What it is here: a platform, a device type, a site.
    pub to: String,
}

/// Where a source is, and what is taken of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceSettings {
    /// What kind of list it is.
    pub kind: SourceKind,
    /// A URL, or a path of this machine.
    pub place: String,
    /// It may be in a private network.
    pub own_network: bool,
    /// NetBox: which devices, as its list's address has it: `site=vienna&status=active`.
    pub filter: String,
    /// Minutes between two syncs.
    pub every_minutes: u32,
    /// Fields that it has a say in.
    pub owns: Vec<SourceField>,
    /// What becomes of devices that it does not list any more.
    pub gone: GonePolicy,
    /// The site of devices for which it names none.
    pub site: String,
    /// What its names mean here.
    pub mappings: Vec<Mapping>,
}

impl SourceSettings {
    /// Whether a token for one is a token for the other.
    pub fn is_same_place(&self, other: &Self) -> bool {
        self.kind == other.kind && origin(&self.place) == origin(&other.place)
    }

    /// What a name of the source is here, where a person said so.
    pub fn mapped(&self, of: &str, name: &str) -> Option<&str> {
        let name = name.trim().to_lowercase();
        let found = self.mappings.iter().find(|mapping| mapping.of == of && mapping.from == name);
        found.map(|mapping| mapping.to.as_str())
    }
}

/// Scheme, host and port of an address.
fn origin(place: &str) -> String {
    let (scheme, rest) = place.split_once("://").unwrap_or(("", place));
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    format!("{scheme}://{host}").to_lowercase()
}

/// An inventory source as a person fills it in, every field a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InventorySourceInput {
    /// Unique; required.
    pub name: String,
    /// `netbox`, `url` or `file`.
    pub kind: String,
    /// A URL, or a path of this machine; required.
    pub place: String,
    /// Empty while editing: as it was.
    pub token: Secret,
    /// Forget the token.
    pub no_token: bool,
    /// It may be in a private network.
    pub own_network: bool,
    /// NetBox: `status=active` when nothing is said.
    pub filter: String,
    /// Minutes between two syncs; 60 when empty.
    pub every_minutes: String,
    /// Fields that it has a say in, with commas between.
    pub owns: String,
    /// `disable` or `leave`.
    pub gone: String,
    /// `default` when empty.
    pub site: String,
    /// A line each: `platform cisco-xe = ios`, `role leaf = switch`, `site dc1 = vienna`.
    pub mappings: String,
    /// Whether it is followed by schedule.
    pub enabled: bool,
}

impl Default for InventorySourceInput {
    fn default() -> Self {
        let text = str::to_owned;
        Self {
            name: String::new(),
            kind: text("netbox"),
            place: String::new(),
            token: Secret::default(),
            no_token: false,
            own_network: false,
            filter: text("status=active"),
            every_minutes: USUALLY_EVERY.to_string(),
            owns: text("hostname, device_type, platform, site, tags, description"),
            gone: text("disable"),
            site: String::new(),
            mappings: String::new(),
            enabled: true,
        }
    }
}

/// An inventory source ready to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewInventorySource {
    /// Unique.
    pub name: String,
    /// Where it is, and what is taken of it.
    pub settings: SourceSettings,
    /// The new token, where one was given.
    pub token: Option<Secret>,
    /// Forget the token.
    pub no_token: bool,
    /// Whether it is followed by schedule.
    pub enabled: bool,
}

impl InventorySourceInput {
    /// Checks every field; the error names each wrong one.
    pub fn parse(&self) -> Result<NewInventorySource, UserError> {
        let mut fields = Fields::default();
        let name = fields.check("name", short_text("The name", &self.name, 100));
        let kind = fields.check("kind", SourceKind::parse(&self.kind)).unwrap_or(SourceKind::Netbox);
        let place = fields.check("place", place(kind, &self.place));
        let every = number("The minutes", &self.every_minutes, EVERY, Some(USUALLY_EVERY));
        let every_minutes = fields.check("every_minutes", every);
        let owns = fields.check("owns", owned(&self.owns));
        let gone = match self.gone.trim() {
            "" => Some(GonePolicy::default()),
            name => fields.check("gone", GonePolicy::parse(name)),
        };
        let site = fields.check("site", optional_text("The site", &self.site, 100));
        let filter = fields.check("filter", filter(kind, &self.filter));
        let mappings = fields.check("mappings", mappings(&self.mappings));
        if self.token.reveal().chars().any(|c| c.is_control() || !c.is_ascii()) {
            fields.wrong("token", "A token is one line of letters, digits and signs.");
        }
        fields.finish()?;
        Ok(NewInventorySource {
            name: name.unwrap_or_default(),
            settings: SourceSettings {
                kind,
                place: place.unwrap_or_default(),
                own_network: self.own_network,
                filter: filter.unwrap_or_default(),
                every_minutes: every_minutes.unwrap_or(USUALLY_EVERY),
                owns: owns.unwrap_or_default(),
                gone: gone.unwrap_or_default(),
                site: site.unwrap_or_default(),
                mappings: mappings.unwrap_or_default(),
            },
            token: Some(self.token.clone()).filter(|token| !token.is_empty()),
            no_token: self.no_token,
            enabled: self.enabled,
        })
    }
}

impl InventorySource {
    /// The same source as a person would fill it in.
    pub fn to_input(&self) -> InventorySourceInput {
        let SourceSettings { kind, place, own_network, filter, every_minutes, owns, gone, site, mappings } =
            &self.settings;
        let owns: Vec<&str> = owns.iter().map(|field| field.as_str()).collect();
        let lines = mappings.iter().map(|mapping| {
            let Mapping { of, from, to } = mapping;
            format!("{of} {from} = {to}")
        });
        InventorySourceInput {
            name: self.name.clone(),
            kind: kind.as_str().to_owned(),
            place: place.clone(),
            own_network: *own_network,
            filter: filter.clone(),
            every_minutes: every_minutes.to_string(),
            owns: owns.join(", "),
            gone: gone.as_str().to_owned(),
            site: site.clone(),
            mappings: lines.collect::<Vec<_>>().join("\n"),
            enabled: self.enabled,
            ..InventorySourceInput::default()
        }
    }
}

fn place(kind: SourceKind, text: &str) -> Result<String, String> {
    let what = if kind == SourceKind::File { "The path" } else { "The URL" };
    let place = short_text(what, text, 1_000)?;
    if kind == SourceKind::File {
        let is_absolute = place.starts_with('/') || place.get(1..3) == Some(":\\");
        return if is_absolute { Ok(place) } else { Err("Write the path from the root on.".into()) };
    }
    let rest = place.strip_prefix("https://").or_else(|| place.strip_prefix("http://"));
    let Some(rest) = rest.filter(|rest| !rest.is_empty() && !rest.starts_with('/')) else {
        return Err("The URL begins with https:// or http://.".into());
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.contains('@') {
        return Err(
            "A password does not belong into an address, which is stored as it is: use the token.".into()
        );
    }
    if kind == SourceKind::Netbox && rest.contains(['?', '#']) {
        return Err("Name NetBox's own address only; which devices are taken is said by the filter.".into());
    }
    Ok(place)
}

fn filter(kind: SourceKind, text: &str) -> Result<String, String> {
    let filter = optional_text("The filter", text.trim().trim_start_matches('?'), 1_000)?;
    if kind != SourceKind::Netbox {
        return Ok(String::new());
    }
    for pair in filter.split('&').filter(|pair| !pair.is_empty()) {
        let Some((name, _)) = pair.split_once('=') else {
            return Err(format!(
                "The filter has pairs such as site=vienna with & between; \"{pair}\" is none."
            ));
        };
        if OWN_PARAMETERS.contains(&name.to_lowercase().as_str()) {
            return Err(format!("The filter says which devices are taken; \"{name}\" is no matter of that."));
        }
    }
    Ok(filter)
}

fn owned(text: &str) -> Result<Vec<SourceField>, String> {
    let names = text.split([',', ';']).map(str::trim).filter(|name| !name.is_empty());
    let mut owned = names.map(SourceField::parse).collect::<Result<Vec<_>, _>>()?;
    owned.sort_unstable();
    owned.dedup();
    Ok(owned)
}

fn mappings(text: &str) -> Result<Vec<Mapping>, String> {
    let text = long_text("The list", text, 20_000)?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(mapping).collect()
}

fn mapping(line: &str) -> Result<Mapping, String> {
    let wrong = || {
        format!(
            "Write a line such as \"platform cisco-xe = ios\", \"role leaf = switch\" or \"site dc1 = vienna\"; \
                 \"{line}\" is none."
        )
    };
    let (left, to) = line.split_once('=').ok_or_else(wrong)?;
    let (of, from) = left.trim().split_once(char::is_whitespace).ok_or_else(wrong)?;
    let of = of.trim_end_matches(':').to_lowercase();
    let (from, to) = (from.trim().to_lowercase(), to.trim().to_owned());
    if !["platform", "role", "site"].contains(&of.as_str()) || from.is_empty() || to.is_empty() {
        return Err(wrong());
    }
    if of == "role" {
        crate::device::DeviceType::parse(&to)?;
    }
    Ok(Mapping { of, from, to })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(change: impl FnOnce(&mut InventorySourceInput)) -> InventorySourceInput {
        let mut input = InventorySourceInput {
            name: "NetBox".into(),
            place: "https://netbox.example.com".into(),
            ..InventorySourceInput::default()
        };
        change(&mut input);
        input
    }

    fn wrong(change: impl FnOnce(&mut InventorySourceInput)) -> String {
        let error = input(change).parse().unwrap_err();
        error.fields.iter().map(|error| error.field.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_is_wrong_is_said_of_each_field() {
        assert_eq!(wrong(|input| input.place = "netbox.example.com".into()), "place");
        assert_eq!(wrong(|input| input.place = "https://me:secret@netbox.example.com".into()), "place");
        assert_eq!(wrong(|input| input.filter = "site=a&limit=1".into()), "filter");
        assert_eq!(wrong(|input| input.owns = "hostname, colour".into()), "owns");
        assert_eq!(wrong(|input| input.mappings = "platform ios".into()), "mappings");
        assert_eq!(wrong(|input| input.mappings = "role leaf = toaster".into()), "mappings");
        assert_eq!(wrong(|input| input.token = Secret::new("a\nb")), "token");
        assert_eq!(
            wrong(|input| {
                input.kind = "file".into();
                input.place = "devices.csv".into();
                input.every_minutes = "1".into();
            }),
            "place every_minutes"
        );
    }

    #[test]
    fn names_of_the_source_are_looked_up_in_any_case() {
        let new =
            input(|input| input.mappings = "# ours\nplatform: Cisco-XE = ios\nsite DC 1 = vienna\n".into());
        let settings = new.parse().unwrap().settings;
        assert_eq!(settings.mapped("platform", "cisco-xe"), Some("ios"));
        assert_eq!(settings.mapped("site", "dc 1"), Some("vienna"));
        assert_eq!(settings.mapped("role", "dc 1"), None);
    }

    #[test]
    fn a_token_stays_with_the_server_that_it_was_given_for() {
        let settings = |place: &str| input(|input| input.place = place.into()).parse().unwrap().settings;
        let here = settings("https://netbox.example.com/api/");
        assert!(here.is_same_place(&settings("https://NetBox.example.com")));
        assert!(!here.is_same_place(&settings("https://netbox.example.com.evil.test")));
        assert!(!here.is_same_place(&settings("http://netbox.example.com")));
    }
}
