//! Webhooks: what is sent, signed how, and that no secret comes back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use etiqa_engine::notify;
use etiqa_model::Secret;
use etiqa_model::notify::ChannelInput;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::common::world::World;
use crate::servers::{Hook, Posted};
use crate::support::{SECRET, TOKEN, add, deliveries, web};

fn signature(posted: &Posted) -> String {
    let key = STANDARD.decode(SECRET.strip_prefix("whsec_").unwrap()).unwrap();
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&key).unwrap();
    let signed = [posted.header("webhook-id"), posted.header("webhook-timestamp"), &posted.body].join(".");
    mac.update(signed.as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[tokio::test]
async fn a_webhook_is_signed_so_that_others_can_check_it() {
    let (world, hook) = (World::new().await, Hook::start().await);
    let id = add(&world, &web("webhook", &hook)).await;
    let told = notify::test(&world.engine, id).await.unwrap();
    assert!(told.is_good, "{}", told.message);
    let posted = &hook.posted()[0];
    assert_eq!(posted.path, "/hook/s3cr3t-path");
    assert_eq!(posted.header("webhook-signature"), signature(posted));
    assert_eq!(posted.header("authorization"), format!("Bearer {TOKEN}"));
    assert_eq!(posted.header("content-type"), "application/json");
    let body = posted.json();
    assert_eq!((&body["version"], &body["id"]), (&1.into(), &posted.header("webhook-id").into()));
    assert!(body["title"].as_str().unwrap().starts_with("Test of"), "{body}");
}

#[tokio::test]
async fn no_secret_of_a_channel_is_in_its_answers_lists_or_errors() {
    let (world, hook) = (World::new().await, Hook::start().await);
    let id = add(&world, &web("webhook", &hook)).await;
    hook.answer("404 Not Found");
    let told = notify::test(&world.engine, id).await.unwrap();
    assert!(!told.is_good && told.message.contains("404"), "{}", told.message);
    let seen =
        format!("{told:?} {:?} {:?}", notify::list(&world.engine).await.unwrap(), deliveries(&world).await);
    for secret in ["s3cr3t-path", TOKEN, SECRET] {
        assert!(!seen.contains(secret), "{secret}: {seen}");
    }
}

#[tokio::test]
async fn an_empty_secret_stays_as_it_was_and_is_not_told_to_another_server() {
    let (world, hook, other) = (World::new().await, Hook::start().await, Hook::start().await);
    let id = add(&world, &web("webhook", &hook)).await;
    let renamed = ChannelInput { name: "renamed".into(), kind: "webhook".into(), ..ChannelInput::default() };
    notify::save(&world.engine, Some(id), &renamed).await.unwrap();
    notify::test(&world.engine, id).await.unwrap();
    assert_eq!(hook.posted()[0].header("authorization"), format!("Bearer {TOKEN}"));
    let moved = ChannelInput { secret_url: Secret::new(other.url("/x")), ..renamed.clone() };
    notify::save(&world.engine, Some(id), &moved).await.unwrap();
    notify::test(&world.engine, id).await.unwrap();
    let posted = &other.posted()[0];
    assert_eq!((posted.header("authorization"), posted.header("webhook-signature")), ("", ""));
    let kind = ChannelInput { kind: "slack".into(), ..moved };
    let refused = notify::save(&world.engine, Some(id), &kind).await.unwrap_err().into_user_error();
    assert!(refused.field("kind").is_some(), "{refused:?}");
}

#[tokio::test]
async fn a_secret_that_is_no_key_is_refused_when_it_is_filled_in() {
    let (world, hook) = (World::new().await, Hook::start().await);
    for secret in ["whsec_", "whsec_?"] {
        let input = ChannelInput { secret: Secret::new(secret), ..web("webhook", &hook) };
        let refused = notify::save(&world.engine, None, &input).await.unwrap_err().into_user_error();
        assert!(refused.field("secret").is_some(), "{secret}: {refused:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_an_address_that_is_not_allowed_is_refused() {
    let (world, hook, other) = (World::new().await, Hook::start().await, Hook::start().await);
    let id = add(&world, &web("webhook", &hook)).await;
    hook.answer(&format!("302 Found\r\nLocation: {}", other.url("/")));
    let told = notify::test(&world.engine, id).await.unwrap();
    assert!(!told.is_good && told.message.contains("not followed"), "{}", told.message);
    assert_eq!(other.posted().len(), 0);
    for url in ["http://169.254.169.254/latest/", "http://192.168.77.1/hook"] {
        let input = ChannelInput {
            name: "x".into(),
            kind: "webhook".into(),
            secret_url: Secret::new(url),
            ..ChannelInput::default()
        };
        let refused = notify::save(&world.engine, None, &input).await.unwrap_err().into_user_error();
        assert!(!refused.fields.is_empty(), "{url}: {refused:?}");
    }
}
