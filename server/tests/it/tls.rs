//! TLS of the server's own.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use etiqa_engine::hex::sha256_hex;
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http2;
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::harness::{Server, World, until};

/// A certificate for `localhost` and its key, in PEM form.
fn pair() -> (String, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate =
        rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem())
}

/// A browser that trusts these certificates, and speaks these protocols.
async fn connect(server: &Server, trusted: &str, alpn: &[&str]) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(trusted.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

/// The SHA-256 of the certificate that the server shows to who trusts `trusted`; none where it shows another one.
async fn shown(server: &Server, trusted: &str) -> Option<String> {
    let stream = connect(server, trusted, &[]).await.ok()?;
    Some(sha256_hex(&stream.get_ref().1.peer_certificates().unwrap()[0]))
}

async fn start(world: &World, options: &[&str]) -> Server {
    Server::start(world.command(["serve", "--listen", "127.0.0.1:0"].iter().chain(options))).await
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test]
async fn a_self_signed_certificate_is_made_once_and_its_fingerprint_printed() {
    let world = World::new();
    let server = start(&world, &["--tls-self-signed"]).await;
    let pem = std::fs::read_to_string(world.data().join("tls/self-signed.pem")).unwrap();
    let certificate = shown(&server, &pem).await.unwrap();
    let said =
        until("the fingerprint", async || server.said().contains("SHA-256").then(|| server.said())).await;
    let printed =
        said.split_once("SHA-256 ").unwrap().1.lines().next().unwrap().replace(':', "").to_lowercase();
    assert_eq!(printed, certificate);
    let code = server.setup_code().await;
    assert!(server.said().contains(&format!("https://{}/setup with the code {code}", server.address())));
    assert_eq!(server.stop().await.0, Some(0));

    let server = start(&world, &["--tls-self-signed"]).await;
    assert_eq!(shown(&server, &pem).await, Some(certificate), "it is the same one");
    server.stop().await;
}

#[tokio::test]
async fn the_certificate_is_followed_when_its_files_change_and_a_bad_one_is_not_used() {
    let world = World::new();
    let (first, second) = (pair(), pair());
    let (certificate, key) = (world.file("chain.pem", &first.0), world.file("key.pem", &first.1));
    let server = start(&world, &["--tls-cert", text(&certificate), "--tls-key", text(&key)]).await;
    assert!(shown(&server, &first.0).await.is_some());

    world.file("chain.pem", &second.0);
    until("the word about half a pair", async || server.said().contains("does not belong").then_some(()))
        .await;
    assert!(shown(&server, &first.0).await.is_some(), "the one before stays");
    world.file("key.pem", &second.1);
    until("the new certificate", async || shown(&server, &second.0).await).await;

    world.file("chain.pem", "-----BEGIN CERTIFICATE-----\nnonsense\n");
    until("the word about nonsense", async || server.said().contains("in PEM form").then_some(())).await;
    assert!(shown(&server, &second.0).await.is_some());
    server.stop().await;
}

#[tokio::test]
async fn pages_and_the_live_stream_come_over_http_2() {
    let world = World::new();
    let token = world.token("viewer").await;
    let (certificate, key) = pair();
    let (chain, private) = (world.file("chain.pem", &certificate), world.file("key.pem", &key));
    let server = start(&world, &["--tls-cert", text(&chain), "--tls-key", text(&private)]).await;
    let stream = connect(&server, &certificate, &["h2", "http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let ask = |path: &str| {
        let request = Request::get(format!("https://localhost{path}"))
            .header("authorization", format!("Bearer {token}"));
        request.body(Empty::<Bytes>::new()).unwrap()
    };

    let mut live = sender.send_request(ask("/events")).await.unwrap().into_body();
    let hello = live.frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(hello.starts_with(b"event: hello"), "{hello:?}");
    let answer = sender.send_request(ask("/backup/status")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let transport = answer.headers()["strict-transport-security"].to_str().unwrap();
    assert!(transport.starts_with("max-age="), "{transport}");
    world.add_backup("Nightly", "data").await;
    let toggle = Request::post("https://localhost/backup/config/1/toggle");
    let foreign = toggle.header("origin", "https://evil.example").body(Empty::<Bytes>::new()).unwrap();
    assert_eq!(sender.send_request(foreign).await.unwrap().status(), StatusCode::FORBIDDEN);
    assert_eq!(server.stop().await.0, Some(0), "the open stream holds nothing up");
}

#[tokio::test]
async fn a_session_of_https_has_a_cookie_that_goes_over_nothing_else() {
    let world = World::new();
    world.add_user("ada", "admin").await;
    let server = start(&world, &["--tls-self-signed"]).await;
    let pem = std::fs::read_to_string(world.data().join("tls/self-signed.pem")).unwrap();
    let ask = async |request: String| {
        let mut stream = connect(&server, &pem, &["http/1.1"]).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    };
    let sign_in = |origin: &str| {
        let body = format!("name=ada&password={}", World::password_of("ada"));
        format!(
            "POST /rpc/sign_in HTTP/1.1\r\nHost: localhost\r\nOrigin: {origin}\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let refused = ask(sign_in("http://localhost")).await;
    assert!(refused.starts_with("HTTP/1.1 403"), "a page of plain HTTP is none of ours: {refused}");
    let answer = ask(sign_in("https://localhost")).await;
    let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    assert!(cookie.starts_with("__Host-etiqa_session=") && cookie.contains("; Secure"), "{cookie}");
    assert!(
        cookie.contains("; Path=/") && cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Strict"),
        "{cookie}"
    );
    let session = cookie.split(';').next().unwrap();
    let status = |cookie: &str| {
        format!(
            "GET /backup/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: {cookie}\r\n\r\n"
        )
    };
    assert!(ask(status(session)).await.starts_with("HTTP/1.1 200"));
    let renamed = session.replace("__Host-", "");
    assert!(ask(status(&renamed)).await.starts_with("HTTP/1.1 401"), "another name is no session over HTTPS");
    server.stop().await;
}

#[tokio::test]
async fn plain_http_at_the_port_of_https_is_led_to_it() {
    let world = World::new();
    let server = start(&world, &["--tls-self-signed"]).await;
    let plain = server.stranger().get("/devices?site=a").await.with_status(307);
    assert_eq!(plain.header("location"), format!("https://{}/devices?site=a", server.address()));
    assert!(plain.text().contains("https://"), "{}", plain.text());
    server.stranger().post("/rpc/whoami").await.with_status(400);
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(b"\x80\x01 no protocol at all").await.unwrap();
    let read = tokio::time::timeout(Duration::from_mins(1), stream.read_to_end(&mut Vec::new())).await;
    assert!(read.is_ok(), "it is closed");
    server.stop().await;
}

#[tokio::test]
async fn what_does_not_go_together_is_said_before_anything_is_served() {
    let world = World::new();
    let (first, second) = (pair(), pair());
    let (certificate, key) = (world.file("chain.pem", &first.0), world.file("key.pem", &second.1));
    let (certificate, key) = (text(&certificate), text(&key));
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    for (options, sentence) in [
        (&["--tls-cert", certificate][..], "--tls-cert and --tls-key go together"),
        (&["--tls-cert", certificate, "--tls-key", key], "does not belong to the certificate"),
        (&["--tls-cert", key, "--tls-key", key], "holds no certificate in PEM form"),
        (&["--tls-cert", certificate, "--tls-key", certificate], "holds no private key in PEM form"),
        (&["--tls-cert", "/no/such", "--tls-key", key], "cannot be read"),
        (&["--tls-cert", certificate, "--tls-key", key, "--tls-self-signed"], "Choose either"),
        (&["--trusted-proxy", "nas.lan"], "is no network for --trusted-proxy"),
        (&["--reach", "10.0.0.0/99"], "is no network for --reach"),
        (&["--public-url", "etiqa.example"], "is not an address for --public-url"),
    ] {
        let refused = world.etiqa(serve.iter().chain(options)).await.failed();
        assert!(refused.stderr.contains(sentence), "{options:?}: {}", refused.stderr);
    }
}

#[tokio::test]
async fn a_listener_that_others_reach_without_tls_is_warned_about() {
    let world = World::new();
    let warning = "cross the network unencrypted";
    for (listen, options, is_warned) in [
        ("0.0.0.0:0", &["--tls-self-signed"][..], false),
        ("0.0.0.0:0", &[], true),
        ("0.0.0.0:0", &["--trusted-proxy", "10.0.0.1"], false),
        ("127.0.0.1:0", &[], false),
    ] {
        let server = Server::start(world.command(["serve", "--listen", listen].iter().chain(options))).await;
        let said = server.stop().await.1;
        assert_eq!(said.contains(warning), is_warned, "{listen} {options:?}: {said}");
    }
}
