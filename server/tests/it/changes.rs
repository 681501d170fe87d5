//! Devices that tell of their changes, by syslog and through the webhook, are collected by themselves.

use std::net::SocketAddr;

use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use crate::harness::devices::router;
use crate::harness::{Client, Server, World, until};

const CHANGE: &str = "%SYS-5-CONFIG_I: Configured from console by ann on vty0 (192.0.2.7)";
const NO_CHANGE: &str = "%LINK-3-UPDOWN: Interface GigabitEthernet0/1, changed state to up";

/// As a router writes it that is told to name itself.
fn line(hostname: &str, text: &str) -> String {
    format!("<189>42: {hostname}: *Mar  9 06:50:48.163: {text}")
}

/// A server that hears syslog, and where; a device is collected a second after it was quiet.
async fn hearing(world: &World) -> (Server, SocketAddr) {
    let serve = ["serve", "--listen", "127.0.0.1:0", "--syslog-listen", "127.0.0.1:0", "--change-quiet", "1"];
    let server = Server::start(world.command(serve)).await;
    let address = until("where syslog is heard", async || {
        let said = server.said();
        let (_, rest) = said.split_once("Listening for syslog on udp and tcp ")?;
        rest.lines().next()?.parse().ok()
    })
    .await;
    (server, address)
}

/// Somebody who sends datagrams.
async fn sender(address: &str) -> UdpSocket {
    UdpSocket::bind((address, 0)).await.unwrap()
}

/// The classes of a device's results, the oldest first.
async fn results(world: &World, hostname: &str) -> Vec<String> {
    let sql = format!(
        "SELECT r.class FROM device_result r JOIN device d ON d.id = r.device_id WHERE d.hostname = '{hostname}' ORDER BY r.id"
    );
    world.database.texts(&sql).await
}

/// Waits until a device has so many results and nothing more is to be done.
async fn collected(world: &World, hostname: &str, times: usize) {
    until("the collection", async || (results(world, hostname).await.len() >= times).then_some(())).await;
    let open = "SELECT COUNT(*) FROM job WHERE kind = 'change' AND finished_at IS NULL";
    until("the end of the jobs", async || (world.database.number(open).await == 0).then_some(())).await;
    assert_eq!(results(world, hostname).await.len(), times);
}

async fn jobs(world: &World) -> i64 {
    world.database.number("SELECT COUNT(*) FROM job WHERE kind = 'change'").await
}

#[tokio::test]
async fn a_change_that_a_device_tells_has_it_collected_and_no_other() {
    let world = World::new();
    world.add_credential().await;
    let (_one, other) = (world.add_device(router("sw1")).await, world.add_device(router("sw2")).await);
    let (server, address) = hearing(&world).await;

    let udp = sender("127.0.0.1").await;
    udp.send_to(line("sw1", CHANGE).as_bytes(), address).await.unwrap();

    collected(&world, "sw1", 1).await;
    assert_eq!(results(&world, "sw1").await, ["ok"]);
    assert_eq!((jobs(&world).await, other.sessions_total()), (1, 0));

    world.add_user("anna", "admin").await;
    let machines = server.signed_in("anna").await.call("list_machines", &[]).await.json();
    let syslog = json!({ "address": address.to_string(), "messages": 1, "changes": 1 });
    assert_eq!(machines[0]["machine"]["syslog"], syslog);
    server.stop().await;
}

#[tokio::test]
async fn the_same_by_tcp_on_lines_and_with_lengths() {
    let world = World::new();
    world.add_credential().await;
    let _devices = (world.add_device(router("sw1")).await, world.add_device(router("sw2")).await);
    let (server, address) = hearing(&world).await;

    let mut tcp = TcpStream::connect(address).await.unwrap();
    let (first, second) = (line("sw1", CHANGE), line("sw2", CHANGE));
    tcp.write_all(format!("{first}\n{} {second}", second.len()).as_bytes()).await.unwrap();

    collected(&world, "sw1", 1).await;
    collected(&world, "sw2", 1).await;
    server.stop().await;
}

#[tokio::test]
async fn a_burst_of_messages_leads_to_one_collection() {
    let world = World::new();
    world.add_credential().await;
    let device = world.add_device(router("sw1")).await;
    let (server, address) = hearing(&world).await;

    let udp = sender("127.0.0.1").await;
    for _ in 0..200 {
        udp.send_to(line("sw1", CHANGE).as_bytes(), address).await.unwrap();
    }

    collected(&world, "sw1", 1).await;
    assert_eq!((jobs(&world).await, device.sessions_total()), (1, 1));
    server.stop().await;
}

#[tokio::test]
async fn what_is_told_while_a_device_is_collected_has_it_collected_once_more() {
    let world = World::new();
    world.add_credential().await;
    let (device, mut gate) = world.add_gated_device(router("sw1")).await;
    let (server, address) = hearing(&world).await;
    let udp = sender("127.0.0.1").await;
    udp.send_to(line("sw1", CHANGE).as_bytes(), address).await.unwrap();
    gate.somebody_waits().await;

    for _ in 0..20 {
        udp.send_to(line("sw1", CHANGE).as_bytes(), address).await.unwrap();
    }
    until("the second job", async || (jobs(&world).await == 2).then_some(())).await;
    gate.open();

    collected(&world, "sw1", 2).await;
    assert_eq!((jobs(&world).await, device.sessions_total()), (2, 2));
    server.stop().await;
}

#[tokio::test]
async fn strangers_and_lines_that_tell_of_no_change_collect_nothing() {
    let world = World::new();
    world.add_credential().await;
    let devices = (world.add_device(router("sw1")).await, world.add_device(router("sw2")).await);
    let (server, address) = hearing(&world).await;

    let (stranger, known) = (sender("127.0.0.2").await, sender("127.0.0.1").await);
    stranger.send_to(line("sw7", CHANGE).as_bytes(), address).await.unwrap();
    known.send_to(line("sw1", NO_CHANGE).as_bytes(), address).await.unwrap();
    // What a relay passes on is the device's that it names. It comes last, so all before it was heard.
    stranger.send_to(line("SW2", CHANGE).as_bytes(), address).await.unwrap();

    collected(&world, "sw2", 1).await;
    assert_eq!((jobs(&world).await, devices.0.sessions_total()), (1, 0));
    server.stop().await;
}

#[tokio::test]
async fn garbage_and_lines_without_an_end_do_not_stop_the_listener() {
    let world = World::new();
    world.add_credential().await;
    let _device = world.add_device(router("sw1")).await;
    let (server, address) = hearing(&world).await;

    let (udp, long) = (sender("127.0.0.1").await, vec![b'x'; 20_000]);
    for garbage in [&b""[..], b"<", b"<189>", b"\xff\xfe\x00", &long] {
        udp.send_to(garbage, address).await.unwrap();
    }
    let mut endless = TcpStream::connect(address).await.unwrap();
    let cut = loop {
        if let Err(error) = endless.write_all(&long).await {
            break error;
        }
    };
    assert!(
        matches!(cut.kind(), std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe),
        "{cut}"
    );
    let idle = TcpStream::connect(address).await.unwrap();

    udp.send_to(line("sw1", CHANGE).as_bytes(), address).await.unwrap();

    collected(&world, "sw1", 1).await;
    assert!(!server.said().contains("xxx"), "what was sent is not logged");
    drop(idle);
    server.stop().await;
}

#[tokio::test]
async fn a_port_that_is_taken_is_said_with_the_option_that_chooses_another() {
    let world = World::new();
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--syslog-listen", &address];
    let refused = world.etiqa(serve).await.failed();
    assert!(refused.stderr.contains("is taken by another program"), "{refused:?}");
    assert!(refused.stderr.contains("with --syslog-listen."), "{refused:?}");
}

/// Switches the webhook on as an admin does.
async fn switch_on(admin: &Client) {
    let mut settings = admin.call("get_settings", &[]).await.with_status(200).json();
    settings["change_webhook"] = true.into();
    let settings = settings.as_object().unwrap();
    let fields: Vec<(String, String)> =
        settings.iter().map(|(name, value)| (format!("settings[{name}]"), value.to_string())).collect();
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    admin.call("save_settings", &fields).await.with_status(200);
}

#[tokio::test]
async fn the_webhook_is_off_until_an_admin_switches_it_on_and_then_takes_changes_of_known_devices() {
    let world = World::new().with_env("ETIQA_CHANGE_QUIET", "3");
    world.add_credential().await;
    let devices = (world.add_device(router("sw1")).await, world.add_device(router("sw2")).await);
    let (viewer, operator) = (world.token("viewer").await, world.token("operator").await);
    let admin = world.token("admin").await;
    let server = world.serve().await;
    let (viewer, operator) = (server.with_token(&viewer), server.with_token(&operator));
    let hook = "/hooks/change";

    let off = operator.form(hook, &[("device", "sw1")]).await.with_status(403);
    insta::assert_snapshot!(off.message(), @"Changes are not taken here: an admin switches that on under Admin, Settings.");
    switch_on(&server.with_token(&admin)).await;

    viewer.form(hook, &[("device", "sw1")]).await.with_status(403);
    let unknown = operator.post_json(hook, &json!({"devices": ["sw1", "sw7", "sw8"]})).await.with_status(404);
    insta::assert_snapshot!(unknown.message(), @r#"There is no device named "sw7", "sw8"; nothing was queued."#);
    for body in
        [json!({}), json!({"devices": []}), json!({"device": 7}), json!({"hosts": ["sw1"]}), json!([])]
    {
        operator.post_json(hook, &body).await.with_status(422);
    }
    let many = vec!["sw1"; 101];
    operator.post_json(hook, &json!({"devices": many})).await.with_status(422);
    operator.post_json(hook, &json!({"device": "x".repeat(70_000)})).await.with_status(422);
    assert_eq!(jobs(&world).await, 0);

    let taken = operator.post_json(hook, &json!({"devices": ["SW1", "sw1"]})).await.with_status(202).json();
    assert_eq!(taken, json!({"devices": ["sw1"], "collect": "queued"}));
    operator.form("/hooks/change/", &[("device", "sw1")]).await.with_status(202);

    collected(&world, "sw1", 1).await;
    assert_eq!((jobs(&world).await, devices.1.sessions_total()), (1, 0));
    world.etiqa(["device", "edit", "sw2", "--disable"]).await.good();
    let disabled = operator.form(hook, &[("device", "sw2")]).await.with_status(409);
    insta::assert_snapshot!(disabled.message(), @"sw2 is disabled, so that nothing collects it by itself.");
    server.stop().await;
}
