//! Files that people attach to devices.

use etiqa_engine::media::{self, Attaching};
use etiqa_engine::store::run_note::run_note_list;
use etiqa_engine::{Engine, inventory};
use etiqa_model::DeviceId;
use etiqa_model::media::{Media, Refused};

use crate::common::world::World;

async fn attach(engine: &Engine, device: DeviceId, name: &str, bytes: &[u8]) -> Media {
    let mut attaching = Attaching::begin(engine, device, name).await.unwrap();
    for piece in bytes.chunks(1000) {
        attaching.write(piece).await.unwrap();
    }
    attaching.finish("ada").await.unwrap()
}

async fn names(world: &World, device: DeviceId) -> Vec<String> {
    let listed = media::list(&world.engine, device).await.unwrap();
    listed.files.into_iter().map(|file| file.file_name).collect()
}

/// What lies in the folder of attached files, sorted.
fn on_disk(world: &World) -> Vec<String> {
    let mut found = Vec::new();
    for folder in std::fs::read_dir(world.engine.dir.media()).unwrap() {
        let folder = folder.unwrap();
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let name = file.unwrap().file_name();
            found.push(format!("{}/{}", folder.file_name().display(), name.display()));
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn a_file_is_kept_under_a_safe_name_that_no_other_has() {
    let world = World::new().await;
    let (_simulated, id) = world.add_ios().await;
    let first = attach(&world.engine, id, "../../rack plan.pdf", b"one").await;
    let second = attach(&world.engine, id, "C:\\docs\\rack plan.pdf", b"two").await;
    assert_eq!((first.file_name.as_str(), second.file_name.as_str()), ("rack_plan.pdf", "rack_plan_2.pdf"));
    assert_eq!(on_disk(&world), [format!("{id}/rack_plan.pdf"), format!("{id}/rack_plan_2.pdf")]);
    let (_, path) = media::open(&world.engine, second.id).await.unwrap();
    assert_eq!(std::fs::read(path).unwrap(), b"two");

    media::remove(&world.engine, first.id).await.unwrap();
    assert_eq!(names(&world, id).await, ["rack_plan_2.pdf"]);
    assert_eq!(on_disk(&world), [format!("{id}/rack_plan_2.pdf")]);
}

#[tokio::test]
async fn a_file_that_is_too_large_is_refused_and_leaves_nothing_behind() {
    let world = World::new().await;
    let (_simulated, id) = world.add_ios().await;
    world.set(|settings| settings.max_media_mib = 1).await;
    let mut attaching = Attaching::begin(&world.engine, id, "big.bin").await.unwrap();
    attaching.write(&vec![7; 1 << 20]).await.unwrap();
    assert_eq!(attaching.write(b"!").await, Err(Refused::TooLarge));
    drop(attaching);
    let empty = Attaching::begin(&world.engine, id, "empty.bin").await.unwrap();
    assert!(empty.finish("ada").await.is_err());
    assert_eq!(names(&world, id).await, [] as [&str; 0]);
    assert_eq!(on_disk(&world), [] as [&str; 0]);
}

#[tokio::test]
async fn a_file_that_somebody_took_away_is_said_to_be_missing_and_its_name_is_not_given_again() {
    let world = World::new().await;
    let (_simulated, id) = world.add_ios().await;
    let first = attach(&world.engine, id, "plan.pdf", b"one").await;
    let (_, path) = media::open(&world.engine, first.id).await.unwrap();
    std::fs::remove_file(path).unwrap();
    assert!(media::list(&world.engine, id).await.unwrap().files[0].is_missing);
    assert_eq!(attach(&world.engine, id, "plan.pdf", b"two").await.file_name, "plan_2.pdf");
}

#[tokio::test]
async fn an_archive_says_how_many_attached_files_are_not_in_it_as_they_were() {
    let world = World::new().await;
    let (_simulated, id) = world.add_ios().await;
    let config = world.add_config(|input| input.kind = "data".into()).await;
    for (name, now) in [("whole.pdf", None), ("rotten.pdf", Some("two")), ("gone.pdf", Some(""))] {
        let file = attach(&world.engine, id, name, b"one").await;
        let (_, path) = media::open(&world.engine, file.id).await.unwrap();
        match now {
            Some("") => std::fs::remove_file(path).unwrap(),
            Some(text) => std::fs::write(path, text).unwrap(),
            None => {}
        }
    }
    let run = world.run(config).await;
    let notes = run_note_list(&world.engine.db, run.id, 10).await.unwrap();
    assert!(notes[0].note.starts_with("2 attached files are missing or damaged"), "{notes:?}");
    let manifest: serde_json::Value =
        serde_json::from_str(&world.entry(&run.file.unwrap(), "manifest.json")).unwrap();
    assert_eq!(manifest["counts"]["media_missing"], 2);
}

#[tokio::test]
async fn the_files_of_a_device_go_with_it_and_those_of_others_stay() {
    let world = World::new().await;
    let (_one, id) = world.add_ios().await;
    let (_two, other) = world.add_ios().await;
    attach(&world.engine, id, "plan.pdf", b"one").await;
    attach(&world.engine, other, "plan.pdf", b"two").await;
    inventory::delete(&world.engine, id).await.unwrap();
    assert_eq!(on_disk(&world), [format!("{other}/plan.pdf")]);
    assert!(!world.engine.dir.media().join(id.to_string()).exists());
}

#[tokio::test]
async fn archives_take_attached_files_along_but_none_that_is_still_coming() {
    let world = World::new().await;
    let (_simulated, id) = world.add_ios().await;
    attach(&world.engine, id, "plan.pdf", b"%PDF").await;
    let mut coming = Attaching::begin(&world.engine, id, "other.pdf").await.unwrap();
    coming.write(b"half").await.unwrap();
    let config = world.add_config(|input| input.kind = "data".into()).await;
    let run = world.run(config).await;
    let archive = run.file.unwrap();
    assert_eq!(world.entry(&archive, &format!("media/{id}/plan.pdf")), "%PDF");
    assert!(!world.entry(&archive, "manifest.json").contains("incoming"));
    assert!(world.entry(&archive, "database.json").contains("plan.pdf"));
}
