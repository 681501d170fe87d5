//! A network whose texts a test writes itself, its mirror, and Git to read that with.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use etiqa_engine::backup::mirror::{Address, CommitId, PushError, Pushed, Remote, RemoteLogin, Texts};
use etiqa_engine::backup::mirror::{mirror_run, push};
use etiqa_engine::backup::{find_run, start};
use etiqa_engine::collect::{Limits, Trust};
use etiqa_engine::error::Error;
use etiqa_engine::hex::sha256_hex;
use etiqa_engine::store::config_version::{NewVersion, text_insert_in_txn, version_insert_in_txn};
use etiqa_engine::store::device_write::device_insert_in_txn;
use etiqa_model::config::VersionState;
use etiqa_model::run::{Run, Trigger};
use etiqa_model::{DeviceId, RunId, Timestamp};

use crate::common::world::World;
use crate::common::{at, device, here};

/// Devices that nobody logs in to: what they "gave" is written into the store.
pub(crate) struct Network {
    pub(crate) world: World,
    run: Run,
    runs: Cell<i64>,
    devices: Cell<i64>,
    /// What of the texts the mirror holds.
    pub(crate) texts: Cell<Texts>,
}

impl Network {
    pub(crate) async fn new() -> Self {
        Self::covering("all").await
    }

    /// With a backup config that covers `devices`.
    pub(crate) async fn covering(devices: &str) -> Self {
        let world = World::new().await;
        let config = world.add_config(|input| input.devices = devices.into()).await;
        let queued = start::start(&world.engine, config, Trigger::Manual).await.unwrap();
        let run = find_run(&world.engine, queued.run).await.unwrap();
        Self { world, run, runs: Cell::new(0), devices: Cell::new(0), texts: Cell::new(Texts::Whole) }
    }

    /// Adds a device, whatever its name is.
    pub(crate) async fn device(&self, hostname: &str) -> DeviceId {
        self.devices_of(&[hostname]).await[0]
    }

    pub(crate) async fn devices_of(&self, hostnames: &[&str]) -> Vec<DeviceId> {
        let rows: Vec<_> = hostnames
            .iter()
            .map(|hostname| {
                let number = self.devices.replace(self.devices.get() + 1);
                let address = format!("10.{}.{}.{}", number / 65_536, number / 256 % 256, number % 256);
                let mut row = device(&address, |input| input.platform = "ios".into());
                (*hostname).clone_into(&mut row.device.hostname);
                row
            })
            .collect();
        let mut tx = self.world.engine.db.write().await.unwrap();
        let ids = device_insert_in_txn(&mut tx, &rows, at(0)).await.unwrap();
        tx.commit().await.unwrap();
        ids
    }

    /// Gives a part of a device its next version.
    pub(crate) async fn give(&self, id: DeviceId, part: &str, text: &str) {
        self.give_all(&[(id, part, text)], "ios").await;
    }

    /// The same for many, taken by `driver`.
    pub(crate) async fn give_all(&self, texts: &[(DeviceId, &str, &str)], driver: &str) {
        self.give_at(at(self.runs.get()), texts, driver).await;
    }

    /// The same, taken at a time.
    pub(crate) async fn give_at(
        &self,
        collected_at: Timestamp,
        texts: &[(DeviceId, &str, &str)],
        driver: &str,
    ) {
        let mut tx = self.world.engine.db.write().await.unwrap();
        for (id, part, text) in texts {
            let sha256 = sha256_hex(text.as_bytes());
            let zstd = zstd::bulk::compress(text.as_bytes(), 3).unwrap();
            text_insert_in_txn(&mut tx, &sha256, text.len() as u64, zstd).await.unwrap();
            let new = NewVersion {
                device_id: *id,
                part: (*part).to_owned(),
                state: VersionState::Active,
                text_sha256: sha256.clone(),
                compare_sha256: sha256,
                size_bytes: text.len() as u64,
                lines: 0,
                added: 0,
                removed: 0,
                collected_at,
                run_id: None,
                driver: driver.to_owned(),
                driver_sha256: String::new(),
            };
            version_insert_in_txn(&mut tx, &new).await.unwrap();
        }
        tx.commit().await.unwrap();
    }

    /// The next run of the backup config, which ended a minute after the one before it.
    pub(crate) fn next_run(&self) -> Run {
        let number = self.runs.get() + 1;
        self.runs.set(number);
        Run { id: RunId(number), finished_at: Some(at(number * 60)), ..self.run.clone() }
    }

    /// Mirrors the next run.
    pub(crate) async fn mirror(&self) -> Option<CommitId> {
        self.try_mirror().await.unwrap()
    }

    pub(crate) async fn try_mirror(&self) -> Result<Option<CommitId>, Error> {
        self.mirror_of(&self.next_run()).await
    }

    /// Mirrors a run whose turn it is only now.
    pub(crate) async fn mirror_of(&self, run: &Run) -> Result<Option<CommitId>, Error> {
        mirror_run(&self.world.engine, &self.repository(), "main", self.texts.get(), run).await
    }

    /// The sentence that a person reads of a mirroring that is refused.
    pub(crate) async fn refused(&self) -> String {
        self.try_mirror().await.unwrap_err().into_user_error().message
    }

    pub(crate) fn repository(&self) -> PathBuf {
        self.world.engine.dir.root().join("mirror/7")
    }

    /// What Git prints of the mirror.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        git(&self.repository(), arguments)
    }

    /// Commits of the branch, those that Git finds sound.
    pub(crate) fn commits(&self) -> usize {
        is_sound(&self.repository());
        self.git(&["rev-list", "--count", "main"]).trim().parse().unwrap()
    }

    /// A file of the last commit.
    pub(crate) fn file(&self, path: &str) -> String {
        self.git(&["show", &format!("main:{path}")])
    }

    /// Every file of the last commit, with slashes.
    pub(crate) fn files(&self) -> Vec<String> {
        self.git(&["ls-tree", "-r", "--name-only", "main"]).lines().map(str::to_owned).collect()
    }

    /// The last commit's message.
    pub(crate) fn message(&self) -> String {
        self.git(&["log", "-1", "--format=%B", "main"]).trim_end().to_owned()
    }

    pub(crate) async fn push(&self, remote: &Remote) -> Result<Pushed, PushError> {
        push(&self.repository(), remote, "main").await
    }
}

/// A mirror with one commit of one device.
pub(crate) async fn mirrored() -> (Network, DeviceId) {
    let network = Network::new().await;
    let id = network.device("core-1").await;
    network.give(id, "running", "hostname core-1\nend\n").await;
    network.mirror().await.unwrap();
    (network, id)
}

/// Lets Git find every error, also those that it forgives by itself.
pub(crate) fn is_sound(repository: &Path) {
    let output = run_git(repository, &["fsck", "--strict", "--full", "--no-dangling"]);
    let said =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && !said.contains("warning"), "{said}");
}

pub(crate) fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = run_git(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn run_git(folder: &Path, arguments: &[&str]) -> Output {
    // Without the settings of whoever runs the tests.
    let settings =
        ["user.name=test", "user.email=test@localhost", "safe.directory=*", "init.defaultBranch=main"];
    let settings = settings.iter().flat_map(|setting| ["-c", setting]);
    let command = Command::new("git")
        .current_dir(folder)
        .args(settings)
        .args(arguments)
        .envs([("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_CONFIG_GLOBAL", "/dev/null")])
        .output();
    command.expect("git is missing: run `make test`, which installs it.")
}

/// An empty bare repository.
pub(crate) fn bare(folder: &Path) -> PathBuf {
    let path = folder.join("configs.git");
    git(folder, &["init", "-q", "--bare", path.to_str().unwrap()]);
    path
}

/// Puts a commit onto the branch of a bare repository that is not from the mirror.
pub(crate) fn foreign_commit(bare: &Path, folder: &Path) {
    let clone = folder.join("elsewhere");
    git(folder, &["clone", "-q", bare.to_str().unwrap(), clone.to_str().unwrap()]);
    git(&clone, &["commit", "-q", "--allow-empty", "-m", "from somebody else"]);
    git(&clone, &["push", "-q", "origin", "HEAD:main"]);
}

/// A remote that is waited for no longer than a test can wait.
pub(crate) fn remote(address: &str, login: RemoteLogin) -> Remote {
    let (address, trust) = (Address::parse(address).unwrap(), Arc::new(Trust::system()));
    let mut remote = Remote::new(address, login, None, trust, here().outgoing(false));
    remote.limits = Limits { step: Duration::from_secs(20), ..remote.limits };
    remote
}
