//! A run that is stopped while it packs or verifies leaves nothing behind.

use std::sync::Arc;
use std::time::Duration;

use etiqa_engine::backup::{execute_run, start};
use etiqa_model::run::Trigger;

use crate::common::world::World;

#[tokio::test]
async fn a_run_that_is_stopped_while_it_packs_ends_soon_and_leaves_no_file() {
    let world = World::new().await;
    let big = std::fs::File::create(world.engine.dir.media().join("big.bin")).unwrap();
    big.set_len(4 << 30).unwrap();
    let config = world.add_config(|input| input.kind = "data".into()).await;
    let queued = start::start(&world.engine, config, Trigger::Manual).await.unwrap();
    let going = tokio::spawn({
        let engine = Arc::clone(&world.engine);
        async move { execute_run(&engine, queued.run).await }
    });
    while world.archives().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    world.engine.stopping.cancel();
    tokio::time::timeout(Duration::from_secs(20), going).await.expect("it ends soon").unwrap().unwrap();
    assert_eq!(world.archives(), Vec::<String>::new());
}
