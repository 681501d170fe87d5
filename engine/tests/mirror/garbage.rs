//! Remotes that are no Git: garbage, lines without end, connections that break off. Each ends in one sentence.

use std::sync::Arc;
use std::time::Duration;

use etiqa_engine::backup::mirror::{PushError, PushErrorKind, RemoteLogin};
use etiqa_engine::collect::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::support::{Network, mirrored, remote};

const ZERO: &str = "0000000000000000000000000000000000000000";
const CAPABILITIES: &str = "report-status side-band-64k object-format=sha1 agent=git/evil";

fn line(data: &str) -> String {
    format!("{:04x}{data}", data.len() + 4)
}

/// The list of an empty repository.
fn empty() -> String {
    line("# service=git-receive-pack\n")
        + "0000"
        + &line(&format!("{ZERO} capabilities^{{}}\0{CAPABILITIES}\n"))
        + "0000"
}

fn side_band(band: u8, data: &str) -> String {
    line(&format!("{}{data}", char::from(band)))
}

/// What a server answers to the first request, then to the second one; and how it goes on.
#[derive(Clone)]
struct Script {
    answers: [Vec<u8>; 2],
    then: Then,
}

#[derive(Clone, Copy, PartialEq)]
enum Then {
    Close,
    /// Says nothing more, and keeps the connection.
    Hang,
    /// Says the same again for ever.
    Repeat,
}

/// A web server that reads a request's head and body and answers by its script.
async fn serve(script: Script) -> (u16, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let script = Arc::new(script);
    let task = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(answer(stream, Arc::clone(&script)));
        }
    });
    (port, task)
}

async fn answer(mut stream: TcpStream, script: Arc<Script>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await?;
    let is_first = head.starts_with("get ");
    let kind = if is_first { "advertisement" } else { "result" };
    let answer = &script.answers[usize::from(!is_first)];
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/x-git-receive-pack-{kind}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(answer).await?;
    stream.flush().await?;
    let is_scripted = !is_first || script.answers[1].is_empty();
    match script.then {
        Then::Hang if is_scripted => tokio::time::sleep(Duration::from_mins(10)).await,
        Then::Repeat if is_scripted => loop {
            stream.write_all(answer).await?;
        },
        _ => {}
    }
    Ok(())
}

async fn pushed(network: &Network, first: &[u8], second: &[u8], then: Then) -> PushError {
    let (port, task) = serve(Script { answers: [first.to_vec(), second.to_vec()], then }).await;
    let mut remote = remote(&format!("http://127.0.0.1:{port}/x.git"), RemoteLogin::default());
    remote.limits = Limits { step: Duration::from_secs(2), ..remote.limits };
    let error = network.push(&remote).await.unwrap_err();
    task.abort();
    assert!(error.message.ends_with('.') && error.message.chars().count() < 700, "{error}");
    assert!(!error.message.chars().any(char::is_control), "{:?}", error.message);
    error
}

#[tokio::test]
async fn a_list_that_is_none_is_told_apart() {
    let (network, _) = mirrored().await;
    let service = line("# service=git-receive-pack\n") + "0000";
    let many = |entry: &str| {
        service.clone() + &line(&format!("{ZERO} x\0{CAPABILITIES}")) + &line(entry).repeat(900_000)
    };
    for (what, bytes, kind) in [
        ("nothing", String::new(), PushErrorKind::Lost),
        ("a page", "<!DOCTYPE html><p>\u{1b}[31mhello\u{7}".into(), PushErrorKind::Unsupported),
        ("another service", line("# service=git-upload-pack\n") + "0000", PushErrorKind::Unsupported),
        ("half a line", service.clone() + "0040abc", PushErrorKind::Lost),
        ("no list", service.clone(), PushErrorKind::Lost),
        ("no id", service.clone() + &line("main is a fine branch\n") + "0000", PushErrorKind::Unsupported),
        (
            "a short id",
            service.clone() + &line("abcdef refs/heads/main\n") + "0000",
            PushErrorKind::Unsupported,
        ),
        ("a refusal", service.clone() + &line("ERR access denied\n") + "0000", PushErrorKind::NoRepository),
        ("five megabytes without an end", "A".repeat(5_000_000), PushErrorKind::Unsupported),
        (
            "a million branches",
            many(&format!("{} refs/heads/x\n", "1".repeat(40))),
            PushErrorKind::Unsupported,
        ),
        (
            "another kind of names",
            service.clone()
                + &line(&format!("{} x\0report-status object-format=sha256\n", "1".repeat(64)))
                + "0000",
            PushErrorKind::Unsupported,
        ),
        (
            "no reports",
            service.clone() + &line(&format!("{ZERO} capabilities^{{}}\0delete-refs\n")) + "0000",
            PushErrorKind::Unsupported,
        ),
    ] {
        let error = pushed(&network, bytes.as_bytes(), b"", Then::Close).await;
        assert_eq!(error.kind, kind, "{what}: {error}");
    }
}

#[tokio::test]
async fn a_report_that_is_none_is_no_success() {
    let (network, _) = mirrored().await;
    let ok = line("unpack ok\n") + &line("ok refs/heads/main\n") + "0000";
    let no = line("unpack ok\n") + &line("ng refs/heads/main \u{1b}[1mprotected\u{7} branch\n") + "0000";
    let busy = line("unpack ok\n") + &line("ng refs/heads/main failed to update ref\n") + "0000";
    for (what, bytes, kind) in [
        ("nothing", String::new(), PushErrorKind::Lost),
        (
            "no word of the branch",
            side_band(1, &(line("unpack ok\n") + "0000")) + "0000",
            PushErrorKind::Unsupported,
        ),
        ("another branch", side_band(1, &ok.replace("main", "evil")) + "0000", PushErrorKind::Unsupported),
        (
            "a broken disk",
            side_band(1, &ok.replace("unpack ok", "unpack no")) + "0000",
            PushErrorKind::Remote,
        ),
        ("a rule", side_band(1, &no) + "0000", PushErrorKind::Declined),
        ("a race", side_band(1, &busy) + "0000", PushErrorKind::Busy),
        ("an end in its middle", side_band(1, &ok[..10]) + "0000", PushErrorKind::Unsupported),
        ("a fatal word", side_band(3, "out of memory\n"), PushErrorKind::Remote),
        ("no band", side_band(9, &ok) + "0000", PushErrorKind::Unsupported),
        ("no side band at all", ok.clone(), PushErrorKind::Unsupported),
        ("words and an end", side_band(2, "going down\n"), PushErrorKind::Lost),
    ] {
        let error = pushed(&network, empty().as_bytes(), bytes.as_bytes(), Then::Close).await;
        assert_eq!(error.kind, kind, "{what}: {error}");
    }
}

#[tokio::test]
async fn a_remote_that_hangs_or_never_ends_is_given_up() {
    let (network, _) = mirrored().await;
    let error = pushed(&network, b"", b"", Then::Hang).await;
    assert_eq!(error.kind, PushErrorKind::Timeout, "{error}");
    let chatter = side_band(2, &"still at it ".repeat(4_000));
    let error = pushed(&network, empty().as_bytes(), chatter.as_bytes(), Then::Hang).await;
    assert_eq!(error.kind, PushErrorKind::Timeout, "{error}");
    let error = pushed(&network, empty().as_bytes(), chatter.as_bytes(), Then::Repeat).await;
    assert_eq!(error.kind, PushErrorKind::Unsupported, "{error}");
    let endless = line(&format!("{} refs/heads/x\n", "1".repeat(40))).repeat(1_000);
    let begin = line("# service=git-receive-pack\n") + "0000" + &endless;
    let error = pushed(&network, begin.as_bytes(), b"", Then::Repeat).await;
    assert_eq!(error.kind, PushErrorKind::Unsupported, "{error}");
}

#[tokio::test]
async fn what_is_no_ssh_is_said() {
    let (network, _) = mirrored().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.write_all(&b"x".repeat(5_000_000)).await;
        }
    });
    let mut remote = remote(&format!("ssh://git@127.0.0.1:{port}/x.git"), RemoteLogin::default());
    remote.limits = Limits { connect: Duration::from_secs(2), ..remote.limits };
    let error = network.push(&remote).await.unwrap_err();
    task.abort();
    assert!(!error.kind.is_permanent(), "{error}");
    assert!(error.message.chars().count() < 300, "{error}");
}
