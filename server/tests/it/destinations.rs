//! Copies of archives, as commands, pages and a killed server leave them. Every kind of destination and every fault of
//! theirs is tried in the engine's own tests.

use std::path::Path;

use crate::harness::{Answer, Server, World, until};

/// Adds a folder as a destination, and a backup that needs no device and sends there.
async fn with_folder(world: &World) -> std::path::PathBuf {
    let folder = world.place().join("nas");
    std::fs::create_dir(&folder).unwrap();
    let path = folder.to_str().unwrap();
    world.etiqa(["destination", "add", "nas", "--kind", "folder", "--path", path]).await.good();
    world.add_backup_with("Nightly", "data", &["--destination", "nas"]).await;
    folder
}

fn zips(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| !name.starts_with(".etiqa-destination"));
    names.sort();
    names
}

#[tokio::test]
async fn a_destination_is_added_tested_sent_to_listed_and_removed_by_commands() {
    let world = World::new();
    let folder = with_folder(&world).await;
    let tested = world.etiqa(["destination", "test", "nas"]).await.good();
    assert_eq!(tested.stdout, "A probe was written, read back and deleted.\n");
    let ran = world.etiqa(["run-backups", "--force"]).await.good();
    assert!(!ran.stderr.contains("not at nas"), "{}", ran.stderr);
    assert_eq!(zips(&folder), world.backups());
    let listed = world.etiqa(["destination", "list", "--json"]).await.good().json();
    assert_eq!(
        (&listed[0]["name"], &listed[0]["sent"], &listed[0]["waiting"]),
        (&"nas".into(), &1.into(), &0.into())
    );
    let table = world.etiqa(["destination", "list"]).await.good().stdout;
    assert!(table.contains("works") && table.contains(folder.to_str().unwrap()), "{table}");
    let configs = world.etiqa(["backup-config", "list", "--json"]).await.good().json();
    assert_eq!(configs[0]["destinations"][0]["name"], "nas");

    // A folder that is gone fails no backup; who runs it hears of it, and so does who asks.
    std::fs::rename(&folder, world.place().join("elsewhere")).unwrap();
    let ran = world.etiqa(["run-backups", "--force"]).await.good();
    assert!(
        ran.stderr.contains("The archive of run 2 is not at nas yet: ") && ran.stderr.contains("mounted"),
        "{}",
        ran.stderr
    );
    let doctor = world.etiqa(["doctor"]).await.failed().stdout;
    assert!(doctor.contains("The destination nas does not work, 1 waiting"), "{doctor}");
    let tested = world.etiqa(["destination", "test", "nas"]).await.failed();
    assert!(tested.stdout.contains("Is the share mounted?"), "{}", tested.stdout);
    std::fs::rename(world.place().join("elsewhere"), &folder).unwrap();
    world.etiqa(["destination", "retry", "nas"]).await.good();
    world.etiqa(["run-backups", "--force"]).await.good();
    assert_eq!(zips(&folder), world.backups());

    // What is lost here comes back from there.
    let lost = world.backups().remove(0);
    std::fs::remove_file(world.data().join("backups").join(&lost)).unwrap();
    world.etiqa(["destination", "bring-back", "nas", "1"]).await.good();
    world.etiqa(["verify", "--all"]).await.good();

    world.etiqa(["backup-config", "edit", "Nightly", "--no-destinations"]).await.good();
    world.etiqa(["destination", "remove", "nas"]).await.good();
    let refused = world.etiqa(["destination", "test", "nas"]).await.failed();
    insta::assert_snapshot!(refused.sentence(&world), @r#"etiqa: There is no destination named "nas". It may have been deleted."#);
    assert_eq!(zips(&folder).len(), 3, "what is there stays there");
}

#[tokio::test]
async fn a_server_that_is_killed_between_an_upload_and_its_note_sends_no_second_file() {
    let world = World::new();
    let folder = with_folder(&world).await;
    let token = world.token("operator").await;
    for failpoint in etiqa_engine::failpoint::SENDING {
        let mut command = world.command(["serve", "--listen", "127.0.0.1:0"]);
        command.env("ETIQA_FAILPOINT", failpoint);
        let server = Server::start(command).await;
        server.with_token(&token).post("/backup/config/1/run/").await.with_status(202);
        server.died().await;
    }
    assert_eq!(zips(&folder), world.backups());
    let state = "SELECT state FROM archive_copy";
    assert_eq!(world.database.texts(state).await, ["waiting"]);
    let server = world.serve().await;
    until("the copy's note", async || (world.database.texts(state).await == ["sent"]).then_some(())).await;
    assert_eq!(zips(&folder), world.backups());
    server.stop().await;
}

#[tokio::test]
async fn the_form_makes_a_destination_and_the_pages_show_it_without_its_secret() {
    let world = World::new().with_env("ETIQA_LOG", "trace");
    world.add_user("ada", "admin").await;
    let server = world.serve().await;
    let ada = server.signed_in("ada").await;
    let secret = "canary-store-2Pw6";
    let store = [
        ("destination[name]", "Store"),
        ("destination[kind]", "s3"),
        // Nobody listens there.
        ("destination[endpoint]", "http://127.0.0.1:9"),
        ("destination[bucket]", "configs"),
        ("destination[access_key_id]", "AKID"),
        ("destination[secret_access_key]", secret),
        ("path_style", "true"),
        ("enabled", "true"),
    ];
    ada.call("save_destination", &store).await.with_status(200);
    let wrong =
        ada.call("save_destination", &[("destination[name]", "x"), ("destination[kind]", "sftp")]).await;
    assert_eq!(wrong.with_status(422).json()["fields"][0]["field"], "address");
    let config = [
        ("config[name]", "Nightly"),
        ("config[kind]", "data"),
        ("enabled", "true"),
        ("include_database", "true"),
    ];
    let sends = config.into_iter().chain([("destinations[]", "1")]).collect::<Vec<_>>();
    ada.call("save_backup_config", &sends).await.with_status(200);
    let detail = ada.call("get_backup_config", &[("id", "1")]).await.with_status(200).json();
    assert_eq!(detail["row"]["destinations"][0]["name"], "Store");
    ada.post("/backup/config/1/run/").await.with_status(202);
    let problem = "SELECT COALESCE(problem, '') FROM destination";
    until("the first try", async || (!world.database.texts(problem).await[0].is_empty()).then_some(())).await;
    let tested = ada.call("test_destination", &[("id", "1")]).await.with_status(200);
    assert_eq!(tested.json()["is_good"], false);
    let pages = [
        ada.get("/admin/destinations").await.with_status(200),
        ada.get("/admin/destinations?edit=1").await.with_status(200),
        ada.get("/backup/run/1").await.with_status(200),
        ada.get("/backup/config/1/edit").await.with_status(200),
        ada.get("/admin/").await.with_status(200),
        ada.call("list_destinations", &[]).await.with_status(200),
        tested,
    ];
    assert!(
        pages[0].text().contains("Store") && pages[0].text().contains("Does not work"),
        "{}",
        pages[0].text()
    );
    assert!(pages[2].text().contains("Not sent"), "{}", pages[2].text());
    assert!(pages[3].text().contains("destinations[]"), "{}", pages[3].text());
    let said = server.stop().await.1;
    let seen = pages.iter().map(Answer::text).chain([said]);
    for seen in seen {
        assert!(!seen.contains(secret));
    }
    for file in std::fs::read_dir(world.data().join("logs")).unwrap() {
        let log = std::fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(!log.contains(secret), "a log has a secret");
    }
}
