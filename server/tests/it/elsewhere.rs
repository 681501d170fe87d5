//! Coming from elsewhere, as commands and pages show it: Oxidized's and RANCID's lists, the Django edition's dump, and lists
//! that are followed. What each of them does to the inventory is tried in the engine's own tests.

use std::io::Write;

use serde_json::json;
use sqlx::any::install_default_drivers;
use sqlx::{AnyConnection, Connection, Executor};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::harness::world::ended;
use crate::harness::{World, until};

/// `address platform site enabled` of every device, by name.
async fn inventory(world: &World) -> Vec<String> {
    let listed = world.etiqa(["device", "list", "--json"]).await.good().json();
    let mut devices: Vec<String> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|device| {
            let text = |key: &str| device[key].as_str().unwrap_or("–").to_owned();
            format!("{} {} {} {}", text("address"), text("platform"), text("site"), device["enabled"])
        })
        .collect();
    devices.sort();
    devices
}

const ROUTER_DB: &str = "# name:ip:model:group:username:password:enable\n\
    core:192.0.2.1:ios:vie:oxidized:canary-oxi-4Tt1:canary-ena-9Pp2\n\
    edge:192.0.2.2:iosxr:graz:oxidized:canary-oxi-4Tt1:\n\
    odd:192.0.2.3:abacus:vie::: \n\
    bad address:::vie:::\n\
    again:192.0.2.1:ios:vie:::\n";
const MAP: &str = "name=0,ip=1,model=2,group=3,username=4,password=5";

#[tokio::test]
async fn a_database_within_an_archive_is_unpacked_where_the_instance_keeps_its_things() {
    let world = World::new();
    let file = world.place().join("db.sqlite3");
    install_default_drivers();
    let mut database =
        AnyConnection::connect(&format!("sqlite://{}?mode=rwc", file.display())).await.unwrap();
    for sql in [
        "CREATE TABLE scanner_device (id integer PRIMARY KEY, ip text, name text)",
        "INSERT INTO scanner_device VALUES (1, '192.0.2.1', 'core')",
    ] {
        database.execute(sql).await.unwrap();
    }
    database.close().await.unwrap();
    let archive = world.place().join("django.zip");
    let mut zip = ZipWriter::new(std::fs::File::create(&archive).unwrap());
    zip.start_file("db.sqlite3", SimpleFileOptions::default()).unwrap();
    zip.write_all(&std::fs::read(&file).unwrap()).unwrap();
    zip.finish().unwrap();
    // In the image there is no /tmp.
    let mut import = world.command(["import-django", archive.to_str().unwrap()]);
    import.env("TMPDIR", "/no/such/folder");
    ended(import.spawn().unwrap()).await.good();
    assert_eq!(inventory(&world).await.len(), 1);
    let names = std::fs::read_dir(world.data()).unwrap();
    let names: Vec<_> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(!names.iter().any(|name| name.starts_with(".drill-")), "nothing is left of it: {names:?}");
}

#[tokio::test]
async fn an_oxidized_moves_in_with_its_groups_and_its_logins() {
    let world = World::new();
    let file = world.file("router.db", ROUTER_DB);
    let import = ["import-oxidized", file.to_str().unwrap(), "--map", MAP, "--vars-map", "enable=6"];
    let import = [&import[..], &["--group-map", "vie=vienna", "--with-credentials"]].concat();

    let shown = world.etiqa([&import[..], &["--dry-run"]].concat()).await.failed();
    insta::assert_snapshot!(shown.stderr, @r#"
    line 4: The model "abacus" is no platform here; the device is recognised at its first session.
    line 5: refused: ip: "bad address" is neither an IP address nor a host name.
    line 6: refused: The device 192.0.2.1 is in line 2 already.
    "#);
    assert!(
        shown.stdout.contains("Credentials would be added: oxidized oxidized, oxidized oxidized 2"),
        "{}",
        shown.stdout
    );
    assert!(inventory(&world).await.is_empty(), "a look writes nothing");

    let done = world.etiqa(&import).await.failed();
    assert!(
        done.stdout.ends_with("5 rows: 3 created (0 of them disabled), 0 updated, 0 skipped, 2 refused\n"),
        "{}",
        done.stdout
    );
    assert_eq!(
        inventory(&world).await,
        ["192.0.2.1 ios vienna true", "192.0.2.2 iosxr graz true", "192.0.2.3 – vienna true"]
    );
    let credentials = world.etiqa(["credential", "list"]).await.good().stdout;
    assert!(credentials.contains("oxidized oxidized 2") && !credentials.contains("canary"), "{credentials}");
    let again = world.etiqa(&import).await.failed();
    assert!(again.stdout.contains("0 created") && again.stdout.contains("3 skipped"), "{}", again.stdout);
    for said in [&shown, &done, &again] {
        assert!(!said.stderr.contains("canary") && !said.stdout.contains("canary"), "{said:?}");
    }

    // Another Oxidized has the same user name with another password, and one without.
    let other = "new:192.0.2.9:ios:vie:oxidized:canary-oth-7Kk2\nbare:192.0.2.10:ios:vie:oxidized:\n";
    let other = world.file("other.db", other);
    let import = ["import-oxidized", other.to_str().unwrap(), "--map", MAP, "--group-map", "vie=vienna"];
    let import = [&import[..], &["--with-credentials"]].concat();
    let shown = world.etiqa([&import[..], &["--dry-run"]].concat()).await.good();
    assert!(shown.stdout.contains("Credentials would be added: oxidized oxidized 3"), "{}", shown.stdout);
    let done = world.etiqa(&import).await.good();
    assert!(done.stderr.contains("line 2: The line has a user name and no password"), "{}", done.stderr);
    let sites = "SELECT name || ': ' || COALESCE(site, 'all') FROM credential ORDER BY name";
    assert_eq!(
        world.database.texts(sites).await,
        ["oxidized oxidized: vienna", "oxidized oxidized 2: graz", "oxidized oxidized 3: vienna"]
    );
    let named =
        "SELECT COALESCE(c.name, 'none') FROM device d LEFT JOIN credential c ON c.id = d.credential_id
                 ORDER BY d.id";
    assert_eq!(
        world.database.texts(named).await,
        ["oxidized oxidized", "oxidized oxidized 2", "none", "oxidized oxidized 3", "none"]
    );
}

#[tokio::test]
async fn a_rancid_moves_in_and_what_is_down_there_is_disabled_here() {
    let world = World::new();
    let file = world.file(
        "router.db",
        "core.example.net;cisco;up\nold.example.net:hp:up:\nspare.example.net;juniper;down;no card\nx1;alteon;up\n",
    );
    let import = ["import-rancid", file.to_str().unwrap(), "--site", "vienna", "--type-map", "alteon=linux"];
    let done = world.etiqa(import).await.good();
    assert_eq!(done.stdout, "4 rows: 4 created (1 of them disabled), 0 updated, 0 skipped, 0 refused\n");
    assert!(done.stderr.contains("line 3: RANCID does not collect it (down)"), "{}", done.stderr);
    assert_eq!(
        inventory(&world).await,
        [
            "core.example.net ios vienna true",
            "old.example.net procurve vienna true",
            "spare.example.net junos vienna false",
            "x1 linux vienna true",
        ]
    );
    // A person enables it; the file does not undo that.
    world.database.execute("UPDATE device SET enabled = 1").await;
    world.etiqa(import).await.good();
    assert!(inventory(&world).await.iter().all(|device| device.ends_with("true")));
    // Another site has devices of the same addresses: those are others.
    let elsewhere = ["import-rancid", file.to_str().unwrap(), "--site", "linz", "--type-map", "alteon=linux"];
    let done = world.etiqa(elsewhere).await.good();
    assert_eq!(done.stdout, "4 rows: 4 created (1 of them disabled), 0 updated, 0 skipped, 0 refused\n");
    assert!(inventory(&world).await.contains(&"spare.example.net junos linz false".to_owned()));
}

#[tokio::test]
async fn the_django_edition_moves_in_and_its_runs_are_shown_as_what_they_are() {
    let world = World::new();
    let dump = json!([
        {"model": "network_scanner.device", "pk": 1,
         "fields": {"ip_address": "192.0.2.1", "hostname": "core", "device_type": "router", "status": "online"}},
        {"model": "network_scanner.networkconfig", "pk": 1,
         "fields": {"device": 1, "config_data": "hostname core\nsnmp-server community canary-comm-3Zz8 RO\n", "version": 1,
                    "is_active": true, "created_at": "2026-01-02T03:04:05Z"}},
        {"model": "network_scanner.backupconfig", "pk": 1,
         "fields": {"name": "Daily", "backup_type": "config", "frequency": "daily", "enabled": false, "max_backups": 5}},
        {"model": "network_scanner.backuphistory", "pk": 1,
         "fields": {"backup_config": 1, "status": "completed", "started_at": "2026-01-02T03:00:00Z",
                    "completed_at": "2026-01-02T03:01:00Z", "file_path": "backups/daily.zip", "file_size": 12}},
    ]);
    let file = world.file("dump.json", dump.to_string());
    let file = file.to_str().unwrap();
    let shown = world.etiqa(["import-django", file, "--dry-run", "--json"]).await.good().json();
    assert_eq!(
        (&shown["dry_run"], &shown["devices"]["new"], &shown["runs"]["new"]),
        (&json!(true), &json!(1), &json!(1))
    );
    let done = world.etiqa(["import_django", file, "--platform", "router=ios"]).await.good();
    let rows: Vec<String> =
        done.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        rows,
        [
            "FOUND BROUGHT HERE ALREADY LEFT OUT",
            "devices 1 1 0 0",
            "versions 1 1 0 0",
            "backups 1 1 0 0",
            "runs 1 1 0 0"
        ]
    );
    let text = world.etiqa(["device", "show", "core", "--part", "running"]).await.good().stdout;
    assert!(text.starts_with("hostname core\n"), "{text}");
    let status = world.status().await;
    let last = &status["configs"][0]["last_run"];
    assert_eq!(
        (&last["trigger"], &last["verified"], &last["file"]),
        (&json!("import"), &json!(false), &json!(null))
    );

    let viewer = world.token("viewer").await;
    let server = world.serve().await;
    let viewer = server.with_token(&viewer).and_header("accept", "text/html");
    let page = viewer.get("/backup/run/1").await.with_status(200).text();
    assert!(
        page.contains("Imported, not verified") && page.contains("Another program made this run."),
        "{page}"
    );
    let text = viewer.get("/configs/version/1/download").await.with_status(200).text();
    assert!(text.starts_with("hostname core\n"), "{text}");
    assert!(text.contains("snmp-server community") && !text.contains("canary"), "secrets are masked: {text}");
    server.stop().await;
}

#[tokio::test]
async fn a_list_is_added_looked_at_synchronised_and_removed_by_commands() {
    let world = World::new();
    let file = world.file("devices.csv", "ip,hostname,site\n192.0.2.1,core,vienna\n192.0.2.2,edge,graz\n");
    let place = file.to_str().unwrap();
    let add = ["inventory-source", "add", "list", "--kind", "file", "--place", place, "--every", "15"];
    world.etiqa(add).await.good();
    let preview = world.etiqa(["inventory-source", "preview", "list"]).await.good().stdout;
    assert!(
        preview.contains("add") && preview.ends_with("2 listed: 2 added, 0 changed, 0 disabled\n"),
        "{preview}"
    );
    assert!(inventory(&world).await.is_empty());
    let synced = world.etiqa(["inventory_source", "sync", "list"]).await.good().stdout;
    assert_eq!(synced, "2 listed: 2 added, 0 changed, 0 disabled\n");
    world.file("devices.csv", "ip,hostname,site\n192.0.2.1,core-2,vienna\n");
    let guarded = world.etiqa(["inventory-source", "sync", "list"]).await.failed();
    assert!(guarded.stderr.contains("more than a quarter"), "{}", guarded.stderr);
    let listed = world.etiqa(["inventory-source", "list"]).await.good().stdout;
    assert!(listed.contains("more than a quarter"), "{listed}");
    world.etiqa(["inventory-source", "sync", "list", "--all-the-same"]).await.good();
    assert_eq!(inventory(&world).await, ["192.0.2.1 – vienna true", "192.0.2.2 – graz false"]);
    let wrong = ["inventory-source", "edit", "list", "--owns", "colour"];
    assert!(world.etiqa(wrong).await.failed().stderr.contains("\"colour\""));
    world.etiqa(["inventory-source", "edit", "list", "--owns", "site", "--gone", "leave"]).await.good();
    world.etiqa(["inventory-source", "remove", "list"]).await.good();
    assert_eq!(inventory(&world).await.len(), 2, "its devices stay");
}

#[tokio::test]
async fn the_page_shows_a_source_its_preview_and_its_syncs_and_never_its_token() {
    let world = World::new().with_env("ETIQA_LOG", "trace");
    world.add_user("ada", "admin").await;
    let file = world.file("devices.csv", "ip,hostname\n192.0.2.1,core\n");
    let server = world.serve().await;
    let ada = server.signed_in("ada").await;
    let secret = "canary-token-5Ee7";
    let netbox = [
        ("source[name]", "NetBox"),
        ("source[kind]", "netbox"),
        // Nobody listens there.
        ("source[place]", "http://127.0.0.1:9"),
        ("source[token]", secret),
        ("enabled", "true"),
    ];
    ada.call("save_inventory_source", &netbox).await.with_status(200);
    let list = [
        ("source[name]", "List"),
        ("source[kind]", "file"),
        ("source[place]", file.to_str().unwrap()),
        ("source[owns]", "hostname"),
        ("enabled", "true"),
    ];
    ada.call("save_inventory_source", &list).await.with_status(200);
    let wrong = ada.call("save_inventory_source", &[("source[name]", "x"), ("source[place]", "y")]).await;
    assert_eq!(wrong.with_status(422).json()["fields"][0]["field"], "place");

    let html = ada.and_header("accept", "text/html");
    let page = html.get("/admin/inventory-sources").await.with_status(200).text();
    assert!(page.contains("Waits for its first sync") && page.contains("NetBox"), "{page}");
    let preview = html.get("/admin/inventory-sources?preview=2").await.with_status(200).text();
    assert!(preview.contains("1 listed: 1 added") && preview.contains("Synchronise now"), "{preview}");
    let unreachable = html.get("/admin/inventory-sources?preview=1").await.text();
    assert!(unreachable.contains("cannot be reached"), "{unreachable}");

    let ada = server.signed_in("ada").await;
    ada.call("sync_inventory_source", &[("id", "2")]).await.with_status(200);
    let devices = "SELECT hostname FROM device";
    until("the sync", async || (world.database.texts(devices).await == ["core"]).then_some(())).await;
    let html = ada.and_header("accept", "text/html");
    until("its result", async || {
        let page = html.get("/admin/inventory-sources?source=2").await.with_status(200).text();
        (page.contains("1 listed: 1 added") && page.contains("Works")).then_some(())
    })
    .await;
    let edit = html.get("/admin/inventory-sources?edit=1").await.with_status(200).text();
    assert!(edit.contains("Forget the token") && !edit.contains(secret), "{edit}");
    let (_, log) = server.stop().await;
    assert!(!log.contains(secret), "the log has the token");
}
