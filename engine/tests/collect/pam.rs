//! OpenSSH that leaves the login to PAM, whose questions come over the method keyboard-interactive. The passwords are
//! the test's own: libpam-wrapper puts a directory of ours in place of the machine's.

use std::path::PathBuf;

use etiqa_engine::collect::{Driver, Hop, Login, Outcome, Target};
use etiqa_model::Secret;
use etiqa_model::class::Class;
use tempfile::TempDir;

use crate::sshd::{Setup, Sshd};
use crate::support::{run, text};

const ASKS: &str = "LogLevel VERBOSE\nUsePAM yes\nKbdInteractiveAuthentication yes";

struct Pam {
    sshd: Sshd,
    /// Behind the server, which has to end first.
    _services: Services,
}

/// The wrapper works on copies of this directory, one for each process, and leaves some behind.
struct Services(TempDir);

impl Drop for Services {
    fn drop(&mut self) {
        for entry in std::fs::read_dir("/tmp").unwrap().flatten() {
            let is_copy = entry.file_name().to_string_lossy().starts_with("pam.");
            if is_copy && entry.path().join(self.0.path().file_name().unwrap()).exists() {
                std::fs::remove_dir_all(entry.path()).ok();
            }
        }
    }
}

impl Pam {
    /// A server with `lines` of configuration, whose users pass `rules`: `{ask}` is a question for a password, and
    /// `{name}` another one for the user's name, which is shown.
    async fn start(lines: &str, rules: &str) -> Self {
        let module = library("pam_wrapper/pam_matrix.so");
        let services = tempfile::tempdir().unwrap();
        let at = |name: &str| services.path().join(name).to_str().unwrap().to_owned();
        std::fs::write(at("passwords"), "root:correct hörse:sshd\n").unwrap();
        std::fs::write(at(services.path().file_name().unwrap().to_str().unwrap()), "").unwrap();
        std::fs::write(at("names"), "root:root:sshd\n").unwrap();
        let ask = format!("{} passdb={}", module.display(), at("passwords"));
        let name = format!("{} passdb={} echo", module.display(), at("names"));
        let rules = format!("{rules}\naccount required pam_permit.so\nsession required pam_permit.so\n");
        std::fs::write(at("sshd"), rules.replace("{ask}", &ask).replace("{name}", &name)).unwrap();
        let environment = vec![
            ("LD_PRELOAD", library("libpam_wrapper.so").to_str().unwrap().to_owned()),
            ("PAM_WRAPPER", "1".to_owned()),
            ("PAM_WRAPPER_SERVICE_DIR", services.path().to_str().unwrap().to_owned()),
        ];
        let sshd = Sshd::start_with(&Setup { lines, environment, ..Setup::default() }).await;
        Self { sshd, _services: Services(services) }
    }

    async fn collect(&self, login: Login) -> Outcome {
        run(&self.sshd.target(), &hello(), &[login]).await
    }
}

fn library(name: &str) -> PathBuf {
    let folders = ["x86_64-linux-gnu", "aarch64-linux-gnu", "."].into_iter();
    let paths = folders
        .flat_map(|folder| ["/usr/lib", "/usr/lib64"].map(|lib| PathBuf::from(lib).join(folder).join(name)));
    let mut paths = paths.filter(|path| path.exists());
    paths.next().expect("libpam-wrapper is missing: run `make test`, which installs it.")
}

fn hello() -> Driver {
    let toml = "title = \"Hello\"\nmode = \"exec\"\n[[command]]\nsend = \"echo hello\"\npart = \"running\"\n";
    Driver::parse("hello", toml).unwrap()
}

fn password(password: &str) -> Login {
    let password = Some(Secret::new(password));
    Login { name: "net".into(), username: "root".into(), password, ..Login::default() }
}

fn right() -> Login {
    password("correct hörse")
}

#[tokio::test]
async fn a_server_that_asks_by_pam_gets_the_password() {
    // The last one also speaks before it asks, with nothing to answer.
    for rules in [
        "auth required {ask}",
        "auth required {ask}\nauth required {name}",
        "auth optional pam_echo.so Hello %u\nauth required {ask}",
    ] {
        let pam = Pam::start(ASKS, rules).await;
        let outcome = pam.collect(right()).await;
        assert_eq!(outcome.class, Class::Ok, "{rules}: {}\n{}", outcome.message, pam.sshd.log());
        assert_eq!(text(&outcome, "running"), "hello\n");

        let outcome = pam.collect(password("battery staple")).await;
        assert_eq!(outcome.class, Class::AuthFailed, "{rules}: {}", outcome.message);
        assert_eq!(outcome.message, "The device refused the credential net (user root).");
        // One wrong answer: more would lock the account.
        let log = pam.sshd.whole_log().await;
        assert_eq!(log.matches("Failed keyboard-interactive").count(), 1, "{log}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_tried_once_however_many_methods_there_are() {
    let pam = Pam::start(&format!("{ASKS}\nPasswordAuthentication yes"), "auth required {ask}").await;
    assert_eq!(pam.collect(right()).await.class, Class::Ok);
    let outcome = pam.collect(password("battery staple")).await;
    assert_eq!(outcome.class, Class::AuthFailed, "{}", outcome.message);
    let log = pam.sshd.whole_log().await;
    let failed = ["Failed password", "Failed keyboard-interactive"].map(|what| log.matches(what).count());
    assert_eq!(failed, [1, 0], "{log}");
}

#[tokio::test]
async fn a_second_secret_is_never_made_up() {
    let pam = Pam::start(ASKS, "auth required {ask}\nauth required {ask}").await;
    let outcome = pam.collect(right()).await;
    assert_eq!(outcome.class, Class::AuthFailed);
    let expected = "The device asks the credential net for more than a password: “Password:”.";
    assert_eq!(outcome.message, expected);
}

#[tokio::test]
async fn a_key_and_then_a_password_are_given_where_both_are_wanted() {
    let lines = format!("{ASKS}\nAuthenticationMethods publickey,keyboard-interactive");
    let pam = Pam::start(&lines, "auth required {ask}").await;
    let both = Login { password: right().password, ..pam.sshd.login() };
    assert_eq!(pam.collect(both).await.class, Class::Ok);
    assert_eq!(pam.collect(pam.sshd.login()).await.class, Class::AuthFailed);
    assert_eq!(pam.collect(right()).await.class, Class::AuthFailed);

    let lines = "UsePAM yes\nPasswordAuthentication yes\nAuthenticationMethods publickey,password";
    let pam = Pam::start(lines, "auth required {ask}").await;
    let both = Login { password: right().password, ..pam.sshd.login() };
    assert_eq!(pam.collect(both).await.class, Class::Ok);
}

#[tokio::test]
async fn a_jump_host_may_ask_by_pam_as_well() {
    let pam = Pam::start(ASKS, "auth required {ask}").await;
    let device = Sshd::start("").await;
    let mut hop = Hop { login: right(), ..pam.sshd.hop("hop") };
    let target = Target { via: vec![hop.clone()], ..device.target() };
    assert_eq!(run(&target, &hello(), &[device.login()]).await.class, Class::Ok);

    hop.login = password("battery staple");
    let target = Target { via: vec![hop], ..device.target() };
    let outcome = run(&target, &hello(), &[device.login()]).await;
    assert_eq!(outcome.class, Class::Unreachable);
    assert_eq!(outcome.message, "Jump host hop: It refused the credential net (user root).");
    // The secret is the jump host's, not one of the device's; it stays out all the same.
    assert!(!outcome.transcript.unwrap().contains("battery"));
}

#[tokio::test]
async fn an_account_that_is_closed_is_refused() {
    let pam = Pam::start(ASKS, "auth required {ask}\naccount required pam_deny.so").await;
    let outcome = pam.collect(right()).await;
    assert_eq!(outcome.class, Class::AuthFailed, "{}\n{}", outcome.message, pam.sshd.log());
}
