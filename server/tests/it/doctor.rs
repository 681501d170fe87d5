//! `etiqa doctor`: what is not as it should be is found, and said with what to do.

use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};

use serde_json::Value;

use crate::harness::World;
use crate::harness::devices::router;

/// A world in which nothing has to be done; its server would listen on any port.
async fn healthy() -> World {
    let world = World::new().with_env("ETIQA_LISTEN", "127.0.0.1:0");
    world.add_credential().await;
    world.etiqa(["recovery-kit"]).await.good();
    world
}

/// What the doctor says of one thing: state and sentence of each check.
async fn said_of(world: &World, about: &str) -> Vec<(String, String)> {
    let report = world.etiqa(["doctor", "--json"]).await.json();
    let checks = report["checks"].as_array().unwrap().iter().filter(|check| check["about"] == about);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    checks.map(|check| (text(&check["state"]), text(&check["message"]))).collect()
}

/// The one thing that has to be done about it.
async fn todo_of(world: &World, about: &str) -> String {
    let output = world.etiqa(["doctor"]).await.failed();
    assert!(output.stdout.contains(&format!("⚠️  {about}: ")), "{output:?}");
    let said = said_of(world, about).await;
    let found = said.iter().find(|(state, _)| state == "todo");
    found.unwrap_or_else(|| panic!("nothing to do about {about}: {said:?}")).1.clone()
}

#[tokio::test]
async fn where_nothing_has_to_be_done_everything_was_looked_at() {
    let world = healthy().await;
    let device = world.add_device(router("core-rtr-1")).await;
    let report = world.etiqa(["doctor", "--json"]).await.good().json();
    assert_eq!(report["good"], true);
    let checks = report["checks"].as_array().unwrap();
    for about in [
        "settings",
        "data directory",
        "key",
        "space",
        "clock",
        "time zone",
        "open files",
        "memory",
        "database",
        "server",
        "address",
        "port",
        "recovery kit",
        "archives",
        "destinations",
        "drivers",
        "devices",
        "audit log",
    ] {
        assert!(checks.iter().any(|check| check["about"] == about), "{about}: {report}");
    }
    let devices = said_of(&world, "devices").await;
    assert_eq!(devices, [("good".to_owned(), "1 device tried: all answer.".to_owned())]);
    drop(device);

    let server = world.serve().await;
    assert_eq!(said_of(&world, "server").await[0].1, "One runs, and watches the clock.");
    server.stop().await;
    let alone = said_of(&world, "server").await;
    assert!(alone[0].0 == "note" && alone[0].1.contains("`etiqa serve`"), "{alone:?}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_found_before_a_server_is_started() {
    let world = healthy().await;
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = taken.local_addr().unwrap();
    let world = world.with_env("ETIQA_LISTEN", &address.to_string());
    let todo = todo_of(&world, "port").await;
    let port = address.port();
    assert_eq!(
        todo,
        format!(
            "Port {port} is taken by another program. Stop that, or choose another one with --listen (ETIQA_LISTEN)."
        )
    );
}

#[tokio::test]
async fn a_key_that_others_may_read_is_found() {
    let world = healthy().await;
    let key = world.data().join("secret.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(todo_of(&world, "key").await.contains("chmod 600 "));
}

#[tokio::test]
async fn an_instance_that_does_not_open_is_a_finding_and_the_rest_is_looked_at() {
    let world = healthy().await;
    std::fs::remove_file(world.data().join("secret.key")).unwrap();
    let todo = todo_of(&world, "instance").await;
    assert!(todo.contains("Put the right secret.key back"), "{todo}");
    assert!(!said_of(&world, "space").await.is_empty());
    assert!(!world.data().join("secret.key").exists(), "nothing is made anew");
}

#[tokio::test]
async fn a_network_in_which_no_device_answers_is_told_from_a_device_that_is_down() {
    let world = healthy().await;
    let closed = [(); 2].map(|()| TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port());
    for (name, port) in ["a", "b"].into_iter().zip(closed) {
        let port = port.to_string();
        world.etiqa(["device", "add", "127.0.0.1", "--hostname", name, "--port", &port]).await.good();
    }
    assert!(todo_of(&world, "devices").await.starts_with("2 devices tried, and none answers (127.0.0.1:"));
    let _device = world.add_device(router("core-rtr-1")).await;
    let said = said_of(&world, "devices").await;
    assert!(
        said[0].0 == "note" && said[0].1.starts_with("3 devices tried, and 2 of them not answering: "),
        "{said:?}"
    );
    world.etiqa(["doctor"]).await.good();
}

#[tokio::test]
async fn a_clock_that_was_set_back_is_found() {
    let world = healthy().await;
    let tomorrow = "INSERT INTO setting (name, value)
        VALUES ('last_tick_at', CAST((strftime('%s', 'now') + 86400) * 1000 AS TEXT))";
    world.database.execute(tomorrow).await;
    assert!(todo_of(&world, "clock").await.contains("the clock was set back"));
}

#[tokio::test]
async fn files_that_another_user_left_are_found() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let world = healthy().await;
    let file = world.data().join("logs/etiqa.2026-11-23.log");
    std::fs::write(&file, "").unwrap();
    chown(&file, Some(48_112), Some(48_112)).unwrap();
    let todo = todo_of(&world, "data directory").await;
    assert!(todo.contains("belong to user 48112") && todo.contains("chown -R 0 "), "{todo}");
}

#[tokio::test]
async fn a_driver_that_cannot_be_used_is_found() {
    let world = healthy().await;
    std::fs::write(world.data().join("drivers/mine.toml"), "title = \n").unwrap();
    assert!(todo_of(&world, "drivers").await.starts_with("drivers/mine.toml cannot be used"));
}
