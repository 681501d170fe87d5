//! Faults, logins, and what changes while a device runs.

use etiqa_simulator::{DeviceSpec, Faults, Personality, start};
use russh::client::{AuthResult, KeyboardInteractiveAuthResponse};
use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::{PrivateKey, PrivateKeyWithHashAlg};
use std::sync::Arc;

use crate::client::{Shell, connect, exec, login};
use crate::{plain, started};

const PROMPT: &str = "sw-branch-1#";

async fn shell_without_paging(device: &etiqa_simulator::SimulatedDevice) -> Shell {
    let mut shell = Shell::open(device).await;
    shell.until(PROMPT).await;
    shell.run("terminal length 0", PROMPT).await;
    shell
}

#[tokio::test]
async fn a_drop_cuts_the_configuration_at_exactly_that_byte() {
    let device = started(DeviceSpec::new(Personality::Ios).faults(Faults::drop_after(1_234))).await;
    let mut shell = shell_without_paging(&device).await;
    let version = shell.run("show version", PROMPT).await;
    assert!(version.ends_with("0xF\n\n"), "only the configuration is cut: {version}");
    shell.type_in("show running-config\n").await;
    shell.until("show running-config\r\n").await;
    assert_eq!(shell.rest().await, device.config().replace('\n', "\r\n")[..1_234]);

    let device = started(DeviceSpec::new(Personality::Linux).faults(Faults::drop_after(0))).await;
    let finished = exec(&login(&device).await, "cat /etc/network/interfaces").await;
    assert_eq!((finished.stdout.as_str(), finished.status), ("", None));
}

#[tokio::test]
async fn a_hang_says_exactly_so_much_and_keeps_the_connection() {
    let device = started(DeviceSpec::new(Personality::Ios).faults(Faults::hang_after(700))).await;
    let mut shell = shell_without_paging(&device).await;
    shell.type_in("show running-config\n").await;
    shell.until("show running-config\r\n").await;
    let whole = device.config().replace('\n', "\r\n");
    assert_eq!(shell.until(&whole[600..700]).await, whole[..700]);
    // A second session is served while the first one hangs, and the first one stays open.
    device.set_faults(Faults::default());
    let mut other = shell_without_paging(&device).await;
    assert_eq!(other.run("show running-config", PROMPT).await, device.config());
    assert_eq!(device.sessions_open(), 2);
}

#[tokio::test]
async fn a_rejecting_device_answers_with_its_error_text() {
    for (personality, command, error) in [
        (Personality::Ios, "show running-config", "% Invalid input detected at '^' marker."),
        (Personality::Linux, "cat /etc/hostname", "cat: Permission denied"),
        (Personality::Gaia, "show configuration", "CLINFR0329  Invalid command:'show configuration'."),
        (Personality::BigIp, "tmsh -q list", "Syntax Error: unexpected argument \"list\""),
        (Personality::Nios, "show network", "unknown command 'show network'"),
    ] {
        let device = started(DeviceSpec::new(personality).faults(Faults::reject_commands())).await;
        let finished = exec(&login(&device).await, command).await;
        assert!((finished.stdout + &finished.stderr).contains(error), "{personality:?}");
    }
}

#[tokio::test]
async fn output_in_small_pieces_is_the_same_text() {
    let faults = Faults { chunk_bytes: Some(7), ..Faults::default() };
    let device = started(DeviceSpec::new(Personality::Ios).faults(faults)).await;
    let mut shell = shell_without_paging(&device).await;
    assert_eq!(shell.run("show running-config", PROMPT).await, device.config());
}

#[tokio::test]
async fn a_reader_gets_more_than_its_window_holds() {
    let device = started(DeviceSpec::new(Personality::Linux).config_size(6_000_000)).await;
    let finished = exec(&login(&device).await, "cat /etc/network/interfaces").await;
    assert!(finished.stdout.len() > 5_000_000 && finished.stdout == device.config());
}

#[tokio::test]
async fn only_the_right_password_logs_in() {
    let device = plain(Personality::Linux).await;
    let (mut connection, _) = connect(&device).await;
    assert!(!connection.authenticate_password("admin", "wrong").await.unwrap().success());
    assert!(!connection.authenticate_password("root", "admin").await.unwrap().success());
    assert!(connection.authenticate_password("admin", "admin").await.unwrap().success());

    device.set_password("changed");
    let (mut connection, _) = connect(&device).await;
    assert!(!connection.authenticate_password("admin", "admin").await.unwrap().success());
    assert!(connection.authenticate_password("admin", "changed").await.unwrap().success());

    device.set_faults(Faults::wrong_password());
    let (mut connection, _) = connect(&device).await;
    assert!(!connection.authenticate_password("admin", "changed").await.unwrap().success());
}

#[tokio::test]
async fn keyboard_interactive_asks_for_the_password_once() {
    let device = plain(Personality::Linux).await;
    let (mut connection, _) = connect(&device).await;
    let asked = connection.authenticate_keyboard_interactive_start("admin", None).await.unwrap();
    let KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } = asked else {
        panic!("{asked:?} is no question");
    };
    assert_eq!((prompts.len(), prompts[0].prompt.as_str(), prompts[0].echo), (1, "Password: ", false));
    let answered = connection.authenticate_keyboard_interactive_respond(vec!["admin".into()]).await.unwrap();
    assert!(matches!(answered, KeyboardInteractiveAuthResponse::Success));
}

#[tokio::test]
async fn only_the_authorized_key_logs_in() {
    let key = |seed: u8| PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]));
    let spec = DeviceSpec::new(Personality::Linux).authorized_key(key(1).public_key().to_openssh().unwrap());
    let device = started(spec).await;
    let (mut connection, _) = connect(&device).await;
    for (seed, is_right) in [(2, false), (1, true)] {
        let offered = PrivateKeyWithHashAlg::new(Arc::new(key(seed)), None);
        let result = connection.authenticate_publickey("admin", offered).await.unwrap();
        assert_eq!(matches!(result, AuthResult::Success), is_right);
    }
}

#[tokio::test]
async fn equal_seeds_give_equal_texts_and_host_keys() {
    let spec = DeviceSpec::new(Personality::Ios).seed(7);
    let (one, same, other) = (
        started(spec.clone()).await,
        started(spec.clone()).await,
        started(spec.clone().seed(8).hostname("sw-branch-2")).await,
    );
    assert_eq!(one.config(), same.config());
    assert_ne!(one.config(), other.config());
    assert_eq!(connect(&one).await.1, connect(&same).await.1);
    assert_ne!(connect(&one).await.1, connect(&other).await.1);

    let before = one.host_key_fingerprint();
    assert_eq!(connect(&one).await.1, before);
    one.new_host_key();
    assert_eq!(connect(&one).await.1, one.host_key_fingerprint());
    assert_ne!(before, one.host_key_fingerprint());
}

#[tokio::test]
async fn a_configuration_changes_only_when_told() {
    let device = plain(Personality::Linux).await;
    let connection = login(&device).await;
    let show = || exec(&connection, "cat /etc/network/interfaces");
    let before = show().await.stdout;
    assert_eq!(show().await.stdout, before);
    device.change_config();
    let after = show().await.stdout;
    assert_ne!(after, before);
    assert!(device.same_config(&after) && !device.same_config(&before));
    device.set_config("auto lo\n".to_owned());
    assert_eq!(show().await.stdout, "auto lo\n");
}

#[tokio::test]
async fn a_dropped_device_ends_its_sessions_and_frees_its_port() {
    let device = plain(Personality::Ios).await;
    let addr = device.addr();
    let mut shell = Shell::open(&device).await;
    shell.until(PROMPT).await;
    drop(device);
    shell.rest().await;
    let mut again = start(DeviceSpec::new(Personality::Ios), addr).await;
    while again.is_err() {
        // The listener's task closes the port when it next runs.
        tokio::task::yield_now().await;
        again = start(DeviceSpec::new(Personality::Ios), addr).await;
    }
}

#[tokio::test]
async fn an_address_outside_loopback_is_refused() {
    let Err(refused) = start(DeviceSpec::new(Personality::Ios), ([192, 0, 2, 1], 0)).await else {
        panic!("it listens there");
    };
    assert!(refused.to_string().starts_with("192.0.2.1 is not a loopback address"), "{refused}");
}

#[tokio::test]
async fn a_client_that_leaves_a_hung_device_frees_the_session() {
    let device = started(DeviceSpec::new(Personality::Ios).faults(Faults::hang_after(0))).await;
    let mut shell = shell_without_paging(&device).await;
    shell.type_in("show running-config\n").await;
    shell.until("show running-config\r\n").await;
    assert_eq!(device.sessions_open(), 1);
    drop(shell);
    while device.sessions_open() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(device.sessions_total(), 1);
}
