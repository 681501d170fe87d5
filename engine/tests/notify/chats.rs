//! Slack, Teams, ntfy and Apprise: what each of them is sent, as its own documentation has it.

use etiqa_engine::notify;
use serde_json::json;

use crate::common::world::World;
use crate::servers::Hook;
use crate::support::{TOKEN, add, rule, send, web};

/// What a channel of this kind is sent of a failed run.
async fn posted(kind: &str) -> crate::servers::Posted {
    let (world, hook) = (World::new().await, Hook::start().await);
    let channel = add(&world, &web(kind, &hook)).await;
    rule(&world, channel, &["run_failed"], |_| {}).await;
    let config =
        world.add_config(|input| (input.name, input.kind) = ("<Daily>".into(), "config".into())).await;
    world.run(config).await;
    send(&world).await;
    let posted = hook.posted();
    assert_eq!(posted.len(), 1, "{kind}");
    posted.into_iter().next().unwrap()
}

#[tokio::test]
async fn slack_gets_blocks_in_which_nothing_is_markup() {
    let body = posted("slack").await.json();
    assert_eq!(body["text"], "&lt;Daily&gt;: Run failed");
    assert_eq!(
        body["blocks"][0]["text"],
        json!({"type": "plain_text", "text": "<Daily>: Run failed", "emoji": false})
    );
    let section = &body["blocks"][1]["text"];
    assert_eq!(section["type"], "mrkdwn");
    assert!(section["text"].as_str().unwrap().contains("&lt;Daily&gt;: Run 1 failed"), "{body}");
}

#[tokio::test]
async fn teams_gets_an_adaptive_card() {
    let body = posted("teams").await.json();
    let attachment = &body["attachments"][0];
    assert_eq!(
        (&body["type"], &attachment["contentType"]),
        (&"message".into(), &"application/vnd.microsoft.card.adaptive".into())
    );
    let card = &attachment["content"];
    assert_eq!((&card["type"], &card["version"]), (&"AdaptiveCard".into(), &"1.4".into()));
    assert_eq!(
        (&card["body"][0]["text"], &card["body"][0]["color"]),
        (&"<Daily>: Run failed".into(), &"Attention".into())
    );
}

#[tokio::test]
async fn ntfy_gets_a_topic_a_priority_and_its_token() {
    let posted = posted("ntfy").await;
    assert_eq!(
        (posted.path.as_str(), posted.header("authorization")),
        ("/", format!("Bearer {TOKEN}").as_str())
    );
    let body = posted.json();
    assert_eq!(
        (&body["topic"], &body["priority"], &body["title"]),
        (&"backups".into(), &4.into(), &"<Daily>: Run failed".into())
    );
    assert_eq!(body["tags"], json!(["rotating_light"]));
}

#[tokio::test]
async fn apprise_gets_a_title_a_body_and_how_grave_it_is() {
    let posted = posted("apprise").await;
    assert_eq!(posted.path, "/notify/key");
    let body = posted.json();
    assert_eq!(
        (&body["type"], &body["tag"], &body["format"]),
        (&"failure".into(), &"noc".into(), &"text".into())
    );
}

#[tokio::test]
async fn a_message_that_some_of_apprises_services_took_is_not_sent_to_them_again() {
    let (world, hook) = (World::new().await, Hook::start().await);
    let channel = add(&world, &web("apprise", &hook)).await;
    rule(&world, channel, &["run_failed"], |_| {}).await;
    let config = world.add_config(|input| input.kind = "config".into()).await;
    world.run(config).await;
    hook.answer("424 Failed Dependency");
    send(&world).await;
    send(&world).await;
    assert_eq!(hook.posted().len(), 1);
    let known = notify::list(&world.engine).await.unwrap().remove(0);
    assert_eq!((known.waiting, known.failures), (0, 0), "the channel itself works");
}
