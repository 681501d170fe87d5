//! What is special about the SSH servers of some devices: hosts to jump over, and algorithms of long ago.

use std::borrow::Cow;
use std::sync::Arc;

use etiqa_simulator::{DeviceSpec, Personality};
use russh::client::{self, Config};
use russh::keys::Algorithm;
use russh::{Preferred, cipher, kex, mac};

use crate::client::{AnyHostKey, exec, login};
use crate::{plain, started};

#[tokio::test]
async fn a_device_is_reached_through_a_jump_host() {
    let jump = started(DeviceSpec::new(Personality::Linux).jump_host()).await;
    let behind = plain(Personality::BigIp).await;
    let connection = login(&jump).await;
    let port = u32::from(behind.addr().port());
    let channel = connection.channel_open_direct_tcpip("127.0.0.1", port, "127.0.0.1", 1).await.unwrap();
    let handler = AnyHostKey::default();
    let stream = channel.into_stream();
    let mut beyond = client::connect_stream(Arc::new(Config::default()), stream, handler).await.unwrap();
    assert!(beyond.authenticate_password("admin", "admin").await.unwrap().success());
    let said = exec(&beyond, "cat /config/version").await.stdout;
    assert!(said.contains("BIG-IP"), "{said}");
    assert_eq!(jump.jumps(), 1);
}

#[tokio::test]
async fn a_jump_host_leaves_loopback_alone_and_other_devices_are_none() {
    let jump = started(DeviceSpec::new(Personality::Linux).jump_host()).await;
    let connection = login(&jump).await;
    assert!(connection.channel_open_direct_tcpip("192.0.2.1", 22, "127.0.0.1", 1).await.is_err());
    let device = plain(Personality::Linux).await;
    let port = u32::from(device.addr().port());
    let connection = login(&device).await;
    assert!(connection.channel_open_direct_tcpip("127.0.0.1", port, "127.0.0.1", 1).await.is_err());
    assert_eq!((jump.jumps(), device.jumps()), (0, 0));
}

#[tokio::test]
async fn an_old_device_speaks_old_algorithms_alone() {
    let device = started(DeviceSpec::new(Personality::Linux).legacy_ssh()).await;
    let modern = Arc::new(Config::default());
    assert!(client::connect(modern, device.addr(), AnyHostKey::default()).await.is_err());
    for cipher in [cipher::AES_128_CBC, cipher::TRIPLE_DES_CBC] {
        let preferred = Preferred {
            kex: Cow::Owned(vec![kex::DH_G1_SHA1]),
            key: Cow::Owned(vec![Algorithm::Rsa { hash: None }]),
            cipher: Cow::Owned(vec![cipher]),
            mac: Cow::Owned(vec![mac::HMAC_SHA1]),
            ..Preferred::DEFAULT
        };
        let config = Arc::new(Config { preferred, ..Config::default() });
        let mut connection = client::connect(config, device.addr(), AnyHostKey::default()).await.unwrap();
        assert!(connection.authenticate_password("admin", "admin").await.unwrap().success());
        assert_eq!(exec(&connection, "hostname").await.stdout, "host-1\n");
    }
}
