//! Linux: programs over exec channels.

use etiqa_simulator::Personality;

use crate::client::{Finished, exec, login};
use crate::plain;

#[tokio::test]
async fn a_file_comes_with_exit_status_0() {
    let device = plain(Personality::Linux).await;
    let connection = login(&device).await;
    let finished = exec(&connection, "cat /etc/hostname").await;
    assert_eq!(finished, Finished { stdout: "host-1\n".into(), stderr: String::new(), status: Some(0) });
    assert_eq!(exec(&connection, "cat /etc/network/interfaces").await.stdout, device.config());
}

#[tokio::test]
async fn a_missing_file_and_a_missing_program_fail_as_the_real_ones_do() {
    let device = plain(Personality::Linux).await;
    let connection = login(&device).await;
    let missing = exec(&connection, "cat /x").await;
    assert_eq!((missing.stderr.as_str(), missing.status), ("cat: /x: No such file or directory\n", Some(1)));
    let unknown = exec(&connection, "foo --bar").await;
    assert_eq!((unknown.stderr.as_str(), unknown.status), ("sh: 1: foo: not found\n", Some(127)));
}

#[tokio::test]
async fn many_commands_share_a_connection() {
    let device = plain(Personality::Linux).await;
    let connection = login(&device).await;
    let commands = (0..20).map(|_| exec(&connection, "cat /etc/network/interfaces"));
    for finished in futures::future::join_all(commands).await {
        assert_eq!(finished.stdout, device.config());
    }
    assert_eq!(device.sessions_total(), 1);
}
