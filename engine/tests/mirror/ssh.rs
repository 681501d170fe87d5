//! Pushes over a real OpenSSH with Git behind it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use etiqa_engine::backup::mirror::{PushErrorKind, Remote, RemoteLogin};
use etiqa_engine::collect::Limits;
use etiqa_model::Secret;
use tempfile::TempDir;

use crate::common::pam_server::{ASKS, PASSWORD, Pam};
use crate::common::sshd::Sshd;
use crate::support::{Network, bare, foreign_commit, git, is_sound, mirrored, remote};

/// A repository behind a server.
struct Behind {
    sshd: Sshd,
    folder: TempDir,
}

impl Behind {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        bare(folder.path());
        Self { sshd: Sshd::start("").await, folder }
    }

    fn repository(&self) -> std::path::PathBuf {
        self.folder.path().join("configs.git")
    }

    fn remote(&self) -> Remote {
        at(&self.sshd, &self.repository(), with_key(&self.sshd, "user", None))
    }

    fn head(&self) -> String {
        git(&self.repository(), &["rev-parse", "main"]).trim().to_owned()
    }

    fn hook(&self, script: &str) {
        let hook = self.repository().join("hooks/pre-receive");
        fs::create_dir_all(hook.parent().unwrap()).unwrap();
        fs::write(&hook, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

fn at(sshd: &Sshd, path: &Path, login: RemoteLogin) -> Remote {
    let endpoint = sshd.target().endpoint;
    remote(&format!("ssh://root@{}:{}{}", endpoint.address, endpoint.port, path.display()), login)
}

fn with_key(sshd: &Sshd, key: &str, passphrase: Option<&str>) -> RemoteLogin {
    let login = sshd.login_with(key, passphrase);
    RemoteLogin {
        private_key: login.private_key,
        key_passphrase: login.key_passphrase,
        ..RemoteLogin::default()
    }
}

async fn change(network: &Network) {
    let id = network.device("another").await;
    network.give(id, "running", "hostname another\n").await;
    network.mirror().await.unwrap();
}

#[tokio::test]
async fn a_key_pushes_every_commit_and_the_host_key_is_remembered() {
    let (network, _) = mirrored().await;
    let behind = Behind::start().await;
    let mut remote = behind.remote();
    let pushed = network.push(&remote).await.unwrap();
    assert_eq!((pushed.commit.as_str(), pushed.was_there), (behind.head().as_str(), false));
    let key = pushed.host_key.unwrap();
    assert!(behind.sshd.host_key("ed25519").starts_with(&key.openssh), "{key:?}");

    remote.host_key = Some(key.openssh);
    assert!(network.push(&remote).await.unwrap().was_there);
    change(&network).await;
    network.push(&remote).await.unwrap();
    is_sound(&behind.repository());
    assert_eq!(git(&behind.repository(), &["rev-list", "--count", "main"]).trim(), "2");
}

#[tokio::test]
async fn a_large_push_comes_whole() {
    let network = Network::new().await;
    let id = network.device("large").await;
    // Nothing that compresses: larger than any window of SSH.
    let mut state = 1_u64;
    let text: String = (0..6_000_000)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            char::from(b' ' + (state % 90) as u8)
        })
        .collect();
    network.give(id, "running", &text).await;
    network.mirror().await.unwrap();
    let behind = Behind::start().await;
    // And a hook that speaks all the while.
    behind.hook(
        "i=0; while [ $i -lt 3000 ]; do echo \"checking line $i of many, many lines\" >&2; i=$((i+1)); done",
    );
    let pushed = network.push(&behind.remote()).await.unwrap();
    assert!(pushed.said.starts_with("checking line 0 of many"), "{}", pushed.said);
    is_sound(&behind.repository());
    assert_eq!(git(&behind.repository(), &["show", "main:large/running.cfg"]), text);
}

#[tokio::test]
async fn an_encrypted_key_and_a_password_log_in_and_wrong_ones_do_not() {
    let (network, _) = mirrored().await;
    let behind = Behind::start().await;
    let (sshd, path) = (&behind.sshd, behind.repository());
    let locked = |passphrase| at(sshd, &path, with_key(sshd, "user_locked", Some(passphrase)));
    network.push(&locked("open sesame")).await.unwrap();
    let error = network.push(&locked("open barley")).await.unwrap_err();
    assert_eq!(error.kind, PushErrorKind::Login);
    assert!(error.message.contains("passphrase") && !error.message.contains("barley"), "{}", error.message);
    let error = network.push(&at(sshd, &path, with_key(sshd, "host_rsa", None))).await.unwrap_err();
    assert_eq!(error.kind, PushErrorKind::Login);
    assert_eq!(error.message, "The remote refused the credential of the Git mirror (user root).");
    assert!(error.host_key.is_some());

    let pam = Pam::start(ASKS, "auth required {ask}").await;
    let password = |password: &str| {
        at(&pam.sshd, &path, RemoteLogin { password: Some(Secret::new(password)), ..RemoteLogin::default() })
    };
    assert!(network.push(&password(PASSWORD)).await.unwrap().was_there);
    let error = network.push(&password("battery staple")).await.unwrap_err();
    assert_eq!(error.kind, PushErrorKind::Login);
    assert!(!error.message.contains("battery"), "{}", error.message);
}

#[tokio::test]
async fn a_changed_host_key_stops_the_push_until_a_person_accepts_it() {
    let (network, _) = mirrored().await;
    let (behind, other) = (Behind::start().await, Sshd::start("").await);
    let mut remote = behind.remote();
    remote.host_key = Some(other.host_key("ed25519"));
    let error = network.push(&remote).await.unwrap_err();
    assert_eq!(error.kind, PushErrorKind::HostKey);
    assert!(error.message.starts_with("The remote shows another host key"), "{}", error.message);
    let offered = error.host_key.unwrap();
    assert!(error.message.contains(&offered.fingerprint), "{}", error.message);
    assert!(behind.sshd.host_key("ed25519").starts_with(&offered.openssh));
    remote.host_key = Some(offered.openssh);
    network.push(&remote).await.unwrap();
}

#[tokio::test]
async fn a_hook_that_declines_is_heard_without_its_control_characters() {
    let (network, _) = mirrored().await;
    let behind = Behind::start().await;
    behind.hook("printf '\\033[31mNo pushing\\033[0m on Fridays.\\r\\n\\007' >&2; exit 1");
    let error = network.push(&behind.remote()).await.unwrap_err();
    assert_eq!(error.kind, PushErrorKind::Declined);
    assert_eq!(
        error.message,
        "The remote declined the branch main: “pre-receive hook declined”; it says “No pushing on Fridays.”."
    );
    behind.hook("echo welcome >&2");
    assert_eq!(network.push(&behind.remote()).await.unwrap().said, "welcome");
}

#[tokio::test]
async fn a_branch_of_somebody_else_is_not_written_over() {
    let (network, _) = mirrored().await;
    let behind = Behind::start().await;
    network.push(&behind.remote()).await.unwrap();
    foreign_commit(&behind.repository(), behind.folder.path());
    let theirs = behind.head();
    change(&network).await;
    assert_eq!(network.push(&behind.remote()).await.unwrap_err().kind, PushErrorKind::Diverged);
    assert_eq!(behind.head(), theirs);
}

#[tokio::test]
async fn a_path_without_a_repository_is_said_in_gits_words() {
    let (network, _) = mirrored().await;
    let behind = Behind::start().await;
    for path in ["/no/such.git", "/it's; touch /tmp/$(x)\"'.git"] {
        let login = with_key(&behind.sshd, "user", None);
        let error = network.push(&at(&behind.sshd, Path::new(path), login)).await.unwrap_err();
        assert_eq!(error.kind, PushErrorKind::NoRepository);
        let quoted = format!("'{path}' does not appear to be a git repository");
        assert!(error.message.contains(&quoted), "{}", error.message);
    }
}

#[tokio::test]
async fn a_server_without_git_or_without_commands_is_said() {
    let (network, _) = mirrored().await;
    for (line, word) in [
        ("ForceCommand no-such-program", "no-such-program"),
        ("ForceCommand echo Welcome to the jungle", "Welcome to the jungle"),
        ("ForceCommand internal-sftp", "not Git's protocol"),
    ] {
        let sshd = Sshd::start(line).await;
        let mut remote = at(&sshd, Path::new("/x"), with_key(&sshd, "user", None));
        remote.limits = Limits { step: Duration::from_secs(2), ..remote.limits };
        let error = network.push(&remote).await.unwrap_err();
        let is_said = error.message.contains(word) || error.kind == PushErrorKind::Timeout;
        assert!(is_said, "{line}: {}", error.message);
    }
}

#[tokio::test]
async fn a_remote_that_falls_silent_is_given_up() {
    let (network, _) = mirrored().await;
    let impatient = |mut remote: Remote| {
        remote.limits = Limits { step: Duration::from_secs(2), ..remote.limits };
        remote
    };
    // Before it says anything.
    let sshd = Sshd::start("ForceCommand cat > /dev/null").await;
    let silent = impatient(at(&sshd, Path::new("/x"), with_key(&sshd, "user", None)));
    assert_eq!(network.push(&silent).await.unwrap_err().kind, PushErrorKind::Timeout);
    // And in its middle, by the deadline of the whole.
    let behind = Behind::start().await;
    behind.hook("while true; do echo still at it >&2; sleep 0.2; done");
    let mut remote = behind.remote();
    remote.limits = Limits { deadline: Duration::from_secs(8), ..remote.limits };
    let error = network.push(&remote).await.unwrap_err();
    assert_eq!(error.kind, PushErrorKind::Timeout);
    assert!(error.message.contains("not finished within 8 s") && error.host_key.is_some(), "{error:?}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    let (network, _) = mirrored().await;
    let behind = Behind::start().await;
    let remote = behind.remote();
    drop(behind);
    let error = network.push(&remote).await.unwrap_err();
    assert_eq!(error.kind, PushErrorKind::Unreachable);
    assert!(!error.kind.is_permanent());
}
