//! Notifications as commands, the page and a killed server leave them. Every kind of channel and every fault of theirs is
//! tried in the engine's own tests.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::harness::{Server, World, until};

type Posted = Arc<Mutex<Vec<(String, Value)>>>;

/// Takes what is posted: the id of each message, and the message.
async fn receiver() -> (SocketAddr, Posted) {
    async fn take(State(posted): State<Posted>, headers: HeaderMap, body: Bytes) {
        let id = headers["webhook-id"].to_str().unwrap().to_owned();
        posted.lock().unwrap().push((id, serde_json::from_slice(&body).unwrap()));
    }
    let posted = Posted::default();
    let router = Router::new().route("/hook", post(take)).with_state(Arc::clone(&posted));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, posted)
}

/// A channel at a receiver, a rule that tells it of failed runs, and a backup that fails.
async fn with_rule(world: &World) -> Posted {
    let (address, posted) = receiver().await;
    let add = ["notify", "channel", "add", "hook", "--kind", "webhook", "--url-stdin"];
    world.etiqa_with_input(add, &format!("http://{address}/hook\n")).await.good();
    let rule = ["notify", "rule", "add", "On call", "--event", "run_failed", "--channel", "hook"];
    world.etiqa(rule).await.good();
    world.add_backup("Nightly", "config").await;
    posted
}

#[tokio::test]
async fn channels_and_rules_are_added_changed_listed_and_removed_by_commands() {
    let world = World::new();
    let posted = with_rule(&world).await;
    let tested = world.etiqa(["notify", "channel", "test", "hook"]).await.good();
    assert_eq!(tested.stdout, "The other side took it: 200\n");
    // Where no server lives a command tells what came of it.
    world.etiqa(["run-backups", "--force"]).await.failed();
    assert_eq!(posted.lock().unwrap()[1].1["title"], "Nightly: Run failed");

    let listed = world.etiqa(["notify", "channel", "list"]).await.good().stdout;
    assert!(listed.contains("hook") && listed.contains("works"), "{listed}");
    let rules = world.etiqa(["notify", "rule", "list", "--json"]).await.good().json();
    assert_eq!((&rules[0]["name"], &rules[0]["open"]), (&"On call".into(), &1.into()));
    let edit =
        ["notify", "rule", "edit", "On call", "--event", "run_failed,disk_low", "--title", "{{titel}}"];
    let refused = world.etiqa(edit).await.failed();
    assert!(refused.stderr.contains("There is no {{titel}}"), "{}", refused.stderr);
    world.etiqa(["notify", "rule", "edit", "On call", "--title", "[{{severity}}] {{title}}"]).await.good();
    let preview = world.etiqa(["notify", "rule", "preview", "On call"]).await.good().stdout;
    assert!(preview.starts_with("[bad] Daily: Run failed\n"), "{preview}");
    let messages = world.etiqa(["notify", "deliveries"]).await.good().stdout;
    assert!(messages.contains("hook: Nightly: Run failed") && messages.contains("taken after"), "{messages}");
    let events = world.etiqa(["notify", "rule", "events"]).await.good().stdout;
    assert!(events.contains("device_failing"), "{events}");

    world.etiqa(["notify", "channel", "edit", "hook", "--rename", "chat", "--disable"]).await.good();
    world.etiqa(["notify", "rule", "remove", "On call"]).await.good();
    world.etiqa(["notify", "channel", "remove", "chat"]).await.good();
    let gone = world.etiqa(["notify", "channel", "test", "chat"]).await.failed();
    insta::assert_snapshot!(gone.sentence(&world), @r#"etiqa: There is no channel named "chat". It may have been deleted."#);
}

#[tokio::test]
async fn a_server_that_is_killed_while_it_sends_loses_no_message_and_sends_it_under_one_id() {
    let world = World::new();
    let posted = with_rule(&world).await;
    let token = world.token("operator").await;
    let [before, after] = etiqa_engine::failpoint::NOTIFYING else { panic!("there are two") };
    let killed_at = async |failpoint: &str| {
        let mut command = world.command(["serve", "--listen", "127.0.0.1:0"]);
        command.env("ETIQA_FAILPOINT", failpoint);
        Server::start(command).await
    };
    let server = killed_at(before).await;
    server.with_token(&token).post("/backup/config/1/run/").await.with_status(202);
    server.died().await;
    assert_eq!(posted.lock().unwrap().len(), 0);
    // What waits is sent at the start.
    killed_at(after).await.died().await;
    let server = world.serve().await;
    let state = "SELECT state FROM notify_delivery";
    until("the message's note", async || (world.database.texts(state).await == ["sent"]).then_some(())).await;
    server.stop().await;
    let posted = posted.lock().unwrap();
    assert_eq!(posted.len(), 2, "once before the kill, and once after it, for nobody knew");
    assert_eq!(posted[0].0, posted[1].0);
    assert_eq!(posted[0].1, posted[1].1);
}

#[tokio::test]
async fn the_page_shows_channels_rules_and_messages_without_a_secret() {
    let world = World::new();
    world.add_user("ada", "admin").await;
    let (address, posted) = receiver().await;
    let server = world.serve().await;
    let ada = server.signed_in("ada").await;
    let (url, secret) = (format!("http://{address}/hook"), "canary-hook-8Rt3");
    let channel = [
        ("channel[name]", "Chat"),
        ("channel[kind]", "webhook"),
        ("channel[secret_url]", url.as_str()),
        ("channel[secret]", secret),
        ("enabled", "true"),
    ];
    ada.call("save_channel", &channel).await.with_status(200);
    let tested = ada.call("test_channel", &[("id", "1")]).await.with_status(200).json();
    assert_eq!(tested["is_good"], true, "{tested}");
    assert_eq!(posted.lock().unwrap().len(), 1);
    let rule = [
        ("rule[name]", "On call"),
        ("events[]", "run_failed"),
        ("events[]", "device_failing"),
        ("channels[]", "1"),
        ("flags[]", "enabled"),
        ("flags[]", "recovered"),
    ];
    ada.call("save_notify_rule", &rule).await.with_status(200);
    let wrong = ada.call("save_notify_rule", &[("rule[name]", "x"), ("channels[]", "1")]).await;
    assert_eq!(wrong.with_status(422).json()["fields"][0]["field"], "events");
    let listed = ada.call("list_notify_rules", &[]).await.with_status(200).json();
    assert_eq!(listed["rules"][0]["settings"]["with_diff"], false, "what is not ticked is off");
    for page in
        ["/admin/notifications", "/admin/notifications?edit=1&rule=1", "/admin/notifications?state=sent"]
    {
        let page = ada.get(page).await.with_status(200).text();
        assert!(page.contains("Chat") && page.contains("On call"), "{page}");
        assert!(page.contains("Test of the channel Chat"), "{page}");
        assert!(!page.contains(secret) && !page.contains("/hook"), "{page}");
    }
    let preview = ada.get("/admin/notifications?rule=1").await.text();
    assert!(preview.contains("What a message looks like"), "{preview}");
    server.stop().await;
}
