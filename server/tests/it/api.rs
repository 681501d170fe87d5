//! The REST API as programs meet it: parts of lists, tags, keys, problems, and its description.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::devices::router;
use crate::harness::{Answer, Client, Server, World, until};

const PROBLEM: &str = "application/problem+json";
const ROWS: &str = "SELECT COUNT(*) FROM audit_log";

impl Answer {
    /// The sentence of a problem, which says its own status.
    #[track_caller]
    fn problem(&self, status: u16) -> String {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        assert_eq!(self.header("content-type"), PROBLEM, "{}", self.text());
        let problem = self.json();
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], "about:blank");
        assert!(problem["title"].is_string(), "{problem}");
        problem["detail"].as_str().unwrap().to_owned()
    }
}

/// Sends a request as it is; what came back until the server closed.
async fn raw(server: &Server, request: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

async fn admin(world: &World) -> (Server, Client) {
    let token = world.token("admin").await;
    let server = world.serve().await;
    let client = server.with_token(&token);
    (server, client)
}

async fn create(client: &Client, path: &str, body: &Value) -> Answer {
    client.json("POST", path, Some(&body.to_string())).await.with_status(201)
}

/// All items of a list, part by part.
async fn all(client: &Client, path: &str, limit: u32) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let sign = if path.contains('?') { '&' } else { '?' };
        let part = client.get(&format!("{path}{sign}limit={limit}{cursor}")).await.with_status(200).json();
        let found = part["items"].as_array().unwrap();
        assert!(found.len() <= limit as usize);
        items.extend(found.iter().cloned());
        let Some(next) = part["next"].as_str() else { return items };
        cursor = format!("&cursor={next}");
    }
}

#[tokio::test]
async fn every_refusal_is_a_problem_that_says_what_to_do() {
    let world = World::new();
    world.add_user("ada", "admin").await;
    let (server, admin) = admin(&world).await;
    let viewer = server.with_token(&world.token("viewer").await);
    let stranger = server.stranger();

    let refused = stranger.get("/api/v1/devices").await;
    refused.problem(401);
    assert_eq!(refused.header("www-authenticate"), "Bearer");
    stranger.and_header("accept", "text/html").get("/api/v1/devices").await.problem(401);
    let said = server.with_token("etiqa_nonsense").get("/api/v1/devices").await.problem(401);
    assert!(said.contains("not valid"), "{said}");
    assert!(admin.get("/api/v1/nothing").await.problem(404).contains("/api/docs"));
    let refused = admin.json("PUT", "/api/v1/devices/1", Some("{}")).await;
    refused.problem(405);
    assert!(refused.header("allow").contains("PATCH"), "{:?}", refused.headers);
    assert!(admin.get("/api/v1/devices/4711").await.problem(404).contains("device 4711"));
    assert!(admin.get("/api/v1/devices/first").await.problem(404).contains("device first"));
    viewer.json("POST", "/api/v1/devices", Some("{}")).await.problem(403);
    viewer.get("/api/v1/users").await.problem(403);

    let said = admin.json("POST", "/api/v1/devices", Some("{\"address\":")).await.problem(400);
    assert!(said.contains("line 1"), "{said}");
    let said = admin.json("POST", "/api/v1/devices", Some("{\"adress\":\"192.0.2.1\"}")).await.problem(422);
    assert!(said.contains("adress"), "{said}");
    let form = admin.form("/api/v1/devices", &[("address", "192.0.2.1")]).await;
    assert!(form.problem(415).contains("application/json"));
    let wrong = json!({ "address": "300.1.1.1", "port": 22 }).to_string();
    let refused = admin.json("POST", "/api/v1/devices", Some(&wrong)).await;
    refused.problem(422);
    assert_eq!(refused.json()["errors"][0]["pointer"], "/address");

    assert!(admin.get("/api/v1/devices?sitee=vienna").await.problem(422).contains("sitee"));
    assert!(admin.get("/api/v1/devices?state=nonsense").await.problem(422).contains("state"));
    admin.get("/api/v1/devices?limit=0").await.problem(422);
    admin.get("/api/v1/devices?cursor=nonsense").await.problem(422);
    // `["a\u0000",1]`, as its JSON has it.
    admin.get("/api/v1/devices?cursor=WyJhXHUwMDAwIiwxXQ").await.problem(422);
    let devices = json!({ "name": "x", "devices": "core-rtr-1" }).to_string();
    let said = admin.json("POST", "/api/v1/backup-configs", Some(&devices)).await.problem(422);
    assert!(said.contains("ids:"), "{said}");
    let twice = format!(
        "GET /api/v1/me HTTP/1.1\r\nHost: {0}\r\nHost: {0}\r\nConnection: close\r\n\r\n",
        server.address()
    );
    let answer = raw(&server, &twice).await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains(PROBLEM), "{answer}");
    assert!(admin.get("/api/v1/runs?from=yesterday").await.problem(422).contains("2026-11-01"));
    server.stop().await;
}

#[tokio::test]
async fn a_device_is_added_read_changed_and_removed_by_its_tag() {
    let world = World::new();
    let (server, client) = admin(&world).await;
    let new = json!({ "address": "192.0.2.1", "hostname": "core-sw-1", "tags": ["core", "vienna"], "enabled": false });
    let made = create(&client, "/api/v1/devices", &new).await;
    let (place, tag) = (made.header("location").to_owned(), made.header("etag").to_owned());
    assert_eq!(place, "/api/v1/devices/1");
    let acts = "SELECT COUNT(*) FROM audit_log WHERE action LIKE 'device.%'";
    assert_eq!(world.database.number(acts).await, 1, "it was never enabled");
    let device = client.get(&place).await.with_status(200);
    assert_eq!((device.header("etag"), device.json()["enabled"].clone()), (tag.as_str(), json!(false)));
    assert_eq!(device.json()["tags"], json!(["core", "vienna"]));
    assert_eq!(device.json()["site"], "default");

    let change = json!({ "description": "Rack 7", "enabled": true }).to_string();
    let said = client.json("PATCH", &place, Some(&change)).await.problem(428);
    assert!(said.contains("If-Match"), "{said}");
    let changed = client.clone().and_header("if-match", &tag).json("PATCH", &place, Some(&change)).await;
    let changed = changed.with_status(200);
    let now = changed.json();
    assert_eq!((&now["description"], &now["enabled"]), (&json!("Rack 7"), &json!(true)));
    assert_eq!((&now["hostname"], &now["tags"]), (&json!("core-sw-1"), &json!(["core", "vienna"])));

    let stale = client.clone().and_header("if-match", &tag);
    stale.json("PATCH", &place, Some("{\"description\":\"lost\"}")).await.problem(412);
    stale.json("DELETE", &place, None).await.problem(412);
    let whatever = client.clone().and_header("if-match", "*");
    let emptied = whatever.json("PATCH", &place, Some("{\"tags\":null,\"description\":null}")).await;
    assert_eq!(emptied.with_status(200).json()["tags"], json!([]));
    whatever.json("PATCH", &place, Some("[1]")).await.problem(422);
    let misspelt = whatever.json("PATCH", &place, Some("{\"hostnam\":null}")).await;
    assert!(misspelt.problem(422).contains("hostnam"));

    create(&client, "/api/v1/devices", &json!({ "address": "192.0.2.2" })).await;
    let moved = json!({ "address": "192.0.2.22", "enabled": false }).to_string();
    let moved = whatever.json("PATCH", "/api/v1/devices/2", Some(&moved)).await.with_status(200).json();
    assert_eq!((&moved["hostname"], &moved["enabled"]), (&json!("192.0.2.22"), &json!(false)));
    whatever.json("PATCH", "/api/v1/devices/2", Some("{\"enabled\":true}")).await.with_status(200);
    let bulk = json!({ "ids": [1, 2], "action": "disable" }).to_string();
    let done = client.json("POST", "/api/v1/devices/bulk", Some(&bulk)).await.with_status(200).json();
    assert_eq!(done["changed"], 2);
    let bulk = json!({ "ids": [1, 2], "action": "add_tag" }).to_string();
    client.json("POST", "/api/v1/devices/bulk", Some(&bulk)).await.problem(422);
    assert_eq!(all(&client, "/api/v1/devices?enabled=false", 100).await.len(), 2);

    client.json("DELETE", &place, None).await.with_status(204);
    client.get(&place).await.problem(404);
    server.stop().await;
}

#[tokio::test]
async fn parts_of_a_list_are_all_of_it_though_it_changes_meanwhile() {
    for world in [World::new(), World::on_postgres().await] {
        look_at_parts(&world).await;
    }
}

async fn look_at_parts(world: &World) {
    let (server, client) = admin(world).await;
    for number in 1..=7 {
        // Three have the same name.
        let hostname = format!("sw-{}", if number > 4 { 9 } else { number });
        let device =
            json!({ "address": format!("192.0.2.{number}"), "hostname": hostname, "site": "vienna" });
        create(&client, "/api/v1/devices", &device).await;
    }
    let ids = |items: &[Value]| items.iter().map(|item| item["id"].as_i64().unwrap()).collect::<Vec<_>>();
    for limit in [1, 2, 3, 7, 500] {
        assert_eq!(ids(&all(&client, "/api/v1/devices", limit).await), [1, 2, 3, 4, 5, 6, 7], "{limit}");
    }
    assert_eq!(ids(&all(&client, "/api/v1/devices?q=sw-9&site=vienna", 2).await), [5, 6, 7]);
    assert!(all(&client, "/api/v1/devices?q=nowhere", 2).await.is_empty());

    let first = client.get("/api/v1/devices?limit=3").await.json();
    create(&client, "/api/v1/devices", &json!({ "address": "192.0.2.8", "hostname": "aaa" })).await;
    client.json("DELETE", "/api/v1/devices/3", None).await.with_status(204);
    let next = format!("/api/v1/devices?limit=500&cursor={}", first["next"].as_str().unwrap());
    let rest = client.get(&next).await.json();
    assert_eq!(ids(rest["items"].as_array().unwrap()), [4, 5, 6, 7], "nothing twice and nothing left out");

    for name in ["one", "three", "two"] {
        create(
            &client,
            "/api/v1/credentials",
            &json!({ "name": name, "username": "backup", "password": "n0b0dy's" }),
        )
        .await;
    }
    let credentials = all(&client, "/api/v1/credentials", 1).await;
    assert_eq!(
        credentials.iter().map(|one| one["name"].as_str().unwrap()).collect::<Vec<_>>(),
        ["one", "three", "two"]
    );
    // Newest first: of the log, part by part, as all at once.
    let log = all(&client, "/api/v1/audit", 3).await;
    let numbers = ids(&log);
    assert!(numbers.is_sorted_by(|one, other| one > other), "{numbers:?}");
    assert_eq!(numbers, ids(&all(&client, "/api/v1/audit", 500).await));
    server.stop().await;
}

#[tokio::test]
async fn what_comes_twice_with_one_key_is_done_once() {
    let world = World::new();
    let (server, client) = admin(&world).await;
    let keyed = client.clone().and_header("idempotency-key", "\"8e03978e-40d5\"");
    let token = json!({ "name": "ci", "role": "viewer" });
    let first = create(&keyed, "/api/v1/tokens", &token).await;
    let second = create(&keyed, "/api/v1/tokens", &token).await;
    assert_eq!((first.json(), first.header("etag")), (second.json(), second.header("etag")));
    assert_eq!((first.header("idempotency-replayed"), second.header("idempotency-replayed")), ("", "true"));
    assert_eq!(world.database.number("SELECT COUNT(*) FROM api_token WHERE name = 'ci'").await, 1);
    let secret = first.json()["secret"].as_str().unwrap().to_owned();
    assert_eq!(server.with_token(&secret).get("/api/v1/me").await.json()["name"], "ci");

    let other = json!({ "name": "other", "role": "viewer" }).to_string();
    assert!(
        keyed.json("POST", "/api/v1/tokens", Some(&other)).await.problem(422).contains("another request")
    );
    keyed.json("POST", "/api/v1/users", Some(&token.to_string())).await.problem(422);
    // Somebody else's key is another one.
    let operator = server.with_token(&world.token("operator").await);
    let operator = operator.and_header("idempotency-key", "8e03978e-40d5");
    operator.json("POST", "/api/v1/devices", Some("{\"address\":\"192.0.2.1\"}")).await.with_status(201);

    // What was refused was not done, and can be tried again.
    let again = client.clone().and_header("idempotency-key", "again");
    let device = json!({ "address": "192.0.2.2", "credential": "lab" });
    again.json("POST", "/api/v1/devices", Some(&device.to_string())).await.problem(422);
    create(
        &client,
        "/api/v1/credentials",
        &json!({ "name": "lab", "username": "backup", "password": "n0b0dy's" }),
    )
    .await;
    create(&again, "/api/v1/devices", &device).await;
    client.and_header("idempotency-key", "").json("POST", "/api/v1/devices", Some("{}")).await.problem(400);

    let stored = world.database.texts("SELECT hex(sealed) FROM api_answer WHERE sealed IS NOT NULL").await;
    let plain = secret.bytes().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().concat();
    assert!(!stored.is_empty() && stored.iter().all(|sealed| !sealed.contains(&plain)), "it is sealed");
    world.database.execute("UPDATE api_answer SET created_at = 1").await;
    let anew = json!({ "name": "anew", "role": "viewer" });
    create(&keyed, "/api/v1/tokens", &anew).await;
    server.stop().await;
}

#[tokio::test]
async fn secrets_go_in_and_never_come_out() {
    const SECRET: &str = "n0b0dy-sees-this-Qx7";
    let world = World::new();
    let (server, client) = admin(&world).await;
    let login = json!({
        "name": "lab", "username": "backup", "password": SECRET, "enable_password": SECRET, "api_token": SECRET,
        "backup_passphrase": SECRET,
    });
    let made = create(&client, "/api/v1/credentials", &login).await;
    let backup =
        json!({ "name": "Sealed", "encryption": "passphrase", "passphrase": SECRET, "time_zone": "UTC" });
    let config = create(&client, "/api/v1/backup-configs", &backup).await;
    let user = json!({ "name": "vera", "role": "viewer", "password": SECRET });
    let user = create(&client, "/api/v1/users", &user).await;
    let store = json!({
        "name": "store", "kind": "s3", "endpoint": "https://s3.invalid", "bucket": "b", "access_key_id": "a",
        "secret_access_key": SECRET,
    });
    let store = create(&client, "/api/v1/destinations", &store).await;
    for answer in [&made, &config, &user, &store] {
        let shown = client.get(answer.header("location")).await.with_status(200);
        assert!(!shown.text().contains(SECRET) && !answer.text().contains(SECRET), "{}", shown.text());
    }
    assert_eq!(made.json()["has_enable_password"], true);
    // A secret that is left out stays; a new one is another state of the thing.
    let tag = made.header("etag");
    let renamed = client.clone().and_header("if-match", tag);
    let renamed = renamed.json("PATCH", "/api/v1/credentials/1", Some("{\"name\":\"lab-2\"}")).await;
    assert_eq!(renamed.with_status(200).json()["has_password"], true);
    for (answer, field) in [(&config, "passphrase"), (&user, "password"), (&store, "secret_access_key")] {
        let place = answer.header("location");
        let change = json!({ field: format!("{SECRET}-2") }).to_string();
        let read = client.clone().and_header("if-match", answer.header("etag"));
        read.json("PATCH", place, Some(&change)).await.with_status(200);
        read.json("PATCH", place, Some(&change)).await.problem(412);
    }
    for path in ["credentials", "backup-configs", "users", "destinations", "audit"] {
        let list = client.get(&format!("/api/v1/{path}")).await.with_status(200);
        assert!(!list.text().contains(SECRET), "{path}: {}", list.text());
    }
    // In the wrong place it is not said again either.
    let wrong = json!({ "name": "x", "username": { "is": SECRET } }).to_string();
    assert!(!client.json("POST", "/api/v1/credentials", Some(&wrong)).await.problem(422).contains(SECRET));
    let said = server.stop().await.1;
    assert!(!said.contains(SECRET), "{said}");
}

#[tokio::test]
async fn a_backup_is_made_run_looked_at_and_fetched() {
    let world = World::new();
    world.add_credential().await;
    let _device = world.add_device(router("core-rtr-1")).await;
    let (server, client) = admin(&world).await;
    let config = json!({ "name": "Nightly", "type": "config", "frequency": "daily", "at": "02:30", "time_zone": "UTC" });
    let config = create(&client, "/api/v1/backup-configs", &config).await.json();
    assert_eq!((&config["state"], &config["schedule"]), (&json!("never_run"), &json!("daily at 02:30, UTC")));
    let started = client.json("POST", "/api/v1/backup-configs/1/run", None).await.with_status(202).json();
    let run = format!("/api/v1/runs/{}", started["run_id"]);
    let ended = until("the end of the run", async || {
        let run = client.get(&run).await.json();
        run["finished_at"].is_string().then_some(run)
    })
    .await;
    assert_eq!((&ended["status"], &ended["devices_ok"]), (&json!("completed"), &json!(1)));
    client.json("POST", &format!("{run}/cancel"), None).await.problem(409);
    assert_eq!(all(&client, &format!("{run}/results"), 1).await[0]["hostname"], "core-rtr-1");
    assert_eq!(all(&client, "/api/v1/runs?outcome=good", 1).await.len(), 1);
    assert_eq!(all(&client, "/api/v1/devices/1/results?good=true", 1).await.len(), 1);

    let archives = all(&client, "/api/v1/archives", 1).await;
    assert_eq!((archives.len(), &archives[0]["run"]["id"]), (1, &started["run_id"]));
    let archive = format!("/api/v1/archives/{}", started["run_id"]);
    let verified = client.json("POST", &format!("{archive}/verify"), None).await.with_status(200).json();
    assert_eq!(verified["good"], true);
    let kept = client.json("POST", &format!("{archive}/protect"), None).await.with_status(200).json();
    assert_eq!(kept["protected"], true);
    let file = client.get(&format!("{archive}/download")).await.with_status(200);
    assert_eq!(file.header("etag"), format!("{}", ended["sha256"]));
    let part = client.clone().and_header("range", "bytes=0-3").get(&format!("{archive}/download")).await;
    assert_eq!(part.with_status(206).bytes, b"PK\x03\x04");
    let known = client.clone().and_header("if-none-match", file.header("etag"));
    known.get(&format!("{archive}/download")).await.with_status(304);
    let toggled = client.json("POST", "/api/v1/backup-configs/1/toggle", None).await.with_status(200).json();
    assert_eq!(toggled, json!({ "id": 1, "enabled": false }));
    server.stop().await;
}

#[tokio::test]
async fn a_backup_of_another_type_takes_in_what_that_type_has() {
    let world = World::new();
    let (server, client) = admin(&world).await;
    let config = json!({ "name": "Nightly", "type": "config", "time_zone": "UTC" });
    create(&client, "/api/v1/backup-configs", &config).await;
    let whatever = client.and_header("if-match", "*");
    let change = async |change: Value| {
        let answer = whatever.json("PATCH", "/api/v1/backup-configs/1", Some(&change.to_string())).await;
        answer.with_status(200);
        world.database.texts("SELECT include FROM backup_config").await.remove(0)
    };
    let include = |database: bool, media: bool, logs: bool| {
        format!("{{\"database\":{database},\"media\":{media},\"logs\":{logs}}}")
    };
    assert_eq!(change(json!({ "type": "full" })).await, include(true, true, true));
    assert_eq!(change(json!({ "include_media": false })).await, include(true, false, true));
    assert_eq!(change(json!({ "type": "data" })).await, include(true, false, false), "what was said stays");
    assert_eq!(change(json!({ "include_media": null })).await, include(true, true, false));
    assert_eq!(change(json!({ "type": "config" })).await, include(false, false, false));
    server.stop().await;
}

#[tokio::test]
async fn a_channel_and_a_rule_are_added_changed_and_removed_and_messages_looked_at() {
    const SECRET: &str = "canary-hook-8Rt3";
    let world = World::new();
    let (server, client) = admin(&world).await;
    let channel = json!({
        "name": "Chat", "kind": "webhook", "secret_url": format!("http://127.0.0.1:9/{SECRET}"), "secret": SECRET,
        "own_network": true,
    });
    let made = create(&client, "/api/v1/notifications/channels", &channel).await;
    let (place, tag) = (made.header("location").to_owned(), made.header("etag").to_owned());
    assert_eq!(place, "/api/v1/notifications/channels/1");
    let matching = client.clone().and_header("if-match", &tag);
    let sealed = json!({ "secret": format!("{SECRET}-2") }).to_string();
    matching.json("PATCH", &place, Some(&sealed)).await.with_status(200);
    matching.json("PATCH", &place, Some(&sealed)).await.problem(412);
    let other =
        json!({ "name": "Topic", "kind": "ntfy", "server": "https://ntfy.invalid", "topic": "etiqa" });
    create(&client, "/api/v1/notifications/channels", &other).await;
    let whatever = client.clone().and_header("if-match", "*");
    whatever.json("PATCH", &place, Some("{\"kind\":\"ntfy\",\"topic\":\"x\"}")).await.problem(422);
    assert_eq!(all(&client, "/api/v1/notifications/channels", 1).await.len(), 2);
    assert_eq!(all(&client, "/api/v1/notifications/channels?kind=ntfy", 1).await[0]["name"], "Topic");

    let nothing = json!({ "name": "On call", "channels": [1] }).to_string();
    let refused = client.json("POST", "/api/v1/notifications/rules", Some(&nothing)).await;
    refused.problem(422);
    assert_eq!(refused.json()["errors"][0]["pointer"], "/events");
    let rule = json!({ "name": "On call", "events": ["run_failed"], "channels": [1], "sites": ["vienna"] });
    let made = create(&client, "/api/v1/notifications/rules", &rule).await;
    let change = json!({ "timing": "daily", "at": "07:30", "time_zone": "UTC", "sites": null }).to_string();
    let matching = client.clone().and_header("if-match", made.header("etag"));
    let changed =
        matching.json("PATCH", made.header("location"), Some(&change)).await.with_status(200).json();
    assert_eq!((&changed["schedule"], &changed["sites"]), (&json!("daily at 07:30, UTC"), &json!([])));
    matching.json("DELETE", made.header("location"), None).await.problem(412);
    assert_eq!(all(&client, "/api/v1/notifications/rules?event=run_failed&channel=1", 1).await.len(), 1);
    assert!(all(&client, "/api/v1/notifications/rules?event=disk_low", 1).await.is_empty());

    let tested = client.json("POST", &format!("{place}/test"), None).await.with_status(200).json();
    assert_eq!(tested["good"], false, "nothing listens there");
    let failed = all(&client, "/api/v1/notifications/deliveries?state=failed", 1).await;
    assert_eq!((failed.len(), &failed[0]["channel"], &failed[0]["rule"]), (1, &json!("Chat"), &Value::Null));
    let message = format!("/api/v1/notifications/deliveries/{}", failed[0]["id"]);
    let message = client.get(&message).await.with_status(200).json();
    assert_eq!((&message["title"], &message["attempts"][0]["good"]), (&failed[0]["title"], &json!(false)));
    let retry = format!("/api/v1/notifications/deliveries/{}/retry", message["id"]);
    client.json("POST", &retry, None).await.with_status(202);
    client.json("POST", "/api/v1/notifications/deliveries/4711/retry", None).await.problem(404);

    for path in ["channels", "rules", "deliveries"] {
        let list = client.get(&format!("/api/v1/notifications/{path}")).await.with_status(200);
        assert!(!list.text().contains(SECRET), "{path}: {}", list.text());
    }
    let operator = server.with_token(&world.token("operator").await);
    operator.get(&place).await.with_status(200);
    operator.json("DELETE", &place, None).await.problem(403);
    client.json("DELETE", made.header("location"), None).await.with_status(204);
    client.json("DELETE", &place, None).await.with_status(204);
    client.get(&place).await.problem(404);
    server.stop().await;
}

#[tokio::test]
async fn texts_are_listed_read_compared_and_decided_and_viewers_see_no_secret() {
    const SECRET: &str = "s3cr3t-community-XyZ";
    let world = World::new();
    world.add_credential().await;
    let device = world.add_device(router("core-rtr-1")).await;
    let text = |lines: usize| {
        let more = "ntp server 10.0.0.1\n".repeat(lines);
        format!(
            "Building configuration...\n\nCurrent configuration : 300 bytes\n!\nversion 15.2\nhostname core-rtr-1\n!\n\
             snmp-server community {SECRET} RO\n{more}!\nend\n"
        )
    };
    device.set_config(text(40));
    world.etiqa(["collect", "--all"]).await.good();
    device.set_config(text(1));
    world.etiqa(["collect", "--all"]).await;
    let (server, client) = admin(&world).await;
    let viewer = server.with_token(&world.token("viewer").await);

    let versions = all(&client, "/api/v1/devices/1/versions?part=running", 1).await;
    let states: Vec<&str> = versions.iter().map(|version| version["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["suspect", "active"]);
    let (suspect, active) = (&versions[0]["id"], &versions[1]["id"]);
    let configs = all(&client, "/api/v1/configs?q=core", 1).await;
    assert!(configs.iter().any(|version| version["id"] == *active), "{configs:?}");

    let path = format!("/api/v1/versions/{active}/text");
    let whole = client.get(&path).await.with_status(200);
    assert!(whole.text().contains(SECRET) && whole.header("content-type").starts_with("text/plain"));
    let masked = viewer.get(&path).await.with_status(200);
    assert!(!masked.text().contains(SECRET) && masked.text().contains("hostname core-rtr-1"));
    assert!(!client.get(&format!("{path}?masked=true")).await.text().contains(SECRET));
    client.clone().and_header("if-none-match", whole.header("etag")).get(&path).await.with_status(304);
    let about = viewer.get(&format!("/api/v1/versions/{active}")).await.json();
    assert_eq!(about["sha256"], Value::Null, "beside a masked text it would let a viewer try it out");

    let diff =
        client.get(&format!("/api/v1/versions/{suspect}/diff?from={active}")).await.with_status(200).json();
    assert_eq!((&diff["added"], &diff["removed"]), (&json!(0), &json!(39)));
    assert_eq!(diff["hunks"][0]["lines"][3]["text"], "ntp server 10.0.0.1");
    let any = "/api/v1/diff?old_device=core-rtr-1&old_which=1&new_device=%231&new_which=2&new_part=running&old_part=running";
    assert_eq!(client.get(any).await.with_status(200).json()["removed"], 39);
    let found = viewer.get("/api/v1/search?text=hostname").await.with_status(200).json();
    assert_eq!(found["items"][0]["texts"][0]["lines"][1]["text"], "hostname core-rtr-1");
    assert!(
        viewer.get(&format!("/api/v1/search?text={SECRET}")).await.json()["items"]
            .as_array()
            .unwrap()
            .is_empty()
    );

    let decide = format!("/api/v1/versions/{suspect}/accept");
    viewer.json("POST", &decide, None).await.problem(403);
    assert_eq!(client.json("POST", &decide, None).await.with_status(200).json()["state"], "active");
    client.json("POST", &decide, None).await.problem(409);
    let words = client.and_header("if-match", "*");
    let words =
        words.json("PATCH", &format!("/api/v1/versions/{active}"), Some("{\"label\":\"before\"}")).await;
    assert_eq!(words.with_status(200).json()["label"], "before");
    server.stop().await;
}

#[tokio::test]
async fn who_has_a_scope_gets_no_other_device_in_any_part_of_any_list() {
    let world = World::new();
    let (server, client) = admin(&world).await;
    for (number, site) in [(1, "vienna"), (2, "linz"), (3, "vienna"), (4, "linz")] {
        let device = json!({ "address": format!("192.0.2.{number}"), "hostname": format!("sw-{number}"), "site": site });
        create(&client, "/api/v1/devices", &device).await;
    }
    let scoped = json!({ "name": "vienna", "role": "operator", "scope": ["site:vienna"] });
    let scoped = create(&client, "/api/v1/tokens", &scoped).await.json();
    let scoped = server.with_token(scoped["secret"].as_str().unwrap());
    assert_eq!(scoped.get("/api/v1/me").await.json()["scope"], json!(["site:vienna"]));
    let seen = all(&scoped, "/api/v1/devices", 1).await;
    assert_eq!(seen.iter().map(|device| device["id"].as_i64().unwrap()).collect::<Vec<_>>(), [1, 3]);
    scoped.get("/api/v1/devices/2").await.problem(404);
    let bulk = json!({ "ids": [1, 2], "action": "disable" }).to_string();
    scoped.json("POST", "/api/v1/devices/bulk", Some(&bulk)).await.problem(404);
    scoped.get("/api/v1/archives").await.problem(403);
    let elsewhere = json!({ "address": "192.0.2.9", "site": "linz" }).to_string();
    scoped.json("POST", "/api/v1/devices", Some(&elsewhere)).await.problem(422);
    server.stop().await;
}

#[tokio::test]
async fn a_job_that_was_given_up_is_tried_again_or_forgotten() {
    let world = World::new();
    let (server, client) = admin(&world).await;
    for _ in 0..2 {
        world
            .database
            .execute(
                "INSERT INTO job (kind, payload, due_at, attempts, finished_at, dead, error, created_at)
                 VALUES ('verify', '{\"kind\":\"verify\",\"run\":7}', 1, 5, 9000000000000, 1, 'gone', 1)",
            )
            .await;
    }
    let dead = all(&client, "/api/v1/jobs?state=dead&kind=verify", 1).await;
    assert_eq!((dead.len(), &dead[0]["error"], &dead[0]["state"]), (2, &json!("gone"), &json!("dead")));
    let (newer, older) = (&dead[0]["id"], &dead[1]["id"]);
    let retried = client.json("POST", &format!("/api/v1/jobs/{newer}/retry"), None).await;
    assert_ne!(retried.with_status(202).json()["due_at"], dead[0]["due_at"], "it is due now");
    client.json("DELETE", &format!("/api/v1/jobs/{older}"), None).await.with_status(204);
    client.get(&format!("/api/v1/jobs/{older}")).await.problem(404);
    server.stop().await;
}

#[tokio::test]
async fn whatever_changes_something_leaves_a_row_done_or_refused() {
    let world = World::new();
    let viewer = world.token("viewer").await;
    let (server, admin) = admin(&world).await;
    let viewer = server.with_token(&viewer);
    let listed = world.etiqa(["routes"]).await.good().stdout;
    let changing = listed.lines().filter_map(|route| route.split_once(' '));
    let changing = changing.filter(|(method, path)| *method != "GET" && path.starts_with("/api/v1/"));
    let mut count = 0;
    for (method, path) in changing {
        count += 1;
        for who in [&viewer, &admin] {
            let before = world.database.number(ROWS).await;
            let answer = who.json(method, &path.replace("{id}", "4711"), Some("{}")).await;
            let after = world.database.number(ROWS).await;
            assert!(after > before, "{method} {path} left no row: {} {}", answer.status, answer.text());
        }
    }
    assert!(count > 30, "{count}");
    server.stop().await;
}

#[tokio::test]
async fn what_the_api_is_is_described_and_stays_so() {
    let world = World::new();
    let printed = world.etiqa(["openapi"]).await.good();
    let viewer = world.token("viewer").await;
    let server = world.serve().await;
    let viewer = server.with_token(&viewer);
    assert_eq!(viewer.get("/api/openapi.json").await.with_status(200).json(), printed.json());
    server.stranger().get("/api/openapi.json").await.problem(401);
    let page = viewer.get("/api/docs").await.with_status(200);
    assert!(
        page.text().contains("/api/openapi.json") && page.header("content-type").starts_with("text/html")
    );
    let browser = server.stranger().and_header("accept", "text/html");
    browser.get("/api/docs").await.with_status(303);
    server.stop().await;
    // A change of the API is one of this file: additions are fine, all else is another version.
    insta::assert_snapshot!("openapi", printed.stdout);
}
