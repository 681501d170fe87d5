//! Retention: the row gives an archive up before its file goes.

use crate::harness::World;
use crate::harness::database::Database;

use super::{Deeds, strangers, the_next_run_is_good, traced_run, verify_all, world_with_an_archive};

/// A run after which the archive of before is one too many.
async fn retention(world: &World) -> (Deeds, String) {
    let token = world.token("operator").await;
    let left = "SELECT COUNT(*) FROM backup_run WHERE leftover_file IS NOT NULL OR removed_at IS NULL";
    let is_swept = async || world.backups().len() == 1 && world.database.number(left).await == 1;
    (traced_run(world, &token, is_swept).await, token)
}

#[tokio::test]
async fn a_power_cut_at_any_moment_of_retention_promises_no_file_that_is_gone() {
    let (world, _device) = world_with_an_archive(&["--max-backups", "1"]).await;
    let versions = "SELECT COUNT(*) FROM config_version";
    let (deeds, token) = retention(&world).await;
    let known = world.database.number(versions).await;
    for (number, count) in deeds.moments().into_iter().enumerate() {
        let data = world.place().join(format!("cut-{number}"));
        deeds.cut(count, &data);
        let verified = verify_all(&world, &data).await.good();
        assert!(verified.stdout.contains(": whole, "), "cut {number}: there is always one: {verified:?}");
        assert_eq!(strangers(&data).await, Vec::<String>::new(), "cut {number}: nothing is left for ever");
        assert_eq!(Database::embedded(&data).number(versions).await, known, "cut {number}: no row is lost");
        if number % 8 == 7 {
            the_next_run_is_good(&world, &data, &token).await;
        }
    }
}

#[tokio::test]
async fn a_missing_sync_of_retention_would_be_seen() {
    let (world, _device) = world_with_an_archive(&["--max-backups", "1"]).await;
    let (deeds, _) = retention(&world).await;
    let data = world.place().join("no-row");
    deeds.cut_without(|call| call.synced().is_some_and(|path| path.ends_with("etiqa.db-wal")), &data);
    let verified = verify_all(&world, &data).await.failed();
    assert!(verified.stdout.contains("The file is gone"), "the row was not synced: {verified:?}");

    let data = world.place().join("no-name");
    let backups = world.data().join("backups").canonicalize().unwrap();
    let last =
        deeds.calls.iter().rposition(|call| call.synced().is_some_and(|path| path == backups)).unwrap();
    let last = &raw const deeds.calls[last];
    deeds.cut_without(|call| std::ptr::eq(call, last), &data);
    assert_eq!(
        strangers(&data).await.len(),
        1,
        "that the file is gone was not synced, and nobody knows of it"
    );
}
