//! The audit log as people meet it: everything that changes something leaves a row.

use std::fs;
use std::path::Path;

use etiqa_simulator::Personality;

use crate::harness::World;
use crate::harness::devices::device;

/// Begins every secret of a text.
const SECRET: &str = "s3cr3t-community-";

/// Server functions that only look. All others leave a row, done or refused.
const READING: [&str; 60] = [
    "compare_texts",
    "find_page",
    "generate_passphrase",
    "get_archive",
    "get_artifact_transcript",
    "get_backup_choices",
    "get_backup_config",
    "get_config",
    "get_connection_test",
    "get_device",
    "get_device_artifacts",
    "get_device_choices",
    "get_device_media",
    "get_device_rules",
    "get_diff",
    "get_driver",
    "get_import",
    "get_inventory_source",
    "get_kit_state",
    "get_overview",
    "get_pause",
    "get_rule",
    "get_run",
    "get_second_factor",
    "get_settings",
    "get_setup",
    "get_transcript",
    "get_version",
    "list_admin_sections",
    "list_audit",
    "list_backup_configs",
    "list_channels",
    "list_config_versions",
    "list_configs",
    "list_credentials",
    "list_deliveries",
    "list_destinations",
    "list_devices",
    "list_drivers",
    "list_inventory_sources",
    "list_jobs",
    "list_jump_hosts",
    "list_machines",
    "list_notify_rules",
    "list_results",
    "list_rules",
    "list_runs",
    "list_sessions",
    "list_starter_rules",
    "list_tokens",
    "list_user_sessions",
    "list_users",
    "list_versions",
    "list_views",
    "look_at_retention",
    "preview_inventory_source",
    "preview_notify_rule",
    "preview_retention",
    "preview_schedule",
    "search_configs",
];
/// What strangers may ask: signing in has a test of its own.
const OF_STRANGERS: [&str; 4] = ["confirm_sign_in", "set_up", "sign_in", "whoami"];

fn functions() -> Vec<String> {
    let api = Path::new(env!("CARGO_MANIFEST_DIR")).join("../app/src/api");
    let mut functions = Vec::new();
    for file in fs::read_dir(api).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let names = text.split("#[server(endpoint = \"").skip(1);
        functions.extend(names.filter_map(|rest| rest.split('"').next()).map(str::to_owned));
    }
    functions.sort();
    functions
}

const ROWS: &str = "SELECT COUNT(*) FROM audit_log";
const NEWEST: &str = "SELECT who || ' ' || means || ' ' || action || ' ' || object || ' ' || outcome || ': ' || \
                      COALESCE(words, '') FROM audit_log ORDER BY id DESC LIMIT 1";

async fn newest(world: &World) -> String {
    world.database.texts(NEWEST).await.remove(0)
}

#[tokio::test]
async fn every_server_function_that_changes_something_leaves_a_row() {
    let known = functions();
    for name in READING {
        assert!(known.iter().any(|function| function == name), "{name} is a server function");
    }
    let acting: Vec<&String> = known
        .iter()
        .filter(|name| !READING.contains(&name.as_str()) && !OF_STRANGERS.contains(&name.as_str()))
        .collect();
    assert!(acting.len() > 50, "{acting:?}");
    let world = World::new();
    let viewer = world.token("viewer").await;
    world.add_user("ada", "admin").await;
    let server = world.serve().await;
    let (viewer, admin) = (server.with_token(&viewer), server.signed_in("ada").await);
    for name in acting {
        // Not allowed, or not understood: whatever it is refused for, it is told.
        for who in [&viewer, &admin] {
            if *name == "sign_out" {
                continue;
            }
            let before = world.database.number(ROWS).await;
            let answer = who.call(name, &[("id", "4711"), ("name", "x"), ("owner", "x")]).await;
            let after = world.database.number(ROWS).await;
            assert!(after > before, "{name} left no row: {} {}", answer.status, answer.text());
        }
    }
    let before = world.database.number(ROWS).await;
    admin.call("sign_out", &[]).await;
    assert_eq!(world.database.number(ROWS).await, before + 1);
    world.etiqa(["audit", "check"]).await.good();
    server.stop().await;
}

#[tokio::test]
async fn what_only_looks_leaves_none() {
    let world = World::new();
    world.add_credential().await;
    // Two changes of a text with a secret in it: the first page shows their first lines.
    let router = world.add_device(device(Personality::Ios, "core-rtr-1")).await;
    for number in 1..=3 {
        router.set_config(format!(
            "Building configuration...\n\nCurrent configuration : 300 bytes\n!\nversion 15.2\nhostname core-rtr-1\n!\n\
             snmp-server community {SECRET}{number} RO\nsnmp-server contact number{number}\n!\nend\n"
        ));
        world.etiqa(["collect", "core-rtr-1"]).await.good();
    }
    let admin = world.token("admin").await;
    let server = world.serve().await;
    let admin = server.with_token(&admin);
    let before = world.database.number(ROWS).await;
    let first_page = admin.call("get_overview", &[]).await.with_status(200).text();
    assert!(first_page.contains("number3"), "it shows first lines of changes: {first_page}");
    for shown in [first_page, admin.clone().and_header("accept", "text/html").get("/").await.text()] {
        assert!(!shown.contains(SECRET), "and nobody asked for a secret: {shown}");
    }
    for path in ["/", "/devices/", "/backup/", "/configs/", "/admin/", "/admin/audit", "/backup/status/"] {
        admin.get(path).await.with_status(200);
    }
    assert_eq!(world.database.number(ROWS).await, before);
    server.stop().await;
}

#[tokio::test]
async fn whoever_is_refused_again_and_again_does_not_fill_the_log() {
    let world = World::new();
    let viewer = world.token("viewer").await;
    let server = world.serve().await;
    let viewer = server.with_token(&viewer);
    let refused = "SELECT COUNT(*) FROM audit_log WHERE outcome = 'refused'";
    for _ in 0..30 {
        viewer.call("delete_device", &[("id", "1")]).await.with_status(403);
    }
    assert_eq!(world.database.number(refused).await, 1);
    server.stop().await;
    assert_eq!(world.database.number(refused).await, 2, "how many more there were is told at the end");
    assert!(
        newest(&world).await.contains("device.remove  refused: 29 more since "),
        "{}",
        newest(&world).await
    );
    world.etiqa(["audit", "check"]).await.good();
}

#[tokio::test]
async fn every_sign_in_is_told_good_refused_or_locked_out() {
    let world = World::new();
    world.add_user("ada", "viewer").await;
    let server = world.serve().await;
    server.stranger().sign_in("ada", &World::password_of("ada")).await;
    assert_eq!(newest(&world).await, "ada stranger session.sign_in ada done: ");
    server.stranger().sign_in("ada", "not-hers-1").await.with_status(422);
    assert_eq!(newest(&world).await, "ada stranger session.sign_in ada refused: The password is wrong.");
    server.stranger().sign_in("hunter2-typed-here", "not-hers-1").await.with_status(422);
    assert_eq!(newest(&world).await, " stranger session.sign_in  refused: Nobody has this name.");
    let told = world.database.number("SELECT COUNT(*) FROM audit_log WHERE object LIKE '%hunter2%'").await;
    assert_eq!(told, 0, "it may be a password in the wrong field");
    for _ in 0..12 {
        server.stranger().sign_in("ada", "not-hers-1").await;
    }
    let locked = "SELECT COUNT(*) FROM audit_log WHERE words LIKE 'Too many%'";
    assert_eq!(world.database.number(locked).await, 1, "told once, however often it is tried");
    server.stop().await;
}

#[tokio::test]
async fn a_change_is_told_with_before_and_after_and_without_its_secrets() {
    let world = World::new();
    world.add_credential().await;
    world.etiqa(["device", "add", "192.0.2.9", "--hostname", "core", "--type", "router"]).await.good();
    world.etiqa(["device", "edit", "core", "--port", "2222"]).await.good();
    let changes = "SELECT changes FROM audit_log WHERE action = 'device.change'";
    assert_eq!(world.database.texts(changes).await, [r#"[{"field":"port","before":"22","after":"2222"}]"#]);
    let credential = "SELECT changes FROM audit_log WHERE action = 'credential.add'";
    let told = world.database.texts(credential).await.remove(0);
    assert!(told.contains(r#"{"field":"password","secret":true}"#), "{told}");
    let who = world.database.texts("SELECT DISTINCT means FROM audit_log").await;
    assert_eq!(who, ["command line"]);
    let refused = world.etiqa(["device", "edit", "no-such-device", "--port", "22"]).await;
    assert_eq!(refused.code, 1);
    assert!(newest(&world).await.contains("device.change  refused: "), "{}", newest(&world).await);
}

#[tokio::test]
async fn the_log_is_listed_narrowed_and_written_out() {
    let world = World::new();
    world.etiqa(["device", "add", "192.0.2.9", "--hostname", "=core", "--type", "router"]).await;
    world.etiqa(["device", "add", "192.0.2.10", "--hostname", "edge", "--type", "router"]).await.good();
    let admin = world.token("admin").await;
    let listed =
        world.etiqa(["audit", "list", "--what", "device.add", "--on", "edge", "--json"]).await.good();
    assert_eq!(listed.json().as_array().unwrap().len(), 1);
    let lines = world.etiqa(["audit", "export"]).await.good().stdout;
    assert!(lines.lines().count() >= 2 && lines.contains("\"hash\""), "{lines}");

    let server = world.serve().await;
    let admin = server.with_token(&admin);
    let page = admin.clone().and_header("accept", "text/html").get("/admin/audit?what=token").await;
    let page = page.with_status(200).text();
    assert!(page.contains("token.create") && !page.contains("device.add"), "{page}");
    assert!(page.contains("Whole"), "{page}");
    let csv = admin.get("/admin/audit/export?format=csv&what=device").await.with_status(200);
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    assert!(csv.text().starts_with("id,at,who,means,"), "{}", csv.text());
    assert!(newest(&world).await.contains("audit.export csv done: what device"));
    server.stop().await;
}

#[tokio::test]
async fn a_log_that_was_touched_is_told_by_the_command_the_page_and_the_doctor() {
    let world = World::new();
    let admin = world.token("admin").await;
    world.etiqa(["user", "list"]).await.good();
    world.database.execute("DROP TRIGGER audit_log_stays").await;
    world.database.execute("UPDATE audit_log SET who = 'nobody' WHERE id = 1").await;
    let said = world.etiqa(["audit", "check"]).await;
    assert_eq!(said.code, 1);
    assert!(said.stdout.contains("Row 1: It was changed"), "{}", said.stdout);
    assert!(world.etiqa(["doctor"]).await.stdout.contains("The audit log is not whole"));
    let server = world.serve().await;
    let page = server.with_token(&admin).and_header("accept", "text/html").get("/admin/audit").await;
    assert!(page.with_status(200).text().contains("Not whole"));
    server.stop().await;
}
