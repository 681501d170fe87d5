//! NetBox: `GET /api/dcim/devices/`, page by page (<https://netboxlabs.com/docs/netbox/integrations/rest-api/>).
//!
//! Pages are asked for by numbers of our own: the address of the next page that an answer names is not followed, for whoever
//! answers would learn the token. What counts is an address of the device: without a primary one it is listed and not
//! taken.

use std::collections::{BTreeMap, BTreeSet};

use etiqa_model::device::DeviceType;
use etiqa_model::inventory_source::SourceSettings;
use reqwest::Url;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::fetch::{Asker, LARGEST, Taken, too_large};
use super::wanted::short;
use crate::import::platforms::platform_named;

/// Devices that are asked for at once; NetBox gives a thousand at most unless it is told otherwise.
const PAGE: usize = 500;
/// More devices are no inventory of anybody's.
const MOST: usize = 200_000;

/// A page of NetBox's.
#[derive(Debug, Deserialize)]
struct Page {
    count: usize,
    next: Option<String>,
    results: Vec<Value>,
}

/// What NetBox lists, as a file of devices has it.
#[derive(Debug, Default)]
pub(super) struct Listed {
    /// The devices that have an address, as a file of devices.
    pub(super) rows: Vec<Value>,
    /// What NetBox calls each of these rows.
    pub(super) keys: Vec<String>,
    /// What it calls every device that it lists.
    pub(super) all: BTreeSet<String>,
    /// What could not be taken; sentences.
    pub(super) notes: Vec<String>,
}

/// What became of the pages while they were read.
const CHANGED: &str = "NetBox's list changed while it was read. It is tried again.";

/// Devices by their numbers: each as a row, or why it is none.
type Devices = BTreeMap<i64, Result<Value, String>>;

/// Takes the whole list; the error is a sentence.
pub(super) async fn take(asker: &Asker, settings: &SourceSettings) -> Result<Listed, String> {
    let mut devices = Devices::new();
    let (mut offset, mut kept, mut last) = (0_usize, 0_usize, None::<i64>);
    loop {
        // Each page begins with the last device of the one before: where one before it is gone, another one stands there, and
        // one that is still there would have been passed over.
        let from = offset.saturating_sub(1);
        let Page { count, next, results } = page(asker, settings, from).await?;
        let read = from + results.len();
        if last.is_some() && results.is_empty() {
            return Err(CHANGED.to_owned());
        }
        for (place, device) in results.into_iter().enumerate() {
            let id =
                device.get("id").and_then(Value::as_i64).ok_or("NetBox lists a device without an id.")?;
            if place == 0 && last.is_some_and(|last| last != id) {
                return Err(CHANGED.to_owned());
            }
            last = Some(id);
            let device = row_of(id, &device, settings);
            kept += device.as_ref().map_or_else(String::len, |row| row.to_string().len());
            devices.insert(id, device);
        }
        if kept > LARGEST {
            return Err(too_large());
        }
        if next.is_none() {
            // Whoever added or removed a device meanwhile shifted the pages.
            if devices.len() != count {
                return Err(CHANGED.to_owned());
            }
            break;
        }
        if read <= offset || read > MOST {
            return Err("NetBox's pages do not end; check its address and the filter.".to_owned());
        }
        offset = read;
    }
    Ok(listed(devices))
}

async fn page(asker: &Asker, settings: &SourceSettings, offset: usize) -> Result<Page, String> {
    let url = address(&settings.place, &settings.filter, offset)?;
    let Taken::Bytes(bytes, _) = asker.take(url, None).await? else {
        return Err("NetBox answers what it was not asked.".to_owned());
    };
    // What the parser says of a wrong value has that value in it, however long it is.
    serde_json::from_slice(&bytes).map_err(|error| {
        format!(
            "What answers is no NetBox, or its answer is broken at line {}, column {}. Check the address.",
            error.line(),
            error.column()
        )
    })
}

/// The address of a page. People write that of NetBox, of its API, or of the list itself.
fn address(place: &str, filter: &str, offset: usize) -> Result<Url, String> {
    let base = place.trim_end_matches('/');
    let base = base.strip_suffix("/dcim/devices").unwrap_or(base);
    let base = base.strip_suffix("/api").unwrap_or(base);
    let address = format!("{base}/api/dcim/devices/");
    let mut url = Url::parse(&address).map_err(|_| "The address cannot be used: check it.".to_owned())?;
    url.set_query(Some(filter).filter(|filter| !filter.is_empty()));
    url.query_pairs_mut()
        .append_pair("limit", &PAGE.to_string())
        .append_pair("offset", &offset.to_string())
        // Without an order of its own a page may repeat what another one had.
        .append_pair("ordering", "id")
        // What configuration contexts render to costs NetBox most of its time.
        .append_pair("exclude", "config_context");
    Ok(url)
}

fn listed(devices: Devices) -> Listed {
    let mut listed = Listed::default();
    for (id, device) in devices {
        let key = id.to_string();
        listed.all.insert(key.clone());
        match device {
            Ok(row) => {
                listed.rows.push(row);
                listed.keys.push(key);
            }
            Err(why) => listed.notes.push(why),
        }
    }
    listed
}

/// What is taken of a device; of the rest of what NetBox says of it nothing is kept. The error is a sentence.
fn row_of(id: i64, device: &Value, settings: &SourceSettings) -> Result<Value, String> {
    let name = text(device, &["name"]).or_else(|| text(device, &["display"])).unwrap_or_default();
    let address = ["primary_ip", "primary_ip4", "primary_ip6"]
        .iter()
        .find_map(|field| text(device, &[*field, "address"]))
        .map(|address| address.split('/').next().unwrap_or_default().to_owned());
    let Some(address) = address else {
        let name = if name.is_empty() { format!("device {id}") } else { short(&name) };
        return Err(format!("{name} has no primary address in NetBox and is left as it is."));
    };
    Ok(row(device, address, name, settings))
}

/// A device as a file of devices has it.
fn row(device: &Value, address: String, name: String, settings: &SourceSettings) -> Value {
    let platform = text(device, &["platform", "slug"]).unwrap_or_default();
    let site = text(device, &["site", "slug"]).unwrap_or_default();
    let tags: Vec<String> = device
        .get("tags")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|tag| text(tag, &["slug"]))
        .collect();
    let site = settings.mapped("site", &site).map_or(site, str::to_owned);
    let fields = [
        ("ip", Value::String(address)),
        ("hostname", Value::String(name)),
        ("device_type", json!(kind_of(device, &platform, settings).as_str())),
        ("platform", Value::String(platform)),
        ("site", Value::String(site)),
        ("tags", json!(tags)),
        ("description", json!(text(device, &["description"]).unwrap_or_default())),
    ];
    Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
}

/// What a device is: as a person maps its role, as its platform says, as its maker or its role is called.
fn kind_of(device: &Value, platform: &str, settings: &SourceSettings) -> DeviceType {
    // Until NetBox 4.0 the role was called device_role.
    let role = text(device, &["role", "slug"]).or_else(|| text(device, &["device_role", "slug"]));
    let role = role.unwrap_or_default();
    if let Some(kind) = settings.mapped("role", &role).and_then(|name| DeviceType::parse(name).ok()) {
        return kind;
    }
    let maker = text(device, &["device_type", "manufacturer", "slug"]).unwrap_or_default();
    let of_platform = platform_named(platform).map(|(_, kind)| kind);
    match (of_platform, maker.as_str()) {
        (Some(kind @ (DeviceType::CheckPoint | DeviceType::F5BigIp | DeviceType::Infoblox)), _) => kind,
        (_, "check-point" | "checkpoint") => DeviceType::CheckPoint,
        (_, "f5" | "f5-networks") => DeviceType::F5BigIp,
        (_, "infoblox") => DeviceType::Infoblox,
        _ if role.contains("switch") => DeviceType::Switch,
        _ if role.contains("router") => DeviceType::Router,
        (Some(kind), _) => kind,
        _ => DeviceType::Other,
    }
}

/// The text at a path of names; none where it is not there, or empty.
fn text(value: &Value, path: &[&str]) -> Option<String> {
    let found = path.iter().try_fold(value, |value, name| value.get(*name))?;
    found.as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use etiqa_model::inventory_source::InventorySourceInput;

    use super::*;

    fn settings(mappings: &str) -> SourceSettings {
        let input = InventorySourceInput {
            name: "NetBox".into(),
            place: "https://netbox.example.com".into(),
            mappings: mappings.into(),
            ..InventorySourceInput::default()
        };
        input.parse().unwrap().settings
    }

    #[test]
    fn a_page_is_asked_for_at_the_list_whichever_address_was_written() {
        for place in [
            "https://netbox.example.com",
            "https://netbox.example.com/",
            "https://netbox.example.com/api/",
            "https://netbox.example.com/api/dcim/devices/",
        ] {
            let url = address(place, "site=vie&status=active", 500).unwrap();
            assert_eq!(
                url.as_str(),
                "https://netbox.example.com/api/dcim/devices/?site=vie&status=active&limit=500&offset=500&ordering=id\
                 &exclude=config_context",
                "{place}"
            );
        }
        let within = address("https://example.com/netbox", "", 0).unwrap();
        assert!(
            within.as_str().starts_with("https://example.com/netbox/api/dcim/devices/?limit=500"),
            "{within}"
        );
    }

    #[test]
    fn what_netbox_says_of_a_device_is_told_in_our_words() {
        let device = json!({
            "id": 7, "name": "core-1", "display": "core-1", "role": {"slug": "access-switch"},
            "device_type": {"manufacturer": {"slug": "cisco"}}, "platform": {"slug": "cisco-ios"},
            "site": {"slug": "vie"}, "primary_ip": {"address": "192.0.2.1/24"}, "tags": [{"slug": "core"}, {"slug": "dc"}],
            "description": "rack 4", "status": {"value": "active"},
        });
        let without = json!({ "id": 8, "name": null, "display": "unnamed", "primary_ip": null });
        let settings = settings("site vie = vienna");
        let rows = [(7, device), (8, without)].map(|(id, device)| (id, row_of(id, &device, &settings)));
        let found = listed(Devices::from(rows));
        assert_eq!(
            found.rows,
            [json!({
                "ip": "192.0.2.1", "hostname": "core-1", "device_type": "switch", "platform": "cisco-ios",
                "site": "vienna", "tags": ["core", "dc"], "description": "rack 4",
            })]
        );
        assert_eq!((found.keys.join(" "), found.all.len()), ("7".to_owned(), 2));
        assert!(found.notes[0].starts_with("unnamed has no primary address"), "{:?}", found.notes);
    }

    #[test]
    fn an_appliance_is_known_by_its_maker_and_a_role_as_people_map_it() {
        let device = |role: &str, maker: &str| json!({ "role": {"slug": role}, "device_type": {"manufacturer": {"slug": maker}} });
        let none = settings("");
        assert_eq!(kind_of(&device("firewall", "check-point"), "", &none), DeviceType::CheckPoint);
        assert_eq!(kind_of(&device("leaf", "arista"), "arista-eos", &none), DeviceType::Switch);
        assert_eq!(kind_of(&device("leaf", "acme"), "", &none), DeviceType::Other);
        assert_eq!(kind_of(&device("leaf", "acme"), "", &settings("role leaf = switch")), DeviceType::Switch);
    }
}
