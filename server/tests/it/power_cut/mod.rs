//! A power cut at any moment: whatever was not synced is lost, and still nothing is called good that is not.
//!
//! What a program did to its files is taken from a trace of its system calls, and done again on a disk that loses what was
//! not synced (`harness::disk`). A test that removes one of those syncs sees the damage: the others are worth something.

mod restoring;
mod retention;
mod rotation;
mod run;

use std::path::Path;
use std::process::Command as Process;

use etiqa_simulator::SimulatedDevice;
use tokio::process::Command;

use crate::harness::database::Database;
use crate::harness::devices::router;
use crate::harness::disk::{Call, Disk, TRACED, parse};
use crate::harness::world::ended;
use crate::harness::{Output, Server, World, until};

/// Moments at which the power is cut, besides the end.
const CUTS: usize = 24;

/// What a program did to a folder.
struct Deeds {
    /// The folder as it was before.
    before: Disk,
    calls: Vec<Call>,
}

impl Deeds {
    /// What a command does to `root` from its beginning to its end.
    async fn of(world: &World, root: &Path, etiqa: &Command) -> Self {
        let before = Disk::of(root);
        let trace = world.place().join("trace");
        ended(traced(etiqa, &trace).spawn().unwrap()).await.good();
        Self { before, calls: parse(&std::fs::read_to_string(trace).unwrap()) }
    }

    /// How many calls had come back at the moments when something has become lasting, or another name; a sample of
    /// them, and the end.
    fn moments(&self) -> Vec<usize> {
        let changes = |call: &Call| call.synced().is_some() || call.names();
        let moments: Vec<usize> =
            (1..=self.calls.len()).filter(|count| changes(&self.calls[count - 1])).collect();
        assert!(moments.len() > 5, "{} calls", self.calls.len());
        let sample = moments.iter().copied().step_by(moments.len().div_ceil(CUTS));
        sample.chain([self.calls.len()]).collect()
    }

    /// The folder `to` as it is when the power goes after the first `count` calls.
    fn cut(&self, count: usize, to: &Path) {
        self.left(&self.calls[..count], |_| true, to);
    }

    /// The folder `to` as it is when the power goes at the end, and the calls that are `missing` never happened.
    fn cut_without(&self, missing: impl Fn(&Call) -> bool, to: &Path) {
        assert!(self.calls.iter().any(&missing), "there is no such call");
        self.left(&self.calls, |call| !missing(call), to);
    }

    fn left(&self, calls: &[Call], happens: impl Fn(&Call) -> bool, to: &Path) {
        let mut disk = self.before.clone();
        for call in calls.iter().filter(|call| happens(call)) {
            disk.apply(call);
        }
        disk.after_power_cut(to);
    }
}

/// The same command under strace, which writes what it does to `trace`.
fn traced(etiqa: &Command, trace: &Path) -> Command {
    let etiqa = etiqa.as_std();
    let mut command = Command::new("strace");
    command.args(["-f", "-y", "-xx", "-qq", "-s", "16777216", "-e", "signal=none"]);
    command.args(["-e", &format!("trace={TRACED}")]).arg("-o").arg(trace);
    command.arg(etiqa.get_program()).args(etiqa.get_args());
    for (name, value) in etiqa.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.current_dir(etiqa.get_current_dir().unwrap()).kill_on_drop(true);
    command.stdin(std::process::Stdio::null());
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    command
}

/// A world with a device, a backup, and the archive of one run.
async fn world_with_an_archive(options: &[&str]) -> (World, SimulatedDevice) {
    let world = World::new();
    world.add_credential().await;
    let device = world.add_device(router("core-rtr-1")).await;
    world.add_backup_with("Nightly", "full", options).await;
    world.etiqa(["run-backups", "--force"]).await.good();
    (world, device)
}

/// What a server does to its data directory while it makes another archive, up to the moment when `is_done`.
async fn traced_run(world: &World, token: &str, is_done: impl AsyncFn() -> bool) -> Deeds {
    let before = Disk::of(&world.data());
    let trace = world.place().join("trace");
    let server = Server::start(traced(&world.command(["serve", "--listen", "127.0.0.1:0"]), &trace)).await;
    let asked = server.with_token(token).post("/backup/config/1/run/").await;
    assert_eq!(asked.status, 202);
    until("the run", async || {
        let status = server.with_token(token).get("/backup/status/").await.json();
        let last = &status["configs"][0]["last_run"];
        (last["id"] == 2 && last["status"] == "completed" && is_done().await).then_some(())
    })
    .await;
    let text = std::fs::read_to_string(&trace).unwrap();
    let process = text.split_whitespace().next().unwrap();
    assert!(Process::new("kill").args(["-9", process]).status().unwrap().success());
    server.died().await;
    Deeds { before, calls: parse(&std::fs::read_to_string(trace).unwrap()) }
}

/// A command in another data directory than the world's own.
async fn etiqa_in<const N: usize>(world: &World, data: &Path, arguments: [&str; N]) -> Output {
    let mut command = world.command(arguments);
    ended(command.env("ETIQA_DATA_DIR", data).spawn().unwrap()).await
}

async fn verify_all(world: &World, data: &Path) -> Output {
    etiqa_in(world, data, ["verify", "--all"]).await
}

/// Files in the folder of backups that neither the history promises nor a row names as left over.
async fn strangers(data: &Path) -> Vec<String> {
    let promised = "SELECT CASE WHEN removed_at IS NULL THEN COALESCE(file, '') ELSE '' END || '|' ||
                 COALESCE(leftover_file, '') FROM backup_run";
    let rows = Database::embedded(data).texts(promised).await;
    let names: Vec<&str> = rows.iter().flat_map(|row| row.split('|')).collect();
    let entries = std::fs::read_dir(data.join("backups")).unwrap();
    let files = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    files.filter(|file| !file.starts_with('.') && !names.contains(&file.as_str())).collect()
}

/// What a power cut left is started again, and the next run is good: whatever hung is ended, whatever was left is gone.
async fn the_next_run_is_good(world: &World, data: &Path, token: &str) {
    let mut command = world.command(["serve", "--listen", "127.0.0.1:0"]);
    command.env("ETIQA_DATA_DIR", data);
    let server = Server::start(command).await;
    let database = Database::embedded(data);
    let live = "SELECT COUNT(*) FROM backup_run WHERE status IN ('pending', 'running')";
    until("the end of every run", async || (database.number(live).await == 0).then_some(())).await;
    assert_eq!(server.with_token(token).post("/backup/config/1/run/").await.status, 202);
    let newest = "SELECT status FROM backup_run ORDER BY id DESC LIMIT 1";
    until("the next run", async || (database.texts(newest).await == ["completed"]).then_some(())).await;
    let left = "SELECT COUNT(*) FROM backup_run WHERE leftover_file IS NOT NULL";
    until("the end of retention", async || (database.number(left).await == 0).then_some(())).await;
    assert_eq!(server.stop().await.0, Some(0));
    verify_all(world, data).await.good();
    let kept = "SELECT COUNT(*) FROM backup_run WHERE file IS NOT NULL AND removed_at IS NULL";
    let files = std::fs::read_dir(data.join("backups")).unwrap().count();
    assert_eq!(
        database.number(kept).await,
        files as i64,
        "{}: every file is promised, and the other way round",
        data.display()
    );
}
