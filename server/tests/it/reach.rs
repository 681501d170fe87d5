//! How devices are reached: jump hosts, telnet, old SSH, and what a device was recognised as.

use serde_json::{Value, json};

use crate::harness::World;
use crate::harness::devices::router;

async fn devices(world: &World) -> Value {
    world.etiqa(["device", "list", "--json"]).await.good().json()
}

async fn hosts(world: &World) -> Value {
    world.etiqa(["jump_host", "list", "--json"]).await.good().json()
}

#[tokio::test]
async fn a_jump_host_is_added_changed_named_by_a_device_and_removed() {
    let world = World::new();
    world.add_credential().await;
    let credential = world.database.texts("SELECT name FROM credential").await.remove(0);
    let add = ["jump-host", "add", "vienna", "--address", "192.0.2.1", "--credential", &credential];
    world.etiqa(add.iter().chain(&["--site", "vienna", "--legacy-ssh"])).await.good();
    let inner = ["jump-host", "add", "lab", "--address", "192.0.2.2", "--port", "2222", "--via", "vienna"];
    world.etiqa(inner.iter().chain(&["--credential", &credential])).await.good();
    world.etiqa(["device", "add", "192.0.2.9", "--hostname", "core", "--jump-host", "lab"]).await.good();

    let listed = hosts(&world).await;
    assert_eq!(
        (&listed[0]["name"], &listed[0]["via"], &listed[0]["port"]),
        (&json!("lab"), &json!("vienna"), &json!(2222))
    );
    assert_eq!(listed[0]["devices"], 1);
    assert_eq!(
        (&listed[1]["site"], &listed[1]["legacy_ssh"], &listed[1]["port"]),
        (&json!("vienna"), &json!(true), &json!(22))
    );
    let table = world.etiqa(["jump-host", "list"]).await.good().stdout;
    assert!(table.contains("192.0.2.2:2222") && table.contains("not seen yet"), "{table}");

    world.etiqa(["jump-host", "edit", "vienna", "--legacy-ssh=false", "--rename", "wien"]).await.good();
    let changed = hosts(&world).await;
    assert_eq!((&changed[1]["name"], &changed[1]["legacy_ssh"]), (&json!("wien"), &json!(false)));
    assert_eq!((&changed[1]["address"], &changed[0]["via"]), (&json!("192.0.2.1"), &json!("wien")));
    let circle = world.etiqa(["jump-host", "edit", "wien", "--via", "lab"]).await.failed();
    insta::assert_snapshot!(circle.sentence(&world), @"etiqa: The jump host lab is itself reached through this one.");
    let none = world.etiqa(["jump-host", "accept_key", "lab"]).await.failed();
    insta::assert_snapshot!(none.sentence(&world), @"etiqa: No changed key waits for this jump host.");

    world.etiqa(["jump-host", "remove", "lab"]).await.good();
    assert_eq!(devices(&world).await[0]["jump_host"], Value::Null);
}

#[tokio::test]
async fn the_port_follows_the_transport_where_nobody_chose_one() {
    let world = World::new();
    world.etiqa(["device", "add", "192.0.2.1", "--transport", "telnet"]).await.good();
    assert_eq!(devices(&world).await[0]["port"], 23);
    world.etiqa(["device", "edit", "192.0.2.1", "--transport", "ssh", "--legacy-ssh"]).await.good();
    let device = devices(&world).await[0].clone();
    assert_eq!((&device["port"], &device["legacy_ssh"]), (&json!(22), &json!(true)));
    world.etiqa(["device", "edit", "192.0.2.1", "--port", "2023", "--transport", "telnet"]).await.good();
    world.etiqa(["device", "edit", "192.0.2.1", "--transport", "ssh", "--legacy-ssh=false"]).await.good();
    let device = devices(&world).await[0].clone();
    assert_eq!((&device["port"], &device["legacy_ssh"]), (&json!(2023), &json!(false)));
}

#[tokio::test]
async fn what_a_device_was_recognised_as_is_shown_and_forgotten_on_demand() {
    let world = World::new();
    world.etiqa(["device", "add", "192.0.2.1", "--hostname", "core"]).await.good();
    let operator = world.token("operator").await;
    world
        .database
        .execute(
            "INSERT INTO device_fact (device_id, platform, model, serial, os_version, unsaved, changed_at)
             VALUES (1, 'eos', 'DCS-7050', 'JPE1', '4.28.3M', 1, 0)",
        )
        .await;
    let server = world.serve().await;
    let client = server.with_token(&operator);
    let page = client.get("/devices/1").await.text();
    for words in ["recognised by itself", "DCS-7050", "JPE1", "4.28.3M", "Not saved", "Recognise again"] {
        assert!(page.contains(words), "{words}");
    }
    assert!(client.get("/devices/").await.text().contains("Not saved"));

    client.call("recognise_device", &[("id", "1")]).await.with_status(200);

    let detail = client.call("get_device", &[("id", "1")]).await.json();
    assert_eq!((&detail["platform"], &detail["facts"]["platform"]), (&json!("linux"), &Value::Null));
    assert_eq!(detail["facts"]["model"], "DCS-7050", "only the platform is forgotten");
    let again = client.call("recognise_device", &[("id", "1")]).await.with_status(409);
    assert_eq!(again.message(), "core was not recognised yet; its next session tries.");
    server.stop().await;
}

#[tokio::test]
async fn a_credential_is_rotated_step_by_step_and_everybody_sees_how_far_it_is() {
    let world = World::new();
    world.add_credential().await;
    let (changed, _unchanged) =
        (world.add_device(router("changed")).await, world.add_device(router("unchanged")).await);
    world.etiqa(["collect", "--all"]).await.good();
    let rotate = ["credential", "rotate", "lab", "--password-stdin"];
    world.etiqa_with_input(rotate, "new-password\n").await.good();
    changed.set_password("new-password");
    let collected = world.etiqa(["collect", "--all"]).await.good().stderr;
    let still = "The device still takes the previous secrets of the credential lab.";
    assert_eq!(collected.matches(still).count(), 1, "{collected}");

    let listed = world.etiqa(["credential", "list", "--json"]).await.good().json();
    let rotation = &listed[0]["rotation"];
    assert_eq!((&rotation["renewed"], &rotation["devices"]), (&json!(1), &json!(2)));
    let table = world.etiqa(["credential", "list"]).await.good().stdout;
    assert!(table.contains("1 of 2 devices since 20"), "{table}");
    let again = world.etiqa_with_input(rotate, "newer\n").await.failed();
    insta::assert_snapshot!(again.sentence(&world), @"etiqa: The credential lab is being rotated already: finish that first, or edit it to correct its new secrets.");
    let nothing = world.etiqa(["credential", "rotate", "lab"]).await.failed();
    insta::assert_snapshot!(nothing.sentence(&world), @"etiqa: Say which secrets are new: --password-stdin, --key-file or --enable-stdin.");

    let admin = world.token("admin").await;
    let server = world.serve().await;
    let client = server.with_token(&admin);
    let page = client.get("/admin/credentials").await.text();
    assert!(page.contains("1 of 2 devices took the new secrets"), "{page}");
    assert!(page.contains("Not yet seen to take the new ones: 1 device."), "{page}");
    server.stop().await;

    let finished = world.etiqa(["credential", "rotate", "lab", "--finish"]).await.good();
    assert!(
        finished.stderr.contains("Not yet seen to take the new secrets: 1 device."),
        "{}",
        finished.stderr
    );
    assert_eq!(world.etiqa(["credential", "list", "--json"]).await.good().json()[0]["rotation"], Value::Null);
    assert!(
        world.etiqa(["collect", "unchanged"]).await.failed().stderr.contains("refused the credential lab")
    );
    world.etiqa(["collect", "changed"]).await.good();
}
