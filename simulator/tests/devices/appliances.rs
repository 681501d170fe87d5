//! Check Point, F5 and Infoblox: each in its own command line.

use etiqa_simulator::Personality;

use crate::client::{Shell, exec, login};
use crate::plain;

#[tokio::test]
async fn gaia_shows_its_configuration_once_rows_are_0() {
    let device = plain(Personality::Gaia).await;
    let prompt = "fw-dc1-a> ";
    let mut shell = Shell::open(&device).await;
    assert_eq!(shell.until(prompt).await, prompt);
    shell.type_in("show configuration\n").await;
    shell.until("-- More --").await;
    shell.type_in("q").await;
    assert_eq!(shell.until(prompt).await, format!("\r          \r{prompt}"));

    assert_eq!(shell.run("set clienv rows 0", prompt).await, "");
    assert_eq!(shell.run("show configuration", prompt).await, device.config());
    assert!(device.config().starts_with("#\n# Configuration of fw-dc1-a\n# Language version: "));
    assert_eq!(shell.run("foo", prompt).await, "CLINFR0329  Invalid command:'foo'.\n");
}

#[tokio::test]
async fn bigip_answers_tmsh_with_balanced_braces() {
    let device = plain(Personality::BigIp).await;
    let connection = login(&device).await;
    for command in ["tmsh -q -c 'cd /; show running-config recursive'", "tmsh -q list", "list"] {
        let finished = exec(&connection, command).await;
        assert_eq!((finished.stdout, finished.status), (device.config(), Some(0)), "{command}");
    }
    assert_eq!(device.config().matches('{').count(), device.config().matches('}').count());
    assert!(exec(&connection, "tmsh -q show sys version").await.stdout.contains("BIG-IP"));
    let wrong = exec(&connection, "tmsh -q foo").await;
    assert_eq!(wrong.stderr, "Syntax Error: unexpected argument \"foo\"\n");
    assert_eq!(wrong.status, Some(1));
}

#[tokio::test]
async fn nios_shows_its_network_once_lines_are_0() {
    let device = plain(Personality::Nios).await;
    let prompt = "Infoblox > ";
    let mut shell = Shell::open(&device).await;
    assert!(shell.until(prompt).await.contains("Infoblox NIOS Release"));
    shell.run("set lines 0", prompt).await;
    assert_eq!(shell.run("show network", prompt).await, device.config());
    assert!(shell.run("foo", prompt).await.starts_with("unknown command 'foo'\n"));
}
