//! A run.

use crate::harness::World;
use crate::harness::disk::Call;

use super::{
    Deeds, etiqa_in, strangers, the_next_run_is_good, traced_run, verify_all, world_with_an_archive,
};

async fn run(world: &World) -> (Deeds, String) {
    let token = world.token("operator").await;
    (traced_run(world, &token, async || true).await, token)
}

#[tokio::test]
async fn a_power_cut_at_any_moment_of_a_run_leaves_no_archive_that_looks_good_and_is_not() {
    let (world, _device) = world_with_an_archive(&[]).await;
    let (deeds, token) = run(&world).await;
    for (number, count) in deeds.moments().into_iter().enumerate() {
        let data = world.place().join(format!("cut-{number}"));
        deeds.cut(count, &data);
        let verified = verify_all(&world, &data).await.good();
        let archives = verified.stdout.matches(": whole, ").count();
        assert!(archives >= 1, "cut {number}: the archive of before is there: {verified:?}");
        assert_eq!(strangers(&data).await, Vec::<String>::new(), "cut {number}");
        if count == deeds.calls.len() {
            // The program had said that the run is completed.
            assert_eq!(archives, 2, "{verified:?}");
            etiqa_in(&world, &data, ["collect", "--all"]).await.good();
        }
        if number % 8 == 7 {
            the_next_run_is_good(&world, &data, &token).await;
        }
    }
}

#[tokio::test]
async fn a_missing_sync_of_a_run_would_be_seen() {
    let (world, _device) = world_with_an_archive(&[]).await;
    let (deeds, _) = run(&world).await;
    let backups = world.data().join("backups").canonicalize().unwrap();
    let is_archive = |call: &Call| call.synced().is_some_and(|path| path.parent() == Some(backups.as_path()));
    let is_folder = |call: &Call| call.synced().is_some_and(|path| path == backups);

    let data = world.place().join("no-bytes");
    deeds.cut_without(is_archive, &data);
    let verified = verify_all(&world, &data).await.failed();
    assert!(verified.stdout.contains("DAMAGED"), "the archive was not synced: {verified:?}");

    let data = world.place().join("no-name");
    deeds.cut_without(is_folder, &data);
    let verified = verify_all(&world, &data).await.failed();
    assert!(verified.stdout.contains("The file is gone"), "its name was not synced: {verified:?}");
}
