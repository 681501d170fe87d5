//! The other side at its worst: nothing is lost, nothing is sent without end, and the backups go on.

use std::sync::Arc;

use etiqa_engine::time::now;
use etiqa_engine::{notify, pause};
use etiqa_model::Secret;
use etiqa_model::notify::{ChannelInput, DeliveryState};
use etiqa_model::run::RunStatus;
use tokio::net::TcpListener;

use crate::common::world::World;
use crate::servers::Hook;
use crate::support::{add, deliveries, execute, hears, rule, send, unpause, web};

#[tokio::test]
async fn a_webhook_that_fails_for_long_gets_everything_once_it_works() {
    let world = World::new().await;
    let (hook, channel) = hears(&world, &["run_failed"], |rule| rule.repeat = "every".into()).await;
    let config = world.add_config(|input| input.kind = "config".into()).await;
    hook.always(Some("500 No"));
    for _ in 0..3 {
        world.run(config).await;
        send(&world).await;
    }
    assert_eq!(hook.posted().len(), 1, "it is left alone meanwhile");
    let known = notify::list(&world.engine).await.unwrap().remove(0);
    assert_eq!((known.waiting, known.failures), (3, 1));
    assert!(known.problem.unwrap().contains("500"));
    unpause(&world).await;
    send(&world).await;
    assert_eq!(hook.posted().len(), 2);
    let first = deliveries(&world).await.pop().unwrap();
    assert_eq!((first.state, first.tries, first.attempts.len()), (DeliveryState::Waiting, 2, 2));
    assert!(first.attempts.iter().all(|attempt| !attempt.is_good && attempt.answer.contains("500")));

    hook.always(None);
    unpause(&world).await;
    send(&world).await;
    let ids: Vec<String> =
        hook.posted().iter().map(|posted| posted.header("webhook-id").to_owned()).collect();
    assert_eq!(ids.len(), 5);
    assert!(
        ids[..3].iter().all(|id| *id == ids[0]),
        "a message has one id, however often it is sent: {ids:?}"
    );
    assert!(ids[3] != ids[4] && ids[3] != ids[0], "{ids:?}");
    assert!(deliveries(&world).await.iter().all(|delivery| delivery.state == DeliveryState::Sent));
    let known = notify::list(&world.engine).await.unwrap().remove(0);
    assert_eq!((known.id, known.waiting, known.failures, known.problem), (channel, 0, 0, None));
}

#[tokio::test]
async fn a_message_that_is_refused_holds_up_no_other() {
    let world = World::new().await;
    let (hook, _) = hears(&world, &["run_failed"], |rule| rule.repeat = "every".into()).await;
    let config = world.add_config(|input| input.kind = "config".into()).await;
    hook.answer("413 Too large");
    world.run(config).await;
    send(&world).await;
    world.run(config).await;
    send(&world).await;
    let states: Vec<_> = deliveries(&world).await.iter().map(|delivery| delivery.state).collect();
    assert_eq!(states, [DeliveryState::Sent, DeliveryState::Failed]);
    // A person may have it tried again.
    let failed = deliveries(&world).await.pop().unwrap();
    notify::retry(&world.engine, failed.id).await.unwrap();
    send(&world).await;
    assert_eq!(hook.posted().len(), 3);
    assert!(notify::retry(&world.engine, failed.id).await.is_err(), "it is sent");
}

#[tokio::test]
async fn a_channel_that_needs_a_person_is_sent_to_once_that_person_tested_it() {
    let world = World::new().await;
    let (hook, channel) = hears(&world, &["run_failed"], |_| {}).await;
    let config = world.add_config(|input| input.kind = "config".into()).await;
    hook.answer("401 Who");
    world.run(config).await;
    send(&world).await;
    let known = notify::list(&world.engine).await.unwrap().remove(0);
    assert!(known.paused_until.is_some() && known.waiting == 1, "{known:?}");
    assert!(notify::test(&world.engine, channel).await.unwrap().is_good);
    send(&world).await;
    assert_eq!(notify::list(&world.engine).await.unwrap()[0].waiting, 0);
    assert_eq!(hook.posted().len(), 3);
}

#[tokio::test]
async fn a_message_is_given_up_after_two_days() {
    let world = World::new().await;
    let (hook, _) = hears(&world, &["run_failed"], |rule| rule.repeat = "every".into()).await;
    let config = world.add_config(|input| input.kind = "config".into()).await;
    hook.always(Some("503 Busy"));
    world.run(config).await;
    world.run(config).await;
    send(&world).await;
    let long_ago = "UPDATE notify_delivery SET due_at = due_at - 172800001";
    execute(&world.engine.db, long_ago).await;
    unpause(&world).await;
    send(&world).await;
    let messages = deliveries(&world).await;
    assert!(!messages.is_empty() && messages.iter().all(|message| message.state == DeliveryState::Failed));
}

#[tokio::test]
async fn what_waited_for_too_long_is_not_sent_unless_a_person_wants_it() {
    let world = World::new().await;
    let (hook, _) = hears(&world, &["run_failed"], |_| {}).await;
    let config = world.add_config(|input| input.kind = "config".into()).await;
    let monitor = Hook::start().await;
    let heartbeat = ChannelInput {
        name: "monitor".into(),
        kind: "heartbeat".into(),
        secret_url: Secret::new(monitor.url("/ping/abc")),
        backup: config.to_string(),
        ..ChannelInput::default()
    };
    add(&world, &heartbeat).await;
    world.run(config).await;
    // It waits, and nothing was tried: no server was there.
    notify::once(&world.engine, now(), true).await.unwrap();
    let age =
        "UPDATE notify_delivery SET due_at = due_at - CASE WHEN rule = '' THEN 3600001 ELSE 172800001 END";
    execute(&world.engine.db, age).await;
    send(&world).await;
    assert_eq!((hook.posted().len(), monitor.posted().len()), (0, 0));
    let messages = deliveries(&world).await;
    assert_eq!(messages.len(), 3, "the message, and that the run began and ended");
    assert!(messages.iter().all(|message| message.state == DeliveryState::Failed), "{messages:?}");
    let message = messages.iter().find(|message| !message.rule.is_empty()).unwrap();
    assert!(message.attempts[0].answer.contains("too long"), "{message:?}");
    notify::retry(&world.engine, message.id).await.unwrap();
    send(&world).await;
    assert_eq!(hook.posted().len(), 1);
}

#[tokio::test]
async fn a_server_that_hangs_holds_up_no_backup_and_no_other_channel() {
    let world = World::new().await;
    let hung = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mail = ChannelInput {
        name: "hung".into(),
        host: "127.0.0.1".into(),
        port: hung.local_addr().unwrap().port().to_string(),
        security: "none".into(),
        from: "etiqa@example.com".into(),
        to: "noc@example.com".into(),
        own_network: true,
        ..ChannelInput::default()
    };
    let channel = add(&world, &mail).await;
    rule(&world, channel, &["run_failed"], |_| {}).await;
    let config = world.add_config(|input| input.kind = "config".into()).await;
    world.run(config).await;
    let engine = Arc::clone(&world.engine);
    let sending = tokio::spawn(async move { notify::send_now(&engine).await });
    let (held, _) = hung.accept().await.unwrap();

    let data = world.add_config(|input| (input.name, input.kind) = ("Rows".into(), "data".into())).await;
    assert_eq!(world.run(data).await.status, RunStatus::Completed);
    let hook = Hook::start().await;
    let other = add(&world, &web("webhook", &hook)).await;
    rule(&world, other, &["run_failed"], |rule| rule.name = "other".into()).await;
    world.run(config).await;
    send(&world).await;
    assert_eq!(hook.posted().len(), 1, "another channel has its message meanwhile");
    sending.abort();
    drop(held);
}

#[tokio::test]
async fn a_restored_instance_sends_nothing_until_somebody_confirms() {
    let world = World::new().await;
    let (hook, _) = hears(&world, &["run_failed"], |_| {}).await;
    execute(&world.engine.db, "INSERT INTO setting (name, value) VALUES ('restored_at', '1')").await;
    let config = world.add_config(|input| input.kind = "config".into()).await;
    world.run(config).await;
    send(&world).await;
    assert_eq!((hook.posted().len(), deliveries(&world).await.len()), (0, 0));
    pause::resume(&world.engine).await.unwrap();
    send(&world).await;
    assert_eq!(hook.posted().len(), 1, "nothing of it is lost");
}

#[tokio::test]
async fn what_nobody_is_told_of_is_not_noted() {
    let world = World::new().await;
    let config = world.add_config(|input| input.kind = "config".into()).await;
    world.run(config).await;
    let count = async || {
        let rows = sqlx::query("SELECT id FROM notify_notice").fetch_all(world.engine.db.reader()).await;
        rows.unwrap().len()
    };
    assert_eq!(count().await, 0);
    let closed = ChannelInput {
        name: "closed".into(),
        kind: "webhook".into(),
        secret_url: Secret::new("http://127.0.0.1:9/"),
        ..ChannelInput::default()
    };
    add(&world, &closed).await;
    world.run(config).await;
    assert_eq!(count().await, 2, "that it began, and that it ended");
    send(&world).await;
    assert_eq!(count().await, 0);
}
