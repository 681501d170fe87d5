//! Several machines on one PostgreSQL, each with a data directory of its own.

use std::path::Path;
use std::sync::Arc;

use etiqa_engine::drivers::driver_rows;
use etiqa_engine::{Engine, Options, Role};

use crate::common::postgres_url;
use crate::common::world::World;

async fn machine(folder: &Path, url: &str) -> Arc<Engine> {
    let options = Options {
        data_dir: folder.to_owned(),
        database_url: Some(url.to_owned()),
        // One key for all of them.
        secret_key_file: Some(folder.parent().unwrap().join("secret.key")),
        ca_file: None,
    };
    Engine::open(options, Role::Command).await.unwrap()
}

async fn has_own_driver(engine: &Engine) -> bool {
    driver_rows(engine).await.unwrap().iter().any(|row| row.name == "our-switch")
}

#[tokio::test]
async fn a_driver_goes_when_its_own_folder_lacks_it_and_not_when_another_does() {
    let folder = tempfile::tempdir().unwrap();
    let url = postgres_url().await;
    let vienna = machine(&folder.path().join("vienna"), &url).await;
    let file = vienna.dir.drivers().join("our-switch.toml");
    std::fs::write(&file, include_str!("../../../drivers/frr.toml")).unwrap();
    assert!(has_own_driver(&vienna).await);

    let graz = machine(&folder.path().join("graz"), &url).await;
    assert!(has_own_driver(&graz).await, "every machine uses it");
    assert!(has_own_driver(&vienna).await, "and none of them takes it away");

    std::fs::remove_file(&file).unwrap();
    assert!(has_own_driver(&graz).await);
    assert!(!has_own_driver(&vienna).await);
}

#[tokio::test]
async fn who_replaces_the_key_is_alone_with_it() {
    let world = World::new().await;
    let other = world.another_engine().await;
    assert!(!world.engine.is_alone().unwrap(), "another command holds the old key");
    drop(other);
    assert!(world.engine.is_alone().unwrap());
    let options = Options {
        data_dir: world.engine.dir.root().to_owned(),
        database_url: None,
        secret_key_file: None,
        ca_file: None,
    };
    let refused = Engine::open(options, Role::Command).await.unwrap_err().into_user_error();
    assert!(refused.message.starts_with("The key is being replaced"), "{refused:?}");
}
