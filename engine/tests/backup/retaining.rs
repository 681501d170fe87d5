//! What retention says it would do, and what it then does.

use etiqa_engine::backup::config::find;
use etiqa_engine::backup::{find_run, inspect, prune, verify};
use etiqa_engine::store::run_write::run_set_removed_in_txn;
use etiqa_model::backup::{Retention, RetentionInput};
use etiqa_model::{BackupConfigId, RunId};

use crate::common::world::World;

/// Each archive's run, whether it stays, and why.
async fn fates(world: &World, id: BackupConfigId, counts: Option<Retention>) -> Vec<(i64, bool, String)> {
    let preview = prune::preview(&world.engine, id, counts).await.unwrap();
    preview.fates.into_iter().map(|fate| (fate.run.id.0, fate.keep, fate.reason)).collect()
}

fn newest(count: &str) -> Retention {
    let counts = RetentionInput { max_backups: count.into(), ..RetentionInput::default() };
    counts.parse().unwrap()
}

/// A config that keeps ten, with so many archives; the newest last.
async fn with_archives(count: usize) -> (World, BackupConfigId, Vec<RunId>) {
    let world = World::new().await;
    let config = world.add_config(|input| input.kind = "data".into()).await;
    let mut runs = Vec::new();
    for _ in 0..count {
        runs.push(world.run(config).await.id);
    }
    (world, config, runs)
}

#[tokio::test]
async fn a_preview_says_of_every_archive_whether_it_stays_and_why_and_changes_nothing() {
    let (world, config, runs) = with_archives(4).await;
    inspect::protect(&world.engine, runs[0], true, "ada").await.unwrap();
    let found = fates(&world, config, Some(newest("1"))).await;
    let words: Vec<(bool, &str)> = found.iter().map(|(_, keep, why)| (*keep, why.as_str())).collect();
    assert_eq!(
        words,
        [
            (true, "the newest good one"),
            (false, "older than what is kept"),
            (false, "older than what is kept"),
            (true, "protected"),
        ]
    );
    assert!(fates(&world, config, None).await.iter().all(|(_, keep, _)| *keep), "as it is, ten are kept");
    assert_eq!(world.archives().len(), 4);
}

#[tokio::test]
async fn what_is_damaged_or_not_here_is_spared_and_the_preview_says_so() {
    let (world, config, runs) = with_archives(4).await;
    let file = |run: usize| {
        let name = world.archives()[run].clone();
        world.engine.dir.backups().join(name)
    };
    let (first, second) = (file(0), file(1));
    let mut bytes = std::fs::read(&first).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&first, bytes).unwrap();
    verify::verify_run(&world.engine, runs[0]).await.unwrap();
    let aside = second.with_extension("aside");
    std::fs::rename(&second, &aside).unwrap();

    let found = fates(&world, config, Some(newest("1"))).await;
    let of = |run: usize| found.iter().find(|fate| fate.0 == runs[run].0).unwrap();
    assert!(of(0).1 && of(0).2.starts_with("damaged; kept for 60 days"), "{found:?}");
    assert!(of(1).1 && of(1).2.starts_with("its file is not here"), "{found:?}");
    assert!(!of(2).1, "{found:?}");

    let mut kept = find(&world.engine, "Daily").await.unwrap();
    kept.retention = newest("1");
    assert_eq!(
        prune::prune(&world.engine, &kept).await.unwrap(),
        1,
        "what the preview said, and nothing else"
    );
    std::fs::rename(&aside, &second).unwrap();
    assert_eq!(world.archives().len(), 3);
}

#[tokio::test]
async fn archives_that_were_carried_away_keep_no_place_from_those_that_are_here() {
    let (world, config, _) = with_archives(5).await;
    let folder = world.engine.dir.backups();
    let away = tempfile::tempdir_in(world.engine.dir.root()).unwrap();
    for file in &world.archives()[3..] {
        std::fs::rename(folder.join(file), away.path().join(file)).unwrap();
    }
    let found = fates(&world, config, Some(newest("2"))).await;
    let kept: Vec<bool> = found.iter().map(|(_, keep, _)| *keep).collect();
    assert_eq!(kept, [true, true, true, true, false], "the two newest that are here stay: {found:?}");
    assert!(found[0].2.starts_with("its file is not here"), "{found:?}");
    assert_eq!(found[2].2, "the newest good one");
}

#[tokio::test]
async fn an_archive_that_is_protected_while_retention_goes_on_stays() {
    let (world, _, runs) = with_archives(1).await;
    inspect::protect(&world.engine, runs[0], true, "ada").await.unwrap();
    let mut tx = world.engine.db.write().await.unwrap();
    let at = etiqa_engine::time::now();
    assert!(!run_set_removed_in_txn(&mut tx, runs[0], world.engine.dir.id(), at).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(find_run(&world.engine, runs[0]).await.unwrap().removed_at, None);
}
