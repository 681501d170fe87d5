//! Pushes over HTTP and HTTPS with Git's own backend behind the server.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, OnceLock};

use etiqa_engine::backup::mirror::{PushErrorKind, Remote, RemoteLogin};
use etiqa_engine::collect::Trust;
use etiqa_model::Secret;
use http_body_util::Full;
use hyper::Response;

use crate::server::{GitServer, TOKEN, USER, status};
use crate::support::{foreign_commit, git, is_sound, mirrored, remote};

fn login(password: &str) -> RemoteLogin {
    RemoteLogin {
        username: Some(USER.into()),
        password: Some(Secret::new(password)),
        ..RemoteLogin::default()
    }
}

fn to(server: &GitServer) -> Remote {
    remote(&server.url("/configs.git"), login(TOKEN))
}

#[tokio::test]
async fn a_token_pushes_every_commit() {
    let (network, id) = mirrored().await;
    let server = GitServer::start().await;
    let pushed = network.push(&to(&server)).await.unwrap();
    assert_eq!(git(&server.repository(), &["rev-parse", "main"]).trim(), pushed.commit.as_str());
    assert!(network.push(&to(&server)).await.unwrap().was_there);
    network.give(id, "running", "hostname core-2\n").await;
    network.mirror().await.unwrap();
    assert!(!network.push(&to(&server)).await.unwrap().was_there);
    is_sound(&server.repository());
    assert_eq!(git(&server.repository(), &["rev-list", "--count", "main"]).trim(), "2");
    // The login goes with the first request already, and nothing is sent where there is nothing to send.
    let asked = server.asked();
    assert!(asked.iter().all(|asked| asked.ends_with(" true")), "{asked:?}");
    assert_eq!(asked.iter().filter(|asked| asked.starts_with("POST ")).count(), 2, "{asked:?}");
}

#[tokio::test]
async fn https_asks_for_a_certificate_that_is_trusted_before_the_login_is_sent() {
    let (network, _) = mirrored().await;
    let (server, authority) = GitServer::start_tls().await;
    let error = network.push(&to(&server)).await.unwrap_err();
    assert_eq!(error.kind, PushErrorKind::Certificate, "{error}");
    assert!(error.message.contains("no authority that this program knows has signed it"), "{error}");
    assert!(server.asked().is_empty());

    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(authority.as_bytes()).unwrap();
    let mut remote = to(&server);
    remote.trust = Arc::new(Trust::with_ca_file(file.path()).unwrap());
    network.push(&remote).await.unwrap();
    is_sound(&server.repository());

    // By a name that is not in it.
    let mut other = remote.clone();
    let url = server.url("/configs.git").replace("127.0.0.1", "localhost");
    other.address = etiqa_engine::backup::mirror::Address::parse(&url).unwrap();
    let error = network.push(&other).await.unwrap_err();
    assert!(error.message.contains("it is for another address"), "{error}");
}

#[tokio::test]
async fn a_wrong_password_and_none_are_refused_and_stay_secret() {
    let (network, _) = mirrored().await;
    let server = GitServer::start().await;
    for login in [login("wr0ng-token"), RemoteLogin::default()] {
        let error = network.push(&remote(&server.url("/configs.git"), login)).await.unwrap_err();
        assert_eq!(error.kind, PushErrorKind::Login);
        assert!(error.message.contains("(401)"), "{error}");
        let printed = format!("{error:?} {:?}", to(&server));
        assert!(!printed.contains("wr0ng") && !printed.contains(TOKEN), "{printed}");
    }
}

#[tokio::test]
async fn a_hook_that_declines_is_heard() {
    let (network, _) = mirrored().await;
    let server = GitServer::start().await;
    let hook = server.repository().join("hooks/pre-receive");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::write(&hook, "#!/bin/sh\necho \"GL-HOOK-ERR: sign your commits\" >&2\nexit 1\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let error = network.push(&to(&server)).await.unwrap_err();
    assert_eq!(error.kind, PushErrorKind::Declined);
    assert!(error.message.ends_with("it says “GL-HOOK-ERR: sign your commits”."), "{error}");
}

#[tokio::test]
async fn a_branch_of_somebody_else_is_not_written_over() {
    let (network, id) = mirrored().await;
    let server = GitServer::start().await;
    network.push(&to(&server)).await.unwrap();
    foreign_commit(&server.repository(), server.folder());
    network.give(id, "running", "hostname core-2\n").await;
    network.mirror().await.unwrap();
    let error = network.push(&to(&server)).await.unwrap_err();
    assert_eq!(error.kind, PushErrorKind::Diverged);
    assert!(!server.asked().last().unwrap().starts_with("POST"), "nothing was sent");
}

#[tokio::test]
async fn a_repository_that_is_not_there_or_may_not_be_pushed_to_is_said() {
    let (network, _) = mirrored().await;
    let server = GitServer::start().await;
    let error = network.push(&remote(&server.url("/missing.git"), login(TOKEN))).await.unwrap_err();
    assert_eq!(error.kind, PushErrorKind::NoRepository);
    assert!(error.message.contains("/missing.git") && error.message.contains("(404)"), "{error}");
    git(&server.repository(), &["config", "http.receivepack", "false"]);
    let error = network.push(&to(&server)).await.unwrap_err();
    assert_eq!(error.kind, PushErrorKind::Login);
    assert!(error.message.contains("(403)"), "{error}");
}

#[tokio::test]
async fn statuses_say_whether_a_retry_makes_sense() {
    let (network, _) = mirrored().await;
    let server = GitServer::start_with(None, |request| {
        let code = request.uri().path().split('/').nth(1)?.parse().ok()?;
        Some(status(code))
    })
    .await;
    for (code, kind) in [
        (404, PushErrorKind::NoRepository),
        (413, PushErrorKind::Declined),
        (418, PushErrorKind::Unsupported),
        (429, PushErrorKind::Remote),
        (500, PushErrorKind::Remote),
        (503, PushErrorKind::Remote),
    ] {
        let error =
            network.push(&remote(&server.url(&format!("/{code}/x.git")), login(TOKEN))).await.unwrap_err();
        assert_eq!((error.kind, error.kind.is_permanent()), (kind, code < 429), "{error}");
    }
    let page = GitServer::start_with(None, |_| {
        Some(
            Response::builder()
                .header("content-type", "text/html")
                .body(Full::from("<h1>Sign in</h1>"))
                .unwrap(),
        )
    })
    .await;
    let error = network.push(&to(&page)).await.unwrap_err();
    assert_eq!(error.kind, PushErrorKind::NoRepository);
    assert!(error.message.contains("text/html"), "{error}");
}

/// Where a server sends on to that is another one.
static OTHER: OnceLock<String> = OnceLock::new();

#[tokio::test]
async fn a_redirect_is_followed_within_a_server_and_the_login_goes_to_no_other() {
    let (network, _) = mirrored().await;
    let within = GitServer::start_with(None, |request| {
        let rest = request.uri().path().strip_prefix("/old/")?;
        let to = format!("/{rest}?{}", request.uri().query().unwrap_or_default());
        Some(Response::builder().status(301).header("location", to).body(Full::default()).unwrap())
    })
    .await;
    network.push(&remote(&within.url("/old/configs.git"), login(TOKEN))).await.unwrap();
    is_sound(&within.repository());

    // Another port is another server.
    let other = GitServer::start().await;
    OTHER.set(other.url("/configs.git/info/refs")).unwrap();
    let away = GitServer::start_with(None, |_| {
        let to = OTHER.get().unwrap().as_str();
        Some(Response::builder().status(302).header("location", to).body(Full::default()).unwrap())
    })
    .await;
    let error = network.push(&to(&away)).await.unwrap_err();
    assert_eq!(error.kind, PushErrorKind::NoRepository);
    assert!(error.message.contains("sends on to http://127.0.0.1:"), "{error}");
    assert!(other.asked().is_empty());
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    let (network, _) = mirrored().await;
    let server = GitServer::start().await;
    let remote = to(&server);
    drop(server);
    tokio::task::yield_now().await;
    let error = network.push(&remote).await.unwrap_err();
    assert_eq!(error.kind, PushErrorKind::Unreachable, "{error}");
    assert!(error.message.contains("cannot be reached"), "{error}");
}
