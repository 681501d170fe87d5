//! Run by a service manager: it hears that the program is ready, that it works, that it stops; and a container's own check.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr;
use std::time::Duration;

use tokio::net::UnixDatagram;

use crate::harness::postgres::Postgres;
use crate::harness::world::ended;
use crate::harness::{Output, Server, World, until};

/// A service manager's end of the conversation.
struct Manager {
    socket: UnixDatagram,
    said: Vec<String>,
}

impl Manager {
    fn at(world: &World) -> (Self, String) {
        let path = world.place().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        (Self { socket, said: Vec::new() }, path.to_str().unwrap().to_owned())
    }

    /// Waits until a message holds this line; gives the whole message.
    async fn hears(&mut self, line: &str) -> String {
        loop {
            let mut message = [0; 4096];
            let read = tokio::time::timeout(Duration::from_mins(2), self.socket.recv(&mut message));
            let length = read.await.unwrap_or_else(|_| panic!("{line} never came: {:?}", self.said)).unwrap();
            let message = String::from_utf8(message[..length].to_vec()).unwrap();
            self.said.push(message.clone());
            if message.lines().any(|said| said == line) {
                return message;
            }
        }
    }

    /// Everything that was said, once nobody says anything any more.
    fn all(mut self) -> Vec<String> {
        let mut message = [0; 4096];
        while let Ok(length) = self.socket.try_recv(&mut message) {
            self.said.push(String::from_utf8(message[..length].to_vec()).unwrap());
        }
        self.said
    }
}

#[tokio::test]
async fn a_service_manager_hears_that_the_server_is_ready_works_and_stops() {
    let world = World::new();
    let (mut manager, socket) = Manager::at(&world);
    let mut serve = world.command(["serve", "--listen", "127.0.0.1:0"]);
    serve.env("NOTIFY_SOCKET", socket).env("WATCHDOG_USEC", "400000");
    let server = Server::start(serve).await;

    let ready = manager.hears("READY=1").await;
    assert_eq!(ready, format!("READY=1\nSTATUS=Serving http://{}", server.address()));
    server.stranger().get("/readyz").await.with_status(200);
    for _ in 0..3 {
        manager.hears("WATCHDOG=1").await;
    }
    assert_eq!(server.stop().await.0, Some(0));
    manager.hears("STOPPING=1").await;
    let all = manager.all();
    assert_eq!(all.iter().filter(|said| said.starts_with("READY=1")).count(), 1, "{all:?}");
}

#[tokio::test]
async fn a_worker_tells_it_too_also_by_a_name_that_is_in_no_folder() {
    let world = World::on_postgres().await;
    let name = format!("etiqa-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let socket = std::os::unix::net::UnixDatagram::bind_addr(&address).unwrap();
    socket.set_nonblocking(true).unwrap();
    let mut manager = Manager { socket: UnixDatagram::from_std(socket).unwrap(), said: Vec::new() };
    // What a server does first.
    world.etiqa(["device", "list"]).await.good();
    let mut worker = world.command(["worker", "--site", "graz"]);
    worker.env("NOTIFY_SOCKET", format!("@{name}")).env("WATCHDOG_USEC", "400000");
    let child = worker.spawn().unwrap();
    assert!(manager.hears("READY=1").await.contains("Working for the site graz"));
    manager.hears("WATCHDOG=1").await;
    drop(child);
}

#[tokio::test]
async fn who_is_not_meant_by_the_watchdog_does_not_feed_it() {
    let world = World::new();
    let (mut manager, socket) = Manager::at(&world);
    let mut serve = world.command(["serve", "--listen", "127.0.0.1:0"]);
    serve.env("NOTIFY_SOCKET", socket).env("WATCHDOG_USEC", "1000").env("WATCHDOG_PID", "1");
    let server = Server::start(serve).await;
    manager.hears("READY=1").await;
    server.stranger().get("/healthz").await.with_status(200);
    server.stop().await;
    manager.hears("STOPPING=1").await;
    let all = manager.all();
    assert!(!all.iter().any(|said| said.contains("WATCHDOG=1")), "{all:?}");
}

#[tokio::test]
async fn a_server_starts_where_the_service_manager_does_not_listen() {
    let world = World::new();
    let mut serve = world.command(["serve", "--listen", "127.0.0.1:0"]);
    serve.env("NOTIFY_SOCKET", world.place().join("nobody"));
    let server = Server::start(serve).await;
    server.stranger().get("/readyz").await.with_status(200);
    assert_eq!(server.stop().await.0, Some(0));
}

/// What a container's own check says of the server at `address`.
async fn healthcheck(world: &World, address: &str, tls: bool) -> Output {
    let mut check = world.command(["healthcheck"]);
    check.env("ETIQA_LISTEN", address).env("ETIQA_TLS_SELF_SIGNED", tls.to_string());
    ended(check.spawn().unwrap()).await
}

#[tokio::test]
async fn a_healthcheck_says_whether_the_server_here_is_ready() {
    let world = World::new();
    for tls in [false, true] {
        let options = if tls { vec!["--tls-self-signed"] } else { Vec::new() };
        let serve = ["serve", "--listen", "127.0.0.1:0"].into_iter().chain(options);
        let server = Server::start(world.command(serve)).await;
        let address = server.address().to_owned();
        assert_eq!(healthcheck(&world, &address, tls).await.good().stdout, "ready\n", "TLS: {tls}");
        server.stop().await;

        let output = healthcheck(&world, &address, tls).await.failed();
        let sentence = output.sentence(&world).replace(&address, "[address]");
        insta::allow_duplicates! {
            insta::assert_snapshot!(sentence, @"etiqa: Nothing answers at [address]: Connection refused (os error 111).");
        }
    }
}

#[tokio::test]
async fn a_healthcheck_says_that_the_database_is_gone() {
    let (postgres, database) = Postgres::start_new().await;
    let world = World::on(database);
    let server = world.serve().await;
    assert_eq!(healthcheck(&world, server.address(), false).await.good().stdout, "ready\n");
    postgres.stop_at_once();
    // What it found a second ago it tells again.
    let output = until("it is found out", async || {
        let output = healthcheck(&world, server.address(), false).await;
        (output.code != 0).then_some(output)
    })
    .await
    .failed();
    let sentence = output.sentence(&world).replace(server.address(), "[address]");
    insta::assert_snapshot!(sentence, @"etiqa: The server at [address] is not ready: the database does not answer.");
    postgres.start();
    server.stop().await;
}
