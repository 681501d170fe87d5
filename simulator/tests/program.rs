//! The program, run as a person runs it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Command, Stdio};

/// A loopback address that no other test uses, and a port that is free on it.
fn free_place(last: u8) -> (Ipv4Addr, u16) {
    let address = Ipv4Addr::new(127, 77, std::process::id() as u8, last);
    (address, TcpListener::bind((address, 0)).unwrap().local_addr().unwrap().port())
}

fn simulator() -> Command {
    Command::new(env!("CARGO_BIN_EXE_etiqa-simulator"))
}

#[test]
fn the_inventory_lists_devices_that_listen_and_a_signal_stops_them() {
    let folder = tempfile::tempdir().unwrap();
    let inventory = folder.path().join("devices.csv");
    let (address, port) = free_place(1);
    let mut running = simulator()
        .args(["--devices", "6", "--credential", "lab", "--change-every", "1"])
        .args(["--listen", &address.to_string(), "--port", &port.to_string()])
        .args(["--https-port", &if port > 1_024 { port - 1 } else { port + 1 }.to_string()])
        .arg("--inventory")
        .arg(&inventory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = String::new();
    BufReader::new(running.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    assert_eq!(ready, format!("Ready: 6 devices, inventory in {}\n", inventory.display()));

    let mut rows = csv::Reader::from_path(&inventory).unwrap();
    let columns =
        "ip,hostname,device_type,platform,port,transport,credential,site,tags,description,https_port";
    assert_eq!(rows.headers().unwrap().iter().collect::<Vec<_>>().join(","), columns);
    let rows: Vec<_> = rows.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 6);
    for row in &rows {
        TcpStream::connect((row[0].parse::<Ipv4Addr>().unwrap(), row[4].parse().unwrap())).unwrap();
        assert_eq!((&row[5], &row[6]), ("ssh", "lab"));
        let has_web_server = matches!(&row[3], "bigip" | "nios");
        assert_eq!(!row[10].is_empty(), has_web_server, "{row:?}");
        if has_web_server {
            TcpStream::connect((row[0].parse::<Ipv4Addr>().unwrap(), row[10].parse().unwrap())).unwrap();
        }
    }

    let pid = rustix::process::Pid::from_child(&running);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(running.wait().unwrap().code(), Some(0));
}

#[test]
fn firewalls_and_a_jump_host_may_come_behind_the_other_devices() {
    let folder = tempfile::tempdir().unwrap();
    let inventory = folder.path().join("devices.csv");
    let (address, port) = free_place(151);
    let mut running = simulator()
        .args(["--devices", "0", "--also", "fortios,panos,jump-host", "--legacy-ssh"])
        .args(["--listen", &address.to_string(), "--port", &port.to_string(), "--https-port", "18443"])
        .arg("--inventory")
        .arg(&inventory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = String::new();
    BufReader::new(running.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    let mut rows = csv::Reader::from_path(&inventory).unwrap();
    let rows: Vec<_> = rows.records().map(Result::unwrap).collect();
    let listed: Vec<_> = rows.iter().map(|row| (&row[1], &row[3], &row[10])).collect();
    assert_eq!(
        listed,
        [("fw-branch-1", "fortios", "18443"), ("fw-edge-1", "panos", "18443"), ("jump-1", "linux", ""),]
    );
    running.kill().unwrap();
    running.wait().unwrap();
}

#[test]
fn recordings_are_played_beside_the_other_devices() {
    let folder = tempfile::tempdir().unwrap();
    let (inventory, recording) = (folder.path().join("devices.csv"), folder.path().join("lab-switch.txt"));
    std::fs::write(&recording, "platform: example\ntransport: telnet\n---\nUser: «*»\nsw>«exit»\n").unwrap();
    let (address, port) = free_place(51);
    let mut running = simulator()
        .args(["--devices", "1", "--listen", &address.to_string(), "--port", &port.to_string()])
        .arg("--recording")
        .arg(&recording)
        .arg("--inventory")
        .arg(&inventory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = String::new();
    BufReader::new(running.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    assert_eq!(ready, format!("Ready: 2 devices, inventory in {}\n", inventory.display()));
    let mut rows = csv::Reader::from_path(&inventory).unwrap();
    let row = rows.records().map(Result::unwrap).nth(1).unwrap();
    assert_eq!((&row[1], &row[3], &row[5]), ("lab-switch", "example", "telnet"));
    let mut telnet = TcpStream::connect((row[0].parse::<Ipv4Addr>().unwrap(), port)).unwrap();
    let mut said = [0; 18];
    telnet.read_exact(&mut said).unwrap();
    assert!(said.ends_with(b"User: "), "{said:?}");
    running.kill().unwrap();
    running.wait().unwrap();
}

#[test]
fn a_recording_that_is_none_is_one_sentence_and_exit_1() {
    let output = simulator().args(["--recording", "/dev/null", "--inventory", "/dev/null"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(
        message.starts_with("The recording /dev/null: Line 1: ") && message.lines().count() == 1,
        "{message}"
    );
}

#[test]
fn a_busy_port_is_one_sentence_and_exit_1() {
    let folder = tempfile::tempdir().unwrap();
    let inventory = folder.path().join("devices.csv");
    let address = Ipv4Addr::new(127, 77, std::process::id() as u8, 101);
    let busy = TcpListener::bind((address, 0)).unwrap();
    let port = busy.local_addr().unwrap().port().to_string();
    let output = simulator()
        .args(["--listen", &address.to_string(), "--port", &port, "--inventory"])
        .arg(&inventory)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("cannot be listened on") && message.lines().count() == 1, "{message}");
    assert!(!inventory.exists(), "an inventory promises devices that listen");
}

#[test]
fn an_address_outside_loopback_is_one_sentence_and_exit_1() {
    let output = simulator().args(["--listen", "0.0.0.0", "--inventory", "/dev/null"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(message, "0.0.0.0 is not a loopback address; simulated devices listen on 127.0.0.0/8 only.\n");
}
