//! Files fetched by SFTP and by SCP, and Gaia's backups, which are fetched so.

use std::time::Duration;

use etiqa_simulator::{BackupFault, DeviceSpec, Faults, HttpsFaults, Personality, SimulatedDevice};
use russh::ChannelMsg;
use russh_sftp::client::SftpSession;

use crate::client::{Finished, Shell, exec, login};
use crate::web::{files_in, sha256};
use crate::{plain, started};

const PROMPT: &str = "fw-dc1-a> ";

async fn sftp(device: &SimulatedDevice) -> SftpSession {
    let connection = login(device).await;
    let channel = connection.channel_open_session().await.unwrap();
    channel.request_subsystem(true, "sftp").await.unwrap();
    SftpSession::new(channel.into_stream()).await.unwrap()
}

/// What the remote `scp` says, each time it is told to go on.
async fn scp(device: &SimulatedDevice, path: &str) -> Vec<u8> {
    let connection = login(device).await;
    let mut channel = connection.channel_open_session().await.unwrap();
    channel.exec(true, format!("scp -f {path}")).await.unwrap();
    channel.data(&b"\0\0\0"[..]).await.unwrap();
    let mut said = Vec::new();
    while let Some(message) = channel.wait().await {
        if let ChannelMsg::Data { data } = message {
            said.extend(data.iter());
        }
    }
    said
}

/// A backup that Gaia made; its path.
async fn backup(device: &SimulatedDevice) -> String {
    let mut shell = Shell::open(device).await;
    shell.until(PROMPT).await;
    let begun = shell.run("add backup local", PROMPT).await;
    assert!(begun.starts_with("Creating backup package. Use the command 'show backups'"), "{begun}");
    loop {
        let status = shell.run("show backup status", PROMPT).await;
        if let Some(path) = status.lines().find_map(|line| line.strip_prefix("Backup file location: ")) {
            assert!(status.starts_with("Local backup succeeded.\n"));
            return path.to_owned();
        }
        assert_eq!(status, "Performing local backup\n");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_servers_files_can_be_read_by_sftp_and_scp_and_nothing_can_be_written() {
    let device = plain(Personality::Linux).await;
    let path = "/etc/network/interfaces";
    let sftp = sftp(&device).await;
    assert_eq!(sftp.read(path).await.unwrap(), device.config().into_bytes());
    assert_eq!(sftp.metadata(path).await.unwrap().size, Some(device.config().len() as u64));
    assert!(sftp.read("/etc/shadow").await.is_err());
    assert!(sftp.create("/etc/new").await.is_err());
    assert!(sftp.remove_file(path).await.is_err());

    let said = scp(&device, path).await;
    let head = format!("C0640 {} interfaces\n", device.config().len());
    assert_eq!(said, [head.as_bytes(), device.config().as_bytes(), b"\0"].concat());
    assert_eq!(scp(&device, "/etc/shadow").await, b"\x01scp: /etc/shadow: No such file or directory\n");
}

#[tokio::test]
async fn gaia_makes_a_backup_that_is_fetched_and_deleted() {
    let spec = DeviceSpec::new(Personality::Gaia).backup_time(Duration::from_millis(50));
    let device = started(spec).await;
    let path = backup(&device).await;
    let name = path.strip_prefix("/var/log/CPbackup/backups/").unwrap();
    assert!(name.starts_with("backup_--_fw-dc1-a_") && name.strip_suffix(".tgz").is_some());
    let sftp = sftp(&device).await;
    let file = sftp.read(&path).await.unwrap();
    assert_eq!(device.backups_made(), [sha256(&file)]);
    assert_eq!(files_in(&file).unwrap(), 2);
    let listed: Vec<_> =
        sftp.read_dir("/var/log/CPbackup/backups").await.unwrap().map(|entry| entry.file_name()).collect();
    assert_eq!(listed, [name]);
    let said = scp(&device, &path).await;
    assert!(said.starts_with(format!("C0640 {} {name}\n", file.len()).as_bytes()));
    assert!(said.ends_with(&[&file[file.len() - 100..], b"\0"].concat()));

    let mut shell = Shell::open(&device).await;
    shell.until(PROMPT).await;
    assert!(shell.run("show backups", PROMPT).await.starts_with(name));
    assert_eq!(shell.run(&format!("delete backup {name}"), PROMPT).await, "");
    assert!(device.backups_left().is_empty());
    let again = shell.run(&format!("delete backup {name}"), PROMPT).await;
    assert_eq!(again, format!("Backup file {name} does not exist\n"));
}

#[tokio::test]
async fn a_second_backup_at_a_time_is_refused() {
    let spec = DeviceSpec::new(Personality::Gaia).backup_time(Duration::from_mins(1));
    let device = started(spec).await;
    let mut shell = Shell::open(&device).await;
    shell.until(PROMPT).await;
    shell.run("add backup local", PROMPT).await;
    assert_eq!(shell.run("show backups", PROMPT).await, "Backup package is under creation now.\n");
    assert!(shell.run("add backup local", PROMPT).await.starts_with("Another backup is running now"));
}

#[tokio::test]
async fn a_failed_backup_says_so() {
    let faults = Faults::https(HttpsFaults::backup(BackupFault::Fails));
    let device = started(DeviceSpec::new(Personality::Gaia).faults(faults)).await;
    let mut shell = Shell::open(&device).await;
    shell.until(PROMPT).await;
    shell.run("add backup local", PROMPT).await;
    while shell.run("show backup status", PROMPT).await.starts_with("Performing") {}
    assert_eq!(shell.run("show backup status", PROMPT).await, "Local backup failed.\n");
}

#[tokio::test]
async fn with_clish_as_the_login_shell_nothing_can_be_fetched() {
    let device = started(DeviceSpec::new(Personality::Gaia).clish_login()).await;
    let path = backup(&device).await;
    let connection = login(&device).await;
    let refused = Finished {
        stdout: format!("CLINFR0329  Invalid command:'scp -f {path}'.\n"),
        stderr: String::new(),
        status: Some(1),
    };
    assert_eq!(exec(&connection, &format!("scp -f {path}")).await, refused);

    let mut channel = connection.channel_open_session().await.unwrap();
    channel.request_subsystem(true, "sftp").await.unwrap();
    let mut said = Vec::new();
    while let Some(message) = channel.wait().await {
        if let ChannelMsg::Data { data } = message {
            said.extend(data.iter());
        }
    }
    assert!(said.starts_with(b"CLINFR0329  Invalid command:"));
}

#[tokio::test]
async fn a_transfer_can_be_dropped_at_any_byte() {
    let device = started(DeviceSpec::new(Personality::Gaia).faults(Faults::drop_after(100_000))).await;
    let path = backup(&device).await;
    assert_eq!(scp(&device, &path).await.len(), 100_000);
    assert!(sftp(&device).await.read(&path).await.is_err());
}

#[tokio::test]
async fn switches_have_no_sftp() {
    let device = plain(Personality::Ios).await;
    let connection = login(&device).await;
    let mut channel = connection.channel_open_session().await.unwrap();
    channel.request_subsystem(true, "sftp").await.unwrap();
    assert!(matches!(channel.wait().await, Some(ChannelMsg::Failure)));
}
