//! Syslog by UDP, TCP and TLS.

use std::sync::Arc;

use etiqa_engine::{Engine, Options, Role, notify};
use etiqa_model::notify::ChannelInput;
use etiqa_simulator::SimulatedCa;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, UdpSocket};
use tokio_rustls::TlsAcceptor;

use crate::common::here;
use crate::common::world::World;
use crate::support::{add, rule, send};

fn syslog(transport: &str, port: u16) -> ChannelInput {
    ChannelInput {
        name: transport.into(),
        kind: "syslog".into(),
        host: "127.0.0.1".into(),
        port: port.to_string(),
        transport: transport.into(),
        own_network: true,
        ..ChannelInput::default()
    }
}

#[tokio::test]
async fn each_thing_that_is_told_is_a_datagram_of_its_own() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let world = World::new().await;
    let channel = add(&world, &syslog("udp", socket.local_addr().unwrap().port())).await;
    rule(&world, channel, &["device_failing", "run_failed"], |rule| rule.after = "1".into()).await;
    world.add_at(1, "ios").await;
    let config = world.add_config(|_| {}).await;
    world.run(config).await;
    send(&world).await;
    let mut lines = Vec::new();
    for _ in 0..2 {
        let mut datagram = vec![0; 4_096];
        let read = socket.recv(&mut datagram).await.unwrap();
        lines.push(String::from_utf8(datagram[..read].to_vec()).unwrap());
    }
    assert!(lines[0].starts_with("<131>1 ") && lines[0].contains(" run_failed [etiqa@32473 "), "{lines:?}");
    assert!(lines[1].contains("subject=\"device-1\"") && !lines[1].contains('\n'), "{lines:?}");
}

/// A line as it is counted: its length, a space, and so many bytes.
#[track_caller]
fn counted(frame: &str) -> &str {
    let (length, line) = frame.split_once(' ').unwrap();
    assert_eq!(length.parse(), Ok(line.len()), "{frame}");
    line
}

#[tokio::test]
async fn lines_over_tcp_are_counted() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).await.unwrap();
        heard
    });
    let world = World::new().await;
    let channel = add(&world, &syslog("tcp", port)).await;
    let told = notify::test(&world.engine, channel).await.unwrap();
    assert!(told.is_good, "{}", told.message);
    assert!(counted(&heard.await.unwrap()).contains("Test of the channel tcp"));
}

#[tokio::test]
async fn lines_over_tls_go_to_a_server_that_is_trusted_and_to_no_other() {
    let ca = SimulatedCa::new().unwrap();
    let acceptor = TlsAcceptor::from(ca.server_config([127, 0, 0, 1].into()).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // One that does not trust it says so, and goes.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut heard = String::new();
            if stream.read_to_string(&mut heard).await.is_ok() && !heard.is_empty() {
                return heard;
            }
        }
    });
    let world = World::new().await;
    let channel = add(&world, &syslog("tls", port)).await;
    let told = notify::test(&world.engine, channel).await.unwrap();
    assert!(!told.is_good && told.message.contains("--ca-file"), "{}", told.message);

    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, ca.pem()).unwrap();
    let options = Options {
        data_dir: folder.path().join("data"),
        ca_file: Some(ca_file),
        reach: here(),
        ..Options::default()
    };
    let trusting: Arc<Engine> = Engine::open(options, Role::Command).await.unwrap();
    let id = notify::save(&trusting, None, &syslog("tls", port)).await.unwrap();
    let told = notify::test(&trusting, id).await.unwrap();
    assert!(told.is_good, "{}", told.message);
    assert!(counted(&heard.await.unwrap()).contains("Test of the channel tls"));
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_no_success_over_tcp() {
    let world = World::new().await;
    let channel = add(&world, &syslog("tcp", 9)).await;
    let told = notify::test(&world.engine, channel).await.unwrap();
    assert!(!told.is_good && told.message.contains("cannot be reached"), "{}", told.message);
}
