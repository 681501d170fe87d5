//! Texts as files, as they are and as they were.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use etiqa_engine::history::export::{Whose, text_file, texts_zip};
use etiqa_engine::history::{Reader, text_read};
use etiqa_model::compare::{Moment, Reading};
use etiqa_model::user::Role;
use serde_json::Value;

use crate::common::world::World;

/// The files of a zip, by name.
async fn files(world: &World, whose: Whose, at: Option<Moment>, reader: Reader) -> BTreeMap<String, String> {
    let mut export = texts_zip(&world.engine, &Role::Admin.into(), whose, at, reader, "UTC").await.unwrap();
    assert!(export.file_name.ends_with("Z.zip"), "{}", export.file_name);
    let mut bytes = Vec::new();
    while let Some(piece) = export.pieces.recv().await {
        bytes.extend(piece.unwrap());
    }
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut files = BTreeMap::new();
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).unwrap();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        let name = entry.name().unwrap().into_owned();
        files.insert(name, text);
    }
    files
}

#[tokio::test]
async fn the_whole_network_is_handed_out_as_it_was_at_a_time() {
    let world = World::new().await;
    let (simulated, id) = world.add_ios().await;
    let (_other, _) = world.add_ios().await;
    world.collect(id).await;
    let first = world.versions(id).await[0].clone();
    simulated.change_config();
    world.collect(id).await;
    let second = world.versions(id).await[0].clone();
    let folder = world.device(id).await.hostname;
    let name = format!("{folder}/running.cfg");

    let then =
        files(&world, Whose::Network, Some(Moment::Exact(first.collected_at)), Role::Admin.into()).await;
    assert_eq!(then[&name], text_read(&world.engine.db, &first.sha256).await.unwrap());
    let now = files(&world, Whose::Network, None, Role::Admin.into()).await;
    assert_eq!(now[&name], text_read(&world.engine.db, &second.sha256).await.unwrap());
    let list: Value = serde_json::from_str(&now["texts.json"]).unwrap();
    let of_it: Vec<_> =
        list["texts"].as_array().unwrap().iter().filter(|text| text["hostname"] == *folder).collect();
    assert!(of_it.iter().any(|text| text["file"] == *name && text["version"] == 2), "{list}");
    let long_ago = Moment::parse("2020-01-01").unwrap();
    let nothing = files(&world, Whose::Network, Some(long_ago), Role::Admin.into()).await;
    assert_eq!(nothing.keys().collect::<Vec<_>>(), ["texts.json"], "nothing had been taken by then");
}

#[tokio::test]
async fn a_time_is_read_as_the_clock_of_its_reader_shows_it() {
    let world = World::new().await;
    let (_simulated, id) = world.add_ios().await;
    world.collect(id).await;
    let taken = world.versions(id).await[0].collected_at.to_utc();
    // Two hours east the clock shows two hours more.
    let shown = (taken + std::time::Duration::from_mins(121)).format("%Y-%m-%d %H:%M").to_string();
    let at = Moment::parse(&shown).unwrap();
    let ask = async |zone: &str| {
        let mut export = texts_zip(
            &world.engine,
            &Role::Admin.into(),
            Whose::Device(id),
            Some(at),
            Role::Admin.into(),
            zone,
        )
        .await
        .unwrap();
        let mut bytes = Vec::new();
        while let Some(piece) = export.pieces.recv().await {
            bytes.extend(piece.unwrap());
        }
        zip::ZipArchive::new(Cursor::new(bytes)).unwrap().len()
    };
    assert!(ask("Etc/GMT-2").await > 1, "two hours east it is now");
    assert_eq!(ask("Etc/GMT-4").await, 1, "four hours east it was two hours ago");
}

#[tokio::test]
async fn two_devices_of_one_name_have_folders_of_their_own() {
    let world = World::new().await;
    let (_first, one) = world.add_ios().await;
    let (_second, other) = world.add_ios().await;
    for id in [one, other] {
        let mut input = world.device(id).await.to_input();
        input.hostname = "core".into();
        etiqa_engine::inventory::save(&world.engine, Some(id), &input).await.unwrap();
        world.collect(id).await;
    }
    let found = files(&world, Whose::Network, None, Role::Admin.into()).await;
    assert!(
        found.contains_key("core/running.cfg") && found.contains_key("core_2/running.cfg"),
        "{:?}",
        found.keys()
    );
}

#[tokio::test]
async fn viewers_are_handed_texts_without_their_secrets() {
    let world = World::new().await;
    let (simulated, id) = world.add_ios().await;
    let secret = "snmp-server community c4n4ry RO\nend\n";
    simulated.set_config(simulated.config().replace("\nend\n", &format!("\n{secret}")));
    world.collect(id).await;
    let whole = files(&world, Whose::Network, None, Role::Operator.into()).await;
    assert!(format!("{whole:?}").contains("c4n4ry"));
    let asked = Reader::new(Role::Operator, Reading { masked: true, without_volatile: false });
    for reader in [Role::Viewer.into(), asked] {
        let masked = files(&world, Whose::Network, None, reader).await;
        assert!(masked.len() > 1 && !format!("{masked:?}").contains("c4n4ry"));
        let (name, text) = text_file(&world.engine, world.versions(id).await[0].id, reader).await.unwrap();
        assert!(name.ends_with("_running_v1.cfg") && !text.contains("c4n4ry"), "{name}");
    }
}
