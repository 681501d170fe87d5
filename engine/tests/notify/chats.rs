//! Slack, Teams, ntfy and Apprise: what each of them is sent, as its own documentation has it.

use etiqa_engine::notify;
use etiqa_model::notify::ChannelInput;
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
    // What Mattermost and Rocket.Chat show, which know no blocks.
    let text = body["text"].as_str().unwrap();
    assert!(text.starts_with("&lt;Daily&gt;: Run failed\n"), "{text}");
    assert!(text.contains("&lt;Daily&gt;: Run 1 failed"), "{text}");
    assert_eq!(
        body["blocks"][0]["text"],
        json!({"type": "plain_text", "text": "<Daily>: Run failed", "emoji": false})
    );
    let section = &body["blocks"][1]["text"];
    assert_eq!(section["type"], "plain_text");
    assert!(section["text"].as_str().unwrap().contains("<Daily>: Run 1 failed"), "{body}");
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
    assert_eq!(posted.path, "/notify/k3y-4Fz8");
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
    assert!(known.problem.unwrap().contains("424"), "a person should look all the same");
}

#[tokio::test]
async fn what_apprise_passes_on_to_nobody_is_not_sent() {
    let (world, hook) = (World::new().await, Hook::start().await);
    let channel = add(&world, &web("apprise", &hook)).await;
    hook.answer("204 No Content");
    let told = notify::test(&world.engine, channel).await.unwrap();
    assert!(!told.is_good && told.message.contains("check the key"), "{}", told.message);
}

#[tokio::test]
async fn apprises_key_is_shown_to_nobody_and_stays_where_only_the_tag_is_changed() {
    let (world, hook) = (World::new().await, Hook::start().await);
    let channel = add(&world, &web("apprise", &hook)).await;
    hook.answer("404 Not Found");
    let told = notify::test(&world.engine, channel).await.unwrap();
    assert!(!told.is_good, "{}", told.message);
    let known = notify::list(&world.engine).await.unwrap().remove(0);
    let seen = format!("{told:?} {known:?} {}", serde_json::to_string(&known).unwrap());
    assert!(!seen.contains("k3y-4Fz8"), "{seen}");
    let renamed = ChannelInput { tag: "other".into(), ..known.to_input() };
    notify::save(&world.engine, Some(channel), &renamed).await.unwrap();
    notify::test(&world.engine, channel).await.unwrap();
    assert_eq!(hook.posted()[1].path, "/notify/k3y-4Fz8");
}
