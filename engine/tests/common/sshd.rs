//! A real OpenSSH server on a free port of loopback, with keys of its own, for one test.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use etiqa_engine::collect::{Endpoint, Hop, Login, Target};
use etiqa_model::Secret;
use etiqa_model::device::Transport;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const SSHD: &str = "/usr/sbin/sshd";

/// Ends with the test.
pub(crate) struct Sshd {
    process: Child,
    directory: TempDir,
    port: u16,
}

/// How a server differs from the usual one.
#[derive(Default)]
pub(crate) struct Setup<'a> {
    /// Lines of its configuration, before the usual ones: the first one of a kind counts.
    pub(crate) lines: &'a str,
    /// Its host key, where it has only one: arguments of `ssh-keygen`.
    pub(crate) host_key: Option<&'a [&'a str]>,
    /// Set for the server.
    pub(crate) environment: Vec<(&'a str, String)>,
}

impl Sshd {
    /// Starts a server with `lines` in its configuration.
    pub(crate) async fn start(lines: &str) -> Self {
        Self::start_with(&Setup { lines, ..Setup::default() }).await
    }

    pub(crate) async fn start_with(setup: &Setup<'_>) -> Self {
        assert!(Path::new(SSHD).exists(), "{SSHD} is missing: run `make test`, which installs it.");
        // The server refuses to start without it; it separates privileges there.
        std::fs::create_dir_all("/run/sshd").unwrap();
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        let host_keys = if let Some(arguments) = setup.host_key {
            keygen(&at("host_only"), arguments);
            vec!["host_only"]
        } else {
            keygen(&at("host_ed25519"), &["-t", "ed25519"]);
            keygen(&at("host_rsa"), &["-t", "rsa", "-b", "2048"]);
            vec!["host_ed25519", "host_rsa"]
        };
        keygen(&at("user"), &["-t", "ed25519"]);
        keygen(&at("user_locked"), &["-t", "ed25519", "-N", "open sesame"]);
        keygen(&at("user_rsa"), &["-t", "rsa", "-b", "2048", "-m", "PEM"]);
        let keys = ["user.pub", "user_locked.pub", "user_rsa.pub"]
            .map(|name| std::fs::read_to_string(at(name)).unwrap());
        std::fs::write(at("authorized_keys"), keys.concat()).unwrap();
        let host_keys: String =
            host_keys.iter().flat_map(|name| ["HostKey ".into(), at(name), "\n".into()]).collect();
        let mut tries = 0;
        loop {
            // Free now; where another process takes it first, another one is tried.
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let config = format!(
                "{}\nListenAddress 127.0.0.1\nPort {port}\n{host_keys}AuthorizedKeysFile {}\n\
                 PidFile none\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nPasswordAuthentication no\n\
                 MaxStartups 100\n",
                setup.lines,
                at("authorized_keys"),
            );
            std::fs::write(at("sshd_config"), config).unwrap();
            let mut process = Command::new(SSHD)
                .args(["-D", "-e", "-f", &at("sshd_config")])
                .envs(setup.environment.iter().map(|(name, value)| (name, value)))
                .stdin(Stdio::null())
                .stderr(std::fs::File::create(at("log")).unwrap())
                .spawn()
                .unwrap();
            if is_listening(&mut process, &at("log")).await {
                return Self { process, directory, port };
            }
            tries += 1;
            assert!(tries < 5, "sshd does not start: {}", std::fs::read_to_string(at("log")).unwrap());
        }
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.directory.path().join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn target(&self) -> Target {
        self.target_at("127.0.0.1")
    }

    pub(crate) fn target_at(&self, address: &str) -> Target {
        let endpoint = Endpoint {
            address: address.into(),
            judged: None,
            port: self.port,
            host_key: None,
            legacy: false,
        };
        Target { endpoint, transport: Transport::Ssh, via: Vec::new() }
    }

    /// The server as a jump host, its key not known yet.
    pub(crate) fn hop(&self, name: &str) -> Hop {
        Hop { name: name.into(), endpoint: self.target().endpoint, login: self.login(), other: None }
    }

    /// What the server wrote until now.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap()
    }

    /// What it wrote about connections, all of which are over by then.
    pub(crate) async fn whole_log(&self) -> String {
        let begin = Instant::now();
        while self.connections() > 0 {
            assert!(begin.elapsed() < Duration::from_secs(5), "somebody is still there: {}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.log()
    }

    /// Connections that it still serves.
    pub(crate) fn connections(&self) -> usize {
        let process = self.process.id();
        let children = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap();
        children.split_whitespace().count()
    }

    /// The public host key of a kind, `ed25519` or `rsa`.
    pub(crate) fn host_key(&self, kind: &str) -> String {
        std::fs::read_to_string(self.path(&format!("host_{kind}.pub"))).unwrap()
    }

    /// The user that runs the tests, with an OpenSSH key. (To open an encrypted one takes long without optimisation.)
    pub(crate) fn login(&self) -> Login {
        self.login_with("user", None)
    }

    /// The same user with a key file and its passphrase.
    pub(crate) fn login_with(&self, key: &str, passphrase: Option<&str>) -> Login {
        Login {
            name: key.into(),
            username: "root".into(),
            private_key: Some(Secret::new(std::fs::read_to_string(self.path(key)).unwrap())),
            key_passphrase: passphrase.map(Secret::new),
            ..Login::default()
        }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        // By the signal that lets it tidy up behind itself.
        kill_process(Pid::from_child(&self.process), Signal::TERM).ok();
        self.process.wait().ok();
    }
}

/// Makes a key, without a passphrase unless `arguments` have one: the last one counts.
fn keygen(path: &str, arguments: &[&str]) {
    let status = Command::new("ssh-keygen").args(["-q", "-N", "", "-f", path]).args(arguments).status();
    assert!(status.is_ok_and(|status| status.success()), "ssh-keygen is missing: run `make test`.");
}

async fn is_listening(process: &mut Child, log: &str) -> bool {
    while process.try_wait().unwrap().is_none() {
        if std::fs::read_to_string(log).unwrap().contains("Server listening on") {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}
