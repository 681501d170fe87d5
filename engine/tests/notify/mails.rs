//! Mails at a real server, however it protects its connections.

use std::sync::Arc;

use etiqa_engine::{Engine, Options, Role, notify};
use etiqa_model::Secret;
use etiqa_model::notify::{ChannelInput, ChannelTest};

use crate::common::here;
use crate::common::world::World;
use crate::servers::{Certificate, Mail};
use crate::support::{add, rule, send};

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
