//! Mails at a real server, however it protects its connections.

use std::sync::Arc;

use etiqa_engine::{Engine, Options, Role, notify};
use etiqa_model::Secret;
use etiqa_model::notify::{Channel, ChannelInput, ChannelTest, DeliveryState};

use crate::common::here;
use crate::common::world::World;
use crate::servers::{Certificate, Mail};
use crate::support::{add, deliveries, rule, send};

fn mail(server: &Mail, security: &str) -> ChannelInput {
    ChannelInput {
        name: "noc".into(),
        host: "127.0.0.1".into(),
        port: server.port.to_string(),
        security: security.into(),
        from: "etiqa@example.com".into(),
        to: "noc@example.com, ada@example.com".into(),
        own_network: true,
        ..ChannelInput::default()
    }
}

fn with_login(input: ChannelInput, password: &str) -> ChannelInput {
    ChannelInput { username: "etiqa".into(), password: Secret::new(password), ..input }
}

/// An engine that trusts an authority.
async fn trusting(certificate: &Certificate, folder: &tempfile::TempDir) -> Arc<Engine> {
    let options = Options {
        data_dir: folder.path().join("data"),
        ca_file: Some(certificate.file("ca.pem")),
        reach: here(),
        ..Options::default()
    };
    Engine::open(options, Role::Command).await.unwrap()
}

async fn tested(engine: &Engine, input: &ChannelInput) -> ChannelTest {
    let id = notify::save(engine, None, input).await.unwrap();
    notify::test(engine, id).await.unwrap()
}

#[tokio::test]
async fn a_mail_reaches_all_its_receivers_in_plain_text() {
    let server = Mail::start(&[]).await;
    let world = World::new().await;
    let channel = add(&world, &mail(&server, "none")).await;
    rule(&world, channel, &["run_failed"], |_| {}).await;
    let config =
        world.add_config(|input| (input.name, input.kind) = ("Täglich".into(), "config".into())).await;
    world.run(config).await;
    send(&world).await;
    let mails = server.mails();
    assert_eq!(mails.len(), 1);
    let mail = &mails[0];
    for line in [
        "X-From: etiqa@example.com",
        "X-To: noc@example.com,ada@example.com",
        "Auto-Submitted: auto-generated",
        "Content-Type: text/plain; charset=utf-8",
    ] {
        assert!(mail.contains(line), "{line}: {mail}");
    }
    assert!(mail.contains("Message-ID: <") && mail.contains("@example.com>"), "{mail}");
    assert!(mail.is_ascii(), "what is not ASCII is encoded: {mail}");
}

#[tokio::test]
async fn a_receiver_who_is_not_there_keeps_nobody_else_from_their_mail() {
    let server = Mail::start(&[]).await;
    let world = World::new().await;
    let input = ChannelInput { to: "nobody@example.com, ada@example.com".into(), ..mail(&server, "none") };
    let told = tested(&world.engine, &input).await;
    assert!(told.is_good && told.message.contains("does not take nobody@example.com"), "{}", told.message);
    assert!(server.mails()[0].contains("X-To: ada@example.com\n"));
    let none = ChannelInput { name: "none".into(), to: "nobody@example.com".into(), ..mail(&server, "none") };
    let told = tested(&world.engine, &none).await;
    assert!(
        !told.is_good && told.message.contains("550") && told.message.contains("No such user"),
        "{}",
        told.message
    );
}

/// How the first channel stands.
async fn standing(world: &World) -> Channel {
    notify::list(&world.engine).await.unwrap().remove(0)
}

#[tokio::test]
async fn whom_the_server_refuses_is_a_matter_of_the_channel_and_loses_no_message() {
    let server = Mail::start(&[]).await;
    for (from, to, why) in [
        ("stranger@example.com", "noc@example.com", "553"),
        ("etiqa@example.com", "nobody@example.com", "550"),
        // One that may be taken later decides, wherever it stands.
        ("etiqa@example.com", "later@example.com, nobody@example.com", "451"),
    ] {
        let world = World::new().await;
        let input = ChannelInput { from: from.into(), to: to.into(), ..mail(&server, "none") };
        let channel = add(&world, &input).await;
        rule(&world, channel, &["run_failed"], |_| {}).await;
        let config = world.add_config(|input| input.kind = "config".into()).await;
        world.run(config).await;
        send(&world).await;
        let known = standing(&world).await;
        assert_eq!((known.waiting, known.failures), (1, 1), "{why}: it waits for a person, or for a while");
        assert!(known.paused_until.is_some() && known.problem.unwrap().contains(why), "{why}");
        let before = server.mails().len();
        notify::save(&world.engine, Some(channel), &mail(&server, "none")).await.unwrap();
        send(&world).await;
        assert_eq!((server.mails().len(), standing(&world).await.problem), (before + 1, None), "{why}");
    }
}

#[tokio::test]
async fn a_text_that_the_server_refuses_holds_up_no_other_and_is_shown_until_one_is_taken() {
    let server = Mail::start(&[]).await;
    let world = World::new().await;
    let channel = add(&world, &mail(&server, "none")).await;
    rule(&world, channel, &["run_failed"], |rule| rule.title = "spam {{title}}".into()).await;
    let config = world.add_config(|input| input.kind = "config".into()).await;
    world.run(config).await;
    send(&world).await;
    assert_eq!(deliveries(&world).await[0].state, DeliveryState::Failed);
    let known = standing(&world).await;
    assert_eq!((known.waiting, known.failures, known.paused_until), (0, 0, None));
    assert!(known.problem.unwrap().contains("554"));
    assert!(notify::test(&world.engine, channel).await.unwrap().is_good);
    assert_eq!(standing(&world).await.problem, None);
}

#[tokio::test]
async fn a_receiver_who_is_put_off_is_told_from_one_who_is_not_there() {
    let server = Mail::start(&[]).await;
    let world = World::new().await;
    let to = "later@example.com, nobody@example.com, ada@example.com";
    let told = tested(&world.engine, &ChannelInput { to: to.into(), ..mail(&server, "none") }).await;
    assert!(told.is_good, "{}", told.message);
    for words in ["does not take nobody@example.com", "did not take just now later@example.com"] {
        assert!(told.message.contains(words), "{}", told.message);
    }
}

#[tokio::test]
async fn a_login_in_the_clear_leaves_no_network_of_ones_own() {
    let server = Mail::start(&[]).await;
    let world = World::new().await;
    let input = ChannelInput { host: "192.0.2.1".into(), ..mail(&server, "none") };
    let told = tested(&world.engine, &with_login(input, "mail-pass-7Qx")).await;
    assert!(!told.is_good && told.message.contains("in the clear"), "{}", told.message);
}

#[tokio::test]
async fn a_mail_goes_over_starttls_and_tls_to_a_server_that_is_trusted() {
    let (certificate, folder) = (Certificate::new(), tempfile::tempdir().unwrap());
    let engine = trusting(&certificate, &folder).await;
    let (cert, key) = (certificate.path("cert.pem"), certificate.path("key.pem"));
    for security in ["starttls", "tls"] {
        let server = Mail::start(&[security, &cert, &key, "auth"]).await;
        let input = with_login(mail(&server, security), "mail-pass-7Qx");
        let told = tested(&engine, &ChannelInput { name: security.into(), ..input.clone() }).await;
        assert!(told.is_good, "{security}: {}", told.message);
        assert_eq!(server.mails().len(), 1, "{security}");
        let refused = ChannelInput { name: format!("{security} wrong"), ..with_login(input, "wrong-pass") };
        let told = tested(&engine, &refused).await;
        assert!(!told.is_good && told.message.contains("refuses the login"), "{security}: {}", told.message);
        assert!(!told.message.contains("wrong-pass"), "{}", told.message);
    }
}

#[tokio::test]
async fn nothing_is_sent_to_a_server_that_nobody_vouches_for_or_that_offers_no_tls() {
    let certificate = Certificate::new();
    let (cert, key) = (certificate.path("cert.pem"), certificate.path("key.pem"));
    let world = World::new().await;
    for security in ["starttls", "tls"] {
        let server = Mail::start(&[security, &cert, &key]).await;
        let input = ChannelInput { name: security.into(), ..mail(&server, security) };
        let told = tested(&world.engine, &input).await;
        assert!(!told.is_good && told.message.contains("--ca-file"), "{security}: {}", told.message);
        assert_eq!(server.mails(), [] as [&str; 0], "{security}");
    }
    let plain = Mail::start(&[]).await;
    let told = tested(&world.engine, &mail(&plain, "starttls")).await;
    assert!(!told.is_good && told.message.contains("does not offer STARTTLS"), "{}", told.message);
    assert_eq!(plain.mails(), [] as [&str; 0]);
}
