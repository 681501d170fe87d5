//! The world itself.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use etiqa_simulator::{DeviceSpec, SimulatedDevice};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

use super::database::Database;
use super::{DEVICE_PASSWORD, DEVICE_USER, Gate, Output, Server};

/// A data directory, a database, and the binary that works with them.
pub(crate) struct World {
    folder: TempDir,
    pub(crate) database: Database,
    is_on_postgres: bool,
    environment: Vec<(String, String)>,
}

impl World {
    /// On the embedded database, with nothing in it; not even the data directory is there.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::embedded(&folder.path().join("data"));
        Self { folder, database, is_on_postgres: false, environment: Vec::new() }
    }

    /// The same on a PostgreSQL database of its own.
    pub(crate) async fn on_postgres() -> Self {
        Self::on(Database::on_postgres().await)
    }

    /// The same on a PostgreSQL database that the test looks after.
    pub(crate) fn on(database: Database) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder, database, is_on_postgres: true, environment: Vec::new() }
    }

    /// With an environment variable for every process.
    pub(crate) fn with_env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A file beside the data directory.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The folder that is this test's own.
    pub(crate) fn place(&self) -> &Path {
        self.folder.path()
    }

    /// The binary with this world's places set, ready to run.
    pub(crate) fn command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_etiqa"));
        command.args(arguments).env("ETIQA_DATA_DIR", self.data()).current_dir(self.place());
        command.env("ETIQA_START_DELAY", "0");
        // Everything that tests connect to is on this machine.
        command.env("ETIQA_REACH", "127.0.0.0/8,::1");
        for name in [
            "ETIQA_LISTEN",
            "ETIQA_SYSLOG_LISTEN",
            "ETIQA_CHANGE_QUIET",
            "ETIQA_LOG",
            "ETIQA_LOG_FORMAT",
            "ETIQA_METRICS_LISTEN",
            "ETIQA_OTLP_ENDPOINT",
            "ETIQA_HOSTS",
            "ETIQA_TLS_CERT",
            "ETIQA_TLS_KEY",
            "ETIQA_TLS_SELF_SIGNED",
            "ETIQA_TRUSTED_PROXY",
            "ETIQA_PUBLIC_URL",
            "ETIQA_SECRET_KEY_FILE",
            "ETIQA_DATABASE_URL",
        ] {
            command.env_remove(name);
        }
        // Whatever this machine has in /etc.
        command.env("ETIQA_CONFIG_FILE", "");
        if self.is_on_postgres {
            command.env("ETIQA_DATABASE_URL", self.database.url());
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    /// Runs a command to its end.
    pub(crate) async fn etiqa<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Output {
        ended(self.command(arguments).spawn().unwrap()).await
    }

    /// The same, with something on its standard input.
    pub(crate) async fn etiqa_with_input<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
        input: &str,
    ) -> Output {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // A command that refuses before it reads closes the pipe; its output says why.
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
        ended(child).await
    }

    /// Starts the server and waits until it listens.
    pub(crate) async fn serve(&self) -> Server {
        Server::start(self.command(["serve", "--listen", "127.0.0.1:0"])).await
    }

    /// Adds the login that simulated devices take.
    pub(crate) async fn add_credential(&self) {
        let add = ["credential", "add", "lab", "--username", DEVICE_USER, "--password-stdin"];
        self.etiqa_with_input(add, &format!("{DEVICE_PASSWORD}\n")).await.good();
    }

    /// Starts a device and puts it into the inventory as a router.
    pub(crate) async fn add_device(&self, spec: DeviceSpec) -> SimulatedDevice {
        let (hostname, platform) = (spec.hostname.clone(), spec.personality.as_str());
        let device = etiqa_simulator::start(spec, ([127, 0, 0, 1], 0)).await.unwrap();
        self.list_device(&hostname, platform, device.addr().port()).await;
        device
    }

    /// Starts a device behind a closed gate and puts it into the inventory.
    pub(crate) async fn add_gated_device(&self, spec: DeviceSpec) -> (SimulatedDevice, Gate) {
        let (hostname, platform) = (spec.hostname.clone(), spec.personality.as_str());
        let device = etiqa_simulator::start(spec, ([127, 0, 0, 1], 0)).await.unwrap();
        let gate = Gate::before(device.addr()).await;
        self.list_device(&hostname, platform, gate.addr.port()).await;
        (device, gate)
    }

    async fn list_device(&self, hostname: &str, platform: &str, port: u16) {
        let port = port.to_string();
        let add =
            ["device", "add", "127.0.0.1", "--port", &port, "--hostname", hostname, "--platform", platform];
        self.etiqa(add.into_iter().chain(["--type", "router"])).await.good();
    }

    /// Adds a daily backup config of a type.
    pub(crate) async fn add_backup(&self, name: &str, kind: &str) {
        self.add_backup_with(name, kind, &[]).await;
    }

    /// The same, with more options.
    pub(crate) async fn add_backup_with(&self, name: &str, kind: &str, options: &[&str]) {
        self.add_backup_at(name, kind, &["--frequency", "daily", "--at", "02:00"], options).await;
    }

    /// Adds a backup config whose time comes every minute.
    pub(crate) async fn add_backup_every_minute(&self, name: &str, kind: &str) {
        self.add_backup_at(name, kind, &["--frequency", "cron", "--cron", "* * * * *"], &[]).await;
    }

    async fn add_backup_at(&self, name: &str, kind: &str, schedule: &[&str], options: &[&str]) {
        let add = ["backup-config", "add", name, "--type", kind, "--zone", "UTC"];
        self.etiqa(add.iter().chain(schedule).chain(options)).await.good();
    }

    /// Makes an API token of a role.
    pub(crate) async fn token(&self, role: &str) -> String {
        let name = format!("{role}-token");
        self.etiqa(["token", "create", &name, "--role", role]).await.good().stdout.trim().to_owned()
    }

    /// Adds a user whose password is [`World::password_of`].
    pub(crate) async fn add_user(&self, name: &str, role: &str) {
        let add = ["user", "add", name, "--role", role, "--password-stdin"];
        self.etiqa_with_input(add, &format!("{}\n", Self::password_of(name))).await.good();
    }

    /// The password of a user that [`World::add_user`] added.
    pub(crate) fn password_of(name: &str) -> String {
        format!("{name}-pass-31Kz")
    }

    /// `backup-status --json`.
    pub(crate) async fn status(&self) -> Value {
        self.etiqa(["backup-status", "--json"]).await.good().json()
    }

    /// Names of the files in the folder of backups, hidden ones too, sorted.
    pub(crate) fn backups(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.data().join("backups")).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The only archive that there is.
    #[track_caller]
    pub(crate) fn archive(&self) -> PathBuf {
        let names = self.backups();
        let [name] = names.as_slice() else { panic!("there is not one archive: {names:?}") };
        self.data().join("backups").join(name)
    }
}

/// Waits for a process to end and takes what it said.
pub(crate) async fn ended(child: Child) -> Output {
    let output = child.wait_with_output().await.unwrap();
    Output {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
