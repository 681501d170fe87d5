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
    assert_eq!(back, "/devices/new", "neither what was typed nor what is wrong is in it");
    let cookie = refused.header("set-cookie");
    assert!(cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Strict"), "{cookie}");
    let told = olga.clone().and_cookies_of(&refused);
    let shown = told.get(&back).await.with_status(200);
    assert!(shown.header("set-cookie").starts_with("refused=; "), "it is told once: {:?}", shown.headers);
    let page = shown.text();
    assert!(tag(&page, "name=\"refused\"").contains("data-path=\"/rpc/save_device\""), "{page}");
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

    let again = olga.get(&back).await.with_status(200).text();
    assert!(!again.contains("is neither an IP address") && !again.contains("core-7"), "{again}");
    let elsewhere = told.get("/devices/import").await.with_status(200);
    assert_eq!(elsewhere.header("set-cookie"), "", "another page takes nothing of it");

    let otto = on_page(&server, "otto", "/devices/new").await.and_cookies_of(&refused);
    let theirs = otto.get(&back).await.with_status(200).text();
    assert!(!theirs.contains("cellar") && !theirs.contains("core-7"), "{theirs}");

    let mut better = fields;
    better[0].1 = "192.0.2.7";
    let saved = olga.call("save_device", &better).await.with_status(302);
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
    let back = path_of(refused.header("location"));
    let page = ada.clone().and_cookies_of(&refused).get(back).await.with_status(200).text();
    assert!(tag(&page, "name=\"credential[username]\"").contains("value=\"backup-robot\""), "{page}");
    assert!(!page.contains("hunter-2-hunter") && !page.contains("BEGIN-OF-A-KEY"), "{page}");

    let named =
        [("credential[name]", "robot")].into_iter().chain(fields.into_iter().skip(1)).collect::<Vec<_>>();
    let unreadable = ada.and_header("accept", "application/json").call("save_credential", &named).await;
    assert_eq!(unreadable.with_status(422).json()["fields"][0]["field"], "private_key");
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
    assert_eq!(refused.header("location"), "/devices/import");
    let told = olga.clone().and_cookies_of(&refused);
    let page = told.get("/devices/import").await.with_status(200).text();
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
async fn somebody_who_is_not_let_in_is_told_so_on_the_page_without_it_in_the_address() {
    let world = World::new();
    world.add_user("ada", "admin").await;
    let server = world.serve().await;
    let page = format!("http://{}/login?next=/devices/", server.address());
    let stranger = server.stranger().and_header("accept", "text/html").and_header("referer", &page);
    let refused = stranger.sign_in("ada", "not her password").await.with_status(302);
    let back = path_of(refused.header("location"));
    assert_eq!(back, "/login?next=/devices/");
    let said = stranger.and_cookies_of(&refused).get(back).await.with_status(200).text();
    assert!(said.contains("User name or password is wrong."), "{said}");
    server.stop().await;
}

#[tokio::test]
async fn a_theme_is_chosen_by_a_plain_form() {
    let world = World::new();
    world.add_user("vera", "viewer").await;
    let server = world.serve().await;
    let vera = on_page(&server, "vera", "/account").await;
    let page = vera.get("/account").await.with_status(200).text();
    assert!(tag(&page, "action=\"/theme\"").contains("method=\"post\""), "{page}");
    assert!(!tag(&page, "lang=\"en\"").contains("data-theme"), "as the system says: {page}");

    let chosen = vera.form("/theme", &[("theme", "dark")]).await.with_status(303);
    assert_eq!(chosen.header("location"), "/account");
    let page = vera.clone().and_cookies_of(&chosen).get("/").await.with_status(200).text();
    assert!(tag(&page, "lang=\"en\"").contains("data-theme=\"dark\""), "no flash of light: {page}");
    let back = vera.form("/theme", &[("theme", "system")]).await.with_status(303);
    let page = vera.clone().and_cookies_of(&back).get("/account").await.with_status(200).text();
    assert!(!tag(&page, "lang=\"en\"").contains("data-theme"), "{page}");

    let refused = vera.form("/theme", &[("theme", "dark; Domain=evil.example")]).await.with_status(422);
    assert_eq!(refused.header("set-cookie"), "");
    server.stop().await;
}

#[tokio::test]
async fn a_question_before_what_cannot_be_undone_opens_without_a_script() {
    let world = World::new();
    world.add_user("ada", "admin").await;
    world.add_user("olga", "operator").await;
    let server = world.serve().await;
    let ada = on_page(&server, "ada", "/admin/users").await;
    let page = ada.get("/admin/users").await.with_status(200).text();
    for user in ["1", "2"] {
        let id = format!("ask-user-{user}");
        assert!(
            tag(&page, &format!("popovertarget=\"{id}\"")).contains("aria-haspopup=\"dialog\""),
            "{page}"
        );
        let dialog = tag(&page, &format!("id=\"{id}\""));
        assert!(dialog.contains("popover=\"auto\"") && dialog.contains("role=\"dialog\""), "{dialog}");
        assert_eq!(page.matches(&format!("id=\"{id}\"")).count(), 1, "{page}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_backup_is_duplicated_with_all_of_its_settings_and_does_not_run_by_itself() {
    let world = World::new();
    world.add_user("olga", "operator").await;
    let add = [
        "backup-config",
        "add",
        "Weekly",
        "--type",
        "full",
        "--frequency",
        "weekly",
        "--weekday",
        "wednesday",
    ];
    world
        .etiqa(add.into_iter().chain(["--at", "04:15", "--keep-daily", "7", "--zone", "Europe/Vienna"]))
        .await
        .good();
    let server = world.serve().await;
    let olga = on_page(&server, "olga", "/backup/new?like=1").await;
    for page in ["/backup/", "/backup/config/1"] {
        let page = olga.get(page).await.with_status(200).text();
        assert!(page.contains("href=\"/backup/new?like=1\""), "{page}");
    }

    let page = olga.get("/backup/new?like=1").await.with_status(200).text();
    for (name, value) in [
        ("config[name]", "Weekly copy"),
        ("config[at]", "04:15"),
        ("config[keep_daily]", "7"),
        ("config[time_zone]", "Europe/Vienna"),
    ] {
        let field = tag(&page, &format!("name=\"{name}\""));
        assert!(field.contains(&format!("value=\"{value}\"")), "{field}");
    }
    for chosen in ["full", "wednesday"] {
        assert!(tag(&page, &format!("value=\"{chosen}\"")).contains("selected"), "{chosen}: {page}");
    }
    assert!(!tag(&page, "name=\"enabled\"").contains("checked"), "{page}");
    assert!(!page.contains("name=\"id\""), "a new one is saved: {page}");
    let missing = olga.get("/backup/new?like=99").await.text();
    assert!(missing.contains("Not found"), "{missing}");
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
    assert_eq!(way_in, "/login?next=/devices/new?x=1");
    assert!(!sent.header("set-cookie").contains("cellar"), "{}", sent.header("set-cookie"));
    let page = olga.clone().and_cookies_of(&sent).get(&way_in).await.with_status(200).text();
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
        let back = olga.clone().and_cookies_of(&refused);
        let page = back.get(path_of(refused.header("location"))).await.with_status(200).text();
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
