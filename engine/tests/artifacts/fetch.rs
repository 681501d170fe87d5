//! One errand with one simulated appliance, without a database.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use etiqa_engine::collect::{
    ArtifactOutcome, DriverSet, Endpoint, Incoming, Limits, Login, Order, Target, Trust, fetch_artifact,
};
use etiqa_engine::hex::sha256_hex;
use etiqa_model::Secret;
use etiqa_model::class::Class;
use etiqa_model::device::Transport;
use etiqa_simulator::{DeviceSpec, SimulatedDevice, start};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// The certificate that a person has pinned.
pub(crate) enum Pinned {
    /// The one that the appliance shows.
    Shown,
    Nothing,
    This(String),
}

/// What is different from the usual errand.
pub(crate) struct Errand {
    pub(crate) login: Login,
    pub(crate) limits: Limits,
    pub(crate) pinned: Pinned,
    pub(crate) trust: Trust,
    pub(crate) largest: u64,
    pub(crate) cancel: CancellationToken,
}

impl Default for Errand {
    fn default() -> Self {
        let login = Login {
            name: "sim".into(),
            username: "admin".into(),
            password: Some(Secret::new("admin")),
            ..Login::default()
        };
        let second = Duration::from_secs(1);
        let limits =
            Limits { connect: 5 * second, step: 2 * second, deadline: 60 * second, max_bytes: 1 << 20 };
        Self {
            login,
            limits,
            pinned: Pinned::Shown,
            trust: Trust::system(),
            largest: 64 << 20,
            cancel: CancellationToken::new(),
        }
    }
}

/// What came of it: the outcome, and the bytes of the file while it was there.
pub(crate) struct Came {
    pub(crate) outcome: ArtifactOutcome,
    pub(crate) sha256: Option<String>,
    folder: TempDir,
}

impl Came {
    pub(crate) fn class(&self) -> Class {
        self.outcome.class
    }

    /// Files that are left in the folder once the outcome is gone.
    pub(crate) fn leftovers(self) -> Vec<PathBuf> {
        drop(self.outcome);
        std::fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect()
    }
}

pub(crate) async fn appliance(spec: DeviceSpec) -> SimulatedDevice {
    start(spec, ([127, 0, 0, 1], 0)).await.unwrap()
}

/// Fetches the backup of an appliance as the usual errand does.
pub(crate) async fn fetch(device: &SimulatedDevice, platform: &str) -> Came {
    fetch_as(device, platform, Errand::default()).await
}

pub(crate) async fn fetch_as(device: &SimulatedDevice, platform: &str, errand: Errand) -> Came {
    let folder = tempfile::tempdir().unwrap();
    let driver = DriverSet::built_in().get(platform).unwrap();
    let endpoint = Endpoint {
        address: "127.0.0.1".into(),
        judged: None,
        port: device.addr().port(),
        host_key: None,
        legacy: false,
    };
    let target = Target { endpoint, transport: Transport::Ssh, via: Vec::new() };
    let logins = [errand.login];
    let order = Order {
        kind: driver.artifact().unwrap(),
        target: &target,
        https_port: device.https_addr().map_or(443, |addr| addr.port()),
        pinned: match errand.pinned {
            Pinned::Shown => device.certificate_sha256(),
            Pinned::Nothing => None,
            Pinned::This(sha256) => Some(sha256),
        },
        trust: Arc::new(errand.trust),
        driver: &driver,
        logins: &logins,
        limits: &errand.limits,
        instance: "test",
    };
    let file = Incoming::create(folder.path(), errand.largest).await.unwrap();
    let outcome = fetch_artifact(&order, file, &errand.cancel).await;
    // What is handed out is what lies on the disk, and its hash is its own.
    let sha256 = outcome.made.as_ref().map(|made| {
        let bytes = std::fs::read(&made.file.path).unwrap();
        assert_eq!(bytes.len() as u64, made.file.size_bytes);
        assert_eq!(sha256_hex(&bytes), made.file.sha256);
        made.file.sha256.clone()
    });
    assert_eq!(outcome.class == Class::Ok, sha256.is_some(), "{}: {}", outcome.class, outcome.message);
    Came { outcome, sha256, folder }
}

/// Nothing of ours is on the device any more.
pub(crate) fn is_clean(device: &SimulatedDevice) -> bool {
    device.backups_left().is_empty() && device.tokens_open() == 0
}
