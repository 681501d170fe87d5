//! The hash of a text beside the masked text would let a viewer try out what was masked.

use etiqa_engine::history::{Reader, read};
use etiqa_engine::{inventory, overview};
use etiqa_model::compare::Reading;
use etiqa_model::opened::Opened;
use etiqa_model::page::Page;
use etiqa_model::user::Role;

use crate::common::world::World;

#[tokio::test]
async fn the_hash_of_a_text_is_for_those_alone_who_may_see_that_text() {
    let world = World::new().await;
    let (simulated, id) = world.add_ios().await;
    world.collect(id).await;
    simulated.change_config();
    world.collect(id).await;
    let engine = &world.engine;
    let version = world.versions(id).await[0].clone();
    assert_eq!(version.sha256.len(), 64);
    let masked = Reader::new(Role::Admin, Reading { masked: true, without_volatile: false });
    for (reader, is_given) in [
        (Role::Viewer.into(), false),
        (masked, false),
        (Role::Operator.into(), true),
        (Role::Admin.into(), true),
    ] {
        let row = read::version_for(engine, version.id, reader).await.unwrap();
        assert_eq!(row.sha256, is_given.then(|| version.sha256.clone()), "{reader:?}");
    }

    let viewer = Role::Viewer;
    let answers = [
        serde_json::to_string(&read::version(engine, version.id).await.unwrap()),
        serde_json::to_string(&read::version_for(engine, version.id, viewer.into()).await.unwrap()),
        serde_json::to_string(&read::config_text(engine, version.id, viewer.into()).await.unwrap()),
        serde_json::to_string(
            &read::version_diff(engine, version.id, None, viewer.into(), Opened::default()).await.unwrap(),
        ),
        serde_json::to_string(&read::list_active(engine, &viewer.into(), "", Page::default()).await.unwrap()),
        serde_json::to_string(&read::list_all(engine, "", Page::default()).await.unwrap()),
        serde_json::to_string(&read::list_versions(engine, id, "running", None).await.unwrap()),
        serde_json::to_string(&inventory::detail(engine, id).await.unwrap()),
        serde_json::to_string(&overview::overview(engine, &viewer.into()).await.unwrap()),
    ];
    for answer in answers {
        let answer = answer.unwrap();
        assert!(answer.contains(&version.part) && !answer.contains(&version.sha256), "{answer}");
    }
}
