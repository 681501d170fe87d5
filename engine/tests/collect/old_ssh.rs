//! OpenSSH that serves nothing but what devices of the 2000s know.

use etiqa_engine::collect::{Driver, Outcome, Target};
use etiqa_model::class::Class;

use crate::sshd::{Setup, Sshd};
use crate::support::{lines, run, text};

const RSA_1024: &[&str] = &["-t", "rsa", "-b", "1024"];

fn old(target: Target) -> Target {
    let mut target = target;
    target.endpoint.legacy = true;
    target
}

/// One command, by a driver with these lines behind it.
fn hello(lines: &str) -> Driver {
    let toml = "title = \"Hello\"\nmode = \"exec\"\n[[command]]\nsend = \"echo hello\"\npart = \"running\"\n";
    Driver::parse("hello", &(toml.to_owned() + lines)).unwrap()
}

async fn old_server(kex: &str, cipher: &str) -> Sshd {
    let lines = format!(
        "KexAlgorithms {kex}\nCiphers {cipher}\nMACs hmac-sha1\nHostKeyAlgorithms ssh-rsa\nRequiredRSASize 1024"
    );
    Sshd::start_with(&Setup { lines: &lines, host_key: Some(RSA_1024), ..Setup::default() }).await
}

async fn greeted(sshd: &Sshd, target: &Target, driver: &Driver) -> Outcome {
    let outcome = run(target, driver, &[sshd.login()]).await;
    assert_eq!(outcome.class, Class::Ok, "{}", outcome.message);
    assert_eq!(text(&outcome, "running"), "hello\n");
    outcome
}

#[tokio::test]
async fn a_server_with_nothing_but_old_algorithms_is_collected_where_that_is_allowed() {
    for (kex, cipher) in [
        ("diffie-hellman-group1-sha1", "3des-cbc"),
        ("diffie-hellman-group14-sha1", "aes128-cbc"),
        ("diffie-hellman-group-exchange-sha1", "aes256-cbc"),
    ] {
        let sshd = old_server(kex, cipher).await;
        let outcome = run(&sshd.target(), &hello(""), &[sshd.login()]).await;
        assert_eq!(outcome.class, Class::AlgorithmMismatch, "{}", outcome.message);
        assert!(outcome.message.contains(kex), "{}", outcome.message);
        assert!(outcome.message.contains("Allow old algorithms for this device"), "{}", outcome.message);

        // By the device, with its key remembered, and by the driver.
        let first = greeted(&sshd, &old(sshd.target()), &hello("")).await;
        assert!(sshd.host_key("only").starts_with(&first.host_key.unwrap().openssh));
        let known = crate::support::knowing(old(sshd.target()), &sshd.host_key("only"));
        greeted(&sshd, &known, &hello("")).await;
        greeted(&sshd, &sshd.target(), &hello("[ssh]\nlegacy = true\n")).await;
    }
}

#[tokio::test]
async fn an_old_dsa_host_key_is_taken_where_old_algorithms_are_allowed() {
    let setup =
        Setup { lines: "HostKeyAlgorithms ssh-dss", host_key: Some(&["-t", "dsa"]), ..Setup::default() };
    let sshd = Sshd::start_with(&setup).await;
    let outcome = run(&sshd.target(), &hello(""), &[sshd.login()]).await;
    assert_eq!(outcome.class, Class::AlgorithmMismatch, "{}", outcome.message);
    greeted(&sshd, &old(sshd.target()), &hello("")).await;
}

#[tokio::test]
async fn a_long_text_comes_whole_over_old_ciphers() {
    let sshd = old_server("diffie-hellman-group14-sha1", "3des-cbc").await;
    let toml = "title = \"Long\"\nmode = \"exec\"\n[[command]]\nsend = \"seq 50000\"\npart = \"running\"\n";
    let driver = Driver::parse("long", toml).unwrap();
    let outcome = run(&old(sshd.target()), &driver, &[sshd.login()]).await;
    let expected = lines(50_000, |number| number.to_string());
    assert!(text(&outcome, "running") == expected, "{}", outcome.message);
}

#[tokio::test]
async fn a_server_that_knows_groups_of_2048_bits_only_is_no_old_one() {
    let groups = std::fs::read_to_string("/etc/ssh/moduli").unwrap();
    // The fifth word is the size, which is counted from nought.
    let is_small = |line: &&str| line.split(' ').nth(4) == Some("2047");
    let small: Vec<&str> = groups.lines().filter(is_small).collect();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("moduli");
    std::fs::write(&file, small.join("\n") + "\n").unwrap();
    let lines = format!("KexAlgorithms diffie-hellman-group-exchange-sha256\nModuliFile {}", file.display());
    let sshd = Sshd::start(&lines).await;
    greeted(&sshd, &sshd.target(), &hello("")).await;
}

#[tokio::test]
async fn a_host_is_reached_over_ipv6() {
    let sshd = Sshd::start("ListenAddress ::1").await;
    greeted(&sshd, &sshd.target_at("::1"), &hello("")).await;
    // Through a jump host as well, and by a name that has both kinds of addresses.
    let via = vec![sshd.hop("hop")];
    greeted(&sshd, &Target { via, ..sshd.target_at("::1") }, &hello("")).await;
    greeted(&sshd, &sshd.target_at("localhost"), &hello("")).await;
}
