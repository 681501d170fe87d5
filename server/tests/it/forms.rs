//! Forms of a browser without JavaScript: what is refused comes back to its page, with what was typed and what is wrong.

use crate::harness::{Client, Server, World};

/// A browser without JavaScript on a page of the server.
async fn on_page(server: &Server, user: &str, page: &str) -> Client {
    let page = format!("http://{}{page}", server.address());
    server.signed_in(user).await.and_header("accept", "text/html").and_header("referer", &page)
}

/// The path and query of an address of this server.
fn path_of(address: &str) -> &str {
    let (_, rest) = address.split_once("://").unwrap_or(("", address));
    rest.find('/').map_or(address, |start| &rest[start..])
}

/// The tag of a page with this attribute.
fn tag<'a>(page: &'a str, attribute: &str) -> &'a str {
    let at = page.find(attribute).unwrap_or_else(|| panic!("no {attribute}: {page}"));
    let start = page[..at].rfind('<').unwrap();
    &page[start..=start + page[start..].find('>').unwrap()]
}

#[tokio::test]
async fn a_refused_form_comes_back_with_what_was_typed_to_who_typed_it() {
    let world = World::new();
    world.add_user("olga", "operator").await;
    world.add_user("otto", "operator").await;
    let server = world.serve().await;
    let olga = on_page(&server, "olga", "/devices/new").await;
    let fields = [
        ("device[address]", "999.1.1.1 x"),
        ("device[hostname]", "core-7"),
        ("device[device_type]", "router"),
        ("device[legacy_ssh]", "true"),
        ("device[description]", "In the cellar, at the left"),
    ];

    let refused = olga.call("save_device", &fields).await.with_status(302);
    let back = path_of(refused.header("location")).to_owned();
    assert!(back.starts_with("/devices/new?") && !back.contains("cellar"), "nothing typed is in it: {back}");
    let page = olga.get(&back).await.with_status(200).text();
    assert!(page.contains("is neither an IP address nor a host name"), "{page}");
    let address = tag(&page, "name=\"device[address]\"");
    assert!(
        address.contains("value=\"999.1.1.1 x\"") && address.contains("aria-invalid=\"true\""),
        "{address}"
    );
    assert!(tag(&page, "name=\"device[hostname]\"").contains("value=\"core-7\""), "{page}");
    assert!(tag(&page, "value=\"router\"").contains("selected"), "{page}");
    assert!(tag(&page, "name=\"device[legacy_ssh]\"").contains("checked"), "{page}");
    assert!(page.contains("In the cellar, at the left"), "{page}");

    let otto = on_page(&server, "otto", "/devices/new").await;
    let theirs = otto.get(&back).await.with_status(200).text();
    assert!(!theirs.contains("cellar") && !theirs.contains("core-7"), "{theirs}");

    let again = olga.and_header("referer", &format!("http://{}{back}", server.address()));
    let mut better = fields;
    better[0].1 = "192.0.2.7";
    let saved = again.call("save_device", &better).await.with_status(302);
    assert!(!saved.header("location").contains("__"), "{}", saved.header("location"));
    assert_eq!(world.database.texts("SELECT hostname FROM device").await, ["core-7"]);
    let (_, said) = server.stop().await;
    assert!(!said.contains("cellar"), "nothing typed is in the log: {said}");
}

#[tokio::test]
async fn a_secret_is_typed_again() {
    let world = World::new();
    world.add_user("ada", "admin").await;
    let server = world.serve().await;
    let ada = on_page(&server, "ada", "/admin/credentials").await;
    let fields = [
        ("credential[name]", ""),
        ("credential[username]", "backup-robot"),
        ("credential[password]", "hunter-2-hunter"),
        ("credential[private_key]", "BEGIN-OF-A-KEY"),
    ];
    let refused = ada.call("save_credential", &fields).await.with_status(302);
    let page = ada.get(path_of(refused.header("location"))).await.with_status(200).text();
    assert!(tag(&page, "name=\"credential[username]\"").contains("value=\"backup-robot\""), "{page}");
    assert!(!page.contains("hunter-2-hunter") && !page.contains("BEGIN-OF-A-KEY"), "{page}");
    server.stop().await;
}

#[tokio::test]
async fn an_upload_that_is_refused_leads_to_a_page_with_a_sentence() {
    let world = World::new();
    world.add_user("olga", "operator").await;
    world.add_user("vera", "viewer").await;
    let server = world.serve().await;
    let olga = on_page(&server, "olga", "/devices/import").await;
    let refused = olga.upload("/devices/import", "letter.txt", "Dear all,").await.with_status(303);
    let page = olga.get(refused.header("location")).await.with_status(200).text();
    assert!(page.contains("The file is neither CSV nor JSON"), "{page}");

    let vera = on_page(&server, "vera", "/devices/import?x=1").await;
    let refused = vera.upload("/devices/import", "devices.csv", "ip\n192.0.2.1\n").await.with_status(403);
    assert_eq!(refused.header("content-type"), "text/html; charset=utf-8");
    assert!(refused.header("content-security-policy").starts_with("default-src 'none'"));
    let page = refused.text();
    assert!(
        page.contains("This needs the role operator") && page.contains("href=\"/devices/import?x=1\""),
        "{page}"
    );

    let unreadable = olga.form("/devices/import", &[("file", "x")]).await;
    assert!(unreadable.status.is_client_error());
    assert!(unreadable.text().contains("What was sent could not be read."), "{}", unreadable.text());
    server.stop().await;
}

#[tokio::test]
async fn a_form_sent_after_the_session_ended_leads_to_the_way_in_and_back() {
    let world = World::new();
    world.add_user("olga", "operator").await;
    let server = world.serve().await;
    let olga = on_page(&server, "olga", "/devices/new?x=1&__path=%2Frpc%2Fsave_device&__err=abc").await;
    world.database.execute("DELETE FROM session").await;

    let fields = [("device[address]", "192.0.2.7"), ("device[description]", "In the cellar")];
    let sent = olga.call("save_device", &fields).await.with_status(303);
    let way_in = path_of(sent.header("location")).to_owned();
    assert!(way_in.starts_with("/login?next=/devices/new?x=1&"), "{way_in}");
    assert!(!way_in.contains("cellar") && way_in.matches("__path").count() == 1, "{way_in}");
    let page = olga.get(&way_in).await.with_status(200).text();
    assert!(page.contains("Your session has ended, and nothing was done."), "{page}");
    assert!(tag(&page, "name=\"next\"").contains("value=\"/devices/new?x=1\""), "{page}");
    assert_eq!(world.database.number("SELECT COUNT(*) FROM device").await, 0);

    // A program is told what it can do.
    let program = olga.and_header("accept", "application/json");
    program.call("save_device", &fields).await.with_status(401);
    server.stop().await;
}

#[tokio::test]
async fn enter_in_a_backup_form_saves_and_a_count_that_is_refused_loses_nothing() {
    let world = World::new();
    world.add_user("olga", "operator").await;
    world.add_backup("Nightly", "config").await;
    let server = world.serve().await;
    let olga = on_page(&server, "olga", "/backup/config/1/edit").await;
    let page = olga.get("/backup/config/1/edit").await.with_status(200).text();
    // Enter presses the first button of the form that sends it.
    let first = tag(&page, "type=\"submit\"");
    assert!(first.contains("aria-hidden=\"true\"") && !first.contains("formaction"), "{first}");

    let fields = [
        ("id", "1"),
        ("config[name]", "In the morning"),
        ("config[kind]", "config"),
        ("config[frequency]", "daily"),
        ("config[at]", "06:00"),
        ("config[max_backups]", "0"),
        ("include_logs", "true"),
    ];
    for function in ["look_at_retention", "save_backup_config"] {
        let refused = olga.call(function, &fields).await.with_status(302);
        let page = olga.get(path_of(refused.header("location"))).await.with_status(200).text();
        assert!(
            tag(&page, "name=\"config[name]\"").contains("value=\"In the morning\""),
            "{function}: {page}"
        );
        assert!(tag(&page, "name=\"include_logs\"").contains("checked"), "{function}: {page}");
        let count = tag(&page, "name=\"config[max_backups]\"");
        assert!(
            count.contains("value=\"0\"") && count.contains("aria-invalid=\"true\""),
            "{function}: {count}"
        );
    }
    server.stop().await;
}
