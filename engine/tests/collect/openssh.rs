//! Against software that nobody here wrote: OpenSSH with a Linux host behind it, and FRRouting's vtysh.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use etiqa_engine::collect::{Driver, DriverSet, Login, compare_text, identify};
use etiqa_model::class::Class;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::sshd::Sshd;
use crate::support::{driver, knowing, limits, lines, run, text};

#[tokio::test]
async fn a_linux_host_is_collected_over_openssh() {
    let sshd = Sshd::start("").await;
    let outcome = run(&sshd.target(), &driver("linux"), &[sshd.login()]).await;
    assert_eq!(outcome.class, Class::Ok, "{}\n{:?}", outcome.message, outcome.transcript);
    let file = |path: &str| std::fs::read_to_string(path).unwrap();
    assert_eq!(text(&outcome, "hosts"), file("/etc/hosts").trim_end().to_owned() + "\n");
    assert!(text(&outcome, "system").starts_with(file("/etc/os-release").trim_end()));
    assert!(outcome.facts.os_version.is_some());
}

#[tokio::test]
async fn an_encrypted_and_an_old_style_rsa_key_log_in_and_an_unknown_key_does_not() {
    let sshd = Sshd::start("").await;
    for (key, passphrase) in [("user_locked", Some("open sesame")), ("user_rsa", None)] {
        let outcome = run(&sshd.target(), &driver("linux"), &[sshd.login_with(key, passphrase)]).await;
        assert_eq!(outcome.class, Class::Ok, "{}", outcome.message);
    }

    let host_key_as_login = sshd.login_with("host_ed25519", None);
    let outcome = run(&sshd.target(), &driver("linux"), &[host_key_as_login]).await;
    assert_eq!(outcome.class, Class::AuthFailed, "{}", outcome.message);

    let wrong_passphrase = sshd.login_with("user_locked", Some("open barley"));
    let outcome = run(&sshd.target(), &driver("linux"), &[wrong_passphrase]).await;
    assert_eq!(outcome.class, Class::AuthFailed);
    assert!(outcome.message.contains("passphrase") && !outcome.message.contains("barley"));
}

#[tokio::test]
async fn a_remembered_key_of_any_kind_that_the_host_has_is_known() {
    let sshd = Sshd::start("").await;
    for kind in ["rsa", "ed25519"] {
        let target = knowing(sshd.target(), &sshd.host_key(kind));
        let outcome = run(&target, &driver("linux"), &[sshd.login()]).await;
        assert_eq!(outcome.class, Class::Ok, "{kind}: {}", outcome.message);
    }
    let other = Sshd::start("").await;
    let target = knowing(sshd.target(), &other.host_key("rsa"));
    let outcome = run(&target, &driver("linux"), &[sshd.login()]).await;
    assert_eq!(outcome.class, Class::HostKeyChanged, "{}", outcome.message);
}

#[tokio::test]
async fn a_server_with_old_algorithms_only_is_told_apart() {
    for (extra, what) in [
        ("KexAlgorithms diffie-hellman-group14-sha1", "diffie-hellman-group14-sha1"),
        ("Ciphers aes128-cbc", "aes128-cbc"),
        ("HostKeyAlgorithms ssh-rsa", "ssh-rsa"),
    ] {
        let sshd = Sshd::start(extra).await;
        let outcome = run(&sshd.target(), &driver("linux"), &[sshd.login()]).await;
        assert_eq!(outcome.class, Class::AlgorithmMismatch, "{extra}: {}", outcome.message);
        assert!(outcome.message.contains(what), "{}", outcome.message);
    }
}

#[tokio::test]
async fn a_server_that_gives_up_after_too_many_logins_refuses_the_login() {
    let sshd = Sshd::start("MaxAuthTries 1").await;
    let outcome = run(&sshd.target(), &driver("linux"), &[sshd.login_with("host_rsa", None)]).await;
    assert_eq!(outcome.class, Class::AuthFailed, "{}", outcome.message);
}

#[tokio::test]
async fn a_change_in_frrouting_gives_another_text() {
    let frr = Frr::start().await;
    let sshd = Sshd::start(&format!("SetEnv PATH={}:/usr/bin:/bin", frr.directory.path().display())).await;
    let collected = async || {
        let outcome = run(&sshd.target(), &driver("frr"), &[sshd.login()]).await;
        assert_eq!(outcome.class, Class::Ok, "{}\n{:?}", outcome.message, outcome.transcript);
        assert!(outcome.facts.os_version.is_some());
        text(&outcome, "running").to_owned()
    };
    let first = collected().await;
    assert!(first.ends_with("\nend\n"), "{first}");
    assert_eq!(collected().await, first);
    frr.vtysh(&["configure terminal", "router bgp 65001", "neighbor 10.0.0.1 remote-as 65002"]);
    let second = collected().await;
    assert!(second.contains(" neighbor 10.0.0.1 remote-as 65002\n"), "{second}");
    let frr_driver = driver("frr");
    assert_ne!(compare_text(&frr_driver, "running", &first), compare_text(&frr_driver, "running", &second));
}

#[tokio::test]
async fn vtysh_without_a_daemon_gives_no_text() {
    let mut frr = Frr::start().await;
    frr.stop();
    let sshd = Sshd::start(&format!("SetEnv PATH={}:/usr/bin:/bin", frr.directory.path().display())).await;
    let logins: [Login; 1] = [sshd.login()];
    let outcome = run(&sshd.target(), &driver("frr"), &logins).await;
    assert_eq!(outcome.class, Class::CommandRejected, "{}", outcome.message);
}

/// vtysh as what a user meets at login, as on a router of its own.
const ROUTER: &str = r"
title = 'FRRouting as a login shell'
mode = 'shell'
logout = ['exit']
[prompt]
privileged = '(?P<host>[\w.-]+)(?:\([\w-]+\))?#'
[paging]
disable = ['terminal length 0']
[errors]
patterns = ['^% (?:Unknown|Ambiguous|Command incomplete)']
[[command]]
send = 'show running-config'
part = 'running'
strip_before = '^Current configuration:'
[complete.running]
end_marker = 'end'
";

#[tokio::test]
async fn frrouting_as_a_login_shell_is_collected_as_by_single_commands() {
    let frr = Frr::start().await;
    let prefixes: Vec<String> =
        (0..400).map(|n| format!("ip prefix-list L permit 10.{}.{}.0/24", n / 200, n % 200)).collect();
    let commands: Vec<&str> =
        ["configure terminal"].into_iter().chain(prefixes.iter().map(String::as_str)).collect();
    frr.vtysh(&commands);
    let path = frr.directory.path().display();
    let (single, shell) = (
        Sshd::start(&format!("SetEnv PATH={path}:/usr/bin:/bin")).await,
        Sshd::start(&format!("ForceCommand {path}/vtysh")).await,
    );
    let router = Driver::parse("router", ROUTER).unwrap();
    let expected = run(&single.target(), &driver("frr"), &[single.login()]).await;
    let outcome = run(&shell.target(), &router, &[shell.login()]).await;
    let expected = text(&expected, "running");
    let begin = expected.find("Current configuration:").unwrap();
    assert_eq!(text(&outcome, "running"), &expected[begin..]);
    assert!(expected.contains("10.1.199.0/24"), "{expected}");

    // Its commands are like those of many vendors, and it is none of them.
    let (drivers, logins, token) = (DriverSet::built_in(), [shell.login()], CancellationToken::new());
    let found = identify(&shell.target(), &drivers, &logins, &limits(), &token).await.unwrap();
    assert_eq!(found.outcome.class, Class::Ok, "{}", found.outcome.message);
    assert!(found.driver.is_none(), "{}", found.outcome.message);

    let wrong =
        Driver::parse("router", &ROUTER.replace("show running-config", "show startling-config")).unwrap();
    let outcome = run(&shell.target(), &wrong, &[shell.login()]).await;
    assert_eq!(outcome.class, Class::CommandRejected, "{}", outcome.message);
    assert!(outcome.message.contains("% Unknown command"), "{}", outcome.message);
}

#[tokio::test]
async fn a_linux_shell_with_colours_and_a_title_is_followed() {
    let directory = tempfile::tempdir().unwrap();
    let shell = directory.path().join("shell");
    // What Debian's and other distributions' shells begin with: the window's title and colours in the prompt.
    let prompt = r"\[\e]0;\u@\h: \w\a\]\[\e[01;32m\]\u@host\[\e[00m\]:\[\e[01;34m\]\w\[\e[00m\]\$ ";
    let script = format!("#!/bin/bash\ncd /etc\nexport PS1='{prompt}'\nexec bash --noprofile --norc\n");
    std::fs::write(&shell, script).unwrap();
    Command::new("chmod").arg("755").arg(&shell).status().unwrap();
    let sshd = Sshd::start(&format!("ForceCommand {}", shell.display())).await;
    let bash = "title = 'Bash'\nmode = 'shell'\nlogout = ['exit']\n[prompt]\nprivileged = '(?P<host>\\w+@[\\w.-]+):\\S*[#$]'\n";
    let wide = "of a line that is long enough to wrap on a terminal of eighty columns, which this one is not";
    let long = format!("for n in $(seq 3000); do printf '\\033[31m%05d\\033[0m {wide}\\n' $n; done");
    let command =
        format!("[[command]]\nsend = \"\"\"{}\"\"\"\npart = 'running'\n", long.replace('\\', "\\\\"));
    let bash = Driver::parse("bash", &(bash.to_owned() + &command)).unwrap();
    let outcome = run(&sshd.target(), &bash, &[sshd.login()]).await;
    let expected = lines(3_000, |number| format!("{number:05} {wide}"));
    assert_eq!(text(&outcome, "running"), expected);
}

/// FRRouting's bgpd without zebra, so that it touches no route of the machine, and a `vtysh` that finds it.
struct Frr {
    process: Child,
    directory: TempDir,
}

impl Frr {
    async fn start() -> Self {
        const BGPD: &str = "/usr/lib/frr/bgpd";
        let is_there = Path::new(BGPD).exists() && Path::new("/usr/bin/vtysh").exists();
        assert!(is_there, "FRRouting is missing: run `make test`, which installs it.");
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_str().unwrap().to_owned();
        // The daemon gives up root for a user of its own, who must be able to write its socket there.
        Command::new("chown").args(["frr:frr", &path]).status().unwrap();
        let process = Command::new(BGPD)
            .args(["--no_zebra", "--vty_addr", "127.0.0.1", "--vty_port", "0", "--bgp_port", "0"])
            .args(["--vty_socket", &path, "--pid_file", &format!("{path}/pid"), "--config_file", "/dev/null"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut frr = Self { process, directory };
        let script = format!("#!/bin/sh\nexec /usr/bin/vtysh --vty_socket {path} \"$@\"\n");
        let wrapper = frr.directory.path().join("vtysh");
        std::fs::write(&wrapper, script).unwrap();
        Command::new("chmod").arg("755").arg(&wrapper).status().unwrap();
        while !frr.directory.path().join("bgpd.vty").exists() {
            assert!(frr.process.try_wait().unwrap().is_none(), "bgpd ended");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        frr
    }

    fn vtysh(&self, commands: &[&str]) {
        let arguments = commands.iter().flat_map(|command| ["-c", command]);
        let status = Command::new(self.directory.path().join("vtysh")).args(arguments).status().unwrap();
        assert!(status.success());
    }

    fn stop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

impl Drop for Frr {
    fn drop(&mut self) {
        self.stop();
    }
}
