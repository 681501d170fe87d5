//! A real OpenSSH server on a free port of loopback, with keys of its own, for one test.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use etiqa_engine::collect::{Login, Target};
use etiqa_model::Secret;
use tempfile::TempDir;

const SSHD: &str = "/usr/sbin/sshd";

/// Ends with the test.
pub(crate) struct Sshd {
    process: Child,
    directory: TempDir,
    port: u16,
}

impl Sshd {
    /// Starts a server with `extra` lines in its configuration.
    pub(crate) async fn start(extra: &str) -> Self {
        assert!(Path::new(SSHD).exists(), "{SSHD} is missing: run `make test`, which installs it.");
        // The server refuses to start without it; it separates privileges there.
        std::fs::create_dir_all("/run/sshd").unwrap();
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        keygen(&at("host_ed25519"), &["-t", "ed25519", "-N", ""]);
        keygen(&at("host_rsa"), &["-t", "rsa", "-b", "2048", "-N", ""]);
        keygen(&at("user"), &["-t", "ed25519", "-N", "open sesame"]);
        keygen(&at("user_rsa"), &["-t", "rsa", "-b", "2048", "-N", "", "-m", "PEM"]);
        let keys = ["user.pub", "user_rsa.pub"].map(|name| std::fs::read_to_string(at(name)).unwrap());
        std::fs::write(at("authorized_keys"), keys.concat()).unwrap();
        let mut tries = 0;
        loop {
            // Free now; where another process takes it first, another one is tried.
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let config = format!(
                "{extra}\nListenAddress 127.0.0.1\nPort {port}\nHostKey {}\nHostKey {}\nAuthorizedKeysFile {}\n\
                 PidFile none\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nPasswordAuthentication no\n\
                 MaxStartups 100\n",
                at("host_ed25519"),
                at("host_rsa"),
                at("authorized_keys"),
            );
            std::fs::write(at("sshd_config"), config).unwrap();
            let mut process = Command::new(SSHD)
                .args(["-D", "-e", "-f", &at("sshd_config")])
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
        crate::support::at("127.0.0.1", self.port)
    }

    /// The public host key of a kind, `ed25519` or `rsa`.
    pub(crate) fn host_key(&self, kind: &str) -> String {
        std::fs::read_to_string(self.path(&format!("host_{kind}.pub"))).unwrap()
    }

    /// The user that runs the tests, with the encrypted OpenSSH key.
    pub(crate) fn login(&self) -> Login {
        self.login_with("user", Some("open sesame"))
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
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn keygen(path: &str, arguments: &[&str]) {
    let status = Command::new("ssh-keygen").args(["-q", "-f", path]).args(arguments).status();
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
