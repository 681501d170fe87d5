//! A rotation of the key: the key on the disk is always one that opens what is in the database.

use etiqa_simulator::SimulatedDevice;

use crate::harness::World;

use super::{Deeds, etiqa_in, verify_all, world_with_an_archive};

/// Sealed archives, and a login: both need the key.
async fn rotation() -> (World, SimulatedDevice, Deeds) {
    let (world, device) = world_with_an_archive(&["--generate-passphrase"]).await;
    let deeds = Deeds::of(&world, &world.data(), &world.command(["key", "rotate"])).await;
    (world, device, deeds)
}

#[tokio::test]
async fn a_power_cut_at_any_moment_of_a_key_rotation_loses_no_secret() {
    let (world, _device, deeds) = rotation().await;
    for (number, count) in deeds.moments().into_iter().enumerate() {
        let data = world.place().join(format!("cut-{number}"));
        deeds.cut(count, &data);
        let collected = etiqa_in(&world, &data, ["collect", "--all"]).await;
        assert_eq!(collected.code, 0, "cut {number}: the login opens: {collected:?}");
        let verified = verify_all(&world, &data).await.good();
        assert!(verified.stdout.contains(": whole, "), "cut {number}: the passphrase opens: {verified:?}");
        assert!(!data.join("secret.key.new").exists(), "cut {number}: it was brought to its end");
    }
}

#[tokio::test]
async fn a_missing_sync_of_a_key_rotation_would_be_seen() {
    let (world, _device, deeds) = rotation().await;
    let data = world.place().join("no-key");
    deeds.cut_without(|call| call.synced().is_some_and(|path| path.ends_with("secret.key.new")), &data);
    let collected = etiqa_in(&world, &data, ["collect", "--all"]).await.failed();
    assert!(collected.stderr.contains("key"), "the new key was not synced: {collected:?}");
}
