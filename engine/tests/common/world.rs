//! A world: an engine in a temporary directory, and simulated devices in its inventory.

use std::sync::Arc;

use etiqa_engine::backup::{config, execute_run, find_run, start};
use etiqa_engine::fleet::{Purpose, collect_fleet, credential_save};
use etiqa_engine::store::config_version::version_list;
use etiqa_engine::store::device::device_fetch;
use etiqa_engine::{Engine, Options, Role, inventory};
use etiqa_model::admin::Settings;
use etiqa_model::backup::BackupConfigInput;
use etiqa_model::config::ConfigVersion;
use etiqa_model::credential::CredentialInput;
use etiqa_model::device::{Device, DeviceInput, LastResult};
use etiqa_model::run::{Run, Trigger};
use etiqa_model::{BackupConfigId, DeviceId, Secret};
use etiqa_simulator::{DeviceSpec, Personality, SimulatedDevice};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// An engine with its own data directory, and a credential that fits simulated devices.
pub(crate) struct World {
    pub(crate) engine: Arc<Engine>,
    folder: TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = open(&folder).await;
        let credential = CredentialInput {
            name: "sim".into(),
            username: "admin".into(),
            password: Secret::new("admin"),
            ..CredentialInput::default()
        };
        credential_save(&engine, None, credential).await.unwrap();
        let world = Self { engine, folder };
        // A second try is a matter of its own, and takes seconds.
        world.set(|settings| settings.retries = 0).await;
        world
    }

    /// Another process on the same data directory.
    pub(crate) async fn another_engine(&self) -> Arc<Engine> {
        open(&self.folder).await
    }

    /// Adds a simulated device to the inventory.
    pub(crate) async fn add(&self, spec: DeviceSpec) -> (SimulatedDevice, DeviceId) {
        let simulated = etiqa_simulator::start(spec, ([127, 0, 0, 1], 0)).await.unwrap();
        let id = self.add_at(simulated.addr().port(), "ios").await;
        (simulated, id)
    }

    /// Adds a switch.
    pub(crate) async fn add_ios(&self) -> (SimulatedDevice, DeviceId) {
        self.add(DeviceSpec::new(Personality::Ios)).await
    }

    /// Adds a device at a port of this machine, whatever is there.
    pub(crate) async fn add_at(&self, port: u16, platform: &str) -> DeviceId {
        let input = DeviceInput {
            address: "127.0.0.1".into(),
            hostname: format!("device-{port}"),
            port: port.to_string(),
            platform: platform.into(),
            ..DeviceInput::default()
        };
        inventory::save(&self.engine, None, &input).await.unwrap()
    }

    /// Changes the program's settings.
    pub(crate) async fn set(&self, change: impl FnOnce(&mut Settings)) {
        let mut settings = self.engine.settings().await.unwrap();
        change(&mut settings);
        self.engine.save_settings(&settings).await.unwrap();
    }

    pub(crate) async fn device(&self, id: DeviceId) -> Device {
        device_fetch(&self.engine.db, id).await.unwrap().unwrap()
    }

    /// Collects a device and gives its result.
    pub(crate) async fn collect(&self, id: DeviceId) -> LastResult {
        let devices = vec![self.device(id).await];
        let never = CancellationToken::new();
        collect_fleet(&self.engine, devices, Purpose::default(), &never, |_| {}).await.unwrap();
        self.device(id).await.last_result.unwrap()
    }

    /// The versions of `running`, newest first.
    pub(crate) async fn versions(&self, id: DeviceId) -> Vec<ConfigVersion> {
        version_list(&self.engine.db, id, "running", None, 50).await.unwrap()
    }

    /// Adds a backup config of all devices.
    pub(crate) async fn add_config(&self, change: impl FnOnce(&mut BackupConfigInput)) -> BackupConfigId {
        let mut input = BackupConfigInput { name: "Daily".into(), ..BackupConfigInput::default() };
        change(&mut input);
        config::save(&self.engine, None, &input).await.unwrap()
    }

    /// Runs a backup config to its end, here.
    pub(crate) async fn run(&self, config: BackupConfigId) -> Run {
        self.run_as(config, Trigger::Manual).await
    }

    pub(crate) async fn run_as(&self, config: BackupConfigId, trigger: Trigger) -> Run {
        let queued = start::start(&self.engine, config, trigger).await.unwrap();
        execute_run(&self.engine, queued.run).await.unwrap();
        find_run(&self.engine, queued.run).await.unwrap()
    }

    /// The names of the files in the folder of backups, sorted.
    pub(crate) fn archives(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.engine.dir.backups()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// An entry of an archive.
    pub(crate) fn entry(&self, archive: &str, name: &str) -> String {
        let file = std::fs::File::open(self.engine.dir.backups().join(archive)).unwrap();
        let mut zip = zip::ZipArchive::new(file).unwrap();
        std::io::read_to_string(zip.by_name(name).unwrap()).unwrap()
    }
}

async fn open(folder: &TempDir) -> Arc<Engine> {
    let options =
        Options { data_dir: folder.path().join("data"), reach: super::here(), ..Options::default() };
    Engine::open(options, Role::Command).await.unwrap()
}
