//! Cisco IOS: modes, paging, and the exact text.

use etiqa_simulator::{DeviceSpec, Personality};

use crate::client::Shell;
use crate::{plain, started};

const PROMPT: &str = "sw-branch-1#";
const ERASE: &str = "\x08\x08\x08\x08\x08\x08\x08\x08\x08        \x08\x08\x08\x08\x08\x08\x08\x08\x08";

#[tokio::test]
async fn without_paging_the_output_is_the_configuration_and_nothing_else() {
    let device = plain(Personality::Ios).await;
    let mut shell = Shell::open(&device).await;
    let greeting = shell.until(PROMPT).await;
    assert!(greeting.contains("Network operations"), "{greeting}");
    assert_eq!(shell.run("terminal length 0", PROMPT).await, "");
    let output = shell.run("show running-config", PROMPT).await;
    assert_eq!(output, device.config());
    assert!(output.starts_with("Building configuration...\n\nCurrent configuration : "));
    assert!(output.ends_with("\n!\nend\n"));
}

#[tokio::test]
async fn with_paging_every_24_lines_wait_for_a_key() {
    let device = plain(Personality::Ios).await;
    let mut shell = Shell::open(&device).await;
    shell.until(PROMPT).await;
    shell.type_in("show running-config\r\n").await;
    shell.until("show running-config\r\n").await;
    let config_lines = |text: &str| text.matches("\r\n").count();

    let first_page = shell.until(" --More-- ").await;
    assert_eq!(config_lines(&first_page), 24);
    shell.type_in("\r").await;
    let one_line = shell.until(" --More-- ").await;
    assert!(one_line.starts_with(ERASE));
    assert_eq!(config_lines(&one_line), 1);

    let mut heard = first_page + &one_line;
    loop {
        shell.type_in(" ").await;
        heard += &shell.until(ERASE).await;
        // A page, and then either another question or the prompt.
        let page =
            shell.until(if remaining(&heard, &device.config()) > 24 { " --More-- " } else { PROMPT }).await;
        heard += &page;
        if page.ends_with(PROMPT) {
            break;
        }
    }
    let collected = heard.replace(&format!(" --More-- {ERASE}"), "").replace("\r\n", "\n");
    assert_eq!(collected.strip_suffix(PROMPT), Some(device.config().as_str()));
}

/// Lines of `config` that were not heard yet.
fn remaining(heard: &str, config: &str) -> usize {
    config.lines().count() - heard.matches("\r\n").count()
}

#[tokio::test]
async fn q_at_the_pager_ends_the_output() {
    let device = plain(Personality::Ios).await;
    let mut shell = Shell::open(&device).await;
    shell.until(PROMPT).await;
    shell.type_in("show running-config\n").await;
    shell.until(" --More-- ").await;
    shell.type_in("q").await;
    assert_eq!(shell.until(PROMPT).await, format!("{ERASE}{PROMPT}"));
}

#[tokio::test]
async fn user_mode_does_not_show_the_configuration_until_enabled() {
    let device = started(DeviceSpec::new(Personality::Ios).enable_password("s3cret")).await;
    let mut shell = Shell::open(&device).await;
    shell.until("sw-branch-1>").await;
    assert_eq!(
        shell.run("show running-config", "sw-branch-1>").await,
        "                 ^\n% Invalid input detected at '^' marker.\n\n"
    );
    shell.type_in("enable\n").await;
    assert_eq!(shell.until("Password: ").await, "enable\r\nPassword: ");
    shell.type_in("s3cret\n").await;
    assert_eq!(shell.until(PROMPT).await, format!("\r\n{PROMPT}"), "a password is not echoed");
    shell.run("terminal length 0", PROMPT).await;
    assert_eq!(shell.run("show running-config", PROMPT).await, device.config());
}

#[tokio::test]
async fn a_wrong_enable_password_leaves_the_user_mode() {
    let device = started(DeviceSpec::new(Personality::Ios).enable_password("s3cret")).await;
    let mut shell = Shell::open(&device).await;
    shell.until("sw-branch-1>").await;
    shell.type_in("enable\n").await;
    for _ in 0..3 {
        shell.until("Password: ").await;
        shell.type_in("wrong\n").await;
    }
    assert_eq!(shell.until("sw-branch-1>").await, "\r\n% Bad secrets\r\n\r\nsw-branch-1>");
}

#[tokio::test]
async fn every_character_is_echoed_wherever_the_input_is_split() {
    let device = plain(Personality::Ios).await;
    let mut shell = Shell::open(&device).await;
    shell.until(PROMPT).await;
    for character in ["s", "h x", "\x7f", "ver", "\r", "\n"] {
        shell.type_in(character).await;
    }
    assert_eq!(shell.until("\r\n").await, "sh x\x08 \x08ver\r\n");
    assert!(shell.until(PROMPT).await.contains(" uptime is "));
}

#[tokio::test]
async fn volatile_lines_differ_from_showing_to_showing_and_nothing_else_does() {
    let device = plain(Personality::Ios).await;
    let mut shell = Shell::open(&device).await;
    shell.until(PROMPT).await;
    shell.run("terminal length 0", PROMPT).await;
    let versions = [shell.run("show version", PROMPT).await, shell.run("show version", PROMPT).await];
    assert_ne!(versions[0], versions[1]);

    let first = shell.run("show running-config", PROMPT).await;
    let second = shell.run("show running-config", PROMPT).await;
    assert_ne!(first, second);
    assert!(device.same_config(&first) && device.same_config(&second));
    device.change_config();
    assert!(!device.same_config(&second));
}

#[tokio::test]
async fn exit_ends_the_session() {
    let device = plain(Personality::Ios).await;
    let mut shell = Shell::open(&device).await;
    shell.until(PROMPT).await;
    shell.type_in("exit\n").await;
    assert_eq!(shell.rest().await, "exit\r\n");
}
