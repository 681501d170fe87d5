//! What lists would change, without a database.

use etiqa_model::CredentialId;
use etiqa_model::inventory_source::InventorySourceInput;
use serde_json::{Value, json};

use super::*;
use crate::collect::DriverSet;
use crate::inventory_sources::wanted::{Names, of_file};

const NOON: Timestamp = Timestamp(1_795_399_200_000);

fn settings(change: impl FnOnce(&mut InventorySourceInput)) -> SourceSettings {
    let mut input = InventorySourceInput {
        name: "list".into(),
        kind: "file".into(),
        place: "/tmp/devices.csv".into(),
        ..InventorySourceInput::default()
    };
    change(&mut input);
    input.parse().unwrap().settings
}

fn listing(csv: &str, settings: &SourceSettings) -> Listing {
    let credentials = HashMap::new();
    let names = Names { settings, drivers: DriverSet::built_in(), credentials: &credentials };
    of_file(csv.as_bytes(), &names).unwrap()
}

/// A device as it would be after the change that is planned for it.
fn device(id: i64, change: impl FnOnce(&mut Value)) -> Device {
    let mut device = json!({
        "id": id, "site": "default", "address": format!("192.0.2.{id}"), "port": 22, "hostname": format!("h{id}"),
        "device_type": "other", "platform": null, "transport": "ssh", "credential_id": null, "credential": null,
        "jump_host_id": null, "jump_host": null, "legacy_ssh": false, "https_port": null, "tags": [],
        "description": "", "enabled": true, "status": "unknown", "status_at": null, "last_seen_at": null,
        "last_result": null, "last_good_at": null, "unsaved": false, "created_at": "2026-11-23T02:00:00Z",
        "updated_at": "2026-11-23T02:00:00Z",
    });
    change(&mut device);
    serde_json::from_value(device).unwrap()
}

/// What is here after a first sync of `csv` with nothing here before.
fn here_after(csv: &str, settings: &SourceSettings) -> Here {
    let first = plan(&Here::default(), listing(csv, settings), settings, NOON);
    let mut here = Here::default();
    for (index, change) in first.changes.into_iter().enumerate() {
        let new = change.after.unwrap();
        let id = index as i64 + 1;
        let stored = device(id, |device| {
            for (field, value) in serde_json::to_value(&new).unwrap().as_object().unwrap() {
                device[field] = value.clone();
            }
        });
        here.devices.insert(DeviceId(id), stored);
        here.links.push(SourceLink { device_id: DeviceId(id), ..change.link });
    }
    here
}

fn fates(plan: &Plan) -> Vec<(SyncFate, String)> {
    let told = |change: &Change| Some((change.fate?, change.words.join("; ")));
    plan.changes.iter().filter_map(told).collect()
}

const LIST: &str = "ip,hostname,type,site\n192.0.2.1,core,router,vienna\n192.0.2.2,edge,switch,graz\n";

#[test]
fn a_list_that_did_not_change_changes_nothing() {
    let settings = settings(|_| {});
    let here = here_after(LIST, &settings);
    assert_eq!(here.devices.len(), 2);
    let again = plan(&here, listing(LIST, &settings), &settings, NOON);
    assert!(again.changes.is_empty(), "{again:?}");
    assert_eq!((again.report.listed, again.report.changes_something()), (2, false));
}

#[test]
fn what_a_person_changed_stays_until_the_source_says_the_same() {
    let settings = settings(|_| {});
    let mut here = here_after(LIST, &settings);
    here.devices.get_mut(&DeviceId(1)).unwrap().hostname = "core-by-hand".into();

    let newer = LIST.replace("core", "core-2").replace("vienna", "linz");
    let changed = plan(&here, listing(&newer, &settings), &settings, NOON);
    assert_eq!(fates(&changed), [(SyncFate::Change, "site: vienna → linz".to_owned())]);
    assert_eq!(changed.changes[0].after.as_ref().unwrap().hostname, "core-by-hand");
    assert_eq!(changed.report.kept, 1);

    let agreed = plan(&here, listing(&LIST.replace("core", "core-by-hand"), &settings), &settings, NOON);
    assert!(fates(&agreed).is_empty(), "only what is noted of it changes: {agreed:?}");
    assert_eq!(agreed.changes[0].link.given[&SourceField::Hostname], "core-by-hand");
}

#[test]
fn a_source_has_no_say_in_fields_that_are_not_its() {
    let settings = settings(|input| input.owns = "site".into());
    let here = here_after(LIST, &settings);
    let newer = LIST.replace("core", "renamed").replace("graz", "linz");
    let changed = plan(&here, listing(&newer, &settings), &settings, NOON);
    assert_eq!(fates(&changed), [(SyncFate::Change, "site: graz → linz".to_owned())]);
}

#[test]
fn a_device_that_is_here_already_is_taken_over_with_what_people_said_of_it() {
    let settings = settings(|_| {});
    let known = device(7, |device| {
        device["address"] = "192.0.2.1".into();
        device["hostname"] = "by-hand".into();
    });
    let here = Here { devices: HashMap::from([(DeviceId(7), known)]), ..Here::default() };
    let planned = plan(&here, listing(LIST, &settings), &settings, NOON);
    assert_eq!((planned.report.added, planned.report.changed, planned.report.kept), (1, 1, 1));
    let taken = planned.changes.iter().find(|change| change.before.is_some()).unwrap();
    let after = taken.after.as_ref().unwrap();
    assert_eq!((after.hostname.as_str(), after.site.as_str()), ("by-hand", "vienna"));
    assert_eq!(after.device_type.as_str(), "router", "nobody had said what it is");
}

#[test]
fn a_device_of_another_source_stays_that_one_s() {
    let settings = settings(|_| {});
    let here = Here {
        devices: HashMap::from([(DeviceId(1), device(1, |_| {}))]),
        others: HashMap::from([(DeviceId(1), "NetBox".to_owned())]),
        ..Here::default()
    };
    let planned = plan(&here, listing("ip\n192.0.2.1\n", &settings), &settings, NOON);
    assert_eq!((planned.report.refused, planned.changes.len()), (1, 0));
    assert!(planned.report.notes[0].contains("NetBox"), "{:?}", planned.report.notes);
}

#[test]
fn a_device_of_another_site_is_another_one_though_it_has_the_address() {
    let settings = settings(|_| {});
    let known = device(7, |device| {
        device["address"] = "192.0.2.1".into();
        device["site"] = "linz".into();
    });
    let here = Here { devices: HashMap::from([(DeviceId(7), known)]), ..Here::default() };
    let planned = plan(&here, listing(LIST, &settings), &settings, NOON);
    assert_eq!((planned.report.added, planned.report.changed), (2, 0));
    assert!(planned.changes.iter().all(|change| change.before.is_none()), "{planned:?}");
}

#[test]
fn a_row_of_another_site_does_not_take_the_device_of_the_row_below() {
    let settings = settings(|_| {});
    let here = here_after("ip,hostname,site\n192.0.2.1,core,graz\n", &settings);
    let both = "ip,hostname,site\n192.0.2.1,new,vienna\n192.0.2.1,core,graz\n";
    let planned = plan(&here, listing(both, &settings), &settings, NOON);
    assert_eq!(fates(&planned), [(SyncFate::Add, String::new())]);
    let added = planned.changes.iter().find_map(|change| change.after.as_ref()).unwrap();
    assert_eq!((added.hostname.as_str(), added.site.as_str()), ("new", "vienna"));
}

#[test]
fn a_device_that_a_person_moved_is_known_by_its_address_and_what_was_said_of_it() {
    let settings = settings(|_| {});
    let mut here = here_after(LIST, &settings);
    here.devices.get_mut(&DeviceId(1)).unwrap().site = "cellar".into();
    for link in &mut here.links {
        link.key = format!("was:{}", link.device_id);
    }
    let planned = plan(&here, listing(LIST, &settings), &settings, NOON);
    assert!(fates(&planned).is_empty(), "{planned:?}");
    assert_eq!(planned.report.kept, 1);
}

#[test]
fn a_list_names_credentials_only_where_it_has_a_say_in_them() {
    let credentials = HashMap::from([("root".to_owned(), CredentialId(1))]);
    for (owns, named) in [("hostname", None), ("hostname, credential", Some("root"))] {
        let settings = settings(|input| input.owns = owns.into());
        let names = Names { settings: &settings, drivers: DriverSet::built_in(), credentials: &credentials };
        let found = of_file(b"ip,credential\n192.0.2.1,root\n", &names).unwrap();
        let planned = plan(&Here::default(), found, &settings, NOON);
        let device = planned.changes[0].after.as_ref().unwrap();
        assert_eq!(device.credential.as_deref(), named, "{owns}");
    }
}

#[test]
fn a_list_of_wrong_rows_makes_no_long_report() {
    let settings = settings(|_| {});
    let long = "x ".repeat(1_000);
    let rows = (1..=300).fold("ip,hostname\n".to_owned(), |csv, _| csv + &format!("{long},h\n"));
    let planned = plan(&Here::default(), listing(&rows, &settings), &settings, NOON);
    assert_eq!(planned.report.refused, 300);
    assert!(planned.report.notes.len() <= 101, "{}", planned.report.notes.len());
    assert!(
        planned.report.notes.iter().all(|note| note.chars().count() <= 501),
        "{:?}",
        planned.report.notes
    );

    let mut here = Here::default();
    for number in 1..=200 {
        here.devices.insert(DeviceId(number), device(number, |_| {}));
        here.others.insert(DeviceId(number), "NetBox".to_owned());
    }
    let planned = plan(&here, listing(&many(200), &settings), &settings, NOON);
    assert_eq!((planned.report.refused, planned.report.notes.len()), (200, 100));
}

fn many(count: u8) -> String {
    (1..=count).fold("ip,hostname\n".to_owned(), |csv, number| csv + &format!("192.0.2.{number},h{number}\n"))
}

#[test]
fn a_device_that_is_gone_is_disabled_and_enabled_when_it_comes_back() {
    let settings = settings(|_| {});
    let mut here = here_after(&many(8), &settings);
    let gone = plan(&here, listing(&many(7), &settings), &settings, NOON);
    assert_eq!((fates(&gone), gone.guard), (vec![(SyncFate::Disable, String::new())], None));
    let link = gone.changes[0].link.clone();
    assert_eq!((link.gone_at, link.disabled_here), (Some(NOON), true));

    here.devices.get_mut(&link.device_id).unwrap().enabled = false;
    let device = link.device_id;
    *here.links.iter_mut().find(|known| known.device_id == device).unwrap() = link;
    assert!(
        plan(&here, listing(&many(7), &settings), &settings, NOON).changes.is_empty(),
        "it is gone already"
    );
    let back = plan(&here, listing(&many(8), &settings), &settings, NOON);
    assert_eq!(fates(&back), [(SyncFate::Enable, String::new())]);
}

#[test]
fn a_device_that_is_gone_is_left_where_a_person_chose_that() {
    let settings = settings(|input| input.gone = "leave".into());
    let here = here_after(&many(2), &settings);
    let gone = plan(&here, listing("ip\n192.0.2.1\n", &settings), &settings, NOON);
    assert_eq!((gone.report.left, gone.report.disabled, gone.guard), (1, 0, None));
}

#[test]
fn more_than_a_quarter_is_not_disabled_unless_a_person_insists() {
    let settings = settings(|_| {});
    let here = here_after(&many(8), &settings);
    assert!(plan(&here, listing(&many(6), &settings), &settings, NOON).guard.is_none(), "a quarter is fine");
    let guard = plan(&here, listing(&many(5), &settings), &settings, NOON).guard.unwrap();
    assert!(guard.contains("3 of the 8 devices"), "{guard}");
}

#[test]
fn a_row_that_cannot_be_read_disables_nothing() {
    let settings = settings(|_| {});
    let here = here_after(&many(8), &settings);
    let broken = many(6) + "not an address,h7\n";
    let planned = plan(&here, listing(&broken, &settings), &settings, NOON);
    assert_eq!((planned.report.refused, planned.report.disabled), (1, 0));
    assert!(planned.report.notes.iter().any(|note| note.contains("none is disabled")));
}

#[test]
fn the_platforms_of_other_programs_are_ours_or_said_to_be_unknown() {
    let settings = settings(|input| input.mappings = "platform our-own = eos".into());
    let csv = "ip,platform\n192.0.2.1,cisco-ios\n192.0.2.2,our-own\n192.0.2.3,abacus\n";
    let found = listing(csv, &settings);
    let platforms: Vec<_> = found.wanted.iter().map(|wanted| wanted.device.platform.as_deref()).collect();
    assert_eq!(platforms, [Some("ios"), Some("eos"), None]);
    assert!(found.notes[0].contains("\"abacus\" (1 device)"), "{:?}", found.notes);
}
