//! Through OpenSSH as jump host, each with a key and a credential of its own.

use std::time::{Duration, Instant};

use etiqa_engine::collect::{Driver, Hop, Limits, Outcome, Target, collect};
use etiqa_model::class::Class;
use etiqa_model::device::Transport;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::sshd::Sshd;
use crate::support::{at, driver, limits, lines, login, run, text};

fn through(hops: &[&Hop], target: Target) -> Target {
    Target { via: hops.iter().copied().cloned().collect(), ..target }
}

fn offered(outcome: &Outcome) -> Vec<(&str, bool)> {
    outcome.hop_keys.iter().map(|hop| (hop.name.as_str(), hop.is_changed)).collect()
}

/// Runs one command, so that nothing depends on the machine.
fn one_command(command: &str) -> Driver {
    let toml =
        format!("title = \"One\"\nmode = \"exec\"\n[[command]]\nsend = '{command}'\npart = \"running\"\n");
    Driver::parse("one", &toml).unwrap()
}

fn hello() -> Driver {
    one_command("echo hello")
}

/// A device that takes connections and never says a word.
async fn mute() -> (TcpListener, Target) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, at("127.0.0.1", port))
}

/// Waits until the other side has gone.
async fn is_cut(mut connection: TcpStream) {
    let mut heard = Vec::new();
    let wait = tokio::time::timeout(Duration::from_secs(5), connection.read_to_end(&mut heard));
    wait.await.expect("the connection is still open").ok();
}

#[tokio::test]
async fn a_host_behind_one_and_two_jump_hosts_is_collected_and_every_key_is_told() {
    let (first, second, device) = tokio::join!(Sshd::start(""), Sshd::start(""), Sshd::start(""));
    let (one, two) = (first.hop("outer"), second.hop("inner"));
    for hops in [vec![&one], vec![&one, &two]] {
        let target = through(&hops, device.target());
        let outcome = run(&target, &hello(), &[device.login()]).await;
        assert_eq!(text(&outcome, "running"), "hello\n");
        assert_eq!(offered(&outcome), [("outer", false), ("inner", false)][..hops.len()]);
        let keys = [&first, &second].map(|host| host.host_key("ed25519"));
        for (seen, key) in outcome.hop_keys.iter().zip(keys) {
            assert!(key.starts_with(&seen.key.openssh), "{seen:?}");
        }
        assert!(device.host_key("ed25519").starts_with(&outcome.host_key.unwrap().openssh));

        // Each server's key is remembered, and none is taken for another's.
        let mut target = target;
        for (hop, seen) in target.via.iter_mut().zip(&outcome.hop_keys) {
            hop.endpoint.host_key = Some(seen.key.openssh.clone());
        }
        target.endpoint.host_key = Some(device.host_key("rsa"));
        let outcome = run(&target, &hello(), &[device.login()]).await;
        assert_eq!(outcome.class, Class::Ok, "{}", outcome.message);
    }
}

#[tokio::test]
async fn a_long_text_comes_whole_through_two_jump_hosts() {
    let (first, second, device) = tokio::join!(Sshd::start(""), Sshd::start(""), Sshd::start(""));
    let target = through(&[&first.hop("outer"), &second.hop("inner")], device.target());
    let outcome = run(&target, &one_command("seq 300000"), &[device.login()]).await;
    let expected = lines(300_000, |number| number.to_string());
    assert!(text(&outcome, "running") == expected, "{} bytes", outcome.bytes);
}

#[tokio::test]
async fn a_jump_host_that_refuses_its_login_makes_the_device_unreachable() {
    let (first, second, device) =
        tokio::join!(Sshd::start(""), Sshd::start("LogLevel VERBOSE"), Sshd::start("LogLevel VERBOSE"));
    let refused = Hop { login: first.login(), ..second.hop("inner") };
    let target = through(&[&first.hop("outer"), &refused], device.target());
    // The device's own credentials are not to blame, so the second one is not tried.
    let outcome = run(&target, &hello(), &[device.login(), device.login()]).await;
    assert_eq!(outcome.class, Class::Unreachable, "{}", outcome.message);
    assert!(outcome.message.starts_with("Jump host inner: It refused the credential"), "{}", outcome.message);
    assert_eq!(offered(&outcome), [("outer", false), ("inner", false)]);
    assert_eq!((outcome.host_key, outcome.login), (None, None));
    let (second, device) = tokio::join!(second.whole_log(), device.whole_log());
    let connections = [second, device].map(|log| log.matches("Connection from").count());
    assert_eq!(connections, [1, 0]);
}

#[tokio::test]
async fn keys_on_the_way_are_told_once_however_many_credentials_are_tried() {
    let (first, device) = tokio::join!(Sshd::start(""), Sshd::start(""));
    let target = through(&[&first.hop("outer")], device.target());
    let wrong = device.login_with("host_ed25519", None);
    let outcome = run(&target, &hello(), &[wrong, device.login()]).await;
    assert_eq!(outcome.class, Class::Ok, "{}", outcome.message);
    assert_eq!(offered(&outcome), [("outer", false)]);
}

#[tokio::test]
async fn a_jump_host_whose_key_changed_stops_the_way_there() {
    let (first, second, device) = tokio::join!(Sshd::start(""), Sshd::start(""), Sshd::start(""));
    for changed in ["outer", "inner"] {
        let mut target = through(&[&first.hop("outer"), &second.hop("inner")], device.target());
        let hop = target.via.iter_mut().find(|hop| hop.name == changed).unwrap();
        hop.endpoint.host_key = Some(device.host_key("ed25519"));
        let outcome = run(&target, &hello(), &[device.login()]).await;
        assert_eq!(outcome.class, Class::HostKeyChanged, "{}", outcome.message);
        assert!(outcome.message.starts_with(&format!("Jump host {changed}: It shows another host key")));
        assert_eq!(
            outcome.hop_keys.last().map(|hop| (hop.name.as_str(), hop.is_changed)),
            Some((changed, true))
        );
        // What stands for the device's own key is untouched.
        assert_eq!(outcome.host_key, None);
    }
}

#[tokio::test]
async fn a_jump_host_that_may_not_or_cannot_connect_says_which() {
    let (strict, open, device) =
        tokio::join!(Sshd::start("AllowTcpForwarding no"), Sshd::start(""), Sshd::start(""));
    let port = device.target().endpoint.port;
    let outcome = run(&through(&[&strict.hop("strict")], device.target()), &hello(), &[device.login()]).await;
    assert_eq!(outcome.class, Class::Unreachable);
    let expected = format!("The jump host strict does not pass connections on to 127.0.0.1 port {port}.");
    assert_eq!(outcome.message, expected);

    let (listener, closed) = mute().await;
    drop(listener);
    let port = closed.endpoint.port;
    let outcome = run(&through(&[&open.hop("open")], closed), &hello(), &[device.login()]).await;
    assert_eq!(outcome.class, Class::Unreachable);
    assert_eq!(outcome.message, format!("The jump host open cannot connect to 127.0.0.1 port {port}."));

    // A label that no name may have, so that no name server is asked.
    let name = "a".repeat(64);
    let outcome = run(&through(&[&open.hop("open")], at(&name, 22)), &hello(), &[device.login()]).await;
    assert_eq!(outcome.class, Class::Unreachable);
    assert_eq!(outcome.message, format!("The jump host open cannot connect to {name} port 22."));

    let gone = Hop { endpoint: at("127.0.0.1", port).endpoint, ..open.hop("gone") };
    let outcome = run(&through(&[&gone], device.target()), &hello(), &[device.login()]).await;
    assert_eq!(outcome.class, Class::Unreachable);
    assert!(
        outcome.message.starts_with("Jump host gone: The connection to 127.0.0.1"),
        "{}",
        outcome.message
    );
}

#[tokio::test]
async fn old_algorithms_of_a_jump_host_are_its_own_affair() {
    let lines = "KexAlgorithms diffie-hellman-group14-sha1";
    let (old, device) = tokio::join!(Sshd::start(lines), Sshd::start(""));
    let mut target = through(&[&old.hop("old")], device.target());
    let outcome = run(&target, &hello(), &[device.login()]).await;
    assert_eq!(outcome.class, Class::AlgorithmMismatch);
    let expected = "Jump host old: No common SSH algorithm (Kex); it offers only: diffie-hellman-group14-sha1. \
                    Allow old algorithms for it if you trust it.";
    assert_eq!(outcome.message, expected);
    // The device itself may be as old as it likes: this is about the jump host.
    target.endpoint.legacy = true;
    assert_eq!(run(&target, &hello(), &[device.login()]).await.class, Class::AlgorithmMismatch);
    target.via[0].endpoint.legacy = true;
    target.endpoint.legacy = false;
    assert_eq!(run(&target, &hello(), &[device.login()]).await.class, Class::Ok);
}

#[tokio::test]
async fn a_mute_device_behind_a_jump_host_is_given_up_and_cut() {
    let hop = Sshd::start("").await;
    let logins = [login("net", "admin")];
    let hour = Duration::from_hours(1);

    let short = Limits { connect: Duration::from_secs(2), ..limits() };
    let (listener, target) = mute().await;
    let target = through(&[&hop.hop("hop")], target);
    let outcome = collect(&target, &hello(), &logins, &short, &CancellationToken::new()).await;
    assert_eq!(outcome.class, Class::ConnectTimeout, "{}", outcome.message);
    is_cut(listener.accept().await.unwrap().0).await;

    // Telnet waits for the device to speak first.
    let target = Target { transport: Transport::Telnet, ..target };
    let hurried = Limits { step: hour, deadline: Duration::from_secs(2), ..limits() };
    let driver = driver("ios");
    let begin = Instant::now();
    let outcome = collect(&target, &driver, &logins, &hurried, &CancellationToken::new()).await;
    assert_eq!(outcome.class, Class::Timeout, "{}", outcome.message);
    assert!(outcome.message.contains("deadline"), "{}", outcome.message);
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
    is_cut(listener.accept().await.unwrap().0).await;
}

#[tokio::test]
async fn stopping_cuts_everything_behind_two_jump_hosts_within_a_second() {
    let (first, second, device) = tokio::join!(Sshd::start(""), Sshd::start(""), Sshd::start(""));
    let hour = Duration::from_hours(1);
    let patient = Limits { connect: hour, step: hour, deadline: hour, ..limits() };
    let (listener, mute) = mute().await;
    // While the device is silent in SSH's greeting, and while it runs a command.
    let waiting = format!("exec 3<>/dev/tcp/127.0.0.1/{}; read -u 3 line", mute.endpoint.port);
    let waiting = one_command(&format!("bash -c \"{waiting}\""));
    for (target, driver) in [(mute, hello()), (device.target(), waiting)] {
        let target = through(&[&first.hop("outer"), &second.hop("inner")], target);
        let token = CancellationToken::new();
        let logins = [device.login()];
        let (outcome, (connection, begin)) =
            tokio::join!(collect(&target, &driver, &logins, &patient, &token), async {
                let (connection, _) = listener.accept().await.unwrap();
                token.cancel();
                (connection, Instant::now())
            });
        assert_eq!(outcome.class, Class::Cancelled, "{}", outcome.message);
        assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
        // What the command itself opened is the host's to end.
        if outcome.login.is_none() {
            is_cut(connection).await;
        }
    }
    // Nobody stays logged in on the way.
    tokio::join!(first.whole_log(), second.whole_log());
}
