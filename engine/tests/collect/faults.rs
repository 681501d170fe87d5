//! Faults: each in its class, and never a text that is not whole.

use std::time::Duration;

use etiqa_engine::collect::{Limits, collect};
use etiqa_model::class::Class;
use etiqa_simulator::{DeviceSpec, Faults, Personality};
use futures::future::join_all;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::support::{at, collected, device, driver_of, knowing, limits, login, run, target};

#[tokio::test]
async fn a_device_that_loses_its_connection_or_hangs_anywhere_gives_no_text() {
    let matrix = Personality::ALL.iter().flat_map(|&personality| {
        [0, 1, 500, 4_000, 8_000].into_iter().flat_map(move |at| {
            [(Faults::drop_after(at), Class::Disconnected), (Faults::hang_after(at), Class::Timeout)]
                .map(|(faults, expected)| (personality, faults, expected))
        })
    });
    join_all(matrix.map(async |(personality, faults, expected)| {
        let device = device(DeviceSpec::new(personality).config_size(9_000).faults(faults.clone())).await;
        let outcome = collected(&device, personality).await;
        assert_eq!(outcome.class, expected, "{personality:?} with {faults:?}: {}", outcome.message);
        assert!(outcome.parts.is_empty() && outcome.transcript.is_some());
    }))
    .await;
}

#[tokio::test]
async fn a_rejected_command_is_never_stored_as_configuration() {
    for &personality in Personality::ALL {
        let device = device(DeviceSpec::new(personality).faults(Faults::reject_commands())).await;
        let outcome = collected(&device, personality).await;
        assert_eq!(outcome.class, Class::CommandRejected, "{personality:?}: {}", outcome.message);
        assert!(outcome.parts.is_empty());
    }
}

#[tokio::test]
async fn a_truncated_config_is_never_stored_even_when_the_prompt_comes_back() {
    for personality in [Personality::Ios, Personality::BigIp] {
        let device = device(DeviceSpec::new(personality)).await;
        let whole = device.config();
        let cut = whole.rfind('{').map_or(whole.len() / 2, |brace| brace + 1);
        device.set_config(whole[..cut].to_owned());
        let outcome = collected(&device, personality).await;
        assert_eq!(outcome.class, Class::Incomplete, "{personality:?}: {}", outcome.message);
        assert!(outcome.parts.is_empty() && outcome.message.contains("running"));
    }
}

#[tokio::test]
async fn a_prompt_within_the_config_does_not_end_it() {
    for personality in [Personality::Ios, Personality::Gaia, Personality::Nios] {
        let spec = DeviceSpec::new(personality);
        let prompt = match personality {
            Personality::Ios => format!("{}#", spec.hostname),
            Personality::Gaia => format!("{}> ", spec.hostname),
            _ => "Infoblox > ".to_owned(),
        };
        // In pieces of which one ends right behind the prompt.
        let faults = Faults { chunk_bytes: Some(1), ..Faults::default() };
        let device = device(spec.config_size(2_000).faults(faults)).await;
        let whole = device.config().replacen('\n', &format!("\n{prompt}\n{prompt}\n"), 9);
        device.set_config(whole.clone());
        let outcome = collected(&device, personality).await;
        // Gaia's text begins at its first comment.
        let begin = if personality == Personality::Gaia { whole.find('#').unwrap() } else { 0 };
        assert_eq!(crate::support::main_text(&outcome, personality), &whole[begin..], "{personality:?}");
    }
}

#[tokio::test]
async fn only_a_refused_login_leads_to_the_next_one() {
    let device = device(DeviceSpec::new(Personality::Ios)).await;
    let driver = driver_of(Personality::Ios);
    let outcome =
        run(&target(&device), &driver, &[login("old", "hunter2hunter2"), login("new", "admin")]).await;
    assert_eq!((outcome.class, outcome.login.as_deref()), (Class::Ok, Some("new")), "{}", outcome.message);

    let wrong = [login("old", "hunter2hunter2"), login("older", "hunter3")];
    let outcome = run(&target(&device), &driver, &wrong).await;
    assert_eq!(outcome.class, Class::AuthFailed);
    assert_eq!(outcome.message, "The device refused every credential: old, older.");
    assert!(!outcome.transcript.unwrap().contains("hunter"));
    assert_eq!(run(&target(&device), &driver, &[]).await.class, Class::AuthFailed);

    device.set_faults(Faults::hang_after(10));
    let before = device.sessions_total();
    let outcome = run(&target(&device), &driver, &[login("one", "admin"), login("two", "admin")]).await;
    assert_eq!((outcome.class, device.sessions_total()), (Class::Timeout, before + 1));
}

#[tokio::test]
async fn a_changed_host_key_stops_before_any_password_is_sent() {
    let device = device(DeviceSpec::new(Personality::Ios)).await;
    let driver = driver_of(Personality::Ios);
    let logins = [login("net", "admin")];
    let first = run(&target(&device), &driver, &logins).await;
    let known = knowing(target(&device), &first.host_key.unwrap().openssh);
    assert_eq!(run(&known, &driver, &logins).await.class, Class::Ok);

    device.new_host_key();
    let outcome = run(&known, &driver, &logins).await;
    assert_eq!(outcome.class, Class::HostKeyChanged, "{}", outcome.message);
    let offered = outcome.host_key.unwrap();
    assert_eq!(offered.fingerprint, device.host_key_fingerprint());
    assert!(!outcome.transcript.unwrap().contains("logging in"));

    let accepted = knowing(known, &offered.openssh);
    assert_eq!(run(&accepted, &driver, &logins).await.class, Class::Ok);
}

#[tokio::test]
async fn nobody_at_home_is_told_apart_from_a_closed_door() {
    let driver = driver_of(Personality::Linux);
    let logins = [login("net", "admin")];
    let token = CancellationToken::new();
    let short = Limits { connect: Duration::from_millis(300), ..limits() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let at = |address: &str| at(address, port);
    // The system accepts for the listener, and nobody ever speaks.
    let outcome = collect(&at("127.0.0.1"), &driver, &logins, &short, &token).await;
    assert_eq!(outcome.class, Class::ConnectTimeout, "{}", outcome.message);
    drop(listener);
    assert_eq!(run(&at("127.0.0.1"), &driver, &logins).await.class, Class::Unreachable);
    // A label that no name may have (RFC 1035, section 2.3.4), so that no name server is asked.
    let outcome = run(&at(&"a".repeat(64)), &driver, &logins).await;
    assert_eq!(outcome.class, Class::Unreachable);
    assert!(outcome.message.contains("cannot be resolved"), "{}", outcome.message);
}

#[tokio::test]
async fn a_cancelled_collection_ends_and_frees_the_device() {
    let device = device(DeviceSpec::new(Personality::Ios).faults(Faults::hang_after(100))).await;
    let token = CancellationToken::new();
    let hour = Duration::from_hours(1);
    let patient = Limits { step: hour, deadline: hour, ..limits() };
    let (target, driver, logins) = (target(&device), driver_of(Personality::Ios), [login("net", "admin")]);
    let (outcome, ()) = tokio::join!(collect(&target, &driver, &logins, &patient, &token), async {
        while device.sessions_open() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        token.cancel();
    });
    assert_eq!(outcome.class, Class::Cancelled);
    assert!(outcome.parts.is_empty());
    while device.sessions_open() > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_device_is_cut_at_its_deadline() {
    let device = device(DeviceSpec::new(Personality::Ios).faults(Faults::hang_after(100))).await;
    let hurried = Limits { step: Duration::from_hours(1), deadline: Duration::from_secs(4), ..limits() };
    let logins = [login("net", "admin")];
    let (target, driver) = (target(&device), driver_of(Personality::Ios));
    let outcome = collect(&target, &driver, &logins, &hurried, &CancellationToken::new()).await;
    assert_eq!(outcome.class, Class::Timeout);
    let message = outcome.message;
    assert!(message.contains("deadline") && message.contains("`show running-config`"), "{message}");
}

#[tokio::test]
async fn more_than_the_size_limit_is_too_large() {
    for personality in [Personality::Ios, Personality::Linux] {
        let device = device(DeviceSpec::new(personality).config_size(200_000)).await;
        let small = Limits { max_bytes: 50_000, ..limits() };
        let (target, logins) = (target(&device), [login("net", "admin")]);
        let outcome =
            collect(&target, &driver_of(personality), &logins, &small, &CancellationToken::new()).await;
        assert_eq!(outcome.class, Class::TooLarge, "{}", outcome.message);
    }
}
