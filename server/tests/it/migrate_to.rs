//! An instance that is moved from its SQLite file to a PostgreSQL.

use std::net::TcpListener;

use etiqa_engine::failpoint;
use serde_json::Value;
use tokio::process::Command;

use crate::harness::database::Database;
use crate::harness::devices::router;
use crate::harness::world::ended;
use crate::harness::{Output, Server, World};

/// A command of this world, on the PostgreSQL that it was moved to.
fn command_on(target: &Database, world: &World, arguments: &[&str]) -> Command {
    let mut command = world.command(arguments);
    command.env("ETIQA_DATABASE_URL", target.url());
    command
}

async fn etiqa_on(target: &Database, world: &World, arguments: &[&str]) -> Output {
    ended(command_on(target, world, arguments).spawn().unwrap()).await
}

async fn status_on(target: &Database, world: &World) -> Value {
    etiqa_on(target, world, &["backup-status", "--json"]).await.good().json()
}

/// A status report without when it was made and who watches the clock.
fn standing(mut status: Value) -> Value {
    let report = status.as_object_mut().unwrap();
    report.remove("generated_at").unwrap();
    report.remove("scheduler").unwrap();
    status
}

#[tokio::test]
async fn an_instance_goes_on_in_postgres_as_it_was_and_its_file_no_longer_starts() {
    let world = World::new();
    world.add_credential().await;
    let device = world.add_device(router("core-rtr-1")).await;
    world.etiqa(["device", "add", "192.0.2.7", "--hostname", "gone"]).await.good();
    world.etiqa(["device", "remove", "gone"]).await.good();
    world.add_user("ada", "admin").await;
    world.add_backup_with("Everything", "full", &["--generate-passphrase"]).await;
    world.etiqa(["run-backups", "--force"]).await.good();
    device.change_config();
    world.etiqa(["run-backups", "--force"]).await.good();
    let label = ["device", "label", "core-rtr-1", "--part", "running", "--version", "1"];
    world.etiqa(label.iter().chain(&["--label", "before the upgrade"])).await.good();
    let server = world.serve().await;
    let signed_in = server.stranger().sign_in("ada", &World::password_of("ada")).await;
    signed_in.browser(server.address()).call("list_users", &[]).await.with_status(200);
    server.stop().await;
    let status = standing(world.status().await);
    let devices = world.etiqa(["device", "list", "--json"]).await.good().json();

    let target = Database::on_postgres().await;
    // This PostgreSQL asks nobody for a password.
    let url = target.url().replacen("postgres@", "postgres:hunter2@", 1);
    let moved = world.etiqa(["migrate_to", url.as_str()]).await.good();
    assert!(moved.stdout.contains("verified row by row: "), "{moved:?}");
    assert!(moved.stderr.contains("config_version: "), "{moved:?}");
    assert!(moved.stderr.contains("From now on start the server"), "{moved:?}");
    let refused = world.etiqa(["device", "list"]).await.failed();
    assert!(refused.stderr.contains("This instance was moved to postgres://"), "{refused:?}");
    for said in [&moved.stdout, &moved.stderr, &refused.stderr] {
        assert!(!said.contains("hunter2"), "{said}");
    }
    assert_eq!(world.database.number("SELECT COUNT(*) FROM setting WHERE value LIKE '%hunter2%'").await, 0);
    let refused = world.etiqa(["serve", "--listen", "127.0.0.1:0"]).await.failed();
    assert!(refused.stderr.contains("`etiqa migrate-to --take-back`"), "{refused:?}");

    assert_eq!(standing(status_on(&target, &world).await), status);
    let there = etiqa_on(&target, &world, &["device", "list", "--json"]).await.good().json();
    assert_eq!(there, devices);
    let labels = target.texts("SELECT label FROM config_version WHERE label IS NOT NULL").await;
    assert_eq!(labels, ["before the upgrade"]);
    etiqa_on(&target, &world, &["verify", "--all"]).await.good();
    let run = etiqa_on(&target, &world, &["run-backups", "--force"]).await.good();
    assert!(run.stdout.starts_with("Everything: completed, 1 device, verified"), "{run:?}");
    assert_eq!(world.backups().len(), 3);
    etiqa_on(&target, &world, &["device", "add", "192.0.2.8", "--hostname", "new"]).await.good();
    let id = target.number("SELECT id FROM device WHERE hostname = 'new'").await;
    assert_eq!(id, 3, "no id comes twice, of what is gone neither");

    let server = Server::start(command_on(&target, &world, &["serve", "--listen", "127.0.0.1:0"])).await;
    signed_in.browser(server.address()).call("list_users", &[]).await.with_status(200);
    let ada = server.signed_in("ada").await;
    let file = target.texts("SELECT file FROM backup_run WHERE id = 1").await.remove(0);
    let archive = ada.get("/backup/download/1/").await.with_status(200);
    assert_eq!(archive.bytes, std::fs::read(world.data().join("backups").join(file)).unwrap());
    server.stop().await;

    let back = world.etiqa(["migrate-to", "--take-back"]).await.good();
    assert!(back.stdout.starts_with("This instance is its SQLite file again"), "{back:?}");
    assert_eq!(standing(world.status().await), status);
    let again = world.etiqa(["migrate-to", "--take-back"]).await.good();
    assert_eq!(again.stdout, "Nothing to take back: this instance was not moved.\n");
    world.serve().await.stop().await;
}

#[tokio::test]
async fn a_postgres_with_something_in_it_is_refused_and_left_alone() {
    let world = World::new();
    world.add_credential().await;
    let other = World::on_postgres().await;
    other.add_user("ada", "admin").await;
    let refused = world.etiqa(["migrate-to", other.database.url()]).await.failed();
    assert!(refused.stderr.contains("is not empty"), "{refused:?}");
    assert_eq!(refused.stdout, "");
    assert_eq!(other.database.texts("SELECT name FROM app_user").await, ["ada"]);
    assert_eq!(other.database.number("SELECT COUNT(*) FROM credential").await, 0);
    other.etiqa(["backup-status"]).await.good();
    world.etiqa(["backup-status"]).await.good();
}

#[tokio::test]
async fn what_cannot_be_moved_is_said_in_a_sentence_without_a_password() {
    let world = World::new();
    let target = Database::on_postgres().await;
    let free = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let unreachable = format!("postgres://etiqa:hunter2@{free}/etiqa");
    let mut said = Vec::new();
    let no_instance = world.etiqa(["migrate-to", target.url()]).await.failed();
    said.push(no_instance.sentence(&world));
    assert!(!world.data().exists(), "nothing is made where there is nothing");
    world.add_credential().await;
    for arguments in
        [["migrate-to", unreachable.as_str()], ["migrate-to", "mysql://root:hunter2@127.0.0.1/etiqa"]]
    {
        said.push(world.etiqa(arguments).await.failed().sentence(&world));
    }
    let already = etiqa_on(&target, &world, &["migrate-to", target.url()]).await.failed();
    said.push(already.sentence(&world));
    let server = world.serve().await;
    for arguments in [["migrate-to", target.url()], ["migrate-to", "--take-back"]] {
        said.push(world.etiqa(arguments).await.failed().sentence(&world));
    }
    server.stop().await;
    world.etiqa(["migrate-to"]).await.with_code(2);
    world.etiqa(["migrate-to", target.url(), "--take-back"]).await.with_code(2);
    let said = said.join("\n");
    assert!(!said.contains("hunter2"), "{said}");
    insta::assert_snapshot!(said, @"
    etiqa: There is no instance in [place]/data: name the directory of yours with --data-dir.
    etiqa: The PostgreSQL database does not let us in: nothing answers at its address. Check its URL.
    etiqa: The URL to move to must begin with postgres://.
    etiqa: This instance is on PostgreSQL already. To move another one, leave out --database-url (ETIQA_DATABASE_URL) and name its directory with --data-dir.
    etiqa: A server works with this data directory: stop it first, then do this again.
    etiqa: A server works with this data directory: stop it first, then do this again.
    ");
    let tables = target.number("SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'").await;
    assert_eq!(tables, 0, "nothing was begun there");
}

#[tokio::test]
async fn a_move_that_is_killed_anywhere_is_done_again_or_was_done() {
    for failpoint in failpoint::HANDOVER {
        let world = World::new();
        world.add_credential().await;
        world.add_backup("Nightly", "data").await;
        world.etiqa(["run-backups", "--force"]).await.good();
        let status = standing(world.status().await);
        let target = Database::on_postgres().await;
        let mut command = world.command(["migrate-to", target.url()]);
        let killed = ended(command.env("ETIQA_FAILPOINT", failpoint).spawn().unwrap()).await;
        assert_eq!(killed.code, -1, "{failpoint}: {killed:?}");

        let again = world.etiqa(["migrate-to", target.url()]).await;
        match *failpoint {
            "handover.noted" => {
                let refused = again.failed();
                assert!(refused.stderr.contains("This instance was moved to"), "{failpoint}: {refused:?}");
            }
            "handover.committed" => {
                let refused = again.failed();
                assert!(refused.stderr.contains("cut off at its very end"), "{failpoint}: {refused:?}");
                assert_eq!(standing(world.status().await), status, "{failpoint}: the file is as it was");
            }
            _ => {
                again.good();
            }
        }
        assert_eq!(standing(status_on(&target, &world).await), status, "{failpoint}");
        etiqa_on(&target, &world, &["verify", "--all"]).await.good();
    }
}
