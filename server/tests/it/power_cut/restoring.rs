//! A restore into a new data directory: all of an instance, or none.

use std::path::{Path, PathBuf};

use etiqa_simulator::SimulatedDevice;

use crate::harness::World;
use crate::harness::database::Database;
use crate::harness::world::ended;

use super::{Deeds, etiqa_in, world_with_an_archive};

/// What somebody finds where an archive was to be restored.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// Nothing, or a directory in which nothing starts.
    Nothing,
    /// An instance with everything that the archive held.
    Everything,
    /// One that starts, and is not what the archive held.
    Less(String),
}

async fn found(world: &World, new: &Path) -> Found {
    if std::fs::read_dir(new).map_or(0, Iterator::count) == 0 {
        return Found::Nothing;
    }
    let status = etiqa_in(world, new, ["backup-status", "--json"]).await;
    if status.code != 0 {
        let is_told = status.stderr.contains("did not come to its end");
        return if is_told { Found::Nothing } else { Found::Less(format!("{status:?}")) };
    }
    let configs = status.json()["summary"]["configs"].clone();
    let versions = Database::embedded(new).number("SELECT COUNT(*) FROM config_version").await;
    let plan = std::fs::read_to_string(new.join("media/rack/plan.txt")).unwrap_or_default();
    // That it logs in shows that the key is there, and fits.
    let collected = etiqa_in(world, new, ["collect", "--all"]).await;
    if configs == 1 && versions >= 1 && plan == "top of rack" && collected.code == 0 {
        return Found::Everything;
    }
    Found::Less(format!("{configs} configs, {versions} versions, plan {plan:?}, {collected:?}"))
}

/// A world, its archive, and what restoring that did to the folder that it was restored into.
async fn restoring() -> (World, SimulatedDevice, PathBuf, Deeds) {
    let (world, device) = world_with_an_archive(&[]).await;
    std::fs::create_dir(world.data().join("media/rack")).unwrap();
    std::fs::write(world.data().join("media/rack/plan.txt"), "top of rack").unwrap();
    std::fs::remove_file(world.archive()).unwrap();
    world.etiqa(["run-backups", "--force"]).await.good();
    let archive = world.archive();
    let folder = world.place().join("restored");
    std::fs::create_dir(&folder).unwrap();
    let deeds = Deeds::of(&world, &folder, &restore(&world, &archive, &folder.join("new"))).await;
    (world, device, archive, deeds)
}

fn restore(world: &World, archive: &Path, new: &Path) -> tokio::process::Command {
    let mut command = world.command(["restore"]);
    command.arg(archive).arg("--key-file").arg(world.data().join("secret.key"));
    command.env("ETIQA_DATA_DIR", new);
    command
}

#[tokio::test]
async fn a_power_cut_at_any_moment_of_a_restore_leaves_all_of_an_instance_or_none() {
    let (world, _device, archive, deeds) = restoring().await;
    for (number, count) in deeds.moments().into_iter().enumerate() {
        let folder = world.place().join(format!("cut-{number}"));
        deeds.cut(count, &folder);
        let new = folder.join("new");
        let mut left = found(&world, &new).await;
        let has_ended = count == deeds.calls.len();
        if left == Found::Nothing && !has_ended {
            ended(restore(&world, &archive, &new).spawn().unwrap()).await.good();
            left = found(&world, &new).await;
        }
        assert_eq!(left, Found::Everything, "cut {number} after {count} of {} calls", deeds.calls.len());
    }
}

#[tokio::test]
async fn a_missing_sync_of_a_restore_would_be_seen() {
    let (world, _device, _archive, deeds) = restoring().await;
    for (name, file) in
        [("no-database", "etiqa.db.restoring"), ("no-key", "secret.key"), ("no-file", "plan.txt")]
    {
        let folder = world.place().join(name);
        deeds.cut_without(|call| call.synced().is_some_and(|path| path.ends_with(file)), &folder);
        let found = found(&world, &folder.join("new")).await;
        assert!(matches!(found, Found::Less(_)), "{file} was not synced: {found:?}");
    }
}
