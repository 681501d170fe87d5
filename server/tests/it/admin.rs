//! The admin's pages: a bench for drivers, and lists that are searched, without JavaScript.

use crate::harness::World;

const CONFIG: &str = "Building configuration...\n\nCurrent configuration : 80 bytes\n!\nversion 15.2\nhostname sw\n!\n\
                      interface Gi0/1\n!\nend\n";

fn session() -> String {
    format!("sw>enable\nPassword: \nsw#terminal length 0\nsw#show running-config\n{CONFIG}sw#exit\n")
}

#[tokio::test]
async fn a_driver_is_tried_against_a_pasted_session_and_every_step_is_shown() {
    let world = World::new();
    let token = world.token("operator").await;
    let server = world.serve().await;
    let client = server.with_token(&token);

    let session = session();
    let tried =
        client.call("try_driver", &[("name", "ios"), ("transcript", &session)]).await.with_status(200);
    let bench = tried.json();
    assert_eq!(bench["class"], "ok", "{bench}");
    assert_eq!(bench["pasted_as"], "terminal");
    assert_eq!(bench["parts"][0]["part"], "running");
    let steps = bench["steps"].to_string();
    for step in ["`show running-config`", "the echo", "the privileged prompt", "(the password)"] {
        assert!(steps.contains(step), "{step}: {steps}");
    }

    let cut = session.replace("end\nsw#exit\n", "");
    let bench =
        client.call("try_driver", &[("name", "ios"), ("transcript", &cut)]).await.with_status(200).json();
    assert_eq!(bench["class"], "incomplete", "{bench}");
    let checks = bench["parts"][0]["checks"].to_string();
    assert!(checks.contains("end_marker") && checks.contains("does not end with its end marker"), "{checks}");
    server.stop().await;
}

#[tokio::test]
async fn an_edited_driver_is_tried_and_never_saved() {
    let world = World::new();
    let token = world.token("operator").await;
    let server = world.serve().await;
    let client = server.with_token(&token);
    let known = client.call("get_driver", &[("name", "ios")]).await.json();
    let text = known["text"].as_str().unwrap();
    let session = session();

    let edited = text.replace("min_lines = 5", "min_lines = 500");
    let fields = [("name", "ios"), ("text", &edited), ("transcript", &session)];
    let bench = client.call("try_driver", &fields).await.with_status(200).json();
    assert_eq!(bench["class"], "incomplete", "{bench}");
    let fields = [("name", "ios"), ("text", "title = 7"), ("transcript", &session)];
    let refused = client.call("try_driver", &fields).await.with_status(422).json();
    assert_eq!(refused["fields"][0]["field"], "text", "{refused}");
    assert!(refused["fields"][0]["message"].as_str().unwrap().starts_with("Line 1: "), "{refused}");

    let after = client.call("get_driver", &[("name", "ios")]).await.json();
    assert_eq!(after["text"], known["text"], "what was tried is not in use");
    assert_eq!(world.database.number("SELECT COUNT(*) FROM driver").await, 0);
    server.stop().await;
}

#[tokio::test]
async fn a_paste_that_cannot_be_read_or_is_too_long_is_refused() {
    let world = World::new();
    let token = world.token("operator").await;
    let server = world.serve().await;
    let client = server.with_token(&token);
    let long = "x\n".repeat(300_000);
    for (paste, words) in [("", "Paste what"), ("hostname sw\n", "«command»"), (&long, "longer than 512 KiB")]
    {
        let refused = client
            .call("try_driver", &[("name", "ios"), ("transcript", paste)])
            .await
            .with_status(422)
            .json();
        assert!(refused["fields"][0]["message"].as_str().unwrap().contains(words), "{refused}");
    }
    let refused = client.call("try_driver", &[("name", "nothing"), ("transcript", "x")]).await;
    refused.with_status(404);
    server.stop().await;
}

#[tokio::test]
async fn without_javascript_the_page_that_was_posted_to_shows_what_was_found() {
    let world = World::new();
    world.add_user("olga", "operator").await;
    let server = world.serve().await;
    let olga = server.signed_in("olga").await.and_header("accept", "text/html");
    let page = olga.get("/admin/drivers/ios").await.with_status(200).text();
    assert!(page.contains("action=\"/admin/drivers/ios\""), "the browser posts the form there: {page}");

    let session = session();
    let shown = olga.form("/admin/drivers/ios/", &[("transcript", &session)]).await.with_status(200).text();
    assert!(shown.contains("as a collection would end") && shown.contains("Part running"), "{shown}");
    let field = shown.split_once("name=\"transcript\"").and_then(|(_, rest)| rest.split_once("</textarea>"));
    let (field, _) = field.unwrap_or_else(|| panic!("no field: {shown}"));
    assert!(field.contains("sw#show running-config"), "the paste is still in its field: {field}");
    let refused =
        olga.form("/admin/drivers/ios", &[("transcript", "<b>no</b>")]).await.with_status(200).text();
    assert!(refused.contains("behind its prompt") && !refused.contains("<b>no</b>"), "{refused}");
    server.stop().await;
}

#[tokio::test]
async fn lists_are_searched_by_their_address() {
    let world = World::new();
    world.add_user("ada", "admin").await;
    world.add_user("olga", "operator").await;
    world.add_backup("Nightly", "data").await;
    world.etiqa(["run-backups", "--force"]).await.good();
    let server = world.serve().await;
    let ada = server.signed_in("ada").await.and_header("accept", "text/html");
    let all = ada.get("/admin/users").await.with_status(200).text();
    assert!(all.contains("Remove olga?") && all.contains("2 users"), "{all}");
    let found = ada.get("/admin/users?q=OPERATOR").await.with_status(200).text();
    assert!(found.contains("Remove olga?") && !found.contains("Remove ada?"), "{found}");
    let found = ada.get("/admin/drivers?q=gaia").await.with_status(200).text();
    assert!(found.contains("/admin/drivers/gaia") && !found.contains("/admin/drivers/junos"), "{found}");
    let lists = [
        "users",
        "tokens",
        "credentials",
        "jump-hosts",
        "destinations",
        "inventory-sources",
        "drivers",
        "machines",
        "config-versions",
    ];
    for path in lists {
        let none = ada.get(&format!("/admin/{path}?q=no-such-thing")).await.with_status(200).text();
        assert!(none.contains("Nothing was found"), "{path}: {none}");
    }
    for path in ["/admin/jobs?state=dead&kind=run", "/configs/?at=2100-01-01T12:00&q=no-such-thing"] {
        let none = ada.get(path).await.with_status(200).text();
        assert!(none.contains("Nothing was found"), "{path}: {none}");
    }
    server.stop().await;
}

#[tokio::test]
async fn the_first_page_says_what_is_in_each_section_and_what_needs_a_hand() {
    let world = World::new();
    world.add_user("ada", "admin").await;
    let server = world.serve().await;
    let ada = server.signed_in("ada").await;
    let sections = ada.call("list_admin_sections", &[]).await.with_status(200).json();
    let section = |name: &str| {
        sections.as_array().unwrap().iter().find(|section| section["name"] == name).unwrap().clone()
    };
    assert_eq!(section("Users")["count"], "1 user");
    assert_eq!(section("Recovery kit")["needs"], "never taken");
    assert_eq!(section("History")["to"], "/backup/#runs");
    assert_eq!(section("Jobs")["needs"], serde_json::Value::Null);
    server.stop().await;
}

#[tokio::test]
async fn a_token_gets_another_name_role_and_last_day_and_keeps_its_secret() {
    let world = World::new();
    world.add_user("ada", "admin").await;
    let token = world.token("viewer").await;
    world.etiqa(["token", "create", "other", "--role", "viewer"]).await.good();
    let server = world.serve().await;
    let ada = server.signed_in("ada").await;
    let form =
        ada.clone().and_header("accept", "text/html").get("/admin/tokens?edit=1").await.with_status(200);
    assert!(form.text().contains("Change viewer-token"), "{}", form.text());
    let change = async |name: &str, role: &str, last: &str| {
        ada.call("change_token", &[("id", "1"), ("name", name), ("role", role), ("expires_on", last)]).await
    };
    let tokens = async || ada.call("list_tokens", &[]).await.json();
    let mine = async || {
        let tokens = tokens().await;
        tokens.as_array().unwrap().iter().find(|token| token["id"] == 1).unwrap().clone()
    };

    let last = chrono::Utc::now().date_naive() + chrono::Days::new(30);
    change("grafana", "operator", &last.to_string()).await.with_status(200);
    let shown = mine().await;
    assert_eq!((&shown["name"], &shown["role"]), (&"grafana".into(), &"operator".into()));
    assert_eq!(shown["expires_at"], format!("{last}T23:59:59.999Z"), "to the end of that day");
    let me = server.with_token(&token).call("whoami", &[]).await.with_status(200).json();
    assert_eq!((&me["name"], &me["role"]), (&"grafana".into(), &"operator".into()));

    for (name, last, field, words) in [
        ("other", "", "name", "already"),
        (" ", "", "name", "needs a name"),
        ("grafana", "2020-01-01", "expires_on", "over"),
        ("grafana", "9999-01-01", "expires_on", "ten years"),
        ("grafana", "soon", "expires_on", "written as"),
    ] {
        let refused = change(name, "operator", last).await.with_status(422).json();
        assert_eq!(refused["fields"][0]["field"], field, "{refused}");
        assert!(refused["fields"][0]["message"].as_str().unwrap().contains(words), "{refused}");
    }
    assert_eq!(mine().await["expires_at"], shown["expires_at"], "what is refused changes nothing");
    change("grafana", "viewer", "").await.with_status(200);
    assert_eq!(mine().await["expires_at"], serde_json::Value::Null);
    let gone = [("id", "9"), ("name", "x"), ("role", "viewer")];
    ada.call("change_token", &gone).await.with_status(404);
    server.stop().await;
}

#[tokio::test]
async fn a_form_search_and_pages_of_a_list_keep_each_other_in_the_address() {
    let world = World::new();
    world.add_user("ada", "admin").await;
    world.add_user("olga", "operator").await;
    let server = world.serve().await;
    let ada = server.signed_in("ada").await.and_header("accept", "text/html");
    let found = ada.get("/admin/users?q=olg").await.with_status(200).text().replace("&amp;", "&");
    assert!(found.contains("href=\"/admin/users?q=olg&edit=2#form\""), "{found}");
    let edited = ada.get("/admin/users?q=olg&edit=2").await.with_status(200).text();
    assert!(edited.contains("Change olga") && !edited.contains("Remove ada?"), "{edited}");
    assert!(
        edited.contains("<input type=\"hidden\" name=\"edit\" value=\"2\""),
        "the search keeps it: {edited}"
    );
    assert!(edited.contains("href=\"/admin/users?q=olg\""), "Cancel keeps the search: {edited}");
    server.stop().await;
}

#[tokio::test]
async fn everybody_is_led_to_the_sections_that_they_may_go_to() {
    let world = World::new();
    world.add_user("olga", "operator").await;
    let viewer = world.token("viewer").await;
    let server = world.serve().await;
    let olga = server.signed_in("olga").await.and_header("accept", "text/html");
    let page = olga.get("/").await.with_status(200).text();
    assert!(page.contains("href=\"/admin/\""), "{page}");
    let admin = olga.get("/admin/").await.with_status(200).text();
    for (to, is_there) in [
        ("/admin/drivers", true),
        ("/admin/jobs", true),
        ("/admin/machines", true),
        ("/admin/jump-hosts", true),
        ("/admin/destinations", true),
        ("/admin/inventory-sources", true),
        ("/admin/notifications", true),
        ("/admin/users", false),
        ("/admin/credentials", false),
        ("/admin/settings", false),
    ] {
        assert_eq!(admin.contains(&format!("href=\"{to}\"")), is_there, "{to}: {admin}");
        let status = if is_there { 200 } else { 403 };
        olga.get(to).await.with_status(status);
    }
    let sections = server.with_token(&viewer).call("list_admin_sections", &[]).await.with_status(200).json();
    let names: Vec<_> = sections.as_array().unwrap().iter().map(|section| &section["name"]).collect();
    assert_eq!(names, ["Drivers"]);
    server.stop().await;
}
