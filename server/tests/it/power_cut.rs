//! A power cut at any moment of a run: whatever was not synced is lost, and still nothing is called good that is not.

use std::path::Path;
use std::process::Command as Process;

use crate::harness::devices::router;
use crate::harness::disk::{Call, Disk, TRACED, parse};
use crate::harness::world::ended;
use crate::harness::{Server, World, until};

/// Moments of a run at which the power is cut, besides its end.
const CUTS: usize = 24;

/// A run, from a data directory with one archive in it: the disk as it was before, and what the program did.
async fn traced_run(world: &World) -> (Disk, Vec<Call>) {
    world.add_credential().await;
    let _device = world.add_device(router("core-rtr-1")).await;
    world.add_backup("Nightly", "full").await;
    world.etiqa(["run-backups", "--force"]).await.good();
    let token = world.token("operator").await;
    let before = Disk::of(&world.data());

    let trace = world.place().join("trace");
    let etiqa = world.command(["serve", "--listen", "127.0.0.1:0"]);
    let mut command = tokio::process::Command::new("strace");
    command.args([
        "-f",
        "-y",
        "-xx",
        "-qq",
        "-s",
        "16777216",
        "-e",
        &format!("trace={TRACED}"),
        "-e",
        "signal=none",
    ]);
    command.arg("-o").arg(&trace).arg(etiqa.as_std().get_program()).args(etiqa.as_std().get_args());
    command.env("ETIQA_DATA_DIR", world.data()).current_dir(world.place());
    command.stdin(std::process::Stdio::null()).stderr(std::process::Stdio::piped()).kill_on_drop(true);
    let server = Server::start(command).await;
    let asked = server.with_token(&token).post("/backup/config/1/run/").await;
    assert_eq!(asked.status, 202);
    until("the run", async || {
        let status = server.with_token(&token).get("/backup/status/").await.json();
        (status["configs"][0]["last_run"]["id"] == 2
            && status["configs"][0]["last_run"]["status"] == "completed")
            .then_some(())
    })
    .await;
    let text = std::fs::read_to_string(&trace).unwrap();
    let process = text.split_whitespace().next().unwrap();
    assert!(Process::new("kill").args(["-9", process]).status().unwrap().success());
    server.died().await;
    (before, parse(&std::fs::read_to_string(&trace).unwrap()))
}

/// The disk that is left when the power goes after the first `count` calls of those that `happens`.
fn left(before: &Disk, calls: &[Call], count: usize, happens: impl Fn(&Call) -> bool, to: &Path) {
    let mut disk = before.clone();
    for call in calls[..count].iter().filter(|call| happens(call)) {
        disk.apply(call);
    }
    disk.after_power_cut(to);
}

async fn verify_all(world: &World, data: &Path) -> crate::harness::Output {
    let mut command = world.command(["verify", "--all"]);
    ended(command.arg("--data-dir").arg(data).spawn().unwrap()).await
}

#[tokio::test]
async fn a_power_cut_at_any_moment_leaves_no_archive_that_looks_good_and_is_not() {
    let world = World::new();
    let (before, calls) = traced_run(&world).await;
    let moments: Vec<usize> = (1..calls.len())
        .filter(|count| calls[count - 1].synced().is_some() || calls[count - 1].names())
        .collect();
    assert!(moments.len() > 20, "{} calls", calls.len());
    for (number, count) in moments.iter().step_by(moments.len().div_ceil(CUTS)).enumerate() {
        let data = world.place().join(format!("cut-{number}"));
        left(&before, &calls, *count, |_| true, &data);
        let verified = verify_all(&world, &data).await.good();
        assert!(
            verified.stdout.contains(": whole, "),
            "cut {number}: the archive of before is there: {verified:?}"
        );
    }

    // At the end the program had said that the run is completed: its archive is there, and the next run is good.
    let data = world.place().join("end");
    left(&before, &calls, calls.len(), |_| true, &data);
    let verified = verify_all(&world, &data).await.good();
    assert_eq!(verified.stdout.matches(": whole, ").count(), 2, "{verified:?}");
    let mut command = world.command(["collect", "--all"]);
    // The device is gone; that the instance works is what is asked.
    let collected = ended(command.arg("--data-dir").arg(&data).spawn().unwrap()).await;
    assert_eq!(collected.code, 1, "{collected:?}");
}

#[tokio::test]
async fn a_missing_sync_would_be_seen() {
    let world = World::new();
    let (before, calls) = traced_run(&world).await;
    let backups = world.data().join("backups").canonicalize().unwrap();
    let is_archive = |call: &Call| call.synced().is_some_and(|path| path.parent() == Some(backups.as_path()));
    let is_folder = |call: &Call| call.synced().is_some_and(|path| path == backups);
    assert!(calls.iter().any(is_archive) && calls.iter().any(is_folder));

    let data = world.place().join("no-bytes");
    left(&before, &calls, calls.len(), |call| !is_archive(call), &data);
    let verified = verify_all(&world, &data).await.failed();
    assert!(verified.stdout.contains("DAMAGED"), "the archive was not synced: {verified:?}");

    let data = world.place().join("no-name");
    left(&before, &calls, calls.len(), |call| !is_folder(call), &data);
    let verified = verify_all(&world, &data).await.failed();
    assert!(verified.stdout.contains("The file is gone"), "its name was not synced: {verified:?}");
}
