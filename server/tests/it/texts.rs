//! Texts and attached files, through the browser's addresses and the command line.

use std::io::Cursor;

use etiqa_simulator::SimulatedDevice;

use crate::harness::World;
use crate::harness::devices::router;

/// A world with a router that has two versions.
async fn world() -> (World, SimulatedDevice) {
    let world = World::new();
    world.add_credential().await;
    let device = world.add_device(router("core-rtr-1")).await;
    world.etiqa(["collect", "core-rtr-1"]).await.good();
    device.change_config();
    world.etiqa(["collect", "core-rtr-1"]).await.good();
    (world, device)
}

fn names(zip: &[u8]) -> Vec<String> {
    let zip = zip::ZipArchive::new(Cursor::new(zip.to_vec())).unwrap();
    let mut names: Vec<_> = zip.file_names().map(|name| name.unwrap().into_owned()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn texts_are_downloaded_one_by_one_by_device_and_all_together() {
    let (world, _device) = world().await;
    let token = world.token("viewer").await;
    let server = world.serve().await;
    let viewer = server.with_token(&token);

    let one = viewer.get("/configs/version/1/download").await.with_status(200);
    assert_eq!(one.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(one.header("content-disposition"), "attachment; filename=\"core-rtr-1_running_v1.cfg\"");
    assert!(one.text().ends_with("end\n"));
    for path in ["/devices/1/download", "/configs/download"] {
        let all = viewer.get(path).await.with_status(200);
        assert_eq!(
            names(&all.bytes),
            ["core-rtr-1/running.cfg", "core-rtr-1/startup.cfg", "texts.json"],
            "{path}"
        );
    }
    let before = viewer.get("/configs/download?at=2020-01-01T00:00").await.with_status(200);
    assert_eq!(names(&before.bytes), ["texts.json"]);
    let wrong = viewer.get("/configs/download?at=yesterday").await.with_status(422);
    insta::assert_snapshot!(wrong.message(), @"Write a time such as 2026-11-01 14:30, or a day such as 2026-11-01.");
    viewer.get("/configs/version/99/download").await.with_status(404);
    viewer.get("/devices/99/download").await.with_status(404);
    server.stop().await;
}

#[tokio::test]
async fn without_javascript_folds_open_and_changes_are_stepped_through_by_addresses() {
    let (world, _device) = world().await;
    let token = world.token("viewer").await;
    let server = world.serve().await;
    let page = server.with_token(&token).and_header("accept", "text/html");
    let before = page.clone().get("/devices/1?part=running&v=2").await.with_status(200).text();
    assert!(before.contains("id=\"change-1\""), "{before}");
    assert!(before.contains("#change-1"), "the bar leads to it");
    assert!(before.contains("Show all"));
    let opened =
        page.clone().get("/devices/1?part=running&v=2&open=1-9999&change=1").await.with_status(200).text();
    assert!(!opened.contains("Show all"), "all lines are open");
    assert!(opened.contains("Change 1 of"));
    let then = page.get("/configs/?at=2020-01-01T00:00").await.with_status(200).text();
    assert!(then.contains("No configuration from then"));
    server.stop().await;
}

#[tokio::test]
async fn without_javascript_the_form_of_a_backup_leads_to_what_its_counts_would_keep() {
    let world = World::new();
    world.add_user("olga", "operator").await;
    world.etiqa("backup-config add Nightly --type data --frequency daily".split(' ')).await.good();
    let server = world.serve().await;
    let olga = server.signed_in("olga").await.and_header("accept", "text/html");
    let form = olga.get("/backup/config/1/edit").await.with_status(200).text();
    assert!(form.contains("formaction=\"/rpc/look_at_retention\""), "{form}");
    let fields =
        [("id", "1"), ("config[name]", "Nightly"), ("config[max_backups]", "2"), ("config[passphrase]", "x")];
    let led = olga.form("/rpc/look_at_retention", &fields).await;
    assert!(
        led.header("location").ends_with("/backup/config/1/retention?max_backups=2"),
        "no secret is in it"
    );
    let page = olga.get("/backup/config/1/retention?max_backups=2").await.with_status(200).text();
    assert!(page.contains("What if it kept"));
    let as_before = "SELECT COUNT(*) FROM backup_config WHERE retention LIKE '%\"max_backups\":10%'";
    assert_eq!(world.database.number(as_before).await, 1, "nothing was saved");
    server.stop().await;
}

#[tokio::test]
async fn the_command_line_labels_activates_and_exports() {
    let (world, _device) = world().await;
    let of_it = ["core-rtr-1", "--part", "running", "--version", "1"];
    let label = ["device", "label"].iter().chain(&of_it).chain(&["--label", "before the upgrade"]);
    world.etiqa(label).await.good();
    world.etiqa(["device", "label"].iter().chain(&of_it).chain(&["--note", "Ask Ada."])).await.good();
    assert_eq!(
        world
            .database
            .texts("SELECT label || ': ' || note FROM config_version WHERE label IS NOT NULL")
            .await,
        ["before the upgrade: Ask Ada."]
    );
    world.etiqa(["device", "activate"].iter().chain(&of_it)).await.good();
    let active = world.etiqa(["device", "show", "core-rtr-1", "--part", "running"]).await.good().stdout;
    let first = world.etiqa(["device", "show"].iter().chain(&of_it)).await.good().stdout;
    assert_eq!(active, first);

    let file = world.place().join("network.zip");
    world.etiqa(["device", "export", file.to_str().unwrap()]).await.good();
    assert!(names(&std::fs::read(&file).unwrap()).contains(&"core-rtr-1/running.cfg".to_owned()));
    let again = world.etiqa(["device", "export", "network.zip"]).await.failed();
    insta::assert_snapshot!(again.sentence(&world), @"etiqa: network.zip exists already: name a new file.");
    assert!(names(&std::fs::read(&file).unwrap()).len() > 1, "the file that was there is as it was");
}

#[tokio::test]
async fn a_file_is_attached_to_a_device_handed_out_and_deleted() {
    let (world, _device) = world().await;
    let (viewer, operator) = (world.token("viewer").await, world.token("operator").await);
    let server = world.serve().await;
    let (viewer, operator) = (server.with_token(&viewer), server.with_token(&operator));

    viewer.upload("/devices/1/media", "plan.txt", "top of rack").await.with_status(403);
    let kept = operator.upload("/devices/1/media", "rack plan.txt", "top of rack").await.with_status(303);
    assert_eq!(kept.header("location"), "/devices/1?tab=files");
    let listed = viewer.call("get_device_media", &[("id", "1")]).await.with_status(200).json();
    assert_eq!(listed["files"][0]["file_name"], "rack_plan.txt");
    let page =
        viewer.and_header("accept", "text/html").get("/devices/1?tab=files").await.with_status(200).text();
    assert!(page.contains("rack_plan.txt"), "{page}");

    let file = operator.get("/devices/1/media/1").await.with_status(200);
    assert_eq!(
        (file.text().as_str(), file.header("content-type")),
        ("top of rack", "application/octet-stream")
    );
    assert!(file.header("content-disposition").starts_with("attachment"));
    operator.get("/devices/2/media/1").await.with_status(404);
    let empty = operator.upload("/devices/1/media", "empty.txt", "").await.with_status(422);
    insta::assert_snapshot!(empty.message(), @"Choose a file that has something in it.");
    let browser = operator.clone().and_header("accept", "text/html");
    let back = browser.upload("/devices/1/media", "empty.txt", "").await.with_status(303);
    assert_eq!(back.header("location"), "/devices/1?tab=files&refused=empty");
    let page = browser.get(back.header("location")).await.with_status(200).text();
    assert!(page.contains("Choose a file that has something in it."), "{page}");

    operator.call("remove_media", &[("id", "1")]).await.with_status(200);
    operator.get("/devices/1/media/1").await.with_status(404);
    server.stop().await;
}

#[tokio::test]
async fn a_file_larger_than_the_limit_is_refused_while_it_comes() {
    let (world, _device) = world().await;
    let (admin, operator) = (world.token("admin").await, world.token("operator").await);
    let server = world.serve().await;
    let mut settings = server.with_token(&admin).call("get_settings", &[]).await.with_status(200).json();
    settings["max_media_mib"] = 1.into();
    let fields: Vec<(String, String)> = settings
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (format!("settings[{name}]"), value.to_string()))
        .collect();
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    server.with_token(&admin).call("save_settings", &fields).await.with_status(200);
    let refused =
        server.with_token(&operator).upload("/devices/1/media", "big.txt", &"x".repeat(2 << 20)).await;
    let refused = refused.with_status(422);
    insta::assert_snapshot!(refused.message(), @"The file is larger than allowed; an admin can raise the limit in the settings.");
    assert_eq!(std::fs::read_dir(world.data().join("media/1")).unwrap().count(), 0);
    server.stop().await;
}

#[tokio::test]
async fn the_command_line_attaches_lists_saves_and_deletes() {
    let (world, _device) = world().await;
    let plan = world.file("plan.txt", "top of rack");
    world.etiqa(["media", "add", "core-rtr-1", plan.to_str().unwrap()]).await.good();
    let listed = world.etiqa(["media", "list", "core-rtr-1", "--json"]).await.good().json();
    assert_eq!(
        (&listed[0]["file_name"], &listed[0]["uploaded_by"]),
        (&"plan.txt".into(), &"the command line".into())
    );
    world.etiqa(["media", "save", "core-rtr-1", "plan.txt", "copy.txt"]).await.good();
    assert_eq!(std::fs::read_to_string(world.place().join("copy.txt")).unwrap(), "top of rack");
    world.etiqa(["media", "remove", "core-rtr-1", "plan.txt"]).await.good();
    let gone = world.etiqa(["media", "remove", "core-rtr-1", "plan.txt"]).await.failed();
    insta::assert_snapshot!(gone.sentence(&world), @r#"etiqa: There is no file named "plan.txt" at this device. It may have been deleted."#);
}
