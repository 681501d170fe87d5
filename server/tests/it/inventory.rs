//! The list of devices: taken along as a table, and changed many at once without JavaScript.

use crate::harness::{Answer, Client, World};

/// A world with three devices, one of which would rather be a formula.
async fn world() -> World {
    let world = World::new();
    let table = "ip,hostname,type,site,tags,description\n\
                 192.0.2.1,core-1,router,vienna,\"b,a\",\"first, of \"\"two\"\"\"\n\
                 192.0.2.2,core-2,router,vienna,,=1+1\n\
                 192.0.2.3,edge-1,switch,graz,,\n";
    let file = world.file("devices.csv", table);
    world.etiqa(["import-devices", file.to_str().unwrap()]).await.good();
    world
}

#[tokio::test]
async fn a_filtered_and_ordered_list_is_downloaded_as_a_table_without_formulas() {
    let world = world().await;
    let token = world.token("viewer").await;
    let server = world.serve().await;
    let viewer = server.with_token(&token);

    let answer = viewer.get("/devices/export.csv?site=vienna&sort=-name&page=7").await.with_status(200);
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"devices.csv\"");
    let text = answer.text();
    let lines: Vec<&str> = text.split_terminator("\r\n").collect();
    assert_eq!(
        lines,
        [
            "ip,hostname,device_type,status,description,platform,port,transport,credential,site,tags,last_class,last_good_at",
            "192.0.2.2,core-2,router,unknown,'=1+1,,22,ssh,,vienna,,,",
            "192.0.2.1,core-1,router,unknown,\"first, of \"\"two\"\"\",,22,ssh,,vienna,a;b,,",
        ]
    );
    let all = viewer.get("/devices/export.csv").await.with_status(200).text();
    assert_eq!(all.lines().count(), 4);
    server.stop().await;
}

#[tokio::test]
async fn chosen_devices_are_changed_by_a_plain_form() {
    let world = world().await;
    world.add_user("olga", "operator").await;
    let server = world.serve().await;
    let page = format!("http://{}/devices/?site=vienna", server.address());
    let browser =
        server.signed_in("olga").await.and_header("accept", "text/html").and_header("referer", &page);
    let shown = browser.get("/devices/?site=vienna").await.with_status(200).text();
    assert!(shown.contains("name=\"ids[]\"") && shown.contains("value=\"disable\""), "{shown}");

    // As the form has them: every field, each box that is ticked, and the button that was pressed.
    let fields = [("change[tag]", ""), ("change[credential]", ""), ("change[confirmation]", "")];
    let send = async |ids: &[&str], what: &str| {
        let mut sent = fields.to_vec();
        sent.extend(ids.iter().map(|id| ("ids[]", *id)));
        sent.push(("change[what]", what));
        browser.call("change_devices", &sent).await
    };
    let back = send(&["1", "3"], "disable").await.with_status(302);
    assert!(back.header("location").contains("/devices/?site=vienna"), "{:?}", back.headers);
    let disabled = "SELECT hostname FROM device WHERE enabled = 0 ORDER BY hostname";
    assert_eq!(world.database.texts(disabled).await, ["core-1", "edge-1"]);

    let refused = send(&["1"], "delete").await.with_status(302);
    let said = told(&browser, &refused).await;
    assert!(said.contains("Type the word delete to delete the chosen devices."), "{said}");
    let none = send(&[], "enable").await.with_status(302);
    let said = told(&browser, &none).await;
    assert!(said.contains("Choose at least one device."), "{said}");
    assert_eq!(world.database.number("SELECT COUNT(*) FROM device").await, 3);
    server.stop().await;
}

/// The page that a browser is led back to.
async fn told(browser: &Client, refused: &Answer) -> String {
    let back = path_of(refused.header("location"));
    assert_eq!(back, "/devices/?site=vienna");
    browser.clone().and_cookies_of(refused).get(back).await.with_status(200).text()
}

/// The path and query of an address of this server.
fn path_of(address: &str) -> &str {
    address.find("/devices/").map_or(address, |start| &address[start..])
}

#[tokio::test]
async fn the_columns_of_the_list_are_those_that_its_address_names() {
    let world = world().await;
    let token = world.token("viewer").await;
    let server = world.serve().await;
    let viewer = server.with_token(&token).and_header("accept", "text/html");
    let page = async |path: &str| viewer.get(path).await.with_status(200).text();

    let usual = page("/devices/").await;
    for heading in [">Device</a>", ">Type</a>", ">Site</a>", ">Answers</a>", ">Backup</a>", ">Last good</a>"]
    {
        assert!(usual.contains(heading), "{heading}: {usual}");
    }
    assert!(!table(&usual).contains("Description</th>") && !table(&usual).contains("first, of"), "{usual}");

    // As the form writes them, ordered by a column that is not shown.
    let chosen = page("/devices/?cols=name&cols=site&cols=description&sort=-type").await;
    let shown = table(&chosen);
    assert!(shown.contains(">Site</a>") && shown.contains(">Description</th>"), "{shown}");
    assert!(!shown.contains(">Type</a>") && !shown.contains(">Last good</a>"), "{shown}");
    assert!(shown.contains("first, of"), "the text of that column: {shown}");
    assert!(shown.find(">edge-1<").unwrap() < shown.find(">core-1<").unwrap(), "switches come first");
    for (column, is_ticked) in [("site", true), ("description", true), ("type", false), ("last_good", false)]
    {
        let tick = tick(&chosen, column);
        assert_eq!(tick.contains(" checked"), is_ticked, "{tick}");
    }
    // What leads on keeps them, and a file of the list has all there is.
    assert!(chosen.contains("cols=name.site.description"), "{chosen}");
    assert!(chosen.contains("href=\"/devices/export.csv?sort=-type\""), "{chosen}");

    for only_the_name in ["/devices/?cols=name", "/devices/?cols=nonsense"] {
        let page = page(only_the_name).await;
        assert!(page.contains(">Device</a>") && !page.contains(">Site</a>"), "{page}");
    }
    server.stop().await;
}

/// What a page shows of its list; all that the list knows is in the page for the browser.
fn table(page: &str) -> &str {
    page.split("<table")
        .nth(1)
        .and_then(|rest| rest.split("</table>").next())
        .unwrap_or_else(|| panic!("no table: {page}"))
}

/// The checkbox of a column.
fn tick<'a>(page: &'a str, column: &str) -> &'a str {
    let mut fields = page.split("<input").filter_map(|rest| rest.split('>').next());
    let value = format!("value=\"{column}\"");
    let is_it = |field: &&str| {
        field.contains("type=\"checkbox\"") && field.contains("name=\"cols\"") && field.contains(&value)
    };
    fields.find(is_it).unwrap_or_else(|| panic!("no checkbox for {column}: {page}"))
}

#[tokio::test]
async fn a_device_that_is_overdue_or_in_no_backup_does_not_pass_for_a_good_one() {
    let world = world().await;
    world.add_backup_with("Nightly", "config", &["--devices", "site:vienna"]).await;
    // In Vienna one was found good a moment ago and one long ago; nobody backs up Graz.
    let now = etiqa_engine::time::now().millis();
    let good = "UPDATE device SET last_class = 'ok', last_message = '', last_finished_at";
    world.database.execute(&format!("{good} = {now}, last_good_at = {now}")).await;
    world.database.execute("UPDATE device SET last_good_at = 1 WHERE hostname = 'core-2'").await;
    // All of it was there before the last due time.
    world.database.execute("UPDATE device SET promised_from = 0").await;
    world.database.execute("UPDATE backup_config SET promised_from = 0").await;
    let token = world.token("viewer").await;
    let server = world.serve().await;
    let viewer = server.with_token(&token).and_header("accept", "text/html");
    for (search, id, chip) in
        [("core-1", 1, "Backed up"), ("core-2", 2, "Overdue"), ("edge-1", 3, "In no backup")]
    {
        for page in [format!("/devices/?q={search}"), format!("/devices/{id}")] {
            let shown = viewer.get(&page).await.with_status(200).text();
            let chips: Vec<&str> = shown.split("class=\"chip ").skip(1).collect();
            let is_shown =
                chips.iter().any(|rest| rest.split('<').next().unwrap().ends_with(&format!(">{chip}")));
            assert!(is_shown, "{page}: {chip}: {shown}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn a_list_without_devices_is_no_failure() {
    let world = World::new();
    let listed = world.etiqa(["device", "list"]).await.good();
    assert_eq!(listed.stdout, "");
    assert_eq!(listed.stderr, "There are no devices yet; `etiqa import-devices FILE` brings some.\n");
}

#[tokio::test]
async fn of_two_devices_with_one_name_and_address_each_is_named_by_its_number() {
    let world = World::new();
    for site in ["vienna", "graz"] {
        world.etiqa(["device", "add", "192.0.2.1", "--hostname", "core", "--site", site]).await.good();
    }
    let refused = world.etiqa(["device", "edit", "core", "--tags", "old"]).await.failed();
    assert_eq!(
        refused.sentence(&world),
        "etiqa: 2 devices are called \"core\": '#1' is 192.0.2.1 port 22 in site vienna; '#2' is 192.0.2.1 port 22 in \
         site graz. Use the address that only one has, or a number."
    );
    world.etiqa(["device", "edit", "#2", "--tags", "old"]).await.good();
    let tagged = "SELECT CAST(device_id AS TEXT) FROM device_tag";
    assert_eq!(world.database.texts(tagged).await, ["2"]);
    let refused = world.etiqa(["device", "edit", "#3", "--tags", "old"]).await.failed();
    assert_eq!(refused.sentence(&world), "etiqa: There is no device named \"#3\". It may have been deleted.");
}
