//! A PostgreSQL that is one test's own: it may stop it, and have it hold its breath.

use std::net::TcpListener;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

use super::database::Database;

/// Ports below those that the system gives to whoever connects: one that is tried again and again while nobody listens
/// would else be given to a caller, who then reaches itself.
const PORTS: Range<u16> = 20_000..32_000;

/// A server with a database; it is gone when it is dropped.
pub(crate) struct Postgres {
    folder: TempDir,
    port: u16,
}

impl Postgres {
    /// Makes one, starts it, and gives an empty database of it.
    pub(crate) async fn start_new() -> (Self, Database) {
        let folder = tempfile::Builder::new().prefix("etiqa-postgres-").tempdir().unwrap();
        if geteuid().is_root() {
            let owned = Command::new("chown").arg("postgres").arg(folder.path()).status().unwrap();
            assert!(owned.success(), "PostgreSQL will not run as root, and there is no user `postgres`");
        }
        let made = program(folder.path(), "initdb")
            .arg("-D")
            .arg(folder.path().join("data"))
            .args(["-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"])
            .output()
            .expect("PostgreSQL: run scripts/install-test-tools.sh");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        // Somebody else may take a port between our asking for it and PostgreSQL's taking it.
        let started = free_ports().take(3).find(|port| start(folder.path(), *port));
        let Some(port) = started else {
            panic!("PostgreSQL did not start: {}", std::fs::read_to_string(log_of(folder.path())).unwrap());
        };
        let postgres = Self { folder, port };
        Database::at(&postgres.url("postgres")).execute("CREATE DATABASE etiqa").await;
        let database = Database::at(&postgres.url("etiqa"));
        (postgres, database)
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Starts it again at its old address.
    pub(crate) fn start(&self) {
        let folder = self.folder.path();
        // What those before it shared may be in use for a moment longer.
        let started = (0..20).any(|attempt| {
            std::thread::sleep(Duration::from_millis(100 * attempt));
            start(folder, self.port)
        });
        assert!(started, "{}", std::fs::read_to_string(log_of(folder)).unwrap());
    }

    /// Ends it as a crash would: nobody is waited for, and the next start recovers.
    pub(crate) fn stop_at_once(&self) {
        assert!(stop(self.folder.path()), "PostgreSQL did not stop");
    }

    /// All of its processes stand still; connections stay open, and nothing is answered.
    pub(crate) fn pause(&self) {
        let postmaster = self.postmaster();
        kill_process(postmaster, Signal::STOP).unwrap();
        for child in children_of(postmaster) {
            // One that ended meanwhile needs no pause.
            let _ = kill_process(child, Signal::STOP);
        }
    }

    /// It goes on where it stood still.
    pub(crate) fn resume(&self) {
        let postmaster = self.postmaster();
        for process in children_of(postmaster).into_iter().chain([postmaster]) {
            let _ = kill_process(process, Signal::CONT);
        }
    }

    fn postmaster(&self) -> Pid {
        let file = self.folder.path().join("data/postmaster.pid");
        let text = std::fs::read_to_string(file).unwrap();
        text.lines().next().and_then(|line| Pid::from_raw(line.trim().parse().ok()?)).unwrap()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.folder.path().join("data/postmaster.pid").exists() {
            self.resume();
            stop(self.folder.path());
        }
    }
}

/// A program of PostgreSQL, as its own user where we are root; Debian keeps one folder per version, outside of PATH.
fn program(folder: &Path, name: &str) -> Command {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|entry| {
            let version: u32 = entry.file_name().to_str()?.parse().ok()?;
            let path = entry.path().join("bin").join(name);
            path.is_file().then_some((version, path))
        })
        .max();
    let path = newest.map_or_else(|| PathBuf::from(name), |(_, path)| path);
    let mut command = if geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(path);
        command
    } else {
        Command::new(path)
    };
    command.current_dir(folder).stdin(Stdio::null());
    command
}

fn log_of(folder: &Path) -> PathBuf {
    folder.join("log")
}

/// What is asked is what is stored, not whether it outlives a power cut: hence no fsync. What was committed is in the
/// system's hands all the same, and so outlives the end of every process.
fn start(folder: &Path, port: u16) -> bool {
    let options = format!(
        "-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=300 -c fsync=off"
    );
    let mut command = program(folder, "pg_ctl");
    command.args(["start", "-w", "-t", "60", "-D"]).arg(folder.join("data")).arg("-l").arg(log_of(folder));
    command.arg("-o").arg(options).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().unwrap().success()
}

fn stop(folder: &Path) -> bool {
    let mut command = program(folder, "pg_ctl");
    command.args(["stop", "-w", "-m", "immediate", "-D"]).arg(folder.join("data"));
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Ports that nobody listens at; each caller's are others, so that nobody takes one whose server is stopped just now.
fn free_ports() -> impl Iterator<Item = u16> {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let first = (std::process::id() as usize * 64 + number * 8) % PORTS.len();
    PORTS.cycle().skip(first).take(8).filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
}

fn children_of(parent: Pid) -> Vec<Pid> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|entry| {
            let pid = Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)?;
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            // `PID (NAME) STATE PARENT …`, where a name may hold anything (proc(5)).
            let (_, after) = stat.rsplit_once(") ")?;
            let found: i32 = after.split(' ').nth(1)?.parse().ok()?;
            (Pid::from_raw(found) == Some(parent)).then_some(pid)
        })
        .collect()
}
