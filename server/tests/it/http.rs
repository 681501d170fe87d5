//! The endpoints that scripts use: status, run, toggle, download, the live stream.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::devices::router;
use crate::harness::{Server, World, until};

/// What differs from run to run, written as what kind of thing it is.
fn masked(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| {
                let shown = match (name.as_str(), value) {
                    (name, Value::String(_)) if name.ends_with("_at") => json!("[time]"),
                    ("sha256", Value::String(_)) => json!("[sha256]"),
                    ("file", Value::String(_)) => json!("[file]"),
                    ("size_bytes", Value::Number(_)) => json!("[bytes]"),
                    _ => masked(value),
                };
                (name.clone(), shown)
            })
            .collect(),
        Value::Array(items) => items.iter().map(masked).collect(),
        other => other.clone(),
    }
}

/// A server with one completed backup of one device, and a token of a role.
async fn backed_up(world: &World, role: &str) -> (Server, String, etiqa_simulator::SimulatedDevice) {
    world.add_credential().await;
    let device = world.add_device(router("core-rtr-1")).await;
    world.add_backup("Nightly", "config").await;
    world.etiqa(["run-backups", "--force"]).await.good();
    let token = world.token(role).await;
    (world.serve().await, token, device)
}

#[tokio::test]
async fn the_status_says_how_every_backup_stands() {
    let world = World::new();
    let (server, token, _device) = backed_up(&world, "viewer").await;
    world.add_backup("Tables", "data").await;
    world.etiqa(["backup-config", "edit", "Tables", "--disable"]).await.good();
    let client = server.with_token(&token);
    until("the scheduler's first look", async || {
        let status = client.get("/backup/status/").await.json();
        status["scheduler"]["last_tick_at"].is_string().then_some(())
    })
    .await;

    let mut from_http = client.get("/backup/status/").await.with_status(200).json();
    let mut from_command = world.status().await;

    for (name, time) in [("generated_at", &from_http), ("generated_at", &from_command)] {
        let time = time[name].as_str().unwrap();
        assert!(time.ends_with('Z') && time.len() == "2026-11-23T02:00:05Z".len(), "{time}");
    }
    let fields: Vec<&str> = from_http.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields.len(), 4, "{fields:?}");
    from_http["generated_at"].take();
    from_command["generated_at"].take();
    assert_eq!(from_http, from_command);
    insta::assert_json_snapshot!(masked(&from_http), @r#"
    {
      "configs": [
        {
          "enabled": true,
          "frequency": "daily",
          "id": 1,
          "is_due": false,
          "last_run": {
            "devices_failed": 0,
            "devices_ok": 1,
            "error": null,
            "file": "[file]",
            "finished_at": "[time]",
            "id": 1,
            "sha256": "[sha256]",
            "size_bytes": "[bytes]",
            "started_at": "[time]",
            "status": "completed",
            "trigger": "cli",
            "verified": true
          },
          "name": "Nightly",
          "next_run_at": "[time]",
          "progress": null,
          "state": "ok",
          "time_zone": "UTC",
          "type": "config"
        },
        {
          "enabled": false,
          "frequency": "daily",
          "id": 2,
          "is_due": false,
          "last_run": null,
          "name": "Tables",
          "next_run_at": null,
          "progress": null,
          "state": "disabled",
          "time_zone": "UTC",
          "type": "data"
        }
      ],
      "generated_at": null,
      "scheduler": {
        "last_tick_at": "[time]",
        "next_due_at": "[time]",
        "running": true
      },
      "summary": {
        "configs": 2,
        "due": 0,
        "enabled": 1,
        "failing": 0,
        "running": 0
      }
    }
    "#);
    server.stop().await;
}

#[tokio::test]
async fn run_and_toggle_answer_as_scripts_expect() {
    let world = World::new();
    world.add_backup("Tables", "data").await;
    let token = world.token("operator").await;
    let server = world.serve().await;
    let client = server.with_token(&token);

    assert_eq!(
        client.post("/backup/config/1/toggle").await.with_status(200).json(),
        json!({"id": 1, "enabled": false})
    );
    assert_eq!(
        client.post("/backup/config/1/toggle/").await.with_status(200).json(),
        json!({"id": 1, "enabled": true})
    );
    assert_eq!(client.post("/backup/config/1/run").await.with_status(202).json(), json!({"run_id": 1}));
    for path in
        ["/backup/config/77/run/", "/backup/config/x/toggle/", "/backup/config/99999999999999999999/run/"]
    {
        let refused = client.post(path).await.with_status(404);
        assert_eq!(refused.json()["kind"], "not_found", "{path}");
        assert!(refused.message().starts_with("There is no backup config "), "{}", refused.message());
    }
    server.stop().await;
}

#[tokio::test]
async fn an_archive_is_downloaded_whole_or_in_ranges() {
    let world = World::new();
    let (server, token, _device) = backed_up(&world, "operator").await;
    let path = world.archive();
    let name = path.file_name().unwrap().to_str().unwrap().to_owned();
    let content = std::fs::read(&path).unwrap();
    let client = server.with_token(&token);

    for url in ["/backup/download/1/", "/backup/download/1"] {
        let whole = client.get(url).await.with_status(200);
        assert_eq!(whole.bytes, content);
        assert_eq!(whole.header("content-type"), "application/zip");
        assert_eq!(whole.header("content-length"), content.len().to_string());
        assert_eq!(whole.header("accept-ranges"), "bytes");
        assert_eq!(whole.header("content-disposition"), format!("attachment; filename=\"{name}\""));
    }
    let etag = client.get("/backup/download/1/").await.header("etag").to_owned();
    let sha256 = world.database.texts("SELECT sha256 FROM backup_run").await.remove(0);
    assert_eq!(etag, format!("\"{sha256}\""));

    let part =
        client.clone().and_header("range", "bytes=100-199").get("/backup/download/1/").await.with_status(206);
    assert_eq!(part.bytes, content[100..200]);
    assert_eq!(part.header("content-range"), format!("bytes 100-199/{}", content.len()));
    let end =
        client.clone().and_header("range", "bytes=-10").get("/backup/download/1/").await.with_status(206);
    assert_eq!(end.bytes, content[content.len() - 10..]);
    let resumed = client.clone().and_header("range", "bytes=100-").and_header("if-range", "\"another\"");
    assert_eq!(resumed.get("/backup/download/1/").await.with_status(200).bytes, content);
    let outside = client.clone().and_header("range", "bytes=999999999-").get("/backup/download/1/").await;
    assert_eq!(outside.with_status(416).header("content-range"), format!("bytes */{}", content.len()));
    let same =
        client.clone().and_header("if-none-match", &etag).get("/backup/download/1/").await.with_status(304);
    assert!(same.bytes.is_empty() && same.header("etag") == etag);
    let head = client.json("HEAD", "/backup/download/1", None).await.with_status(200);
    assert!(head.bytes.is_empty() && head.header("etag") == etag);
    let noted = "SELECT action FROM audit_log WHERE action = 'run.download' AND outcome = 'done'";
    assert_eq!(world.database.texts(noted).await.len(), 6, "those of which something was sent");
    server.stop().await;
}

#[tokio::test]
async fn what_is_not_there_is_said_in_json() {
    let world = World::new();
    let (server, token, _device) = backed_up(&world, "operator").await;
    let client = server.with_token(&token);
    std::fs::remove_file(world.archive()).unwrap();
    for path in
        ["/backup/download/1/", "/backup/download/2/", "/backup/download/x/", "/no/such/address", "/api/v1/"]
    {
        let refused = client.get(path).await.with_status(404);
        assert_eq!(refused.json()["kind"], "not_found", "{path}");
        assert!(
            !refused.text().contains(world.place().to_str().unwrap()),
            "no path of the server: {}",
            refused.text()
        );
    }
    server.stop().await;
}

#[tokio::test]
async fn the_way_back_from_older_rows_leads_to_their_list_not_to_the_top_of_the_page() {
    let world = World::new();
    let (server, token, _device) = backed_up(&world, "viewer").await;
    let client = server.with_token(&token).and_header("accept", "text/html");
    for (older, newest, list) in [
        ("/backup/?before=1", "/backup/#runs", "runs"),
        ("/devices/1?tab=results&before=1", "/devices/1?tab=results#results", "results"),
    ] {
        let page = client.get(older).await.text();
        for wanted in [format!("href=\"{newest}\""), format!("id=\"{list}\"")] {
            assert!(page.contains(&wanted), "{older} has no {wanted}: {page}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn pages_answer_with_and_without_the_slash_at_the_end() {
    let world = World::new();
    let (server, token, _device) = backed_up(&world, "admin").await;
    let client = server.with_token(&token).and_header("accept", "text/html");
    for path in [
        "/backup",
        "/backup/config/1",
        "/backup/run/1",
        "/configs",
        "/devices",
        "/devices/1",
        "/devices/import",
        "/admin",
        "/admin/users",
        "/admin/tokens",
        "/admin/credentials",
        "/admin/jump-hosts",
        "/admin/inventory-sources",
        "/admin/drivers",
        "/admin/components",
        "/admin/settings",
    ] {
        for path in [path.to_owned(), format!("{path}/")] {
            let page = client.get(&path).await;
            assert_eq!(page.status, 200, "{path}");
            assert!(page.text().contains("<title>") && page.text().contains("</html>"), "{path}");
        }
    }
    let page = client.get("/devices/").await.text();
    assert!(page.contains("core-rtr-1"), "a page reads without JavaScript");
    client.get("/devices/77").await.with_status(404);
    let nothing = client.get("/no/such/address").await.with_status(404);
    assert!(
        nothing.text().contains("There is no page at this address"),
        "a browser gets a page, and the way on"
    );
    server.stop().await;
}

#[tokio::test]
async fn the_stream_says_hello_and_then_where_to_look() {
    let world = World::new();
    world.add_backup("Tables", "data").await;
    let token = world.token("operator").await;
    let server = world.serve().await;
    let client = server.with_token(&token);
    let mut stream = client.open("/events").await;
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    let mut heard = String::new();
    while !heard.contains("\n\n") {
        heard.push_str(std::str::from_utf8(&stream.chunk().await.unwrap().unwrap()).unwrap());
    }
    let page = client.clone().and_header("accept", "text/html").get("/").await.text();
    let build = page.split("name=\"build\" content=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(heard, format!("event: hello\ndata: {build}\n\n"));

    client.post("/backup/config/1/run/").await.with_status(202);
    while !heard.contains("data: {\"topic\":\"runs\",\"id\":1}\n\n") {
        let chunk = stream.chunk().await.unwrap().unwrap();
        heard.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    server.stop().await;
}

#[tokio::test]
async fn a_revoked_session_hears_no_more() {
    let world = World::new();
    world.add_user("ada", "admin").await;
    let server = world.serve().await;
    let mut stream = server.signed_in("ada").await.open("/events").await;
    assert!(stream.chunk().await.unwrap().is_some());
    world.database.execute("DELETE FROM session").await;
    ends(stream).await;
    server.stop().await;
}

#[tokio::test]
async fn a_revoked_token_hears_no_more() {
    let world = World::new();
    let token = world.token("viewer").await;
    let server = world.serve().await;
    let mut stream = server.with_token(&token).open("/events").await;
    assert!(stream.chunk().await.unwrap().is_some());
    world.etiqa(["token", "revoke", "viewer-token"]).await.good();
    ends(stream).await;
    server.stop().await;
}

/// Reads a stream until the server ends it.
async fn ends(mut stream: reqwest::Response) {
    let ended = async { while let Some(_event) = stream.chunk().await.unwrap() {} };
    tokio::time::timeout(Duration::from_mins(2), ended).await.expect("the stream goes on and on");
}

/// A server that sends a large archive to somebody who reads none of it.
async fn stalled(world: &World) -> (Server, reqwest::Response) {
    let token = world.token("admin").await;
    world.add_backup("Media", "data").await;
    // Far more than sockets hold, and nothing that a zip makes smaller.
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    })
    .take(4 << 20)
    .flatten()
    .collect();
    std::fs::write(world.data().join("media").join("film.mkv"), noise).unwrap();
    world.etiqa(["run-backups", "--force"]).await.good();
    let server = world.serve().await;
    let download = server.with_token(&token).open("/backup/download/1/").await;
    assert_eq!(download.status(), 200);
    (server, download)
}

#[tokio::test]
async fn a_stalled_download_does_not_keep_the_server_from_stopping() {
    let world = World::new();
    let (server, download) = stalled(&world).await;
    let (code, said) = tokio::time::timeout(Duration::from_mins(1), server.stop()).await.unwrap();
    assert_eq!(code, Some(0), "{said}");
    drop(download);
}

#[tokio::test]
async fn a_second_signal_stops_the_server_at_once() {
    let world = World::new();
    let (server, download) = stalled(&world).await;
    let stopped = tokio::time::timeout(Duration::from_secs(4), server.stop_at_once()).await;
    assert_eq!(stopped.unwrap(), Some(1));
    drop(download);
}
