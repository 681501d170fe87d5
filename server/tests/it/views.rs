//! Views of lists that people keep under a name: each their own.

use crate::archive::Archive;
use crate::harness::{Client, Server, World};

const GRAZ: &str = "site=graz&sort=-name";

/// A world with a viewer and an operator.
async fn world() -> World {
    let world = World::new();
    world.add_user("vera", "viewer").await;
    world.add_user("olga", "operator").await;
    world
}

/// A browser without JavaScript on a page of the server.
async fn on_page(server: &Server, user: &str, page: &str) -> Client {
    let page = format!("http://{}{page}", server.address());
    server.signed_in(user).await.and_header("accept", "text/html").and_header("referer", &page)
}

fn view<'a>(name: &'a str, query: &'a str) -> [(&'static str, &'a str); 3] {
    [("page", "devices"), ("name", name), ("query", query)]
}

/// Names of the views that somebody sees of a list.
async fn names(client: &Client, page: &str) -> Vec<String> {
    let views = client.call("list_views", &[("page", page)]).await.with_status(200).json();
    views.as_array().unwrap().iter().map(|view| view["name"].as_str().unwrap().to_owned()).collect()
}

/// The tag of a page with this attribute.
fn tag<'a>(page: &'a str, attribute: &str) -> &'a str {
    let at = page.find(attribute).unwrap_or_else(|| panic!("no {attribute}: {page}"));
    let start = page[..at].rfind('<').unwrap();
    &page[start..=start + page[start..].find('>').unwrap()]
}

#[tokio::test]
async fn a_view_is_of_who_saved_it_and_nobody_else_sees_or_removes_it() {
    let world = world().await;
    let server = world.serve().await;
    let (vera, olga) = (server.signed_in("vera").await, server.signed_in("olga").await);

    assert_eq!(vera.call("save_view", &view("In Graz", GRAZ)).await.with_status(200).json(), false, "new");
    let runs = [("page", "runs"), ("name", "In Graz"), ("query", "outcome=failed")];
    vera.call("save_view", &runs).await.with_status(200);
    vera.call("save_view", &view("a first one", "")).await.with_status(200);

    assert_eq!(names(&vera, "devices").await, ["a first one", "In Graz"]);
    assert_eq!(names(&vera, "runs").await, ["In Graz"], "each list has its own");
    assert_eq!(names(&olga, "devices").await, Vec::<String>::new());
    assert!(!olga.get("/devices/").await.with_status(200).text().contains("In Graz"));
    let not_hers = olga.call("remove_view", &[("id", "1")]).await.with_status(404);
    assert_eq!(not_hers.message(), "There is no view 1. It may have been deleted.");
    olga.call("save_view", &view("In Graz", "site=linz")).await.with_status(200);

    let again = vera.call("save_view", &view("In Graz", "site=graz&cols=name.type")).await.with_status(200);
    assert_eq!(again.json(), true, "it takes the place of the one of this name");
    let queries = "SELECT query FROM saved_view WHERE page = 'devices' AND name = 'In Graz' ORDER BY query";
    assert_eq!(world.database.texts(queries).await, ["site=graz&cols=name.type", "site=linz"]);

    vera.call("remove_view", &[("id", "1")]).await.with_status(200);
    assert_eq!(names(&vera, "devices").await, ["a first one"]);
    assert_eq!(names(&olga, "devices").await, ["In Graz"]);
    vera.call("remove_view", &[("id", "1")]).await.with_status(404);

    world.etiqa(["user", "remove", "vera"]).await.good();
    assert_eq!(world.database.number("SELECT COUNT(*) FROM saved_view").await, 1, "they go with the person");
    server.stop().await;
}

#[tokio::test]
async fn a_view_without_a_name_of_another_address_or_one_too_many_is_refused() {
    let world = world().await;
    let token = world.token("admin").await;
    let server = world.serve().await;
    let vera = server.signed_in("vera").await;
    let long = "a".repeat(2_001);
    let (longest_name, too_long_name) = ("ü".repeat(60), "ü".repeat(61));
    for (name, query, words) in [
        ("  ", GRAZ, "The name of the view is missing."),
        (&too_long_name, GRAZ, "The name of the view is longer than 60 characters."),
        ("x", &long, "The view's address is longer than 2000 characters; take a filter away."),
        ("x", "q=\"><script>", "This is not the address of a list. Load the page again, then save the view."),
    ] {
        let refused = vera.call("save_view", &view(name, query)).await.with_status(422);
        assert_eq!(refused.message(), words);
    }
    let elsewhere = [("page", "admin"), ("name", "x"), ("query", "")];
    assert!(vera.call("save_view", &elsewhere).await.status.is_client_error());
    assert_eq!(world.database.number("SELECT COUNT(*) FROM saved_view").await, 0);

    vera.call("save_view", &view(&longest_name, GRAZ)).await.with_status(200);
    for number in 1..50 {
        vera.call("save_view", &view(&format!("View {number}"), GRAZ)).await.with_status(200);
    }
    let one_more = vera.call("save_view", &view("One more", GRAZ)).await.with_status(409);
    assert_eq!(
        one_more.message(),
        "You keep 50 views already. Remove one, or save this one under the name of another."
    );
    vera.call("save_view", &view("View 7", "site=linz")).await.with_status(200);
    assert_eq!(names(&vera, "devices").await.len(), 50);

    let program = server.with_token(&token);
    let refused = program.call("save_view", &view("x", GRAZ)).await.with_status(422);
    assert_eq!(refused.message(), "A token keeps no views; sign in as a user.");
    assert_eq!(names(&program, "devices").await, Vec::<String>::new());
    server.stop().await;
}

#[tokio::test]
async fn a_view_is_saved_followed_and_removed_by_plain_forms() {
    let world = world().await;
    let server = world.serve().await;
    let here = format!("/devices/?{GRAZ}");
    let vera = on_page(&server, "vera", &here).await;
    let page = vera.get(&here).await.with_status(200).text();
    assert!(page.contains("Save this view…") && !page.contains("aria-label=\"Views\""), "{page}");
    let query = tag(&page, "name=\"query\"");
    assert!(query.contains("value=\"site=graz&amp;sort=-name\""), "{query}");

    let nameless = vera.call("save_view", &view("", GRAZ)).await.with_status(302);
    let back = nameless.header("location");
    let told = vera.clone().and_cookies_of(&nameless);
    let page = told.get(&back[back.find("/devices/").unwrap()..]).await.with_status(200).text();
    assert!(page.contains("The name of the view is missing."), "{page}");

    vera.call("save_view", &view("In Graz", GRAZ)).await.with_status(302);
    let page = vera.get(&here).await.with_status(200).text();
    let link = "href=\"/devices/?site=graz&amp;sort=-name\"";
    assert!(tag(&page, link).contains("aria-current=\"page\""), "{}", tag(&page, link));
    let page = vera.get("/devices/?site=linz&page=2").await.with_status(200).text();
    assert!(!tag(&page, link).contains("aria-current"), "another list is shown: {}", tag(&page, link));

    vera.call("remove_view", &[("id", "1")]).await.with_status(302);
    assert!(!vera.get(&here).await.with_status(200).text().contains("In Graz"));
    server.stop().await;
}

#[tokio::test]
async fn views_are_part_of_an_archive() {
    let world = world().await;
    let server = world.serve().await;
    let vera = server.signed_in("vera").await;
    vera.call("save_view", &view("In Graz", GRAZ)).await.with_status(200);
    server.stop().await;
    world.add_backup("Nightly", "data").await;
    world.etiqa(["run-backups", "--force"]).await.good();
    let database = Archive::open(&world.archive()).json("database.json");
    let view = &database["tables"]["saved_view"];
    assert_eq!(view["columns"], serde_json::json!(["id", "user_id", "page", "name", "query"]));
    assert_eq!(view["rows"], serde_json::json!([[1, 1, "devices", "In Graz", GRAZ]]));
}
